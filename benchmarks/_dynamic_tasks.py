"""Data, networks and schedules of `dynamic_accuracy`: items to learn from, to choose on, and to test on.

- `digits`: scikit-learn's 1,797 images of 8 x 8; 40 % tested, drawn by the seed, evenly over the classes.
- `har`: `sp_sw_har`, windows of 2 s with one activity for at least 60 % of their time, 12 channels standardised by what
  is learned from; the subjects with number % 5 == seed are tested, so that every seed has other ones. Validation is by
  subject, too.
- `cifar10`: 10,000 training images drawn by the seed, all 10,000 test images, standardised per channel.

A group network has `GROUPS` groups. A dense network of equal work has as many channels in every layer (of AlexNet, the
same proportion) as come nearest to the multiplications of the group network at a width.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any, cast

import numpy as np
from sklearn.datasets import load_digits  # pyright: ignore[reportUnknownVariableType]

from benchmarks._bench import real_data
from benchmarks._pictures import CLASSES, FILES, decoded
from sarto.core.seed import generator
from sarto.data.examples import Examples, of_arrays
from sarto.models.dynamic.named import GROUPED, grouped
from sarto.models.dynamic.nesting import nesting
from sarto.models.network.architecture import Architecture
from sarto.models.network.tiny import macs

GROUPS = 4
WIDTHS = tuple(range(1, GROUPS + 1))
PURITY, FOLDS = 0.6, 5
TESTED, VALIDATED = 0.4, 0.25
COUNT = 10_000


@dataclass(frozen=True)
class Task:
    """A data set, and how networks are made and trained for it.

    Attributes:
        read: (seed) -> items to learn from, and items to test on.
        network: name of the nested network.
        width: its channels.
        teacher: channels of the dense network that teaches.
        teacher_rate: its learning rate.
        passes: over the items, of every weight.
        patience: times as many of them, where a method is said to have more.
        copies: mixtures of each item that a teacher answers; they take as many steps as `patience` says.
        batch: items of a step.
        rates: learning rates that are tried.
        lower: further ones of families of methods that do best at the lowest of these.
        static: widths that static networks are trained for.
        without: families of methods that are left out, to save time.
    """

    name: str
    read: Callable[[int], tuple[Examples, Examples]]
    network: str
    width: int
    teacher: int
    teacher_rate: float
    passes: int
    patience: int
    copies: int
    batch: int
    rates: tuple[float, ...]
    static: tuple[int, ...] = WIDTHS
    without: tuple[str, ...] = ()
    lower: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])

    def full(self, examples: Examples) -> Architecture:
        """Return the group network."""
        return grouped(self.network, examples.shape, len(examples.classes), GROUPS, width=self.width)

    def cut(self, examples: Examples, width: int) -> Architecture:
        """Return the same of a width."""
        return nesting(self.full(examples), GROUPS).cut(width)

    def dense(self, examples: Examples, channels: int) -> Architecture:
        """Return a dense network."""
        return GROUPED[self.network][0](examples.shape, len(examples.classes), 1, width=channels)

    def equal_work(self, examples: Examples) -> list[Architecture]:
        """Return the dense network of each width whose work comes nearest to that of the group network."""
        full, chosen = macs(self.full(examples)), list[Architecture]()
        tried = [self.dense(examples, channels) for channels in range(1, self.width + 1)]
        for width in WIDTHS:
            wanted = full * width / GROUPS
            chosen.append(min(tried, key=lambda one: abs(macs(one) - wanted)))
        return chosen


def _digits(seed: int) -> tuple[Examples, Examples]:
    found = cast("Any", load_digits())
    return of_arrays((found.images / 16).astype(np.float32)[:, None], found.target).parts(TESTED, seed)


def _har(seed: int) -> tuple[Examples, Examples]:
    with np.load(real_data("sp_sw_har/windows_2s_50hz.npz"), allow_pickle=False) as file:
        x, y, purity, subject = (file[name] for name in ("x", "y", "purity", "subject"))
        names = tuple(str(name) for name in file["label_names"])
    kept = purity >= PURITY
    x, y, subject = np.ascontiguousarray(x[kept].transpose(0, 2, 1), np.float32), y[kept], subject[kept]
    tested = subject % FOLDS == seed % FOLDS
    mean, deviation = x[~tested].mean((0, 2)), x[~tested].std((0, 2))
    x = ((x - mean[:, None]) / deviation[:, None]).astype(np.float32)
    whole = Examples(x, y.astype(np.int64), names, subject)
    return whole.select(np.flatnonzero(~tested)), whole.select(np.flatnonzero(tested))


@cache
def _cifar(part: str, seed: int) -> tuple[np.ndarray, np.ndarray]:
    with np.load(real_data(FILES["cifar10"]), allow_pickle=False) as held:
        data, offsets, y = held[f"jpeg_{part}"], held[f"off_{part}"], held[f"y_{part}"]
    order = generator(seed, "dynamic pictures").permutation(len(y))[:COUNT]
    return decoded(data, offsets, order), y[order].astype(np.int64)


def _pictures(seed: int) -> tuple[Examples, Examples]:
    (x, y), (test_x, test_y) = _cifar("train", seed), _cifar("test", 0)
    mean, deviation = x.mean((0, 2, 3))[:, None, None], x.std((0, 2, 3))[:, None, None]
    learned = Examples(((x - mean) / deviation).astype(np.float32), y, CLASSES)
    return learned, replace(learned, x=((test_x - mean) / deviation).astype(np.float32), y=test_y)


TASKS = {
    "digits": Task("digits", _digits, "cnn2d", 16, 32, 5e-3, 40, 4, 9, 64, (2e-2, 4e-2)),
    "har": Task("har", _har, "cnn1d", 16, 32, 2e-3, 40, 2, 4, 32, (1e-2, 2e-2)),
    "cifar10": Task(
        "cifar10",
        _pictures,
        "alexnet",
        64,
        64,
        5e-3,
        6,
        2,
        2,
        64,
        (5e-3, 1e-2),
        (1, 2),
        ("joint, taught",),
        {"incremental": (2e-3,), "slimmable": (1e-3, 2e-3)},
    ),
}
