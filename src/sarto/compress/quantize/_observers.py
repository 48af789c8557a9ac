"""Observers: from a histogram of sizes |x| to the largest size that integers shall reach.

| observer | the largest size T |
|---|---|
| `min_max` | the largest that was seen |
| `percentile` | that of which 99.99 % are at most |
| `mse` | with the least mean squared error of the rounded and clamped values |
| `entropy` | with the least Kullback-Leibler divergence of the quantised histogram from the clamped one |

A size's bin stands for its middle. For `entropy` the bins below T, the rest added to the last of them, are P; Q has the
same bins (without the rest) averaged over each of the integers, where P is not 0.

Source: Migacz, "8-bit inference with TensorRT", GTC 2017 (`entropy`); Wu et al., "Integer quantization for deep
learning inference", arXiv:2004.09602, section 3.2 and table 5 (the percentile).

>>> counts = np.rint(1e5 * np.exp(-0.5 * (np.arange(BINS) / 200) ** 2)).astype(np.int64)
>>> counts[-1] = 1
>>> seen = Histogram(counts, 1 / 2048)
>>> [round(float(OBSERVERS[name](seen, 255)), 2) for name in ("min_max", "percentile", "mse", "entropy")]
[1.0, 0.24, 0.25, 0.24]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int

BINS = 2048
PERCENTILE = 99.99
_TRIED = 120


@dataclass(frozen=True, eq=False)
class Histogram:
    """How many sizes fall into each bin of a width; the last bin ends at the largest size."""

    counts: Int[np.ndarray, " bin"]
    width: float

    @property
    def largest(self) -> float:
        """The largest size."""
        return len(self.counts) * self.width

    @property
    def middles(self) -> Float[np.ndarray, " bin"]:
        """What each bin stands for."""
        return (np.arange(len(self.counts)) + 0.5) * self.width


def min_max(seen: Histogram, _levels: int) -> float:
    """Return the largest size."""
    return seen.largest


def percentile(seen: Histogram, _levels: int) -> float:
    """Return the end of the bin up to which `PERCENTILE` percent lie."""
    share = np.cumsum(seen.counts) / seen.counts.sum()
    return float((np.argmax(share >= PERCENTILE / 100) + 1) * seen.width)


def mse(seen: Histogram, levels: int) -> float:
    """Return the size with the least squared error, of `_TRIED` from a fiftieth of the largest to the largest."""
    tried = seen.largest * np.geomspace(1, 1 / 50, _TRIED)
    errors = [np.dot(seen.counts, (seen.middles - _stands_for(seen.middles, t, levels)) ** 2) for t in tried]
    return float(tried[int(np.argmin(errors))])


def _stands_for(x: Float[np.ndarray, " bin"], largest: float, levels: int) -> Float[np.ndarray, " bin"]:
    scale = largest / levels
    return np.rint(x / scale).clip(0, levels) * scale


def entropy(seen: Histogram, levels: int) -> float:
    """Return the size with the least divergence."""
    counts = seen.counts.astype(np.float64)
    kept = range(min(levels, len(counts)), len(counts) + 1)
    tails = counts.sum() - np.cumsum(counts)
    divergences = [_divergence(counts[:bins], float(tails[bins - 1]), levels) for bins in kept]
    return float(kept[int(np.argmin(divergences))] * seen.width)


def _divergence(counts: Float[np.ndarray, " bin"], tail: float, levels: int) -> float:
    """Return KL(P || Q) of the module."""
    p = counts.copy()
    p[-1] += tail
    if not counts.any():
        return np.inf
    owner = np.arange(len(counts)) * levels // len(counts)
    live = counts > 0
    total = np.bincount(owner, counts, levels)
    number = np.bincount(owner, live, levels)
    q = np.where(live, (total / np.maximum(number, 1))[owner], 0.0)
    p, q = p / p.sum(), q / q.sum()
    if (q[p > 0] == 0).any():
        return np.inf
    return float(np.sum(p[p > 0] * np.log(p[p > 0] / q[p > 0])))


OBSERVERS: dict[str, Callable[[Histogram, int], float]] = {
    "min_max": min_max,
    "percentile": percentile,
    "mse": mse,
    "entropy": entropy,
}
