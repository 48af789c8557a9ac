"""A sum of vectors whose bits depend on neither the order nor the tree in which they are added, and that can be undone.

Every number x is cut, exactly, into two integers on fixed grids, and integers are added:

    x = h 2^-20 + l 2^-72,   h = round(2^20 x),   l = round(2^72 (x - h 2^-20))

Rounding is to the nearest, ties to even. It is the same for a number wherever it is added, so that sums of integers
are all that is left: they are associative, and subtracting a vector leaves exactly what was there before. Of a number
in float64 nothing is lost from 2^-20 on, of one in float32 from 2^-49 on; of smaller ones what lies below 2^-73.

h is read off the mantissa of x + 3 2^31, whose last place is 2^-20 for |x| < 2^31; l likewise with 3 2^-21. Vectors go
through in blocks that stay in the cache.

Numbers in float32 have 24 digits each, so that plain sums of them in float64 are exact as long as all digits lie in one
window of 53: for numbers other than 0 of sizes a_i >= 2^e, while sum a_i < 2^(e + 30). For each block of a vector that
window is known, from the exponents: where it holds, one addition is all; where it does not, or never did, the plain sum
is cut as above and begins again. For e >= -49 nothing is below the grid, so that the bits are those of cutting each.

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
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from jaxtyping import Float, Int64, UInt32

from sarto.core.errors import SartoError
from sarto.models.input_error import InputError

HIGH, LOW = 20, 72
"""Binary places of the two grids."""
LARGEST = 2.0**31
"""Numbers are below this in size."""
ROOM = 2**42
"""The sum of the largest sizes of all vectors is below this, half of what 64 bits hold on the coarse grid."""
BLOCK, STRIP = 1 << 16, 1 << 14
"""Numbers that share a window; numbers cut at once, with buffers that stay in the cache."""
_CARRY = LOW - HIGH
_TO_HIGH, _TO_LOW = 1.5 * 2.0 ** (52 - HIGH), 1.5 * 2.0 ** (52 - LOW)
_BITS = tuple(int(np.float64(x).view(np.int64)) for x in (_TO_HIGH, _TO_LOW))
_NO_WINDOW = -(10**4)
_UNSETTLED = 1 << 10
"""Cuts after which carries go up: each adds at most 2^51 to the fine grid's numbers."""
_LEAST = 23 - LOW
"""Numbers in float32 that are not below 2^_LEAST in size lie on the fine grid."""
_SPAN = 53 - 23
"""Binary places between the largest power of 2 that no number in float32 is below, and what their exact sums reach."""


@dataclass
class _Block:
    """Some of the numbers, and what is known of their plain sum.

    Attributes:
        place: of the numbers.
        least: no number in the plain sum is below 2^least, other than 0.
        reach: sum of the largest sizes that went into it, 0 when it is empty.
        offset: mantissas' offsets in the integers, cuts added less cuts taken away.
        cuts: since carries went up.
    """

    place: slice
    least: int = 0
    reach: float = 0.0
    offset: int = 0
    cuts: int = 0

    def takes(self, least: int, largest: float) -> bool:
        """Note numbers of sizes from 2^least to `largest`, if the plain sum stays exact with them."""
        low, reach = min(least, self.least) if self.reach else least, self.reach + largest
        if low < _LEAST or reach >= min(LARGEST, 2.0 ** (low + _SPAN)):
            return False
        self.least, self.reach = low, reach
        return True


class ExactSum:
    """The sum of vectors of `size` numbers.

    Attributes:
        size: numbers of a vector.
        room: the sum of the largest size of each vector, rounded up.
    """

    def __init__(self, size: int) -> None:
        self.size, self.room = size, 0
        self._high, self._low = np.zeros((2, size), np.int64)
        self._plain: Float[np.ndarray, " value"] | None = None
        self._blocks = [_Block(slice(i, min(size, i + BLOCK))) for i in range(0, size, BLOCK)]

    def add(self, values: Float[np.ndarray, " value"]) -> None:
        """Add a vector, of float32 or float64.

        Raises:
            InputError: E108 for another length, E105 for what is not finite or too large.
            SartoError: E404, when the sum has no room.
        """
        self._change([values], np.add)

    def add_all(self, vectors: Sequence[Float[np.ndarray, " value"]]) -> None:
        """Add vectors, all or none: block by block, which stays in the cache for all of them. As `add`."""
        self._change(vectors, np.add)

    def subtract(self, values: Float[np.ndarray, " value"]) -> None:
        """Take away a vector that was added: what is left has the bits that it would have without it. As `add`."""
        self._change([values], np.subtract)

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
        for block in self._blocks:
            self._carry(block)

    @property
    def values(self) -> Float[np.ndarray, " value"]:
        """The sum in float64."""
        self._settle()
        found = self._high * 2.0**-HIGH
        found += self._low * 2.0**-LOW
        return found

    @property
    def integers(self) -> tuple[Int64[np.ndarray, " value"], Int64[np.ndarray, " value"]]:
        """The sum on the coarse grid, and what is above it on the fine one, from 0 to 2^52: read-only views."""
        self._settle()
        views = self._high.view(), self._low.view()
        for view in views:
            view.flags.writeable = False
        return views

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

    def _change(self, vectors: Sequence[Float[np.ndarray, " value"]], add: np.ufunc) -> None:
        for values in vectors:
            if len(values) != self.size:
                raise InputError(
                    "E108", f"{len(values)} numbers added to a sum of {self.size}", cause="they must be alike"
                )
        buffer = np.empty(min(BLOCK, self.size), np.uint32)
        largest = [0.0] * len(vectors)
        for block in self._blocks:
            for i, values in enumerate(vectors):
                part = values[block.place]
                least, size = _sizes(part, buffer)
                if not size < LARGEST:
                    self._take_back(vectors, add, block, i)
                    raise InputError(
                        "E105",
                        f"a number of the size {size:g} in a sum",
                        cause=f"it is to be finite and below 2^31 = {LARGEST:.0f}",
                        hint="scale the features: they are best standardised",
                    )
                largest[i] = max(largest[i], size)
                self._change_block(part, block, add, least, size)
        try:
            self._take_room((1 if add is np.add else -1) * sum(int(np.ceil(size)) for size in largest))
        except SartoError:
            self._take_back(vectors, add, None, 0)
            raise

    def _take_back(
        self, vectors: Sequence[Float[np.ndarray, " value"]], add: np.ufunc, until: _Block | None, some: int
    ) -> None:
        """Undo what `_change` did before it came to a block, and for some vectors there: it was never done."""
        undo = np.subtract if add is np.add else np.add
        for block in self._blocks:
            self._cut_plain(block)
            for values in vectors[:some] if block is until else vectors:
                self._cut(values[block.place], block, undo)
            if block is until:
                return

    def _change_block(
        self, part: Float[np.ndarray, " value"], block: _Block, add: np.ufunc, least: int, largest: float
    ) -> None:
        if not block.takes(least, largest):
            self._cut_plain(block)
            if not block.takes(least, largest):
                self._cut(part, block, add)
                return
        if self._plain is None:
            self._plain = np.zeros(self.size)
        plain = self._plain[block.place]
        add(plain, part, out=plain)

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

    def _cut(self, values: Float[np.ndarray, " value"], block: _Block, add: np.ufunc) -> None:
        """Cut the numbers of a block and add their integers, or subtract them."""
        buffers = np.empty((2, min(STRIP, len(values))))
        for first in range(0, len(values), STRIP):
            part = values[first : first + STRIP]
            x, t = buffers[:, : len(part)]
            x[:] = part
            place = slice(block.place.start + first, block.place.start + first + len(x))
            high, low = self._high[place], self._low[place]
            np.add(x, _TO_HIGH, out=t)
            add(high, t.view(np.int64), out=high)
            np.subtract(t, _TO_HIGH, out=t)
            np.subtract(x, t, out=t)
            np.add(t, _TO_LOW, out=t)
            add(low, t.view(np.int64), out=low)
        block.offset += 1 if add is np.add else -1
        block.cuts += 1
        if block.cuts >= _UNSETTLED:
            self._carry(block)

    def _cut_plain(self, block: _Block) -> None:
        """Cut what the plain sum of a block has come to, and let it begin again."""
        if block.reach and self._plain is not None:
            plain = self._plain[block.place]
            self._cut(plain, block, np.add)
            plain[:] = 0.0
            block.reach = 0.0

    def _carry(self, block: _Block) -> None:
        """Take the mantissas' offsets out, and carry what the fine grid holds of the coarse one up."""
        high, low = self._high[block.place], self._low[block.place]
        for numbers, bits in zip((high, low), _BITS, strict=True):
            offset = block.offset * bits & (2**64 - 1)
            numbers -= np.uint64(offset).astype(np.int64)
        high += low >> _CARRY
        low &= (1 << _CARRY) - 1
        block.offset = block.cuts = 0

    def _settle(self) -> None:
        for block in self._blocks:
            self._cut_plain(block)
            if block.cuts:
                self._carry(block)


def _sizes(values: Float[np.ndarray, " value"], buffer: UInt32[np.ndarray, " place"]) -> tuple[int, float]:
    """Return e of the largest 2^e that no number other than 0 is below in size, and the largest size, inf for NaN.

    Of numbers in float64 e is too small for any window.
    """
    if values.dtype != np.float32:
        largest = max(float(values.max()), -float(values.min()))
        return _NO_WINDOW, largest if largest < np.inf else np.inf
    sizes = buffer[: len(values)]
    np.left_shift(
        values.view(np.uint32), 1, out=sizes
    )  # 8 bits of the exponent, 23 of the mantissa, and no sign
    largest, least = int(sizes.max()), int(sizes.min())
    if not least and largest:
        sizes -= np.uint32(1)  # 0 becomes the largest
        least = int(sizes.min()) + 1
    if largest >> 24 == 255:
        return 0, np.inf
    return (least >> 24) - 127 if largest else 127, float(np.uint32(largest >> 1).view(np.float32))
