"""What every trial of one search shares: training items as raw words, folds, number formats; saved to a file.

A trial runs in any process that sees the file, so executors of every kind can run it.
"""

from __future__ import annotations

import hashlib
import io
import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Integer

from sarto.core.dataset import Dataset
from sarto.core.graph import Window, last_samples
from sarto.core.store import write_atomic
from sarto.data.splits import folds
from sarto.deploy.lower import InputStatistics
from sarto.deploy.sensor import SensorFormat

FOLDS = 5
"""Folds of cross-validation (Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 7.10.1)."""
REPEATS = 3
"""Partitions into folds: the search uses the first (runs of neighbours, or groups), finalists are scored on all."""


@dataclass(frozen=True, eq=False)
class Problem:
    """The training part of a data set, as the device sees it.

    Attributes:
        raw: raw sensor words of all training items, concatenated.
        offsets: item i is `raw[offsets[i]:offsets[i + 1]]`.
        target: class index per item.
        classes, channels: names; no classes where numbers are predicted.
        fold: per repeat and item, the fold that holds the item out.
        inputs: statistics of the physical values, for standardisation.
        sensor: the raw format.
        window: overlapping windows in the stream that the model is for, or None.
        goals: numbers to be predicted, or None.
        names: of those numbers.
        latest: of forecasts, the channel of each number, to whose last value the model adds a change; else empty.
        gap: items beside those held out from which nothing is learned, since they have steps in common with them.
    """

    raw: Integer[np.ndarray, "row channel"]
    offsets: Int[np.ndarray, " item_plus_1"]
    target: Int[np.ndarray, " item"]
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    fold: Int[np.ndarray, "repeat item"]
    inputs: InputStatistics
    sensor: SensorFormat
    window: Window | None
    goals: Float[np.ndarray, "item output"] | None = None
    names: tuple[str, ...] = ()
    latest: tuple[int, ...] = ()
    gap: int = 0

    @cached_property
    def last_sample(self) -> Int[np.ndarray, "item channel"]:
        """The last raw words of each item."""
        return last_samples(self.raw, self.offsets)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of what a model puts out: classes, or numbers."""
        return self.classes or self.names

    @cached_property
    def level(self) -> tuple[Float[np.ndarray, " output"], Float[np.ndarray, " output"]]:
        """Mean and standard deviation of what a readout predicts: of the numbers, or of their changes."""
        return self._changes.mean(axis=0), self._changes.std(axis=0)

    @cached_property
    def _changes(self) -> Float[np.ndarray, "item output"]:
        """The numbers, from the last values on where they are forecasts."""
        assert self.goals is not None
        if not self.latest:
            return self.goals
        channels = list(self.latest)
        return self.goals - self.last_sample[:, channels] * self.sensor.scale[channels]

    @cached_property
    def wanted(self) -> Float[np.ndarray, "item output"]:
        """What a readout is trained on: one for an item's class and zero for others, or standardised numbers."""
        if self.goals is None:
            return np.eye(len(self.classes))[self.target]
        mean, std = self.level
        return (self._changes - mean) / std

    @property
    def longest(self) -> int:
        """Steps of the longest training item."""
        return int(np.diff(self.offsets).max())

    @cached_property
    def sha256(self) -> str:
        """Hash over everything a trial can see."""
        digest = hashlib.sha256(
            repr(
                (
                    self.outputs,
                    self.latest,
                    self.gap,
                    self.channels,
                    self.window,
                    self.sensor.bits,
                    self.inputs.peak,
                )
            ).encode()
        )
        arrays = (
            self.raw,
            self.offsets,
            self.target,
            self.fold,
            self.inputs.mean,
            self.inputs.std,
            self.sensor.scale,
            *(() if self.goals is None else (self.goals,)),
        )
        for array in arrays:
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def save(self, path: Path) -> None:
        """Write the problem to `path` (`.npz`, nothing pickled)."""
        window = None if self.window is None else [self.window.length, self.window.hop]
        sensor = [self.sensor.bits, self.sensor.chosen]
        words = [
            self.classes,
            self.channels,
            window,
            *sensor,
            self.inputs.peak,
            self.names,
            self.latest,
            self.gap,
        ]
        arrays: dict[str, Any] = dict(
            words=np.frombuffer(json.dumps(words).encode(), np.uint8),
            raw=self.raw,
            offsets=self.offsets,
            target=self.target,
            fold=self.fold,
            mean=self.inputs.mean,
            std=self.inputs.std,
            scale=self.sensor.scale,
        )
        buffer = io.BytesIO()
        if self.goals is not None:
            arrays["goals"] = self.goals
        np.savez(buffer, **arrays)
        write_atomic(path, buffer.getvalue())


def prepare(train: Dataset, sensor: SensorFormat, hop: int | None, seed: int) -> Problem:
    """Return the problem of the training items `train`.

    Args:
        train: the training part; nothing else of the data is looked at.
        sensor: the raw format.
        hop: steps between the windows of a stream; None where each sequence has an end of its own.
        seed: of the folds.

    Raises:
        SartoError: E109, when there are too few items or groups for folds.
    """
    items = np.arange(len(train))
    repeats: list[Int[np.ndarray, " item"]] = []
    # Windows that overlap and know no group: every partition is into runs, of other lengths, with gaps between them.
    gap = min(train.overlap - 1, len(train) // (4 * FOLDS)) if train.groups is None else 0
    for repeat in range(REPEATS):
        fold = np.empty(len(train), np.int64)
        count, shuffle = (FOLDS + repeat, False) if gap else (FOLDS, repeat > 0)
        for index, part in enumerate(folds(train, items, count, seed * REPEATS + repeat, shuffle=shuffle)):
            fold[part.held] = index
        repeats.append(fold)
    latest = tuple(train.channels.index(name) for name in train.latest if name in train.channels)
    latest = latest if len(latest) == len(train.outputs) else ()
    return Problem(
        raw=sensor.encode(train.values),
        offsets=train.offsets.astype(np.int64),
        target=train.target.astype(np.int64),
        classes=train.classes,
        channels=train.channels,
        fold=np.stack(repeats),
        inputs=InputStatistics.of(train.values),
        sensor=sensor,
        window=None if hop is None else Window(int(train.lengths[0]), hop),
        goals=None if train.goals is None else train.goals.astype(np.float64),
        names=train.outputs,
        latest=latest,
        gap=gap,
    )


def near(held: Bool[np.ndarray, " item"], gap: int) -> Bool[np.ndarray, " item"]:
    """Return which items are at most `gap` away from one that is held out.

    >>> near(np.array([False, False, False, True]), 1).tolist(), near(np.array([False, True]), 0).tolist()
    ([False, False, True, True], [False, True])
    """
    before = np.concatenate([[0], np.cumsum(held)])
    items = np.arange(len(held))
    return before[np.minimum(items + gap + 1, len(held))] > before[np.maximum(items - gap, 0)]


@lru_cache(maxsize=2)
def load_problem(path: Path) -> Problem:
    """Return the problem that `Problem.save` wrote; kept in memory for the next trial of this process."""
    with np.load(path, allow_pickle=False) as file:
        classes, channels, window, bits, chosen, peak, names, latest, gap = json.loads(
            file["words"].tobytes().decode()
        )
        return Problem(
            raw=file["raw"],
            offsets=file["offsets"],
            target=file["target"],
            classes=tuple(classes),
            channels=tuple(channels),
            fold=file["fold"],
            inputs=InputStatistics(file["mean"], file["std"], peak),
            sensor=SensorFormat(bits, file["scale"], chosen),
            window=None if window is None else Window(*window),
            goals=file["goals"] if "goals" in file.files else None,
            names=tuple(names),
            latest=tuple(latest),
            gap=gap,
        )
