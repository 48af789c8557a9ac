"""At which distance columns are alike, for `context`: the width of an image, the size of a kernel.

`best_lag(counts)` returns the `L >= 2` for which the values `c_j` of the columns are the most likely as Poisson
counts whose rates are the mean of their neighbours, `r_j = (S_j - 4 c_j + 4 m) / (w_j - 4 + 4)` scaled to the sum of
the `c_j`, with `S` and `w` of `_sparse` and `m` the mean of all: the largest `sum_j c_j ln r_j`. A column's own count
is left out, so that it is judged how well the others foretell it.

>>> import numpy as np
>>> best_lag(np.tile([30, 2, 3, 2, 20], 12))
5
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from sarto.compress.code._sparse import smoothed

LAGS = 1024
"""The largest distance that is looked for."""
WORTH_NATS = 16.0
"""A distance is stored when it explains the counts by this much better than 2 does."""


def best_lag(counts: Int[np.ndarray, " column"]) -> int:
    """Return the distance of neighbours that explain a column's count best, as Poisson rates; 2 without a clear one."""
    scores = [_explained(counts, lag) for lag in range(2, min(LAGS, (len(counts) - 1) // 2) + 1)]
    if not scores:
        return 2
    best = int(np.argmax(scores))
    return best + 2 if scores[best] > scores[0] + WORTH_NATS else 2


def _explained(counts: Int[np.ndarray, " column"], lag: int) -> float:
    """Return the log-likelihood of the counts, but for a constant, given those of their neighbours."""
    around = smoothed(counts, lag) - 4 * counts
    weights = smoothed(np.ones_like(counts), lag) - 4
    mean = counts.mean()
    rates: Float[np.ndarray, " column"] = (around + 4 * mean) / (weights + 4)
    rates *= counts.sum() / rates.sum()
    return float((counts * np.log(rates)).sum())
