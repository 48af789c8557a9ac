"""Posits of any size from 3 to 32 bits: by tables up to 16, by integer arithmetic above.

A posit(n, es) is a sign, a regime (a run of r equal bits and the bit that ends it), es bits of exponent e and what is
left as the fraction f, all of them of the two's complement if the sign is set; bits beyond the end are 0:

    v = (-1)^s 2^(k 2^es + e) (1 + f),      k = r - 1 for a run of ones, -r for one of zeros,
    0...0 = 0,      10...0 = NaR (not a real).

Rounding is to the nearest *pattern*: the number is written with as many bits as it needs, cut off after n, and rounded
there, ties to even. What is beyond the largest or the least posit becomes that, never NaR and never 0. NaN and the
infinities become NaR; NaR decodes to NaN. The size of the exponent is always said: it is 2 in the Posit Standard (2022)
and 0, 1, 2 for 8, 16, 32 bits in SoftPosit.

Tables (n <= 16): patterns decode by looking them up. Of a float32's fraction a rounding depends on the first
n - 2 - es bits, and on whether any bit below is set (the sticky bit). Sign, exponent and these bits are the index of a
table of patterns, which is made once, by the arithmetic, when it is first needed: 64 KiB for (8,0), 16 MiB for (16,1).

Source: Gustafson and Yonemoto, "Beating floating point at its own game: posit arithmetic", Supercomputing Frontiers and
Innovations 4(2), 2017, section 2; Posit Working Group, "Standard for posit arithmetic (2022)", sections 3 and 4.1.

>>> Posit(8, 0).encode(np.array([1.0, -0.75, 1e9, 1e-9, np.inf])).tolist()
[64, 208, 127, 1, 128]
>>> Posit(32, 2).decode(np.array([0x40000000, 0x80000000, 1], np.uint32)).tolist()
[1.0, nan, 7.52316384526264e-37]
"""

from __future__ import annotations

from functools import cache

import numpy as np
from jaxtyping import Float, Int64, Shaped, UInt, UInt32

from sarto.core.bits.format import Format
from sarto.core.bits.sticky import odd_float32
from sarto.core.errors import SartoError

TABLES_TO = 16
"""Bits up to which there are tables."""
BLOCK = 1 << 15
"""Numbers that are looked up at once: their indices stay in the processor's cache."""
_FRACTION = 52  # bits of a float64


class Posit(Format):
    """A posit of `n` bits, `es` of them for the exponent.

    Raises:
        SartoError: E144, when n is not 3 to 32 or es not 0 to 3.
    """

    def __init__(self, n: int, es: int) -> None:
        if not 3 <= n <= 32 or not 0 <= es <= 3:
            raise SartoError(
                "E144",
                f"posit({n},{es})",
                cause="a posit has 3 to 32 bits and an exponent of 0 to 3",
                hint="usual are posit(8,0), posit(16,1) and posit(32,2)",
            )
        self.name, self.width, self.n, self.es = f"posit({n},{es})", n, n, es

    def encode(self, values: Float[np.ndarray, "*shape"]) -> UInt[np.ndarray, "*shape"]:
        """Return the patterns of numbers."""
        if self.n > TABLES_TO:
            return posit_patterns(values.astype(np.float64, copy=False), self.n, self.es).astype(self.word)
        table, cut = _encoding(self.n, self.es)
        flat = np.ascontiguousarray(odd_float32(values)).view(np.uint32).reshape(-1)
        found = np.empty(flat.shape, self.word)
        low = np.uint32((1 << cut) - 1)
        for first in range(0, len(flat), BLOCK):
            block = flat[first : first + BLOCK]
            index = block & low
            index += low  # carries into bit `cut` if any of the low bits is set
            index |= block
            index >>= np.uint32(cut)
            np.take(table, index, out=found[first : first + BLOCK], mode="wrap")
        return found.reshape(values.shape)

    def decode(self, patterns: UInt[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Return the numbers of patterns."""
        if self.n > TABLES_TO:
            return posit_values(patterns.astype(np.int64), self.n, self.es)
        table = _decoding(self.n, self.es)
        flat = np.ascontiguousarray(patterns).reshape(-1)
        found = np.empty(flat.shape, np.float32)
        for first in range(0, len(flat), BLOCK):
            np.take(table, flat[first : first + BLOCK], out=found[first : first + BLOCK], mode="wrap")
        return found.reshape(patterns.shape)


def posit_patterns(values: Float[np.ndarray, "*shape"], n: int, es: int) -> Int64[np.ndarray, "*shape"]:
    """Return the patterns of float64 numbers, by integer arithmetic."""
    bits = np.abs(values).view(np.int64)
    scale = (bits >> _FRACTION) - 1023  # of subnormal numbers and 0 too small, which is as well
    k = np.clip(scale >> es, 1 - n, n - 2)
    tail = ((scale & ((1 << es) - 1)) << _FRACTION) | (bits & ((1 << _FRACTION) - 1))  # exponent and fraction
    regime = np.where(k >= 0, (2 << np.maximum(k, 0) + 1) - 2, 1)  # its bits as a number
    room = np.maximum(n - 1 - np.where(k >= 0, k + 2, 1 - k), 0)  # bits left after the regime
    cut = es + _FRACTION - room
    rest, half = tail & ((np.int64(1) << cut) - 1), np.int64(1) << (cut - 1)
    body = (regime << room) | (tail >> cut)
    body += (rest > half) | ((rest == half) & (body & 1 == 1))
    most = (1 << (n - 1)) - 1
    body = np.where(k >= n - 2, most, np.where(k <= 1 - n, 1, np.clip(body, 1, most)))
    body = np.where(values == 0, 0, np.where(values < 0, (1 << n) - body, body))
    return np.where(np.isfinite(values), body, 1 << (n - 1))


def posit_values(patterns: Int64[np.ndarray, "*shape"], n: int, es: int) -> Float[np.ndarray, "*shape"]:
    """Return the numbers of patterns as float64, by integer arithmetic."""
    p = patterns & ((1 << n) - 1)
    negative = p >> (n - 1) == 1
    body = np.where(negative, (1 << n) - p, p) & ((1 << (n - 1)) - 1)
    ones = body >> (n - 2) == 1
    # the run ends where the other bit first comes: the highest set bit of the body or of its complement
    other = np.where(ones, ~body & ((1 << (n - 1)) - 1), body)
    length = np.frexp(other.astype(np.float64))[1].astype(np.int64)  # bits from that one on
    run = n - 1 - length
    k = np.where(ones, run - 1, -run)
    room = np.maximum(length - 1, 0)
    tail = (body & ((np.int64(1) << room) - 1)) << (30 + es - room)  # exponent and 30 bits of fraction
    scale = k * (1 << es) + (tail >> 30)
    found = np.ldexp(((tail & ((1 << 30) - 1)) | (1 << 30)).astype(np.float64), scale - 30)
    found = np.where(negative, -found, found)
    return np.where(p == 0, 0.0, np.where(p == 1 << (n - 1), np.nan, found))


@cache
def _decoding(n: int, es: int) -> Float[np.ndarray, " pattern"]:
    """Return the number of each pattern."""
    return posit_values(np.arange(1 << n, dtype=np.int64), n, es).astype(np.float32)


@cache
def _encoding(n: int, es: int) -> tuple[Shaped[np.ndarray, " index"], int]:
    """Return the pattern of each index, and how many low bits of a float32 go into its last bit."""
    cut = 22 - max(n - 2 - es, 0)
    word = np.uint8 if n <= 8 else np.uint16
    keys = np.arange(1 << (32 - cut), dtype=np.uint32)
    table = np.empty(len(keys), word)
    for first in range(0, len(keys), BLOCK):
        table[first : first + BLOCK] = posit_patterns(_of(keys[first : first + BLOCK], cut), n, es)
    return table, cut


def _of(keys: UInt32[np.ndarray, " index"], cut: int) -> Float[np.ndarray, " index"]:
    """Return a number with these bits on top."""
    with np.errstate(invalid="ignore"):  # some are signalling NaNs
        return (keys << np.uint32(cut)).view(np.float32).astype(np.float64)
