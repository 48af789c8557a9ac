"""Lorenz' model of convection of 1963: three channels (x, y, z), chaotic for the usual parameters.

    dx/dt = sigma (y - x),   dy/dt = x (rho - z) - y,   dz/dt = x y - beta z,    (sigma, rho, beta) = (10, 28, 8/3)

integrated by the classical Runge-Kutta method of fourth order, `substeps` steps between two
samples that are `dt` apart. With dt = .02 and 4 sub-steps (h = .005) one sample moves to the next with an error of some
2e-8; where the trajectory goes after some 30 time units is decided by rounding, as in any integrator.
Volumes shrink at the rate sigma + 1 + beta; the largest Lyapunov exponent is .9056 per time unit, so that a
Lyapunov time is 1.104, or 55.2 samples.

Source: Lorenz, "Deterministic nonperiodic flow", Journal of the Atmospheric Sciences 20 (1963), eq. 25 to 27. The
exponent: Sprott, "Chaos and time-series analysis" (2003), table A.5.

>>> series = lorenz(1000, seed=0)
>>> series.shape, bool(np.abs(series).max() < 60)
((1000, 3), True)
"""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float

from sarto.core.seed import generator
from sarto.data.generate.counts import at_least

SIGMA, RHO, BETA = 10.0, 28.0, 8 / 3
LYAPUNOV_EXPONENT = 0.9056
"""The largest, per time unit."""


Number = TypeVar("Number", float, np.ndarray[Any, np.dtype[Any]])


def slope(x: Number, y: Number, z: Number) -> tuple[Number, Number, Number]:
    """Return dx/dt, dy/dt, dz/dt, of one system or of arrays of them."""
    return SIGMA * (y - x), x * (RHO - z) - y, x * y - BETA * z


def runge_kutta(x: float, y: float, z: float, h: float) -> tuple[float, float, float]:
    """Return the state one step `h` later.

    k1 = f(s),  k2 = f(s + h k1 / 2),  k3 = f(s + h k2 / 2),  k4 = f(s + h k3),   s' = s + h (k1 + 2 k2 + 2 k3 + k4) / 6
    """
    half, sixth = h / 2, h / 6
    a1, b1, c1 = slope(x, y, z)
    a2, b2, c2 = slope(x + half * a1, y + half * b1, z + half * c1)
    a3, b3, c3 = slope(x + half * a2, y + half * b2, z + half * c2)
    a4, b4, c4 = slope(x + h * a3, y + h * b3, z + h * c3)
    return (
        x + sixth * (a1 + 2 * a2 + 2 * a3 + a4),
        y + sixth * (b1 + 2 * b2 + 2 * b3 + b4),
        z + sixth * (c1 + 2 * c2 + 2 * c3 + c4),
    )


def lorenz(
    steps: int,
    *,
    seed: int,
    dt: float = 0.02,
    substeps: int = 4,
    skip: int = 2000,
    start: tuple[float, float, float] | None = None,
) -> Float[np.ndarray, "step 3"]:
    """Return samples of one trajectory.

    Args:
        steps: samples.
        seed: of the start, each coordinate from U(-1, 1) and z 25 higher; not used when `start` is given.
        dt: time between two samples.
        substeps: integration steps between two samples.
        skip: first samples that are left out, on the way to the attractor.
        start: the state of sample 0 of those that may be skipped.

    Raises:
        SartoError: E112, for a setting out of range.
    """
    for name, value, least in (("steps", steps, 1), ("substeps", substeps, 1), ("skip", skip, 0)):
        at_least(name, value, least)
    drawn = generator(seed, "lorenz").uniform(-1, 1, 3) + np.array([0, 0, 25.0])
    x, y, z = drawn.tolist() if start is None else start
    samples: list[tuple[float, float, float]] = []
    for _ in range(skip + steps):
        samples.append((x, y, z))
        for _ in range(substeps):
            x, y, z = runge_kutta(x, y, z, dt / substeps)
    return np.array(samples[skip:])
