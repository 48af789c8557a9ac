"""Ring reservoir (simple cycle): `build` returns a reservoir whose W is a weighted cyclic shift.

    h'_i = (1 - a) h_i + a tanh(r h_{i-1 mod N} + (W_x x)_i + b_i)

with leak a, one stored recurrent weight r = `radius` (every eigenvalue of W has modulus r), W_x of entries +s or -s,
b ~ U(-s_b, s_b). The step costs O(N), and an input weight is one bit.

Source: Rodan and Tino, "Minimum complexity echo state network", IEEE Transactions on Neural Networks 22 (2011): the
simple cycle reservoir, whose input weights have one size and aperiodic signs (here from the seed). Leak and bias are
added as in the leaky ESN, so that `leak=1, bias_scaling=0` is theirs.

>>> reservoir = build(6, 2, seed=0, leak=1.0, radius=0.9, input_scaling=0.5, bias_scaling=0.0)
>>> reservoir.recurrent.tolist(), sorted(set(reservoir.inputs.ravel().tolist()))
([0.9, 0.9, 0.9, 0.9, 0.9, 0.9], [-0.5, 0.5])
"""

from __future__ import annotations

import numpy as np

from sarto.core.seed import generator
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._weights import check_parameters, draw_uniform


def build(
    units: int,
    channels: int,
    *,
    seed: int,
    leak: float,
    radius: float,
    input_scaling: float,
    bias_scaling: float,
) -> Reservoir:
    """Return a ring reservoir; the same arguments give the same weights.

    Args:
        units: neurons N.
        channels: input channels D.
        seed: of the draws of the signs of W_x and of b, each of its own stream.
        leak: a in (0, 1]; 1 is no leak.
        radius: r, the weight from each neuron to the next, which is the spectral radius.
        input_scaling: s, size of each entry of W_x.
        bias_scaling: s_b, bound of each entry of b.

    Raises:
        InputError: E116, for a parameter outside its range.
    """
    check_parameters(
        units=units,
        channels=channels,
        leak=leak,
        radius=radius,
        input_scaling=input_scaling,
        bias_scaling=bias_scaling,
    )
    signs = 1.0 - 2.0 * generator(seed, "ring", "inputs").integers(2, size=(units, channels))
    return Reservoir(
        "ring",
        np.full(units, float(radius)),
        input_scaling * signs,
        draw_uniform(seed, "ring", "bias", (units,), bias_scaling),
        alpha=1 - leak,
        beta=leak,
    )
