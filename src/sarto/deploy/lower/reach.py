"""How far the states of a reservoir reach on data: `reach` returns it, and the scales of integer states follow from it.

A leaky reservoir's state is a mean of values of tanh and stays within 1. Where the state is rotated, where its shares
add up to more than 1, or phi is not bounded, the rigorous bound (`Reservoir.state_bound`) may be thousands while the
states stay within a hundredth: a scale of their own then decides how many bits they have. It is the power of two that
covers the states of the float reservoir on a sample of the training data; what goes beyond is clamped, on the device
as in every interpreter.

>>> import numpy as np
>>> from sarto.models.reservoir import eusn
>>> from sarto.models.sequences import read_sequences
>>> cell = eusn.build(4, 1, seed=0, leak=0.5, radius=0.5, input_scaling=1.0, bias_scaling=0.0)
>>> cell.state_bound(100), has_own_scale(cell), reach(cell, read_sequences([np.ones((100, 1))])).state < 9
(50.0, True, True)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from sarto.models.reservoir._cell import BOUNDED, Reservoir
from sarto.models.reservoir._diagonal import Diagonal
from sarto.models.reservoir._stack import AnyReservoir
from sarto.models.sequences import Sequences
from sarto.models.states import states


@dataclass(frozen=True)
class Reach:
    """The largest |state| of any neuron, and of the linear memory of each layer (0 where it has none)."""

    state: float = 1.0
    memory: tuple[float, ...] = ()


def has_own_scale(cell: AnyReservoir) -> bool:
    """Return whether a bound of 1 does not hold for the states, or says too little of them."""
    return any(
        isinstance(layer, Diagonal)
        or layer.rotation is not None
        or layer.activation not in BOUNDED
        or layer.alpha + layer.beta > 1 + 1e-9
        for layer in cell.layers
    )


def needs_reach(cell: AnyReservoir) -> bool:
    """Return whether a lowering of `cell` depends on how far its states reach."""
    return has_own_scale(cell) or any(isinstance(la, Diagonal) or la.memory is not None for la in cell.layers)


def reach(cell: AnyReservoir, sample: Sequences) -> Reach:
    """Return how far states and memories reach under the standardised inputs of `sample`."""
    found = states(cell, sample)
    memory: list[float] = []
    below, at = sample, 0
    for layer in cell.layers:
        memory.append(_memory_reach(layer, below))
        below = Sequences(found[:, at : at + layer.units].astype(np.float64), sample.offsets)
        at += layer.units
    return Reach(float(np.abs(found).max()), tuple(memory))


def _memory_reach(layer: Reservoir | Diagonal, inputs: Sequences) -> float:
    """Return how far the memory reaches: it is a linear ring without neurons."""
    if isinstance(layer, Diagonal) or layer.memory is None:
        return 0.0
    slots = layer.memory.slots
    alone = Reservoir(
        "memory", layer.memory.shift, layer.memory.inputs, np.zeros(slots), 0.0, 1.0, activation="identity"
    )
    return float(np.abs(states(alone, inputs)).max())
