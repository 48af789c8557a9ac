"""How many faults tell enough, which ones, and how sure one is: sizes, draws, intervals, and when to stop.

A share p of N faults, of which n are drawn without putting back, is known to +-e at a confidence with quantile t from

    n = N / (1 + e^2 (N - 1) / (t^2 p (1 - p)))

with p = 1/2 where nothing is known. The interval of k of n is Wilson's, with n' = n (N - 1) / (N - n) in place of n:
at the n above its half-width is e, and it closes where every fault was seen.

To look at the interval after each batch and to stop once it is narrow enough stops too often where the draw was lucky,
and so covers less than it says. Here the K sizes at which one looks (each twice the one before) are fixed beforehand,
and the interval of each look has the confidence 1 - (1 - confidence) / K: all K hold together with `confidence` at
least, and so does that at which one stops, whatever made one stop.

Source: Leveugle et al., "Statistical fault injection: quantified error and confidence", DATE 2009, equation 4; Wilson,
JASA 22, 1927; Zou and Donner, Statistics in Medicine 27, 2008 (sums of shares by strata).

>>> sample_size(38_160 * 32), sample_size(38_160 * 32, confidence=0.95), sample_size(38_160 * 32, 0.05, 0.95)
(16417, 9529, 384)
>>> [round(bound, 4) for bound in interval(3, 384, 1_000_000, 0.95)]
[0.0027, 0.0227]
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
from jaxtyping import Int64

from sarto.core.seed import generator

FIRST_LOOK = 64
"""Faults of a stratum before its first look: fewer cannot bring a 99 % interval under 5 %."""
By = Literal["network", "layer", "bit", "layer and bit"]
"""What has a sample of its own: everything at once, each layer, each bit position, or each bit of each layer."""


def quantile(confidence: float) -> float:
    """Return t of a two-sided confidence, rounded up to two digits as in the published sizes: 2.58 for 99 %.

    >>> quantile(0.99), quantile(0.95)
    (2.58, 1.96)
    """
    assert 0 < confidence < 1, "a confidence lies between 0 and 1"
    return math.ceil(100 * NormalDist().inv_cdf((1 + confidence) / 2)) / 100


def sample_size(population: int, error: float = 0.01, confidence: float = 0.99, p: float = 0.5) -> int:
    """Return how many of `population` faults to draw; at least one of any."""
    assert population >= 0 and 0 < error < 1 and 0 < p < 1
    if population == 0:
        return 0
    n = population / (1 + error**2 * (population - 1) / (quantile(confidence) ** 2 * p * (1 - p)))
    return min(population, max(1, round(n)))


def draw(population: int, n: int, seed: int, *purpose: str | int) -> Int64[np.ndarray, " fault"]:
    """Return the first `n` of a random order of `population` faults; any shorter `n` is a part of a longer one.

    >>> draw(9, 9, 0, "w")[:4].tolist() == draw(9, 4, 0, "w").tolist()
    True
    """
    assert n <= population
    order = generator(seed, "faults", *purpose)
    if population <= 1 << 22:
        return order.permutation(population)[:n].astype(np.int64)
    found = np.zeros(0, np.int64)
    while len(found) < n:
        # A block of a fixed size at a time: a longer draw begins with the shorter one.
        found = np.concatenate([found, order.integers(population, size=1 << 12)])
        _, first = np.unique(found, return_index=True)
        found = found[np.sort(first)]
    return found[:n]


def interval(
    successes: float, n: int, population: int | None = None, confidence: float = 0.99
) -> tuple[float, float]:
    """Return Wilson's interval of the share that gave `successes` in `n` of `population` (None: without end).

    `successes` may be a sum of numbers between 0 and 1: their variance is at most that of a share with the same mean,
    so that the interval of the mean is then on the safe side.
    """
    assert 0 <= successes <= n and (population is None or n <= population)
    if n == 0:
        return 0.0, 1.0
    p = successes / n
    if population is not None:
        if n == population:
            return p, p
        n_eff = n * (population - 1) / (population - n)
    else:
        n_eff = float(n)
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    middle = (p + z * z / (2 * n_eff)) / (1 + z * z / n_eff)
    half = z / (1 + z * z / n_eff) * math.sqrt(p * (1 - p) / n_eff + (z / (2 * n_eff)) ** 2)
    return (0.0 if successes == 0 else middle - half), (1.0 if successes == n else middle + half)


@dataclass(frozen=True)
class Looks:
    """When to look at a stratum, and how sure each look has to be.

    Attributes:
        sizes: faults seen at each look, the last one enough for any share.
        confidence: of the interval at each look, such that all of them hold together with that of the whole.
    """

    sizes: tuple[int, ...]
    confidence: float


def looks(
    population: int, error: float, confidence: float, first: int = FIRST_LOOK, most: int | None = None
) -> Looks:
    """Return the looks at a stratum of `population` faults, until the half-width is at most `error`.

    The sizes double from `first` on. The last one is that at which any share is known to `error`, or `most`: then the
    interval may stay wider, and still holds.
    """
    count = 1
    while True:
        each = 1 - (1 - confidence) / count
        last = min(sample_size(population, error, each), population if most is None else most)
        sizes = [first << i for i in range(64) if first << i < last] + [last]
        if len(sizes) <= count:
            return Looks(tuple(sizes), each)
        count = len(sizes)


def narrow(successes: float, n: int, population: int, error: float, confidence: float) -> bool:
    """Return whether the interval of a look is at most `error` to either side of its middle."""
    low, high = interval(successes, n, population, confidence)
    return high - low <= 2 * error * (1 + 1e-9)


def combined(
    weights: Sequence[float], shares: Sequence[float], intervals: Sequence[tuple[float, float]]
) -> tuple[float, float, float]:
    """Return the weighted sum of independent shares, and its lower and upper bound at their confidence.

    >>> [round(v, 4) for v in combined([0.5, 0.5], [0.1, 0.3], [(0.05, 0.2), (0.2, 0.4)])]
    [0.2, 0.1441, 0.2707]
    """
    triples = list(zip(weights, shares, intervals, strict=True))
    share = sum(w * p for w, p, _ in triples)
    below = math.sqrt(sum((w * (p - low)) ** 2 for w, p, (low, _) in triples))
    above = math.sqrt(sum((w * (high - p)) ** 2 for w, p, (_, high) in triples))
    return share, max(0.0, share - below), min(1.0, share + above)


@dataclass(frozen=True)
class Cell:
    """All faults of one bit position of one tensor.

    Attributes:
        layer: that the tensor belongs to.
        part: what the tensor is: `weights`, `bias`, `code`.
        bit: position within a number, 0 the least.
        size: how many faults.
        moments: at how many moments each may come, all of which are among `size`.
    """

    layer: str
    part: str
    bit: int
    size: int
    moments: int = 1

    @property
    def bits(self) -> int:
        """How many bits it exposes."""
        return self.size // self.moments


@dataclass(frozen=True)
class Stratum:
    """Cells that share one sample.

    Attributes:
        name: of it.
        cells: their numbers in the space's list.
        edges: where the faults of each begin, and the last one ends.
        bits: exposed by all of them.
    """

    name: str
    cells: tuple[int, ...]
    edges: tuple[int, ...]
    bits: int

    @property
    def size(self) -> int:
        """How many faults there are in it."""
        return self.edges[-1]

    def places(self, chosen: Int64[np.ndarray, " fault"]) -> Int64[np.ndarray, "fault 2"]:
        """Return the cell, and the number within it, of faults given by their numbers in the stratum."""
        at = np.searchsorted(np.array(self.edges), chosen, side="right") - 1
        return np.stack([np.array(self.cells)[at], chosen - np.array(self.edges)[at]], axis=1)


def strata(cells: Sequence[Cell], by: By) -> list[Stratum]:
    """Return the strata of a space, in order of their first cell; empty cells are in none.

    Cells whose faults may come at other numbers of moments are in other strata, so that each bit of one counts alike.

    >>> [s.name for s in strata([Cell("fc", "bias", 0, 3), Cell("fc", "bias", 1, 3)], "layer and bit")]
    ['fc bit 0', 'fc bit 1']
    """
    groups: dict[tuple[str, int], list[int]] = {}
    for number, cell in enumerate(cells):
        if cell.size:
            groups.setdefault((_name(cell, by), cell.moments), []).append(number)
    once = {name for name, _ in groups if sum(other == name for other, _ in groups) == 1}
    return [
        Stratum(
            name if name in once or moments == 1 else f"{name} at {moments} moments",
            tuple(of),
            (0, *np.cumsum([cells[c].size for c in of]).tolist()),
            sum(cells[c].bits for c in of),
        )
        for (name, moments), of in groups.items()
    ]


def _name(cell: Cell, by: By) -> str:
    names: Mapping[By, str] = {
        "network": "network",
        "layer": cell.layer,
        "bit": f"bit {cell.bit}",
        "layer and bit": f"{cell.layer} bit {cell.bit}",
    }
    return names[by]
