"""How much Gaussian noise makes sums of rows differentially private: the least deviation that keeps the promise.

A mechanism is (epsilon, delta)-differentially private when for any two neighbouring sets of rows, one of which may have
a row more than the other, and any set S of answers

    P[answer for one in S] <= e^epsilon P[answer for the other in S] + delta

Noise N(0, sigma^2) on every number of a sum does that, if no two neighbours' sums lie further apart than D, exactly
where

    Phi(D / (2 sigma) - epsilon sigma / D) - e^epsilon Phi(-D / (2 sigma) - epsilon sigma / D) <= delta

The usual sigma = D sqrt(2 ln(1.25 / delta)) / epsilon is larger than that where epsilon is at most 1, and for large
ones too small: there it promises nothing.

The sums are, of rows of features x with |x| <= r and targets t with |t| <= 1 (one output is 1 and the others are 0, for
classes), B = sum x t^T and the triangle of A = sum x x^T with its diagonal over sqrt 2, the square of whose length is
|x|^4 / 2. What lies between neighbours is at most

    a row more or less:    D^2 = r^4 / 2 + r^2
    a row replaced:        D = r^2 + 1 for r >= 1, else 2 r     (two rows of one class and of cosine -1 / r^2, or -1)

m times as much for m rows that are protected together, as those of one person, and sqrt k times for k releases of the
same rows.

Source: Balle and Wang, "Improving the Gaussian mechanism for differential privacy", ICML 2018, theorem 8; Dong, Roth
and Su, "Gaussian differential privacy", JRSS B 2022, corollary 3.3 (k releases). D follows from <x x^T, z z^T> = (x .
z)^2.

>>> round(noise_multiplier(1.0, 1e-5), 4), round(noise_multiplier(10.0, 1e-5), 4)
(3.7306, 0.4999)
>>> promise = Promise(epsilon=1.0, delta=1e-5)
>>> round(promise.distance**2, 9), round(promise.sigma, 3)
(1.5, 4.569)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from typing import Literal

from scipy.special import log_ndtr

from sarto.models.input_error import InputError

Neighbours = Literal["added", "replaced"]
_WIDEST, _STEPS = 20.0, 60
"""Noise multipliers are looked for between e^-20 and e^20, and halved so often."""


@dataclass(frozen=True)
class Promise:
    """What is promised of released sums, of rows that are no longer than `radius`.

    Attributes:
        epsilon: above 0.
        delta: between 0 and 1; much less than one over the number of rows.
        radius: r; longer rows are cut to it.
        rows: m, protected together; 1 is the single example.
        releases: k, sums of the same rows that are released, each with this noise.
        neighbours: whether a neighbour has a row more or less, or another in its place.
    """

    epsilon: float
    delta: float
    radius: float = 1.0
    rows: int = 1
    releases: int = 1
    neighbours: Neighbours = "added"

    def __post_init__(self) -> None:
        sound = 0 < self.epsilon < math.inf and 0 < self.delta < 1 and 0 < self.radius < math.inf
        if not sound or min(self.rows, self.releases) < 1:
            raise InputError(
                "E169",
                f"epsilon {self.epsilon:g}, delta {self.delta:g}, radius {self.radius:g}, {self.rows} rows, "
                f"{self.releases} releases",
                cause="epsilon and radius are above 0, delta is between 0 and 1, rows and releases are at least 1",
                hint="usual are an epsilon of 1 to 10 and a delta of 1e-5",
            )

    @property
    def distance(self) -> float:
        """D, of all releases together."""
        r = self.radius
        if self.neighbours == "added":
            single = math.sqrt(r**4 / 2 + r**2)
        else:
            single = r**2 + 1 if r >= 1 else 2 * r
        return self.rows * math.sqrt(self.releases) * single

    @property
    def sigma(self) -> float:
        """Deviation of the noise of each release."""
        return self.distance * noise_multiplier(self.epsilon, self.delta)


def least_delta(epsilon: float, multiplier: float) -> float:
    """Return the least delta that noise of deviation `multiplier` times D promises with `epsilon`."""
    half, shift = 1 / (2 * multiplier), epsilon * multiplier
    first, second = float(log_ndtr(half - shift)), epsilon + float(log_ndtr(-half - shift))
    return -math.exp(first) * math.expm1(min(second - first, 0.0))


@cache
def noise_multiplier(epsilon: float, delta: float) -> float:
    """Return the least sigma / D that promises (`epsilon`, `delta`), to rounding and not below it; by bisection."""
    least, most = -_WIDEST, _WIDEST
    for _ in range(_STEPS):
        middle = (least + most) / 2
        if least_delta(epsilon, math.exp(middle)) <= delta:
            most = middle
        else:
            least = middle
    return math.exp(most)
