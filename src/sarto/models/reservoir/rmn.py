"""Reservoir memory network (RMN): `build` returns a reservoir that sees its input and a linear memory of it.

    m' = V m + V_x x,    h' = alpha O h + beta tanh(W h + W_x x + W_m m' + b)

V shifts M slots in a ring, each time by the factor `memory_radius`; V_x ~ U(-s_v, s_v), W_m ~ U(-s_m, s_m),
W ~ U rescaled to spectral radius `radius`, W_x ~ U(-s, s), b ~ U(-s_b, s_b), beta = `leak`. O is the identity and
alpha = 1 - leak, a leaky network, unless `rotation` and `carry` make it a residual one (ResRMN). The readout sees h
alone.

Source: Gallicchio and Ceni, "Reservoir memory networks", ESANN 2024; Pinna, Ceni and Gallicchio, "Residual reservoir
memory networks", IJCNN 2025 (arXiv 2508.09925), for O.

>>> cell = build(20, 3, seed=0, leak=0.5, radius=0.9, input_scaling=1.0, bias_scaling=0.0, memory_units=50)
>>> cell.units, cell.memory.slots, cell.memory.outputs.shape, cell.rotation
(20, 50, (20, 50), None)
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from sarto.models.reservoir._cell import Memory, Reservoir
from sarto.models.reservoir._rotation import Rotation
from sarto.models.reservoir._weights import Init, check_in, check_size, draw_uniform, residual


def build(
    units: int,
    channels: int,
    *,
    seed: int,
    leak: float,
    radius: float,
    input_scaling: float,
    bias_scaling: float,
    memory_units: int | None = None,
    memory_radius: float = 1.0,
    memory_scaling: float | None = None,
    memory_coupling: float | None = None,
    carry: float | None = None,
    rotation: Rotation = "identity",
    init: Init = "exact",
) -> Reservoir:
    """Return a reservoir with a linear memory; the same arguments give the same weights.

    Args:
        units: neurons N.
        channels: input channels D.
        seed: of the draws of O, W, W_x, b, V_x and W_m, each of its own stream.
        leak: beta in (0, 1].
        radius: spectral radius of W.
        input_scaling: s, bound of each entry of W_x.
        bias_scaling: s_b, bound of each entry of b.
        memory_units: slots M; None is as many as neurons.
        memory_radius: what a value keeps from slot to slot, in (0, 1]; 1, as published, forgets nothing.
        memory_scaling: s_v, bound of each entry of V_x; None is `input_scaling`.
        memory_coupling: s_m, bound of each entry of W_m; None is `input_scaling`.
        carry: alpha in (0, 1]; None is 1 - leak, or 1 when leak is 1 and `rotation` is not the identity.
        rotation: O: `identity`, `ring` (a cyclic shift) or `random`.
        init: `exact` or `fast`, how W gets its spectral radius; see `esn`.

    Raises:
        InputError: E116, for a parameter outside its range.
    """
    slots = units if memory_units is None else memory_units
    into = input_scaling if memory_scaling is None else memory_scaling
    seen = input_scaling if memory_coupling is None else memory_coupling
    default = 1 - leak if rotation == "identity" else (1 - leak or 1.0)
    cell = residual(
        "rmn",
        units,
        channels,
        seed=seed,
        leak=leak,
        radius=radius,
        input_scaling=input_scaling,
        bias_scaling=bias_scaling,
        carry=default if carry is None else carry,
        rotation=rotation,
        init=init,
    )
    check_size("memory_units", slots, "a memory needs a slot")
    check_in("memory_radius", memory_radius, 0, 1, "the memory must hold something, and must not grow")
    for name, value in (("memory_scaling", into), ("memory_coupling", seen)):
        check_in(name, value, 0, np.inf, "what enters and leaves the memory has weights")
    memory = Memory(
        np.full(slots, float(memory_radius)),
        draw_uniform(seed, "rmn", "memory inputs", (slots, channels), into),
        draw_uniform(seed, "rmn", "memory outputs", (units, slots), seen),
    )
    return replace(cell, memory=memory)
