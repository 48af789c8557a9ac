"""Quality of decisions on labelled items: accuracy with its interval, macro-F1, confusion, per class and per group.

The interval is Wilson's (95 %): `(p + z^2/2n +- z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n)` with z = 1.96. It takes
items as independent; where items come in groups, the table by group shows how far that holds.

Source: Wilson, "Probable inference, the law of succession, and statistical inference", JASA 22 (1927).

>>> low, high = wilson(9, 10)
>>> round(low, 3), round(high, 3)
(0.596, 0.982)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from sarto.core.evidence import Evidence
from sarto.core.table import Table

Z95 = 1.959963984540054
"""The 97.5 % quantile of the normal distribution."""


def wilson(right: int, n: int, z: float = Z95) -> tuple[float, float]:
    """Return lower and upper bound of the share behind `right` successes in `n` trials (n at least 1)."""
    share, square = right / n, z * z
    centre = share + square / (2 * n)
    spread = z * math.sqrt(share * (1 - share) / n + square / (4 * n * n))
    scale = 1 + square / n
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def confusion(
    target: Int[np.ndarray, " item"], guess: Int[np.ndarray, " item"], classes: tuple[str, ...]
) -> Int[np.ndarray, "class class"]:
    """Return counts with true classes as rows and given classes as columns."""
    counts = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(counts, (target, guess), 1)
    return counts


def macro_f1(counts: Int[np.ndarray, "class class"]) -> float:
    """Return the mean over classes of `2 right / (true + given)`; a class neither true nor given does not count.

    >>> macro_f1(np.array([[2, 0], [1, 1]]))
    0.7333333333333334
    """
    both = counts.sum(axis=0) + counts.sum(axis=1)
    seen = both > 0
    scores: Float[np.ndarray, " class"] = 2 * np.diag(counts)[seen] / both[seen]
    return float(scores.mean())


def accuracy_evidence(
    target: Int[np.ndarray, " item"],
    guess: Int[np.ndarray, " item"],
    classes: tuple[str, ...],
    *,
    part: str,
    tool: str,
    command: str,
    subject: str,
) -> list[Evidence]:
    """Return `<part> accuracy` with its interval, and `<part> macro-F1`, as measured evidence."""
    right, n = int(np.count_nonzero(target == guess)), len(target)
    common: dict[str, Any] = dict(
        unit="1", how="measured", tool=tool, command=command, n=n, subject_sha256=subject
    )
    return [
        Evidence(f"{part} accuracy", right / n, interval=wilson(right, n), **common),
        Evidence(f"{part} macro-F1", macro_f1(confusion(target, guess, classes)), **common),
    ]


def validation_evidence(
    error: float, loss: float, items: int, *, seed: int, command: str, subject: str
) -> list[Evidence]:
    """Return `validation error` over `items` held-out decisions, and `validation loss`.

    The error is the share of wrong classes, or for numbers the share of the variance that is not explained.
    """
    tool = "cross-validation with the integer interpreter, readout trained without the fold"
    common: dict[str, Any] = dict(
        unit="1", how="measured", command=command, n=items, seed=seed, subject_sha256=subject
    )
    return [
        Evidence("validation error", error, tool=tool, **common),
        Evidence("validation loss", loss, tool=f"{tool}; error and relative squared error", **common),
    ]


def confusion_table(counts: Int[np.ndarray, "class class"], classes: tuple[str, ...]) -> Table:
    """Return the counts as the table `confusion`."""
    rows = tuple((name, *map(int, row)) for name, row in zip(classes, counts, strict=True))
    return Table(
        "confusion",
        ("class", *classes),
        ("", *["items"] * len(classes)),
        rows,
        ("", *["measured"] * len(classes)),
    )


def class_table(counts: Int[np.ndarray, "class class"], classes: tuple[str, ...]) -> Table:
    """Return items, recall with its interval, and precision of every class that has items, as the table `classes`.

    The precision of a class that was never given is 0.
    """
    right, true, given = (v.tolist() for v in (np.diag(counts), counts.sum(axis=1), counts.sum(axis=0)))
    rows = tuple(
        (name, t, r / t, *wilson(r, t), r / g if g else 0.0)
        for name, r, t, g in zip(classes, right, true, given, strict=True)
        if t
    )
    columns = ("class", "n", "recall", "lower", "upper", "precision")
    return Table("classes", columns, ("", "items", *["1"] * 4), rows, ("", *["measured"] * 5))


def group_table(
    target: Int[np.ndarray, " item"], guess: Int[np.ndarray, " item"], groups: Shaped[np.ndarray, " item"]
) -> Table:
    """Return accuracy and its interval for every group as the table `groups`."""
    rows: list[tuple[float | int | str, ...]] = []
    for group in np.unique(groups):
        inside = groups == group
        right, n = int(np.count_nonzero(target[inside] == guess[inside])), int(inside.sum())
        rows.append((str(group), n, right / n, *wilson(right, n)))
    return Table(
        "groups",
        ("group", "n", "accuracy", "lower", "upper"),
        ("", "items", "1", "1", "1"),
        tuple(rows),
        ("", *["measured"] * 4),
    )
