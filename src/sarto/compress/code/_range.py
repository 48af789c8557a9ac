"""An adaptive binary range coder in integers: each decision is coded by what its context has learned.

A context holds the probability `p` of a 1, in units of `2^-22`, and how many decisions it has seen, `n <= 1023`. With
a range of 32 bits (`2^24 <= range` before each decision), and all numbers unsigned:

    bound = (range >> 16) * ((p >> 6) | 1)
    decoder: bit = code < bound;   if bit: range = bound;   else: code -= bound, range -= bound
    while range < 2^24:  range *= 256;  code = 256 code + next byte (0 after the last one)
    p += ((bit * 2^22 - p) * floor(2^17 / (2 n + 3))) >> 16   (64-bit, arithmetic shift);   n += 1 up to 1023

The decoder starts with `range = 2^32 - 1` and the first four bytes as `code`. The rate `1/(n + 1.5)` makes `p` the
relative frequency of a 1 at first, as an estimate from counts is, and an average over about the last thousand
decisions later. The encoder drops zero bytes at the end.

Source: Witten, Neal and Cleary, "Arithmetic coding for data compression", Commun. ACM 30, 1987 (adaptive arithmetic
coding); Martin, "Range encoding", 1979 (bytewise). The carry is added to the bytes that are written already.

>>> encoder = Encoder([Context.HALF])
>>> for bit in [0, 0, 0, 1, 0, 0, 0, 0]:
...     _ = encoder.code(0, bit)
>>> encoder.data().hex()
'a5'
>>> decoder = Decoder([Context.HALF], bytes.fromhex("a5"))
>>> [decoder.code(0) for _ in range(8)]
[0, 0, 0, 1, 0, 0, 0, 0]
"""

from __future__ import annotations

from collections.abc import Sequence

from sarto.compress.code._coded import damaged

FULL = (1 << 32) - 1
LEAST = 1 << 24


class Context:
    """What contexts are made of."""

    BITS = 22
    HALF = 1 << 21
    LIMIT = 1023
    RATES = tuple((1 << 17) // (2 * n + 3) for n in range(LIMIT + 1))


class Encoder:
    """Codes decisions into bytes; `starts` are the probabilities of the contexts before the first decision.

    `confidence` says as how many decisions a start counts.
    """

    def __init__(self, starts: Sequence[int], confidence: int = 0) -> None:
        self.probabilities = list(starts)
        self._n = [confidence] * len(self.probabilities)
        self._low = 0
        self._range = FULL
        self._out = bytearray()

    def code(self, context: int, bit: int) -> int:
        """Code `bit` in a context, and return it."""
        p, n = self.probabilities[context], self._n[context]
        bound = (self._range >> 16) * (p >> 6 | 1)
        if bit:
            size = bound
            self.probabilities[context] = p + (((1 << 22) - p) * Context.RATES[n] >> 16)
        else:
            size = self._range - bound
            self._low += bound
            if self._low > FULL:
                self._carry()
            self.probabilities[context] = p + (-p * Context.RATES[n] >> 16)
        if n < Context.LIMIT:
            self._n[context] = n + 1
        while size < LEAST:
            self._out.append(self._low >> 24)
            self._low = self._low << 8 & FULL
            size <<= 8
        self._range = size
        return bit

    def data(self) -> bytes:
        """Return the bytes; nothing can be coded afterwards."""
        self._low += LEAST - 1
        if self._low > FULL:
            self._carry()
        self._out.append(self._low >> 24)
        return bytes(self._out).rstrip(b"\0")

    def _carry(self) -> None:
        self._low &= FULL
        at = len(self._out) - 1
        while self._out[at] == 255:
            self._out[at] = 0
            at -= 1
        self._out[at] += 1


class Decoder:
    """Decodes what an `Encoder` with the same contexts wrote."""

    def __init__(self, starts: Sequence[int], data: bytes, confidence: int = 0) -> None:
        self._p = list(starts)
        self._n = [confidence] * len(self._p)
        self._range = FULL
        self._data = data
        self._at = 4
        self._code = int.from_bytes(data[:4].ljust(4, b"\0"), "big")
        if self._code == FULL or data[-1:] == b"\0":
            raise damaged("no encoder writes these values")

    def code(self, context: int, bit: int = 0) -> int:
        """Return the next decision; `bit` is only there so that a model calls both coders alike."""
        p, n = self._p[context], self._n[context]
        bound = (self._range >> 16) * (p >> 6 | 1)
        if self._code < bound:
            bit, size = 1, bound
            self._p[context] = p + (((1 << 22) - p) * Context.RATES[n] >> 16)
        else:
            bit, size = 0, self._range - bound
            self._code -= bound
            self._p[context] = p + (-p * Context.RATES[n] >> 16)
        if n < Context.LIMIT:
            self._n[context] = n + 1
        while size < LEAST:
            following = self._data[self._at] if self._at < len(self._data) else 0
            self._code = self._code << 8 | following
            self._at += 1
            size <<= 8
        self._range = size
        return bit

    def close(self) -> None:
        """Refuse bytes that an encoder would not have written after the last decision."""
        if len(self._data) > self._at - 3:
            raise damaged("bytes are left after the last value")
