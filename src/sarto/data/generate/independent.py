"""Independent uniform numbers, the input of memory tasks, and the same input some steps ago, their targets.

    u_t ~ U(low, high), independent;   target of lag k:  y_t = u_{t-k},  k = 1, 2, ...

The first k values of lag k are NaN: they would be of an input before the first step. A judge leaves out as many steps
as the longest lag.

Source: Jaeger, "Short term memory in echo state networks", GMD report 152 (2001), section 2, for the task.

>>> u = independent(4, seed=0, low=-0.8, high=0.8)
>>> delayed(u, 2)[2:, 1].tolist() == u[:2].tolist(), delayed(u, 2).shape
(True, (4, 2))
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from sarto.core.seed import generator
from sarto.data.generate.counts import at_least


def independent(steps: int, *, seed: int, low: float = -1.0, high: float = 1.0) -> Float[np.ndarray, " step"]:
    """Return `steps` independent numbers from U(low, high)."""
    at_least("steps", steps, 1)
    return generator(seed, "independent input").uniform(low, high, steps)


def delayed(u: Float[np.ndarray, " step"], lags: int) -> Float[np.ndarray, "step lag"]:
    """Return u_{t-k} for k = 1 to `lags` as columns; NaN where there is no such input."""
    at_least("lags", lags, 1)
    at_least("steps of u", len(u), lags + 1)
    out = np.full((len(u), lags), np.nan)
    for lag in range(1, lags + 1):
        out[lag:, lag - 1] = u[:-lag]
    return out
