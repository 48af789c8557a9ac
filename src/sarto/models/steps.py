"""One step of a reservoir for a batch of sequences: the arithmetic of `sarto.models.reservoir._cell` on reused buffers.

`Steps` holds the states of a reservoir, or of the layers of a stack, for a fixed number of items; `advance` takes one
step of the first `live` of them. All that acts before phi is one matrix product of [h, x, m, 1] with the stacked
weights; an orthogonal matrix O is a second one, a cyclic shift is none.

>>> from sarto.models.reservoir import ring
>>> cell = ring.build(4, 1, seed=0, leak=1.0, radius=0.5, input_scaling=1.0, bias_scaling=0.0)
>>> steps = Steps(cell, 2, np.dtype("float64"))
>>> steps.advance(np.ones((2, 1))).shape, steps.advance(np.ones((1, 1))).shape
((2, 4), (1, 4))
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from sarto.models.reservoir._cell import Activation, Reservoir
from sarto.models.reservoir._stack import AnyReservoir

Array = np.ndarray[Any, np.dtype[Any]]


def _relu(z: Array, out: Array) -> Array:
    return np.maximum(z, 0, out=out)


def _identity(z: Array, out: Array) -> Array:
    assert z is out, "in place"
    return z


PHI: dict[Activation, Callable[..., Any]] = {
    "tanh": np.tanh,
    "sigmoid": expit,
    "relu": _relu,
    "identity": _identity,
}
"""phi, called as phi(z, out=z)."""


class Steps:
    """The states of `items` sequences, from rest on.

    Attributes:
        state: of every neuron, layer after layer, (item, neuron); overwritten by the next step.
    """

    def __init__(self, reservoir: AnyReservoir, items: int, dtype: np.dtype[Any]) -> None:
        self._layers = [_Layer(layer, items, dtype) for layer in reservoir.layers]
        single = len(self._layers) == 1
        self.state = self._layers[0].state if single else np.zeros((items, reservoir.units), dtype)

    def advance(self, x: Float[np.ndarray, "live channel"]) -> Float[np.ndarray, "live neuron"]:
        """Take a step of the first `len(x)` items under inputs `x`; return their states, a view of `state`."""
        live, at = len(x), 0
        for layer in self._layers:
            layer.drive[:live] = x
            layer.step(live)
            x = layer.state[:live]
            if len(self._layers) > 1:
                self.state[:live, at : at + layer.units] = x
                at += layer.units
        return self.state[:live]

    def rest(self) -> None:
        """Put every item at rest again."""
        for layer in self._layers:
            layer.rest()
        self.state[:] = 0


class _Layer:
    """One layer; `drive` is where its input goes before `step`."""

    def __init__(self, cell: Reservoir, items: int, dtype: np.dtype[Any]) -> None:
        self.units, channels = cell.units, cell.channels
        slots = cell.memory.slots if cell.memory else 0
        # Columns of a row: state, input, memory, 1. They meet W, W_x, W_m and b, so that a dense step is one product.
        self._joint = np.zeros((items, self.units + channels + slots + 1), dtype)
        self._joint[:, -1] = 1
        self.state = self._joint[:, : self.units]
        self.drive = self._joint[:, self.units : self.units + channels]
        self._memory = self._joint[:, self.units + channels : -1]
        dense = cell.structure == "dense"
        outputs = [cell.memory.outputs.T] if cell.memory else []
        recurrent = [cell.recurrent.T] if dense else []
        self._weights = np.vstack([*recurrent, cell.inputs.T, *outputs, cell.bias]).astype(dtype)
        self._seen = self._joint if dense else self._joint[:, self.units :]
        self._ring = None if dense else cell.recurrent.astype(dtype)
        self._fresh, self._turned = np.empty((2, items, self.units), dtype)
        self._alpha, self._beta = dtype.type(cell.alpha), dtype.type(cell.beta)
        self._rotation = None if cell.rotation is None else (cell.alpha * cell.rotation.T).astype(dtype)
        self._phi = PHI[cell.activation]
        self._leaking = np.zeros((items, self.units), dtype) if cell.leaks == "drive" else None
        self._gain = None if cell.gain is None else cell.gain.astype(dtype)
        self._shift = None if cell.shift is None else cell.shift.astype(dtype)
        if cell.memory:
            self._cycle, self._into = cell.memory.shift.astype(dtype), cell.memory.inputs.T.astype(dtype)
            self._held, self._entering = np.empty((2, items, slots), dtype)

    def rest(self) -> None:
        """Set state and memory to 0."""
        self.state[:] = 0
        self._memory[:] = 0
        if self._leaking is not None:
            self._leaking[:] = 0

    def step(self, live: int) -> None:
        """Move the first `live` items on by one step, under the inputs in `drive`."""
        h, z, turned = self.state[:live], self._fresh[:live], self._turned[:live]
        if self._memory.shape[1]:
            self._remember(live)
        np.matmul(self._seen[:live], self._weights, out=z)
        if self._ring is not None:
            z += _shifted(h, self._ring, turned)
        if self._leaking is not None:
            self._leak_drive(self._leaking[:live], h, z)
            return
        self._phi(z, out=z)
        z *= self._beta
        if self._rotation is None:
            h *= self._alpha
            h += z
        elif self._rotation.ndim == 1:
            np.add(_shifted(h, self._rotation, turned), z, out=h)
        else:
            np.matmul(h, self._rotation, out=turned)
            np.add(turned, z, out=h)

    def _leak_drive(self, r: Array, h: Array, z: Array) -> None:
        z *= self._beta
        r *= self._alpha
        r += z
        h[:] = r
        if self._gain is not None:
            h *= self._gain
        if self._shift is not None:
            h += self._shift
        self._phi(h, out=h)

    def _remember(self, live: int) -> None:
        m, held, entering = self._memory[:live], self._held[:live], self._entering[:live]
        np.matmul(self.drive[:live], self._into, out=entering)
        np.add(_shifted(m, self._cycle, held), entering, out=m)


def _shifted(h: Array, weights: Array, out: Array) -> Array:
    """Return w_i h_{i-1 mod N}, in `out`."""
    np.multiply(h[:, :-1], weights[1:], out=out[:, 1:])
    np.multiply(h[:, -1], weights[0], out=out[:, 0])
    return out
