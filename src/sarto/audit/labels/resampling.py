"""What another sample of as many rows would have given: tables of counts drawn by the bootstrap over rows.

Drawing n rows with replacement and counting them is drawing the counts from a multinomial with the shares observed, so
no row is touched:

    n*_ij ~ Multinomial(n, n_ij / n)

Source: Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapters 6 and 13 (percentile interval).

>>> drawn = resampled(np.array([[30, 10], [20, 40]]), 2000, seed=0)
>>> drawn.shape, drawn.sum((1, 2)).tolist()[:3]
((2000, 2, 2), [100, 100, 100])
>>> [round(float(end), 2) for end in interval(drawn[:, 0, 0] / 100)]
[0.21, 0.39]
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from sarto.audit.labels.dependence import TAIL
from sarto.core.seed import generator

RESAMPLES = 2000
"""Resamples behind an interval of 95 %.
Source: Efron and Tibshirani 1993, section 14.3: at least 1000 for percentiles."""


def resampled(
    counts: Int[np.ndarray, "value target"], resamples: int, seed: int
) -> Int[np.ndarray, "resample value target"]:
    """Return tables of counts drawn with the shares of `counts`."""
    shares = (counts / counts.sum()).ravel()
    drawn = generator(seed, "label", "resamples").multinomial(int(counts.sum()), shares, resamples)
    return drawn.reshape(resamples, *counts.shape)


def interval(values: Float[np.ndarray, " resample"]) -> tuple[float, float]:
    """Return the interval that holds 95 % of the resampled values, as many beyond either end."""
    low, high = np.quantile(values, [TAIL, 1 - TAIL])
    return float(low), float(high)
