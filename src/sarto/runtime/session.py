"""A manager at work: it picks a point for each item, sets the knobs, runs the variant, and learns from the time.

Any Python callables are a ladder: functions of an item, one for each variant, with measured times.

>>> from sarto.measure.ladder import timed_points
>>> from sarto.runtime.manager import Manager
>>> from sarto.runtime.points import Points
>>> ladder = {"small": lambda x: round(x, 1), "large": lambda x: round(x, 5)}
>>> points = Points.of(timed_points(ladder, [0.25], {"small": 0.8, "large": 0.9}))
>>> with session(Manager(points, "max_accuracy"), ladder) as s:
...     s.require(deadline="1s", accuracy=0.85)
...     y = s.infer(0.123456)
>>> y, s.last.point.name
(0.12346, 'large')
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

import numpy as np
from jaxtyping import Bool

from sarto.core.errors import SartoError
from sarto.core.points import OperatingPoint
from sarto.measure.monitors import Monitor, Reading
from sarto.runtime.goal import Goal
from sarto.runtime.knobs import Applied, Knobs
from sarto.runtime.log import Job, Log
from sarto.runtime.manager import Decision, Manager
from sarto.runtime.reach import Reach
from sarto.runtime.readings import Readings, fresh, others
from sarto.runtime.refusals import Refusals
from sarto.runtime.watchdog import Watchdog

X = TypeVar("X")
Y = TypeVar("Y")
LEAST_S = 1e-9
"""What is left of a deadline at least, when a place did not answer."""
LEAST_J = 1e-12
"""What a job is held to have taken at least that a counter, which moves in steps, shows nothing of."""
Wanted = Callable[[OperatingPoint], Mapping[str, str]]
"""A point -> the value of each knob there."""


@dataclass
class Session(Generic[X, Y]):
    """Jobs under a manager.

    Attributes:
        manager: that chooses.
        run: variant -> function of an item.
        knobs: that are set before a job.
        wanted: what each of them is to be at a point.
        goal: of the next job.
        clock: of the time of jobs, in s; it must not go back.
        last: decision of the job before.
        seconds: that it took.
        applied: what became of its knobs.
        log: of decisions, if there is one.
        jobs: that ran.
        remote: place -> function of a variant's name and an item, for points elsewhere.
        reach: which places answer.
        unanswered: places that were tried for the job before, and did not answer.
        gone: knobs that could not be read for the job before; it ran with them as they were.
        refusals: values of knobs that were refused; they are tried again after a while.
        kept: knobs that refused what the job before needed, while no other point was left; it ran with them as they
            were.
        watchdog: notices jobs that do not end; after one, the next job runs at the fastest point on this device.
        monitors: what they say is in `readings`.
        crowd: monitor of how many other programs want a processor, read before each job; its time is part of the job.
        meter: monitor of power that is read right before and after each job, outside of its time.
        energy_j: what the job before took by the meter, its mean power times its time; None where none measured it.
        odd_times: jobs whose time was no number of at least 0, as when a clock is set back; nothing is learned of them.
    """

    manager: Manager
    run: Mapping[str, Callable[[X], Y]]
    knobs: Knobs
    wanted: Wanted
    clock: Callable[[], float] = time.perf_counter
    goal: Goal = field(default_factory=Goal)
    last: Decision | None = None
    seconds: float = 0.0
    applied: tuple[Applied, ...] = ()
    log: Log | None = None
    jobs: int = 0
    remote: Mapping[str, Callable[[str, X], Y]] = field(default_factory=dict[str, Callable[[str, X], Y]])
    unanswered: list[str] = field(default_factory=list[str])
    gone: dict[str, Applied] = field(default_factory=dict[str, Applied])
    kept: dict[str, Applied] = field(default_factory=dict[str, Applied])
    watchdog: Watchdog | None = None
    monitors: Mapping[str, Monitor] = field(default_factory=dict[str, Monitor])
    crowd: Monitor | None = None
    meter: Monitor | None = None
    energy_j: float | None = None
    odd_times: int = 0

    def __post_init__(self) -> None:
        self.reach = Reach(self.manager.points)
        self._readings = Readings(self.monitors)
        self.refusals = Refusals(self.manager.points, self.knobs, self.wanted)
        self._overruns = 0
        self._began = math.nan

    @property
    def lost(self) -> Mapping[int, Applied]:
        """Points that were left out for the job before, as a knob refused them, by index; each with the refusal."""
        return self.refusals.of_points

    @property
    def readings(self) -> Mapping[str, Reading]:
        """What the monitors say, at most a second old; one that fails is unavailable."""
        return self._readings.now(self.clock())

    def require(
        self,
        *,
        deadline: str | None = None,
        accuracy: float | None = None,
        power: str | None = None,
        energy: str | None = None,
        relax: tuple[str, ...] = ("accuracy", "deadline"),
    ) -> None:
        """Say what is asked for from now on; see `Goal.of`."""
        self.goal = Goal.of(deadline=deadline, accuracy=accuracy, power=power, energy=energy, relax=relax)

    def infer(self, x: X) -> Y:
        """Return the answer of the variant that was chosen for this item.

        A point of which a knob is refused is left out until that is tried again, and another chosen; where none is
        left, the knobs stay as they are. So is a place that does not answer (ConnectionError, TimeoutError); the time
        until then counts for this job.

        Raises:
            SartoError: E116, when all points lie at places that did not answer; whatever the variant raises.
        """
        if self.meter is not None:  # a counter of energy tells the mean power since it was read last
            fresh("meter", self.meter)
        began, self.unanswered = self.clock(), []
        period, self._began = began - self._began, began
        while True:
            tried = self.clock()  # setting knobs is part of the job: what a change costs is expected of it
            decision = self._chosen(tried - began)
            place, variant = self.reach.place_of(decision.index), str(decision.point.settings["variant"])
            try:
                with self._watched(decision):
                    y = self.remote[place](variant, x) if place else self.run[variant](x)
            except (ConnectionError, TimeoutError):
                if not place:  # then it is the variant's own
                    raise
                now = self.clock()
                self.reach.failed(place, now, now - tried)
                self.unanswered.append(place)
            else:
                self.reach.answered(place)
                break
        ended = self.clock()
        self.last, self.seconds = decision, ended - began
        self.energy_j = self._measured()
        self.jobs += 1
        if not (math.isfinite(self.seconds) and self.seconds >= 0):
            self.odd_times += 1
            return y
        if self.log is not None:
            job = Job(self.jobs, self.seconds, self.unanswered, self.refusals.told, bool(self.kept))
            self.log.heard(self.manager, decision, job)
        self.manager.observe(
            decision,
            ended - tried,
            period_s=period if 0 < period < math.inf else 0.0,
            energy_j=0.0 if self.energy_j is None else max(self.energy_j, LEAST_J),
        )
        return y

    def _measured(self) -> float | None:
        """Return the energy of the job that has just ended, if the meter measured power."""
        if self.meter is None:
            return None
        power = fresh("meter", self.meter)
        if power.how != "measured" or power.unit != "W" or power.value is None or power.value < 0:
            return None
        return power.value * self.seconds

    def _chosen(self, spent_s: float) -> Decision:
        """Return the decision for what is left of the deadline, with its knobs set."""
        left = self.goal
        if self.unanswered and math.isfinite(left.deadline_s):
            left = replace(left, deadline_s=max(left.deadline_s - max(spent_s, 0.0), LEAST_S))
        hung = self.watchdog is not None and self.watchdog.overruns > self._overruns
        if hung and self.watchdog is not None:
            self._overruns = self.watchdog.overruns
        beside = others(self.crowd)
        decision, self.applied = self.refusals.settle(
            self.reach.available,
            lambda free: self.manager.decide(left, self._safe(free) if hung else free, beside),
            self.clock,
        )
        self.gone = {one.knob: one for one in self.applied if one.state == "gone"}
        self.kept = {one.knob: one for one in self.applied if one.state == "refused"}
        return decision if left is self.goal else replace(decision, goal=self.goal)

    def _watched(self, decision: Decision) -> AbstractContextManager[None]:
        return nullcontext() if self.watchdog is None else self.watchdog.over(decision.point.name)

    def _safe(self, left: Bool[np.ndarray, " point"] | None) -> Bool[np.ndarray, " point"]:
        """Return the fastest point on this device alone, of those that can be used."""
        points = self.manager.points
        found = ~points.remote if left is None else left & ~points.remote
        if not found.any():
            found = np.ones(len(points), bool) if left is None else left
        fastest = int(np.where(found, points.latency_s, np.inf).argmin())
        return np.arange(len(points)) == fastest


@contextmanager
def session(
    manager: Manager,
    run: Mapping[str, Callable[[X], Y]],
    *,
    knobs: Knobs | None = None,
    wanted: Wanted = lambda _point: {},
    log: Log | None = None,
    remote: Mapping[str, Callable[[str, X], Y]] | None = None,
    watchdog: Watchdog | None = None,
    monitors: Mapping[str, Monitor] | None = None,
    crowd: Monitor | None = None,
    meter: Monitor | None = None,
) -> Generator[Session[X, Y]]:
    """Open a session; knobs are set back when it ends, however it does.

    Args:
        manager: that chooses.
        run: variant -> function of an item.
        knobs: to set; by default none.
        wanted: what each of them is to be at a point.
        log: takes decisions; by default none.
        remote: place -> function of a variant's name and an item, for points elsewhere. It raises ConnectionError or
            TimeoutError when the place is not reached, and must do so by itself: nobody interrupts it.
        watchdog: notices jobs that do not end; it is closed with the session.
        monitors: to read.
        crowd: of other programs that want a processor, as a `Runnable`, where the manager's jobs share processors with
            them: what is learned is kept by their number.
        meter: of power, such as a `Rapl`, by which energies of jobs are taken up; by default those of points are. It is
            read around each job, so that none of `monitors` may be the same object.

    Raises:
        SartoError: E116, when a point's variant, or its place, has no function.
    """
    here = [point for point in manager.points.points if "place" not in point.settings]
    variants = {str(point.settings.get("variant")) for point in here}
    if missing := sorted(variants - set(run)):
        raise SartoError(
            "E116",
            f"there is nothing to run for variant '{missing[0]}'",
            cause="every point has a variant, and every variant a function of an item",
            hint=f"give functions for {', '.join(sorted(variants))}",
        )
    functions = dict(remote or {})
    if unknown := sorted(set(manager.points.places.values()) - set(functions)):
        raise SartoError(
            "E116",
            f"there is nothing to ask at place '{unknown[0]}'",
            cause="points are elsewhere, and nothing sends items there",
            hint="give remote={place: function of a variant's name and an item}, or leave the place out",
        )
    with knobs or Knobs(()) as held, watchdog or nullcontext():
        yield Session(
            manager,
            run,
            held,
            wanted,
            log=log,
            remote=functions,
            watchdog=watchdog,
            monitors=dict(monitors or {}),
            crowd=crowd,
            meter=meter,
        )
