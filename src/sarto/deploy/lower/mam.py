"""Weights of a MAM layer as constants of its integer operation: in full, or kept ones with their places.

Kept weights are stored where that takes fewer bytes: n for each output in full, against 2 for each entry and, for each
run, 1, or 2 where one has more than 255 entries (see `core/graph/mam`).

>>> rows = np.zeros((1, 600), np.int64)
>>> rows[0, [3, 590]] = 5, -7
>>> {name: (array.tolist(), dtype) for name, (array, dtype) in stored(rows, 2).items()}
{'weights': ([5, 0, 0, -7], 'int8'), 'skip': ([3, 255, 255, 77], 'uint8'), 'count': ([2, 2], 'uint8')}
>>> list(stored(np.ones((2, 3), np.int64), 1))
['weights']
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int

from sarto.core.graph.mam import Kept
from sarto.deploy.lower.layout import channels_last

MOST_SKIP = 255


def in_rows(weights: Int[np.ndarray, "output channel ..."], splits: int) -> Int[np.ndarray, "output input"]:
    """Return the weights of a convolution as rows in the order of `mam_conv`; splits divide the channels."""
    outputs, channels = weights.shape[:2]
    split = weights.reshape(outputs, splits, channels // splits, *weights.shape[2:])
    return channels_last(split, skipped=2).reshape(outputs, -1)


def kept(rows: Int[np.ndarray, "output input"], splits: int) -> Kept:
    """Return the weights that are not 0, and zeros where the next one would be too far away."""
    weights: list[int] = []
    skips: list[int] = []
    counts = np.zeros(len(rows) * splits, np.int64)
    length = rows.shape[1] // splits
    for output, row in enumerate(rows):
        before = 0
        for place in np.flatnonzero(row).tolist():
            while place - before > MOST_SKIP:
                before += MOST_SKIP
                weights.append(0)
                skips.append(MOST_SKIP)
                counts[output * splits + before // length] += 1
            weights.append(int(row[place]))
            skips.append(place - before)
            counts[output * splits + place // length] += 1
            before = place
    return Kept(np.array(weights, np.int64), np.array(skips, np.int64), counts)


def stored(
    rows: Int[np.ndarray, "output input"], splits: int
) -> dict[str, tuple[Int[np.ndarray, "..."], str]]:
    """Return the constants that the operation's weights are, by role, each with its type."""
    found = kept(rows, splits)
    wide = int(found.count.max()) > MOST_SKIP
    size_b = 2 * len(found.weights) + (1 + wide) * len(found.count)
    if size_b >= rows.size:
        return {"weights": (rows, "int8")}
    if not len(found.weights):
        found = Kept(np.zeros(1, np.int64), np.zeros(1, np.int64), np.array([1, *found.count[1:]]))
    return {
        "weights": (found.weights, "int8"),
        "skip": (found.skip, "uint8"),
        "count": (found.count, "uint16" if wide else "uint8"),
    }
