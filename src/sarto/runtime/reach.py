"""Which places elsewhere can be tried now: one that did not answer is left alone for a while, longer each time.

A try that fails costs the time until it is given up, c. The place is tried again after

    wait = 20 c 2^k        k = failures in a row before this one, at most 2

so that tries of a link that stays lost take no more than a twentieth of the time, and soon an 80th. What is known is
one row for each place, whatever happens. A clock that goes back starts the wait anew.

>>> from sarto.devices.platforms import platform
>>> from sarto.runtime.points import Points, Variant, grid
>>> points = Points.of(grid([Variant("full", 0.71, 1.0)], platform("odroid_xu3")))
>>> Reach(points).available(0.0) is None  # nothing is elsewhere
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

import numpy as np
from jaxtyping import Bool

from sarto.runtime.points import Points

K = TypeVar("K")
SHARE = 20.0
DOUBLINGS = 2
LEAST_S = 1e-3
"""What a failed try is held to cost at least."""


@dataclass
class Lost:
    """A place that did not answer, or whatever else was tried in vain.

    Attributes:
        since_s: when it was tried last.
        wait_s: until the next try.
        failures: in a row.
    """

    since_s: float
    wait_s: float
    failures: int


class Waits(Generic[K]):
    """When each thing that was tried in vain is tried again.

    Attributes:
        lost: what was tried in vain; what is tried again and fails stays in it.
    """

    def __init__(self) -> None:
        self.lost: dict[K, Lost] = {}

    def waits(self, what: K, now_s: float) -> bool:
        """Return whether this is left alone now."""
        lost = self.lost.get(what)
        if lost is None:
            return False
        if now_s < lost.since_s:  # the clock went back
            lost.since_s = now_s
        return now_s < lost.since_s + lost.wait_s

    def failed(self, what: K, now_s: float, cost_s: float) -> None:
        """Take up that this was tried in vain.

        Args:
            what: was tried, such as a place that did not answer.
            now_s: when it was given up.
            cost_s: time until then.
        """
        before = self.lost.get(what)
        failures = 1 if before is None else before.failures + 1
        cost = cost_s if cost_s > LEAST_S else LEAST_S  # what is no number, or below 0, costs the least
        self.lost[what] = Lost(now_s, SHARE * cost * 2.0 ** min(failures - 1, DOUBLINGS), failures)

    def answered(self, what: K) -> None:
        """Take up that this can be had, such as that a place answered."""
        self.lost.pop(what, None)


class Reach(Waits[str]):
    """What is known of the links to places, by name.

    Args:
        points: of which some are elsewhere.
    """

    def __init__(self, points: Points) -> None:
        super().__init__()
        self._points = points

    def available(
        self, now_s: float, others: Bool[np.ndarray, " point"] | None = None
    ) -> Bool[np.ndarray, " point"] | None:
        """Return the points that can be tried, of those that are available for `others` reasons; None for all."""
        if not self.lost:
            return others
        shut = [number for number, name in self._points.places.items() if self.waits(name, now_s)]
        if not shut:
            return others
        reached = ~np.isin(self._points.cluster, shut)
        return reached if others is None else reached & others

    def place_of(self, index: int) -> str:
        """Return the place of a point, or nothing where it is on this device."""
        return self._points.places.get(int(self._points.cluster[index]), "")
