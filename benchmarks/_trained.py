"""The arms of `training_cost`: reservoirs, random kernels and statistics with a ridge, and networks that are trained.

An arm draws settings from a number, and fits them to data; what it fitted gives outputs, one for each class, and how
many passes over the data it took (1 for whoever solves for the readout). Standardising, padding and laying out are part
of the fit. A trained network watches the held-back items and keeps its best pass, if it is given any; the passes of the
best trial are then those of the final fit, which nothing is held back from. Every ridge is chosen by GCV on the items
that are fitted.

- `esn`, `eusn`, `deepesn`: `ESNClassifier`, its cell, size, pooling and scalings drawn.
- `minirocket`: Sarto's integer kernels in the manner of MiniRocket (`search/families/convolution`), at most 1,000.
- `statistics`: mean, deviation and mean change of each channel in segments. No reservoir: the control.
- `gru`, `lstm`: `models/recurrent`, with the last valid state. `cnn1d`: the named network, over a channel that says
  which steps there are where lengths differ.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any, Literal, Protocol

import numpy as np
import torch
from jaxtyping import Float, Int
from torch.nn import functional

from sarto.core.dataset import Dataset
from sarto.core.graph import features, trace
from sarto.core.rooms import load_method
from sarto.core.seed import generator
from sarto.data.examples import Examples, of_dataset, padded
from sarto.deploy.lower import InputStatistics, feature_exponents
from sarto.deploy.sensor import SensorFormat
from sarto.learn.features import channel_scaling
from sarto.learn.loop import Training, torch_threads, train
from sarto.learn.readout import ESNClassifier
from sarto.learn.statistics import RidgeStatistics
from sarto.models.network.module import Network, predict
from sarto.models.network.named import named
from sarto.models.recurrent import Recurrent
from sarto.models.sequences import read_sequences
from sarto.models.trainable import Trainable
from sarto.search.families._candidate import Ground
from sarto.search.families.convolution import Candidate

EPOCHS, PATIENCE = 100, 15
"""Most passes of a trained network, and passes without a better validation loss after which a trial ends."""
BATCH, MANY = 32, 500
"""Items of a step of gradients, and of a training set that takes twice as many."""
SENSOR_BITS = 16
KERNELS = 1000
"""Most features of the kernels and the statistics, as in the search."""

Settings = Mapping[str, Any]
Outputs = Float[np.ndarray, "item class"]


@dataclass(frozen=True)
class Fit:
    """What was fitted: outputs of other data, passes over the data, and the loss that breaks ties between trials."""

    outputs: Callable[[Dataset], Outputs]
    loss: Callable[[Outputs, Int[np.ndarray, " item"]], float]
    passes: int = 1


class Arm(Protocol):
    """A way to learn."""

    def draw(self, random: np.random.Generator) -> dict[str, Any]:
        """Return random settings."""
        ...

    def fit(self, data: Dataset, settings: Settings, seed: int, held: Dataset | None, longest: int) -> Fit:
        """Return what `settings` make of the data; `held` is there to stop on, `longest` the most steps of any item."""
        ...


def squared(outputs: Outputs, y: Int[np.ndarray, " item"]) -> float:
    """Return the mean squared error of outputs against +1 for the class and -1 for the others."""
    return float(np.square(outputs - _signs(y, outputs.shape[1])).mean())


def _signs(y: Int[np.ndarray, " item"], classes: int) -> Outputs:
    """Return +1 for the class of each item and -1 for the others."""
    return 2.0 * np.eye(classes)[y] - 1.0


def log_loss(outputs: Outputs, y: Int[np.ndarray, " item"]) -> float:
    """Return the mean cross-entropy."""
    return functional.cross_entropy(torch.as_tensor(outputs), torch.as_tensor(y)).item()


def spread(random: np.random.Generator, low: float, high: float) -> float:
    """Return a number that is uniform in its logarithm."""
    return float(f"{math.exp(random.uniform(math.log(low), math.log(high))):.4g}")


@dataclass(frozen=True)
class ReservoirArm:
    """Reservoirs of a cell, in one layer or several."""

    cell: str
    deep: bool = False

    def draw(self, random: np.random.Generator) -> dict[str, Any]:
        """Return size, dynamics, scalings and pooling."""
        chosen: dict[str, Any] = {
            "units": int(random.choice([100, 200, 400])),
            "leak": spread(random, *((0.01, 0.5) if self.cell == "eusn" else (0.05, 1.0))),
            "radius": float(f"{random.uniform(0.4, 1.2):.4g}"),
            "input_scaling": spread(random, 0.05, 2.0),
            "bias_scaling": spread(random, 0.01, 1.0),
            "pooling": str(random.choice(["last", "mean", "mean_square", "mean_square_last"])),
            "segments": int(random.integers(1, 4)),
        }
        if self.deep:
            chosen |= {"layers": int(random.integers(2, 5)), "inter_scaling": spread(random, 0.1, 1.0)}
        searched = getattr(load_method("sarto.models.reservoir", self.cell), "searched", dict[str, Any])
        return chosen | dict(searched(chosen))

    def fit(self, data: Dataset, settings: Settings, seed: int, held: Dataset | None, longest: int) -> Fit:
        """Return states, pooled, and a ridge."""
        del held, longest
        model = ESNClassifier(self.cell, **settings, seed=seed).fit(data)
        known = model.classes_.astype(np.int64)

        def outputs(other: Dataset) -> Outputs:
            found = np.full((len(other), len(data.classes)), -1.0)
            found[:, known] = model.decision_function(other)
            return found

        return Fit(outputs, squared)


def _readout(x: Float[np.ndarray, "item feature"], data: Dataset) -> Callable[[Any], Outputs]:
    """Return the map from features to outputs that a ridge by GCV gives."""
    return RidgeStatistics.of(x, _signs(data.target, len(data.classes))).solve("gcv").predict


@dataclass(frozen=True)
class KernelArm:
    """Random kernels, and how often each is above its threshold."""

    def draw(self, random: np.random.Generator) -> dict[str, Any]:
        """Return how many kernels, their dilations and reach, and segments."""
        segments = int(random.integers(1, 4))
        return {
            "units": int(random.choice([KERNELS // 4, KERNELS // 2, KERNELS])) // segments,
            "segments": segments,
            "dilations": int(random.integers(1, 7)),
            "reach": spread(random, 0.05, 1.0),
        }

    def fit(self, data: Dataset, settings: Settings, seed: int, held: Dataset | None, longest: int) -> Fit:
        """Return shares above thresholds, and a ridge."""
        del held
        sensor = SensorFormat.calibrate(data.values, SENSOR_BITS, None)
        inputs = InputStatistics.of(data.values)
        words, offsets = sensor.encode(data.values), data.offsets.astype(np.int64)
        body = Candidate(seed=seed, **settings).body(
            Ground(inputs, sensor, data.channels, None, longest, words, offsets)
        )
        means = trace(body, words, offsets)
        exponents = feature_exponents(means)

        def shares(found: Int[np.ndarray, "item segment unit"]) -> Float[np.ndarray, "item feature"]:
            return features(found, exponents).reshape(len(found), -1).astype(np.float64)

        solved = _readout(shares(means), data)
        return Fit(
            lambda other: solved(
                shares(trace(body, sensor.encode(other.values), other.offsets.astype(np.int64)))
            ),
            squared,
        )


@dataclass(frozen=True)
class StatisticsArm:
    """What anyone would compute first."""

    def draw(self, random: np.random.Generator) -> dict[str, Any]:
        """Return segments, and which statistics are taken of them."""
        return {"segments": int(random.integers(1, 9)), "kinds": int(random.integers(1, 4))}

    def fit(self, data: Dataset, settings: Settings, seed: int, held: Dataset | None, longest: int) -> Fit:
        """Return statistics, standardised, and a ridge."""
        del seed, held, longest
        x = _statistics(data, **settings)
        mean, scale = x.mean(axis=0), x.std(axis=0)
        scale[scale < 1e-9 * np.abs(x).max()] = 1.0  # what does not vary
        solved = _readout((x - mean) / scale, data)
        return Fit(lambda other: solved((_statistics(other, **settings) - mean) / scale), squared)


def _statistics(data: Dataset, segments: int, kinds: int) -> Float[np.ndarray, "item feature"]:
    """Return mean, deviation and mean absolute change (the first `kinds` of them) of equal parts of every item."""
    rows: list[Float[np.ndarray, " feature"]] = []
    for number in range(len(data)):
        found: list[Float[np.ndarray, " channel"]] = []
        values = data.item(number).astype(np.float64)
        edges = [len(values) * k // segments for k in range(segments + 1)]
        for first, last in pairwise(edges):
            part = values[min(first, len(values) - 1) : max(last, first + 1)]
            change = np.abs(np.diff(part, axis=0, prepend=part[:1])).mean(axis=0)
            found += [part.mean(axis=0), part.std(axis=0), change][:kinds]
        rows.append(np.concatenate(found))
    return np.stack(rows)


@dataclass(frozen=True)
class NetworkArm:
    """A network that is trained by gradients: `gru`, `lstm` or `cnn1d`."""

    kind: Literal["gru", "lstm", "cnn1d"]

    def draw(self, random: np.random.Generator) -> dict[str, Any]:
        """Return width, learning rate and weight decay, and of the convolutions how many."""
        chosen: dict[str, Any] = {
            "width": int(random.choice([32, 64, 128])),
            "rate": spread(random, 1e-3, 2e-2),
            "decay": spread(random, 1e-4, 1e-1),
        }
        return chosen | ({"depth": int(random.integers(2, 4))} if self.kind == "cnn1d" else {})

    def fit(self, data: Dataset, settings: Settings, seed: int, held: Dataset | None, longest: int) -> Fit:
        """Return a network after so many `passes`, or after its best one on `held`."""
        mean, scale = channel_scaling(read_sequences(data))

        def examples(of: Dataset) -> Examples:
            values = ((of.values - mean) / scale).astype(np.float32)
            found = replace(of, values=values)
            return of_dataset(found) if self._plain(data, longest) else padded(found, longest)

        learned = examples(data)
        network = self._made(learned, settings, seed, not self._plain(data, longest))
        epochs = EPOCHS if held is not None else int(settings["passes"])
        training = Training(
            epochs=epochs,
            batch=BATCH if len(data) < MANY else 2 * BATCH,
            rate=settings["rate"],
            decay=settings["decay"],
            patience=PATIENCE if held is not None else 0,
            seed=seed,
        )
        history = train(network, learned, training, validation=None if held is None else examples(held))
        best = len(history.loss) if held is None else int(np.argmin(history.validation_loss)) + 1

        def outputs(of: Dataset) -> Outputs:
            with torch_threads(1):
                return predict(network, examples(of).x).astype(np.float64)

        return Fit(outputs, log_loss, best)

    @staticmethod
    def _plain(data: Dataset, longest: int) -> bool:
        """Whether items have one length."""
        return bool((data.lengths == longest).all())

    def _made(self, examples: Examples, settings: Settings, seed: int, with_mask: bool) -> Trainable:
        channels, steps = examples.shape
        classes, width = len(examples.classes), settings["width"]
        if self.kind == "cnn1d":
            depth = settings["depth"]
            return Network(named("cnn1d", (channels, steps), classes, width=width, depth=depth), seed)
        return Recurrent(self.kind, (channels, steps), classes, hidden=width, padded=with_mask, seed=seed)


ARMS: dict[str, Arm] = {
    "statistics": StatisticsArm(),
    "minirocket": KernelArm(),
    "esn": ReservoirArm("esn"),
    "eusn": ReservoirArm("eusn"),
    "deepesn": ReservoirArm("esn", deep=True),
    "cnn1d": NetworkArm("cnn1d"),
    "lstm": NetworkArm("lstm"),
    "gru": NetworkArm("gru"),
}
SOLVED = ("statistics", "minirocket", "esn", "eusn", "deepesn")
"""Arms whose readout is solved for."""
LEARNED = ("cnn1d", "lstm", "gru")
"""Arms that are trained by gradients."""


def settings(name: str, seed: int, number: int) -> dict[str, Any]:
    """Return random setting `number` of the arm `name`, others for each seed."""
    return ARMS[name].draw(generator(seed, "training cost", name, number))
