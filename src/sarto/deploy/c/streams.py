"""Weights as streams that a device decodes while it runs a layer, row after row.

The first weight comes first, then in turn a gap and the value after it. A gap counts zeros, on through the ends of
rows, so that rows of zeros take nothing; the last gap reaches the end. What is `sparse` has a byte for each; what is
`coded` goes through rANS with 2^12 slots and a state of 32 bits, with one table for gaps and one for values, the same
for all rows. With the slots `c_s` to `c_s + f_s` of a symbol the decoder begins with `x = 0`, and for each symbol does

    while x < 2^16 and words are left:  x = 2^16 x + the next word of 16 bits
    r = x mod 2^12;   s = the symbol of slot r;   x = f_s floor(x / 2^12) + r - c_s

A gap `g < 4` is a class of its own; else with `b = bits(g) - 2` its class is `2 b + floor(g / 2^b)`, two for every
power of two, and `b` bits of the state follow: `g mod 2^b`. A longer gap than a class has gets a value 0 in between.

On LeNet-300-100 at 8 % of its weights, tables of gaps for each of four densities of rows or columns would save less
than 1 % before they are counted, and the contexts of `compress/code/context` take 5 % less, with a decision for each
place instead of two for each value.

Source: Duda, "Asymmetric numeral systems", arXiv 1311.2540; Deutsch, RFC 1951, 1996 (two classes of distances for
every power of two).

>>> weights = np.array([[0, 0, 3, 0], [0, 0, 0, 0], [0, 0, 0, -2]], np.int8)
>>> sparse(weights).stream.tolist()
[0, 1, 3, 8, 254, 0]
>>> found = coded(weights)
>>> found.gaps.tolist(), found.value.tolist(), len(found.stream)
([0, 1366, 2731, 2731, 2731, 2731, 2731, 4096], [-2, 0, 3], 2)
>>> decoded(found, (3, 4)).tolist() == weights.tolist()
True
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Integer, UInt8, UInt16

SLOT_BITS = 12
SLOTS = 1 << SLOT_BITS
NEAR_BITS = 7
"""A table of nearest symbols has one for each so many bits of slots."""
LOW, STATE_BITS = 1 << 16, 32
MOST_GAP = (1 << 18) - 1
"""Of the classes: no more than 16 bits follow one."""
MOST_BYTE = 255
POINTER_B = 4


@dataclass(frozen=True, eq=False)
class Sparse:
    """Pairs of bytes."""

    stream: UInt8[np.ndarray, " byte"]

    @property
    def size_b(self) -> int:
        """Bytes in flash."""
        return self.stream.nbytes + 2 * POINTER_B


@dataclass(frozen=True, eq=False)
class Coded:
    """A stream, where the slots of each class of gaps and of each value begin (and 2^12), and the values."""

    stream: UInt16[np.ndarray, " word"]
    gaps: Int[np.ndarray, " class_plus_1"]
    values: Int[np.ndarray, " value_plus_1"]
    value: Int[np.ndarray, " value"]

    @property
    def size_b(self) -> int:
        """Bytes in flash, with the tables of nearest symbols."""
        near = 2 * (SLOTS >> NEAR_BITS)
        tables = 2 * (len(self.gaps) + len(self.values)) + len(self.value) + near
        return self.stream.nbytes + tables + 7 * POINTER_B


def sparse(weights: Integer[np.ndarray, "row column"]) -> Sparse:
    """Return weights as pairs of bytes."""
    values, gaps = pairs(weights, MOST_BYTE)
    return Sparse(np.stack([values, gaps], axis=1).astype(np.uint8).reshape(-1))


def coded(weights: Integer[np.ndarray, "row column"]) -> Coded:
    """Return weights as one stream of rANS."""
    values, gaps = pairs(weights, MOST_GAP)
    bits = np.maximum(np.frexp(gaps)[1] - 2, 0)
    classes = 2 * bits + (gaps >> bits)
    value, symbols = np.unique(values, return_inverse=True)
    starts = [_starts(np.bincount(found)) for found in (classes, symbols)]
    steps: list[tuple[int, int, int]] = []
    for symbol, kind, gap, extra in np.stack([symbols, classes, gaps, bits], axis=1).tolist():
        steps += [_step(starts[1], symbol), _step(starts[0], kind)]
        if extra:
            steps.append((gap & ((1 << extra) - 1), 1, extra))
    return Coded(_encoded(steps), starts[0], starts[1], value)


def decoded(found: Coded | Sparse, shape: tuple[int, int]) -> Int[np.ndarray, "row column"]:
    """Return the weights of a stream: what `kernels/network_coded.c` and `network_sparse.c` do, in NumPy."""
    out = np.zeros(shape[0] * shape[1], np.int64)
    source = _Reader(found) if isinstance(found, Coded) else _Bytes(found)
    place = 0
    while place < len(out):
        out[place] = source.value()
        place += 1 + source.gap()
    return out.reshape(shape)


def near(starts: Int[np.ndarray, " symbol_plus_1"]) -> Int[np.ndarray, " place"]:
    """Return the symbol of the first of every 2^7 slots."""
    return np.searchsorted(starts, np.arange(0, SLOTS, 1 << NEAR_BITS), side="right") - 1


def pairs(
    weights: Integer[np.ndarray, "row column"], most: int
) -> tuple[Int[np.ndarray, " value"], Int[np.ndarray, " value"]]:
    """Return the values, the first number and fillers of 0 among them, and the gap of at most `most` after each."""
    flat = weights.reshape(-1).astype(np.int64)
    places = np.append(0, 1 + np.flatnonzero(flat[1:]))
    gaps = np.diff(places, append=len(flat)) - 1
    fillers = gaps // (most + 1)
    begins = np.append(0, np.cumsum(fillers + 1)[:-1])
    gap, value = (
        np.full(int((fillers + 1).sum()), most, np.int64),
        np.zeros(int((fillers + 1).sum()), np.int64),
    )
    gap[begins + fillers] = gaps - fillers * (most + 1)
    value[begins] = flat[places]
    return value, gap


def _starts(counts: Int[np.ndarray, " symbol"]) -> Int[np.ndarray, " symbol_plus_1"]:
    """Return where the slots of each symbol begin: as many as its share, but one at least where it occurs."""
    there = np.flatnonzero(counts)
    wanted = counts[there] * SLOTS / counts.sum()
    f = np.maximum(np.floor(wanted).astype(np.int64), 1)
    while (left := SLOTS - int(f.sum())) != 0:
        # The slot that saves most bits, or the one whose loss costs least.
        worth = (
            counts[there] * np.log2((f + 1) / f)
            if left > 0
            else -counts[there] * np.log2(f / np.maximum(f - 1, 0.5))
        )
        f[int(np.where((f > 1) | (left > 0), worth, -np.inf).argmax())] += 1 if left > 0 else -1
    whole = np.zeros(len(counts), np.int64)
    whole[there] = f
    return np.append(0, np.cumsum(whole))


def _step(starts: Int[np.ndarray, " symbol_plus_1"], symbol: int) -> tuple[int, int, int]:
    """Return the first slot of a symbol, how many it has, and the bits of all slots."""
    first = int(starts[symbol])
    return first, int(starts[symbol + 1]) - first, SLOT_BITS


def _encoded(steps: Sequence[tuple[int, int, int]]) -> UInt16[np.ndarray, " word"]:
    """Return the stream of symbols, from the last one to the first."""
    x, out = 0, list[int]()
    for first, f, bits in reversed(steps):
        while x >= f << (STATE_BITS - bits):
            out.append(x & 65535)
            x >>= 16
        x = (x // f << bits) + x % f + first
    while x:
        out.append(x & 65535)
        x >>= 16
    return np.array(out[::-1], np.uint16)


class _Reader:
    """What `network_coded.c` does."""

    def __init__(self, found: Coded) -> None:
        self.found, self.x, self.at = found, 0, 0

    def gap(self) -> int:
        """Return the next gap."""
        kind = self.symbol(self.found.gaps)
        if kind < 4:
            return kind
        bits = kind // 2 - 1
        self.fill()
        low = self.x & ((1 << bits) - 1)
        self.x >>= bits
        return (2 + kind % 2) << bits | low

    def value(self) -> int:
        """Return the next value."""
        return int(self.found.value[self.symbol(self.found.values)])

    def symbol(self, starts: Int[np.ndarray, " symbol_plus_1"]) -> int:
        """Return the next symbol of a table."""
        self.fill()
        slot = self.x % SLOTS
        found = int(np.searchsorted(starts, slot, side="right")) - 1
        first, f, bits = _step(starts, found)
        self.x = f * (self.x >> bits) + slot - first
        return found

    def fill(self) -> None:
        """Take words up to a whole state."""
        while self.x < LOW and self.at < len(self.found.stream):
            self.x = self.x << 16 | int(self.found.stream[self.at])
            self.at += 1


class _Bytes:
    """What `network_sparse.c` does."""

    def __init__(self, found: Sparse) -> None:
        self.left = iter(found.stream.tolist())

    def gap(self) -> int:
        """Return the next gap."""
        return next(self.left, MOST_BYTE)

    def value(self) -> int:
        """Return the next value."""
        byte = next(self.left, 0)
        return byte - 256 if byte > 127 else byte
