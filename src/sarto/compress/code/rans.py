"""rANS: each symbol costs `k - log2 f` bits of one integer state, with integer frequencies that are stored.

The decoder works on unsigned 32-bit numbers and needs no division. With `k`, `f` and the starts `c` of `_frequencies`
and the slots `s(r)`, the symbol with `c_s <= r < c_s + f_s`, it begins with the state `x = 0` and for each symbol
does

    while x < 2^23 and bytes are left:  x = 256 x + next byte
    r = x mod 2^k;   s = s(r);   x = f_s (x >> k) + r - c_s

All numbers stay below `2^31`. At the end `x` is 0 and no byte is left, which is checked. The encoder takes the
symbols from the last to the first, and writes bytes from the last to the first:

    while x >= f_s 2^(31-k):  write x mod 256, x = x >> 8
    x = (x div f_s) 2^k + x mod f_s + c_s

Starting at 0 instead of at `2^23`, and reading the state in by the same loop as all bytes, spares the bytes of a
state: only the first symbol from the end that is not the most frequent one costs `k` bits instead of `k - log2 f`.

Tables, most significant bit first: a kind in 2 bits (0: one symbol only, which follows; 1: all symbols equally
frequent, `f_s = floor((s+1) 2^k / A) - floor(s 2^k / A)` with `k = bits(A - 1)` if A is a power of two and else 6 more,
at most 16; 2: the frequencies follow); then for kinds 1 and 2 the logarithm of the lanes in an Elias gamma code of it
plus 1 and, when there are several, the lengths of their streams: an order in 5 bits, then each in an exponential
Golomb code of that order, the first in itself and the others as changes in zigzag. Lanes (`_lanes`) only make large
arrays fast in Python; there is one up to 32 KiB of values.

Source: Duda, "Asymmetric numeral systems", arXiv 1311.2540; Giesen, "Interleaved entropy coders", arXiv 1402.3392
(bytewise states).

>>> import numpy as np
>>> weights = np.array([[0, 0, 3, 0], [0, 1, 0, 0], [0, 0, 0, 2]])
>>> coded = encode(weights, 4)
>>> len(coded.tables), len(coded.values)
(1, 3)
>>> bool((decode(coded.data, (3, 4), 4) == weights).all())
True
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from jaxtyping import Int, Integer, UInt

from sarto.compress.code._bits import BitReader, BitWriter, golomb_bits, unzigzag, zigzag
from sarto.compress.code._coded import Coded, check_shape, checked, constant, container, damaged
from sarto.compress.code._frequencies import (
    MOST_BITS,
    Frequencies,
    fitted,
    read_frequencies,
    write_frequencies,
)
from sarto.compress.code._lanes import LOW, decode_lanes, encode_lanes, slot_symbols

ONE, FLAT, TABLE = 0, 1, 2
FLAT_BITS = 6
"""Bits of equal frequencies beyond those of the alphabet: they then differ by less than a 64th."""
LANE_B = 512
"""Bytes of values for each lane: a lane costs about two."""
FIRST_LANES_B = 1 << 15
"""Bytes of values from which on there are lanes: below, a plain loop is as fast."""


def encode(symbols: Integer[np.ndarray, "..."], alphabet: int) -> Coded:
    """Return `symbols`, each in `[0, alphabet)`, as bytes.

    Raises:
        SartoError: E116, when a symbol is outside of the alphabet, or the array is neither a vector nor a matrix.
    """
    flat = checked(symbols, alphabet).ravel()
    if not flat.size or alphabet == 1:
        return Coded(b"", b"")
    counts = np.bincount(flat, minlength=alphabet)
    writer = BitWriter()
    if np.count_nonzero(counts) == 1:
        writer.field(ONE, 2)
        writer.field(int(flat[0]), (alphabet - 1).bit_length())
        return Coded(writer.data(), b"")
    kind, table = _shortest(counts, writer)
    lanes = _lanes(table.cost_bits(counts) / 8, flat.size)
    if lanes == 1:
        writer.golomb(0)
        return Coded(writer.data(), _encode_one(flat.tolist(), table))
    streams = encode_lanes(flat, table, lanes)
    assert kind in (FLAT, TABLE)
    _write_lengths(writer, [len(stream) for stream in streams])
    return Coded(writer.data(), np.concatenate(streams).tobytes())


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
    kind = reader.field(2)
    if kind == ONE:
        symbol = reader.field((alphabet - 1).bit_length())
        if reader.end() != len(data) or symbol >= alphabet:
            raise damaged("bytes follow an array of one symbol, or the symbol is outside of the alphabet")
        return constant(shape, alphabet, symbol)
    table = _read_table(reader, kind, alphabet)
    lengths = _read_lengths(reader, count)
    values = data[reader.end() :]
    if lengths is None:
        found = _decode_one(values, table, count)
    elif int(lengths.sum()) != len(values):
        raise damaged("the lanes have other lengths than the bytes")
    else:
        found = decode_lanes(np.frombuffer(values, np.uint8), lengths, table, count)
    return found.astype(container(alphabet)).reshape(shape)


def parts(data: bytes, shape: tuple[int, ...], alphabet: int) -> Coded:
    """Return the bytes of `encode` as tables and values.

    Raises:
        SartoError: as `decode`, where the tables show it.
    """
    count = check_shape(shape, alphabet)
    if not count or alphabet == 1:
        return Coded(data, b"")
    reader = BitReader(data)
    kind = reader.field(2)
    if kind == ONE:
        reader.field((alphabet - 1).bit_length())
    else:
        _read_table(reader, kind, alphabet)
        _read_lengths(reader, count)
    return Coded(data[: reader.end()], data[reader.end() :])


def _shortest(counts: Int[np.ndarray, " symbol"], writer: BitWriter) -> tuple[int, Frequencies]:
    """Write the table, or that all symbols are equally frequent, whichever makes less bytes in all."""
    flat, made = _flat(len(counts)), fitted(counts)
    trial = BitWriter()
    write_frequencies(trial, made)
    if made.cost_bits(counts) + 8 * len(trial.data()) < flat.cost_bits(counts):
        writer.field(TABLE, 2)
        write_frequencies(writer, made)
        return TABLE, made
    writer.field(FLAT, 2)
    return FLAT, flat


def _flat(alphabet: int) -> Frequencies:
    bits = (alphabet - 1).bit_length()
    if alphabet != 1 << bits:
        bits = min(bits + FLAT_BITS, MOST_BITS)
    bounds = (np.arange(alphabet + 1) << bits) // alphabet
    return Frequencies(bits, np.diff(bounds), 0, 0)


def _read_table(reader: BitReader, kind: int, alphabet: int) -> Frequencies:
    if kind == FLAT:
        return _flat(alphabet)
    if kind == TABLE:
        return read_frequencies(reader, alphabet)
    raise damaged(f"there is no kind {kind} of table")


def _lanes(size_b: float, count: int) -> int:
    """Return the number of lanes, a power of two."""
    if size_b < FIRST_LANES_B:
        return 1
    return 1 << (min(int(size_b) // LANE_B, count).bit_length() - 1)


def _write_lengths(writer: BitWriter, lengths: list[int]) -> None:
    writer.golomb(len(lengths).bit_length() - 1)
    numbers = [lengths[0], *(zigzag(b - a) for a, b in pairwise(lengths))]
    order = min(range(32), key=lambda o: sum(golomb_bits(x, o) for x in numbers))
    writer.field(order, 5)
    for number in numbers:
        writer.golomb(number, order)


def _read_lengths(reader: BitReader, count: int) -> Int[np.ndarray, " lane"] | None:
    """Return the lengths of the lanes' streams; None for a single lane."""
    logarithm = reader.golomb()
    if logarithm == 0:
        return None
    if logarithm > 20 or 1 << logarithm > count:
        raise damaged("there are more lanes than symbols")
    order = reader.field(5)
    lengths = [reader.golomb(order)]
    for _ in range((1 << logarithm) - 1):
        lengths.append(lengths[-1] + unzigzag(reader.golomb(order)))
    if min(lengths) < 0 or max(lengths) > 4 * count:
        raise damaged("a lane has an impossible length")
    return np.array(lengths)


def _encode_one(symbols: list[int], table: Frequencies) -> bytes:
    """Return the values of one lane."""
    k, most = table.bits, table.most
    f: list[int] = table.of.tolist()
    starts: list[int] = table.starts.tolist()
    limits = [frequency << (31 - k) for frequency in f]
    frequent, limit = f[most], limits[most]
    x = 0
    out = bytearray()
    for symbol in reversed(symbols):
        if symbol == most:  # starts at 0
            while x >= limit:
                out.append(x & 255)
                x >>= 8
            x = (x // frequent << k) + x % frequent
        else:
            while x >= limits[symbol]:
                out.append(x & 255)
                x >>= 8
            x = (x // f[symbol] << k) + x % f[symbol] + starts[symbol]
    while x:
        out.append(x & 255)
        x >>= 8
    return bytes(reversed(out))


def _decode_one(data: bytes, table: Frequencies, count: int) -> UInt[np.ndarray, " n"]:
    """Return the symbols of one lane."""
    k, most = table.bits, table.most
    f: list[int] = table.of.tolist()
    starts: list[int] = table.starts.tolist()
    slots: list[int] = slot_symbols(table).tolist()
    frequent, mask, low = f[most], (1 << k) - 1, LOW
    out = np.full(count, most, np.uint16)
    x = at = 0
    end = len(data)
    for i in range(count):
        while x < low and at < end:
            x = x << 8 | data[at]
            at += 1
        r = x & mask
        if r < frequent:
            x = frequent * (x >> k) + r
        else:
            out[i] = symbol = slots[r]
            x = f[symbol] * (x >> k) + r - starts[symbol]
    if x or at != end:
        raise damaged("the decoder does not come to rest where the encoder started")
    return out
