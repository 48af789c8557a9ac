"""Euler state network (EuSN): `build` returns a dense reservoir that neither damps nor amplifies what it holds.

    h' = h + eps tanh((A - gamma I) h + W_x x + b),    A = W - W^T

with step eps = `leak`, diffusion gamma, W ~ U and A rescaled to spectral radius `radius`, W_x ~ U(-s, s),
b ~ U(-s_b, s_b). It is an ordinary differential equation by Euler's forward steps: the eigenvalues i omega of the
antisymmetric A are imaginary, so that the state turns; those of a step at rest are 1 - eps gamma +- i eps omega, and
none is outside the unit circle if and only if

    eps <= 2 gamma / (gamma^2 + radius^2)

`step_bound` returns this. The published defaults (eps = .01, gamma = .001, entries of W from U(-1, 1)) break it for 100
neurons, and only the saturation of tanh bounds the step; here gamma is by default the smallest one that keeps it, so
that the fastest turn does not fade at all and no other by more than eps gamma per step. The state depends on the whole
sequence, and a washout means little to it.

Source: Gallicchio, "Euler state networks: non-dissipative reservoir computing", Neurocomputing 579 (2024). The bound
follows from the eigenvalues above.

>>> cell = build(20, 3, seed=0, leak=0.1, radius=0.9, input_scaling=1.0, bias_scaling=0.0)
>>> round(cell.effective_radius(), 9), round(step_bound(0.01, 1.0), 6)
(1.0, 0.019998)
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from sarto.models.input_error import InputError
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._weights import (
    bad_parameter,
    check_parameters,
    draw_uniform,
    rescaled,
    spectral_radius,
)

SLACK = 1e-9
"""Of the bound, relative: what rounding of the eigenvalues takes."""


def step_bound(diffusion: float, radius: float) -> float:
    """Return the largest eps for which no eigenvalue of a step at rest leaves the unit circle."""
    return 2 * diffusion / (diffusion**2 + radius**2)


def least_diffusion(leak: float, radius: float) -> float:
    """Return the smallest gamma that keeps eps = `leak` within `step_bound`; there is none when eps radius > 1.

    It solves eps gamma^2 - 2 gamma + eps radius^2 = 0.
    """
    turn = leak * radius
    return leak * radius**2 / (1 + math.sqrt(1 - turn**2))


def searched(settings: Mapping[str, float]) -> dict[str, Any]:
    """Return what a search changes of settings that it draws for every cell: no step is above 1 / radius."""
    return {"radius": min(settings["radius"], 1 / settings["leak"])}


def build(
    units: int,
    channels: int,
    *,
    seed: int,
    leak: float,
    radius: float,
    input_scaling: float,
    bias_scaling: float,
    diffusion: float | None = None,
    recurrent_scaling: float | None = None,
    bounded: bool = True,
) -> Reservoir:
    """Return an Euler state network; the same arguments give the same weights.

    Args:
        units: neurons N, at least 2.
        channels: input channels D.
        seed: of the draws of W, W_x and b, each of its own stream.
        leak: eps in (0, 1], the step.
        radius: spectral radius of A, the fastest turn in radians per unit of time.
        input_scaling: s, bound of each entry of W_x.
        bias_scaling: s_b, bound of each entry of b.
        diffusion: gamma, at least 0; None is the smallest one that keeps the step bound.
        recurrent_scaling: w_r, bound of each entry of W as published, in place of `radius`.
        bounded: whether a step above its bound is refused; the published defaults are above it.

    Raises:
        InputError: E116, for a parameter outside its range, or a step above its bound.
    """
    check_parameters(
        units=units,
        channels=channels,
        leak=leak,
        radius=radius,
        input_scaling=input_scaling,
        bias_scaling=bias_scaling,
    )
    if units < 2:
        raise bad_parameter("units", units, "at least 2", "one neuron has no antisymmetric weights")
    drawn = draw_uniform(seed, "eusn", "recurrent", (units, units), recurrent_scaling or 1.0)
    turning = drawn - drawn.T
    if recurrent_scaling is None:
        turning = rescaled(turning, radius)
    fastest = radius if recurrent_scaling is None else spectral_radius(turning)
    if diffusion is None:
        if leak * fastest > 1 and bounded:
            raise _above(leak, fastest, f"no diffusion bounds a step above 1 / radius = {1 / fastest:.3g}")
        diffusion = least_diffusion(leak, fastest) if leak * fastest <= 1 else 1 / leak
    if not (math.isfinite(diffusion) and diffusion >= 0):
        raise bad_parameter(
            "diffusion", diffusion, "finite and at least 0", "a negative one amplifies the state"
        )
    if bounded and leak > step_bound(diffusion, fastest) * (1 + SLACK):
        limit = f"2 gamma / (gamma^2 + radius^2) = {step_bound(diffusion, fastest):.3g} with gamma = {diffusion:.3g}"
        raise _above(leak, fastest, f"the state grows when eps is above {limit}")
    return Reservoir(
        "eusn",
        turning - diffusion * np.eye(units),
        draw_uniform(seed, "eusn", "inputs", (units, channels), input_scaling),
        draw_uniform(seed, "eusn", "bias", (units,), bias_scaling),
        alpha=1.0,
        beta=float(leak),
    )


def _above(leak: float, radius: float, cause: str) -> InputError:
    return InputError(
        "E116",
        f"leak = {leak} is a step above its bound for a radius of {radius:.3g}",
        cause=cause,
        hint="use a smaller leak or radius, leave diffusion out, or say bounded=False to try it all the same",
    )
