"""A sum of vectors whose bits depend on neither the order nor the tree in which they are added, and that can be undone.

Every number x is cut, exactly, into two integers on fixed grids, and integers are added:

    x = h 2^-20 + l 2^-72,   h = round(2^20 x),   l = round(2^72 (x - h 2^-20))

Rounding is to the nearest, ties to even. It is the same for a number wherever it is added, so that sums of integers
are all that is left: they are associative, and subtracting a vector leaves exactly what was there before. Of a number
in float64 nothing is lost from 2^-20 on, of one in float32 from 2^-49 on; of smaller ones what lies below 2^-73.

h is read off the mantissa of x + 3 2^31, whose last place is 2^-20 for |x| < 2^31; l likewise with 3 2^-21. Vectors go
through in blocks that stay in the cache.

Source: Demmel and Nguyen, "Fast reproducible floating-point summation", ARITH 2013 (numbers cut on fixed grids), here
with one grid for all, which the limits of a federation know beforehand.

>>> parts = [np.array([0.1, 1e9]), np.array([0.2, -1e9]), np.array([0.3, 1e-3])]
>>> total = ExactSum(2)
>>> for part in parts:
...     total.add(part)
>>> other = ExactSum(2)
>>> other.add(parts[2]); other.add(parts[0]); other.add(parts[1])
>>> total.values.tolist(), total == other
([0.6, 0.001], True)
>>> total.subtract(parts[1]); total.subtract(parts[0]); total.values.tolist()
[0.3, 0.001]
"""

from __future__ import annotations

import copy
from typing import Self

import numpy as np
from jaxtyping import Float, Int64

from sarto.core.errors import SartoError
from sarto.models.input_error import InputError

HIGH, LOW = 20, 72
"""Binary places of the two grids."""
LARGEST = 2.0**31
"""Numbers are below this in size."""
ROOM = 2**42
"""The sum of the largest sizes of all vectors is below this, half of what 64 bits hold on the coarse grid."""
BLOCK = 1 << 14
_CARRY = LOW - HIGH
_TO_HIGH, _TO_LOW = 1.5 * 2.0 ** (52 - HIGH), 1.5 * 2.0 ** (52 - LOW)
_BITS = tuple(int(np.float64(x).view(np.int64)) for x in (_TO_HIGH, _TO_LOW))
_UNSETTLED = 1 << 10
"""Vectors after which carries go up: each adds at most 2^51 to the fine grid's numbers."""


class ExactSum:
    """The sum of vectors of `size` numbers.

    Attributes:
        size: numbers of a vector.
        room: the sum of the largest size of each vector, rounded up.
    """

    def __init__(self, size: int) -> None:
        self.size, self.room = size, 0
        self._high, self._low = np.zeros((2, size), np.int64)
        self._buffers = np.empty((2, min(BLOCK, size)))
        self._waiting, self._offset = 0, 0

    def add(self, values: Float[np.ndarray, " value"]) -> None:
        """Add a vector, of float32 or float64.

        Raises:
            InputError: E108 for another length, E105 for what is not finite or too large.
        """
        self._count(values, 1)
        self._through(values, np.add)

    def subtract(self, values: Float[np.ndarray, " value"]) -> None:
        """Take away a vector that was added: what is left has the bits that it would have without it. As `add`."""
        self._count(values, -1)
        self._through(values, np.subtract)

    def merge(self, other: Self) -> None:
        """Add another sum.

        Raises:
            InputError: E108 for one of another length.
            SartoError: E404, when both together have no room.
        """
        if other.size != self.size:
            raise InputError(
                "E108", f"a sum of {self.size} numbers and one of {other.size}", cause="they must be alike"
            )
        self._take_room(other.room)
        self._settle()
        other._settle()
        self._high += other._high
        self._low += other._low
        self._waiting = 1
        self._settle()

    @property
    def values(self) -> Float[np.ndarray, " value"]:
        """The sum in float64."""
        high, low = self.integers
        return high * 2.0**-HIGH + low * 2.0**-LOW

    @property
    def integers(self) -> tuple[Int64[np.ndarray, " value"], Int64[np.ndarray, " value"]]:
        """The sum on the coarse grid, and what is above it on the fine one: at least 0 and below 2^52."""
        self._settle()
        return self._high.copy(), self._low.copy()

    @classmethod
    def of_integers(
        cls, high: Int64[np.ndarray, " value"], low: Int64[np.ndarray, " value"], room: int
    ) -> Self:
        """Return the sum that has these `integers` and this `room`.

        Raises:
            SartoError: E404, when no sum has them.
        """
        if room < 0 or room >= ROOM or (low < 0).any() or (low >> _CARRY).any():
            raise SartoError(
                "E404",
                "impossible sum",
                cause="its numbers are not what `integers` returns",
                hint="pass them unchanged",
            )
        found = cls(len(high))
        found._high[:], found._low[:], found.room = high, low, room
        return found

    def copy(self) -> Self:
        """Return a sum of its own."""
        return copy.deepcopy(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ExactSum) or (self.size, self.room) != (other.size, other.room):
            return False
        return all(np.array_equal(a, b) for a, b in zip(self.integers, other.integers, strict=True))

    __hash__ = None  # pyright: ignore[reportAssignmentType]

    def _count(self, values: Float[np.ndarray, " value"], sign: int) -> None:
        if len(values) != self.size:
            raise InputError(
                "E108", f"{len(values)} numbers added to a sum of {self.size}", cause="they must be alike"
            )
        largest = max(float(values.max(initial=0.0)), -float(values.min(initial=0.0)))
        if not largest < LARGEST:  # also where it is no number
            raise InputError(
                "E105",
                f"a number of the size {largest:g} in a sum",
                cause=f"it is to be finite and below 2^31 = {LARGEST:.0f}",
                hint="scale the features: they are best standardised",
            )
        self._take_room(sign * int(np.ceil(largest)))

    def _take_room(self, more: int) -> None:
        room = self.room + more
        if not 0 <= room < ROOM:
            cause = f"the largest numbers of all that was added come to {room}, and {ROOM} is the limit"
            if room < 0:
                cause = "what is taken away was not added"
            raise SartoError(
                "E404", "impossible sum", cause=cause, hint="scale the features, or take away what was added"
            )
        self.room = room

    def _through(self, values: Float[np.ndarray, " value"], add: np.ufunc) -> None:
        """Cut a vector and add its integers, or subtract them."""
        for first in range(0, self.size, BLOCK):
            part = values[first : first + BLOCK]
            x, t = self._buffers[:, : len(part)]
            x[:] = part
            high, low = self._high[first : first + len(x)], self._low[first : first + len(x)]
            np.add(x, _TO_HIGH, out=t)
            add(high, t.view(np.int64), out=high)
            np.subtract(t, _TO_HIGH, out=t)
            np.subtract(x, t, out=t)
            np.add(t, _TO_LOW, out=t)
            add(low, t.view(np.int64), out=low)
        self._offset += 1 if add is np.add else -1
        self._waiting += 1
        if self._waiting >= _UNSETTLED:
            self._settle()

    def _settle(self) -> None:
        """Take the mantissas' offsets out, and carry what the fine grid holds of the coarse one up."""
        if not self._waiting:
            return
        for numbers, bits in zip((self._high, self._low), _BITS, strict=True):
            offset = self._offset * bits & (2**64 - 1)
            numbers -= np.uint64(offset).astype(np.int64)
        self._high += self._low >> _CARRY
        self._low &= (1 << _CARRY) - 1
        self._waiting = self._offset = 0
