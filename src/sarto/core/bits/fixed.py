"""Fixed-point numbers: a whole number in two's complement, times a power of two or times a scale.

    fixed(i,f): q 2^-f with -2^(i+f-1) <= q < 2^(i+f-1)   (i bits before the point, the sign among them; f after it)
    intN:       q s    with |q| <= 2^(N-1) - 1            (s = max |x| / (2^(N-1) - 1) of the numbers it is fitted to)

Rounding is to the nearest q, ties to even; what is too large becomes the largest. There is no NaN: it becomes 0. The
pattern -2^(N-1), which `encode` of intN never writes, still decodes to its number: a flipped bit can make it.

>>> fixed = Fixed(2, 2)
>>> fixed.rounded(np.array([0.3, 5.0, -9.0])).tolist(), fixed.encode(np.array([-0.25])).tolist()
([0.25, 1.75, -2.0], [15])
>>> Integer(8).fitted(np.array([2.54, -1.0]))
int8(0.02)
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt

from sarto.core.bits.format import Format
from sarto.core.errors import SartoError


class _Whole(Format):
    """Whole numbers of `width` bits times a scale; `_least` is the least that is written."""

    _scale: float
    _least: int

    def _numbers(self) -> float:
        return self._scale

    def encode(self, values: Float[np.ndarray, "*shape"]) -> UInt[np.ndarray, "*shape"]:
        """Return the patterns of numbers."""
        steps = np.rint(np.nan_to_num(values.astype(np.float64) / self._numbers(), nan=0.0))
        q = np.clip(steps, self._least, 2 ** (self.width - 1) - 1).astype(np.int64)
        return (q & (2**self.width - 1)).astype(self.word)

    def decode(self, patterns: UInt[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Return the numbers of patterns."""
        q = patterns.astype(np.int64)
        q = q - ((q >> (self.width - 1) & 1) << self.width)
        found = q * self._numbers()
        return found if self.width > 24 or isinstance(self, Integer) else found.astype(np.float32)


class Fixed(_Whole):
    """A fixed point.

    Raises:
        SartoError: E144, when there is no bit before the point, or the bits are not 2 to 32.
    """

    def __init__(self, i: int, f: int) -> None:
        if i < 1 or f < 0 or not 2 <= i + f <= 32:
            raise SartoError(
                "E144",
                f"fixed({i},{f})",
                cause="there is at least the sign before the point, and 2 to 32 bits in all",
                hint="fixed(1,7) has 8 bits from -1 on",
            )
        self.name, self.width = f"fixed({i},{f})", i + f
        self._scale, self._least = 2.0**-f, -(2 ** (i + f - 1))


class Integer(_Whole):
    """Integers of `bits` bits with a scale, which they get from the numbers that they are to hold, or here.

    Raises:
        SartoError: E144, when the bits are not 2 to 32, or the scale is not above 0.
    """

    def __init__(self, bits: int, scale: float | None = None) -> None:
        if not 2 <= bits <= 32 or (scale is not None and not (0 < scale < np.inf)):
            raise SartoError(
                "E144",
                f"int{bits}" + ("" if scale is None else f"({scale:g})"),
                cause="an integer has 2 to 32 bits, and a scale above 0",
            )
        self.name, self.width = f"int{bits}" + ("" if scale is None else f"({scale!r})"), bits
        self.scale, self._least = scale, -(2 ** (bits - 1) - 1)

    def _numbers(self) -> float:
        if self.scale is None:
            raise SartoError(
                "E144",
                f"{self.name} has no scale",
                cause="an integer stands for a number only with its scale",
                hint=f"take it from the numbers by fitted, or give it: {self.name}(0.01)",
            )
        return self.scale

    def fitted(self, values: Float[np.ndarray, "..."]) -> Integer:
        """Return the same integers with the scale that the largest of `values` needs; a given scale stays."""
        if self.scale is not None:
            return self
        largest = float(np.max(np.abs(values), initial=0.0))
        return Integer(self.width, largest / -self._least if 0 < largest < np.inf else 1.0)
