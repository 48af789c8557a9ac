"""The echo-state gap: how far apart two states stay that saw the same data, after different pasts.

    gap_t = max over pasts k and sequences i of |h_t^{i,k} - h_t^i| / s,    s = rms over i, t of |h_t^i|

h^i begins at rest, h^{i,k} where past k has left the reservoir: other sequences of the data, the same with the sign of
every channel turned, and noise three times as large as the data, which drives neurons to their limits. All are states
that inputs can reach, in every part of the cell. The gap is told layer by layer. Under a step that contracts by a
factor c (see `spectrum.contraction`) it is at most c^t times the first; where it does not fall, a state depends on how
it began.

Source: Jaeger, GMD report 148 (2001), definition 1 (state contracting); the test by two initial states on given inputs
is that of the echo state property index of Gallicchio, "Chasing the echo state property", ESANN 2019.

>>> from sarto.models.reservoir import ring
>>> cell = ring.build(8, 1, seed=0, leak=1.0, radius=0.5, input_scaling=1.0, bias_scaling=0.0)
>>> x = np.random.default_rng(0).normal(size=(40, 1))
>>> echo = gap(cell, Sequences(x, np.array([0, 40])))
>>> echo.gap.shape, echo.washout(0.01) <= 8
((41, 1), True)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float

from sarto.core.seed import generator
from sarto.models.reservoir._stack import AnyReservoir
from sarto.models.sequences import Sequences
from sarto.models.states import states

PAST_STEPS = 100
"""Steps of a past."""
LOUD = 3.0
"""Noise of a past, in standard deviations of each channel; beyond 3 of them lie .3 % of normal data."""


@dataclass(frozen=True, eq=False)
class EchoState:
    """The gap after 0, 1, 2, ... steps of the data, of each layer relative to the size of its state."""

    gap: Float[np.ndarray, "moment layer"]

    def washout(self, tolerance: float) -> int | None:
        """Return the steps after which the gap of every layer is below `tolerance` for good; None when it never is."""
        above = np.flatnonzero((self.gap >= tolerance).any(axis=1))
        found = int(above[-1]) + 1 if above.size else 0
        return found if found < len(self.gap) else None

    def factor(self) -> float:
        """Return by what the largest gap is multiplied in a step, over the second half of the steps."""
        worst = self.gap.max(axis=1)
        half = (len(worst) - 1) // 2
        if worst[half] == 0:
            return 0.0
        return float((worst[-1] / worst[half]) ** (1 / (len(worst) - 1 - half)))

    def expected(self, tolerance: float) -> float:
        """Return after how many steps the gap would be below `tolerance` if it fell on as it did; or infinity."""
        last, factor = float(self.gap[-1].max()), self.factor()
        if last < tolerance or factor == 0:
            return float(len(self.gap) - 1)
        if factor >= 1:
            return math.inf
        return len(self.gap) - 1 + math.log(tolerance / last) / math.log(factor)


def gap(reservoir: AnyReservoir, sequences: Sequences, *, seed: int = 0) -> EchoState:
    """Return the gap on `sequences`, inputs as the reservoir sees them.

    Where sequences end before others, the gap is that of those which go on.
    """
    values = sequences.values.astype(np.float64)
    deviation = values.std(axis=0)
    noise = generator(seed, "diagnosis", "past").normal(size=(PAST_STEPS, sequences.channels))
    lengths = sequences.lengths
    parts: list[Float[np.ndarray, "step channel"]] = []
    ends: list[int] = sequences.offsets.tolist()
    for start, end in pairwise(ends):
        item = values[start:end]
        other = np.take(values, np.arange(start - PAST_STEPS, start), axis=0, mode="wrap")
        pasts = (other, -other, LOUD * deviation * noise)
        parts += [item, *(np.concatenate([past, item]) for past in pasts)]
    offsets = np.concatenate([[0], np.cumsum([len(part) for part in parts])]).astype(np.int64)
    every = states(reservoir, Sequences(np.concatenate(parts), offsets), dtype="float64")
    edges = np.cumsum([0, *(layer.units for layer in reservoir.layers)])
    distance = np.zeros((int(lengths.max()) + 1, len(edges) - 1))
    squares = np.zeros(len(edges) - 1)
    for index in range(len(sequences)):
        own, *others = (every[offsets[4 * index + k] : offsets[4 * index + k + 1]] for k in range(4))
        own = np.vstack([np.zeros(reservoir.units), own])
        for other in others:
            apart = np.square(other[PAST_STEPS - 1 :] - own)
            far = np.sqrt(np.add.reduceat(apart, edges[:-1], axis=1))
            distance[: len(far)] = np.maximum(distance[: len(far)], far)
        squares += np.add.reduceat(np.square(own[1:]), edges[:-1], axis=1).sum(axis=0)
    size = np.sqrt(squares / lengths.sum())
    return EchoState(distance / np.where(size > 0, size, 1.0))
