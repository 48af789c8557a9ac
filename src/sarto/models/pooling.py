"""Pooling: what the readout sees of a sequence of states, computed while the states pass by and are forgotten.

    last:         f = h_T
    mean:         f = (1/T) sum_t h_t
    mean_square:  f = [(1/T) sum_t h_t, (1/T) sum_t h_t^2]
    mean_square_last:  f = [(1/T) sum_t h_t, (1/T) sum_t h_t^2, h_T]

With K segments of L steps, segment k covers the steps k L .. (k + 1) L - 1 and the last segment all steps from
(K - 1) L on; each gives its own f over its own steps (`last`: the state at its last step), and zeros when the
sequence ends before it. Features are ordered segment by segment. A microcontroller needs one accumulator per neuron
(two for mean_square and mean_square_last) and the step number.

>>> pooling = Pooling("mean", segments=2, segment_steps=2)
>>> pool = pooling.start(np.array([3]), units=1, dtype=np.float64)
>>> for step, h in enumerate([1.0, 2.0, 5.0]):
...     pool.add(step, np.array([[h]]))
>>> pool.features().tolist()
[[1.5, 5.0]]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from jaxtyping import Float, Int

from sarto.core.graph.operations import POOLED_STEPS
from sarto.models.input_error import InputError

PoolingKind = Literal["last", "mean", "mean_square", "mean_square_last"]
POOLINGS: tuple[PoolingKind, ...] = get_args(PoolingKind)

FLUSH_STEPS = 64
"""Sums run in the dtype of the states for so many steps, then move to float64. The states lie in [-1, 1], so the
float32 rounding of a mean is below 64 * 2^-24 = 4e-6 however long the sequence, and typically a tenth of it."""


def segment_steps(segments: int, longest: int) -> int:
    """Return L = ceil(longest / K), at most `POOLED_STEPS`, with which K segments share `longest` steps; 0 for one."""
    return min(-(-longest // segments), POOLED_STEPS) if segments > 1 else 0


@dataclass(frozen=True)
class Pooling:
    """How states become features.

    Attributes:
        kind: one of `POOLINGS`.
        segments: K, number of segments.
        segment_steps: L, steps of each segment but the last, which is open-ended; not used when K is 1.
    """

    kind: PoolingKind
    segments: int = 1
    segment_steps: int = 0

    def __post_init__(self) -> None:
        """Refuse what cannot be pooled.

        Raises:
            InputError: E116, naming the field, its value and its limit.
        """
        if self.kind not in POOLINGS:
            known = ", ".join(POOLINGS)
            raise InputError(
                "E116", f"pooling = {self.kind!r}", cause="no such pooling", hint=f"use one of {known}"
            )
        if self.segments < 1:
            raise InputError(
                "E116", f"segments = {self.segments}", cause="it must be at least 1", hint="use 1 or more"
            )
        if self.segments > 1 and self.segment_steps < 1:
            raise InputError(
                "E116",
                f"segment_steps = {self.segment_steps} with {self.segments} segments",
                cause="a segment needs at least 1 step",
                hint="use the longest training length divided by the number of segments, rounded up",
            )

    @staticmethod
    def fitted(kind: PoolingKind, segments: int, longest: int) -> Pooling:
        """Return the pooling whose K segments share `longest` steps, see `segment_steps`."""
        return Pooling(kind, segments, segment_steps(segments, longest))

    @property
    def sums(self) -> int:
        """Running sums per neuron: of the state, and of its square."""
        return {"last": 0, "mean": 1, "mean_square": 2, "mean_square_last": 2}[self.kind]

    @property
    def takes_last(self) -> bool:
        """Whether the last state of a segment is among its features."""
        return self.kind in ("last", "mean_square_last")

    @property
    def per_unit(self) -> int:
        """Features per neuron and segment."""
        return self.sums + self.takes_last

    def width(self, units: int) -> int:
        """Return the number of features of `units` neurons."""
        return self.segments * self.per_unit * units

    def segment_of(self, step: int) -> int:
        """Return the segment of the step with index `step`."""
        return 0 if self.segments == 1 else min(step // self.segment_steps, self.segments - 1)

    def counts(self, lengths: Int[np.ndarray, " item"]) -> Int[np.ndarray, "item segment"]:
        """Return how many steps of each item fall in each segment."""
        starts = np.arange(self.segments) * self.segment_steps
        steps = np.full(self.segments, self.segment_steps)
        left = lengths[:, None] - starts
        steps[-1] = max(left.max(initial=0), 0)
        return np.clip(left, 0, steps)

    def start(self, lengths: Int[np.ndarray, " item"], units: int, dtype: Any) -> Pool:
        """Return an empty accumulator for items of `lengths` steps, longest first."""
        return Pool(self, lengths, units, dtype)


class Pool:
    """The accumulators of one batch of sequences, longest first; a sequence that has ended gets no further states."""

    def __init__(self, pooling: Pooling, lengths: Int[np.ndarray, " item"], units: int, dtype: Any) -> None:
        assert (np.diff(lengths) <= 0).all(), "longest first"
        self._pooling, self._lengths, self._units, self._dtype = pooling, lengths, units, dtype
        items, width = len(lengths), pooling.sums * units
        self._total = np.zeros((items, pooling.segments, width))
        self._last = np.zeros((items, pooling.segments, units if pooling.takes_last else 0))
        # In memory as (number, item), as the states are.
        self._sum = np.zeros((width, items), dtype).T
        self._square = np.empty((units, items), dtype).T

    def add(self, step: int, h: Float[np.ndarray, "live neuron"]) -> None:
        """Take in the states at `step` (0, 1, 2, ...) of the sequences that are longer than `step`: the first rows."""
        pooling, live = self._pooling, len(h)
        segment = pooling.segment_of(step)
        ends = segment != pooling.segment_of(step + 1)
        if pooling.takes_last:
            first = 0 if ends else int(np.searchsorted(-self._lengths, -(step + 1)))
            self._last[first:live, segment] = h[first:]
        if pooling.sums:
            self._sum[:live, : self._units] += h
        if pooling.sums == 2:
            self._sum[:live, self._units :] += np.multiply(h, h, out=self._square[:live])
        if ends or (step + 1) % FLUSH_STEPS == 0:
            self._flush(segment)

    def _flush(self, segment: int) -> None:
        self._total[:, segment] += self._sum
        self._sum[:] = 0

    def features(self) -> Float[np.ndarray, "item feature"]:
        """Return the features of all items after their last step."""
        self._flush(self._pooling.segment_of(int(self._lengths.max(initial=1)) - 1))
        means = self._total / np.maximum(self._pooling.counts(self._lengths), 1)[:, :, None]
        pooled = np.concatenate([means, self._last], axis=2)
        return pooled.reshape(len(pooled), -1).astype(self._dtype)
