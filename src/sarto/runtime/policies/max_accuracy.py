"""Most accuracy: of the points that meet all limits, the most accurate, and of these that of least energy."""

from __future__ import annotations

from dataclasses import dataclass

from sarto.runtime.goal import Goal
from sarto.runtime.points import Points
from sarto.runtime.policies._choice import Choice, State, allowed, cheapest, most_accurate


@dataclass(frozen=True)
class Policy:
    """Most accuracy, then least energy.

    Attributes:
        hysteresis: share of energy that a change between points of equal accuracy must save.
    """

    hysteresis: float = 0.02

    def choose(self, points: Points, goal: Goal, state: State) -> Choice:
        """Return the most accurate point."""
        left, relaxed = allowed(points, goal, state)
        best = most_accurate(points, left)
        return Choice(cheapest(points, best, state, self.hysteresis), relaxed)
