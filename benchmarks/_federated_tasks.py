"""Data of `federated_rounds`: items, who holds them, and the features on which heads learn.

    digits, pixels    scikit-learn's digits, 64 pixels; 100 clients, classes by Dirichlet(.05)
    digits            the same as `UNITS` random Fourier features
    sp_sw_har         five statistics of each of 12 channels of a window; a client is a subject, those with
                      number % 5 == 0 are tested
    fsdd              mel bands of spoken digits; a client is a speaker, tested are the recordings with index < 5
    MNIST, alpha .05  `IMAGES` training and `TESTED` test images; 100 clients, classes by Dirichlet(.05)
    MNIST, one class  the same, each client holds one class

all but the first as random Fourier features. Tested items are the same whatever the seed, which draws who holds what,
the features, and all that a simulation draws: what is chosen with one seed has not seen what is tested with another.
Inputs are scaled by the mean and deviation of all training rows, which clients find in a first round of small sums
(`sarto.learn.federated`'s scaling); every method has the same inputs, and this round is counted for none. For choosing
settings a fifth of every client's rows is held back; of sp_sw_har, where new people are tested, the subjects with
number % 5 == 1.

>>> task = of("digits, pixels", 0, 1.0)
>>> len(task.train), len(task.test), len(task.names), task.train.x.shape[1]
(1200, 597, 100, 64)
"""

# scikit-learn is typed loosely.
# pyright: basic

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int
from sklearn.datasets import load_digits

from benchmarks._bench import real_data
from benchmarks._keywords import logarithms, read
from benchmarks._streams import FRONT, OFFICIAL
from sarto.core.seed import generator
from sarto.data.examples import Examples
from sarto.data.partition import partition
from sarto.learn.fourier import drawn
from sarto.learn.statistics import RidgeStatistics

TASKS = ("digits, pixels", "digits", "sp_sw_har", "fsdd", "MNIST, alpha .05", "MNIST, one class")
HAR, FSDD, MNIST = "sp_sw_har/windows_2s_50hz.npz", "fsdd/fsdd.npz", "mnist/mnist.npz"
UNITS, CLIENTS, ALPHA, PURITY, FOLDS = 1000, 100, 0.05, 0.6, 5
LEARNED, IMAGES, TESTED = 1200, 10_000, 2000
HELD = 5
"""One row in so many is held back for choosing."""


@dataclass(frozen=True, eq=False)
class Task:
    """Data of one seed.

    Attributes:
        train: features of the items to learn from.
        inputs: what these are features of, scaled.
        test, test_inputs: the same of the items that are tested.
        owner: client of each training item.
        names: of the clients.
        held: training items for choosing settings.
    """

    train: Examples
    inputs: Examples
    test: Examples
    test_inputs: Examples
    owner: Int[np.ndarray, " item"]
    names: tuple[str, ...]
    held: Bool[np.ndarray, " item"]


@lru_cache(maxsize=2)
def of(name: str, seed: int, bandwidths: float) -> Task:
    """Return the data of a name and a seed; the features have this bandwidth, in units of the heuristic's."""
    x, y, test_x, test_y, owner, names = _items(name, seed)
    known = RidgeStatistics.of(x, y, classes=tuple(range(int(y.max()) + 1)), features_id="scaled")
    layer = drawn(known, units=UNITS, seed=seed, bandwidths=bandwidths)
    scale = np.where(layer.scale > 0, layer.scale, 1.0)
    classes = tuple(map(str, range(int(y.max()) + 1)))
    inputs, test_inputs = (
        Examples(((a - layer.mean) / scale).astype(np.float32), b, classes)
        for a, b in ((x, y), (test_x, test_y))
    )
    train, test = inputs, test_inputs
    if name != "digits, pixels":
        train, test = (
            Examples(layer(a).astype(np.float32), b, classes) for a, b in ((x, y), (test_x, test_y))
        )
    held = np.zeros(len(y), bool)
    for client in np.unique(owner):
        own = generator(seed, "held", int(client)).permutation(np.flatnonzero(owner == client))
        if name == "sp_sw_har":
            held[own] = int(names[client]) % FOLDS == 1
        else:
            held[own[: len(own) // HELD]] = True
    return Task(train, inputs, test, test_inputs, owner, names, held)


def _items(name: str, seed: int) -> tuple[Any, Any, Any, Any, Any, tuple[str, ...]]:
    """Return training and test items with their classes, and the clients."""
    if name == "sp_sw_har":
        x, y, subject = _statistics()
        tested = subject % FOLDS == 0
        parted = partition("groups", y[~tested], groups=subject[~tested])
        return x[~tested], y[~tested], x[tested], y[tested], parted.train, parted.names
    if name == "fsdd":
        found = read(Path(real_data(FSDD)))
        x = logarithms(FRONT, found.sounds).reshape(len(found.label), -1).astype(np.float64)
        with np.load(real_data(FSDD), allow_pickle=False) as file:
            tested = file["index"] < OFFICIAL
        parted = partition("groups", found.label[~tested], groups=found.speaker[~tested])
        y = found.label.astype(np.int64)
        return x[~tested], y[~tested], x[tested], y[tested], parted.train, parted.names
    if name.startswith("digits"):
        found: Any = load_digits()
        order = generator(0, "digits").permutation(len(found.target))
        x, y = found.data[order] / 16, found.target[order].astype(np.int64)
        x, test_x, y, test_y = x[:LEARNED], x[LEARNED:], y[:LEARNED], y[LEARNED:]
    else:
        x, y, test_x, test_y = _images()
    kind, alpha = ("classes", 1) if "one class" in name else ("dirichlet", ALPHA)
    parted = partition(kind, y, clients=CLIENTS, alpha=alpha, seed=seed)
    return x, y, test_x, test_y, parted.train, parted.names


def _images() -> tuple[Any, Any, Any, Any]:
    with np.load(real_data(MNIST), allow_pickle=False) as file:
        found = []
        for part, count in (("train", IMAGES), ("test", TESTED)):
            labels = file[f"y_{part}"].astype(np.int64)
            chosen = generator(0, "images", part).permutation(len(labels))[:count]
            found += [file[f"x_{part}"][chosen].reshape(count, -1) / 255.0, labels[chosen]]
    return tuple(found)


def _statistics() -> tuple[Float[np.ndarray, "item number"], Any, Any]:
    """Return mean, deviation, least, largest and mean absolute change of each channel."""
    with np.load(real_data(HAR), allow_pickle=False) as file:
        kept = file["purity"] >= PURITY
        x, y, subject = (file[name][kept] for name in ("x", "y", "subject"))
    x = x.astype(np.float64)
    change = np.abs(np.diff(x, axis=1)).mean(axis=1)
    numbers = np.hstack([x.mean(axis=1), x.std(axis=1), x.min(axis=1), x.max(axis=1), change])
    return numbers, y.astype(np.int64), subject.astype(np.int64)
