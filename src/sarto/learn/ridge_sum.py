"""Statistics of many clients, summed so that neither their order nor the tree of their sums changes a bit.

Moments about 0 add number by number (`sarto.learn.raw_moments`: n, w, sums, A, B and T), and `ExactSum` adds them: what
a client gave can be taken away again, and the bits are those of a sum that never had it. Statistics come back with
C_xx = A - w mean_x mean_x^T, to rounding relative to the trace of A: features that lie far from 0 for their spread
lose digits here, and are best standardised by what all clients know. The rounding of what clients sent adds up, too.

Source: Fanì et al., "Accelerating heterogeneous federated learning with closed-form classifiers" (FED3R), ICML 2024,
and Bacciu et al., "Federated reservoir computing" (IncFed), IJCNN 2021, for the sums A and B; `sarto.learn.exact_sum`.

>>> x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0.0, 1.0, 2.0, 3.0])
>>> parts = [RidgeStatistics.of(x[i : i + 1], y[i : i + 1]) for i in range(4)]
>>> one, other = RidgeSum.like(parts[0]), RidgeSum.like(parts[0])
>>> for i in range(4):
...     one.add(parts[i]); other.add(parts[3 - i])
>>> one.statistics.C_xx.tolist(), one.pack() == other.pack()
([[5.0]], True)
>>> one.subtract(parts[0]); one.statistics.mean_x.tolist()
[2.0]
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Self

import numpy as np
from jaxtyping import Float

from sarto.learn._packing import frame, unpack_arrays
from sarto.learn.exact_sum import ExactSum
from sarto.learn.kind import Kind, Label
from sarto.learn.moments import EPS, impossible
from sarto.learn.raw_moments import RawMoments, size_of
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError

MAGIC = b"SARTORSU"


class RidgeSum:
    """A sum of `RidgeStatistics` or `RawMoments`.

    Args:
        features: of each row.
        outputs: of each row.
        classes: every label there may be; None for numeric targets.
        features_id: of the features.

    Attributes:
        kind: of what it sums.
        count: rows that are in it.
    """

    def __init__(
        self, features: int, outputs: int, *, classes: Sequence[Label] | None = None, features_id: str = ""
    ) -> None:
        self.kind = Kind(features, outputs, None if classes is None else tuple(classes), features_id)
        assert classes is None or len(classes) == outputs, "one output per class"
        self.count = 0
        self._head, self._body = ExactSum(3 + features + outputs), ExactSum(size_of(self.kind))

    @classmethod
    def like(cls, statistics: RidgeStatistics | RawMoments | RidgeSum) -> Self:
        """Return a sum of nothing, for statistics such as these."""
        k = statistics.kind
        return cls(k.features, k.outputs, classes=k.classes, features_id=k.features_id)

    def add(self, statistics: RidgeStatistics | RawMoments) -> None:
        """Add what a client has.

        Raises:
            InputError: E108 or E116, when its features or targets differ, or a class is none of the sum's; E105, where
                a number is too large.
            SartoError: E404, when the sum has no room.
        """
        self.add_all([statistics])

    def add_all(self, parts: Sequence[RidgeStatistics | RawMoments]) -> None:
        """Add what several clients have, all or none; a little faster than one after the other. As `add`."""
        raws = [self._raw(part) for part in parts]
        self._body.add_all([raw.body for raw in raws])
        try:
            self._head.add_all([_head(raw) for raw in raws])
        except BaseException:
            for raw in raws:
                self._body.subtract(raw.body)
            raise
        self.count += sum(raw.count for raw in raws)

    def subtract(self, statistics: RidgeStatistics | RawMoments) -> None:
        """Take away what a client had given, to the bit: the sum is what it would be without. As `add`.

        Raises:
            SartoError: E404, when there are not so many rows.
        """
        raw = self._raw(statistics)
        if raw.count > self.count:
            raise impossible(f"{raw.count} rows taken from {self.count}")
        self._body.subtract(raw.body)
        try:
            self._head.subtract(_head(raw))
        except BaseException:
            self._body.add(raw.body)
            raise
        self.count -= raw.count

    def merge(self, other: RidgeSum) -> None:
        """Add the sum of another server.

        Raises:
            InputError: E108 or E116, when it is of other features or targets.
        """
        if other.kind != self.kind:
            raise InputError(
                "E116", "two sums of different kinds", cause=f"{self.kind} and {other.kind} do not add up"
            )
        self._body.merge(other._body)
        self._head.merge(other._head)
        self.count += other.count

    @property
    def statistics(self) -> RidgeStatistics:
        """What all rows together have."""
        f, o = self.kind.features, self.kind.outputs
        weights, s_x, s_y = np.split(self._head.values, [3, 3 + f])
        weight, rounded_x, rounded_y = weights.tolist()
        body = self._body.values
        scales = rounded_x / EPS, rounded_y / EPS
        return RawMoments(self.kind, self.count, weight, s_x, s_y[:o], body, *scales).statistics

    def pack(self) -> bytes:
        """Return the sum as bytes, the same for the same rows in whatever order."""
        return b"".join(self.pieces())

    def pieces(self) -> list[bytes | memoryview]:
        """Return the bytes of `pack` in pieces, which are the sum's own numbers: use them before it changes."""
        header = {**self.kind.as_json(), "count": self.count, "room": [self._head.room, self._body.room]}
        integers = [part for each in (self._head, self._body) for part in each.integers]
        # So that the size seldom changes while the counts grow: a file of it is then written in place.
        return frame(MAGIC, header, integers, align=512)

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Return the sum that `pack` wrote.

        Raises:
            InputError: E103, when the bytes are of another kind or version, cut short or changed.
            SartoError: E404, when no sum has these numbers.
        """
        header, values = unpack_arrays(MAGIC, data)
        f, o, (room_head, room_body) = header["features"], header["outputs"], header["room"]
        found = cls(f, o, classes=header["classes"], features_id=header["features_id"])
        integers, size = values.view(np.int64), 3 + f + o
        (high, low), (high_body, low_body) = (part.reshape(2, -1) for part in np.split(integers, [2 * size]))
        found._head = ExactSum.of_integers(high, low, room_head)
        found._body = ExactSum.of_integers(high_body, low_body, room_body)
        found.count = header["count"]
        return found

    @property
    def spec(self) -> str:
        """Hash of what the statistics are of: sums of the same add up."""
        return sha256(json.dumps(self.kind.as_json(), sort_keys=True).encode()).hexdigest()

    def _raw(self, statistics: RidgeStatistics | RawMoments) -> RawMoments:
        """Return the moments about 0 of a client, in the order of the sum's classes."""
        self.kind.check_part(statistics.kind)
        raw = RawMoments.of(statistics) if isinstance(statistics, RidgeStatistics) else statistics
        return raw if self.kind.classes is None else raw.of_classes(self.kind.classes)


def _head(raw: RawMoments) -> Float[np.ndarray, " value"]:
    return np.concatenate([[raw.weight, EPS * raw.scale_x, EPS * raw.scale_y], raw.s_x, raw.s_y])
