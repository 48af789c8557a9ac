"""Context coder: adaptive binary arithmetic coding of a sparse matrix, with contexts of column, row and neighbours.

`_sparse` says which decisions there are and in which context, `_range` how one is coded; both are integers only, and
the decoder learns what the encoder learned, so that there is no table but a few bytes: a density to start with, which
rows and columns are flagged as dead, the distance `L` of neighbours, the most frequent symbol `z` where that is not 0
(it takes the place of 0, and symbols below it go up by 1).

It is the shortest of the methods where the density varies by row or column, as in pruned layers; on independent
symbols it is as short as the entropy plus what learning costs. It takes about 1 s for a million pruned weights and 1
us for each bit of those that are left: for dense arrays of many millions `rans` is the one to take.

Bytes: a first one, with the exponent of the start density (15: all symbols are `z`) in its upper 4 bits and, from the
top down, whether rows are flagged, columns are, `z` is stored, `L` is; then `z` and `L - 2` in LEB128 numbers, where
stored. What follows is of the range coder.

Source: Wiedemann et al., "DeepCABAC: a universal compression algorithm for deep neural networks", IEEE J. Sel. Topics
Signal Process. 14, 2020; Witten, Neal and Cleary, "Arithmetic coding for data compression", Commun. ACM 30, 1987.

>>> import numpy as np
>>> rng = np.random.default_rng(0)
>>> density = np.linspace(0, 0.2, 100) ** 2
>>> weights = np.where(rng.random((100, 100)) < density, rng.integers(1, 4, (100, 100)), 0)
>>> coded = encode(weights, 4)
>>> len(coded.tables), len(coded.values)
(1, 146)
>>> bool((decode(coded.data, (100, 100), 4) == weights).all())
True
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int, Integer, UInt

from sarto.compress.code import _leb128
from sarto.compress.code._coded import Coded, check_shape, checked, constant, container, damaged
from sarto.compress.code._lag import best_lag
from sarto.compress.code._range import Decoder, Encoder
from sarto.compress.code._sparse import CONFIDENCE, Layout, code_matrix, starts

NOTHING = 15
"""The exponent that says that all symbols are the most frequent one."""
NUMBER_BITS = 21
"""Most bits of a stored number."""


def encode(symbols: Integer[np.ndarray, "..."], alphabet: int) -> Coded:
    """Return `symbols`, each in `[0, alphabet)`, as bytes.

    Raises:
        SartoError: E116, when a symbol is outside of the alphabet, or the array is neither a vector nor a matrix.
    """
    matrix = np.atleast_2d(checked(symbols, alphabet)).astype(np.int64)
    if not matrix.size or alphabet == 1:
        return Coded(b"", b"")
    most = int(np.bincount(matrix.ravel()).argmax())
    values = np.where(matrix == most, 0, matrix + (matrix < most))
    layout = _layout(values, alphabet)
    tables = _header(layout, most)
    if layout.density_exponent == NOTHING:
        return Coded(tables, b"")
    encoder = Encoder(starts(), CONFIDENCE)
    code_matrix(encoder, layout, values)
    return Coded(tables, encoder.data())


def decode(data: bytes, shape: tuple[int, ...], alphabet: int) -> UInt[np.ndarray, "..."]:
    """Return the symbols that `encode` took, in an array of `shape`.

    Raises:
        SartoError: E131, when the bytes are not those of such an array; E116, when there is no such array.
    """
    if not check_shape(shape, alphabet) or alphabet == 1:
        if data:
            raise damaged("there are bytes, and nothing to decode")
        return constant(shape, alphabet)
    layout, most, end = _read_header(data, shape, alphabet)
    if layout.density_exponent == NOTHING:
        if end != len(data):
            raise damaged("bytes follow an array of one symbol")
        return constant(shape, alphabet, most)
    decoder = Decoder(starts(), data[end:], CONFIDENCE)
    values = code_matrix(decoder, layout, None)
    decoder.close()
    symbols = np.where(values == 0, most, values - (values <= most))
    return symbols.astype(container(alphabet)).reshape(shape)


def parts(data: bytes, shape: tuple[int, ...], alphabet: int) -> Coded:
    """Return the bytes of `encode` as tables and values.

    Raises:
        SartoError: as `decode`, where the tables show it.
    """
    if not check_shape(shape, alphabet) or alphabet == 1:
        return Coded(data, b"")
    end = _read_header(data, shape, alphabet)[2]
    return Coded(data[:end], data[end:])


def _layout(values: Int[np.ndarray, "row column"], alphabet: int) -> Layout:
    """Return what is stored of a matrix whose most frequent symbol is 0."""
    rows, columns = values.shape
    there = values != 0
    total = int(np.count_nonzero(there))
    if not total:
        return Layout(rows, columns, alphabet, 2, NOTHING, False, False)
    density = total / there.size
    exponent = min(max(round(-np.log2(density)), 0), NOTHING - 1)
    return Layout(
        rows,
        columns,
        alphabet,
        best_lag(there.sum(axis=0)),
        exponent,
        _worth_flags(there.any(axis=1), columns, density),
        _worth_flags(there.any(axis=0), rows, density),
    )


def _worth_flags(alive: Bool[np.ndarray, " place"], across: int, density: float) -> bool:
    """Return whether flags cost less than the decisions that they spare."""
    dead = int(np.count_nonzero(~alive))
    if dead == 0:
        return False
    share = dead / len(alive)
    flags = -dead * np.log2(share) - (len(alive) - dead) * np.log2(max(1 - share, 1e-9))
    return bool(flags < -dead * across * np.log2(1 - min(density, 0.5)))


def _header(layout: Layout, most: int) -> bytes:
    flags = layout.flags_rows << 3 | layout.flags_columns << 2 | (most > 0) << 1 | (layout.lag > 2)
    numbers = [most] * (most > 0) + [layout.lag - 2] * (layout.lag > 2)
    return bytes([layout.density_exponent << 4 | flags]) + b"".join(map(_leb128.encoded, numbers))


def _read_header(data: bytes, shape: tuple[int, ...], alphabet: int) -> tuple[Layout, int, int]:
    """Return the layout, the most frequent symbol, and where the values start."""
    if not data:
        raise damaged("there are no bytes")
    rows, columns = (1, *shape)[-2:]
    at, most, lag = 1, 0, 2
    try:
        if data[0] >> 1 & 1:
            most, at = _leb128.decoded(data, at, NUMBER_BITS)
        if data[0] & 1:
            lag, at = _leb128.decoded(data, at, NUMBER_BITS)
            lag += 2
    except ValueError as error:
        raise damaged(str(error)) from error
    if most >= alphabet or lag > max(2, columns):
        raise damaged("the most frequent symbol or the distance of neighbours is impossible")
    flags = bool(data[0] >> 3 & 1), bool(data[0] >> 2 & 1)
    return Layout(rows, columns, alphabet, lag, data[0] >> 4, *flags), most, at
