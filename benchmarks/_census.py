"""The tables that subgroups are mined in: COMPAS, and one drawn with the sizes of the Adult census set.

The drawn table has 12 attributes of 2 to 9, 14, 16 and 41 values. Each is a normal score of its own and of three
that all share, cut at the quantiles of its shares: the first value has a share as large as the largest of an attribute
of Adult (one country has 91 % of the rows, one sex 67 %), and the others fall by Zipf's law. The class is drawn from a
logistic model of six attributes, three pairs among them.

>>> table = census(1000, seed=0)
>>> len(table.columns), table.target.shape, len(set(table.columns["a11"].tolist()))
(12, (1000,), 2)
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from benchmarks._bench import real_data
from sarto.core.seed import generator

SHARED = 1.5
"""Deviation of the weights of what attributes share: with it as many groups as on Adult reach a support of .001."""

ROWS = 32_561
SIZES = (41, 16, 14, 9, 8, 7, 6, 5, 4, 3, 2, 2)
FIRST = (0.91, 0.32, 0.13, 0.74, 0.25, 0.46, 0.40, 0.85, 0.55, 0.92, 0.95, 0.67)
"""Share of each attribute's first value; the k-th of the others has a share in proportion to 1/k."""

COMPAS_ATTRIBUTES = ("age", "charge", "race", "sex", "#prior", "stay")


@dataclass(frozen=True)
class Table:
    """Columns of attributes, and the class of each row."""

    columns: dict[str, Any]
    target: Int[np.ndarray, " row"]


def census(rows: int = ROWS, *, seed: int) -> Table:
    """Return a table that is drawn; the same model with other rows for each seed."""
    model, draw = generator(0, "census model"), generator(seed, "census rows")
    shared = draw.normal(size=(rows, 3))
    columns: dict[str, Any] = {}
    scores: list[Float[np.ndarray, " value"]] = []
    for i, (size, first) in enumerate(zip(SIZES, FIRST, strict=True)):
        weights = model.normal(size=3) * SHARED
        score = (shared @ weights + draw.normal(size=rows)) / np.sqrt(1 + weights @ weights)
        falling = 1 / np.arange(1, size)
        shares = np.concatenate([[first], (1 - first) * falling / falling.sum()])
        place = model.permutation(size)
        cuts = _normal_quantiles(np.cumsum(shares[place])[:-1])
        columns[f"a{i:02}"] = np.searchsorted(cuts, score)
        scores.append(model.normal(size=size))
    values = list(columns.values())
    logit = sum((0.7 * scores[i][values[i]] for i in range(1, 7)), np.zeros(rows))
    for i, j in ((1, 4), (2, 5), (3, 6)):
        logit += 1.2 * model.normal(size=(SIZES[i], SIZES[j]))[values[i], values[j]]
    chance = 1 / (1 + np.exp(-(logit - np.quantile(logit, 0.7))))
    return Table(columns, (draw.random(rows) < chance).astype(np.int64))


def _normal_quantiles(shares: Float[np.ndarray, " cut"]) -> Float[np.ndarray, " cut"]:
    from scipy.special import ndtri

    return ndtri(shares)


def guesses(table: Table, *, seed: int) -> Int[np.ndarray, " row"]:
    """Return guesses that are wrong in 15 % of the rows, and in more where the seventh attribute has rare values."""
    draw = generator(seed, "census guesses")
    rare = table.columns["a06"] > 2
    wrong = draw.random(len(table.target)) < np.where(rare, 0.25, 0.15)
    return np.where(wrong, 1 - table.target, table.target)


def compas() -> tuple[Table, Int[np.ndarray, " row"]]:
    """Return COMPAS, discretised, and its high scores as guesses."""
    path = Path(real_data("compas")) / "compas_discretized.csv"
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    columns = {name: np.array([row[name] for row in rows]) for name in COMPAS_ATTRIBUTES}
    target, guess = (np.array([int(row[name]) for row in rows]) for name in ("class", "predicted"))
    return Table(columns, target), guess
