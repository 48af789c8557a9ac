"""The draws and checks that cells share: W_x, b, a recurrent matrix of a stated spectral radius, an orthogonal one.

Conventions. W_x ~ U(-s, s) and b ~ U(-s_b, s_b), entry by entry: the scaling bounds each weight, whatever the number
of channels D. So the drive of a neuron by standardised, independent channels has standard deviation s sqrt(D / 3), as
in every library that scales entries; divide s by sqrt(D) to hold it fixed.

>>> weights = rescaled(np.array([[0.0, 2.0], [2.0, 0.0]]), 0.9)
>>> weights.tolist()
[[0.0, 0.9], [0.9, 0.0]]
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np
from jaxtyping import Float

from sarto.core.seed import generator
from sarto.models.input_error import InputError
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._rotation import Rotation, draw_rotation

Init = Literal["exact", "fast"]
RADIUS_DIGITS = 12
"""Significant digits kept of a computed spectral radius. LAPACK builds differ beyond them, and a reservoir must have
the same weights, hence the same id, on every machine."""


def check_parameters(
    *, units: int, channels: int, leak: float, radius: float, input_scaling: float, bias_scaling: float
) -> None:
    """Refuse parameters that no reservoir can have.

    Raises:
        InputError: E116, naming the parameter, its value and its limit.
    """
    for name, value in (("units", units), ("channels", channels)):
        check_size(name, value, "a reservoir needs neurons and an input")
    check_in("leak", leak, 0, 1, "the state must move, and by no more than its new value")
    check_in("radius", radius, 0, math.inf, "recurrent weights are scaled to this spectral radius")
    check_in("input_scaling", input_scaling, 0, math.inf, "without input the state says nothing")
    if not (math.isfinite(bias_scaling) and bias_scaling >= 0):
        raise bad_parameter(
            "bias_scaling", bias_scaling, "finite and at least 0", "bias weights are drawn from U(-s, s)"
        )


def check_size(name: str, value: int, cause: str) -> None:
    """Refuse a `value` below 1 (E116)."""
    if value < 1:
        raise bad_parameter(name, value, "a whole number of at least 1", cause)


def check_in(name: str, value: float, above: float, most: float, cause: str) -> None:
    """Refuse a `value` that is not finite, not above `above`, or more than `most` (E116)."""
    if not (math.isfinite(value) and above < value <= most):
        limit = f"above {above} and at most {most}" if math.isfinite(most) else f"finite and above {above}"
        raise bad_parameter(name, value, limit, cause)


def bad_parameter(name: str, value: float, limit: str, cause: str) -> InputError:
    """Return the error E116 of a parameter outside its range."""
    return InputError(
        "E116", f"{name} = {value}", cause=f"{name} must be {limit}: {cause}", hint=f"change {name}"
    )


def residual(
    cell: str,
    units: int,
    channels: int,
    *,
    seed: int,
    leak: float,
    radius: float,
    input_scaling: float,
    bias_scaling: float,
    carry: float,
    rotation: Rotation,
    init: Init,
) -> Reservoir:
    """Return h' = carry O h + leak tanh(W h + W_x x + b) with all of it drawn, as the cells with an O have it.

    Raises:
        InputError: E116, for a parameter outside its range; a `carry` of 0 is right only with a leak of 1.
    """
    check_parameters(
        units=units,
        channels=channels,
        leak=leak,
        radius=radius,
        input_scaling=input_scaling,
        bias_scaling=bias_scaling,
    )
    if carry or leak < 1:
        check_in("carry", carry, 0, 1, "it is the share of the old state, which must not grow")
    return Reservoir(
        cell,
        draw_recurrent(seed, cell, units, radius, init),
        draw_uniform(seed, cell, "inputs", (units, channels), input_scaling),
        draw_uniform(seed, cell, "bias", (units,), bias_scaling),
        alpha=float(carry),
        beta=float(leak),
        rotation=draw_rotation(rotation, units, seed, cell),
    )


def draw_recurrent(
    seed: int, cell: str, units: int, radius: float, init: Init, connectivity: float = 1.0
) -> Float[np.ndarray, "neuron neuron"]:
    """Return a dense W, a share `connectivity` of whose entries is not 0, of spectral radius `radius`.

    `exact` rescales by the computed radius, O(N^3). `fast` trusts the circular law: entries of variance radius^2 / N
    give a spectral radius that tends to `radius`, so W ~ U(-v, v), v = radius sqrt(3 / N); approximate at small N.

    Source: Tao, Vu and Krishnapur, "Random matrices: universality of ESDs and the circular law", Annals of Probability
    38 (2010).

    Raises:
        InputError: E116, for another `init`, a `connectivity` outside (0, 1], or a W that is nilpotent.
    """
    if init not in ("exact", "fast"):
        raise InputError(
            "E116", f"init = {init}", cause="init must be exact or fast", hint="leave it out for exact"
        )
    check_in("connectivity", connectivity, 0, 1, "neurons without connections remember nothing")
    bound = radius * math.sqrt(3 / (units * connectivity))
    recurrent = draw_uniform(seed, cell, "recurrent", (units, units), bound)
    if connectivity < 1:
        recurrent *= generator(seed, cell, "connections").random((units, units)) < connectivity
    return rescaled(recurrent, radius) if init == "exact" else recurrent


def draw_uniform(
    seed: int, cell: str, purpose: str, shape: tuple[int, ...], scale: float
) -> Float[np.ndarray, "..."]:
    """Return weights of `shape` from U(-scale, scale); each purpose has its own stream."""
    return generator(seed, cell, purpose).uniform(-scale, scale, shape)


def spectral_radius(matrix: Float[np.ndarray, "neuron neuron"]) -> float:
    """Return the largest modulus of the eigenvalues, to `RADIUS_DIGITS` digits."""
    return float(f"{np.abs(np.linalg.eigvals(matrix)).max():.{RADIUS_DIGITS}g}")


def rescaled(matrix: Float[np.ndarray, "neuron neuron"], radius: float) -> Float[np.ndarray, "neuron neuron"]:
    """Return `matrix` scaled to spectral radius `radius`.

    Raises:
        InputError: E116, when its spectral radius is zero within rounding, so that no factor can reach `radius`.
    """
    if is_nilpotent(matrix):
        raise InputError(
            "E116",
            f"recurrent weights with spectral radius 0 cannot be scaled to {radius}",
            cause="the matrix is zero or nilpotent: no neuron is on a cycle",
            hint="use another seed or more units",
        )
    return matrix * (radius / spectral_radius(matrix))


def is_nilpotent(matrix: Float[np.ndarray, "neuron neuron"]) -> bool:
    """Return whether some power of `matrix` is zero within rounding, so that its spectral radius is 0.

    Computed eigenvalues do not tell: those of a nilpotent matrix come out near eps^(1/N) times its norm. So the matrix,
    of norm 1, is squared until its power reaches N, and a square that is all rounding is zero.

    >>> is_nilpotent(np.array([[1.0, -1.0], [1.0, -1.0]])), is_nilpotent(np.eye(2))
    (True, False)
    """
    size, largest = len(matrix), float(np.abs(matrix).max(initial=0.0))
    if largest == 0:
        return True
    power = matrix / largest
    for _ in range(size.bit_length() + 1):
        power = power / np.linalg.norm(power)
        power = power @ power
        if np.linalg.norm(power) <= size * np.finfo(np.float64).eps:
            return True
    return False
