# pyright: reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownMemberType=false
"""Small changes of the state, followed along the states that data drive a reservoir through.

A small change (p of the neurons, q of a linear memory) moves with the Jacobian of the step, layer after layer,

    q' = V q + V_x e',    p' = alpha O p + beta phi'(z_t) (W p + W_x e' + W_m q')

with e' the change that the layer below has just made of its output (0 for the first layer: the input is given). The
slope phi' follows from the states themselves: tanh' = 1 - a^2 with a = (h' - alpha O h) / beta. Where the drive leaks,
p is the change of r and the neurons' output changes by phi' gain p. A diagonal layer is linear but for its output,

    p' = lambda p + beta W_x e',    e = (1 - z^2) Re(k * p)

with p complex: its real and its imaginary parts are changes by themselves.

`growth` returns how the product of the Jacobians from the first step on grows or fades; `largest_exponent` the largest
Lyapunov exponent along the data, the mean of ln of how much a change grows in a step, made a unit vector again after
each (Gram-Schmidt, QR):

    P_t = J_t ... J_1,   |P_t|_F / sqrt(n) and |P_t|_2;      lambda = (1/T) sum_t ln R_11(t),  J_t Q_{t-1} = Q_t R(t)

Source: Benettin, Galgani, Giorgilli and Strelcyn, "Lyapunov characteristic exponents for smooth dynamical systems",
Meccanica 15 (1980); Eckmann and Ruelle, "Ergodic theory of chaos and strange attractors", Reviews of Modern Physics 57
(1985), section V.

>>> ring = Reservoir("ring", np.full(4, 0.5), np.ones((4, 1)), np.zeros(4), 0.0, 1.0, activation="identity")
>>> path = np.zeros((6, 4))
>>> round(largest_exponent(ring, path, np.array([0, 6])) / math.log(0.5), 9)
1.0
>>> growth(ring, path, (0, 3)).largest.round(12).tolist()
[[1.0], [0.125]]
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Inexact, Int
from scipy.linalg import eigh

from sarto.core.seed import generator
from sarto.models.reservoir._cell import Activation, Reservoir
from sarto.models.reservoir._diagonal import Diagonal
from sarto.models.reservoir._stack import AnyReservoir, Layer

ALIGNING = 0.1
"""Share of the steps after which a change is taken to point where it grows most; before, nothing is counted."""
MOST = 700.0
"""ln of what a product is shown as at most; e^709 is the largest number of float64."""


class Changes:
    """Small changes of the whole state, one in each column of `columns`.

    Attributes:
        columns: rows are the neurons of the first layer, the slots of its memory, then the next layer.
        parts: rows of each layer's neurons and of its memory.
    """

    def __init__(self, reservoir: AnyReservoir, columns: Float[np.ndarray, "row column"]) -> None:
        self._layers = reservoir.layers
        self.columns = columns
        self.parts: list[tuple[slice, slice]] = []
        at = 0
        for layer in self._layers:
            whole = changing(layer)
            own = whole if isinstance(layer, Diagonal) else layer.units
            self.parts.append((slice(at, at + own), slice(at + own, at + whole)))
            at += whole
        self.rest()

    def rest(self) -> None:
        """Take the neurons to be at rest, where a sequence begins; the changes stay."""
        self._output = [
            layer.slope() if isinstance(layer, Reservoir) and layer.leaks == "drive" else None
            for layer in self._layers
        ]

    def step(self, before: Float[np.ndarray, " neuron"], after: Float[np.ndarray, " neuron"]) -> None:
        """Move the changes with the step that took the neurons' states from `before` to `after`."""
        below: Float[np.ndarray, "neuron column"] | None = None
        at = 0
        for index, (layer, (neurons, slots)) in enumerate(zip(self._layers, self.parts, strict=True)):
            own = slice(at, at + layer.units)
            at += layer.units
            if isinstance(layer, Diagonal):
                below = _diagonal(layer, self.columns[neurons], below, after[own])
                continue
            p, output = self.columns[neurons], self._output[index]
            seen = _times(layer.recurrent, p if output is None else output[:, None] * p)
            if below is not None:
                seen = seen + layer.inputs @ below
            if layer.memory is not None:
                q = _times(layer.memory.shift, self.columns[slots])
                if below is not None:
                    q += layer.memory.inputs @ below
                self.columns[slots] = q
                seen = seen + layer.memory.outputs @ q
            slope = slopes(layer, before[None, own], after[None, own])[0]
            if layer.leaks == "drive":
                self.columns[neurons] = layer.alpha * p + layer.beta * seen
                gained = slope if layer.gain is None else slope * layer.gain
                self._output[index] = gained
                below = gained[:, None] * self.columns[neurons]
            else:
                carried = p if layer.rotation is None else _times(layer.rotation, p)
                self.columns[neurons] = layer.alpha * carried + (layer.beta * slope)[:, None] * seen
                below = self.columns[neurons]


def changing(layer: Layer) -> int:
    """Return how many numbers of a layer's state may change: neurons and slots, of a diagonal one twice its neurons."""
    if isinstance(layer, Diagonal):
        return 2 * layer.units
    return layer.units + (layer.memory.slots if layer.memory else 0)


def _diagonal(
    layer: Diagonal,
    columns: Float[np.ndarray, "part column"],
    below: Float[np.ndarray, "channel column"] | None,
    z: Float[np.ndarray, " neuron"],
) -> Float[np.ndarray, "neuron column"]:
    """Move the changes of a diagonal layer in place, and return those of its output."""
    n = layer.units
    p = layer.factors[:, None] * (columns[:n] + 1j * columns[n:])
    if below is not None:
        p += layer.beta * _times(layer.inputs, below)
    columns[:n], columns[n:] = p.real, p.imag
    reach = len(layer.kernel) // 2
    padded = np.pad(p, ((reach, reach), (0, 0)))
    mixed: Any = sum(weight * padded[tap : tap + n] for tap, weight in enumerate(layer.kernel))
    return (1 - z**2)[:, None] * np.real(mixed)


def slopes(
    layer: Layer, before: Float[np.ndarray, "row neuron"], after: Float[np.ndarray, "row neuron"]
) -> Float[np.ndarray, "row neuron"]:
    """Return phi' at each neuron in the step from the states `before` to those `after`."""
    if isinstance(layer, Diagonal):
        return 1 - after**2
    a = after
    if layer.leaks == "state":
        carried = before if layer.rotation is None else _times(layer.rotation, before.T).T
        a = (after - layer.alpha * carried) / layer.beta
    return _slope_at(layer.activation, a)


def _slope_at(phi: Activation, value: Float[np.ndarray, "row neuron"]) -> Float[np.ndarray, "row neuron"]:
    """Return phi'(z) where phi(z) = `value`; what rounding leaves outside its range is at its end."""
    if phi == "tanh":
        return np.maximum(1 - value**2, 0.0)
    if phi == "sigmoid":
        return np.maximum(value * (1 - value), 0.0)
    if phi == "relu":
        return (value > 0).astype(np.float64)
    return np.ones_like(value)


def _times(
    weights: Inexact[np.ndarray, "neuron channel"] | Inexact[np.ndarray, " neuron"],
    columns: Float[np.ndarray, "channel column"],
) -> Inexact[np.ndarray, "neuron column"]:
    """Return a matrix, or the weighted cyclic shift (S h)_i = w_i h_{i-1 mod N}, times columns."""
    return weights @ columns if weights.ndim == 2 else weights[:, None] * np.roll(columns, 1, axis=0)


@dataclass(frozen=True, eq=False)
class Growth:
    """How changes of the first state have grown after some steps, layer by layer (a layer's own block of P).

    Attributes:
        steps: after how many steps.
        mean: |P|_F / sqrt(n), by how much changes in all directions have grown, root mean square.
        largest: |P|_2, by how much the one that grew most has.
    """

    steps: tuple[int, ...]
    mean: Float[np.ndarray, "moment layer"]
    largest: Float[np.ndarray, "moment layer"]


def growth(reservoir: AnyReservoir, path: Float[np.ndarray, "step neuron"], steps: Sequence[int]) -> Growth:
    """Return the norms of the product of the Jacobians after each of `steps`, ascending.

    Args:
        reservoir: a cell, or a stack of them.
        path: the states after every step of one sequence from rest, in float64.
        steps: at most as many as the path has; 0 is the start, where all is 1.
    """
    sizes = [changing(layer) for layer in reservoir.layers]
    changes = Changes(reservoir, np.eye(sum(sizes)))
    mean, largest = np.ones((2, len(steps), len(sizes)))
    ln_scale, row = 0.0, 0
    before = np.zeros(reservoir.units)
    for step in range(max(steps) + 1):
        if step:
            changes.step(before, path[step - 1])
            before = path[step - 1]
            size = float(np.abs(changes.columns).max())
            if size > 0:
                changes.columns /= size
                ln_scale += math.log(size)
        if step == steps[row]:
            at = 0
            for index, size in enumerate(sizes):
                block = changes.columns[at : at + size, at : at + size]
                at += size
                mean[row, index] = _scaled(float(np.linalg.norm(block)) / math.sqrt(size), ln_scale)
                top = eigh(block.T @ block, eigvals_only=True, subset_by_index=(size - 1, size - 1))[0]
                largest[row, index] = _scaled(math.sqrt(max(top, 0.0)), ln_scale)
            row += 1
    return Growth(tuple(steps), mean, largest)


def _scaled(value: float, ln_scale: float) -> float:
    return math.exp(min(math.log(value) + ln_scale, MOST)) if value > 0 else 0.0


def largest_exponent(
    reservoir: AnyReservoir,
    path: Float[np.ndarray, "row neuron"],
    offsets: Int[np.ndarray, " item_plus_1"],
    *,
    seed: int = 0,
) -> float:
    """Return the largest Lyapunov exponent along the data, per step; minus infinity where every change ends in 0.

    The direction of the change is kept from the end of a sequence to the start of the next, which begins at rest.

    Args:
        reservoir: a cell, or a stack of them.
        path: the states after every step of every sequence, in float64.
        offsets: where each sequence begins and ends.
        seed: of the first direction.
    """
    rows = sum(map(changing, reservoir.layers))
    start = generator(seed, "diagnosis", "lyapunov").standard_normal((rows, 1))
    changes = Changes(reservoir, start / np.linalg.norm(start))
    total, counted, taken = 0.0, 0, 0
    aligning = int(ALIGNING * len(path))
    for first, end in zip(offsets[:-1].tolist(), offsets[1:].tolist(), strict=True):
        changes.rest()
        before = np.zeros(reservoir.units)
        for after in path[first:end]:
            changes.step(before, after)
            before = after
            size = float(np.linalg.norm(changes.columns))
            if size < np.finfo(np.float64).tiny:
                return -math.inf
            changes.columns /= size
            taken += 1
            if taken > aligning:
                total += math.log(size)
                counted += 1
    return total / counted
