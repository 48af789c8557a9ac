"""Statistics of the last parts of a stream: what leaves the window is subtracted, to the bit.

    S_t = S_(t-1) + A_t - A_(t-n)

by `sarto.learn.ridge_sum`, whose sum has the bits that it would have if what left had never come: however long the
stream, no rounding gathers. Time does not grow with the window, memory does: it holds the statistics of n parts.

>>> import numpy as np
>>> x, y = np.arange(6.0)[:, None], np.arange(6.0)
>>> window = Window(2)
>>> for i in range(3):
...     window.add(RidgeStatistics.of(x[2 * i : 2 * i + 2], y[2 * i : 2 * i + 2]))
>>> window.statistics.count, window.statistics.mean_x.tolist()
(4, [3.5])
"""

from __future__ import annotations

from collections import deque

from sarto.learn.ridge_sum import RidgeSum
from sarto.learn.statistics import RidgeStatistics, nothing_yet
from sarto.models.input_error import InputError


class Window:
    """The sum of the last `parts` statistics; every part names all classes there may be.

    Args:
        parts: n, at least 1.
    """

    def __init__(self, parts: int) -> None:
        if parts < 1:
            raise InputError(
                "E168", f"a window of {parts} parts", cause="it holds 1 at least", hint="use more"
            )
        self._parts, self._held = parts, deque[RidgeStatistics]()
        self._sum: RidgeSum | None = None

    def add(self, statistics: RidgeStatistics) -> None:
        """Take what has arrived, and let the oldest part leave when there are more than n.

        Raises:
            InputError: E108 or E116, when its features or targets differ.
        """
        if self._sum is None:
            self._sum = RidgeSum.like(statistics)
        self._sum.add(statistics)
        self._held.append(statistics)
        if len(self._held) > self._parts:
            self._sum.subtract(self._held.popleft())

    @property
    def statistics(self) -> RidgeStatistics:
        """What is in the window.

        Raises:
            InputError: E104, before anything has arrived.
        """
        if self._sum is None:
            raise nothing_yet()
        return self._sum.statistics
