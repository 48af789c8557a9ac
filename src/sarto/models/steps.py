"""Steps of a reservoir for a batch of sequences: the arithmetic of `sarto.models.reservoir._cell` on reused buffers.

`Steps` holds the states of a reservoir, or of the layers of a stack, for a fixed number of items and takes them through
a block of steps at a time. Every step is one product, of [W, W_x, b] with [h; x; 1], and one with O where that is a
full matrix. A diagonal reservoir scans the block. A layer of a stack takes the block of states of the layer below.

>>> from sarto.models.reservoir import ring
>>> cell = ring.build(4, 1, seed=0, leak=1.0, radius=0.5, input_scaling=1.0, bias_scaling=0.0)
>>> steps = Steps(cell, 2, np.dtype("float64"))
>>> steps.run(np.ones((3, 2, 1))).shape, steps.run(np.ones((5, 1, 1))).shape
((3, 2, 4), (5, 1, 4))
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import repeat
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


FEW_CHANNELS = 32
"""Up to so many, inputs are multiplied together with the states: a part of a product that costs no pass of its own."""
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
    """One layer: its weights in the precision of the states, and the states of every item.

    Arrays are (neuron, item): a product W h of few items then takes two thirds of the time of h^T W^T, whose W is
    arranged anew for every product. Below the states lie the inputs and a 1, whose weights are beside W, so that the
    product is the whole drive; wide inputs and those of a memory or a cyclic shift are multiplied apart. Items are
    filled up to a multiple of 4 with items at rest, without input and bias: products of such numbers are faster.
    """

    def __init__(self, cell: Reservoir, items: int, dtype: np.dtype[Any]) -> None:
        self._units = cell.units
        self._joined = cell.structure == "dense" and cell.memory is None and cell.channels <= FEW_CHANNELS
        self._inputs, self._bias = cell.inputs.astype(dtype), cell.bias.astype(dtype)[:, None]
        weights = cell.recurrent.astype(dtype)
        more = [self._inputs, self._bias] if self._joined else []
        self._weights = np.concatenate([weights, *more], axis=1) if more else weights
        self._more = sum(each.shape[1] for each in more)
        self._state = np.zeros((self._units, items), dtype)
        self._fresh = np.empty(self._units * (items + 3), dtype)
        self._pads = self._joined and cell.leaks == "state"
        self._memory = _Memory(cell.memory, items, dtype) if cell.memory else None
        self._outputs = cell.memory.outputs.astype(dtype) if cell.memory else None
        self._rotation = None if cell.rotation is None else (cell.alpha * cell.rotation).astype(dtype)
        self._alpha, self._beta = np.array(cell.alpha, dtype), np.array(cell.beta, dtype)
        self._phi = PHI[cell.activation]
        self._leaking = np.zeros_like(self._state) if cell.leaks == "drive" else None
        self._gain = None if cell.gain is None else cell.gain.astype(dtype)[:, None]
        self._shift = None if cell.shift is None else cell.shift.astype(dtype)[:, None]

    @property
    def recurrent(self) -> Array:
        """The recurrent weights, as `Steps.recurrent` gives them."""
        return self._weights[:, : self._units].T if self._weights.ndim == 2 else self._weights

    def replace_phi(self, phi: Callable[..., Any]) -> None:
        """Take `phi` from now on, which sees its numbers as (item, neuron)."""

        def turned(z: Array, out: Array) -> Array:
            return phi(z.T, out=out.T)

        self._phi, self._pads = turned, False

    def parts(self) -> list[Array]:
        """Return what is carried from step to step."""
        leaking = None if self._leaking is None else self._leaking.T
        held = [self._state.T, leaking, self._memory and self._memory.state]
        return [part for part in held if part is not None]

    def run(self, x: Array) -> Array:
        """Return the states after each step, a new array."""
        steps, live, _ = x.shape
        wide = -(-live // 4) * 4 if self._pads and live > 2 else live
        seen = np.empty((steps + 1, self._units + self._more, wide), self._state.dtype)
        h = seen[:, : self._units]
        h[0, :, :live] = self._state[:, :live]
        if wide > live:
            seen[0, :, live:] = seen[:, self._units :, live:] = 0
        drives: Iterable[Array | None] = repeat(None)
        if self._joined:
            seen[:-1, self._units : -1, :live] = x.transpose(0, 2, 1)
            seen[:-1, -1, :live] = 1
        else:
            drives = self._drive(x)
        z, weights, phi = (
            self._fresh[: self._units * wide].reshape(self._units, wide),
            self._weights,
            self._phi,
        )
        alpha, beta, rotation, leaking = self._alpha, self._beta, self._rotation, self._leaking
        for before, old, new, drive in zip(seen, h, h[1:], drives, strict=False):
            _turned(weights, before, z)
            if drive is not None:
                z += drive
            if leaking is not None:
                self._leak_drive(leaking[:, :live], z, new)
                continue
            phi(z, out=z)
            np.multiply(z, beta, out=z)
            if rotation is None:
                np.multiply(old, alpha, out=new)
            else:
                _turned(rotation, old, new)
            np.add(new, z, out=new)
        self._state[:, :live] = h[-1, :, :live]
        return h[1:, :, :live].transpose(0, 2, 1)

    def _drive(self, x: Array) -> Array:
        """Return W_x x + W_m m + b of every step, (step, neuron, live)."""
        drive = _products(self._inputs, x)
        if self._memory is not None and self._outputs is not None:
            drive += _products(self._outputs, self._memory.run(x))
        drive += self._bias
        return drive

    def _leak_drive(self, r: Array, z: Array, new: Array) -> None:
        """Put the new state into `new`; `z` holds the drive, which leaks into `r`."""
        z *= self._beta
        r *= self._alpha
        r += z
        new[:] = r
        if self._gain is not None:
            new *= self._gain
        if self._shift is not None:
            new += self._shift
        self._phi(new, out=new)


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
            entering += _turned(self._shift, m.T, fresh.T).T
            m = entering
        self.state[:live] = m
        return out


def _turned(weights: Array, h: Array, out: Array) -> Array:
    """Return W h for a matrix, w_i h_{i-1 mod N} for the weights of a cyclic shift; in `out`."""
    if weights.ndim == 2:
        return np.matmul(weights, h, out=out)
    np.multiply(h[:-1], weights[1:, None], out=out[1:])
    np.multiply(h[-1], weights[0], out=out[0])
    return out


def _products(weights: Array, x: Array) -> Array:
    """Return W x of every step, (step, neuron, live), for `x` (step, live, channel)."""
    if x.shape[1] == 1:
        return (x[:, 0] @ weights.T)[:, :, None]
    return np.matmul(weights, x.transpose(0, 2, 1))
