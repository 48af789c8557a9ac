"""Huffman codes as in Deep Compression: of the values, and of the gaps between them where most symbols are 0.

Values and gaps have a canonical code each, of at most 15 bits (16 where more than 2^15 symbols occur). The number of
bits of a gap, 1 to 15, is the one that makes all bytes the fewest, as is the choice between gaps and values and plain
symbols; `encode(..., gap_bits=5)` fixes it, as the paper does.

A decoder takes 16 bits of the stream, looks the symbol up, and goes on by the length of its code. Entries are gap,
value, gap, value, ...

Tables, most significant bit first: the bits of a gap in 4 bits (0: plain symbols); for gaps the number of entries in
an exponential Golomb code of order 8, and the lengths of the gaps' codes; the lengths of the values' codes. Lengths
are written as `_classes` says, their changes from `bits(number of symbols)`; a code of one symbol has none and takes
no bits.

Source: Han, Mao and Dally, "Deep Compression", ICLR 2016, arXiv 1510.00149, section 4; Huffman, "A method for the
construction of minimum-redundancy codes", Proc. IRE 40, 1952.

>>> import numpy as np
>>> weights = np.array([[0, 0, 3, 0], [0, 1, 0, 0], [0, 0, 0, 2]])
>>> coded = encode(weights, 4)
>>> len(coded.tables), len(coded.values)
(3, 3)
>>> bool((decode(coded.data, (3, 4), 4) == weights).all())
True
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, Integer, UInt

from sarto.compress.code._bits import BitReader, BitWriter
from sarto.compress.code._coded import Coded, check_shape, checked, constant, container, damaged
from sarto.compress.code._prefix import (
    code_lengths,
    codes,
    pack,
    read_lengths,
    window_symbols,
    windows,
    write_lengths,
)
from sarto.compress.relative_index import relative_index
from sarto.core.errors import SartoError

LIMIT = 15
MOST_GAP_BITS = 15
ORDER = 8
"""Order of the exponential Golomb code of the number of entries."""
TRIED = 5
"""Numbers of bits of a gap that are tried, from that of the mean gap on."""


def encode(symbols: Integer[np.ndarray, "..."], alphabet: int, gap_bits: int | None = None) -> Coded:
    """Return `symbols`, each in `[0, alphabet)`, as bytes.

    Args:
        symbols: a vector or a matrix.
        alphabet: number of symbols.
        gap_bits: bits of a gap, 1 to 15; 0 for plain symbols, None for what takes the fewest bytes.

    Raises:
        SartoError: E116, when a symbol is outside of the alphabet, the array is neither a vector nor a matrix, or
            `gap_bits` is out of range.
    """
    flat = checked(symbols, alphabet).ravel()
    if gap_bits is not None and not 0 <= gap_bits <= MOST_GAP_BITS:
        raise SartoError(
            "E116",
            f"gap_bits = {gap_bits}",
            cause=f"a gap has 1 to {MOST_GAP_BITS} bits; 0 is for plain symbols",
        )
    if not flat.size or alphabet == 1:
        return Coded(b"", b"")
    if gap_bits is None:
        made = [_encode(flat, alphabet, bits) for bits in _tried(flat)]
        return min(made, key=lambda coded: len(coded.data))
    return _encode(flat, alphabet, gap_bits)


def decode(data: bytes, shape: tuple[int, ...], alphabet: int) -> UInt[np.ndarray, "..."]:
    """Return the symbols that `encode` took, in an array of `shape`.

    Raises:
        SartoError: E121, when the bytes are not those of such an array; E116, when there is no such array.
    """
    count = check_shape(shape, alphabet)
    if not count or alphabet == 1:
        if data:
            raise damaged("there are bytes, and nothing to decode")
        return constant(shape, alphabet)
    reader = BitReader(data)
    bits, entries, tables = _read_tables(reader, count, alphabet)
    found = _walk(data[reader.end() :], entries, tables)
    if bits == 0:
        return found[0].astype(container(alphabet)).reshape(shape)
    places = np.cumsum(found[0].astype(np.int64) + 1) - 1
    if len(places) and places[-1] >= count:
        raise damaged("a value lies behind the end of the array")
    out = constant((count,), alphabet)
    out[places] = found[1]
    return out.reshape(shape)


def parts(data: bytes, shape: tuple[int, ...], alphabet: int) -> Coded:
    """Return the bytes of `encode` as tables and values.

    Raises:
        SartoError: as `decode`, where the tables show it.
    """
    count = check_shape(shape, alphabet)
    if not count or alphabet == 1:
        return Coded(data, b"")
    reader = BitReader(data)
    _read_tables(reader, count, alphabet)
    return Coded(data[: reader.end()], data[reader.end() :])


Table = tuple[Int[np.ndarray, " _"], int]
"""Lengths of codes, and the symbol that is the only one or else -1."""


def _tried(flat: Integer[np.ndarray, " n"]) -> list[int]:
    values = int(np.count_nonzero(flat))
    if 2 * values > flat.size:
        return [0]
    first = max(1, (flat.size // max(values, 1) - 1).bit_length())
    return [0, *range(min(first, MOST_GAP_BITS), min(first + TRIED, MOST_GAP_BITS + 1))]


def _encode(flat: Integer[np.ndarray, " n"], alphabet: int, bits: int) -> Coded:
    writer = BitWriter()
    writer.field(bits, 4)
    streams = [flat.astype(np.int64)]
    if bits:
        gaps, values = relative_index(flat, bits)
        streams = [gaps - 1, values]
        writer.golomb(len(gaps), ORDER)
        if not len(gaps):
            return Coded(writer.data(), b"")
    pieces = [_code(writer, s, 1 << bits if bits and i == 0 else alphabet) for i, s in enumerate(streams)]
    coded, lengths = (np.stack([piece[which] for piece in pieces], axis=1).ravel() for which in (0, 1))
    return Coded(writer.data(), pack(coded, lengths))


def _code(
    writer: BitWriter, stream: Int[np.ndarray, " n"], alphabet: int
) -> tuple[Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Write the code of a stream, and return the code and its length for each of its symbols."""
    counts = np.bincount(stream, minlength=alphabet)
    lengths = code_lengths(counts, LIMIT if np.count_nonzero(counts) <= 1 << LIMIT else LIMIT + 1)
    write_lengths(writer, lengths, (counts > 0).tolist())
    return codes(lengths)[stream], lengths[stream]


def _read_tables(reader: BitReader, count: int, alphabet: int) -> tuple[int, int, list[Table]]:
    """Return the bits of a gap, the number of entries, and their codes."""
    bits = reader.field(4)
    if bits == 0:
        return 0, count, [read_lengths(reader, alphabet)]
    entries = reader.golomb(ORDER)
    if entries > count:
        raise damaged("there are more values than places")
    if entries == 0:
        return bits, 0, [(np.zeros(1, np.int64), 0)] * 2
    return bits, entries, [read_lengths(reader, 1 << bits), read_lengths(reader, alphabet)]


def _walk(data: bytes, entries: int, tables: list[Table]) -> list[UInt[np.ndarray, " entry"]]:
    """Return the symbols of each code, which follow each other in turn."""
    window = windows(data)
    lookups = [None if only >= 0 else window_symbols(lengths) for lengths, only in tables]
    steps = [
        bytes(len(window) + 1) if lookup is None else lengths[lookup[window]].astype(np.uint8).tobytes()
        for (lengths, _), lookup in zip(tables, lookups, strict=True)
    ]
    turns = len(tables)
    starts = np.empty(entries * turns, np.int64)
    at = 0
    try:
        if turns == 1:
            for i in range(entries):
                starts[i] = at
                at += steps[0][at]
        else:
            for i in range(0, 2 * entries, 2):
                starts[i] = at
                at += steps[0][at]
                starts[i + 1] = at
                at += steps[1][at]
    except IndexError:
        raise damaged("the bytes end before the last value") from None
    if (at + 7) // 8 != len(data) or (at % 8 and data[-1] & ((1 << (-at % 8)) - 1)):
        raise damaged("bytes are left after the last value")
    return [
        np.full(entries, only, np.uint16) if lookup is None else lookup[window[starts[turn::turns]]]
        for turn, ((_, only), lookup) in enumerate(zip(tables, lookups, strict=True))
    ]
