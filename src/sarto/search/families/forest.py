"""Decision trees and forests on window statistics."""

# optuna's distributions are typed loosely.
# pyright: basic

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sarto.core.graph import Graph
from sarto.core.recipe import Step
from sarto.learn.forest import ForestSettings
from sarto.search.families import _candidate
from sarto.search.families._candidate import Ground, Shape, in_segments
from sarto.search.families._statistics import (
    MAX_SEGMENTS,
    SETS,
    most_segments,
    statistics_body,
    statistics_step,
)

MAX_TREES = 64
MAX_LEAVES = 256
MOST_FEATURES = 4000
"""Of a tree: bounds the time of a trial."""
MOST_NODES = 16000
"""Of all trees together: the tables count nodes and leaves in 15 bits each."""
_REST: dict[str, Any] = dict(share=0.3, random_thresholds=False, hard=False)
PRESETS: tuple[dict[str, Any], ...] = tuple(
    {**_REST, **settings}
    for settings in (
        dict(statistics="all", segments=1, trees=32, size=1.0),
        dict(statistics="range", segments=2, trees=10, size=0.8, hard=True),
        dict(statistics="all", segments=1, trees=1, share=1.0, size=0.5),
        dict(statistics="mean", segments=16, trees=32, size=1.0, random_thresholds=True),
    )
)


def space(cells: Sequence[str], numeric: bool) -> dict[str, BaseDistribution]:
    """Return the ranges of the settings; `size` is the place between the fewest and the most leaves that fit."""
    del cells
    return {
        "statistics": CategoricalDistribution(list(SETS)),
        "segments": IntDistribution(1, MAX_SEGMENTS, log=True),
        "trees": IntDistribution(1, MAX_TREES, log=True),
        "share": FloatDistribution(0.05, 1.0, log=True),
        "random_thresholds": CategoricalDistribution([False, True]),
        "hard": CategoricalDistribution([False] if numeric else [False, True]),
        "size": FloatDistribution(0.0, 1.0),
    }


@dataclass(frozen=True)
class Candidate(_candidate.Streamed):
    """Trees of at most `units` leaves each."""

    family: ClassVar[str] = "forest"
    least: ClassVar[int] = 2

    statistics: str
    trees: int
    share: float
    random_thresholds: bool
    hard: bool

    @property
    def structure(self) -> str:
        return f"forest-{self.statistics}-{'segments' if self.segments > 1 else 'whole'}"

    def body(self, ground: Ground) -> Graph:
        return statistics_body(self.statistics, self.segments, ground)

    def most_units(self, shape: Shape) -> int:
        most = min(MAX_LEAVES, MOST_NODES // self.trees, max(shape.items, self.least))
        return most if self.segments <= most_segments(self.statistics, shape, MOST_FEATURES) else 0

    @property
    def forest(self) -> ForestSettings | None:
        return ForestSettings(self.trees, self.units, self.share, self.random_thresholds, self.hard)

    def canonical(self) -> Self:
        return replace(self, share=1.0, random_thresholds=False, seed=0)

    def samples(self, longest: int, counted: bool) -> tuple[Self, ...]:
        segments = self.segments if counted else min(self.segments, 2)
        alike = replace(self.canonical(), segments=segments, hard=False)
        alike = alike if counted else replace(alike, trees=10)
        return tuple(
            replace(alike, units=units)
            for units in ((4, 32, min(MAX_LEAVES, MOST_NODES // self.trees)) if counted else (16,))
        )

    def summary(self) -> str:
        kind = "decision tree of" if self.trees == 1 else f"forest of {self.trees} trees, each of"
        seen = f"{len(SETS[self.statistics])} statistics per channel{in_segments(self.segments)}"
        return f"{kind} at most {self.units} leaves, on {seen}"

    def steps(self, ridge: float) -> tuple[Step, ...]:
        del ridge
        names = ("trees", "units", "share", "random_thresholds", "hard", "seed")
        return (
            statistics_step(self.statistics, self.segments),
            Step("forest", {"leaves" if name == "units" else name: getattr(self, name) for name in names}),
            Step("ptq", {"leaf_bits": 8}),
        )
