"""Schedutil: the best variant on the fastest cluster, at the lowest clock that leaves a fifth of the time free."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sarto.runtime.goal import Goal
from sarto.runtime.points import Points
from sarto.runtime.policies._choice import Choice, State
from sarto.runtime.policies._governor import enough, of_best, on_fastest


@dataclass(frozen=True)
class Policy:
    """The clock by the load."""

    def choose(self, points: Points, goal: Goal, state: State) -> Choice:
        """Return the slowest point with enough headroom."""
        found = enough(points, on_fastest(points, of_best(points, state)), state)
        return Choice(int(np.where(found, points.latency_s, -np.inf).argmax()))
