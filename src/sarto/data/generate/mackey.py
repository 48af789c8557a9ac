"""The Mackey-Glass equation: production of blood cells with a delay, chaotic from a delay of about 17 on.

    dx/dt = .2 x(t - tau) / (1 + x(t - tau)^10) - .1 x(t)

integrated by the classical Runge-Kutta method with `substeps` steps per time unit (10: h = .1); the delay is a whole
number of steps, and the delayed value in the middle of a step comes from the cubic Hermite polynomial through both its
ends and their slopes, whose error is of the fourth order too. Before t = 0 the value is constant. One sample is given
per time unit. tau = 17 is mildly chaotic, tau = 30 more so.

Source: Mackey and Glass, "Oscillation and chaos in physiological control systems", Science 197 (1977), eq. 4b; the
parameters and the sampling: Jaeger and Haas, "Harnessing nonlinearity", Science 304 (2004), supporting text, who
integrate with h = .1 as well.

>>> series = mackey_glass(1000, seed=0)
>>> bool(0.2 < series.min()), bool(series.max() < 1.4)
(True, True)
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

from sarto.core.seed import generator
from sarto.data.generate.counts import at_least

PRODUCTION, POWER, DECAY = 0.2, 10, 0.1


def mackey_glass(
    steps: int, *, seed: int, tau: int = 17, substeps: int = 10, skip: int = 1000, start: float | None = None
) -> Float[np.ndarray, " step"]:
    """Return samples, one per time unit.

    Args:
        steps: samples.
        seed: of the constant value before t = 0, from U(.8, 1.6); not used when `start` is given.
        tau: delay, in time units.
        substeps: integration steps per time unit.
        skip: first samples that are left out, on the way to the attractor.
        start: the constant value before t = 0, which is sample 0 of those that may be skipped.

    Raises:
        SartoError: E112, for a setting out of range.
    """
    for name, value, least in (
        ("steps", steps, 1),
        ("tau", tau, 1),
        ("substeps", substeps, 1),
        ("skip", skip, 0),
    ):
        at_least(name, value, least)
    drawn = float(generator(seed, "mackey glass").uniform(0.8, 1.6))
    first = drawn if start is None else float(start)
    x = trajectory(first, (skip + steps - 1) * substeps, tau * substeps, 1 / substeps)
    return np.array(x[tau * substeps :: substeps])[skip:]


def trajectory(first: float, steps: int, delay: int, h: float) -> list[float]:
    """Return x at the times -delay h, ..., 0, h, ..., steps h, with the constant `first` up to time 0."""
    x = [first] * (delay + 1)
    slopes = [0.0] * delay
    x_late, slope_late = first, 0.0
    for n in range(steps):
        # x[n] is one delay ago; from 0 on the slope there is the one that the equation gave.
        now, x_early, slope_early = x[-1], x_late, slope_late
        x_late = x[n + 1]
        k1 = _slope(now, x_early)
        slopes.append(k1)
        # The history's slope jumps at time 0, from 0 to the equation's: each side has its own.
        slope_late = slopes[n + 1] if n + 1 != delay else 0.0
        middle = (x_early + x_late) / 2 + h * (slope_early - slope_late) / 8
        k2 = _slope(now + h / 2 * k1, middle)
        k3 = _slope(now + h / 2 * k2, middle)
        k4 = _slope(now + h * k3, x_late)
        x.append(now + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4))
        if n + 1 == delay:
            slope_late = slopes[delay]
    return x


def _slope(x: float, late: float) -> float:
    return PRODUCTION * late / (1 + late**POWER) - DECAY * x
