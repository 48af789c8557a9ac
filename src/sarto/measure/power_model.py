"""Power by a model, for a machine that measures none: what a platform states for the points of jobs, and for no job.

Of the time T since the reading before, jobs ran for t_i at points of power P_i; with the platform's idle power P_0

    P = (sum_i t_i P_i + (T - sum_i t_i) P_0) / T

which is an estimate, and says so: whatever else runs on the machine, heat and supply voltage are not in it. One job
runs at a time.

Source: the utilisation-based model of Fan, Weber and Barroso, Power provisioning for a warehouse-sized computer, 2007,
with a power for each point in place of one for all.

>>> from sarto.devices.platforms import platform
>>> from sarto.measure.operating import point_evidence
>>> how = ("estimated", "declared", "table", 0.7, "measured", "given")
>>> point = OperatingPoint("on a7", {}, point_evidence(0.5, 0.4, *how))
>>> times = iter([0.0, 0.0, 1.0, 2.0])
>>> model = ModelPower(platform("odroid_xu3"), clock=lambda: next(times))
>>> job = model.over(lambda x: x + 1)
>>> _ = model.at(point)
>>> job(1), print(model.read())
power 200 mW (estimated)
(2, None)
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from sarto.core.points import OperatingPoint
from sarto.core.units import format_quantity
from sarto.devices.platforms import Platform
from sarto.measure.monitors import Reading
from sarto.measure.operating import POWER

P = ParamSpec("P")
Y = TypeVar("Y")


@dataclass
class ModelPower:
    """Mean power since the reading before, as a platform's figures have it.

    Attributes:
        platform: whose idle power it is, and which is named.
        clock: in s.
    """

    platform: Platform
    clock: Callable[[], float] = time.monotonic

    def __post_init__(self) -> None:
        self._next: OperatingPoint | None = None
        self._runs: OperatingPoint | None = None
        self._busy = False
        self._lock = threading.Lock()
        self._began = self._turned = self.clock()
        self._joules, self._unknown = 0.0, ""

    def at(self, point: OperatingPoint) -> Mapping[str, str]:
        """Take the point of the next job; return no knobs, so that this may be what a session is given as `wanted`."""
        self._next = point
        return {}

    def over(self, run: Callable[P, Y]) -> Callable[P, Y]:
        """Return a function that does the same, and is known to run while it does."""

        def watched(*args: P.args, **more: P.kwargs) -> Y:
            self._turn(busy=True)
            try:
                return run(*args, **more)
            finally:
                self._turn(busy=False)

        return watched

    def read(self) -> Reading:
        """Return the mean power since the reading before, or that of now where no time has passed."""
        with self._lock:
            now = self._counted()
            past, joules, unknown = now - self._began, self._joules, self._unknown
            self._began, self._joules, self._unknown = now, 0.0, ""
            if not past > 0:
                joules, unknown = self._now()
                past = 1.0
        if unknown:
            return Reading("power", None, "W", "unavailable", unknown)
        idle = self.platform.idle_w
        between = "none" if math.isnan(idle.value) else format_quantity(idle.value, "W")
        model = f"power model of {self.platform.title}: stated powers of points"
        source = f"{model}, {between} between jobs ({idle.source})"
        return Reading("power", joules / past, "W", "estimated", source)

    def _turn(self, *, busy: bool) -> None:
        """Note that a job begins or ends."""
        with self._lock:
            self._counted()
            self._runs, self._busy = self._next, busy

    def _counted(self) -> float:
        """Count the energy until now, and return the time; the lock is held."""
        now, before = self.clock(), self._turned
        self._turned = now
        if now > before:
            watts, unknown = self._now()
            self._joules += watts * (now - before)
            self._unknown = self._unknown or unknown
        return now

    def _now(self) -> tuple[float, str]:
        """Return the power of now, or why it is not known."""
        if not self._busy:
            idle_w = self.platform.idle_w.value
            return idle_w, f"{self.platform.title} states no idle power" if math.isnan(idle_w) else ""
        if self._runs is None:
            return math.nan, "nobody said at which point the job runs"
        watts = next((one.value for one in self._runs.evidence if one.what == POWER), math.nan)
        return watts, f"the power of {self._runs.name} is not known" if math.isnan(watts) else ""
