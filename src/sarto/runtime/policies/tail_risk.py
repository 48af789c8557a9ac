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
from jaxtyping import Int

from sarto.core.errors import SartoError
from sarto.runtime.goal import Goal
from sarto.runtime.points import Points, least
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
        left, relaxed = allowed(points, goal, state)
        tails = state.tails
        if tails is not None and math.isfinite(goal.deadline_s):
            within = points.lasting(goal, state.available).within
            quick = within[state.latency_s.take(within) <= goal.deadline_s]
            if len(quick):
                quick = self._candidates(points, goal, state, tails, quick, left[:0] if relaxed else left)
            if len(quick):
                left, relaxed = quick, ()
            else:
                left = least(left, state.latency_s)
        return Choice(cheapest(points, most_accurate(points, left), state, self.hysteresis), relaxed)

    def _candidates(
        self,
        points: Points,
        goal: Goal,
        state: State,
        tails: Tails,
        quick: Int[np.ndarray, " quick"],
        safe: Int[np.ndarray, " safe"],
    ) -> Int[np.ndarray, " candidate"]:
        """Return which of the points that are expected to be on time may be chosen, of which some are `safe`."""
        limits = tails.refused(
            state.latency_s, points.cluster, goal.deadline_s, target=self.target, caution=self.caution
        )
        if limits:
            # What is as slow as a point of its cluster that is late too often is late too often itself.
            longest = np.full(len(points.clusters), math.inf)
            for number, time in limits.items():
                longest[number] = time
            quick = quick[state.latency_s.take(quick) < longest.take(points.cluster.take(quick))]
        tried = np.zeros(len(points), bool)
        tried[tails.known()] = True
        tried[safe] = True
        if state.last >= 0 and tails.steady >= self.probe:
            tried[_next(points, quick, state.last)] = True
        return quick[tried.take(quick)]


def _next(points: Points, left: Int[np.ndarray, " left"], last: int) -> Int[np.ndarray, " next"]:
    """Return those of the points with the next accuracy above that of the last one."""
    better = left[points.accuracy.take(left) > points.accuracy.item(last)]
    return least(better, points.accuracy) if len(better) else better
