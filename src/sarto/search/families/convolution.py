"""Random convolution kernels like MiniRocket's, and a linear readout of how often each is above its threshold."""

# optuna's distributions are typed loosely.
# pyright: basic

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution

from sarto.core.graph import Graph
from sarto.core.graph.convolution import TAPS
from sarto.core.recipe import Step
from sarto.core.seed import generator
from sarto.deploy.lower.convolution import lower_convolution
from sarto.models.convolution import draw
from sarto.models.pooling import segment_steps
from sarto.search.families import _candidate
from sarto.search.families._candidate import MAX_FEATURES, Ground, Shape, in_segments

MAX_SEGMENTS = 4
MAX_DILATIONS = 6
SAMPLE = 32
"""Training items whose responses give the thresholds."""
PRESETS: tuple[dict[str, Any], ...] = (
    dict(segments=1, dilations=4, reach=0.9, size=1.0),
    dict(segments=1, dilations=2, reach=0.3, size=0.6),
    dict(segments=2, dilations=3, reach=0.5, size=0.8),
)


def space(cells: Sequence[str], numeric: bool) -> dict[str, BaseDistribution]:
    """Return the ranges of the settings; `size` is the place between the fewest and the most kernels that fit."""
    del cells, numeric
    return {
        "segments": IntDistribution(1, MAX_SEGMENTS),
        "dilations": IntDistribution(1, MAX_DILATIONS),
        "reach": FloatDistribution(0.05, 1.0, log=True),
        "size": FloatDistribution(0.0, 1.0),
    }


@dataclass(frozen=True)
class Candidate(_candidate.Streamed):
    """`units` kernels; see `sarto.models.convolution` for the settings."""

    family: ClassVar[str] = "convolution"

    dilations: int
    reach: float

    @property
    def structure(self) -> str:
        return f"convolution-{'segments' if self.segments > 1 else 'whole'}"

    def body(self, ground: Ground) -> Graph:
        drawn = draw(
            self.units,
            len(ground.channels),
            ground.longest,
            seed=self.seed,
            dilations=self.dilations,
            reach=self.reach,
        )
        items = len(ground.offsets) - 1
        chosen = np.sort(generator(self.seed, "convolution", "sample").permutation(items)[:SAMPLE])
        parts = [ground.raw[ground.offsets[i] : ground.offsets[i + 1]] for i in chosen.tolist()]
        sample = np.concatenate(parts), np.concatenate([[0], np.cumsum([len(p) for p in parts])])
        return lower_convolution(
            drawn,
            sample,
            ground.inputs,
            ground.sensor,
            self.segments,
            segment_steps(self.segments, ground.longest),
            channels=ground.channels,
            window=ground.window,
        )

    def most_units(self, shape: Shape) -> int:
        return MAX_FEATURES // self.segments

    def canonical(self) -> Self:
        return replace(self, seed=0)

    def samples(self, longest: int, counted: bool) -> tuple[Self, ...]:
        alike = replace(self.canonical(), segments=self.segments if counted else min(self.segments, 2))
        if not counted:  # one dilation or several: a table of equal entries is dropped by the compiler
            several = self.dilations > 1 and self.reach * (longest - 1) >= 2 * (TAPS - 1)
            reach = min(1.0, 2.5 * (TAPS - 1) / max(longest - 1, 1)) if several else 0.01
            alike = replace(alike, dilations=2 if several else 1, reach=reach)
        most = max(MAX_FEATURES // alike.segments, self.least)
        sizes = sorted({min(units, most) for units in ((24, 120, 480) if counted else (120,))})
        return tuple(replace(alike, units=units) for units in sizes)

    def summary(self) -> str:
        return f"{self.units} random convolution kernels{in_segments(self.segments)}, 8-bit readout"

    def steps(self, ridge: float) -> tuple[Step, ...]:
        names = ("units", "dilations", "reach", "seed")
        return (
            Step("convolution", {name: getattr(self, name) for name in names}),
            Step("pool", {"kind": "share above threshold", "segments": self.segments}),
            Step("ridge", {"relative": ridge}),
            Step("ptq", {"readout_bits": 8}),
        )
