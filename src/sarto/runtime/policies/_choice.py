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
from jaxtyping import Bool, Float, Int

from sarto.runtime.goal import Goal
from sarto.runtime.points import Points, least, least_over
from sarto.runtime.tails import Tails

LEFT = 0.25
"""Of the logarithm of the margin, what is kept when it gives way: the other limits are broken rather than that."""


@dataclass(eq=False, slots=True)
class State:
    """What is known when a job is about to run; nobody changes it (to freeze it takes longer than to choose by it).

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
        tails: how often jobs took much longer than expected, or None where nothing was heard.
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
    tails: Tails | None = None


@dataclass(slots=True)
class Choice:
    """The point that was chosen, and the limits that had to give way; nobody changes it, as a `State`."""

    index: int
    relaxed: tuple[str, ...] = ()


@runtime_checkable
class Policy(Protocol):
    """How an operating point is chosen."""

    def choose(self, points: Points, goal: Goal, state: State) -> Choice:
        """Return the point for the next job; at least one is available."""
        ...


def allowed(points: Points, goal: Goal, state: State) -> tuple[Int[np.ndarray, " left"], tuple[str, ...]]:
    """Return the points that may be chosen, by rising number, and the limits that they break for want of others.

    This runs before every job, so it goes by what numpy does quickest: take() for where(), argmin() for min().
    """
    lasting = points.lasting(goal, state.available)
    if len(within := lasting.within):
        most = goal.deadline_s / state.margin
        times = state.latency_s.take(within)
        fastest = times.item(times.argmin())
        if fastest <= most:
            return within[times <= most], ()
        if fastest <= goal.deadline_s / state.margin**LEFT:
            return within[times <= fastest], ()
    left, relaxed = lasting.firm, lasting.relaxed
    for limit in lasting.rest:
        amounts = state.latency_s if limit == "deadline" else points.amounts(limit)
        most = goal.deadline_s / state.margin if limit == "deadline" else goal.most(limit)
        left, broken = least_over(left, amounts, most)
        relaxed = (*relaxed, limit) if broken else relaxed
    return left, relaxed


def most_accurate(points: Points, left: Int[np.ndarray, " left"]) -> Int[np.ndarray, " best"]:
    """Return the most accurate of the points that are `left`, of which there is one."""
    return least(left, points.amounts("accuracy"))


def cheapest(points: Points, left: Int[np.ndarray, " left"], state: State, hysteresis: float) -> int:
    """Return the point of least energy among those `left`, or the last one if it is among them and takes hardly more.

    Points whose energy is not known come after all others; where that of none is, it is the fastest.
    """
    if len(left) == 1:
        return left.item()
    cost = state.energy_j.take(left)
    if not points.knows_power:
        cost[np.isnan(cost)] = np.inf
        if not np.isfinite(cost).any():
            cost = state.latency_s.take(left)
    least, last = int(cost.argmin()), state.last
    best = left.item(least)
    if last < 0 or last == best:
        return best
    place = int(left.searchsorted(last))
    there = place < len(left) and left.item(place) == last
    return last if there and cost.item(place) <= cost.item(least) * (1 + hysteresis) else best
