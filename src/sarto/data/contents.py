"""What a reader finds in a file, before anything is chosen or checked; and columns of names.

>>> import numpy as np
>>> class_codes(np.array([2.0, 1.0, 2.0]), None, "y")
(array([1, 0, 1]), ('1', '2'))
>>> class_codes(np.array([1, 1], np.uint8), np.array(["sit", "walk"]), "y")
(array([1, 1]), ('sit', 'walk'))
>>> named(np.array([0, 1, 0]), np.array(["anna", "ben"]), "speaker").tolist()
['anna', 'ben', 'anna']
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Shaped

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError

Place = Callable[[int, int, int], str]
"""Item, step and channel of a value, counted from 0 -> where it stands in the file, for a person."""


@dataclass(frozen=True)
class Contents:
    """The whole of a source.

    Attributes:
        data: every item and channel; its values may still be missing, its classes may have no items.
        label_name: what the file calls the class column.
        unused: other arrays, by name, and their shapes.
        place: finds a value again in the file.
        together: the column by which items belong together if none says so by its name: windows of one sequence
            overlap, or are neighbours, and must not stand on both sides of a split.
    """

    data: Dataset
    label_name: str
    unused: dict[str, str]
    place: Place
    together: str | None = None


def class_codes(
    labels: Shaped[np.ndarray, " item"], names: Shaped[np.ndarray, " class"] | None, what: str
) -> tuple[Int[np.ndarray, " item"], tuple[str, ...]]:
    """Return the class index of each item, and the class names by index.

    Args:
        labels: whole numbers or texts.
        names: the names that the numbers index; without them the classes are the labels that occur, sorted.
        what: what the file calls the labels.

    Raises:
        SartoError: E105 a label is missing; E103 fractional numbers; E108 a number is no index into `names`.
    """
    labels = plain(labels)
    if labels.dtype.kind == "f":
        if not np.isfinite(labels).all():
            item = int(np.argmin(np.isfinite(labels)))
            raise SartoError(
                "E105",
                f"item {item} has no label",
                cause=f"{what}[{item}] is {labels[item]}",
                hint="remove it",
            )
        if (labels != np.rint(labels)).any():
            raise SartoError(
                "E103",
                f"'{what}' does not name classes",
                cause=f"it holds fractions, such as {labels[np.argmax(labels != np.rint(labels))]}",
                hint="give whole numbers or texts, one per item",
            )
        labels = labels.astype(np.int64)
    if names is not None and labels.dtype.kind in "iub":
        _check_codes(labels, names, what)
        return labels.astype(np.int64), tuple(str(name) for name in plain(names))
    found, codes = np.unique(labels, return_inverse=True)
    return codes.astype(np.int64), tuple(str(name) for name in found)


def named(
    codes: Shaped[np.ndarray, " item"], names: Shaped[np.ndarray, " name"], what: str
) -> Shaped[np.ndarray, " item"]:
    """Return `names[codes]`; texts stay as they are.

    Raises:
        SartoError: E108 a number is no index into `names`.
    """
    if codes.dtype.kind not in "iub":
        return plain(codes)
    _check_codes(codes, names, what)
    return plain(names)[codes.astype(np.int64)]


def plain(column: Shaped[np.ndarray, " item"]) -> Shaped[np.ndarray, " item"]:
    """Return `column` with bytes read as UTF-8 text; other kinds stay as they are."""
    return np.strings.decode(column, "utf-8", "replace") if column.dtype.kind == "S" else column


def _check_codes(codes: Shaped[np.ndarray, " item"], names: Shaped[np.ndarray, " name"], what: str) -> None:
    bad = np.flatnonzero((codes < 0) | (codes >= len(names)))
    if len(bad):
        raise SartoError(
            "E108",
            f"'{what}' names no entry of its list of {len(names)} names",
            cause=f"{what}[{bad[0]}] is {codes[bad[0]]}; codes count from 0 to {len(names) - 1}",
            hint="subtract the first code, or leave the list of names out",
        )
