"""Powersave: the best variant on the fastest cluster at its lowest clock, as the kernel's governor of that name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sarto.runtime.goal import Goal
from sarto.runtime.points import Points
from sarto.runtime.policies._choice import Choice, State
from sarto.runtime.policies._governor import of_best, on_fastest


@dataclass(frozen=True)
class Policy:
    """The lowest clock."""

    def choose(self, points: Points, goal: Goal, state: State) -> Choice:
        """Return the slowest point of the best variant on the fastest cluster."""
        found = on_fastest(points, of_best(points, state))
        return Choice(int(np.where(found, points.latency_s, -np.inf).argmax()))
