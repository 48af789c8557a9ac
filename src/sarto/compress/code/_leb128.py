"""Whole numbers in LEB128: seven bits to a byte, the lowest first, the eighth set while more follow.

Source: DWARF 5, section 7.6.

>>> encoded(300).hex(), decoded(bytes.fromhex("ac02ff"), 0, 63)
('ac02', (300, 2))
"""

from __future__ import annotations


def encoded(number: int) -> bytes:
    """Return the bytes of a number of at least 0."""
    assert number >= 0
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes([*out, number])


def decoded(data: bytes, at: int, most_bits: int) -> tuple[int, int]:
    """Return the number at place `at`, and where the next one starts.

    Raises:
        ValueError: with the cause, when the bytes end too early or the number takes more than `most_bits`, a multiple
            of 7.
    """
    number = 0
    for shift in range(0, most_bits, 7):
        if at >= len(data):
            raise ValueError("the bytes end within a number")
        byte, at = data[at], at + 1
        number |= (byte & 127) << shift
        if byte < 128:
            return number, at
    raise ValueError(f"a number has more than {most_bits} bits")
