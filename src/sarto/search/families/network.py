"""Small named networks, trained by gradients and quantised to 8 bits: an item is seen as a whole.

They need torch; where it is missing and the family was not named, it is left out. A trial takes as long as
`TRIALS_EACH` others.
"""

# optuna's distributions are typed loosely.
# pyright: basic

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.util import find_spec
from typing import Any, ClassVar, Self

from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from sarto.core.recipe import Step
from sarto.models.network.architecture import Architecture
from sarto.models.network.named import named
from sarto.models.network.tiny import macs
from sarto.search.families import _candidate
from sarto.search.families._candidate import Shape

TRIALS_EACH = 12
MOST_MACS = 300_000
"""Multiplications of one item: bounds the time of a trial."""
MOST_WIDTH = 128
NAMES = ("cnn1d", "separable", "residual", "mlp")
MAX_DEPTH = 4
_REST: dict[str, Any] = dict(depth=3, rate=3e-3)
PRESETS: tuple[dict[str, Any], ...] = tuple(
    {**_REST, **settings}
    for settings in (
        dict(name="cnn1d", size=1.0),
        dict(name="residual", size=0.8),
        dict(name="separable", size=0.8),
        dict(name="cnn1d", depth=2, size=0.5),
        dict(name="mlp", depth=1, size=0.7),
    )
)


def space(cells: Sequence[str], numeric: bool) -> dict[str, BaseDistribution]:
    """Return the ranges of the settings; `size` is the place between the least and the largest width that fits."""
    del cells, numeric
    return {
        "name": CategoricalDistribution(list(NAMES)),
        "depth": IntDistribution(1, MAX_DEPTH),
        "rate": FloatDistribution(5e-4, 2e-2, log=True),
        "size": FloatDistribution(0.0, 1.0),
    }


def lacking() -> str:
    """Return what is missing for a network, or nothing."""
    return "" if find_spec("torch") else "networks need torch: pip install 'sarto[nn]'"


@dataclass(frozen=True)
class Candidate(_candidate.Whole):
    """A named network whose width is `units`; see `sarto.models.network.named`."""

    family: ClassVar[str] = "network"
    power: ClassVar[int] = 2
    multiple: ClassVar[int] = 4

    name: str
    depth: int

    @property
    def structure(self) -> str:
        return f"network-{self.name}-{self.depth}"

    def architecture(self, shape: Shape) -> Architecture:
        item = (len(shape.channels), shape.longest)
        return named(self.name, item, len(shape.outputs), width=self.units, depth=self.depth)

    def most_units(self, shape: Shape) -> int:
        return _widest(replace(self, units=self.least, seed=0), shape)

    def canonical(self) -> Self:
        return replace(self, rate=1e-3, seed=0)

    def samples(self, longest: int, counted: bool) -> tuple[Self, ...]:
        del longest
        alike = self.canonical()
        return tuple(replace(alike, units=units) for units in ((4, 12, 24) if counted else (12,)))

    def summary(self) -> str:
        return (
            f"{self.name} of width {self.units} and depth {self.depth}, trained by gradients, 8-bit weights"
        )

    def steps(self, ridge: float) -> tuple[Step, ...]:
        del ridge
        names = {"name": self.name, "width": self.units, "depth": self.depth, "seed": self.seed}
        return Step("network", names), Step("train", {"rate": self.rate}), Step("ptq", {"bits": 8})


@lru_cache(maxsize=256)
def _widest(candidate: Candidate, shape: Shape) -> int:
    """Return the largest width within `MOST_MACS` and `MOST_WIDTH`, 0 where there is none."""
    low, high = 0, MOST_WIDTH
    while low < high:
        middle = (low + high + 1) // 2
        if macs(replace(candidate, units=middle).architecture(shape)) <= MOST_MACS:
            low = middle
        else:
            high = middle - 1
    return low
