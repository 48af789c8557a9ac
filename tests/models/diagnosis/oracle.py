"""The step of a reservoir as its equations say it, one state at a time, beginning wherever a test likes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._stack import AnyReservoir, Stack

Array = np.ndarray[Any, np.dtype[np.float64]]


def phi(kind: str, z: Array) -> Array:
    if kind == "tanh":
        return np.tanh(z)
    if kind == "sigmoid":
        return 1 / (1 + np.exp(-z))
    return np.maximum(z, 0) if kind == "relu" else z


def shifted(w: Array, h: Array) -> Array:
    return w @ h if w.ndim == 2 else np.array([w[i] * h[i - 1] for i in range(len(h))])


@dataclass
class Walker:
    """The state of every layer: what is kept (h, or r where the drive leaks) and the linear memory."""

    reservoir: AnyReservoir
    kept: list[Array]
    memory: list[Array]
    output: list[Array]

    @staticmethod
    def at(reservoir: AnyReservoir, changed: Array) -> Walker:
        """Begin at rest, changed by `changed`: neurons, then slots, layer after layer."""
        kept: list[Array] = []
        memory: list[Array] = []
        output: list[Array] = []
        at = 0
        for layer in cells(reservoir):
            slots = layer.memory.slots if layer.memory else 0
            own, slot = changed[at : at + layer.units], changed[at + layer.units : at + layer.units + slots]
            at += layer.units + slots
            kept.append(own.copy())
            memory.append(slot.copy())
            rest = phi(layer.activation, _shift(layer))
            output.append(
                own.copy()
                if layer.leaks == "state"
                else phi(layer.activation, _gain(layer) * own + _shift(layer)) - rest
            )
        return Walker(reservoir, kept, memory, output)

    def step(self, x: Array) -> Array:
        """Take a step and return what is kept, with the memory, of all layers."""
        found: list[Array] = []
        for index, layer in enumerate(cells(self.reservoir)):
            drive = shifted(layer.recurrent, self.output[index]) + layer.inputs @ x + layer.bias
            if layer.memory is not None:
                self.memory[index] = shifted(layer.memory.shift, self.memory[index]) + layer.memory.inputs @ x
                drive = drive + layer.memory.outputs @ self.memory[index]
            if layer.leaks == "drive":
                self.kept[index] = layer.alpha * self.kept[index] + layer.beta * drive
                x = phi(layer.activation, _gain(layer) * self.kept[index] + _shift(layer))
            else:
                h = self.kept[index]
                carried = h if layer.rotation is None else shifted(layer.rotation, h)
                x = layer.alpha * carried + layer.beta * phi(layer.activation, drive)
                self.kept[index] = x
            self.output[index] = x
            found += [self.kept[index], self.memory[index]]
        return np.concatenate(found)


def cells(reservoir: AnyReservoir) -> list[Reservoir]:
    """Return the layers, none of which is diagonal."""
    return [layer for layer in reservoir.layers if isinstance(layer, Reservoir)]


def _gain(layer: Reservoir) -> Array:
    return np.ones(layer.units) if layer.gain is None else layer.gain


def _shift(layer: Reservoir) -> Array:
    return np.zeros(layer.units) if layer.shift is None else layer.shift


def every_kind() -> dict[str, AnyReservoir]:
    """Return a small reservoir of every kind of step."""
    from sarto.models.reservoir import es2n, esn, eusn, ring, rmn

    usual: dict[str, Any] = dict(seed=1, leak=0.4, radius=0.9, input_scaling=0.8, bias_scaling=0.3)
    random = np.random.default_rng(0)
    leaking = Reservoir(
        "esn",
        random.normal(size=(5, 5)) / 3,
        random.normal(size=(5, 2)),
        random.normal(size=5),
        0.6,
        0.4,
        leaks="drive",
        gain=random.uniform(0.5, 1.5, 5),
        shift=random.normal(size=5) / 3,
    )
    above = Reservoir(
        "esn",
        random.normal(size=(4, 4)) / 3,
        random.normal(size=(4, 5)),
        np.zeros(4),
        0.7,
        0.3,
        leaks="drive",
    )
    sigmoid = Reservoir(
        "esn",
        random.normal(size=(5, 5)),
        random.normal(size=(5, 2)),
        random.normal(size=5),
        0.5,
        0.5,
        activation="sigmoid",
    )
    memory = rmn.build(5, 2, memory_units=4, memory_radius=0.9, rotation="ring", **usual)
    return {
        "esn": esn.build(6, 2, **usual),
        "ring": ring.build(6, 2, **usual),
        "eusn": eusn.build(6, 2, **usual),
        "es2n": es2n.build(6, 2, **usual),
        "rmn": memory,
        "sigmoid": sigmoid,
        "drive": leaking,
        "stack": Stack((memory, es2n.build(4, 5, **usual))),
        "stack of memories": Stack((memory, rmn.build(4, 5, memory_units=3, **usual))),
        "stack of drives": Stack((leaking, above)),
    }
