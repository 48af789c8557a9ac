"""Floating-point formats: those of IEEE 754, bfloat16, the two fp8, and minifloats of any exponent and fraction.

| name | bits: sign, exponent e, fraction m | largest | no number |
|---|---|---|---|
| `fp32`, `fp16`, `bf16` | 1 + 8 + 23, 1 + 5 + 10, 1 + 8 + 7 | 3.4e38, 65504, 3.4e38 | infinities, NaN |
| `fp8_e5m2` | 1 + 5 + 2 | 57344 | infinities, NaN |
| `fp8_e4m3` | 1 + 4 + 3 | 448 | NaN (two patterns) |
| `minifloat(e,m)` | 1 + e + m | (2 - 2^-m) 2^b | infinities, NaN |

    exponent field E > 0: (-1)^s 2^(E - b) (1 + F 2^-m),      E = 0: (-1)^s 2^(1 - b) F 2^-m,      b = 2^(e-1) - 1.

A number that is too large becomes an infinity in fp32, fp16 and bf16, as IEEE 754 has it, and the largest number in the
others, as networks want it (the saturating mode of OCP's fp8). An infinity stays one where there is one.

Sources: IEEE 754-2019, section 3.4; "OCP 8-bit floating point specification (OFP8)", revision 1.0, tables 1 and 2.

>>> Minifloat(3, 2).rounded(np.array([0.3, 100.0, -1.1])).tolist()
[0.3125, 14.0, -1.0]
>>> Native("bf16").encode(np.array([1.0, -2.0])).tolist()
[16256, 49152]
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, UInt

from sarto.core.bits.format import Format
from sarto.core.bits.sticky import odd_float32
from sarto.core.errors import SartoError

NATIVE = {"fp32": 32, "fp16": 16, "bf16": 16, "fp8_e5m2": 8, "fp8_e4m3": 8}
LARGEST = {"fp8_e5m2": 57344.0, "fp8_e4m3": 448.0}


class Native(Format):
    """A format that NumPy, or ml_dtypes beside it, has as a type."""

    def __init__(self, name: str) -> None:
        self.name, self.width = name, NATIVE[name]

    @property
    def _type(self) -> np.dtype[np.generic]:
        if self.name in ("fp32", "fp16"):
            return np.dtype(np.float32 if self.name == "fp32" else np.float16)
        import ml_dtypes  # only where it is used

        types = {
            "bf16": ml_dtypes.bfloat16,
            "fp8_e5m2": ml_dtypes.float8_e5m2,
            "fp8_e4m3": ml_dtypes.float8_e4m3fn,
        }
        return np.dtype(types[self.name])

    def encode(self, values: Float[np.ndarray, "*shape"]) -> UInt[np.ndarray, "*shape"]:
        """Return the patterns of numbers."""
        found = values if self.name == "fp32" else odd_float32(values)
        if self.name in LARGEST:
            largest = LARGEST[self.name]
            bounded = np.clip(found, -largest, largest)
            found = np.where(np.isinf(found), found, bounded) if self.name == "fp8_e5m2" else bounded
        with np.errstate(over="ignore", under="ignore"):
            return found.astype(self._type).view(self.word)

    def decode(self, patterns: UInt[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Return the numbers of patterns."""
        return patterns.astype(self.word, copy=False).view(self._type).astype(np.float32)


class Minifloat(Format):
    """A float of `e` bits of exponent and `m` bits of fraction, by arithmetic.

    Raises:
        SartoError: E144, when e is not 2 to 8, m not 1 to 21.
    """

    def __init__(self, e: int, m: int) -> None:
        if not 2 <= e <= 8 or not 1 <= m <= 21:
            raise SartoError(
                "E144",
                f"minifloat({e},{m})",
                cause="an exponent has 2 to 8 bits, a fraction 1 to 21",
                hint="fp32 has 8 and 23 bits",
            )
        self.name, self.width = f"minifloat({e},{m})", 1 + e + m
        self.e, self.m = e, m
        self._least = 2 - 2 ** (e - 1)  # exponent of the least normal number, 1 - b
        self._infinity = (2**e - 1) << m

    def encode(self, values: Float[np.ndarray, "*shape"]) -> UInt[np.ndarray, "*shape"]:
        """Return the patterns of numbers."""
        x = np.abs(values.astype(np.float64))
        finite = np.where(np.isfinite(x), x, 1.0)
        exponent = np.where(finite > 0, np.maximum(np.frexp(finite)[1] - 1, self._least), self._least)
        steps = np.rint(np.ldexp(finite, self.m - exponent))  # ties to even
        # a step that reaches 2^(m+1) carries into the exponent, one of 2^m out of the subnormal numbers
        found = (np.asarray(exponent - self._least, np.int64) << self.m) + steps.astype(np.int64)
        found = np.minimum(found, self._infinity - 1)
        found = np.where(np.isinf(x), self._infinity, found)
        found = np.where(np.isnan(x), self._infinity | 1 << (self.m - 1), found)
        sign = np.signbit(values).astype(np.int64) << (self.width - 1)
        return (found | sign).astype(self.word)

    def decode(self, patterns: UInt[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Return the numbers of patterns."""
        p = patterns.astype(np.int64)
        fraction, field = p & (2**self.m - 1), p >> self.m & (2**self.e - 1)
        steps = np.where(field > 0, fraction + 2**self.m, fraction).astype(np.float64)
        found = np.ldexp(steps, np.maximum(field, 1) - 1 + self._least - self.m)
        found = np.where(field == 2**self.e - 1, np.where(fraction > 0, np.nan, np.inf), found)
        return np.where(p >> (self.width - 1) & 1, -found, found).astype(np.float32)
