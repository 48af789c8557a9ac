"""Gains and shifts of a reservoir as one vector, 2 numbers per neuron: what intrinsic plasticity changes, and no more.

    tuned(R, [a; b]):   diag(a) W, diag(a) W_x, a b_0 + b      where the state leaks: the weights take them in
                        gain a, shift b                        where the drive leaks: the reservoir keeps them
    tuning(R, R'):      the [a; b] with tuned(R, [a; b]) = R'

The vector of a stack is that of its layers, one after the other, each as [a; b]. It is all that a client sends after it
has adapted R to its own inputs.

>>> from sarto.models.reservoir import esn
>>> cell = esn.build(3, 1, seed=0, leak=0.5, radius=0.9, input_scaling=1.0, bias_scaling=0.1)
>>> vector = np.array([2.0, 1.0, 0.5, 0.0, 0.1, 0.2])
>>> bool(np.allclose(tuning(cell, tuned(cell, vector)), vector, rtol=1e-12))
True
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from sarto.learn.plasticity.adapted import joined, plastic_layers
from sarto.models.input_error import InputError
from sarto.models.reservoir._cell import Memory, Reservoir
from sarto.models.reservoir._stack import AnyReservoir

SAME = 1e-9
"""Relative difference up to which weights are those of one reservoir times a gain: many products' rounding."""


def tuned(reservoir: AnyReservoir, vector: Float[np.ndarray, " value"]) -> AnyReservoir:
    """Return the reservoir with these gains and shifts.

    Raises:
        InputError: E108 for another length, E116 for a reservoir without gains.
    """
    layers = plastic_layers(reservoir)
    if len(vector) != 2 * reservoir.units:
        raise InputError(
            "E108",
            f"{len(vector)} gains and shifts for {reservoir.units} neurons",
            cause="each neuron has one of both",
            hint="average what clients of one reservoir sent",
        )
    parts = np.split(vector.astype(np.float64), np.cumsum([2 * layer.units for layer in layers])[:-1])
    return joined([layer_tuned(layer, *np.split(part, 2)) for layer, part in zip(layers, parts, strict=True)])


def tuning(reservoir: AnyReservoir, adapted: AnyReservoir) -> Float[np.ndarray, " value"]:
    """Return the gains and shifts with which `adapted` was made of `reservoir`.

    A neuron without any weight has the gain 1.

    Raises:
        InputError: E168, when it was not; E116 for a reservoir without gains.
    """
    before, after = plastic_layers(reservoir), plastic_layers(adapted)
    if [layer.inputs.shape for layer in before] != [layer.inputs.shape for layer in after]:
        raise _foreign("it has other layers")
    parts = [_tuning(one, other) for one, other in zip(before, after, strict=True)]
    return np.concatenate(parts)


def layer_tuned(
    layer: Reservoir, gain: Float[np.ndarray, " neuron"], shift: Float[np.ndarray, " neuron"]
) -> Reservoir:
    """Return one layer with gain and shift."""
    if layer.leaks == "drive":
        return replace(layer, gain=gain.copy(), shift=shift.copy())
    a = gain[:, None]
    memory = layer.memory and Memory(layer.memory.shift, layer.memory.inputs, a * layer.memory.outputs)
    return replace(
        layer,
        recurrent=(a if layer.structure == "dense" else gain) * layer.recurrent,
        inputs=a * layer.inputs,
        bias=gain * layer.bias + shift,
        memory=memory,
    )


def _tuning(before: Reservoir, after: Reservoir) -> Float[np.ndarray, " value"]:
    if before.leaks == "drive" and after.leaks == "drive":
        gain = np.ones(after.units) if after.gain is None else after.gain
        shift = np.zeros(after.units) if after.shift is None else after.shift
    else:
        old, new = _weights(before), _weights(after)
        if old.shape != new.shape:
            raise _foreign("its weights are of another structure")
        size = (old**2).sum(axis=1)
        gain = np.divide((old * new).sum(axis=1), size, out=np.ones(len(size)), where=size > 0)
        shift = after.bias - gain * before.bias
    made = layer_tuned(before, gain, shift)
    same = (made.cell, made.alpha, made.beta, made.activation, made.leaks) == (
        after.cell, after.alpha, after.beta, after.activation, after.leaks,
    )  # fmt: skip
    if not same or not np.allclose(_weights(made), _weights(after), rtol=SAME, atol=0):
        raise _foreign("its weights are not those of the reservoir times a gain for each neuron")
    return np.concatenate([gain, shift])


def _weights(layer: Reservoir) -> Float[np.ndarray, "neuron weight"]:
    """Return the weights that lead into each neuron."""
    recurrent = layer.recurrent if layer.structure == "dense" else layer.recurrent[:, None]
    memory = [] if layer.memory is None else [layer.memory.outputs]
    return np.concatenate([recurrent, layer.inputs, *memory], axis=1)


def _foreign(cause: str) -> InputError:
    return InputError(
        "E168",
        "a reservoir that was not adapted from the one given",
        cause=cause,
        hint="let every client start from the reservoir of the server, by intrinsic plasticity",
    )
