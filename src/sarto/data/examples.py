"""Items of one shape with a class each, as a network takes them: images, windows, feature vectors.

Sequences of a `Dataset` become (channel, step). Bytes (uint8) are divided by 255; every other number is taken as it is.

>>> from sarto.data.load import load
>>> motions = of_dataset(load("BasicMotions"))
>>> motions.x.shape, motions.shape, len(motions.classes)
((80, 6, 100), (6, 100), 4)
"""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Int16, Num, Shaped

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.core.seed import generator

BYTE = 255.0
TEST_SHARE = 0.25
"""Held back from data without a test part: the default of `train_test_split` in scikit-learn."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Items of one shape.

    Attributes:
        x: float32, an item each.
        y: class index of each item.
        classes: class names, by index.
        groups: of items that belong on one side of every split, or None.
        input_scale: what a count stands for where items are integers in +-127 that a device makes itself, such as those
            of an audio front end; quantisation then keeps them. None where it may choose.
        samples: 16-bit samples of each item, where that is what a device is given and x what it makes of them.
        rows: place of each item in what it was read from, or None where nobody asks.
    """

    x: Float[np.ndarray, "item ..."]
    y: Int[np.ndarray, " item"]
    classes: tuple[str, ...]
    groups: Shaped[np.ndarray, " item"] | None = None
    input_scale: float | None = None
    samples: Int16[np.ndarray, "item sample"] | None = None
    rows: Int[np.ndarray, " item"] | None = None

    def __len__(self) -> int:
        return len(self.y)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of one item."""
        return tuple(self.x.shape[1:])

    @cached_property
    def sha256(self) -> str:
        """Hash of the items and their classes, in their order."""
        digest = hashlib.sha256(np.ascontiguousarray(self.x).tobytes())
        digest.update(self.y.astype("<i8").tobytes())
        return digest.hexdigest()

    def select(self, items: Int[np.ndarray, " chosen"]) -> Examples:
        """Return the chosen items, in the order given."""
        groups = None if self.groups is None else self.groups[items]
        samples = None if self.samples is None else self.samples[items]
        rows = None if self.rows is None else self.rows[items]
        return replace(self, x=self.x[items], y=self.y[items], groups=groups, samples=samples, rows=rows)

    def numbered(self) -> Examples:
        """Return the same with the place of each item among them."""
        return replace(self, rows=np.arange(len(self)))

    def parts(self, share: float, seed: int) -> tuple[Examples, Examples]:
        """Return the items without and with a `share` held back: whole groups, else evenly over the classes.

        Raises:
            SartoError: E109, when one of the parts would be empty.
        """
        if self.groups is None:
            held = self._held_evenly(share, seed)
        else:
            names = np.unique(self.groups)
            order = generator(seed, "examples", "groups").permutation(len(names))
            held = np.isin(self.groups, names[order[: max(1, round(share * len(names)))]])
        if held.all() or not held.any():
            raise SartoError(
                "E109",
                f"{len(self)} items cannot be cut so that a share of {share:g} is held back",
                cause="one part would be empty",
                hint="bring more items or groups",
            )
        return self.select(np.flatnonzero(~held)), self.select(np.flatnonzero(held))

    def _held_evenly(self, share: float, seed: int) -> Shaped[np.ndarray, " item"]:
        held = np.zeros(len(self), bool)
        for number in np.unique(self.y):
            items = np.flatnonzero(self.y == number)
            order = generator(seed, "examples", int(number)).permutation(len(items))
            held[items[order[: round(share * len(items))]]] = True
        return held


def of_arrays(
    x: Num[np.ndarray, "item ..."], y: Shaped[np.ndarray, " label"], classes: tuple[str, ...] = ()
) -> Examples:
    """Return items and labels as examples; an image (row, column) gets its one channel.

    Raises:
        SartoError: E104, when there are no items, their number differs from that of the labels, or a value is no finite
            real number.
    """
    if x.dtype.kind not in "biuf":
        raise SartoError(
            "E104",
            f"items of the type {x.dtype} are no real numbers",
            cause="a network takes integers or floating-point numbers",
            hint="give real and imaginary parts, or whatever else stands in the items, as channels of numbers",
        )
    if x.ndim < 2 or len(x) != len(y) or not len(x):
        raise SartoError(
            "E104",
            f"{len(x)} items of shape {x.shape[1:]} and {len(y)} labels",
            cause="examples are an array (item, ...) and a label for each item",
        )
    values = x.astype(np.float32) / np.float32(BYTE) if x.dtype == np.uint8 else x.astype(np.float32)
    if not np.isfinite(values).all():
        raise SartoError("E104", "an item has a value that is not finite", cause="NaN or infinity in x")
    names, index = np.unique(y, return_inverse=True)
    known = classes or tuple(str(name) for name in names.tolist())
    if classes:
        index = y.astype(np.int64)
    return Examples(values, index.astype(np.int64), known)


def of_dataset(data: Dataset) -> Examples:
    """Return sequences of equal length as examples (channel, step).

    Raises:
        SartoError: E104, when lengths differ or the data have no classes.
    """
    lengths = np.unique(data.lengths)
    if len(lengths) != 1 or not data.classes:
        raise SartoError(
            "E104",
            f"{data.name}: {len(data)} items with {lengths.min()} to {lengths.max()} steps, "
            f"{len(data.classes)} classes",
            cause="a network takes items of one length, with a class each",
            hint="cut them into windows (--window), or fit a reservoir (sarto fit)",
        )
    x = data.values.reshape(len(data), int(lengths[0]), -1).transpose(0, 2, 1)
    return Examples(
        np.ascontiguousarray(x, np.float32), data.target.astype(np.int64), data.classes, data.groups
    )


def padded(data: Dataset, steps: int | None = None) -> Examples:
    """Return sequences of any length as examples (channel, step), with one channel more that says what is padding.

    That channel is 1 where the item has a step and 0 after its end, where every other one is 0, too. Standardise
    before: the padding is then at the mean.

    Args:
        data: sequences with classes.
        steps: to pad to; None is the longest item.

    Raises:
        SartoError: E104, when an item is longer than that or the data have no classes.
    """
    most = int(data.lengths.max()) if steps is None else steps
    if data.lengths.max() > most or not data.classes:
        raise SartoError(
            "E104",
            f"{data.name}: items of up to {data.lengths.max()} steps padded to {most}, {len(data.classes)} classes",
            cause="no item may be longer than what it is padded to, and each has a class",
        )
    x = np.zeros((len(data), data.values.shape[1] + 1, most), np.float32)
    for number, length in enumerate(data.lengths.tolist()):
        x[number, :-1, :length] = data.item(number).T
        x[number, -1, :length] = 1
    return Examples(x, data.target.astype(np.int64), data.classes, data.groups)


@dataclass(frozen=True, eq=False)
class Parts:
    """Examples to learn from, examples that nothing may look at before the end, and how they were told apart."""

    rest: Examples
    test: Examples
    how: str


def read_examples(source: str, seed: int = 0) -> Parts:
    """Return the examples of a file, a folder or a named data set.

    An `.npz` file of images, as bytes or with four dimensions, is read here; everything else as `sarto fit` reads it.

    Args:
        source: an `.npz` file with `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`; or what `load` takes.
        seed: of a split that the data do not bring along.

    Returns:
        the examples, with their places in the data; test items of a file of images that has a part of them, in that.

    Raises:
        SartoError: E104 and E109, for data that are no examples or cannot be split; and whatever `load` says.
    """
    from sarto.data.load import load
    from sarto.data.splits import split

    if of_images(source):
        rest, test = read_arrays(Path(source))
        if test is not None:
            return Parts(rest.numbered(), test.numbered(), "as in the data")
        rest, test = rest.numbered().parts(TEST_SHARE, seed)
        return Parts(rest, test, f"evenly over the classes: {len(rest)} and {len(test)} to test on")
    data = load(source)
    chosen, found = split(data, seed), of_dataset(data).numbered()
    return Parts(found.select(chosen.train), found.select(chosen.test), chosen.how)


def shaped(examples: Examples, shape: tuple[int, ...]) -> Examples:
    """Return the examples in the shape that a network takes: as they are, turned, with one channel, or flat.

    >>> images = of_arrays(np.zeros((2, 1, 4, 3)), np.array([0, 1]))
    >>> [shaped(images, s).shape for s in ((1, 4, 3), (12,), (4, 3), (3, 4))]
    [(1, 4, 3), (12,), (4, 3), (3, 4)]

    Raises:
        SartoError: E104, when none of these is the shape.
    """
    x = examples.x
    plain = x[:, 0] if x.ndim == 4 and x.shape[1] == 1 else x
    for found in (x, plain, plain[:, None], plain.swapaxes(1, 2) if plain.ndim == 3 else plain):
        if found.shape[1:] == shape:
            return replace(examples, x=np.ascontiguousarray(found))
    if len(shape) == 1 and shape[0] == x[0].size:
        return replace(examples, x=x.reshape(len(x), -1))
    raise SartoError(
        "E104",
        f"items of shape {examples.shape} for a network that takes {shape}",
        cause="they are not that shape when turned, flattened or given one channel",
        hint="bring the data in the shape that the network was trained on",
    )


def of_images(source: str) -> bool:
    """Return whether `source` is an `.npz` file whose array of items is of bytes, or has four dimensions."""
    path = Path(source)
    if path.suffix != ".npz" or not path.is_file():
        return False
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
            name = next((name for name in ("x", "x_train") if name in held.files), None)
            x = None if name is None else held[name]
            return x is not None and (x.dtype == np.uint8 or x.ndim == 4)
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error):
        return False


def read_arrays(path: Path) -> tuple[Examples, Examples | None]:
    """Return the examples of an `.npz` file, and its test part where it has one.

    The file has `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`. An array of images (item, row, column) is
    taken as one channel; (item, channel, row, column) as it is.

    Raises:
        SartoError: E104, when the file has other arrays, or arrays of Python objects.
    """
    wanted = ("x", "y", "x_train", "y_train", "x_test", "y_test")
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as held:
            arrays: Mapping[str, Any] = {name: held[name] for name in held.files if name in wanted}
            others = ", ".join(sorted(held.files)) or "none"
    except (ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise SartoError(
            "E104",
            f"{path.name} cannot be read as arrays",
            cause=str(error)[:200],
            hint="save plain numbers and texts: arrays of Python objects are pickles, which are not read",
        ) from error
    if set(wanted[2:]) <= set(arrays):
        names = tuple(str(name) for name in np.unique(np.concatenate([arrays["y_train"], arrays["y_test"]])))
        train, test = (
            of_arrays(_channelled(arrays[f"x_{part}"]), _index(arrays[f"y_{part}"], names), names)
            for part in ("train", "test")
        )
        return train, test
    if set(wanted[:2]) <= set(arrays):
        return of_arrays(_channelled(arrays["x"]), arrays["y"]), None
    raise SartoError(
        "E104",
        f"{path.name} has the arrays {others}",
        cause="examples are `x` and `y`, or `x_train`, `y_train`, `x_test` and `y_test`",
    )


def _index(y: Shaped[np.ndarray, " item"], names: tuple[str, ...]) -> Int[np.ndarray, " item"]:
    place = {name: number for number, name in enumerate(names)}
    return np.array([place[str(label)] for label in y.tolist()], np.int64)


def _channelled(x: Num[np.ndarray, "item ..."]) -> Num[np.ndarray, "item ..."]:
    """Return images that have no channel with one."""
    return x[:, None] if x.ndim == 3 else x
