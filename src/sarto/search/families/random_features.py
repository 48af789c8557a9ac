"""Random features of window statistics (extreme learning machine, random Fourier features) and a linear readout."""

# optuna's distributions are typed loosely.
# pyright: basic

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from jaxtyping import Int
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sarto.core.graph import Graph
from sarto.core.recipe import Step
from sarto.deploy.c.reservoir import ROWS
from sarto.deploy.lower.random_features import lower_random_features
from sarto.models.random_features import Activation, build
from sarto.search.families import _candidate
from sarto.search.families._candidate import MAX_FEATURES, Ground, Layer, Shape, in_segments
from sarto.search.families._statistics import (
    MAX_SEGMENTS,
    SETS,
    most_segments,
    statistics_body,
    statistics_step,
)

_REST: dict[str, Any] = dict(bias_scaling=0.5)
PRESETS: tuple[dict[str, Any], ...] = tuple(
    {**_REST, **settings}
    for settings in (
        dict(statistics="all", segments=1, activation="cosine", input_scaling=1.0, size=1.0),
        dict(statistics="spread", segments=4, activation="tanh", input_scaling=1.0, size=0.7),
        dict(statistics="mean", segments=16, activation="cosine", input_scaling=0.5, size=0.9),
    )
)


def space(cells: Sequence[str], numeric: bool) -> dict[str, BaseDistribution]:
    """Return the ranges of the settings; `size` is the place between the fewest and the most hidden units that fit."""
    del cells, numeric
    return {
        "statistics": CategoricalDistribution(list(SETS)),
        "segments": IntDistribution(1, MAX_SEGMENTS, log=True),
        "activation": CategoricalDistribution(["tanh", "cosine"]),
        "input_scaling": FloatDistribution(0.1, 5.0, log=True),
        "bias_scaling": FloatDistribution(0.05, 3.0, log=True),
        "size": FloatDistribution(0.0, 1.0),
    }


@dataclass(frozen=True)
class Candidate(_candidate.Streamed):
    """`units` random features of a set of statistics of each segment."""

    family: ClassVar[str] = "random_features"
    multiple: ClassVar[int] = ROWS

    statistics: str
    activation: Activation
    input_scaling: float
    bias_scaling: float

    @property
    def structure(self) -> str:
        parts = "segments" if self.segments > 1 else "whole"
        return f"random_features-{self.statistics}-{parts}-{self.activation}"

    def body(self, ground: Ground) -> Graph:
        return statistics_body(self.statistics, self.segments, ground)

    def most_units(self, shape: Shape) -> int:
        return MAX_FEATURES // 2 if self.segments <= most_segments(self.statistics, shape) else 0

    def layer(self, vectors: Int[np.ndarray, "item feature"]) -> Layer | None:
        drawn = build(
            self.units,
            vectors.shape[1],
            seed=self.seed,
            activation=self.activation,
            input_scaling=self.input_scaling,
            bias_scaling=self.bias_scaling,
        )
        wide = vectors.astype(np.float64)
        return lower_random_features(drawn.on_raw(wide.mean(axis=0), wide.std(axis=0)))

    def canonical(self) -> Self:
        return replace(self, input_scaling=1.0, bias_scaling=0.5, seed=0)

    def samples(self, longest: int, counted: bool) -> tuple[Self, ...]:
        alike = replace(self.canonical(), segments=self.segments if counted else min(self.segments, 2))
        return tuple(replace(alike, units=units) for units in ((8, 24, 40) if counted else (40,)))

    def summary(self) -> str:
        what = "random Fourier features" if self.activation == "cosine" else "random tanh features"
        seen = f"{len(SETS[self.statistics])} statistics per channel{in_segments(self.segments)}"
        return f"{self.units} {what} of {seen}, 8-bit weights"

    def steps(self, ridge: float) -> tuple[Step, ...]:
        names = ("units", "activation", "input_scaling", "bias_scaling", "seed")
        return (
            statistics_step(self.statistics, self.segments),
            Step("random_features", {name: getattr(self, name) for name in names}),
            Step("ridge", {"relative": ridge}),
            Step("ptq", {"weight_bits": 8, "readout_bits": 8}),
        )
