"""Statistics that forget: every part that arrives counts g times as much as the one after it.

    A <- g A + A_t,   w <- g w + w_t,   and so on: the statistics of all rows with weights g^(T - t)

A row of the part before T parts counts g^T; all together count as much as the last 1 / (1 - g) parts. Mean and spread
are those of the weighted rows, so that heads follow what drifts. With g = 1 nothing is forgotten, and the readout is
that of all rows at once, in whatever order they came.

The number of rows stays that of all rows. GCV takes each for a whole one: under forgetting its ridge comes out too
small, and one relative to the trace is the better choice.

Source: Haykin, "Adaptive filter theory", 4th edition (2002), section 9.3: `sarto.learn.recursive.RLS` is the same one
row at a time.

>>> import numpy as np
>>> x, y = np.array([[1.0], [3.0]]), np.array([1.0, 5.0])
>>> old, new = RidgeStatistics.of(x[:1], y[:1]), RidgeStatistics.of(x[1:], y[1:])
>>> forgetting = Decay(0.5)
>>> forgetting.add(old); forgetting.add(new)
>>> forgetting.statistics.weight, forgetting.statistics.mean_y.round(12).tolist()
(1.5, [3.666666666667])
"""

from __future__ import annotations

from dataclasses import replace

from sarto.learn.statistics import RidgeStatistics, nothing_yet
from sarto.models.input_error import InputError


def decayed(statistics: RidgeStatistics, factor: float) -> RidgeStatistics:
    """Return the statistics with every weight times `factor`.

    Raises:
        InputError: E168, when the factor does not lie above 0 and at most at 1.
    """
    if not 0 < factor <= 1:
        raise InputError(
            "E168",
            f"a forgetting factor of {factor}",
            cause="it must lie above 0 and at most at 1",
            hint="0.9 counts ten parts",
        )
    s = statistics
    return replace(
        s,
        weight=factor * s.weight,
        C_xx=factor * s.C_xx,
        C_xy=factor * s.C_xy,
        C_yy=factor * s.C_yy,
        scale_x=factor * s.scale_x,
        scale_y=factor * s.scale_y,
    )


class Decay:
    """A sum of statistics that forgets.

    Args:
        factor: g.
    """

    def __init__(self, factor: float) -> None:
        self.factor = factor
        self._sum: RidgeStatistics | None = None
        decayed(RidgeStatistics.empty(1, 1), factor)

    def add(self, statistics: RidgeStatistics) -> None:
        """Count all there was `factor` times, and add what has arrived.

        Raises:
            InputError: E108 or E116, when its features or targets differ.
        """
        self._sum = statistics if self._sum is None else decayed(self._sum, self.factor) + statistics

    @property
    def statistics(self) -> RidgeStatistics:
        """What is known now.

        Raises:
            InputError: E104, before anything has arrived.
        """
        if self._sum is None:
            raise nothing_yet()
        return self._sum
