"""Least energy: of the points that meet all limits, that whose job takes least.

Source: the choice by a table of operating points of L. Xun et al., "Incremental training and group convolution pruning
for runtime DNN performance scaling on heterogeneous embedded platforms", MLCAD 2019, arXiv:2105.03600.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from sarto.runtime.goal import Goal
from sarto.runtime.points import Points
from sarto.runtime.policies._choice import Choice, State, allowed, cheapest


@dataclass(frozen=True)
class Policy:
    """Least energy.

    Attributes:
        hysteresis: share of energy that a change of point must save.
    """

    hysteresis: float = 0.02

    needs_energy: ClassVar[bool] = True

    def choose(self, points: Points, goal: Goal, state: State) -> Choice:
        """Return the point of least energy."""
        left, relaxed = allowed(points, goal, state)
        return Choice(cheapest(points, left, state, self.hysteresis), relaxed)
