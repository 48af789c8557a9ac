"""Ridge on window statistics: mean, deviation, extremes and so on of every channel, and a linear readout."""

# optuna's distributions are typed loosely.
# pyright: basic

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution

from sarto.core.graph import Graph
from sarto.core.recipe import Step
from sarto.search.families import _candidate
from sarto.search.families._candidate import Ground, Shape, in_segments
from sarto.search.families._statistics import SETS, most_segments, statistics_body, statistics_step

PRESETS: tuple[dict[str, Any], ...] = (
    dict(statistics="all", size=0.0),
    dict(statistics="spread", size=0.6),
    dict(statistics="mean", size=1.0),
)


def space(cells: Sequence[str], numeric: bool) -> dict[str, BaseDistribution]:
    """Return the ranges of the settings; `size` is the place between one segment and the most that fit."""
    del cells, numeric
    return {"statistics": CategoricalDistribution(list(SETS)), "size": FloatDistribution(0.0, 1.0)}


@dataclass(frozen=True)
class Candidate(_candidate.Streamed):
    """A linear readout of a set of statistics of each of `units` segments."""

    family: ClassVar[str] = "statistics"
    least: ClassVar[int] = 1

    statistics: str

    @property
    def structure(self) -> str:
        return f"statistics-{self.statistics}-{'segments' if self.units > 1 else 'whole'}"

    def body(self, ground: Ground) -> Graph:
        return statistics_body(self.statistics, self.units, ground)

    def most_units(self, shape: Shape) -> int:
        return most_segments(self.statistics, shape)

    def canonical(self) -> Self:
        return replace(self, segments=1, seed=0)

    def samples(self, longest: int, counted: bool) -> tuple[Self, ...]:
        sizes = (1,) if self.units == 1 else (2, min(4, longest), min(8, longest))
        chosen = sorted(set(sizes)) if counted else sizes[-1:]
        return tuple(replace(self.canonical(), units=units) for units in chosen)

    def summary(self) -> str:
        return f"ridge on {len(SETS[self.statistics])} statistics per channel{in_segments(self.units)}, 8-bit weights"

    def steps(self, ridge: float) -> tuple[Step, ...]:
        return (
            statistics_step(self.statistics, self.units),
            Step("ridge", {"relative": ridge}),
            Step("ptq", {"readout_bits": 8}),
        )
