"""Energy budget: most accuracy in the mean, while jobs take no more than so much energy in the mean.

The best mean accuracy under a mean energy B lies on the upper convex hull of the points (energy, accuracy), between at
most two of them:

    maximise  (1 - s) a_i + s a_j    subject to    (1 - s) E_i + s E_j <= B

Job by job, the dearer of the two is taken whenever what was saved so far pays for it, so that the mean comes to B.

Source: the optimum of a linear program with two constraints has at most two positive variables.

>>> best = mix(np.array([0.02, 0.05, 0.10]), np.array([0.56, 0.60, 0.71]), 0.06)
>>> best.low, best.high, round(best.share, 9)
(0, 2, 0.5)
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import numpy as np
from jaxtyping import Float

from sarto.runtime.goal import Goal
from sarto.runtime.points import Points
from sarto.runtime.policies._choice import Choice, State, allowed, cheapest, most_accurate


@dataclass(frozen=True)
class Mix:
    """Two points and the share of jobs at the dearer one; they are the same where one alone is best."""

    low: int
    high: int
    share: float


def mix(energy_j: Float[np.ndarray, " point"], accuracy: Float[np.ndarray, " point"], budget_j: float) -> Mix:
    """Return the two points of the best mean accuracy within a mean energy.

    Args:
        energy_j: of each point; not finite where it may not be chosen.
        accuracy: of each point.
        budget_j: the mean; below the least energy of all, that point alone is the answer.
    """
    hull = _hull(energy_j, accuracy)
    for low, high in pairwise(hull):
        if energy_j[low] <= budget_j < energy_j[high]:
            share = (budget_j - energy_j[low]) / (energy_j[high] - energy_j[low])
            return Mix(low, high, float(share))
    only = hull[0] if budget_j < energy_j[hull[0]] else hull[-1]
    return Mix(only, only, 1.0)


def _hull(energy_j: Float[np.ndarray, " point"], accuracy: Float[np.ndarray, " point"]) -> list[int]:
    """Return the points of the upper convex hull from the cheapest to the most accurate."""
    order = sorted(np.flatnonzero(np.isfinite(energy_j)).tolist(), key=lambda i: (energy_j[i], -accuracy[i]))
    hull: list[int] = []
    for i in order:
        if hull and accuracy[i] <= accuracy[hull[-1]]:
            continue
        while len(hull) > 1:
            a, b = hull[-2:]
            turns = (energy_j[b] - energy_j[a]) * (accuracy[i] - accuracy[a])
            if turns < (energy_j[i] - energy_j[a]) * (accuracy[b] - accuracy[a]):
                break
            hull.pop()
        hull.append(i)
    return hull


@dataclass(frozen=True)
class Policy:
    """Most accuracy within the mean energy of the goal; without one, as `max_accuracy`."""

    needs_energy: ClassVar[bool] = True

    def choose(self, points: Points, goal: Goal, state: State) -> Choice:
        """Return the dearer point of the mix if what was saved so far pays for it, else the cheaper."""
        left, relaxed = allowed(points, goal, state)
        if not np.isfinite(goal.energy_j):
            best = most_accurate(points, left)
            return Choice(cheapest(points, best, state, 0.0), relaxed)
        mixed = mix(state.energy_j.take(left), points.accuracy.take(left), goal.energy_j)
        low, high = left.item(mixed.low), left.item(mixed.high)
        saved = goal.energy_j * (state.jobs + 1) - state.spent_j
        return Choice(high if saved >= state.energy_j.item(high) else low, relaxed)
