"""Two sets of sequences on an analogue array, for `substrate_noise`: parts, models, and the quality of a setting.

The array holds a leaky echo state network of fixed weights; what is set from outside are the gains of its lines and the
leak. A task's parts depend on the seed only where subjects are tested: seed s tests the subjects with number % 5 == s.

>>> "leak" in CONTROLS
True
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from jaxtyping import Float, Int, UInt64

from benchmarks._bench import real_data
from sarto.core.dataset import Dataset
from sarto.data.load import load
from sarto.data.source import source_sha256
from sarto.data.splits import Fold, folds
from sarto.learn.features import channel_scaling
from sarto.learn.readout import ESNClassifier
from sarto.learn.statistics import RidgeStatistics
from sarto.learn.substrate_readout import SubstrateClassifier
from sarto.models.pooling import Pooling, PoolingKind
from sarto.models.reservoir import esn
from sarto.models.sequences import Sequences, read_sequences
from sarto.models.substrate.crossbar import Crossbar
from sarto.models.substrate.memristor import Memristor
from sarto.models.substrate.noise import sequence_keys
from sarto.models.substrate.protocol import Range
from sarto.models.substrate.run import pooled_readings

RADIUS = 0.9
POOLING: PoolingKind = "mean_square_last"
CONTROLS = {
    "recurrent_gain": Range(0.1, 1.5),
    "input_gain": Range(0.05, 2.0, log=True),
    "bias_gain": Range(0.01, 2.0, log=True),
    "leak": Range(0.02, 1.0, log=True),
}
"""Gains are of weights drawn at radius .9 and scalings 1."""
FOLDS = 4
SUBJECT_FOLDS = 5


@dataclass(frozen=True, eq=False)
class Task:
    """One seed's share of a set of sequences.

    Attributes:
        name: shown.
        units: neurons of the array.
        train: everything is chosen and trained on these.
        test: looked at once.
        sha256: of the source.
    """

    name: str
    units: int
    train: Dataset
    test: Dataset
    sha256: str


@cache
def task(name: str, seed: int) -> Task:
    """Return `vowels` (the archive's split) or `activities` (by subject, trained on every other window)."""
    if name == "vowels":
        source = real_data("japanese_vowels/JapaneseVowels_TRAIN.ts")
        data = load(source)
        assert data.split is not None
        tested = data.split == "test"
        units, every = 100, 1
    else:
        source = real_data("sp_sw_har/windows_2s_50hz.npz")
        data = load(source, group="subject", channels=("watch*",), where=("purity>=0.6",))
        assert data.groups is not None
        numbers = np.array([int("".join(c for c in str(group) if c.isdigit())) for group in data.groups])
        tested = numbers % SUBJECT_FOLDS == seed % SUBJECT_FOLDS
        units, every = 32, 2
    train, test = data.select(np.flatnonzero(~tested)[::every]), data.select(np.flatnonzero(tested))
    return Task(name, units, train, test, source_sha256(source))


def array(on: Task, seed: int, memristor: Memristor, values: Mapping[str, float]) -> Crossbar:
    """Return the array of `seed` with the controls set to `values`."""
    cell = esn.build(
        on.units,
        len(on.train.channels),
        seed=seed,
        leak=1.0,
        radius=RADIUS,
        input_scaling=1.0,
        bias_scaling=1.0,
    )
    return replace(Crossbar.of(cell, memristor, seed=seed), controls=CONTROLS).tuned(values)


def software(on: Task, seed: int, values: Mapping[str, float]) -> float:
    """Return the test accuracy of the plain reservoir of the same weights and settings."""
    model = ESNClassifier(
        cell="esn",
        units=on.units,
        leak=values["leak"],
        radius=RADIUS * values["recurrent_gain"],
        input_scaling=values["input_gain"],
        bias_scaling=values["bias_gain"],
        pooling=POOLING,
        dtype="float64",
        seed=seed,
    )
    return model.fit(on.train).score(on.test)


def accuracies(on: Task, used: Crossbar, first: Crossbar, noise_seed: int) -> dict[str, float]:
    """Return the test accuracy on `used`, with the readout trained there, and with the one trained on `first`."""
    kept = _kept(on, first, noise_seed)
    retrained = kept if used is first else _fitted(on, used, noise_seed)
    features = retrained.features(on.test)

    def accuracy(model: SubstrateClassifier) -> float:
        answers = model.classes_[model.solution_.predict(features).argmax(axis=1)]
        return float((answers == on.test.target).mean())

    return {"retrained": accuracy(retrained), "kept": accuracy(kept)}


def _fitted(on: Task, used: Crossbar, noise_seed: int) -> SubstrateClassifier:
    return SubstrateClassifier(used, pooling=POOLING, noise_seed=noise_seed).fit(on.train)


def _kept(on: Task, first: Crossbar, noise_seed: int) -> SubstrateClassifier:
    """Return the model on `first`, remembered, since many arrays are held against it."""
    key = (on.sha256, len(on.train), first.substrate_id, noise_seed)
    if key not in _REMEMBERED:
        _REMEMBERED[key] = _fitted(on, first, noise_seed)
    return _REMEMBERED[key]


_REMEMBERED: dict[tuple[str, int, str, int], SubstrateClassifier] = {}


def quality(
    name: str, seed: int, memristor: Memristor, values: Mapping[str, float], noise_seed: int
) -> float:
    """Return the accuracy on held-out items of the training part, over folds; by subject where there are some.

    Channels are scaled by all of the training part, whose labels play no role in that.
    """
    on = task(name, seed)
    items, parts = _compared(name, seed)
    mean, scale = channel_scaling(items)
    scaled = Sequences((items.values - mean) / scale, items.offsets)
    pooling = Pooling.fitted(POOLING, 1, int(items.lengths.max()))
    features = pooled_readings(
        array(on, seed, memristor, values), scaled, pooling, seed=noise_seed, keys=_keys(name, seed)
    )
    right = sum(_right(features, on.train.target, part.fit, part.held) for part in parts)
    return right / sum(len(part.held) for part in parts)


@cache
def _compared(name: str, seed: int) -> tuple[Sequences, list[Fold]]:
    on = task(name, seed)
    return read_sequences(on.train), folds(on.train, np.arange(len(on.train)), count=FOLDS, seed=0)


@cache
def _keys(name: str, seed: int) -> UInt64[np.ndarray, " item"]:
    return sequence_keys(_compared(name, seed)[0])


def _right(
    features: Float[np.ndarray, "item feature"],
    target: Int[np.ndarray, " item"],
    fit: Int[np.ndarray, " fit"],
    held: Int[np.ndarray, " held"],
) -> int:
    classes = np.unique(target)
    statistics = RidgeStatistics.of(features[fit], target[fit], classes=tuple(classes.tolist()))
    answers = classes[statistics.solve("gcv").predict(features[held]).argmax(axis=1)]
    return int((answers == target[held]).sum())
