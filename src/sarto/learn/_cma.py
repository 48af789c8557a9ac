# pyright: reportMissingTypeArgument=false, reportUnknownMemberType=false, reportUnknownArgumentType=false
# pyright: reportUnknownVariableType=false
"""Touches the library `cmaes`, whose arrays have no types: generations of points in a unit cube.

>>> cube = CovarianceAdaptation(2, seed=0)
>>> points = cube.ask()
>>> points.shape, bool(((points >= 0) & (points <= 1)).all())
((6, 2), True)
"""

from __future__ import annotations

import cmaes
import numpy as np
from jaxtyping import Float

SPREAD = 0.3
"""First step size, in widths of the cube.

Source: Hansen, "The CMA evolution strategy: a tutorial", arXiv:1604.00772 (2016), the box with the algorithm.
"""


class CovarianceAdaptation:
    """CMA-ES with its standard population, 4 + floor(3 ln n), from the middle of the cube."""

    def __init__(self, dimensions: int, *, seed: int) -> None:
        bounds = np.tile([0.0, 1.0], (dimensions, 1))
        self._strategy = cmaes.CMA(np.full(dimensions, 0.5), SPREAD, bounds=bounds, seed=seed)

    @property
    def centre(self) -> Float[np.ndarray, " dimension"]:
        """Mean of the distribution: where the strategy believes the best point to be."""
        return np.clip(self._strategy.mean, 0.0, 1.0)

    def ask(self) -> Float[np.ndarray, "point dimension"]:
        """Return a generation."""
        return np.array([self._strategy.ask() for _ in range(self._strategy.population_size)])

    def tell(self, points: Float[np.ndarray, "point dimension"], losses: Float[np.ndarray, " point"]) -> None:
        """Take in the losses of a generation, smaller being better."""
        self._strategy.tell(list(zip(points, losses.tolist(), strict=True)))
