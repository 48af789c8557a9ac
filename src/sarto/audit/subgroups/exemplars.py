"""Rows on which compressed models disagree with the originals, and whose rows they are.

*Compression-identified exemplars*: several originals (of different seeds) and several compressed models guess each
row; `mode` is the most frequent guess, and on a tie the one that comes first in the order of the classes:

    modal      mode of the originals' guesses != mode of the compressed models' guesses
    taxicab    sum over classes c of |share of originals that guess c - share of compressed that guess c|   (0 to 2)

With one model of each, modal disagreement is just disagreement. *Concentration*: whether rows that are marked, as
exemplars or as disagreements, come from some groups more than from others: over the items of an attribute, the
chi-square test of independence of item and mark; and for each item that of the 2 x 2 table (in the item or not,
marked or not), 1 degree of freedom, no correction,

    chi2 = n (a d - b c)^2 / ((a + b) (c + d) (a + c) (b + d)).

Source: Hooker et al., "What do compressed deep neural networks forget?", arXiv 1911.05248 (modal), and
"Characterising bias in compressed models", arXiv 2010.03058 (taxicab); Pearson, Philosophical Magazine 50 (1900).

>>> exemplars([[0, 1], [0, 1], [1, 1]], [[1, 1], [1, 1], [0, 1]])
array([ True, False])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64, Shaped

from sarto.audit.subgroups.items import Attributes
from sarto.audit.subgroups.significance import Control, chi_square_tail, q_values
from sarto.models.input_error import InputError

SMALL = 5
"""Least expected count for which the chi-square distribution is taken to hold: Cochran, Biometrics 10 (1954)."""


def exemplars(originals: Sequence[Any], compressed: Sequence[Any]) -> Bool[np.ndarray, " row"]:
    """Return which rows are exemplars by the modal rule.

    Args:
        originals: the guesses of each original.
        compressed: the guesses of each compressed model.

    Raises:
        InputError: E108, for different numbers of rows; E140, where one side has no model.
    """
    first, last = _shares(originals, compressed)
    return first.argmax(axis=0) != last.argmax(axis=0)


def taxicab(originals: Sequence[Any], compressed: Sequence[Any]) -> Float[np.ndarray, " row"]:
    """Return how far apart the guesses of both sides are on each row; arguments and errors as for `exemplars`.

    >>> taxicab([[0], [0], [1]], [[1], [1], [1]]).round(3)
    array([1.333])
    """
    first, last = _shares(originals, compressed)
    return np.abs(first - last).sum(axis=0)


def _shares(
    originals: Sequence[Any], compressed: Sequence[Any]
) -> tuple[Float[np.ndarray, "class row"], Float[np.ndarray, "class row"]]:
    """Return for each side which share of its models guesses each class."""
    if not len(originals) or not len(compressed):
        raise InputError("E140", "exemplars need the guesses of an original and of a compressed model")
    columns = [np.asarray(each) for each in (*originals, *compressed)]
    if len({len(column) for column in columns}) > 1:
        raise InputError("E108", f"guesses of {', '.join(str(len(column)) for column in columns)} rows")
    classes = np.unique(np.concatenate(columns))
    every = np.array([[column == each for each in classes] for column in columns], dtype=np.float64)
    return every[: len(originals)].mean(axis=0), every[len(originals) :].mean(axis=0)


@dataclass(frozen=True)
class Concentration:
    """Where marked rows come from, by the items of an attribute.

    Attributes:
        attribute: its name.
        items: its items.
        n: rows of each item.
        marked: how many of them are marked.
        share: `marked / n`; NaN for no row.
        chi2: of each item against all other rows.
        p: its p-value.
        q: adjusted for the number of items.
        small: whether a count expected of an item's table is below `SMALL`, so that p is not to be relied on.
        overall: chi-square of the whole table, its degrees of freedom and p-value.
        overall_small: whether a count expected in the whole table is below `SMALL`.
    """

    attribute: str
    items: tuple[str, ...]
    n: Int64[np.ndarray, " item"]
    marked: Int64[np.ndarray, " item"]
    share: Float[np.ndarray, " item"]
    chi2: Float[np.ndarray, " item"]
    p: Float[np.ndarray, " item"]
    q: Float[np.ndarray, " item"]
    small: Bool[np.ndarray, " item"]
    overall: tuple[float, int, float]
    overall_small: bool


def concentration(
    attributes: Attributes, marked: Shaped[np.ndarray, " row"], name: str, *, fdr: Control = "bh"
) -> Concentration:
    """Return how marked rows are spread over the items of attribute `name`; rows where it is missing are left out.

    The whole table has the items of the first level of an attribute that has several.

    Raises:
        InputError: E108 (not one mark a row), E138 (no such attribute), E137 (all rows are marked, or none).
    """
    marks = np.asarray(marked, dtype=bool)
    if len(marks) != len(attributes):
        raise InputError("E108", f"{len(marks)} marks and {len(attributes)} rows")
    column = attributes.columns[attributes.position(name)]
    there = (column.codes >= 0).any(axis=0)
    total, hits = int(there.sum()), int((marks & there).sum())
    if hits in (0, total):
        raise InputError(
            "E137", f"{'all' if hits else 'none'} of {total} rows are marked", cause="no group differs"
        )
    n, own = np.zeros((2, len(column.items)), dtype=np.int64)
    for codes in column.codes:
        n += np.bincount(codes[codes >= 0], minlength=len(n))
        own += np.bincount(codes[(codes >= 0) & marks], minlength=len(n))
    a, b, c = own, n - own, hits - own
    d = total - n - c
    with np.errstate(invalid="ignore", divide="ignore"):
        chi2 = (
            total * (a * d - b * c).astype(np.float64) ** 2 / (n * (total - n) * float(hits) * (total - hits))
        )
        share = own / n
    expected = np.minimum(n, total - n) * (min(hits, total - hits) / total)
    p = chi_square_tail(chi2, np.ones(len(n), dtype=np.int64))
    level = np.unique(column.codes[0][column.codes[0] >= 0])
    table = np.array([own[level], (n - own)[level]], dtype=np.float64)
    wanted = table.sum(axis=0) * table.sum(axis=1)[:, None] / table.sum()
    whole, freedom = float(((table - wanted) ** 2 / wanted).sum()), len(level) - 1
    tail = float(chi_square_tail(np.array([whole]), np.array([freedom]))[0]) if freedom else float("nan")
    return Concentration(
        name, column.items, n, own, share, chi2, p, q_values(p, fdr), expected < SMALL,
        (whole, freedom, tail), bool((wanted < SMALL).any()),
    )  # fmt: skip
