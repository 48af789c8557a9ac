"""Tail risk: the most accurate point at which no more than a target share of jobs is late, by how late they were.

Points that meet all limits with the margin may be chosen, as with `max_accuracy`; so may those that ran lately and are
expected to be on time, whatever the margin. From both are taken away those that are late too often: see
`sarto.runtime.tails`. When the same point has run for `probe` jobs, the next more accurate one that is expected to be
on time runs once, so that it becomes known. If nothing is left, the fastest of what the margin allows is taken.

Source: the closed loop on misses per width and not on a mean slowdown, since preemption is heavy-tailed, is this
project's; upper confidence bounds with forgetting: A. Garivier and E. Moulines, "On upper-confidence bound policies for
switching bandit problems", ALT 2011, arXiv:0805.3415.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from sarto.core.errors import SartoError
from sarto.runtime.goal import Goal
from sarto.runtime.points import Points
from sarto.runtime.policies._choice import Choice, State, allowed, cheapest, most_accurate
from sarto.runtime.tails import Tails


@dataclass(frozen=True)
class Policy:
    """Most accuracy within a share of late jobs.

    Attributes:
        target: share of jobs that may be late.
        caution: standard deviations that are added to the share of a point.
        probe: jobs at one point, after which a more accurate one is tried.
        hysteresis: share of energy that a change between points of equal accuracy must save.
    """

    target: float = 0.02
    caution: float = 0.5
    probe: int = 100
    hysteresis: float = 0.02

    def __post_init__(self) -> None:
        if not (0 < self.target < 1 and self.caution >= 0 and self.probe >= 1):
            raise SartoError(
                "E116",
                f"a tail risk of {self.target:g} with caution {self.caution:g}, probed after {self.probe} jobs",
                cause="the target lies between 0 and 1, caution is at least 0, and probe at least 1",
                hint="such as 0.02, 0.5 and 100",
            )

    def choose(self, points: Points, goal: Goal, state: State) -> Choice:
        """Return the most accurate point that is late seldom enough."""
        found, relaxed = allowed(points, goal, state)
        tails = state.tails
        if tails is not None and math.isfinite(goal.deadline_s):
            quick = points.lasting(goal, state.available).within & (state.latency_s <= goal.deadline_s)
            candidates = quick
            if np.count_nonzero(quick):
                candidates = self._candidates(points, goal, state, tails, quick, found, bool(relaxed))
            if np.count_nonzero(candidates):
                found, relaxed = candidates, ()
            else:
                times = np.where(found, state.latency_s, np.inf)
                found = times <= times[times.argmin()]
        return Choice(cheapest(points, most_accurate(points, found), state, self.hysteresis), relaxed)

    def _candidates(
        self,
        points: Points,
        goal: Goal,
        state: State,
        tails: Tails,
        quick: Bool[np.ndarray, " point"],
        found: Bool[np.ndarray, " point"],
        relaxed: bool,
    ) -> Bool[np.ndarray, " point"]:
        """Return which of the points that are expected to be on time may be chosen."""
        seldom = quick & self._seldom(points, goal, state, tails)
        known = np.zeros(len(points), bool)
        known[tails.known()] = True
        candidates = seldom & known if relaxed else seldom & (known | found)
        if state.last >= 0 and tails.steady >= self.probe:
            candidates = candidates | self._next(points, seldom, state.last)
        return candidates

    def _seldom(self, points: Points, goal: Goal, state: State, tails: Tails) -> Bool[np.ndarray, " point"]:
        """Return the points that are faster than any of their cluster that is late too often."""
        limits = tails.refused(
            state.latency_s, points.cluster, goal.deadline_s, target=self.target, caution=self.caution
        )
        if not limits:
            return state.available
        least = np.array([limits.get(number, math.inf) for number in range(len(points.clusters))])
        return state.latency_s < least.take(points.cluster)

    def _next(
        self, points: Points, seldom: Bool[np.ndarray, " point"], last: int
    ) -> Bool[np.ndarray, " point"]:
        """Return the points with the next accuracy above that of the last one."""
        better = np.where(seldom & (points.accuracy > points.accuracy[last]), points.accuracy, np.inf)
        return seldom & (better <= better[better.argmin()]) & (better < np.inf)
