"""The model of `context`: in which context each decision on a sparse matrix is coded, the same for encoder and decoder.

Values are 0 (pruned, or the most frequent symbol) or 1 to `A - 1`. First a flag for each row and each column says
whether it has a value at all; what is dead is skipped. Then, row by row, live position by live position, whether
there is a value, and which.

**Whether.** What decides most is how dense the column and the row are, and both are only known from what was coded so
far. For row number `i` (counted among the live ones) and column `j`, in units of `2^-20`,

    d_j = (2^20 S_j + K g) / (w_j i + K),        q = d_j (r + 2) / (E + 2)

`S_j = 4 c_j + 2 (c_{j-1} + c_{j+1} + c_{j-L} + c_{j+L}) + c_{j-L-1} + c_{j-L+1} + c_{j+L-1} + c_{j+L+1}`, the values
`c` that the column and its neighbours had in the rows before, `w_j` the same sum of ones for live columns, `g` the
density of the matrix so far and `K = 24` the weight of that; `r` the values in this row so far and `E` how many were
expected there, the sum of its `d`. So `q` is the density that column times row let expect. It is not used as a
probability: its magnitude in half octaves, with how many of the left, the `L`-th left and the upper neighbour have a
value (0, 1, more), is the context, whose probability adapts. All divisions are of integers and round down; with fewer
than `2^23` columns the numbers fit 64 bits. `L` is a stored distance: the width of an image whose pixels are the
inputs, the size of a kernel; 2 where none is better.

**Which.** The value `u = v - 1 + floor((2^b - A + 1) / 2)` in `b = bits(A - 2)` bits, most significant first. The
first, which is the sign where values are centred, has a context for the sum of the signs of the left and the `L`-th
left neighbour (negative, 0 or none, positive); the next seven one for each path of bits above them, all others one
each.

Source: Wiedemann et al., "DeepCABAC", IEEE J. Sel. Topics Signal Process. 14, 2020 (a significance flag with contexts
of its neighbours, sign and magnitude with contexts of their own, adaptive binary arithmetic coding). The density
context and the skipping are ours: on masks whose density varies by column and row, this one context did as well as a
logistic mixture of five.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain

import numpy as np
from jaxtyping import Bool, Int

from sarto.compress.code._coded import damaged
from sarto.compress.code._range import Context, Decoder, Encoder

Coder = Encoder | Decoder
UNIT = 1 << 20
PRIOR = 24
"""Weight of the density of the whole matrix in that of a column, in units of a quarter of a row."""
ROW_PRIOR = 2
START_ROWS = 8
"""Decisions that the stored density counts for in that of the matrix."""
CONFIDENCE = 8
"""Decisions that the start of a context counts for."""
BUCKETS = 32
TREE_BITS = 8
AT_ONCE = 1 << 14
"""Columns that are numbers of Python at once, each of which takes 32 bytes."""

ALIVE_ROW, ALIVE_COLUMN, TOP = 0, 4, 8
WHETHER = TOP + 3
TREE = WHETHER + 3 * BUCKETS
LOWER = TREE + (1 << TREE_BITS)


@dataclass(frozen=True)
class Layout:
    """What is stored of a matrix besides its decisions."""

    rows: int
    columns: int
    alphabet: int
    lag: int
    density_exponent: int
    flags_rows: bool
    flags_columns: bool


def starts() -> list[int]:
    """Return the first probabilities of all contexts, in units of `2^-22`."""
    halves = [Context.HALF] * (LOWER + 16)
    for bucket in range(BUCKETS):
        size, half = divmod(bucket, 2)
        # The middle of the densities from (2 + half) 2^(size+3) to (3 + half) 2^(size+3).
        halves[WHETHER + 3 * bucket : WHETHER + 3 * bucket + 3] = [(5 + 2 * half) << (size + 2) << 2] * 3
    return halves


def code_matrix(
    coder: Coder, layout: Layout, known: Int[np.ndarray, "row column"] | None
) -> Int[np.ndarray, "row column"]:
    """Code the values of a matrix, and return them; a decoder knows none.

    Raises:
        SartoError: E131, when the decisions lead outside of the alphabet.
    """
    there = None if known is None else known != 0
    rows, columns = (
        _alive(coder, flagged, size, (context, lag), None if there is None else there.any(axis=axis))
        for flagged, size, context, lag, axis in (
            (layout.flags_rows, layout.rows, ALIVE_ROW, 1, 1),
            (layout.flags_columns, layout.columns, ALIVE_COLUMN, layout.lag, 0),
        )
    )
    out = np.zeros((layout.rows, layout.columns), np.int64)
    lag, margin = layout.lag, layout.lag + 1
    weights = smoothed(columns.astype(np.int64), lag)[columns]
    live = np.flatnonzero(columns)
    counts = np.zeros(layout.columns, np.int64)
    upper = [0] * (layout.columns + margin)
    seen = values = 0
    first = START_ROWS << 20 >> layout.density_exponent
    for i, row in enumerate(np.flatnonzero(rows).tolist()):
        overall = ((values << 20) + first) // (seen + START_ROWS)
        density = ((smoothed(counts, lag)[columns] << 20) + PRIOR * overall) // (weights * i + PRIOR)
        wanted: list[int] | None = None if known is None else known[row].tolist()
        line = _row(coder, layout, (live, density), upper, wanted)
        upper = line
        out[row] = line[margin:]
        found = out[row] != 0
        counts += found
        values += int(np.count_nonzero(found))
        seen += len(live)
    return out


def smoothed(counts: Int[np.ndarray, " column"], lag: int) -> Int[np.ndarray, " column"]:
    """Return the sums `S` of the columns' counts and those of their neighbours; there are none beyond the edges."""
    size, margin = len(counts), lag + 1
    wide = np.zeros(size + 2 * margin, np.int64)
    wide[margin : margin + size] = counts
    total = 4 * counts
    for offset, weight in ((1, 2), (lag, 2), (lag - 1, 1), (lag + 1, 1)):
        right, left = margin + offset, margin - offset
        total += weight * (wide[right : right + size] + wide[left : left + size])
    return total


def _alive(
    coder: Coder, flagged: bool, size: int, near: tuple[int, int], known: Bool[np.ndarray, " place"] | None
) -> Bool[np.ndarray, " place"]:
    """Code which rows or columns have a value; all may have, where that is not flagged.

    The context is the flag before and the one `lag` before, in four contexts from the first on.
    """
    if not flagged:
        return np.ones(size, bool)
    context, lag = near
    flags = [0] * lag
    for place in range(size):
        bit = 0 if known is None else int(known[place])
        flags.append(coder.code(context + 2 * flags[-1] + flags[-lag], bit))
    return np.array(flags[lag:], bool)


def _row(
    coder: Coder,
    layout: Layout,
    columns: tuple[Int[np.ndarray, " live"], Int[np.ndarray, " live"]],
    upper: list[int],
    wanted: list[int] | None,
) -> list[int]:
    """Code one row: `columns` are the live ones and their densities; rows have a margin of zeros on the left."""
    code, lag, margin = coder.code, layout.lag, layout.lag + 1
    depth = max(0, layout.alphabet - 2).bit_length()
    middle = (layout.alphabet + 1) // 2
    line = [0] * len(upper)
    values, expected = ROW_PRIOR << 20, ROW_PRIOR << 20
    for j, d in _pairs(*columns):
        at = j + margin
        q = d * values // expected
        expected += d
        if q < 16:
            bucket = 0
        elif q >= UNIT:
            bucket = BUCKETS - 1
        else:
            size = q.bit_length()
            bucket = 2 * (size - 5) + (q >> (size - 2) & 1)
        left, further = line[at - 1], line[at - lag]
        near = (left > 0) + (further > 0) + (upper[at] > 0)
        want = 0 if wanted is None else wanted[j]
        if code(WHETHER + 3 * bucket + (near if near < 2 else 2), 1 if want else 0):
            values += UNIT
            side = _sign(left, middle) + _sign(further, middle) if depth else 0
            line[at] = _value(coder, depth, layout.alphabet, side, want)
    return line


def _pairs(first: Int[np.ndarray, " live"], second: Int[np.ndarray, " live"]) -> Iterator[tuple[int, int]]:
    """Return the entries side by side as Python's numbers, of which there are never many at once."""
    starts = range(0, len(first), AT_ONCE)
    return chain.from_iterable(
        zip(first[at : at + AT_ONCE].tolist(), second[at : at + AT_ONCE].tolist(), strict=True)
        for at in starts
    )


def _sign(value: int, middle: int) -> int:
    if value == 0:
        return 0
    return 1 if value >= middle else -1


def _value(coder: Coder, depth: int, alphabet: int, side: int, want: int) -> int:
    """Code which value there is."""
    offset = ((1 << depth) - alphabet + 1) // 2
    u = want - 1 + offset
    path = 1
    for level in range(depth - 1, -1, -1):
        done = depth - 1 - level
        if done == 0:
            context = TOP + 1 + (side > 0) - (side < 0)
        elif done < TREE_BITS:
            context = TREE + path
        else:
            context = LOWER + level
        path = path << 1 | coder.code(context, u >> level & 1)
    value = path - (1 << depth) + 1 - offset
    if not 1 <= value < alphabet:
        raise damaged("a value is outside of the alphabet")
    return value
