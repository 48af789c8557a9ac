"""Clusters of numbers: the k centroids `c` that stand for values `v` with a small `sum_i min_k (v_i - c_k)^2`.

| start | where Lloyd's iteration begins |
|---|---|
| `linear` | evenly from the smallest to the largest value: few large values keep a centroid of their own |
| `density` | at the quantiles `(k + 1/2) / K`: as many values to each centroid |
| `random` | at K of the distinct values (Forgy) |
| `exact` | nowhere: the least sum there is, by dynamic programming |

With the values sorted, the least cost of the first i values in k clusters is

    D_k(i) = min_{j < i}  D_{k-1}(j) + C(j, i),      C(j, i) = sum v^2 - (sum v)^2 / (i - j)   over values j .. i - 1,

whose best j grows with i, so that halving the range of i over and over takes n log n sums for each k.

Source: Han, Mao and Dally, "Deep Compression", ICLR 2016, section 3.2 (linear, density, random); Lloyd, "Least squares
quantization in PCM", IEEE Trans. Inf. Theory 28, 1982; Gronlund et al., "Fast exact k-means, k-medians and Bregman
divergence clustering in 1D", arXiv:1701.07204, section 2.2 (the monotone j).

>>> import numpy as np
>>> clusters(np.array([0.0, 0.1, 1.0, 1.2, 5.0]), 3, "exact").round(2).tolist()
[0.05, 1.1, 5.0]
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from sarto.core.seed import generator

Start = Literal["linear", "density", "random", "exact"]
TURNS = 300
"""Iterations after which Lloyd's stops; it has settled long before on every layer that was seen."""


def clusters(
    values: Float[np.ndarray, " value"], count: int, start: Start = "linear", seed: int = 0
) -> Float[np.ndarray, " centroid"]:
    """Return `count` centroids, rising.

    Args:
        values: at least `count` distinct ones.
        count: of centroids.
        start: see the module.
        seed: of the random start.
    """
    ordered = np.sort(values.astype(np.float64))
    distinct = np.unique(ordered)
    assert 1 <= count <= len(distinct), "there are at least as many distinct values as centroids"
    if count == len(distinct):
        return distinct
    if start == "exact":
        return _exact(ordered, count)
    return _lloyd(ordered, _begun(ordered, distinct, count, start, seed))


def _begun(
    ordered: Float[np.ndarray, " value"],
    distinct: Float[np.ndarray, " distinct"],
    count: int,
    start: Start,
    seed: int,
) -> Float[np.ndarray, " centroid"]:
    if start == "linear":
        return np.linspace(float(ordered[0]), float(ordered[-1]), count) if count > 1 else ordered[:1]
    if start == "density":
        return np.quantile(ordered, (np.arange(count) + 0.5) / count).astype(np.float64)
    return distinct[np.sort(generator(seed, "centroids").permutation(len(distinct))[:count])]


def nearest(
    values: Float[np.ndarray, " value"], centroids: Float[np.ndarray, " centroid"]
) -> Int[np.ndarray, " value"]:
    """Return the index of the centroid nearest to each value; the centroids rise."""
    return np.searchsorted((centroids[1:] + centroids[:-1]) / 2, values)


def _lloyd(
    ordered: Float[np.ndarray, " value"], centroids: Float[np.ndarray, " centroid"]
) -> Float[np.ndarray, " centroid"]:
    """Return centroids that are the means of the values nearest to them; one without values stays where it is."""
    sums = np.concatenate([[0.0], np.cumsum(ordered)])
    for _ in range(TURNS):
        inner = np.searchsorted(ordered, (centroids[1:] + centroids[:-1]) / 2)
        ends = np.concatenate([[0], inner, [len(ordered)]])
        sizes = np.diff(ends)
        moved = np.where(sizes > 0, np.diff(sums[ends]) / np.maximum(sizes, 1), centroids)
        if np.array_equal(moved, centroids):
            break
        centroids = moved
    return centroids


class _Spread:
    """Sums from which the cost of any run of sorted values follows."""

    def __init__(self, ordered: Float[np.ndarray, " value"]) -> None:
        self.sums = np.concatenate([[0.0], np.cumsum(ordered)])
        self.squares = np.concatenate([[0.0], np.cumsum(ordered**2)])

    def within(self, j: Int[np.ndarray, " pair"], i: Int[np.ndarray, " pair"]) -> Float[np.ndarray, " pair"]:
        """Return the squared distances of values j .. i - 1 to their mean."""
        square = (self.sums[i] - self.sums[j]) ** 2 / (i - j)
        return np.maximum(0.0, self.squares[i] - self.squares[j] - square)


def _exact(ordered: Float[np.ndarray, " value"], count: int) -> Float[np.ndarray, " centroid"]:
    """Return the centroids with the least sum of squared distances."""
    n, spread = len(ordered), _Spread(ordered - ordered.mean())
    best = np.concatenate([[0.0], spread.within(np.zeros(n, np.int64), np.arange(1, n + 1))])
    cuts: list[Int[np.ndarray, " end"]] = []
    for k in range(2, count + 1):
        best, cut = _row(best, k, n, spread)
        cuts.append(cut)
    ends = [n]
    for cut in reversed(cuts):
        ends.append(int(cut[ends[-1]]))
    edges = np.array([0, *reversed(ends)])
    return np.diff(np.concatenate([[0.0], np.cumsum(ordered)])[edges]) / np.diff(edges)


def _row(
    before: Float[np.ndarray, " end"], k: int, n: int, spread: _Spread
) -> tuple[Float[np.ndarray, " end"], Int[np.ndarray, " end"]]:
    """Return D_k at every end i, and the j that it is got with; both mean something from i = k on."""
    best, cut = np.full(n + 1, np.inf), np.zeros(n + 1, np.int64)
    cut[:k] = k - 1
    step = 1 << n.bit_length()
    while step:
        ends = np.arange(step, n + 1, 2 * step)
        ends = ends[ends >= k]
        low = np.maximum(cut[ends - step], k - 1)
        high = np.where(ends + step <= n, cut[np.minimum(ends + step, n)], n)
        high = np.minimum(np.where(high < k - 1, n, high), ends - 1)
        sizes = high - low + 1
        starts = np.cumsum(sizes) - sizes
        i = np.repeat(ends, sizes)
        j = np.arange(len(i)) - np.repeat(starts - low, sizes)
        total = before[j] + spread.within(j, i)
        if len(ends):
            least = np.minimum.reduceat(total, starts)
            at = np.flatnonzero(total == np.repeat(least, sizes))
            owner = np.searchsorted(starts, at, side="right") - 1
            first = at[np.searchsorted(owner, np.arange(len(ends)))]
            best[ends], cut[ends] = least, j[first]
        step >>= 1
    return best, cut
