"""Cuts continuous attributes into intervals: by quantiles, or by a tree on the outcome; with the larger ones they
make up.

Both return `Bins`: cuts `c_1 < ... < c_m` with leaves `(c_j, c_(j+1)]`, and a binary hierarchy over them, each node
of which but the root is an item (a *generalised* item), so that a group may be told by a wide interval where that is
enough. Quantile bins halve the ranks, level by level. A tree splits a node `N` at the cut that lowers the sum of
squares most,

    max over cuts of  SS(N) - SS(left) - SS(right),   SS(M) = sum over rows of M of (y - mean_M)^2,

each side keeping at least `min_support` of all rows; for a boolean outcome `SS/n` is half of Gini's impurity.

Source: Pastor, Baralis and de Alfaro, "A hierarchical approach to anomalous subgroup discovery", ICDE 2023
(hierarchies of items from trees on the outcome, generalised itemsets); Breiman et al., Classification and Regression
Trees (1984), 8.4.

>>> bins = quantile_bins(np.arange(8.0), levels=2)
>>> bins.items
('<= 3.5', '> 3.5', '<= 1.5', '1.5 to 3.5', '3.5 to 5.5', '> 5.5')
>>> bins.codes(np.array([0.0, 7.0, np.nan]))
array([[ 0,  1, -1],
       [ 2,  5, -1]], dtype=int16)
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from jaxtyping import Float, Int16, Shaped

from sarto.models.input_error import InputError

LEVELS = 3
"""Levels of a hierarchy: up to 8 leaves. A deeper one makes leaves that few supports reach."""

MIN_SUPPORT = 0.1
"""Least share of the rows in a leaf of a tree, as the source has it in its experiments."""

Interval: TypeAlias = tuple[float, float]
Split: TypeAlias = Callable[[int, int], "int | None"]


@dataclass(frozen=True)
class Tree:
    """How a tree cuts: `outcome` is 0, 1 or a real number for each row, NaN where it is not counted."""

    outcome: Shaped[np.ndarray, " row"]
    min_support: float = MIN_SUPPORT
    levels: int = LEVELS


@dataclass(frozen=True)
class Bins:
    """Intervals `(low, high]`, those of each level disjoint; the wide ones come first.

    Attributes:
        levels: the intervals of each level, from left to right.
    """

    levels: tuple[tuple[Interval, ...], ...]

    @property
    def items(self) -> tuple[str, ...]:
        """The intervals as text."""
        intervals = [interval for level in self.levels for interval in level]
        short = tuple(_label(interval, 6) for interval in intervals)
        return (
            short if len(set(short)) == len(short) else tuple(_label(interval, 17) for interval in intervals)
        )

    def codes(self, values: Float[np.ndarray, " row"]) -> Int16[np.ndarray, "level row"]:
        """Return the interval of each value at each level; -1 where it is missing, or no interval of the level has
        it.
        """
        found, first = np.full((len(self.levels), len(values)), -1, dtype=np.int16), 0
        for codes, level in zip(found, self.levels, strict=True):
            lows, highs = np.array([low for low, _ in level]), np.array([high for _, high in level])
            at = np.searchsorted(lows, values, side="left") - 1
            inside = (at >= 0) & (values <= highs[at])
            codes[inside] = (first + at[inside]).astype(np.int16)
            first += len(level)
        return found


def quantile_bins(values: Float[np.ndarray, " row"], levels: int = LEVELS) -> Bins:
    """Return the halves by rank, their halves, and so on; values that are equal stay together.

    Raises:
        InputError: E138, where there are no two different values.
    """
    present = np.sort(values[~np.isnan(values)])

    def halved(low: int, high: int) -> int | None:
        """Return the first row of the right half of rows `low` to `high`, or None where all are equal."""
        middle = (low + high) // 2
        starts = [int(np.searchsorted(present, float(present[middle]), side)) for side in ("left", "right")]
        starts = [at for at in starts if low < at < high]
        return min(starts, key=lambda at: abs(at - middle)) if starts else None

    return _grown(present, levels, halved)


def tree_bins(values: Float[np.ndarray, " row"], tree: Tree) -> Bins:
    """Return the intervals of the tree that tells the outcome by these values.

    Raises:
        InputError: E138, where no cut makes the outcome more even; E108, where there is not one outcome a row.
    """
    outcome = np.asarray(tree.outcome, dtype=np.float64)
    if len(outcome) != len(values):
        raise InputError("E108", f"{len(outcome)} outcomes and {len(values)} values")
    counted = ~np.isnan(values) & ~np.isnan(outcome)
    order = np.argsort(values[counted], kind="stable")
    present, y = values[counted][order], outcome[counted][order]
    y = y - y.mean() if len(y) else y
    least = max(1, int(np.ceil(tree.min_support * len(values))))

    def best(low: int, high: int) -> int | None:
        """Return the first row right of the best cut of rows `low` to `high`, or None."""
        n, sums = np.arange(1, high - low), np.cumsum(y[low:high])
        left, right = sums[:-1], sums[-1] - sums[:-1]
        gain = left**2 / n + right**2 / (high - low - n) - sums[-1] ** 2 / (high - low)
        allowed = (np.diff(present[low:high]) > 0) & (n >= least) & (high - low - n >= least)
        if not allowed.any():
            return None
        gain[~allowed] = -np.inf
        at = int(np.argmax(gain))
        return low + at + 1 if gain[at] > 1e-12 * len(y) else None

    return _grown(present, tree.levels, best)


def _grown(present: Float[np.ndarray, " row"], levels: int, split: Split) -> Bins:
    """Return the hierarchy that `split` makes of sorted values, level by level."""
    if np.isinf(present).any():
        raise InputError(
            "E138", "infinite values cannot be cut into intervals", hint="NaN is a missing value"
        )
    found: list[tuple[Interval, ...]] = []
    nodes: list[tuple[Interval, int, int]] = [((-math.inf, math.inf), 0, len(present))]
    for _ in range(levels):
        made: list[tuple[Interval, int, int]] = []
        for (low, high), first, last in nodes:
            if last - first > 1 and (at := split(first, last)) is not None:
                cut = float((present[at - 1] + present[at]) / 2)
                cut = cut if present[at - 1] <= cut < present[at] else float(present[at - 1])
                made += [((low, cut), first, at), ((cut, high), at, last)]
        if not made:
            break
        nodes = made
        found.append(tuple(interval for interval, _, _ in nodes))
    if not found:
        raise InputError(
            "E138", "no cut was found", cause="the values, or the outcomes over them, are all alike"
        )
    return Bins(tuple(found))


def _label(interval: Interval, digits: int) -> str:
    """Return `(low, high]` as text."""
    low, high = (f"{bound:.{digits}g}" for bound in interval)
    if interval[0] == -math.inf:
        return f"<= {high}"
    return f"> {low}" if interval[1] == math.inf else f"{low} to {high}"
