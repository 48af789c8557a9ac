"""What a policy is given and returns, and which points it may choose from.

A policy knows for every point the time that the next job is expected to take there, the slowdown of now and the change
of setting included. A point is held to meet a deadline D if

    m t <= D

with the margin m that leaves the wanted share of jobs late. When with this margin not every limit can be met, but with
its fourth root they can (of normal errors 3 in 10 are beyond that where 1 in 50 is beyond m), the margin gives way
first, and as little as it must: the fastest of these points is taken. When limits cannot be met even then, they give
way in the order of the goal: of the firmest on, points that break a limit are left out, or, where that would leave
none, all but those that break it least.

>>> import numpy as np
>>> from sarto.core.evidence import Evidence
>>> from sarto.core.points import OperatingPoint
>>> names, figures = ("latency", "power", "energy", "accuracy"), ((0.2, 0.5, 0.1, 0.6), (0.4, 0.5, 0.2, 0.7))
>>> points = Points.of([OperatingPoint(str(row), {}, tuple(Evidence(n, v, "1", "measured", "t")
...                                                         for n, v in zip(names, row))) for row in figures])
>>> state = State(points.latency_s, points.energy_j, 1.2, np.ones(2, bool))
>>> [allowed(points, Goal(d, 0.65), state)[1] for d in (0.5, 0.45, 0.3)]  # with the margin, with less, not at all
[(), (), ('accuracy',)]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Float

from sarto.runtime.goal import Goal
from sarto.runtime.points import Points

LEFT = 0.25
"""Of the logarithm of the margin, what is kept when it gives way: the other limits are broken rather than that."""


@dataclass(frozen=True, eq=False, slots=True)
class State:
    """What is known when a job is about to run.

    Attributes:
        latency_s: that the job is expected to take at each point.
        energy_j: the same; NaN where the power is not known.
        margin: factor on times, so that no more than the wanted share of jobs is late.
        available: points that can be used now.
        last: index of the point of the job before, or -1.
        slowdown: of the job before, over the time that its point states; 1 if there was none.
        period_s: from the start of the job before to that of this one, or 0 if there was none.
        spent_j: energy of all jobs before.
        jobs: how many there were.
    """

    latency_s: Float[np.ndarray, " point"]
    energy_j: Float[np.ndarray, " point"]
    margin: float
    available: Bool[np.ndarray, " point"]
    last: int = -1
    slowdown: float = 1.0
    period_s: float = 0.0
    spent_j: float = 0.0
    jobs: int = 0


@dataclass(frozen=True, slots=True)
class Choice:
    """The point that was chosen, and the limits that had to give way."""

    index: int
    relaxed: tuple[str, ...] = ()


@runtime_checkable
class Policy(Protocol):
    """How an operating point is chosen."""

    def choose(self, points: Points, goal: Goal, state: State) -> Choice:
        """Return the point for the next job; at least one is available."""
        ...


def allowed(points: Points, goal: Goal, state: State) -> tuple[Bool[np.ndarray, " point"], tuple[str, ...]]:
    """Return the points that a policy may choose from, and the limits that they break for want of others."""
    still = points.within(goal.power_w, goal.accuracy) & state.available
    found = still & (state.latency_s <= goal.deadline_s / state.margin)
    if np.count_nonzero(found):  # several times as fast as any(), and this runs before every job
        return found, ()
    found = still & (state.latency_s <= goal.deadline_s / state.margin**LEFT)
    if np.count_nonzero(found):
        return found & (state.latency_s <= state.latency_s[found].min()), ()
    return _least_broken(points, goal, state)


def _least_broken(
    points: Points, goal: Goal, state: State
) -> tuple[Bool[np.ndarray, " point"], tuple[str, ...]]:
    found, relaxed = state.available, ()
    for limit in goal.firm_first:
        if limit == "power":
            if goal.power_w == np.inf:
                continue
            over = points.power_w - goal.power_w
            over = np.where(np.isnan(over), np.inf, over)  # a power that nobody knows keeps no limit
        elif limit == "deadline":
            over = state.latency_s * state.margin - goal.deadline_s
        else:
            over = goal.accuracy - points.accuracy
        kept = found & (over <= 0)
        if not np.count_nonzero(kept):
            relaxed = (*relaxed, limit)
            kept = found & (over <= over[found].min())
        found = kept
    return found, relaxed


def most_accurate(points: Points, found: Bool[np.ndarray, " point"]) -> Bool[np.ndarray, " point"]:
    """Return the most accurate of the points that were `found`, of which there is one."""
    return found & (points.accuracy >= points.accuracy[found].max())


def cheapest(
    found: Bool[np.ndarray, " point"], energy_j: Float[np.ndarray, " point"], last: int, hysteresis: float
) -> int:
    """Return the point of least energy among those `found`, or the `last` one if it takes hardly more.

    Points whose energy nobody knows come after all others, the first of them in front.
    """
    cost = np.where(found, energy_j, np.inf)
    best = int(cost.argmin())
    if not cost[best] < np.inf:  # argmin stops at what is not known
        cost = np.where(np.isnan(cost), np.inf, cost)
        best = int(cost.argmin())
        if not cost[best] < np.inf:
            return int(found.argmax())
    return last if last >= 0 and cost[last] <= cost[best] * (1 + hysteresis) else best
