"""Runs a manager through a scenario on a platform's published figures, and says how it did.

A job at a point with time t and power P on cluster c, with the scenario's slowdown s_c and noise n, takes

    y = t s_c n + change of setting        and        P y + P_idle max(0, period - y)

A job that is sent to a place whose link is down is given up after the time that the platform states, for which it draws
what the point does in the mean, and runs elsewhere; the manager does not know of the link until then, an oracle does.

It is late if y is more than its deadline; its power is that of the point, and that of a second model beside it. Every
job starts on time, also after a late one, which runs on beside it and slows nothing down: where `Run.busy` is above 1,
jobs would pile up on a real machine. An oracle knows s_c n of the next job, and chooses by the same policy; it too
breaks limits where they cannot all be met, and what others do is told beside it. It looks no further than that job:
where changes of setting cost much, there may be a better series.

>>> from sarto.devices.platforms import platform
>>> from sarto.runtime.points import Points, Variant, grid
>>> from sarto.runtime.scenarios import Limits, drawn
>>> xu3 = platform("odroid_xu3")
>>> points = Points.of(grid([Variant("half", 0.63, 0.5), Variant("full", 0.71, 1.0)], xu3))
>>> scenario = drawn(200, Limits((0.5, 0.7)), clusters=2, seed=0)
>>> runs = [simulate(points, xu3, scenario, "min_energy", oracle=oracle).summary() for oracle in (False, True)]
>>> runs[0].energy_j > 0.9 * runs[1].energy_j, runs[1].late <= runs[0].late
(True, True)
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float, Int

from sarto.core.errors import SartoError
from sarto.devices.platforms import Platform
from sarto.runtime.goal import Goal
from sarto.runtime.log import Job, Log
from sarto.runtime.manager import Changes, Decision, Manager
from sarto.runtime.points import Points
from sarto.runtime.policies._choice import Policy
from sarto.runtime.reach import Reach
from sarto.runtime.scenarios import Scenario

LEAST_S = 1e-9
"""What is left of a deadline at least, when a place did not answer."""


@dataclass(frozen=True)
class Summary:
    """How a run of jobs went.

    Attributes:
        jobs: how many.
        energy_j: of a job, in the mean; what is drawn between jobs included. NaN where it is not known.
        late: share of jobs that took longer than their deadline.
        over_power: share of jobs that drew more than they might.
        accuracy: of the variants that ran, in the mean.
        below: share of jobs whose variant was less accurate than was asked for.
        changes: share of jobs before which the setting was changed.
    """

    jobs: int
    energy_j: float
    late: float
    over_power: float
    accuracy: float
    below: float
    changes: float


@dataclass(frozen=True, eq=False)
class Run:
    """What happened to each job.

    Attributes:
        policy: by which points were chosen.
        scenario: that was run.
        points: that there were.
        index: of the point of each job.
        latency_s, energy_j, power_w: of each job; the energy with what is drawn until the next.
        relaxed: whether the policy broke a limit knowingly.
        unanswered: places that were tried in vain, job by job.
    """

    policy: str
    scenario: Scenario
    points: Points
    index: Int[np.ndarray, " job"]
    latency_s: Float[np.ndarray, " job"]
    energy_j: Float[np.ndarray, " job"]
    power_w: Float[np.ndarray, " job"]
    relaxed: Bool[np.ndarray, " job"]
    unanswered: Int[np.ndarray, " job"]

    @property
    def late(self) -> Bool[np.ndarray, " job"]:
        """Jobs that took longer than their deadline."""
        return self.latency_s > self.scenario.deadline_s

    @property
    def busy(self) -> float:
        """Time of all jobs over the time in which they were released; above 1, they cannot all have run."""
        return float(self.latency_s.sum() / self.scenario.deadline_s.sum())

    @property
    def over_power(self) -> Bool[np.ndarray, " job"]:
        """Jobs that drew more than they might."""
        return self.power_w > self.scenario.power_w

    @property
    def below(self) -> Bool[np.ndarray, " job"]:
        """Jobs whose variant was less accurate than was asked for."""
        return self.points.accuracy[self.index] < self.scenario.accuracy

    def summary(self) -> Summary:
        """Return the run in figures."""
        return Summary(
            len(self.index),
            float(self.energy_j.mean()),
            float(self.late.mean()),
            float(self.over_power.mean()),
            float(self.points.accuracy[self.index].mean()),
            float(self.below.mean()),
            float((np.diff(self.index) != 0).sum() / len(self.index)),
        )


def simulate(
    points: Points,
    platform: Platform,
    scenario: Scenario,
    policy: str | Policy,
    *,
    oracle: bool = False,
    learns: bool = True,
    late: float = 0.05,
    idle_w: float | None = None,
    relax: tuple[str, ...] = ("accuracy", "deadline"),
    energy_j: float = np.inf,
    log: Log | None = None,
) -> Run:
    """Run a scenario.

    Args:
        points: to choose from; where the power of one that ran is not known, neither is the energy.
        platform: whose changes of setting cost time, and which draws something between jobs.
        scenario: of the jobs.
        policy: its name, or with its settings.
        oracle: whether it knows how much slower each job will run.
        learns: whether the manager hears how jobs went; one that does not goes by the figures of its points alone.
        late: share of jobs that the manager may let be late.
        idle_w: drawn between jobs; by default what the platform says.
        relax: limits that give way, the first in front.
        energy_j: that jobs may take in the mean.
        log: takes decisions; by default none.

    Raises:
        SartoError: E116, when power is limited and that of no point is known, or the scenario is of another number
            of clusters.
    """
    limited = bool(np.isfinite(scenario.power_w).any()) or np.isfinite(energy_j)
    if scenario.slowdown.shape[1] != len(points.clusters):
        raise SartoError(
            "E116",
            f"a scenario of {scenario.slowdown.shape[1]} clusters for points on {len(points.clusters)}",
            cause="every cluster has its slowdown",
            hint="draw the scenario for this platform",
        )
    if limited and not points.some_power:
        raise SartoError(
            "E116",
            "the scenario limits power or energy, and that of no point is known",
            cause="it was neither measured nor stated",
            hint="give points a power, or leave the limits out",
        )
    manager = Manager(points, policy, changes=Changes.of(platform), late=late)
    idle = platform.idle_w.value if idle_w is None else idle_w
    jobs = len(scenario)
    index = np.empty(jobs, np.int64)
    latency, energy, power = np.empty(jobs), np.empty(jobs), np.empty(jobs)
    relaxed = np.zeros(jobs, bool)
    unanswered = np.zeros(jobs, np.int64)
    standing, tries = _Standing(points, scenario), _Tries(points, platform, scenario)
    period = now = 0.0
    for job in range(jobs):
        available, taken_w = standing.of(job)
        goal = standing.goal(job, taken_w, relax, energy_j)
        true = scenario.slowdown[job] * scenario.noise[job]
        if oracle:
            decision = manager.foresee(goal, tries.answering(job, available), true)
        else:
            tries.begin(now)
            decision = manager.decide(goal, tries.reach.available(now, available))
            while tries.in_vain(job, decision):
                left = replace(goal, deadline_s=max(goal.deadline_s - tries.lost_s, LEAST_S))
                decision = manager.decide(left, tries.reach.available(now + tries.lost_s, available))
        chosen = decision.index
        took = float(points.latency_s[chosen] * true[points.cluster[chosen]] + decision.change_s)
        spent = float(points.power_w[chosen]) * took
        if log is not None:  # with what was known when it was decided
            log.heard(manager, replace(decision, goal=goal), Job(job + 1, took + tries.lost_s, tries.names))
        if learns:
            manager.observe(decision, took, period_s=period, energy_j=spent)
        took, spent = took + tries.lost_s, spent + tries.lost_j
        period = float(scenario.deadline_s[job])
        now += period
        index[job], latency[job], relaxed[job] = chosen, took, bool(decision.relaxed)
        power[job], unanswered[job] = points.power_w[chosen] + taken_w, len(tries.names)
        energy[job] = spent + idle * max(0.0, period - took)
    name = policy if isinstance(policy, str) else type(policy).__module__.rpartition(".")[2]
    title = f"oracle of {name}" if oracle else name
    return Run(title, scenario, points, index, latency, energy, power, relaxed, unanswered)


class _Tries:
    """Places whose links are down, and what it takes to find that out."""

    def __init__(self, points: Points, platform: Platform, scenario: Scenario) -> None:
        self.reach = Reach(points)
        self._points, self._up = points, scenario.up
        self._timeout_s = {place.name: place.timeout_s for place in platform.places}
        self._began = 0.0
        self.lost_s, self.lost_j, self.names = 0.0, 0.0, list[str]()

    def begin(self, now_s: float) -> None:
        self._began, self.lost_s, self.lost_j, self.names = now_s, 0.0, 0.0, []

    def in_vain(self, job: int, decision: Decision) -> bool:
        """Return whether the place that was chosen does not answer, and take that up."""
        name = self.reach.place_of(decision.index)
        if not name:
            return False
        if self._up is None or self._up[job, self._points.cluster[decision.index]]:
            self.reach.answered(name)
            return False
        lost = self._timeout_s[name]
        self.lost_s += lost
        self.lost_j += lost * float(self._points.power_w[decision.index])
        self.names.append(name)
        self.reach.failed(name, self._began + self.lost_s, lost)
        return True

    def answering(self, job: int, available: Bool[np.ndarray, " point"]) -> Bool[np.ndarray, " point"]:
        """Return the points whose places answer."""
        return available if self._up is None else available & self._up[job][self._points.cluster]


class _Standing:
    """What can be used, and what is asked for, job by job; it is worked out anew only when something changes."""

    def __init__(self, points: Points, scenario: Scenario) -> None:
        self._points, self._scenario = points, scenario
        self._masks: dict[tuple[float, int], Bool[np.ndarray, " point"]] = {}
        self._goals: dict[tuple[float, ...], Goal] = {}

    def of(self, job: int) -> tuple[Bool[np.ndarray, " point"], float]:
        """Return the points that can be used, and the power that a second model draws."""
        points, second = self._points, int(self._scenario.second[job])
        key = (float(self._scenario.highest_hz[job]), second)
        if key not in self._masks:
            cool = points.frequency_hz <= key[0]
            # A cluster without a lower clock than heat allows runs at its lowest.
            for cluster in range(len(points.clusters)):
                there = points.cluster == cluster
                if not (there & cool).any():
                    cool |= there & (points.frequency_hz <= points.frequency_hz[there].min())
            free = cool & (points.cluster != second)
            self._masks[key] = free if free.any() else cool
        return self._masks[key], float(self._scenario.second_w[job]) if second >= 0 else 0.0

    def goal(self, job: int, taken_w: float, relax: tuple[str, ...], energy_j: float) -> Goal:
        """Return the limits of a job: what a second model draws is no longer there."""
        scenario = self._scenario
        deadline, accuracy = float(scenario.deadline_s[job]), float(scenario.accuracy[job])
        key = (deadline, accuracy, max(float(scenario.power_w[job]) - taken_w, 1e-9))
        if key not in self._goals:
            self._goals[key] = Goal(*key, energy_j, relax)
        return self._goals[key]
