"""Echo state networks: a reservoir runs over the samples, a linear readout sees its pooled states."""

# optuna's distributions are typed loosely.
# pyright: basic

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from jaxtyping import Float
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sarto.core.graph import Graph
from sarto.core.graph.generated import generated
from sarto.core.recipe import Step
from sarto.core.rooms import load_method, methods
from sarto.deploy.c.reservoir import ROWS
from sarto.deploy.lower import Numbers, Reach, lower_reservoir, reach
from sarto.deploy.lower.reach import needs_reach
from sarto.models.pooling import POOLINGS, Pooling, PoolingKind
from sarto.models.reservoir._cell import Memory, Reservoir
from sarto.models.reservoir._diagonal import Diagonal
from sarto.search.families import _candidate
from sarto.search.families._candidate import MAX_FEATURES, Ground, Shape, in_segments

ROOM = "sarto.models.reservoir"
MAX_UNITS = 400
"""Bounds the time of one trial, which grows with the square of the units and the cube of the features."""
MAX_SEGMENTS = 4
SHARED = ("leak", "radius", "input_scaling", "bias_scaling")
"""Arguments of every cell. One that makes something else of them in a search, or sets more, has a function `searched`
that takes these and returns what it changes."""
NAMED_ONLY = ("eusn", "paralesn", "resesn", "rmn", "seeded")
"""Cells that are searched only when they are named: `python -m benchmarks cells_searched` shows what each is worth.
With `seeded` among the others, 9 of 12 searches of 96 trials ended with a larger validation loss than without
(JapaneseVowels in 4 KiB), and 2 with a smaller one; `es2n` is what solves tasks of memory, and `resesn` is near it."""

_REST: dict[str, Any] = dict(radius=0.9, bias_scaling=0.1, state_bits=16)
_OWN: tuple[dict[str, Any], ...] = tuple(
    {**_REST, **settings}
    for settings in (
        dict(cell="esn", pooling="mean_square_last", segments=1, leak=0.5, input_scaling=0.5, size=1.0),
        dict(cell="esn", pooling="mean_square_last", segments=1, leak=0.1, input_scaling=0.1, size=0.3),
        dict(cell="ring", pooling="mean_square", segments=2, leak=0.1, input_scaling=0.1, size=0.7),
        dict(cell="esn", pooling="mean", segments=2, leak=0.3, input_scaling=0.5, size=0.5),
        dict(cell="esn", pooling="mean_square", segments=2, leak=0.1, input_scaling=0.1, size=0.2),
        dict(cell="ring", pooling="last", segments=2, leak=0.3, input_scaling=0.5, size=0.6),
        dict(cell="ring", pooling="mean_square_last", segments=1, leak=0.5, input_scaling=0.3, size=0.1),
        dict(cell="esn", pooling="mean_square", segments=1, leak=0.1, input_scaling=0.1, size=0.0),
        dict(cell="es2n", pooling="mean_square_last", segments=1, leak=0.1, input_scaling=0.3, size=0.5),
    )
)
_OTHERS = [cell for cell in methods(ROOM) if all(preset["cell"] != cell for preset in _OWN)]
PRESETS: tuple[dict[str, Any], ...] = (*_OWN, *({**_OWN[3], "cell": cell} for cell in _OTHERS))
"""Where a search starts; a cell that has none of its own gets the one of medium size.

Leak, radius 0.9 and input scaling are the round values of Lukosevicius, "A practical guide to applying echo state
networks" (2012), sections 3.2.4 to 3.2.6; poolings and sizes are spread.
"""


def space(cells: Sequence[str], numeric: bool) -> dict[str, BaseDistribution]:
    """Return the ranges of the settings; `size` is the place between the fewest and the most units that fit."""
    del numeric
    return {
        "cell": CategoricalDistribution(list(cells or [c for c in methods(ROOM) if c not in NAMED_ONLY])),
        "pooling": CategoricalDistribution(list(POOLINGS)),
        "segments": IntDistribution(1, MAX_SEGMENTS),
        "state_bits": CategoricalDistribution([16, 8]),
        "size": FloatDistribution(0.0, 1.0),
        "leak": FloatDistribution(0.03, 1.0, log=True),
        "radius": FloatDistribution(0.1, 1.4),
        "input_scaling": FloatDistribution(0.005, 2.0, log=True),
        "bias_scaling": FloatDistribution(0.005, 2.0, log=True),
    }


@dataclass(frozen=True)
class Candidate(_candidate.Streamed):
    """A reservoir of `units` neurons; see `sarto.models.reservoir` and `sarto.deploy.lower` for the settings."""

    family: ClassVar[str] = "reservoir"
    power: ClassVar[int] = 2
    multiple: ClassVar[int] = ROWS

    cell: str
    pooling: PoolingKind
    leak: float
    radius: float
    input_scaling: float
    bias_scaling: float
    state_bits: int

    @property
    def structure(self) -> str:
        parts = "segments" if self.segments > 1 else "whole"
        return f"reservoir-{self.cell}-{self.pooling}-{parts}-{self.state_bits}"

    @property
    def numbers(self) -> Numbers:
        """Number formats of the integer network."""
        return Numbers(state_bits=self.state_bits, table_bits=8 if self.state_bits == 8 else 7)

    def pooled(self, longest: int) -> Pooling:
        """Return the pooling for sequences of up to `longest` steps."""
        return Pooling.fitted(self.pooling, self.segments, longest)

    @property
    def settings(self) -> dict[str, Any]:
        """The arguments of the cell: those that all cells share, and what the cell makes of them for a search."""
        shared = {name: getattr(self, name) for name in SHARED}
        own = getattr(load_method(ROOM, self.cell), "searched", None)
        return shared | (own(shared) if own else {})

    def build(self, channels: int) -> Reservoir | Diagonal:
        """Return the float reservoir."""
        return load_method(ROOM, self.cell).build(self.units, channels, seed=self.seed, **self.settings)

    def body(self, ground: Ground) -> Graph:
        cell = self.build(len(ground.channels))
        return self._lowered(cell, ground, reach(cell, ground.sample) if needs_reach(cell) else None)

    def made_up_body(self, ground: Ground) -> Graph:
        units, channels = self.units, len(ground.channels)
        tiny = replace(self, units=2, radius=0.5).build(channels)
        if isinstance(tiny, Diagonal):  # no kernel computes it, as its lowering says
            return self._lowered(tiny, ground, Reach())
        if tiny.start is not None:  # its weights cost nothing, the spectral radius does
            weights, driven = (g / 128 for g in generated(tiny.start, units, channels))
            cell = replace(tiny, recurrent=weights, inputs=driven[:, :-1], bias=driven[:, -1])
            return self._lowered(cell, ground, Reach())
        ring = tiny.structure == "ring"
        spread = 1 + np.arange(units, dtype=np.float64) / units
        square = spread[:, None] * spread[None, :]
        weights_in = np.cos(np.arange(units * channels)).reshape(units, channels)
        rotation, memory = tiny.rotation, tiny.memory
        if rotation is not None:
            rotation = np.resize(rotation, units) if rotation.ndim == 1 else square / 4
        if memory is not None:
            slots = self._slots(channels)
            memory = Memory(np.resize(memory.shift, slots), *_made_up_memory(units, slots, channels))
        cell = replace(
            tiny,
            recurrent=np.resize(tiny.recurrent, units) if ring else square,
            inputs=weights_in if not ring else np.sign(weights_in),
            bias=spread - 1.5,
            rotation=rotation,
            memory=memory,
        )
        reached = 1.0 if tiny.alpha == 1 else 0.4  # what does not fade reaches further
        return self._lowered(cell, ground, Reach(reached, (1.0,)))

    def _slots(self, channels: int) -> int:
        """Return the slots of the memory, which grow with the units by a line."""
        two, three = (replace(self, units=n, radius=0.5).build(channels) for n in (2, 3))
        assert isinstance(two, Reservoir) and two.memory and isinstance(three, Reservoir) and three.memory
        return two.memory.slots + (three.memory.slots - two.memory.slots) * (self.units - 2)

    def _lowered(self, cell: Reservoir | Diagonal, ground: Ground, reached: Reach | None) -> Graph:
        return lower_reservoir(
            cell,
            ground.inputs,
            ground.sensor,
            self.numbers,
            self.pooled(ground.longest),
            channels=ground.channels,
            window=ground.window,
            reach=reached,
        )

    def most_units(self, shape: Shape) -> int:
        return min(MAX_UNITS, MAX_FEATURES // (self.segments * self.pooled(shape.longest).per_unit))

    def canonical(self) -> Self:
        return replace(self, radius=0.5, leak=0.3, input_scaling=1.0, seed=0)

    def samples(self, longest: int, counted: bool) -> tuple[Self, ...]:
        alike = replace(self.canonical(), segments=self.segments if counted else min(self.segments, 2))
        most = max(MAX_FEATURES // (alike.segments * self.pooled(longest).per_unit), self.least)
        sizes = sorted({min(units, most) for units in ((8, 24, 40) if counted else (40,))})
        return tuple(replace(alike, units=units) for units in sizes)

    def summary(self) -> str:
        pooling = f"{self.pooling.replace('_', ' ')} pooling{in_segments(self.segments)}"
        return (
            f"{self.units}-unit {self.cell} reservoir, {pooling}, {self.state_bits}-bit state, 8-bit weights"
        )

    def steps(self, ridge: float) -> tuple[Step, ...]:
        of_cell = {"cell": self.cell, "units": self.units, **self.settings, "seed": self.seed}
        return (
            Step("reservoir", of_cell),
            Step("pool", {"kind": self.pooling, "segments": self.segments}),
            Step("ridge", {"relative": ridge}),
            Step("ptq", {"weight_bits": 8, "readout_bits": 8, "state_bits": self.state_bits}),
        )


def _made_up_memory(
    units: int, slots: int, channels: int
) -> tuple[Float[np.ndarray, "slot channel"], Float[np.ndarray, "neuron slot"]]:
    inputs = np.cos(1 + np.arange(slots * channels)).reshape(slots, channels)
    return inputs, np.cos(2 + np.arange(units * slots)).reshape(units, slots)
