"""Quality of predicted numbers: how far they are from the true ones, in their units and against simple guesses.

For each number, over n items with true values y, predicted ones g and the mean m of y:

    RMSE = sqrt(mean (g - y)^2)     MAE = mean |g - y|     R2 = 1 - sum (g - y)^2 / sum (y - m)^2

R2 is what is explained of the variance; predicting the mean has 0. Of several numbers R2 is the mean. The interval is
the percentile bootstrap's (95 %, `DRAWS` draws of whole groups; where there are none of items, or of blocks of windows
that overlap).

Source: Efron and Tibshirani, An Introduction to the Bootstrap, 1993, sections 8.6 (blocks) and 13.3.

>>> import numpy as np
>>> true, said = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([[0.0], [1.0], [2.0], [2.0]])
>>> float(r2(true, said)), rmse(true, said).tolist(), mae(true, said).tolist()
(0.8, [0.5], [0.25])
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float, Shaped

from sarto.core.evidence import Evidence
from sarto.core.seed import generator
from sarto.core.table import Table

DRAWS = 1000
"""Draws of the bootstrap, enough for an interval of 95 % (Efron and Tibshirani, section 13.3)."""
FEWEST = 5
"""Groups or blocks that there must be: of fewer, draws repeat the same few sets."""
MOST_PAIRS = 400
"""Items in the table of predictions, the same share of each part of the data."""

Numbers = Float[np.ndarray, "item output"]


def rmse(true: Numbers, said: Numbers) -> Float[np.ndarray, " output"]:
    """Return the root mean squared error of each number."""
    return np.sqrt(np.square(said - true).mean(axis=0))


def mae(true: Numbers, said: Numbers) -> Float[np.ndarray, " output"]:
    """Return the mean absolute error of each number."""
    return np.abs(said - true).mean(axis=0)


def r2(true: Numbers, said: Numbers) -> float:
    """Return the explained share of the variance, the mean over the numbers; 0 for a number without variance."""
    whole = np.square(true - true.mean(axis=0)).sum(axis=0)
    wrong = np.square(said - true).sum(axis=0)
    return float(np.where(whole > 0, 1 - wrong / np.where(whole > 0, whole, 1), 0.0).mean())


def bootstrap(
    true: Numbers, said: Numbers, groups: Shaped[np.ndarray, " item"] | None, block: int = 1
) -> tuple[float, float] | None:
    """Return the interval of R2, or None for fewer than `FEWEST` groups or blocks.

    Args:
        true: the numbers.
        said: what was predicted.
        groups: that are drawn whole, or None.
        block: without groups, neighbouring items that are drawn together, since windows that overlap are not
            independent.
    """
    owners = np.arange(len(true)) // block if groups is None else np.unique(groups, return_inverse=True)[1]
    count = int(owners.max()) + 1
    if count < FEWEST:
        return None
    centred = true - true.mean(axis=0)
    parts = [np.ones_like(true), centred, np.square(centred), np.square(said - true)]
    sums = np.zeros((4, count, true.shape[1]))
    for total, part in zip(sums, parts, strict=True):
        np.add.at(total, owners, part)
    drawn = generator(0, "bootstrap of R2").multinomial(count, np.full(count, 1 / count), size=DRAWS)
    n, first, second, wrong = (drawn.astype(np.float64) @ total for total in sums)
    whole = second - first**2 / n
    shares = np.where(whole > 0, 1 - wrong / np.where(whole > 0, whole, 1), 0.0)
    found: Float[np.ndarray, " draw"] = shares.mean(axis=1)
    return float(np.quantile(found, 0.025)), float(np.quantile(found, 0.975))


def deviation_evidence(
    true: Numbers,
    said: Numbers,
    names: tuple[str, ...],
    units: tuple[str, ...],
    *,
    groups: Shaped[np.ndarray, " item"] | None,
    block: int = 1,
    part: str,
    tool: str,
    command: str,
    subject: str,
) -> list[Evidence]:
    """Return `<part> R2` with its interval, and RMSE and MAE of each number in its unit, as measured evidence."""
    common: dict[str, Any] = dict(
        how="measured", tool=tool, command=command, n=len(true), subject_sha256=subject
    )
    found = [
        Evidence(f"{part} R2", r2(true, said), "1", interval=bootstrap(true, said, groups, block), **common)
    ]
    for what, values in (("RMSE", rmse(true, said)), ("MAE", mae(true, said))):
        for name, unit, value in zip(names, units, values.tolist(), strict=True):
            found.append(Evidence(f"{part} {what} of {name}", value, unit or "1", **common))
    return found


def guess_evidence(
    true: Numbers, guess: Numbers, what: str, *, part: str, tool: str, command: str
) -> Evidence:
    """Return `<part> R2 of <what>`, a guess that any model should beat, as measured evidence."""
    return Evidence(f"{part} R2 of {what}", r2(true, guess), "1", "measured", tool, command, n=len(true))


def predictions_table(true: Numbers, said: Numbers, names: tuple[str, ...], units: tuple[str, ...]) -> Table:
    """Return true and predicted values, side by side for each number, as the table `predictions`."""
    chosen = np.unique(np.linspace(0, len(true) - 1, min(MOST_PAIRS, len(true))).astype(np.int64))
    both = np.stack([true[chosen], said[chosen]], axis=2).reshape(len(chosen), -1)
    columns = tuple(word for name in names for word in (f"{name}, true", f"{name}, predicted"))
    kinds = tuple(unit or "1" for unit in units for _ in range(2))
    rows = tuple((int(i), *map(float, row)) for i, row in zip(chosen, both, strict=True))
    return Table("predictions", ("item", *columns), ("", *kinds), rows, ("", *["measured"] * len(columns)))


def deviation_by_group(true: Numbers, said: Numbers, groups: Shaped[np.ndarray, " item"]) -> Table:
    """Return for every group how much of the variance over all items is explained in it, as the table `groups`.

    That is 1 - mean squared error in the group / variance over all items, the mean over the numbers.
    """
    variance = true.var(axis=0)
    share = np.square(said - true) / np.where(variance > 0, variance, 1)
    rows: list[tuple[float | int | str, ...]] = []
    for group in np.unique(groups):
        inside = groups == group
        rows.append((str(group), int(inside.sum()), float(1 - share[inside].mean())))
    return Table(
        "groups", ("group", "n", "explained"), ("", "items", "1"), tuple(rows), ("", *["measured"] * 2)
    )
