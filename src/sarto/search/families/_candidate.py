"""What candidates of every family are to the search: how they are lowered, and what their cost depends on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.graph import Graph, Op, Tensor, Window
from sarto.core.recipe import Step
from sarto.deploy.lower import InputStatistics
from sarto.deploy.sensor import SensorFormat
from sarto.learn.forest import ForestSettings
from sarto.models.network.architecture import Architecture
from sarto.models.sequences import Sequences

SAMPLE_ITEMS, SAMPLE_SHARE = 32, 8
"""A sample of the training items has so many of them at the most, and one of so many, beside the longest: what looks at
it takes a small part of the time of a trial, which runs all of them."""
MAX_FEATURES = 1000
"""Bounds the time of a trial: the decomposition of a readout's Gram matrix takes a quarter of a second at this size."""


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
    items: int


@dataclass(frozen=True, eq=False)
class Ground:
    """What a body is lowered for: inputs, sensor, streaming windows, the longest item, and raw words to learn from."""

    inputs: InputStatistics
    sensor: SensorFormat
    channels: tuple[str, ...]
    window: Window | None
    longest: int
    raw: Integer[np.ndarray, "row channel"]
    offsets: Int[np.ndarray, " item_plus_1"]

    @property
    def sample(self) -> Sequences:
        """Standardised inputs of some items, evenly spaced, with the longest: states that grow reach furthest there."""
        lengths = np.diff(self.offsets)
        filled = np.flatnonzero(lengths)
        every = max(SAMPLE_SHARE, -(-len(filled) // SAMPLE_ITEMS))
        chosen = np.union1d(filled[::every], [lengths.argmax()])
        items = [self.raw[self.offsets[i] : self.offsets[i + 1]] for i in chosen]
        values = np.concatenate(items) * self.sensor.scale
        ends = np.concatenate([[0], np.cumsum(lengths[chosen])])
        return Sequences((values - self.inputs.mean) / self.inputs.std, ends)

    @classmethod
    def made_up(cls, shape: Shape) -> Ground:
        """Return a ground of made-up numbers; no table is uniform that would not be so in truth."""
        channels = len(shape.channels)
        steps = np.arange(min(shape.longest, 64))[:, None]
        raw = np.rint(4096 * (1 + np.sin(steps * (1 + np.arange(channels))))).astype(np.int32)
        return cls(
            InputStatistics(0.37 + np.arange(channels), 0.731 + np.arange(channels) / channels, 4.1),
            SensorFormat(shape.sensor_bits, 1.7e-4 + 1e-6 * np.arange(channels), "made up"),
            shape.channels,
            shape.window,
            shape.longest,
            raw,
            np.array([0, len(steps)]),
        )


Layer = tuple[Op, tuple[Tensor, ...]]
"""A lowered layer between the features and the linear readout: its operation and its tables."""


@dataclass(frozen=True)
class Candidate(ABC):
    """The settings of one trial: of a model of a stream (`Streamed`), or of a network of whole items (`Whole`).

    Attributes:
        units: what the size of the model grows with; each family says what it is.
        seed: of everything that is drawn.
    """

    family: ClassVar[str]
    least: ClassVar[int] = 4
    """Fewest units."""
    power: ClassVar[int] = 1
    """Of the units, with which instructions grow."""
    multiple: ClassVar[int] = 1
    """Units come in multiples of this, for which the kernels have no rows left over."""

    units: int
    seed: int

    @property
    @abstractmethod
    def structure(self) -> str:
        """What decides the code, but not the tables: candidates of one structure differ in sizes and numbers only.

        It begins with the family's name and a dash.
        """

    @abstractmethod
    def most_units(self, shape: Shape) -> int:
        """Return the most units that are worth trying, whatever the budget."""

    @abstractmethod
    def canonical(self) -> Self:
        """Return a candidate that costs the same, and is the same for all that differ only in drawn numbers."""

    @abstractmethod
    def samples(self, longest: int, counted: bool) -> tuple[Self, ...]:
        """Return candidates of a few sizes, the largest last, from whose images the cost beside the tables is told.

        They are the same for all candidates of a structure; with `counted`, for all whose instructions grow alike.
        """

    @abstractmethod
    def summary(self) -> str:
        """Return the model in words."""

    @abstractmethod
    def steps(self, ridge: float) -> tuple[Step, ...]:
        """Return the steps of the recipe between standardisation and lowering."""

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain JSON values, the family's name among them."""
        return {"family": self.family, **asdict(self)}


@dataclass(frozen=True)
class Streamed(Candidate):
    """A model that takes a stream sample by sample, into features of each segment that a head decides on.

    Attributes:
        segments: pooling segments.
    """

    segments: int

    @abstractmethod
    def body(self, ground: Ground) -> Graph:
        """Return the integer graph of what runs for every sample, without a head."""

    def made_up_body(self, ground: Ground) -> Graph:
        """Return a body with the same tables, state and code, made of numbers that cost nothing to find."""
        return self.body(ground)

    def layer(self, vectors: Int[np.ndarray, "item feature"]) -> Layer | None:
        """Return the layer between features and linear readout, if there is one, for features like `vectors`."""
        del vectors
        return None

    @property
    def forest(self) -> ForestSettings | None:
        """How to grow a forest on the features, or None where a linear readout decides."""
        return None


@dataclass(frozen=True)
class Whole(Candidate):
    """A network that takes an item as a whole, (channel, step), and is trained by gradients.

    Attributes:
        rate: the largest learning rate.
    """

    rate: float

    @abstractmethod
    def architecture(self, shape: Shape) -> Architecture:
        """Return the network, for the longest item."""


def in_segments(segments: int) -> str:
    """Return words that say over how many segments something is taken."""
    return f" of {segments} segments" if segments > 1 else ""
