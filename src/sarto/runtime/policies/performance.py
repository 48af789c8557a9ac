"""Performance: the best variant on the fastest cluster at its highest clock, as the kernel's governor of that name."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sarto.runtime.goal import Goal
from sarto.runtime.points import Points
from sarto.runtime.policies._choice import Choice, State
from sarto.runtime.policies._governor import of_best


@dataclass(frozen=True)
class Policy:
    """The highest clock."""

    def choose(self, points: Points, goal: Goal, state: State) -> Choice:
        """Return the fastest point of the best variant."""
        return Choice(int(np.where(of_best(points, state), points.latency_s, np.inf).argmin()))
