"""An activation of one number as a table: an entry for each of the 256 numbers that it can be given.

    t = clamp(round(f(q s_x) / s_y))      for q from -128 to 127 of an int8 input, from 0 to 255 of a uint8 input

with the scales s_x of the input and s_y of the output, in the order of q; halves go to the even number, as quantisers
round. It is computed in float64 and then exact: what the activation of the quantised network returns, table look-up
included, is the entry.

>>> entries(FUNCTIONS["sigmoid"], 6 / 127, signed=True, scale=1 / 255, limits=(0, 255))[[0, 128, 255]].tolist()
[1, 128, 254]
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int
from scipy.special import erf, expit  # pyright: ignore[reportMissingTypeStubs, reportUnknownVariableType]

from sarto.models.network.architecture import Node

Function = Callable[[Float[np.ndarray, " number"]], Float[np.ndarray, " number"]]


def _sigmoid(x: Float[np.ndarray, " number"]) -> Float[np.ndarray, " number"]:
    return np.asarray(expit(x), np.float64)


def _gelu(x: Float[np.ndarray, " number"]) -> Float[np.ndarray, " number"]:
    return x * 0.5 * (1 + np.asarray(erf(x / np.sqrt(2)), np.float64))


def _silu(x: Float[np.ndarray, " number"]) -> Float[np.ndarray, " number"]:
    return x * _sigmoid(x)


def _hard_swish(x: Float[np.ndarray, " number"]) -> Float[np.ndarray, " number"]:
    return x * (x + 3).clip(0, 6) / 6


FUNCTIONS: dict[str, Function] = {
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "gelu": _gelu,
    "silu": _silu,
    "hard_swish": _hard_swish,
}
"""Activations without attributes by the names that they have in a network."""


def function_of(node: Node) -> Function:
    """Return what an activation computes."""
    if node.op != "leaky_relu":
        return FUNCTIONS[node.op]
    slope = float(str(node.attributes["slope"]))
    return lambda x: np.where(x < 0, slope * x, x)


def entries(
    function: Function, of: float, *, signed: bool, scale: float, limits: tuple[int, int]
) -> Int[np.ndarray, "256"]:
    """Return the table of a function of integers with the scale `of` in integers with the scale `scale`."""
    numbers = np.arange(256) - (128 if signed else 0)
    return np.rint(function(numbers * of) / scale).clip(*limits).astype(np.int64)
