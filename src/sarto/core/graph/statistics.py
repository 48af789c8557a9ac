"""Window statistics of the integer network: what is said of each channel in a pooling segment of n steps.

    mean       (sum x) / n                       deviation  sqrt(n sum x^2 - (sum x)^2) / n, the root rounded down
    least      min x                             largest    max x
    change     (sum floor(|x - x'| / 2)) / n     crossings  2^14 (number of steps where x and x' differ in sign) / n

with x' the sample before, also across segments, and x itself at the first step of a sequence; 0 counts as positive.
Each division is one by the fixed-point reciprocal of n, see `operations.scaled`.

>>> x, rows = np.array([[3], [-1], [-1], [7]]), PooledRows.of(np.array([0, 4]), 1, 0)
>>> (statistics(x, rows, STATISTICS) / 2**30).round(2).tolist()
[[[2.0, 3.25, -1.0, 7.0, 1.5, 8192.0]]]
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.graph.operations import RECIPROCAL_SHIFT
from sarto.core.graph.rows import PooledRows

STATISTICS = ("mean", "deviation", "least", "largest", "change", "crossings")
"""In the order of the features: statistic by statistic, in each channel by channel."""
CROSSING = 1 << 14
"""What one change of sign counts, so that a rate has 14 fractional bits."""


def statistics(
    x: Integer[np.ndarray, "row channel"], rows: PooledRows, chosen: Iterable[str]
) -> Int[np.ndarray, "item segment unit"]:
    """Return the `chosen` statistics of standardised inputs `x`, with 30 fractional bits."""
    wide = x.astype(np.int64)
    total = rows.reduce(np.add, wide)
    before = np.concatenate([wide[:1], wide[:-1]])
    before = np.where(rows.step[:, None] == 0, wide, before)

    def of(statistic: str) -> Int[np.ndarray, "part channel"]:
        if statistic == "mean":
            return rows.mean(total)
        if statistic == "deviation":
            squares = rows.reduce(np.add, wide * wide) * rows.count[:, None]
            return rows.mean(root(squares - total * total))
        if statistic == "least":
            return rows.reduce(np.minimum, wide) << RECIPROCAL_SHIFT
        if statistic == "largest":
            return rows.reduce(np.maximum, wide) << RECIPROCAL_SHIFT
        if statistic == "change":
            return rows.mean(rows.reduce(np.add, np.abs(wide - before) >> 1))
        crossed = ((wide < 0) != (before < 0)).astype(np.int64) * CROSSING
        return rows.mean(rows.reduce(np.add, crossed))

    return rows.place(np.concatenate([of(s) for s in STATISTICS if s in set(chosen)], axis=1))


def root(values: Int[np.ndarray, "..."]) -> Int[np.ndarray, "..."]:
    """Return the integer square root, rounded down, of values from 0 to 2^62.

    >>> root(np.array([0, 15, 16, (2**31 - 1) ** 2 - 1, (2**31 - 1) ** 2])).tolist()
    [0, 3, 4, 2147483646, 2147483647]
    """
    near = np.sqrt(values.astype(np.float64)).astype(np.int64)
    near -= near * near > values
    return near + ((near + 1) * (near + 1) <= values)
