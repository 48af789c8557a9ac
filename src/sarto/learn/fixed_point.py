"""Statistics as integers that add mod 2^64, as masks need them: with so many binary places that no sum runs over.

A sum over clients of moments about 0 of rows z, at most `rows` of each client, is no larger than

    largest = clients rows max(1, size)^2,      |z| <= size, |t| <= size for targets

and a number x becomes round(2^k x) with k = 62 - ceil(log2(largest)): half of what 64 bits with a sign hold. A client
whose numbers are larger than rows max(1, size)^2 is refused, never clipped. The sum of the integers is exact, in any
order and mod 2^64, and is the sum of the rounded moments to the bit: each number of it lies within clients 2^-(k+1) of
the exact one. `sum_of` allows the statistics that much where they are checked.

Source: Bonawitz et al., "Practical secure aggregation", CCS 2017, section 3, for sums mod R; here R is a word.

>>> limits = FixedPoint(clients=100, rows=50, size=2.0)
>>> limits.places, limits.error
(47, 3.552713678800501e-13)
>>> total = limits.encoded(np.array([0.1, -3.0])) + limits.encoded(np.array([0.2, 1.0]))
>>> np.add(*limits.decoded(total)).round(12).tolist()
[0.3, -2.0]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, UInt64

from sarto.learn.exact_sum import LARGEST
from sarto.learn.moments import EPS
from sarto.learn.raw_moments import RawMoments, size_of
from sarto.learn.ridge_sum import RidgeSum
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError

WORD = 62
"""Binary digits of a sum; one more of 64 is for the sign, and one for rounding."""
_HALF = 32


@dataclass(frozen=True)
class FixedPoint:
    """What clients agree on before a sum.

    Attributes:
        clients: at most.
        rows: of a client at most; with weights, their sum.
        size: length of the features of a row at most, and size of a target.
    """

    clients: int
    rows: int
    size: float = 1.0

    def __post_init__(self) -> None:
        sound = self.clients >= 1 and self.rows >= 1 and 0 <= self.size < math.inf
        if not sound or self.clients * self.largest >= LARGEST:
            raise InputError(
                "E169",
                f"{self.clients} clients of {self.rows} rows of size {self.size:g}",
                cause=f"it takes 1 of each at least, and clients rows max(1, size)^2 below {LARGEST:.0f}",
                hint="scale the features, or sum in parts",
            )

    @property
    def largest(self) -> float:
        """The largest number of a client."""
        return self.rows * max(1.0, self.size) ** 2

    @property
    def places(self) -> int:
        """Binary places k."""
        return WORD - math.ceil(math.log2(self.clients * self.largest))

    @property
    def error(self) -> float:
        """How far a number of the sum of all clients is off at most."""
        return self.clients * 2.0 ** -(self.places + 1)

    def encoded(self, values: Float[np.ndarray, " value"]) -> UInt64[np.ndarray, " value"]:
        """Return numbers as integers mod 2^64.

        Raises:
            InputError: E169, for a number that is larger than agreed, or none.
        """
        most = float(np.abs(values).max(initial=0.0))
        if not most <= self.largest:
            raise InputError(
                "E169",
                f"a number of the size {most:g} in a masked sum",
                cause=f"{self.rows} rows of size {self.size:g} have none above {self.largest:g}: it could run over",
                hint="agree on larger limits, or scale the features",
            )
        return np.rint(np.ldexp(values, self.places)).astype(np.int64).view(np.uint64)

    def decoded(
        self, total: UInt64[np.ndarray, " value"]
    ) -> tuple[Float[np.ndarray, " value"], Float[np.ndarray, " value"]]:
        """Return the numbers of a sum in two exact parts, which add up to them.

        Raises:
            InputError: E169, for a number that no clients have: a mask was not taken out.
        """
        signed = total.astype(np.uint64).view(np.int64)
        bound = math.ldexp(self.clients * (self.largest + self.error), self.places)
        if (np.abs(signed.astype(np.float64)) > bound).any():
            raise _no_sum("a number is larger than those of all clients together can be")
        coarse = (signed >> _HALF).astype(np.float64)
        fine = (signed & (2**_HALF - 1)).astype(np.float64)
        return np.ldexp(coarse, _HALF - self.places), np.ldexp(fine, -self.places)

    def of_statistics(self, statistics: RidgeStatistics, like: RidgeSum) -> UInt64[np.ndarray, " value"]:
        """Return the statistics of a client as integers that add up to those of all: the last is the count of rows.

        Args:
            statistics: of the client.
            like: a sum, which says what they are of.

        Raises:
            InputError: E169, for larger ones than agreed; E108 or E116 for those of something else.
        """
        like.kind.check_part(statistics.kind)
        raw = RawMoments.of(statistics)
        if like.kind.classes is not None:
            raw = raw.of_classes(like.kind.classes)
        head = [raw.weight, EPS * raw.scale_x, EPS * raw.scale_y]
        return self.encoded(np.concatenate([head, raw.s_x, raw.s_y, raw.body, [float(raw.count)]]))

    def sum_of(self, total: UInt64[np.ndarray, " value"], like: RidgeSum) -> RidgeSum:
        """Return the sum of the statistics of clients, given that of their integers.

        Args:
            total: sum mod 2^64 of what `of_statistics` returned.
            like: a sum, which says what they are of.

        Raises:
            InputError: E169, for integers that are no such sum.
        """
        k = like.kind
        if len(total) != 4 + k.features + k.outputs + size_of(k):
            raise _no_sum(f"they are {len(total)}")
        count, rest = divmod(int(total.view(np.int64)[-1]), 2**self.places)
        if rest or not 0 <= count <= self.clients * self.rows:
            raise _no_sum(f"they say that it has {count + rest / 2**self.places:g} rows")
        found = RidgeSum.like(like)
        for values, rows in zip(self.decoded(total), (count, 0), strict=True):
            head, s_x, s_y, body = np.split(values[:-1], np.cumsum([3, k.features, k.outputs]))
            # Errors of all numbers in a row of C_xx, and of the means, are no more than the checks allow for then.
            scales = head[1:] / EPS + (2 * self.error * max(1.0, self.size) / EPS if rows else 0.0)
            found.add(RawMoments(k, rows, float(head[0]), s_x, s_y, body, float(scales[0]), float(scales[1])))
        return found


def _no_sum(cause: str) -> InputError:
    return InputError(
        "E169",
        "integers that are no sum of the clients' statistics",
        cause=cause,
        hint="a client's mask does not cancel: sum again without it, in smaller groups",
    )
