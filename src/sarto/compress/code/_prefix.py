"""Canonical prefix codes of limited length: their lengths, their codes, and streams of them.

`code_lengths(counts, limit)` returns the lengths `l_s <= limit` of a prefix code that make `sum n_s l_s` least
(package-merge); 0 where a symbol does not occur, and where it is the only one. Codes are canonical: in order of
length, then of symbol, each is the one before plus 1, with zeros appended where the length grows, so that the lengths
alone say the code.

Source: Larmore and Hirschberg, "A fast algorithm for optimal length-limited Huffman codes", J. ACM 37, 1990; Schwartz
and Kallick, "Generating a canonical prefix encoding", Commun. ACM 7, 1964.

>>> import numpy as np
>>> lengths = code_lengths(np.array([8, 4, 2, 1, 1]), 15)
>>> lengths.tolist(), codes(lengths).tolist()
([1, 2, 3, 4, 4], [0, 2, 6, 14, 15])
>>> code_lengths(np.array([8, 4, 2, 1, 1]), 3).tolist()
[1, 3, 3, 3, 3]
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, UInt

from sarto.compress.code._bits import BitReader, BitWriter
from sarto.compress.code._classes import read_changes, read_presence, write_changes, write_presence
from sarto.compress.code._coded import damaged

LONGEST = 16


def code_lengths(counts: Int[np.ndarray, " symbol"], limit: int) -> Int[np.ndarray, " symbol"]:
    """Return the lengths of the best prefix code without one longer than `limit`."""
    lengths = np.zeros(len(counts), np.int64)
    there = np.flatnonzero(counts)
    if len(there) < 2:
        return lengths
    order = there[np.argsort(counts[there], kind="stable")]
    leaves = counts[order].astype(np.float64)  # sums below 2^53 are exact
    level = leaves
    is_leaf = [np.ones(len(leaves), bool)]
    for _ in range(limit - 1):
        pairs = len(level) // 2
        both = np.concatenate([leaves, level[0 : 2 * pairs : 2] + level[1 : 2 * pairs : 2]])
        sorting = np.argsort(both, kind="stable")
        level = both[sorting]
        is_leaf.append(sorting < len(leaves))
    wanted = 2 * len(leaves) - 2
    for flags in reversed(is_leaf):
        chosen = int(np.count_nonzero(flags[:wanted]))
        lengths[order[:chosen]] += 1
        wanted = 2 * (wanted - chosen)
    return lengths


def codes(lengths: Int[np.ndarray, " symbol"]) -> Int[np.ndarray, " symbol"]:
    """Return the canonical code of every symbol with a length."""
    out = np.zeros(len(lengths), np.int64)
    order = _canonical(lengths)
    steps = 1 << (LONGEST - lengths[order])
    out[order] = (np.cumsum(steps) - steps) >> (LONGEST - lengths[order])
    return out


def write_lengths(writer: BitWriter, lengths: Int[np.ndarray, " symbol"], there: list[bool]) -> None:
    """Write which symbols are `there`, and the lengths of their codes if there are several."""
    write_presence(writer, there)
    if sum(there) > 1:
        write_changes(writer, lengths[there].tolist(), sum(there).bit_length())


def read_lengths(reader: BitReader, alphabet: int) -> tuple[Int[np.ndarray, " symbol"], int]:
    """Return the lengths, and the symbol that is the only one or else -1; a code that is not complete is refused."""
    places = read_presence(reader, alphabet)
    lengths = np.zeros(alphabet, np.int64)
    if not places:
        raise damaged("a code has no symbols")
    if len(places) == 1:
        return lengths, places[0]
    lengths[places] = read_changes(reader, len(places), len(places).bit_length(), LONGEST)
    if int((1 << (LONGEST - lengths[places])).sum()) != 1 << LONGEST:
        raise damaged("the lengths of a code are not those of a prefix code")
    return lengths, -1


def pack(values: Int[np.ndarray, " code"], lengths: Int[np.ndarray, " code"]) -> bytes:
    """Return codes of up to 16 bits, one after the other, most significant bit first, filled with zeros."""
    ends = np.cumsum(lengths)
    total = int(ends[-1]) if len(ends) else 0
    if not total:
        return b""
    at = ends - lengths
    shifted = values.astype(np.uint64) << (64 - lengths - (at & 31)).astype(np.uint64)
    word = at >> 5
    firsts = np.flatnonzero(np.diff(word, prepend=-1))
    words = np.zeros(int(word[-1]) + 2, np.uint64)
    words[word[firsts]] |= np.bitwise_or.reduceat(shifted >> np.uint64(32), firsts)
    words[word[firsts] + 1] |= np.bitwise_or.reduceat(shifted & np.uint64(0xFFFFFFFF), firsts)
    return words.astype(">u4").tobytes()[: (total + 7) // 8]


def windows(data: bytes) -> UInt[np.ndarray, " bit"]:
    """Return the 16 bits from every bit on; zeros follow the last."""
    padded = np.frombuffer(data + b"\0\0", np.uint8).astype(np.uint32)
    three = padded[:-2] << 16 | padded[1:-1] << 8 | padded[2:]
    return (three[:, None] >> np.arange(8, 0, -1, dtype=np.uint32)).astype(np.uint16).ravel()


def window_symbols(lengths: Int[np.ndarray, " symbol"]) -> UInt[np.ndarray, " window"]:
    """Return the symbol of the code that each window of 16 bits starts with."""
    order = _canonical(lengths)
    return np.repeat(order, 1 << (LONGEST - lengths[order])).astype(np.uint16)


def _canonical(lengths: Int[np.ndarray, " symbol"]) -> Int[np.ndarray, " some"]:
    order = np.argsort(lengths, kind="stable")
    return order[lengths[order] > 0]
