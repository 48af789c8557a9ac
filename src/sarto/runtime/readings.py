"""What monitors said last: read at most so often, and a monitor that fails is a state like any other.

`monitors` of `sarto.measure` answer for what a machine lacks. This stands between them and a run that must go on: what
one raises, or a value that is no number, becomes an unavailable reading that says why. One reading of each is kept.

>>> from sarto.measure.monitors import Reading
>>> class Broken:
...     def read(self) -> Reading:
...         raise OSError("device unplugged")
>>> print(Readings({"meter": Broken()}).now(0.0)["meter"])
meter unavailable: device unplugged
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from sarto.measure.monitors import Monitor, Reading

EVERY_S = 1.0
"""Counters of energy are renewed some ten times a second, and a file of the kernel takes some ten us to read."""


def fresh(name: str, monitor: Monitor) -> Reading:
    """Return what a monitor says now; one that fails is unavailable."""
    try:
        found = monitor.read()
    except Exception as error:  # whatever an adapter raises: the run goes on without it
        return Reading(name, None, "1", "unavailable", str(error) or type(error).__name__)
    if found.value is not None and not math.isfinite(found.value):
        return Reading(found.what, None, found.unit, "unavailable", f"{found.value} was read")
    return found


def others(crowd: Monitor | None) -> float:
    """Return how many other programs want a processor by a monitor; 0 where it does not say."""
    return 0.0 if crowd is None else max(fresh("crowd", crowd).value or 0.0, 0.0)


class Readings:
    """The last reading of each monitor.

    Args:
        monitors: by name.
        every_s: time between two looks.
    """

    def __init__(self, monitors: Mapping[str, Monitor], every_s: float = EVERY_S) -> None:
        self._monitors, self._every_s = dict(monitors), every_s
        self._last: dict[str, Reading] = {}
        self._at = -math.inf

    def now(self, now_s: float) -> Mapping[str, Reading]:
        """Return the readings, new ones if the last are old, or lie in the future of a clock that went back."""
        if not 0 <= now_s - self._at < self._every_s:
            self._at = now_s
            self._last = {name: fresh(name, monitor) for name, monitor in self._monitors.items()}
        return self._last
