"""Rows of a batch of sequences by item and pooling segment: what runs over all rows at once is reduced by these.

>>> rows = PooledRows.of(np.array([0, 5, 5, 7]), segments=2, segment_steps=2)
>>> rows.count.tolist(), rows.item.tolist(), rows.segment.tolist()
([2, 3, 2], [0, 0, 2], [0, 1, 0])
>>> rows.place(rows.reduce(np.add, np.arange(7)[:, None]))[:, :, 0].tolist()
[[1, 9], [0, 0], [11, 0]]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Int, Integer

from sarto.core.graph.operations import POOLED_STEPS, scaled


@dataclass(frozen=True, eq=False)
class PooledRows:
    """Which rows are pooled, and where to.

    Attributes:
        items: number of sequences.
        segments: pooling segments of each.
        step: of each row, its place in its sequence.
        kept: rows that are pooled: the first `POOLED_STEPS` of their segment.
        starts: of each segment that a sequence reaches, its first row among those kept.
        item, segment: whose that is.
        count: rows kept in it.
    """

    items: int
    segments: int
    step: Int[np.ndarray, " row"]
    kept: Bool[np.ndarray, " row"]
    starts: Int[np.ndarray, " part"]
    item: Int[np.ndarray, " part"]
    segment: Int[np.ndarray, " part"]
    count: Int[np.ndarray, " part"]

    @staticmethod
    def of(offsets: Int[np.ndarray, " item_plus_1"], segments: int, segment_steps: int) -> PooledRows:
        """Return the rows of sequences `offsets[i]..offsets[i + 1]`, in `segments` parts of `segment_steps` rows."""
        lengths = np.diff(offsets)
        item = np.repeat(np.arange(len(lengths)), lengths)
        step = np.arange(len(item)) - np.repeat(offsets[:-1] - offsets[0], lengths)
        segment = np.minimum(step // segment_steps, segments - 1) if segments > 1 else np.zeros_like(step)
        kept = step - segment * segment_steps < POOLED_STEPS
        part = item[kept] * segments + segment[kept]
        starts = np.flatnonzero(np.diff(part, prepend=-1))
        return PooledRows(
            items=len(lengths),
            segments=segments,
            step=step,
            kept=kept,
            starts=starts,
            item=part[starts] // segments,
            segment=part[starts] % segments,
            count=np.diff(starts, append=len(part)),
        )

    def reduce(self, how: np.ufunc, values: Integer[np.ndarray, "row unit"]) -> Int[np.ndarray, "part unit"]:
        """Return `how` of the rows of every part, over the rows that are kept."""
        if not len(self.starts):
            return np.zeros((0, values.shape[1]), np.int64)
        kept = values if self.kept.all() else values[self.kept]
        reduced = how.reduceat(kept, self.starts, axis=0, dtype=np.int64)
        return np.asarray(reduced, np.int64)

    def mean(self, sums: Int[np.ndarray, "part unit"]) -> Int[np.ndarray, "part unit"]:
        """Return the mean of `sums` over the rows of their parts, with 30 fractional bits."""
        return scaled(sums, self.count[:, None])

    def place(self, parts: Int[np.ndarray, "part unit"]) -> Int[np.ndarray, "item segment unit"]:
        """Return `parts` by item and segment, 0 where a sequence does not reach a segment."""
        placed = np.zeros((self.items, self.segments, parts.shape[1]), np.int64)
        placed[self.item, self.segment] = parts
        return placed
