"""An alarm, and the sequential test that raises it: a stated run length without change, however long it watches.

    M <- e (M + 1),   M = 0 before the first;   alarm where M >= A

e is an *e-value*: not negative, and at most 1 on average given all before, as long as nothing has changed. Then M - t
never rises on average, so that without a change the alarm comes after A observations at least on average (the average
run length). It holds for observations of any dependence that leave e its mean. Several bets side by side count as their
mean, whose M - t has the same property: `add` takes one e of each.

Source: Shin, Ramdas and Rinaldo, "E-detectors: a nonparametric framework for sequential change detection", New England
Journal of Statistics in Data Science 2 (2024), for e-values in the procedure of Shiryaev (1963) and Roberts (1966),
which has likelihood ratios in their place.

>>> test = ShiryaevRoberts("errors", 10.0)
>>> [test.add(2.0) for _ in range(3)]
[None, None, Alarm(when=3, what='errors', statistic=14.0, threshold=10.0)]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sarto.models.input_error import InputError


@dataclass(frozen=True)
class Alarm:
    """That something has changed.

    Attributes:
        when: number of the observation, from 1.
        what: was watched.
        statistic: M.
        threshold: A, which it has reached.
    """

    when: int
    what: str
    statistic: float
    threshold: float


class ShiryaevRoberts:
    """The test; after an alarm it watches anew.

    Args:
        what: is watched, in words.
        run_length: A, above 1.

    Attributes:
        statistic: M, of the bets on average.
        count: observations so far.
    """

    def __init__(self, what: str, run_length: float) -> None:
        if not (math.isfinite(run_length) and run_length > 1):
            raise InputError(
                "E168",
                f"a run length of {run_length}",
                cause="without a change, the alarm is to come after so many observations on average",
                hint="1000 is one false alarm in 1,000 observations",
            )
        self._what, self.run_length = what, run_length
        self._bets: Float[np.ndarray, " bet"] = np.zeros(1)
        self.count = 0

    @property
    def statistic(self) -> float:
        """M."""
        return float(self._bets.mean())

    def add(self, e: float | Float[np.ndarray, " bet"]) -> Alarm | None:
        """Take the e-value of an observation, or one of each bet, and return the alarm if it is time for it.

        Raises:
            InputError: E105, when it is not a number, or below 0.
        """
        values = np.atleast_1d(np.asarray(e, np.float64))
        if not (values >= 0).all():
            raise InputError("E105", f"an e-value of {values.min()}", cause="it is a number of at least 0")
        self.count += 1
        self._bets = values * (self._bets + 1)
        if (reached := self.statistic) < self.run_length:
            return None
        self._bets = np.zeros(1)
        return Alarm(self.count, self._what, reached, self.run_length)
