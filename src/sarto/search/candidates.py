"""Candidates of the search: a reservoir, how it is pooled, and its number formats; and what they would cost.

Flash and RAM of a candidate are known before it is trained: its tables and its arena follow from its shape, and
the code around them from an image of the same structure (`Overheads`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from sarto.core.budget import Budget
from sarto.core.graph import Graph, Window
from sarto.core.rooms import load_method, methods
from sarto.deploy.lower import SCORE_SCALE, InputStatistics, Latest, Numbers, lower_reservoir, with_readout
from sarto.deploy.memory import arena, tables_b
from sarto.deploy.sensor import SensorFormat
from sarto.models.pooling import Pooling, PoolingKind
from sarto.models.reservoir._cell import Reservoir
from sarto.search.problem import Problem

MIN_UNITS = 4
MAX_UNITS = 400
"""Bounds the time of one trial, which grows with the square of the units and the cube of the features."""
MAX_FEATURES = 1000
"""Bounds the time of a trial: the decomposition of a readout's Gram matrix takes a quarter of a second at this size."""
ROOM = "sarto.models.reservoir"


@dataclass(frozen=True)
class Candidate:
    """The settings of one trial; see `sarto.models.reservoir` and `sarto.deploy.lower` for their meaning."""

    cell: str
    units: int
    pooling: PoolingKind
    segments: int
    leak: float
    radius: float
    input_scaling: float
    bias_scaling: float
    state_bits: int
    seed: int

    @property
    def structure(self) -> str:
        """What decides the code, but not the tables: candidates of one structure differ in sizes and numbers only."""
        return f"{self.cell}-{self.pooling}-{'segments' if self.segments > 1 else 'whole'}-{self.state_bits}"

    @property
    def numbers(self) -> Numbers:
        """Number formats of the integer network."""
        return Numbers(state_bits=self.state_bits, table_bits=8 if self.state_bits == 8 else 7)

    def pooled(self, longest: int) -> Pooling:
        """Return the pooling for sequences of up to `longest` steps."""
        return Pooling.fitted(self.pooling, self.segments, longest)

    def build(self, channels: int) -> Reservoir:
        """Return the float reservoir."""
        return load_method(ROOM, self.cell).build(
            self.units,
            channels,
            seed=self.seed,
            leak=self.leak,
            radius=self.radius,
            input_scaling=self.input_scaling,
            bias_scaling=self.bias_scaling,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class Shape:
    """What the cost of a candidate depends on beside its own settings."""

    channels: tuple[str, ...]
    outputs: tuple[str, ...]
    numeric: bool
    latest: tuple[int, ...]
    sensor_bits: int
    window: Window | None
    longest: int

    @classmethod
    def of(cls, problem: Problem) -> Shape:
        """Return the shape of the models for `problem`."""
        return cls(
            problem.channels,
            problem.outputs,
            problem.goals is not None,
            problem.latest,
            problem.sensor.bits,
            problem.window,
            problem.longest,
        )


@dataclass(frozen=True)
class Overhead:
    """What an image of one structure costs beside tables and arena, and how its instructions grow.

    Attributes:
        flash_b: flash of everything but tables.
        ram_b: RAM of everything but the arena: small statics and the deepest stack.
        instructions: (a, b, c) of a + b N + c N^2 instructions of the longest inference with N units; zeros where no
            limit asks for them.
    """

    flash_b: int
    ram_b: int
    instructions: tuple[float, float, float] = (0.0, 0.0, 0.0)


Overheads = Mapping[str, Overhead]
"""By `Candidate.structure`."""


def skeleton(candidate: Candidate, shape: Shape) -> Graph:
    """Return a graph with the candidate's shape and made-up numbers: same tables, arena and code, not trained.

    No table is uniform that is not so in a trained model: a compiler drops such a table, and the code that reads it.
    """
    units, channels = candidate.units, len(shape.channels)
    tiny = replace(candidate, units=2, radius=0.5, leak=1.0).build(channels)
    ring = tiny.structure == "ring"
    spread = 1 + np.arange(units, dtype=np.float64) / units
    weights_in = np.cos(np.arange(units * channels)).reshape(units, channels)
    body = lower_reservoir(
        Reservoir(
            candidate.cell,
            np.resize(tiny.recurrent, units) if ring else spread[:, None] * spread[None, :],
            weights_in if not ring else np.sign(weights_in),
            spread - 1.5,
            1 - candidate.leak,
            candidate.leak,
        ),
        InputStatistics(1.0 + np.arange(channels), 1.0 + np.arange(channels) / channels, 4.0),
        SensorFormat(shape.sensor_bits, np.full(channels, 2.0**-12), "made up"),
        candidate.numbers,
        candidate.pooled(shape.longest),
        channels=shape.channels,
        window=shape.window,
    )
    width = units * candidate.pooled(shape.longest).per_unit
    labels, features = len(shape.outputs), width * candidate.segments
    weights = (np.arange(labels * features).reshape(labels, features) * 37) % 255 - 127
    exponent, apart = (25 + np.arange(width) % 4).astype(np.uint8), 1 + np.arange(labels) / labels
    quanta = (SCORE_SCALE,) * labels if shape.numeric else ()
    latest = Latest(shape.latest, apart * SCORE_SCALE) if shape.latest else None
    return with_readout(body, exponent, weights, apart * 1e-5, apart, shape.outputs, quanta, latest)


@lru_cache(maxsize=4096)
def _table_and_arena(candidate: Candidate, shape: Shape) -> tuple[int, int]:
    graph = skeleton(candidate, shape)
    return tables_b(graph), arena(graph).size_b


def cost(candidate: Candidate, shape: Shape, overheads: Overheads) -> tuple[int, int]:
    """Return flash and RAM of the candidate in bytes, before training."""
    tables, ram = _table_and_arena(replace(candidate, radius=0.5, leak=1.0, input_scaling=1.0, seed=0), shape)
    overhead = overheads[candidate.structure]
    return tables + overhead.flash_b, ram + overhead.ram_b


def fits(candidate: Candidate, shape: Shape, overheads: Overheads, budget: Budget) -> bool:
    """Return whether flash, RAM and instructions of the candidate are within `budget`, as far as can be told before."""
    flash, ram = cost(candidate, shape, overheads)
    a, b, c = overheads[candidate.structure].instructions
    instructions = a + b * candidate.units + c * candidate.units**2
    got = ((flash, budget.flash_b), (ram, budget.ram_b), (instructions, budget.instructions))
    return all(limit is None or value <= limit for value, limit in got)


def largest(candidate: Candidate, shape: Shape, overheads: Overheads, budget: Budget) -> int | None:
    """Return the most units with which the candidate fits, or None if not even `MIN_UNITS` do."""
    per_unit = candidate.segments * candidate.pooled(shape.longest).per_unit
    low, high = MIN_UNITS, min(MAX_UNITS, MAX_FEATURES // per_unit)
    if not fits(replace(candidate, units=low), shape, overheads, budget):
        return None
    while low < high:
        middle = (low + high + 1) // 2
        if fits(replace(candidate, units=middle), shape, overheads, budget):
            low = middle
        else:
            high = middle - 1
    return low


def cells(chosen: Sequence[str]) -> list[str]:
    """Return the cells to search: those named, or all that there are.

    Raises:
        SartoError: E111, for a name that is no cell.
    """
    for name in chosen:
        load_method(ROOM, name)
    return list(chosen) or methods(ROOM)


PRESETS: tuple[dict[str, Any], ...] = (
    dict(cell="esn", pooling="mean_square_last", segments=1, leak=0.5, input_scaling=0.5, size=1.0),
    dict(cell="esn", pooling="mean_square_last", segments=1, leak=0.1, input_scaling=0.1, size=0.3),
    dict(cell="ring", pooling="mean_square", segments=2, leak=0.1, input_scaling=0.1, size=0.7),
    dict(cell="esn", pooling="mean", segments=2, leak=0.3, input_scaling=0.5, size=0.5),
    dict(cell="esn", pooling="mean_square", segments=2, leak=0.1, input_scaling=0.1, size=0.2),
    dict(cell="ring", pooling="last", segments=2, leak=0.3, input_scaling=0.5, size=0.6),
    dict(cell="ring", pooling="mean_square_last", segments=1, leak=0.5, input_scaling=0.3, size=0.1),
    dict(cell="esn", pooling="mean_square", segments=1, leak=0.1, input_scaling=0.1, size=0.0),
)
"""Where a search starts. Leak, radius 0.9 and input scaling are the round values of Lukosevicius, "A practical guide to
applying echo state networks" (2012), sections 3.2.4 to 3.2.6; poolings and sizes are spread."""
PRESET_REST: dict[str, Any] = dict(radius=0.9, bias_scaling=0.1, state_bits=16)


def preset(settings: dict[str, Any], units: int, seed: int) -> Candidate:
    """Return the candidate of one of `PRESETS` with `units` neurons."""
    return Candidate(
        **{**PRESET_REST, **{k: v for k, v in settings.items() if k != "size"}}, units=units, seed=seed
    )
