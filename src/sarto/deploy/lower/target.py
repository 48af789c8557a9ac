"""What an operation writes: integers of a scale, within limits, and within bounds that a network has for its numbers.

Bounds of ReLU, ReLU6 and `clip` are limits of the counts, and cost nothing beside those that integers have anyway:

    low' = max(low, round(least / s)),    high' = min(high, round(most / s))

>>> Target("fc1_relu", 0.5, (-127, 127), bounds=(0.0, 6.0)).within(0.5)
(0, 12)
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """What an operation writes.

    Attributes:
        node: whose output it is.
        scale: of its counts, or 0 for scores, which keep what there is in full.
        limits: of the counts, whatever they stand for.
        slope: of what is below 0.
        bounds: of the numbers that they stand for.
    """

    node: str
    scale: float
    limits: tuple[int, int]
    slope: float = 1.0
    bounds: tuple[float, float] = (-math.inf, math.inf)

    def within(self, scale: float) -> tuple[int, int]:
        """Return the limits of counts of `scale`, those of the bounds among them; there is always a number left."""
        ends = [
            round(bound / scale) if math.isfinite(bound) else end
            for bound, end in zip(self.bounds, self.limits, strict=True)
        ]
        low = min(max(self.limits[0], ends[0]), self.limits[1])
        return low, max(low, min(self.limits[1], ends[1]))

    def held(self, scale: float) -> tuple[int, int]:
        """Return the limits that choose how many bits a count has: bounds leave words and signs as they are.

        Scores have 32 bits, whatever their bounds.
        """
        return (self.limits[0], self.within(scale)[1]) if self.scale else self.limits
