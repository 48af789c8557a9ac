"""MAM operations of integer networks: largest plus smallest product of each split, in place of the sum of all products.

With 8-bit weights in +-127 and what they are multiplied with, x_k of row k = 1 .. n,

    mam, mam_conv     y_c = rescale(sum_s (max_{k in s} w_ck x_k + min_{k in s} w_ck x_k) + b_c)

with `splits` runs s of n / splits numbers, and `rescale` of `network`. A row of `mam` is the vector. A row of
`mam_conv` is what lies under the kernel, zeros of the padding included, in the order

    (split, kernel row, kernel column, channel within the split),

so that with one split it is a piece of the image, row by row, and a split is a run of each place's channels. A product
has 16 bits, and only one for each split is added twice.

A weight of 0, such as a pruned one, makes a product of 0, which takes part like any other. So a run is known by its
kept weights and by whether there are others: it may be stored as `weights` (output, row), or as

    weights (entry)            kept weights, output by output, split by split, in the order of the row
    skip (entry)               how far an entry lies behind its output's entry before it; of the first, its place
    count (output * splits)    entries of each run; where it is below n / splits, a 0 takes part

A weight further than 255 behind the one before has pruned weights between, which are entries of their own, as a 0.

>>> rows, weights = np.array([[1, 9, -3, 9]]), np.array([[2, 0, -1, 0], [1, 1, 1, 1]], np.int8)
>>> extremes(rows, weights, 1).tolist(), extremes(rows, weights, 2).tolist()
([[3, 6]], [[5, 16]])
>>> kept = Kept(np.array([2, -1, 1, 1, 1, 1], np.int8), np.array([0, 2, 0, 1, 1, 1]), np.array([1, 1, 2, 2]))
>>> kept.extremes(rows, 2).tolist()
[[5, 16]]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.graph.network import Slide


def extremes(
    rows: Integer[np.ndarray, "row input"], weights: Integer[np.ndarray, "output input"], splits: int
) -> Int[np.ndarray, "row output"]:
    """Return the sum over the splits of largest and smallest product of 8-bit weights and numbers."""
    narrow = rows.astype(np.int16)
    found = np.zeros((len(rows), len(weights)), np.int64)
    for output, weight in enumerate(weights.astype(np.int16)):
        products = (narrow * weight).reshape(len(rows), splits, -1)
        found[:, output] = (products.max(axis=2).astype(np.int64) + products.min(axis=2)).sum(axis=1)
    return found


@dataclass(frozen=True, eq=False)
class Kept:
    """The kept weights of a layer, as the module tells."""

    weights: Integer[np.ndarray, " entry"]
    skip: Integer[np.ndarray, " entry"]
    count: Integer[np.ndarray, " run"]

    def of_groups(self, groups: int) -> list[Kept]:
        """Return the kept weights of each group of outputs."""
        ends = np.cumsum([0, *(part.sum() for part in np.split(self.count.astype(np.int64), groups))])
        counts = np.split(self.count, groups)
        return [
            Kept(self.weights[first:last], self.skip[first:last], count)
            for first, last, count in zip(ends[:-1], ends[1:], counts, strict=True)
        ]

    def extremes(self, rows: Integer[np.ndarray, "row input"], splits: int) -> Int[np.ndarray, "row output"]:
        """Return what `extremes` does of the weights that these are the kept ones of."""
        narrow, weights, length = (
            rows.astype(np.int16).T,
            self.weights.astype(np.int16),
            rows.shape[1] // splits,
        )
        found, end = np.zeros((len(self.count) // splits, len(rows)), np.int64), 0
        place = 0
        for run, count in enumerate(self.count.tolist()):
            first, end = end, end + count
            place = place if run % splits else 0
            places = place + np.cumsum(self.skip[first:end].astype(np.int64))
            if not count:
                continue
            place = int(places[-1])
            products = narrow[places] * weights[first:end, None]
            high, low = products.max(axis=0), products.min(axis=0)
            if count < length:
                high, low = high.clip(0, None), low.clip(None, 0)
            found[run // splits] += high.astype(np.int64) + low
        return found.T


def rows_under(
    x: Integer[np.ndarray, "item row column channel"], slide: Slide, groups: int, splits: int
) -> list[Integer[np.ndarray, "place input"]]:
    """Return what lies under a kernel at each place of each item, for each group of channels."""
    seen = np.stack([part for _, part in slide.taps(x, 0)], axis=3)
    taps, each = seen.shape[3], x.shape[3] // groups
    found: list[Integer[np.ndarray, "place input"]] = []
    for group in range(groups):
        part = seen[..., group * each : (group + 1) * each].reshape(-1, taps, splits, each // splits)
        found.append(part.transpose(0, 2, 1, 3).reshape(len(part), -1))
    return found
