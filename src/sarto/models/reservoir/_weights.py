"""The draws and checks that cells share: W_x, b, and a recurrent matrix of a stated spectral radius.

Conventions. W_x ~ U(-s, s) and b ~ U(-s_b, s_b), entry by entry: the scaling bounds each weight, whatever the number
of channels D. So the drive of a neuron by standardised, independent channels has standard deviation s sqrt(D / 3), as
in every library that scales entries; divide s by sqrt(D) to hold it fixed.

>>> weights = rescaled(np.array([[0.0, 2.0], [2.0, 0.0]]), 0.9)
>>> weights.tolist()
[[0.0, 0.9], [0.9, 0.0]]
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float

from sarto.core.seed import generator
from sarto.models.input_error import InputError

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
        if value < 1:
            raise _bad(name, value, "a whole number of at least 1", "a reservoir needs neurons and an input")
    if not 0 < leak <= 1:
        raise _bad(
            "leak", leak, "above 0 and at most 1", "the state must move, and by no more than its new value"
        )
    if not (math.isfinite(radius) and radius > 0):
        raise _bad(
            "radius", radius, "finite and above 0", "recurrent weights are scaled to this spectral radius"
        )
    if not (math.isfinite(input_scaling) and input_scaling > 0):
        raise _bad(
            "input_scaling", input_scaling, "finite and above 0", "without input the state says nothing"
        )
    if not (math.isfinite(bias_scaling) and bias_scaling >= 0):
        raise _bad(
            "bias_scaling", bias_scaling, "finite and at least 0", "bias weights are drawn from U(-s, s)"
        )


def _bad(name: str, value: float, limit: str, cause: str) -> InputError:
    return InputError(
        "E116", f"{name} = {value}", cause=f"{name} must be {limit}: {cause}", hint=f"change {name}"
    )


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
