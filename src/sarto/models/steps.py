"""Steps of a reservoir for a batch of sequences: the arithmetic of `sarto.models.reservoir._cell` on reused buffers.

`Steps` holds the states of a reservoir, or of the layers of a stack, for a fixed number of items and takes them through
a block of steps at a time. What does not depend on the state, W_x x + W_m m + b, is one matrix product for the whole
block; then every step is one product with W, and one with O where that is a full matrix. A diagonal reservoir scans the
block. A layer of a stack takes the block of states of the layer below.

>>> from sarto.models.reservoir import ring
>>> cell = ring.build(4, 1, seed=0, leak=1.0, radius=0.5, input_scaling=1.0, bias_scaling=0.0)
>>> steps = Steps(cell, 2, np.dtype("float64"))
>>> steps.run(np.ones((3, 2, 1))).shape, steps.run(np.ones((5, 1, 1))).shape
((3, 2, 4), (5, 1, 4))
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import expit

from sarto.models.reservoir._cell import Activation, Memory, Reservoir
from sarto.models.reservoir._diagonal import Diagonal
from sarto.models.reservoir._stack import AnyReservoir
from sarto.models.scan import scan

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

    Args:
        reservoir: a cell, or a stack of them.
        items: sequences that are held.
        dtype: of the states.
        phi: in place of that of the last layer, for what learns while it runs: called once a step as phi(z, out=z).
    """

    def __init__(
        self,
        reservoir: AnyReservoir,
        items: int,
        dtype: np.dtype[Any],
        phi: Callable[..., Any] | None = None,
    ) -> None:
        self._layers = [
            _Diagonal(layer, items, dtype) if isinstance(layer, Diagonal) else _Layer(layer, items, dtype)
            for layer in reservoir.layers
        ]
        if phi is not None:
            self._neurons.replace_phi(phi)
        self._dtype = dtype

    def run(self, x: Float[np.ndarray, "step live channel"]) -> Float[np.ndarray, "step live neuron"]:
        """Take the first items through the steps under inputs `x`; return the state after each step.

        Layers follow one another on the last axis.
        """
        blocks = [x]
        for layer in self._layers:
            blocks.append(layer.run(blocks[-1]))
        return blocks[1] if len(blocks) == 2 else np.concatenate(blocks[1:], axis=2)

    def advance(self, x: Float[np.ndarray, "live channel"]) -> Float[np.ndarray, "live neuron"]:
        """Take one step of the first items under inputs `x`; return their states."""
        return self.run(x[None])[0]

    @property
    def parts(self) -> list[Array]:
        """What the items carry from step to step, (item, number) each: layer by layer h, and m or r where there is one.

        They are the arrays themselves: what is written into them is the state from then on.
        """
        return [part for layer in self._layers for part in layer.parts()]

    @property
    def recurrent(self) -> Array:
        """The recurrent weights of the last layer: W^T, or the weights of a cyclic shift.

        It is the array itself: what is written into it acts from the next step on.
        """
        return self._neurons.recurrent

    @property
    def _neurons(self) -> _Layer:
        last = self._layers[-1]
        assert isinstance(last, _Layer), "a diagonal layer has no neurons that could learn"
        return last

    def rest(self, items: Any = slice(None)) -> None:
        """Put every item, or those of the index or mask `items`, at rest again."""
        for part in self.parts:
            part[items] = 0

    def held(self) -> dict[str, Array]:
        """Return `parts` by name, for a snapshot."""
        return {f"part_{index}": part for index, part in enumerate(self.parts)}

    def hold(self, held: Mapping[str, Array]) -> None:
        """Take over what `held` returned, then or of another object of the same reservoir."""
        for name, part in self.held().items():
            part[:] = held[name]


class _Layer:
    """One layer: its weights in the precision of the states, and the states of every item."""

    def __init__(self, cell: Reservoir, items: int, dtype: np.dtype[Any]) -> None:
        self._state = np.zeros((items, cell.units), dtype)
        self._fresh = np.empty((items, cell.units), dtype)
        self._memory = _Memory(cell.memory, items, dtype) if cell.memory else None
        self._inputs = cell.inputs.T.astype(dtype)
        self._outputs = cell.memory.outputs.T.astype(dtype) if cell.memory else None
        self._bias = cell.bias.astype(dtype) if cell.bias.any() else None
        self.recurrent = cell.recurrent.T.astype(dtype)
        self._rotation = None if cell.rotation is None else (cell.alpha * cell.rotation.T).astype(dtype)
        self._alpha, self._beta = dtype.type(cell.alpha), dtype.type(cell.beta)
        self._phi = PHI[cell.activation]
        self._leaking = np.zeros_like(self._state) if cell.leaks == "drive" else None
        self._gain = None if cell.gain is None else cell.gain.astype(dtype)
        self._shift = None if cell.shift is None else cell.shift.astype(dtype)

    def replace_phi(self, phi: Callable[..., Any]) -> None:
        """Take `phi` from now on."""
        self._phi = phi

    def parts(self) -> list[Array]:
        """Return what is carried from step to step."""
        held = [self._state, self._leaking, self._memory and self._memory.state]
        return [part for part in held if part is not None]

    def run(self, x: Array) -> Array:
        """Return the states after each step, a new array."""
        live, out = x.shape[1], self._drive(x)
        h, fresh = self._state[:live], self._fresh[:live]
        move = self._leak_state if self._leaking is None else self._leak_drive
        for z in out:
            _turned(h, self.recurrent, fresh)
            z += fresh
            move(h, z, fresh)
            h = z
        self._state[:live] = h
        return out

    def _drive(self, x: Array) -> Array:
        """Return W_x x + W_m m + b of every step."""
        steps, live, _ = x.shape
        drive = (x.reshape(steps * live, -1) @ self._inputs).reshape(steps, live, -1)
        if self._memory is not None and self._outputs is not None:
            drive += self._memory.run(x) @ self._outputs
        if self._bias is not None:
            drive += self._bias
        return drive

    def _leak_state(self, h: Array, z: Array, fresh: Array) -> None:
        """Put the new state into `z`, which holds the drive."""
        self._phi(z, out=z)
        z *= self._beta
        if self._rotation is None:
            np.multiply(h, self._alpha, out=fresh)
        else:
            _turned(h, self._rotation, fresh)
        z += fresh

    def _leak_drive(self, h: Array, z: Array, fresh: Array) -> None:
        """Put the new state into `z`, which holds the drive that leaks into r."""
        assert self._leaking is not None
        r = self._leaking[: len(h)]
        z *= self._beta
        r *= self._alpha
        r += z
        z[:] = r
        if self._gain is not None:
            z *= self._gain
        if self._shift is not None:
            z += self._shift
        self._phi(z, out=z)


class _Diagonal:
    """One diagonal layer, whose block of steps is scanned."""

    def __init__(self, cell: Diagonal, items: int, dtype: np.dtype[Any]) -> None:
        wide = np.result_type(dtype, np.complex64)
        self._cell, self._dtype = cell, dtype
        self._state = np.zeros((items, cell.units), wide)
        self._factors = cell.factors.astype(wide)
        self._inputs: Any = (cell.beta * cell.inputs.T).astype(wide)
        self._bias = (cell.beta * cell.bias).astype(wide)
        self._kernel = cell.kernel.astype(wide)

    def parts(self) -> list[Array]:
        """Return what is carried from step to step."""
        return [self._state]

    def run(self, x: Array) -> Array:
        """Return z after each step, a new array."""
        live = x.shape[1]
        h: Any = self._drive(x)
        h += self._bias
        self._state[:live] = scan(self._factors, h, self._state[:live])[-1]
        z = np.full(h.shape, self._cell.offset, self._dtype)
        reach = len(self._kernel) // 2
        for tap, weight in zip(range(-reach, reach + 1), self._kernel, strict=True):
            seen = h[..., max(tap, 0) : self._cell.units + min(tap, 0)]
            at: Any = z[..., max(-tap, 0) : self._cell.units + min(-tap, 0)]
            at += weight.real * seen.real
            at -= weight.imag * seen.imag
        return np.tanh(z, out=z)

    def _drive(self, x: Array) -> Array:
        if self._inputs.ndim == 1:
            return self._inputs * np.roll(x, 1, axis=2)
        flat = x.reshape(-1, x.shape[2])
        drive: Any = np.empty((*x.shape[:2], self._cell.units), self._state.dtype)
        drive.real = (flat @ self._inputs.real).reshape(drive.shape)
        drive.imag = (flat @ self._inputs.imag).reshape(drive.shape)
        return drive


class _Memory:
    """The linear memory of a layer for every item."""

    def __init__(self, memory: Memory, items: int, dtype: np.dtype[Any]) -> None:
        self.state = np.zeros((items, memory.slots), dtype)
        self._shift, self._inputs = memory.shift.astype(dtype), memory.inputs.T.astype(dtype)
        self._fresh = np.empty_like(self.state)

    def run(self, x: Array) -> Array:
        """Return the memory after each step."""
        live, out = x.shape[1], x @ self._inputs
        m, fresh = self.state[:live], self._fresh[:live]
        for entering in out:
            entering += _turned(m, self._shift, fresh)
            m = entering
        self.state[:live] = m
        return out


def _turned(h: Array, weights: Array, out: Array) -> Array:
    """Return h W for a matrix, w_i h_{i-1 mod N} for the weights of a cyclic shift; in `out`."""
    if weights.ndim == 2:
        return np.matmul(h, weights, out=out)
    np.multiply(h[:, :-1], weights[1:], out=out[:, 1:])
    np.multiply(h[:, -1], weights[0], out=out[:, 0])
    return out
