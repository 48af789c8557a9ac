"""Bit by bit: a writer and a reader of fixed fields and exponential Golomb codes, most significant bit first.

The exponential Golomb code of order `o` writes `x >= 0` as `y = x + 2^o` in `b = bits(y)` bits after `b - 1 - o`
zeros, that is in `2 b - 1 - o` bits; signed numbers go through `zigzag`: 0, -1, 1, -2, ... become 0, 1, 2, 3, ...

Source: Elias, "Universal codeword sets and representations of the integers", IEEE Trans. Inf. Theory 21, 1975 (the
gamma code, which is order 0 of `x + 1`); Teuhola, "A compression method for clustered bit-vectors", Inf. Proc.
Letters 7, 1978.

>>> writer = BitWriter()
>>> writer.field(5, 3)
>>> writer.golomb(3)
>>> writer.data().hex(), golomb_bits(3)
('a4', 5)
>>> reader = BitReader(bytes.fromhex("a4"))
>>> reader.field(3), reader.golomb(), reader.end()
(5, 3, 1)
"""

from __future__ import annotations

from sarto.compress.code._coded import damaged

LONGEST = 40
"""Zeros before an exponential Golomb code that a reader accepts: no number that is written needs more."""


class BitWriter:
    """Collects bits."""

    def __init__(self) -> None:
        self._value = 0
        self._count = 0
        self._whole = bytearray()

    def field(self, value: int, bits: int) -> None:
        """Write `value` in `bits` bits."""
        assert 0 <= value < 1 << bits
        self._value = self._value << bits | value
        self._count += bits
        if self._count >= 512:
            keep = self._count % 8
            self._whole += (self._value >> keep).to_bytes(self._count // 8, "big")
            self._value &= (1 << keep) - 1
            self._count = keep

    def golomb(self, value: int, order: int = 0) -> None:
        """Write `value` in an exponential Golomb code."""
        shifted = value + (1 << order)
        self.field(shifted, 2 * shifted.bit_length() - 1 - order)

    def data(self) -> bytes:
        """Return the bits in whole bytes, filled with zeros."""
        fill = -self._count % 8
        return bytes(self._whole) + (self._value << fill).to_bytes((self._count + fill) // 8, "big")


class BitReader:
    """Reads what a `BitWriter` wrote; every fault is an error."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def field(self, bits: int) -> int:
        """Read a field of `bits` bits."""
        start, end = self._at, self._at + bits
        if end > 8 * len(self._data):
            raise damaged("the bytes end within the tables")
        self._at = end
        word = int.from_bytes(self._data[start // 8 : (end + 7) // 8], "big")
        return word >> -end % 8 & ((1 << bits) - 1)

    def golomb(self, order: int = 0) -> int:
        """Read an exponential Golomb code."""
        zeros = 0
        while not self.field(1):
            zeros += 1
            if zeros > LONGEST:
                raise damaged("a number in the tables is too long")
        return (1 << zeros + order | self.field(zeros + order)) - (1 << order)

    def end(self) -> int:
        """Return how many bytes the tables take; what fills the last one must be zeros."""
        if self.field(-self._at % 8):
            raise damaged("the tables do not end in zeros")
        return self._at // 8


def golomb_bits(value: int, order: int = 0) -> int:
    """Return how many bits the exponential Golomb code of `value` takes."""
    return 2 * (value + (1 << order)).bit_length() - 1 - order


def zigzag(value: int) -> int:
    """Return the place of a signed number in 0, -1, 1, -2, 2, ..."""
    return 2 * value if value >= 0 else -2 * value - 1


def unzigzag(place: int) -> int:
    """Return the signed number at a place of 0, -1, 1, -2, 2, ..."""
    return -(place + 1) // 2 if place % 2 else place // 2
