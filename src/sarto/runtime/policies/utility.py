"""Utility: the point of the most weighted sum of accuracy, energy and time, of those that meet all limits.

    u = w_a a - w_e E / max E - w_t t / D

where max E is the most that a point takes without any slowdown, and D the deadline (without one, the longest time).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from sarto.core.errors import SartoError
from sarto.runtime.goal import Goal
from sarto.runtime.points import Points
from sarto.runtime.policies._choice import Choice, State, allowed


@dataclass(frozen=True)
class Policy:
    """Weights of what the user wants.

    Attributes:
        accuracy: weight of the accuracy (0 to 1).
        energy: weight of the energy, as a share of the most.
        time: weight of the time, as a share of the deadline.
    """

    accuracy: float = 1.0
    energy: float = 0.1
    time: float = 0.0

    def __post_init__(self) -> None:
        weights = (self.accuracy, self.energy, self.time)
        if not all(math.isfinite(w) and w >= 0 for w in weights):
            raise SartoError(
                "E116",
                f"weights {weights}",
                cause="they are finite and at least 0",
                hint="such as 1, 0.1 and 0",
            )

    def choose(self, points: Points, goal: Goal, state: State) -> Choice:
        """Return the point of the most utility; energy that is not known weighs nothing."""
        left, relaxed = allowed(points, goal, state)
        longest = goal.deadline_s if math.isfinite(goal.deadline_s) else float(points.latency_s.max())
        score = self.accuracy * points.accuracy - self.time * state.latency_s / longest
        if points.knows_power:
            score = score - self.energy * state.energy_j / points.energy_j.max()
        return Choice(left.item(score.take(left).argmax()), relaxed)
