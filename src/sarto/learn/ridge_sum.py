"""Statistics of many clients, summed so that neither their order nor the tree of their sums changes a bit.

The moments of rows z about a fixed point, here 0, add:

    n,   w = sum w_i,   sum w_i z_i,   sum w_i t_i,   A = sum w_i z_i z_i^T,   B = sum w_i z_i t_i^T,   sum w_i t_i^2

with A = C_xx + w mean_x mean_x^T and B likewise, worked out once for each client. `ExactSum` adds them: what a client
gave can be taken away again, and the bits are those of a sum that never had it. Statistics come back with
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
from typing import Any, Self

import numpy as np
from jaxtyping import Float

from sarto.learn._packing import pack_arrays, symmetric, unpack_arrays
from sarto.learn.exact_sum import ExactSum
from sarto.learn.moments import EPS, impossible
from sarto.learn.statistics import Label, RidgeStatistics
from sarto.models.input_error import InputError

MAGIC = b"SARTORSU"


class RidgeSum:
    """A sum of `RidgeStatistics`.

    Args:
        features: of each row.
        outputs: of each row.
        classes: every label there may be; None for numeric targets.
        features_id: of the features.

    Attributes:
        count: rows that are in it.
    """

    def __init__(
        self, features: int, outputs: int, *, classes: Sequence[Label] | None = None, features_id: str = ""
    ) -> None:
        self._empty = RidgeStatistics.empty(features, outputs, classes=classes, features_id=features_id)
        self.count = 0
        self._sum = ExactSum(sum(_sizes(features, outputs)))

    @classmethod
    def like(cls, statistics: RidgeStatistics) -> Self:
        """Return a sum of nothing, for statistics such as these."""
        s = statistics
        return cls(len(s.mean_x), len(s.mean_y), classes=s.classes, features_id=s.features_id)

    def add(self, statistics: RidgeStatistics) -> None:
        """Add what a client has.

        Raises:
            InputError: E108 or E116, when its features or targets differ, or a class is none of the sum's; E105, where
                a number is too large.
        """
        self._sum.add(self._raw(statistics))
        self.count += statistics.count

    def subtract(self, statistics: RidgeStatistics) -> None:
        """Take away what a client had given, to the bit: the sum is what it would be without. As `add`.

        Raises:
            SartoError: E404, when there are not so many rows.
        """
        if statistics.count > self.count:
            raise impossible(f"{statistics.count} rows taken from {self.count}")
        self._sum.subtract(self._raw(statistics))
        self.count -= statistics.count

    def merge(self, other: RidgeSum) -> None:
        """Add the sum of another server.

        Raises:
            InputError: E108 or E116, when it is of other features or targets.
        """
        if other._about != self._about:
            raise InputError(
                "E116", "two sums of different kinds", cause=f"{self._about} and {other._about} do not add up"
            )
        self._sum.merge(other._sum)
        self.count += other.count

    @property
    def statistics(self) -> RidgeStatistics:
        """What all rows together have."""
        empty, f, o = self._empty, len(self._empty.mean_x), len(self._empty.mean_y)
        if not self.count:
            return empty
        parts = np.split(self._sum.values, np.cumsum(_sizes(f, o))[:-1])
        weight, (rounded_x, rounded_y) = float(parts[0][0]), (parts[0][1:] / EPS).tolist()
        mean_x, mean_y = parts[1] / weight, parts[2] / weight
        A, B = symmetric(parts[3], f), parts[4].reshape(f, o)
        return RidgeStatistics(
            count=self.count,
            weight=weight,
            mean_x=mean_x,
            mean_y=mean_y,
            C_xx=A - weight * np.outer(mean_x, mean_x),
            C_xy=B - weight * np.outer(mean_x, mean_y),
            C_yy=parts[5] - weight * mean_y**2,
            scale_x=max(float(np.trace(A)), rounded_x),
            scale_y=max(float(parts[5].sum()), rounded_y),
            classes=empty.classes,
            features_id=empty.features_id,
        )

    def pack(self) -> bytes:
        """Return the sum as bytes, the same for the same rows in whatever order."""
        high, low = self._sum.integers
        header = {**self._about, "count": self.count, "room": self._sum.room}
        return pack_arrays(MAGIC, header, [high.view(np.float64), low.view(np.float64)])

    @classmethod
    def unpack(cls, data: bytes) -> Self:
        """Return the sum that `pack` wrote.

        Raises:
            InputError: E103, when the bytes are of another kind or version, cut short or changed.
            SartoError: E404, when no sum has these numbers.
        """
        header, values = unpack_arrays(MAGIC, data)
        found = cls(
            header["features"],
            header["outputs"],
            classes=header["classes"],
            features_id=header["features_id"],
        )
        high, low = values.view(np.int64).reshape(2, -1)
        found._sum, found.count = ExactSum.of_integers(high, low, header["room"]), header["count"]
        return found

    @property
    def spec(self) -> str:
        """Hash of what the statistics are of: sums of the same add up."""
        return sha256(json.dumps(self._about, sort_keys=True).encode()).hexdigest()

    @property
    def _about(self) -> dict[str, Any]:
        empty = self._empty
        return {
            "features": len(empty.mean_x),
            "outputs": len(empty.mean_y),
            "classes": None if empty.classes is None else list(empty.classes),
            "features_id": empty.features_id,
        }

    def _raw(self, statistics: RidgeStatistics) -> Float[np.ndarray, " value"]:
        """Return the moments about 0 of a client, in the order of the sum's classes."""
        s = self._empty + statistics
        if s.classes != self._empty.classes:
            unknown = [c for c in s.classes or () if c not in (self._empty.classes or ())]
            raise InputError(
                "E116",
                f"label {unknown[0]!r} is not one of the classes" if unknown else "classes in another order",
                cause=f"the classes are {', '.join(map(str, self._empty.classes or ()))}",
                hint="name every label in classes",
            )
        w, f = s.weight, len(s.mean_x)
        A = s.C_xx + w * np.outer(s.mean_x, s.mean_x)
        B = s.C_xy + w * np.outer(s.mean_x, s.mean_y)
        squares = s.C_yy + w * s.mean_y**2
        triangle = A[np.triu_indices(f)]
        head = [w, EPS * s.scale_x, EPS * s.scale_y]
        return np.concatenate([head, w * s.mean_x, w * s.mean_y, triangle, B.reshape(-1), squares])


def _sizes(f: int, o: int) -> list[int]:
    """Return how many numbers each part of the vector of moments has."""
    return [3, f, o, f * (f + 1) // 2, f * o, o]
