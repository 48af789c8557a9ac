"""Orthogonal matrices O for the carried state: random, a cyclic shift, or the identity.

A random O is uniform over all orthogonal matrices: the Q of the QR decomposition of Gaussian entries, each column
times the sign of its entry on the diagonal of R.

Source: Mezzadri, "How to generate random matrices from the classical compact groups", Notices of the AMS 54 (2007).

>>> turn = draw_rotation("random", 5, 0, "es2n")
>>> bool(np.allclose(turn @ turn.T, np.eye(5))), draw_rotation("ring", 3, 0, "es2n").tolist()
(True, [1.0, 1.0, 1.0])
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from jaxtyping import Float

from sarto.core.seed import generator
from sarto.models.input_error import InputError

Rotation = Literal["random", "ring", "identity"]
DIGITS = 12
"""Decimal digits kept of a random O: LAPACK builds differ beyond them, and the same seed gives one id everywhere."""


def draw_rotation(
    kind: Rotation, units: int, seed: int, cell: str
) -> Float[np.ndarray, "neuron neuron"] | Float[np.ndarray, " neuron"] | None:
    """Return O as a `Reservoir` has it: a matrix, the weights of a cyclic shift, or None for the identity.

    Raises:
        InputError: E116, for another `kind`.
    """
    if kind == "identity":
        return None
    if kind == "ring":
        return np.ones(units)
    if kind != "random":
        known = ", ".join(get_args(Rotation))
        raise InputError("E116", f"rotation = {kind!r}", cause="no such matrix", hint=f"use one of {known}")
    q, r = np.linalg.qr(generator(seed, cell, "rotation").standard_normal((units, units)))
    return np.round(q * np.where(np.diag(r) < 0, -1.0, 1.0), DIGITS)
