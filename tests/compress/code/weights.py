"""Arrays like those that pruned and quantised layers have, for the tests of coders."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Symbols = NDArray[np.integer[Any]]


def independent(shape: tuple[int, ...], density: float, values: int, seed: int = 0) -> Symbols:
    """Symbols that know nothing of each other, 0 but for a share of `density`."""
    rng = np.random.default_rng(seed)
    chosen = 1 + np.minimum(rng.geometric(0.4, shape) - 1, values - 1)
    return np.where(rng.random(shape) < density, chosen, 0)


def structured(rows: int, side: int, survivors: int, seed: int = 0, values: int = 8) -> Symbols:
    """Weights of a layer on images of `side` x `side`: a bump of density, 40 % of columns and a sixth of rows dead."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:side, :side] - (side - 1) / 2
    column = np.exp(-(x**2 + y**2) / (2 * (side / 5) ** 2)).ravel()
    column[column <= np.quantile(column, 0.4)] = 0
    row = rng.gamma(2, 1, rows)
    row[rng.permutation(rows)[: rows // 6]] = 0
    share: NDArray[np.float64] = (row[:, None] * column).ravel()
    places = rng.choice(share.size, survivors, replace=False, p=share / share.sum())
    weights = np.zeros(share.size, np.int64)
    weights[places] = 1 + rng.choice(values, survivors)
    return weights.reshape(rows, side * side)
