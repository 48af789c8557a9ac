"""Small ring reservoirs for learning on a device: their integer features, the choice among them, and their readouts.

`chosen` returns the settings of `GRID` whose features a batch ridge in float64 classifies best in cross-validation on
the training part alone, people apart where there are people. `Features` are what the deployed integer reservoir gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any, cast

import numpy as np
from jaxtyping import Float, Int
from sklearn.model_selection import GroupKFold, StratifiedKFold

from sarto.core.dataset import Dataset
from sarto.core.graph import Graph, trace
from sarto.core.graph.operations import features
from sarto.deploy.lower import (
    Answers,
    InputStatistics,
    Numbers,
    feature_exponents,
    lower_reservoir,
    with_readout,
)
from sarto.deploy.sensor import SensorFormat
from sarto.learn.ridge import RidgeSolution
from sarto.learn.statistics import RidgeStatistics
from sarto.measure.model import RawSequences
from sarto.models.pooling import Pooling
from sarto.models.reservoir import ring

POOLING = Pooling("mean_square_last")
GRID = tuple({"leak": a, "input_scaling": s} for a, s in product((0.03, 0.1, 0.3, 0.8), (0.03, 0.1, 0.3)))
FIXED: dict[str, Any] = {"radius": 0.9, "bias_scaling": 0.2}
PARTS = 4


@dataclass(frozen=True, eq=False)
class Features:
    """A reservoir lowered on training items, and the features of all items.

    Attributes:
        body: the integer reservoir, without a readout.
        exponent: of its features.
        sensor: the raw format.
        values: features of every item of the data.
    """

    body: Graph
    exponent: Int[np.ndarray, " unit"]
    sensor: SensorFormat
    values: Int[np.ndarray, "item feature"]


def rows_of(data: Dataset, items: Int[np.ndarray, " chosen"]) -> RawSequences:
    """Return items of the data one after the other, in physical units."""
    parts = [data.item(int(i)) for i in items]
    return RawSequences(np.concatenate(parts), np.concatenate([[0], np.cumsum([len(p) for p in parts])]))


def raw_of(data: Dataset, sensor: SensorFormat, items: Int[np.ndarray, " chosen"]) -> RawSequences:
    """Return items of the data as raw words."""
    found = rows_of(data, items)
    return RawSequences(sensor.encode(found.raw), found.offsets)


def seen(
    data: Dataset, train: Int[np.ndarray, " item"], units: int, seed: int, **settings: float
) -> Features:
    """Return the features of a ring of `units`, scaled as the training items ask for."""
    values = rows_of(data, train).raw
    inputs, sensor = InputStatistics.of(values), SensorFormat.calibrate(values)
    cell = ring.build(units, values.shape[1], seed=seed, **FIXED, **settings)
    body = lower_reservoir(cell, inputs, sensor, Numbers(), POOLING, channels=data.channels)
    every = raw_of(data, sensor, np.arange(len(data)))
    means = trace(body, every.raw, every.offsets)
    exponent = feature_exponents(means[train])
    return Features(body, exponent, sensor, features(means, exponent).reshape(len(data), -1))


def solved(values: Int[np.ndarray, "item feature"], labels: Int[np.ndarray, " item"], classes: int) -> Any:
    """Return the batch ridge in float64, its penalty by generalised cross-validation."""
    targets = 2.0 * np.eye(classes)[labels] - 1
    return RidgeStatistics.of(values.astype(np.float64), targets).solve("gcv")


def accuracy(outputs: Float[np.ndarray, "item class"], labels: Int[np.ndarray, " item"]) -> float:
    """Return the share of items whose largest output is their class."""
    return float((outputs.argmax(axis=1) == labels).mean())


def parts_of(data: Dataset, train: Int[np.ndarray, " item"]) -> Iterator[tuple[Any, Any]]:
    """Yield which training items to learn from and which to judge on, of each part of a cross-validation."""
    labels = data.target[train]
    if data.groups is not None:
        return cast("Any", GroupKFold(PARTS)).split(train, labels, np.asarray(data.groups)[train])
    return cast("Any", StratifiedKFold(PARTS, shuffle=True, random_state=0)).split(train, labels)


def chosen(data: Dataset, train: Int[np.ndarray, " item"], units: int, seed: int) -> dict[str, float]:
    """Return the settings that a batch ridge likes best in cross-validation."""

    def score(settings: dict[str, float]) -> float:
        values, labels = seen(data, train, units, seed, **settings).values[train], data.target[train]
        each = [
            accuracy(solved(values[a], labels[a], len(data.classes)).predict(values[b]), labels[b])
            for a, b in parts_of(data, train)
        ]
        return float(np.mean(each))

    return max(GRID, key=score)


def with_fitted(found: Features, data: Dataset, solution: RidgeSolution) -> Graph:
    """Return the reservoir with a readout of 8-bit weights, as it would be deployed."""
    scale = np.maximum(np.abs(solution.weights).max(axis=1), 1e-12) / 127
    weights = np.rint(solution.weights / scale[:, None]).astype(np.int64)
    return with_readout(found.body, found.exponent, weights, Answers(scale, solution.intercept, data.classes))
