"""Sums of rows with Gaussian noise, and the readout that is solved from them: sufficient statistics perturbation.

    A = sum x x^T,  B = sum x t^T,    of rows cut to |x| <= r, with t the unit vector of the class
    A + N, B + M:    N symmetric, N_ij ~ N(0, sigma^2) off the diagonal and N(0, 2 sigma^2) on it;  M_ij ~ N(0, sigma^2)
    W^T = (P(A + N) + ridge I)^-1 (B + M),    ridge = sigma sqrt(d) / 2

with sigma of `sarto.learn.gaussian_mechanism`, P the nearest positive semi-definite matrix, and d features. All that
follows the noise costs nothing of the promise; so the ridge comes from the noise alone (its largest eigenvalue is about
2 sigma sqrt(d)), and never from the data. Neither the number of rows nor that of a class is released, and there is no
intercept: where one is needed, a constant is a feature.

Noise is added once, by a server or after sums were unmasked (central), or by each of K clients to what it sends
(local), which then adds up to sigma sqrt(K); under masks each of at least K clients adds sigma / sqrt(K), and the
server sees the sum with all of the noise. Local noise hides a row from everybody. Central noise hides it from who sees
the readout, and not from who adds it.

Numbers come from the operating system's source of randomness. The promise is for real numbers; that doubles are not may
in principle tell something (Mironov, CCS 2012), as may how long a computation takes.

Source: Vu and Slavkovic, "Differential privacy for clinical trial data", ICDM workshops 2009; Wang, "Revisiting
differentially private linear regression", UAI 2018 (a ridge against the noise); Dwork et al., "Analyze Gauss", STOC
2014.

>>> x, y = np.eye(2)[[0, 1] * 500], np.array(["a", "b"] * 500)
>>> promise = Promise(epsilon=1.0, delta=1e-5)
>>> sums = Perturbed.of_rows(x, y, ("a", "b"), promise.radius).noised(promise)
>>> (sums.solve().predict(np.eye(2)) > 0.4).tolist()
[[True, False], [False, True]]
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Num, Shaped
from scipy.special import ndtri

from sarto.learn._packing import symmetric
from sarto.learn.gaussian_mechanism import Promise
from sarto.learn.kind import Label
from sarto.learn.ridge import RidgeSolution
from sarto.learn.statistics import RidgeStatistics, coded_targets
from sarto.models.input_error import InputError


@dataclass(frozen=True, eq=False)
class Perturbed:
    """Sums of rows, with the noise that is in them.

    Attributes:
        A: sum of x x^T.
        B: sum of x for each class.
        variance: sigma^2 of all noise that was added.
        radius: r.
    """

    A: Float[np.ndarray, "feature feature"]
    B: Float[np.ndarray, "feature output"]
    variance: float
    radius: float

    @staticmethod
    def of_rows(
        features: Num[np.ndarray, "item feature"],
        labels: Shaped[np.ndarray, " item"],
        classes: Sequence[Label],
        radius: float = 1.0,
    ) -> Perturbed:
        """Return the sums of rows, without noise yet.

        Args:
            features: one row per item; those longer than `radius` are cut to it.
            labels: of each row.
            classes: every label there may be, known to all beforehand.
            radius: r, known to all beforehand.

        Raises:
            InputError: E105 (NaN or infinite), E116 (a label that is not in `classes`).
        """
        x = cut_to(features, radius)
        A = x.T @ x
        return Perturbed((A + A.T) / 2, x.T @ (coded_targets(labels, classes) > 0), 0.0, radius)

    @staticmethod
    def of_statistics(statistics: RidgeStatistics, radius: float) -> Perturbed:
        """Return the sums of the rows of statistics of classes, without noise yet.

        Args:
            statistics: of rows that were cut to `radius`, see `cut_to`.
            radius: r.
        """
        s = statistics
        assert s.classes is not None, "targets are classes"
        A = s.C_xx + s.weight * np.outer(s.mean_x, s.mean_x)
        coded = s.C_xy + s.weight * np.outer(s.mean_x, s.mean_y)  # of targets that are +1 and -1
        return Perturbed(A, (coded + s.weight * s.mean_x[:, None]) / 2, 0.0, radius)

    def __add__(self, other: Perturbed) -> Perturbed:
        """Return the sums of both sets of rows, with the noise of both.

        Raises:
            InputError: E169, when their radius or sizes differ.
        """
        if (self.radius, self.B.shape) != (other.radius, other.B.shape):
            raise InputError(
                "E169",
                f"sums of {self.B.shape} numbers and radius {self.radius:g}, and of {other.B.shape} and "
                f"{other.radius:g}",
                cause="only sums of the same features and classes, cut to the same radius, add up",
            )
        return Perturbed(self.A + other.A, self.B + other.B, self.variance + other.variance, self.radius)

    def noised(
        self, promise: Promise, random: np.random.Generator | None = None, *, parts: int = 1
    ) -> Perturbed:
        """Return the sums with the noise of a promise, or with a part of it.

        Args:
            promise: for rows within this radius.
            random: draws the noise in experiments; None, as it has to be where something is promised, takes that of
                the operating system.
            parts: how many clients at least add such a part to a masked sum.

        Raises:
            InputError: E169, when the radius of the promise is smaller than the one that rows were cut to.
        """
        if promise.radius < self.radius:
            raise InputError(
                "E169",
                f"a promise for rows of radius {promise.radius:g}",
                cause=f"these are cut to {self.radius:g}",
                hint="cut rows to the radius of the promise",
            )
        (d, outputs), sigma = self.B.shape, promise.sigma / math.sqrt(parts)
        drawn = sigma * _normal(d * (d + 1) // 2 + d * outputs, random)
        upper, M = np.split(drawn, [d * (d + 1) // 2])
        N = symmetric(upper, d)
        N[np.diag_indices(d)] *= math.sqrt(2)
        return Perturbed(self.A + N, self.B + M.reshape(d, outputs), self.variance + sigma**2, self.radius)

    @property
    def vector(self) -> Float[np.ndarray, " value"]:
        """The triangle of A and B, row by row: the numbers of a masked sum."""
        return np.concatenate([self.A[np.triu_indices(len(self.A))], self.B.reshape(-1)])

    def with_vector(self, vector: Float[np.ndarray, " value"], variance: float) -> Perturbed:
        """Return sums of the sizes of these: those of a masked sum of `vector`, with the variance of all its noise."""
        d = len(self.A)
        upper, B = np.split(vector, [d * (d + 1) // 2])
        return Perturbed(symmetric(upper, d), B.reshape(self.B.shape), variance, self.radius)

    def solve(self, ridge: float | None = None) -> RidgeSolution:
        """Return the readout; the class with the largest score wins.

        Args:
            ridge: None takes it from the noise. Any other has to come from elsewhere than these data.

        Raises:
            InputError: E116, when it is None and there is no noise.
        """
        if ridge is None:
            ridge = math.sqrt(self.variance * len(self.A)) / 2
        if not ridge > 0:
            raise InputError(
                "E116", f"ridge = {ridge!r}", cause="sums without noise do not tell it", hint="give one"
            )
        values, vectors = np.linalg.eigh(self.A)
        inverse = vectors / (np.maximum(values, 0.0) + ridge)
        weights = np.ascontiguousarray((inverse @ (vectors.T @ self.B)).T)
        return RidgeSolution(weights, np.zeros(len(weights)), ridge, "eigen", int((values > 0).sum()))


def cut_to(features: Num[np.ndarray, "item feature"], radius: float) -> Float[np.ndarray, "item feature"]:
    """Return rows in float64, those longer than `radius` cut to it.

    Raises:
        InputError: E105 (NaN or infinite).

    >>> cut_to(np.array([[3.0, 4.0], [0.3, 0.4]]), 1.0).round(12).tolist()
    [[0.6, 0.8], [0.3, 0.4]]
    """
    x = features.astype(np.float64)
    if not np.isfinite(x).all():
        raise InputError("E105", "features have missing or infinite values", hint="leave such rows out")
    length = np.linalg.norm(x, axis=1, keepdims=True)
    return x * np.minimum(1.0, radius / np.maximum(length, np.finfo(np.float64).tiny))


def _normal(count: int, random: np.random.Generator | None) -> Float[np.ndarray, " value"]:
    """Return standard normal numbers, from the operating system's randomness where no generator is given."""
    if random is not None:
        return random.normal(size=count)
    uniform = (np.frombuffer(os.urandom(8 * count), np.uint64) >> np.uint64(11)) + 0.5
    return np.asarray(ndtri(uniform * 2.0**-53), np.float64)
