"""The manager: chooses the operating point of each job, and learns from how the jobs went.

The same object drives the simulator and a real machine: whoever runs the jobs asks it before each of them, and tells it
afterwards how long the job took.

>>> from sarto.devices.platforms import platform
>>> from sarto.runtime.goal import Goal
>>> from sarto.runtime.points import Points, Variant, grid
>>> xu3 = platform("odroid_xu3")
>>> points = Points.of(grid([Variant("half", 0.63, 0.5), Variant("full", 0.71, 1.0)], xu3))
>>> manager = Manager(points, "min_energy", changes=Changes.of(xu3))
>>> first = manager.decide(Goal.of(deadline="400ms", accuracy=0.65))
>>> print(first.point.name)
full on a7 at 1.3 GHz
>>> manager.observe(first, 0.43)  # half as slow again as it should have been
>>> print(manager.decide(Goal.of(deadline="400ms", accuracy=0.65)).point.name)
full on a15 at 1 GHz
"""

from __future__ import annotations

import math
import os
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sarto.core.errors import SartoError
from sarto.core.points import OperatingPoint
from sarto.core.rooms import load_method
from sarto.devices.platforms import Platform
from sarto.runtime.company import Company, Learned
from sarto.runtime.goal import Goal
from sarto.runtime.points import Points
from sarto.runtime.policies._choice import Policy, State
from sarto.runtime.slowdown import Slowdown

ROOM = "sarto.runtime.policies"


@dataclass(frozen=True)
class Changes:
    """Time that is lost when the next job runs in another setting, in s."""

    frequency_s: float = 0.0
    move_s: float = 0.0

    @staticmethod
    def of(platform: Platform) -> Changes:
        """Return those of a platform."""
        return Changes(platform.frequency_change_s.value, platform.move_s.value)


@dataclass(eq=False, slots=True)
class Decision:
    """A point for one job; nobody changes it, and as for a `State` that is not enforced.

    Attributes:
        index: of the point.
        point: itself.
        goal: that it was chosen for.
        expected_s: time that the job should take, the change of setting included.
        margin: factor that was kept on times.
        relaxed: limits that gave way.
        change_s: of the expected time, that of the change of setting.
        state: what was known when it was made.
        others: programs that wanted a processor then, without this one.
        learned: where to learn how its job went; None for one that was foreseen.
    """

    index: int
    point: OperatingPoint
    goal: Goal
    expected_s: float
    margin: float
    relaxed: tuple[str, ...]
    change_s: float
    state: State
    others: float = 0.0
    learned: Learned | None = None


class Manager:
    """Chooses points by a policy.

    Args:
        points: to choose from.
        policy: its name in `sarto.runtime.policies`, or a policy with its settings.
        changes: what a change of setting takes.
        late: share of jobs that may be late.
        cores: processors that jobs share with other programs, where it is known how many of these there are; by default
            those of this machine.

    Raises:
        SartoError: E111, for an unknown policy; E180, for one that goes by energy where none is known.

    Attributes:
        points, policy: as given.
        learned: of the machine, beside as many other programs as at the last decision; places elsewhere are learned of
            one by one, see `levels`.
    """

    def __init__(
        self,
        points: Points,
        policy: str | Policy,
        *,
        changes: Changes = Changes(),
        late: float = 0.05,
        cores: int | None = None,
    ) -> None:
        self.points = points
        self.policy: Policy = load_method(ROOM, policy).Policy() if isinstance(policy, str) else policy
        if getattr(self.policy, "needs_energy", False) and not np.isfinite(points.energy_j).any():
            name = policy if isinstance(policy, str) else type(policy).__module__.rpartition(".")[2]
            raise SartoError(
                "E180",
                f"the policy {name} goes by energy, and that of no point is known",
                cause="no power was measured or stated, as on a platform that was calibrated without a power monitor",
                hint="take max_accuracy, utility, performance, powersave or schedutil, or state the powers",
            )
        self._company = Company(len(points.clusters), late, cores=cores or os.cpu_count() or 1)
        self.learned = self._company.beside()
        # What slows a place elsewhere down says nothing of this device, and the other way round.
        self._elsewhere = {number: Slowdown(1, late) for number in points.places}
        self._changes = _Changes(points, changes)
        self._all = np.ones(len(points), bool)
        self._last, self._ratio, self._period_s, self._spent_j, self._jobs = -1, 1.0, 0.0, 0.0, 0

    @property
    def slowdown(self) -> Slowdown:
        """How much slower jobs are than stated."""
        return self.learned.slowdown

    def decide(
        self, goal: Goal, available: Bool[np.ndarray, " point"] | None = None, others: float = 0.0
    ) -> Decision:
        """Return the point for the next job.

        Args:
            goal: what is asked for.
            available: points that can be used now; by default all.
            others: programs that want a processor now, without this one; what was learned is kept by it.

        Raises:
            SartoError: E116, when none is available, or power is limited and that of no point is known.
        """
        self.learned = self._company.beside(others)
        return self._decide(goal, available, self.levels(), self.learned, others)

    def levels(self) -> Float[np.ndarray, " cluster"]:
        """Return how many times as slow as stated jobs run on each cluster, and at each place; used again."""
        found = self.slowdown.of()
        for number, place in self._elsewhere.items():
            found[number] = place.of()[0]
        return found

    def foresee(
        self,
        goal: Goal,
        available: Bool[np.ndarray, " point"] | None,
        slowdown: Float[np.ndarray, " cluster"],
    ) -> Decision:
        """Return the point that would be chosen by one who knows how much slower the next job will run."""
        return self._decide(goal, available, slowdown, None)

    def _decide(
        self,
        goal: Goal,
        available: Bool[np.ndarray, " point"] | None,
        slowdown: Float[np.ndarray, " cluster"],
        learned: Learned | None,
        others: float = 0.0,
    ) -> Decision:
        points, margin = self.points, 1.0 if learned is None else learned.slowdown.margin
        self._check(goal, available)
        change = self._changes.after(self._last)
        factor = slowdown.take(points.cluster)
        state = State(
            points.latency_s * factor + change,
            points.energy_j * factor + self._changes.energy_j,
            margin,
            self._all if available is None else available,
            self._last,
            self._ratio,
            self._period_s,
            self._spent_j,
            self._jobs,
            None if learned is None else learned.tails,
        )
        expected = state.latency_s
        if self._elsewhere and margin > 1.0:  # each place has a margin of its own
            expected = expected.copy()
            for number, place in self._elsewhere.items():
                state.latency_s[points.cluster == number] *= place.margin / margin
        choice = self.policy.choose(points, goal, state)
        index = choice.index
        return Decision(
            index,
            points.points[index],
            goal,
            float(expected[index]),
            margin,
            choice.relaxed,
            float(change[index]),
            state,
            others,
            learned,
        )

    def reasons(self, decision: Decision) -> tuple[int, tuple[str, ...]]:
        """Return the point that would have been chosen without limits, and the limits that it would have broken."""
        goal, state, points = decision.goal, decision.state, self.points
        favourite = self.policy.choose(points, Goal(relax=goal.relax), state).index
        broken = {
            "power": points.power_w[favourite] > goal.power_w,
            "deadline": state.latency_s[favourite] * state.margin > goal.deadline_s,
            "accuracy": points.accuracy[favourite] < goal.accuracy,
            "energy": points.energy_j[favourite] > goal.energy_j,
        }
        return favourite, tuple(limit for limit, is_so in broken.items() if is_so)

    def _check(self, goal: Goal, available: Bool[np.ndarray, " point"] | None) -> None:
        if available is not None and not np.count_nonzero(available):
            raise SartoError(
                "E116",
                "no operating point is available",
                cause="all were ruled out",
                hint="leave one or more",
            )
        if (math.isfinite(goal.power_w) or math.isfinite(goal.energy_j)) and not self.points.some_power:
            raise SartoError(
                "E116",
                "power or energy is limited, and that of no point is known",
                cause="it was neither measured nor stated",
                hint="give points a power, or leave out the limit",
            )

    def observe(
        self, decision: Decision, latency_s: float, *, period_s: float = 0.0, energy_j: float = 0.0
    ) -> None:
        """Take up how a job went.

        Args:
            decision: that it ran by.
            latency_s: that it took. What is no number above 0 is left out.
            period_s: from the start of the job before to its own, where known; governors go by it.
            energy_j: that it took, where known; by default power times time.
        """
        index = decision.index
        if not (math.isfinite(latency_s) and latency_s > 0):
            return
        ratio = max(latency_s - decision.change_s, 0.01 * latency_s) / float(self.points.latency_s[index])
        learned = decision.learned or self.learned
        learned.tails.heard(index, latency_s / decision.expected_s)
        cluster = int(self.points.cluster[index])
        if cluster in self._elsewhere:
            self._elsewhere[cluster].heard(0, ratio)
        else:
            learned.slowdown.heard(cluster, ratio)
        for number, place in self._elsewhere.items():
            if number != cluster:
                place.unheard()
        self._last, self._ratio, self._period_s = index, ratio, period_s
        spent = energy_j or float(self.points.power_w[index]) * latency_s
        self._spent_j += spent if math.isfinite(spent) else 0.0
        self._jobs += 1


class _Changes:
    """Time that the change from one point to each other takes, and `energy_j` that is drawn meanwhile at the latter."""

    def __init__(self, points: Points, changes: Changes) -> None:
        self._points, self._costs = points, changes
        self._of: int = -1
        self._known: Float[np.ndarray, " point"] = np.zeros(len(points))
        self.energy_j = self._known

    def after(self, last: int) -> Float[np.ndarray, " point"]:
        """Return the time to each point from the last one, if there was one."""
        if last != self._of:
            points = self._points
            moved = points.cluster != points.cluster[last]
            changed = points.frequency_hz != points.frequency_hz[last]
            known = np.where(moved, self._costs.move_s, np.where(changed, self._costs.frequency_s, 0.0))
            # Between this device and a place elsewhere nothing is moved; of connections nothing is known.
            self._known = np.where(points.remote | points.remote[last], 0.0, known)
            self.energy_j = self._known * np.where(np.isnan(points.power_w), 0.0, points.power_w)
            self._of = last
        return self._known
