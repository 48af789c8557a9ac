"""What another sample of as many rows would have given: tables of counts drawn by the bootstrap, and intervals.

Drawing n rows with replacement and counting them is drawing the counts from a multinomial with the shares observed, so
no row is touched:

    n*_ij ~ Multinomial(n, n_ij / n)

The interval of a figure t with resampled ones t* is the basic one, from 2 t - q(97.5 %) to 2 t - q(2.5 %), kept within
0 and 1: what resampling adds to a figure, a biased one such as an entropy of few rows, it takes from the figure.

Source: Davison and Hinkley, "Bootstrap methods and their application", 1997, section 5.2 (basic interval).

>>> drawn = resampled(np.array([[30, 10], [20, 40]]), 2000, seed=0)
>>> drawn.shape, drawn.sum((1, 2)).tolist()[:3]
((2000, 2, 2), [100, 100, 100])
>>> [round(float(end), 2) for end in interval(0.3, drawn[:, 0, 0] / 100)]
[0.21, 0.39]
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from sarto.audit.labels.dependence import TAIL
from sarto.core.seed import generator

RESAMPLES = 2000
"""Resamples behind an interval of 95 %.
Source: Davison and Hinkley 1997, section 5.2.3: at least 1000 for quantiles of 2.5 %."""


def resampled(
    counts: Int[np.ndarray, "value target"], resamples: int, seed: int
) -> Int[np.ndarray, "resample value target"]:
    """Return tables of counts drawn with the shares of `counts`."""
    shares = (counts / counts.sum()).ravel()
    drawn = generator(seed, "label", "resamples").multinomial(int(counts.sum()), shares, resamples)
    return drawn.reshape(resamples, *counts.shape)


def interval(figure: float, values: Float[np.ndarray, " resample"]) -> tuple[float, float]:
    """Return the interval of 95 % of a figure, from its resampled values."""
    low, high = np.quantile(values, [TAIL, 1 - TAIL])
    return max(0.0, 2 * figure - float(high)), min(1.0, 2 * figure - float(low))
