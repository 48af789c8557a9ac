"""How far a small model still says what its original says, for each item of an attribute.

Of the `n` rows of an item, the *agreement* is the share on which both guess the same class, with Wilson's 95 %
interval. Whether the small model guesses the classes as often as the original is tested by the chi-square of the
table (model, class),

    chi2 = sum over models and classes of (o - e)^2 / e,    e = half of the guesses of the class,    df = classes
    guessed - 1.

It asks for a shift of the guesses, not for errors, and takes the two rows of the table as independent, though they
are of the same rows: where both models agree on most, it errs on the safe side. The paired tests are in
`sarto.audit.subgroups.gain`.

Source: Kamal and Talbert, "Downsized and compromised? Assessing the faithfulness of model compression", arXiv
2510.06125 (agreement, chi-square by subgroup); Wilson, JASA 22 (1927).

>>> from sarto.audit.subgroups import Attributes
>>> attributes = Attributes.from_columns({"sex": ["f", "f", "m", "m"]})
>>> found = agreement(attributes, "sex", [0, 1, 0, 1], [0, 1, 1, 1])
>>> found.items, found.agreement.tolist(), found.chi2.round(3).tolist()
(('f', 'm'), [1.0, 0.5], [0.0, 1.333])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int64

from sarto.audit.subgroups.exemplars import SMALL
from sarto.audit.subgroups.items import Attributes
from sarto.audit.subgroups.significance import Control, chi_square_tail, q_values
from sarto.measure.quality import wilson
from sarto.models.input_error import InputError


@dataclass(frozen=True)
class Agreement:
    """Agreement by the items of an attribute.

    Attributes:
        attribute: its name.
        items: its items.
        n: rows of each item.
        agreement: share of them on which the models agree; NaN for no row.
        low: lower bound of its 95 % interval.
        high: upper bound of it.
        chi2: of the shift of guesses.
        freedom: its degrees of freedom.
        p: its p-value; NaN where all guesses are of one class.
        q: adjusted for the number of items.
        small: whether an expected count is below 5, so that p is not to be relied on.
    """

    attribute: str
    items: tuple[str, ...]
    n: Int64[np.ndarray, " item"]
    agreement: Float[np.ndarray, " item"]
    low: Float[np.ndarray, " item"]
    high: Float[np.ndarray, " item"]
    chi2: Float[np.ndarray, " item"]
    freedom: Int64[np.ndarray, " item"]
    p: Float[np.ndarray, " item"]
    q: Float[np.ndarray, " item"]
    small: Bool[np.ndarray, " item"]


def agreement(
    attributes: Attributes, name: str, original: Any, small: Any, *, fdr: Control = "bh"
) -> Agreement:
    """Return the agreement of two models' guesses for each item of attribute `name`.

    Raises:
        InputError: E108 (not one guess a row), E138 (no such attribute).
    """
    first, last = np.asarray(original), np.asarray(small)
    if not len(first) == len(last) == len(attributes):
        raise InputError("E108", f"{len(first)} and {len(last)} guesses, and {len(attributes)} rows")
    column = attributes.columns[attributes.position(name)]
    classes, codes = np.unique(np.concatenate([first, last]), return_inverse=True)
    guesses = codes.reshape(2, -1)
    size, n_classes = len(column.items), len(classes)
    n, same = np.zeros((2, size), dtype=np.int64)
    table = np.zeros((2, size, n_classes))
    for level in column.codes:
        there = level >= 0
        n += np.bincount(level[there], minlength=size)
        same += np.bincount(level[there & (guesses[0] == guesses[1])], minlength=size)
        for model in (0, 1):
            key = level[there].astype(np.int64) * n_classes + guesses[model][there]
            table[model] += np.bincount(key, minlength=size * n_classes).reshape(size, n_classes)
    expected = table.sum(axis=0) / 2
    with np.errstate(invalid="ignore", divide="ignore"):
        chi2 = np.where(expected > 0, (table - expected) ** 2 / expected, 0).sum(axis=(0, 2))
        share = same / n
    freedom = np.maximum((expected > 0).sum(axis=1) - 1, 0)
    p = np.where(freedom > 0, chi_square_tail(chi2, np.maximum(freedom, 1)), np.nan)
    bounds = [wilson(int(a), int(b)) if b else (np.nan, np.nan) for a, b in zip(same, n, strict=True)]
    few = ((expected > 0) & (expected < SMALL)).any(axis=1)
    return Agreement(
        name, column.items, n, share, np.array([low for low, _ in bounds]), np.array([high for _, high in bounds]),
        chi2, freedom, p, q_values(p, fdr), few,
    )  # fmt: skip
