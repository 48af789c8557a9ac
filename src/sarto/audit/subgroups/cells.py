"""The table that the engines count: distinct rows of items and joint codes, with how often each is there.

Rows that agree in all items and in the joint code are one row with a weight, where that halves the table. Real outcomes
come as six numbers a row (see `real_columns`), centred on the mean of all rows so that squares cancel little.

>>> from sarto.audit.subgroups.items import Attributes
>>> from sarto.audit.subgroups.outcomes import Outcomes
>>> attributes = Attributes.from_columns({"sex": ["f", "m", "f", "f"]})
>>> outcomes = Outcomes.from_predictions([0, 0, 1, 0], [0, 1, 1, 0], metrics=["accuracy"])
>>> table = cells(attributes, whole(outcomes))
>>> table.items[0], table.codes, table.weights
(array([[1, 0]], dtype=int16), array([0, 1]), array([1., 3.]))
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int, Int16

from sarto.audit.subgroups.items import Attribute, Attributes
from sarto.audit.subgroups.outcomes import Outcomes

MANY = 256
"""Items of an attribute up to which those of few rows are no matter: they cost a little time, and none of it grows."""

REAL_COLUMNS = 6
"""Sums kept for each real outcome: see `real_columns`."""


@dataclass(frozen=True)
class Marked:
    """Joint codes of rows and what goes with them; attributes as in `Cells`."""

    codes: Int[np.ndarray, " row"]
    counted: Bool[np.ndarray, " code"]
    reals: Float[np.ndarray, "column row"]


@dataclass(frozen=True)
class Cells:
    """Rows to count.

    Attributes:
        items: of each attribute, the item of each row at each level, -1 for none.
        sizes: items of each attribute.
        kept: of each attribute, the numbers that these items have there.
        codes: joint code of each row.
        counted: of each joint code, whether its rows count for the support.
        weights: how often each row is there; None is once each.
        reals: columns of numbers that are summed.
    """

    items: tuple[Int16[np.ndarray, "_ row"], ...]
    sizes: tuple[int, ...]
    kept: tuple[Int16[np.ndarray, " _"], ...]
    codes: Int[np.ndarray, " row"]
    counted: Bool[np.ndarray, " code"]
    weights: Float[np.ndarray, " row"] | None
    reals: Float[np.ndarray, "column row"]

    @property
    def n_codes(self) -> int:
        """Number of joint codes."""
        return len(self.counted)


def whole(outcomes: Outcomes) -> Marked:
    """Return the rows of outcomes, all of which count for the support."""
    return Marked(outcomes.codes, np.ones(outcomes.n_codes, dtype=bool), real_columns(outcomes))


def apart(outcomes: Outcomes, discovery: Bool[np.ndarray, " row"]) -> Marked:
    """Return the rows of outcomes, of which those for discovery count for the support.

    The other rows have codes of their own, which follow, and so have their real outcomes.
    """
    codes = np.where(discovery, outcomes.codes, outcomes.codes + outcomes.n_codes)
    width = REAL_COLUMNS * len(outcomes.reals)
    reals = np.zeros((2 * width, len(outcomes)))
    for at, chosen in ((0, discovery), (width, ~discovery)):
        reals[at : at + width, chosen] = real_columns(outcomes.rows(chosen))
    return Marked(codes, np.arange(2 * outcomes.n_codes) < outcomes.n_codes, reals)


def cells(attributes: Attributes, rows: Marked, *, least: int = 1, merge: bool = True) -> Cells:
    """Return the table of `attributes` and the codes of the same rows.

    Args:
        attributes: of the rows.
        rows: their codes and real outcomes.
        least: rows of a group; of attributes of more than `MANY` items, those of fewer rows are left out.
        merge: make equal rows one.
    """
    counted = rows.counted[rows.codes]
    kept = tuple(_kept(column, counted, least) for column in attributes.columns)
    items = tuple(_narrowed(column, own) for column, own in zip(attributes.columns, kept, strict=True))
    sizes = tuple(max(1, len(own)) for own in kept)
    if not merge:
        return Cells(items, sizes, kept, rows.codes, rows.counted, None, rows.reals)
    key = rows.codes.astype(np.int64)
    for codes, size in zip(items, sizes, strict=True):
        if int(key.max(initial=0)) > 2**62 // (size + 1):
            key = np.unique(key, return_inverse=True)[1]
        # The narrowest interval tells the wider ones only where no level has gaps, so each level counts.
        for level in codes:
            if int(key.max(initial=0)) > 2**62 // (size + 1):
                key = np.unique(key, return_inverse=True)[1]
            key = key * (size + 1) + (level + 1)
    _, first, place, counts = np.unique(key, return_index=True, return_inverse=True, return_counts=True)
    if 2 * len(first) > len(key):
        return Cells(items, sizes, kept, rows.codes, rows.counted, None, rows.reals)
    summed = np.array([np.bincount(place, column, len(first)) for column in rows.reals])
    summed = summed.reshape(len(rows.reals), len(first))
    distinct = tuple(codes[:, first] for codes in items)
    return Cells(distinct, sizes, kept, rows.codes[first], rows.counted, counts.astype(np.float64), summed)


def _kept(column: Attribute, counted: Bool[np.ndarray, " row"], least: int) -> Int16[np.ndarray, " kept"]:
    """Return the items of an attribute that can be in a group."""
    every = np.arange(len(column.items), dtype=np.int16)
    if len(every) <= MANY:
        return every
    codes = column.codes[:, counted]
    rows = np.bincount(codes[codes >= 0], minlength=len(every))
    return every[rows >= least]


def _narrowed(column: Attribute, kept: Int16[np.ndarray, " kept"]) -> Int16[np.ndarray, "level row"]:
    """Return the codes of an attribute as numbers of the items that are kept."""
    if len(kept) == len(column.items):
        return column.codes
    place = np.full(len(column.items) + 1, -1, dtype=np.int16)
    place[kept] = np.arange(len(kept), dtype=np.int16)
    return place[column.codes]


def real_columns(outcomes: Outcomes) -> Float[np.ndarray, "column row"]:
    """Return for each real outcome: counted, value and square under the original, the same under the small model, and
    the square of their difference.

    A row counts only if it has the outcome under each of the models. Values are less the mean of all rows that count,
    `a` of the original and `b` of the small model, and the difference is less `b - a`.
    """
    found: list[Float[np.ndarray, " row"]] = []
    for values in outcomes.reals.values():
        counted = counted_rows(values)
        centres = real_centres(values)
        first, last = (_centred(values[m], counted, float(centres[m])) for m in (0, -1))
        found += [counted.astype(np.float64), first, first**2, last, last**2, (last - first) ** 2]
    return np.array(found).reshape(-1, len(outcomes))


def _centred(
    values: Float[np.ndarray, " row"], counted: Bool[np.ndarray, " row"], centre: float
) -> Float[np.ndarray, " row"]:
    """Return values less the centre, and 0 where they do not count."""
    found = np.zeros(len(values))
    found[counted] = values[counted] - centre
    return found


def counted_rows(values: Float[np.ndarray, "model row"]) -> Bool[np.ndarray, " row"]:
    """Return which rows have a real outcome under each model."""
    return np.logical_and.reduce(~np.isnan(values))


def real_centres(values: Float[np.ndarray, "model row"]) -> Float[np.ndarray, " model"]:
    """Return the mean of a real outcome under each model, over rows that have it under all; 0 where none has."""
    counted = counted_rows(values)
    return values[:, counted].mean(axis=1) if counted.any() else np.zeros(len(values))
