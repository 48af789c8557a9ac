"""Seeded reservoir: `build` returns a dense reservoir whose weights a device generates instead of storing them.

    h' = (1 - a) h + a tanh(W h + W_x x + b),    W = (radius / rho(G)) G,  W_x = s G_x / 128,  b = s_b g / 128

with leak a and integers G, G_x, g from -128 to 127 out of a generator that one 32-bit word starts, see
`sarto.core.graph.generated`; rho(G) is the computed spectral radius. So the weights are as uniform as those of `esn`,
4 bytes of flash stand for all of them, and every step of the device takes the time to generate them again.

Source: the equation is that of `esn`, the generator that of Marsaglia (2003), as cited where it is defined.

>>> reservoir = build(20, 3, seed=0, leak=0.5, radius=0.9, input_scaling=1.0, bias_scaling=0.1)
>>> round(float(abs(reservoir.eigenvalues()).max()), 9)
0.9
>>> integers = reservoir.inputs * 128
>>> bool((integers == integers.round()).all()), 0 < reservoir.start < 2**32
(True, True)
"""

from __future__ import annotations

import numpy as np

from sarto.core.graph.generated import WORD, generated
from sarto.core.seed import generator
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._weights import check_parameters, is_nilpotent, spectral_radius


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
    """Return a seeded reservoir; the same arguments give the same weights.

    Args:
        units: neurons N.
        channels: input channels D.
        seed: of the draw of the word that starts the generator.
        leak: a in (0, 1]; 1 is no leak.
        radius: spectral radius of W.
        input_scaling: s, bound of each entry of W_x.
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
    draws = generator(seed, "seeded", "start")
    start = _drawn(draws)
    while not _usable(start, units, channels):
        start = _drawn(draws)
    integers, driven = generated(start, units, channels)
    recurrent = integers.astype(np.float64)
    return Reservoir(
        "seeded",
        recurrent * (radius / spectral_radius(recurrent)),
        driven[:, :-1] * (input_scaling / 128),
        driven[:, -1] * (bias_scaling / 128),
        alpha=1 - leak,
        beta=leak,
        start=start,
    )


def _drawn(draws: np.random.Generator) -> int:
    return int(draws.integers(1, WORD, endpoint=True))


def _usable(start: int, units: int, channels: int) -> bool:
    """Return whether W has a spectral radius and W_x is not zero; of a handful of weights all may be zero."""
    recurrent, driven = generated(start, units, channels)
    return not is_nilpotent(recurrent.astype(np.float64)) and bool(driven[:, :-1].any())
