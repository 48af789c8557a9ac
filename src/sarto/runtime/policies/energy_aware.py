"""Energy-aware: the best variant on the cluster that an energy model finds cheapest, with the clock by the load there.

Of each cluster the slowest setting with enough headroom is looked at, and the one of these taken whose job needs least
energy; where no cluster has headroom, the fastest.

Source: Linux, Documentation/scheduler/sched-energy.rst: the CPU with room for a task on which it needs least energy by
the energy model, at the clock that schedutil would choose.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from sarto.runtime.goal import Goal
from sarto.runtime.points import Points
from sarto.runtime.policies._choice import Choice, State
from sarto.runtime.policies._governor import enough, of_best


@dataclass(frozen=True)
class Policy:
    """Cluster by energy, clock by load."""

    needs_energy: ClassVar[bool] = True

    def choose(self, points: Points, goal: Goal, state: State) -> Choice:
        """Return of each cluster's slowest points with headroom the one of least energy."""
        found = enough(points, of_best(points, state), state)
        candidates: list[int] = []
        for cluster in range(len(points.clusters)):
            there = found & (points.cluster == cluster)
            if there.any():
                candidates.append(int(np.where(there, points.latency_s, -np.inf).argmax()))
        return Choice(min(candidates, key=lambda i: points.energy_j[i]))
