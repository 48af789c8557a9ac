"""The operations of the integer network, defined in NumPy over a batch of sequences.

There is one rounding: `requantise(acc, m, s) = (acc*m + 2^(s-1)) >> s` in 64 bits, half up. Matrix products
run in float64, which is exact here: lowering checks that no sum can leave 32 bits.

>>> import numpy as np
>>> requantise(np.array([5, -5, 6]), 1, 1).tolist()
[3, -2, 3]
>>> multiplier(0.3)
(19661, 16)
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from jaxtyping import Int, Integer

MULTIPLIER_BITS = 15
"""Multipliers have 15 significant bits, so that `acc * m` of a 32-bit sum stays far below 64 bits."""
RECIPROCAL_SHIFT = 30
"""A mean is `sum * round(2^30 / n)`, so that only one 32-bit division is needed, at its end."""
POOLED_STEPS = 65535
"""A segment pools at most so many steps (16-bit state, 32-bit sum); further ones are not pooled."""
FEATURE_LIMIT = 8191
"""Pooled features are clamped to this, so that 2,064 of them with 8-bit weights cannot leave 32 bits."""

INT32_MAX = 2**31 - 1
"""No sum of a network leaves this; forecasts, which add a third score to two, are clamped to it."""
SCORE_LIMIT = 2**30 - 1
"""Class sums in the unit of the scores are clamped to this, so that they and a bias as large stay within 32 bits."""


def requantise(acc: Integer[np.ndarray, "..."], m: Any, s: Any) -> Int[np.ndarray, "..."]:
    """Return `(acc*m + 2^(s-1)) >> s` in 64 bits; `m` and `s` (at least 1) broadcast against `acc`."""
    wide = acc.astype(np.int64) * m
    wide += np.left_shift(np.int64(1), np.asarray(s, np.int64) - 1)
    wide >>= np.asarray(s, np.int64)
    return wide


def multiplier(factor: float, bits: int = MULTIPLIER_BITS) -> tuple[int, int]:
    """Return `(m, s)` with `m * 2^-s` nearest to `factor` and m below 2^bits, s between 1 and 62.

    Raises:
        ValueError: when `factor` is not positive and finite, or beyond what s can express.
    """
    if not (math.isfinite(factor) and factor > 0):
        raise ValueError(f"a multiplier must be positive and finite, not {factor}")
    mantissa, exponent = math.frexp(factor)
    m, s = round(mantissa * 2**bits), bits - exponent
    if m == 2**bits:
        m, s = m // 2, s - 1
    while s > 62 and m > 1:
        m, s = (m + 1) // 2, s - 1
    if not 1 <= s <= 62:
        raise ValueError(f"the factor {factor:g} cannot be written as m * 2^-s with s in 1..62")
    return m, s


def reciprocal(count: Any) -> Any:
    """Return `(2^30 + count//2) // count`, the fixed-point reciprocal of a number of steps, or of each of an array."""
    return ((1 << RECIPROCAL_SHIFT) + count // 2) // count


def standardise(
    raw: Integer[np.ndarray, "*item channel"],
    zero: Integer[np.ndarray, " channel"],
    factor: Integer[np.ndarray, " channel"],
    shift: int,
    most: int = 32767,
) -> Int[np.ndarray, "*item channel"]:
    """Return raw sensor words as inputs within +-`most`: `clamp(requantise(raw - zero, factor, shift))`."""
    return np.clip(requantise(raw.astype(np.int64) - zero, factor, shift), -most, most)


def tanh_lookup(
    z: Integer[np.ndarray, "..."], table: Integer[np.ndarray, " entry"], fine: int = 0
) -> Int[np.ndarray, "..."]:
    """Return tanh of `z` (13 fractional bits, clamped to +-32767) from a table over `|z|`.

    With `fine` argument and value have so many fractional bits more, and the argument is clamped at 4 all the same.

    An int16 table has 2^k + 1 entries and is interpolated linearly (rounded half up); an int8 table has 2^k
    entries, one per interval, and is not. The sign is put back afterwards, so the function is odd.
    """
    most = (1 << (15 + fine)) - 1
    z = np.clip(z, -most, most)
    size = np.abs(z)
    if table.dtype == np.int8:
        shift = 15 - (len(table) - 1).bit_length()
        value = table.astype(np.int64)[size >> shift]
    else:
        value = interpolated(size, table, fine)
    return np.where(z < 0, -value, value)


def interpolated(
    place: Integer[np.ndarray, "..."], table: Integer[np.ndarray, " entry"], fine: int = 0
) -> Int[np.ndarray, "..."]:
    """Return the value at `place` (0 to 32767) of a table of 2^k + 1 knots over 2^15, linear, rounded half up.

    With `fine` place and value have so many fractional bits more.
    """
    shift = 15 - (len(table) - 2).bit_length()
    wide = table.astype(np.int64)
    index, part = place >> (shift + fine), place & ((1 << (shift + fine)) - 1)
    low = wide[index]
    return (low << fine) + (((wide[index + 1] - low) * part + (1 << (shift - 1))) >> shift)


def pool(
    total: Integer[np.ndarray, "item unit"], h: Integer[np.ndarray, "item neuron"], square_shift: int
) -> Int[np.ndarray, "item unit"]:
    """Add the state to the running sums; where `total` is twice as wide, its second half sums squares.

    A square is rounded: `(h*h + 2^(q-1)) >> q` with `q = square_shift` (plain `h*h` for q = 0).
    """
    wide = h.astype(np.int64)
    if total.shape[1] == h.shape[1]:
        return total + wide
    squares = wide * wide
    if square_shift:
        squares = (squares + (1 << (square_shift - 1))) >> square_shift
    return total + np.concatenate([wide, squares], axis=1)


def scaled(total: Integer[np.ndarray, "item unit"], count: Any) -> Int[np.ndarray, "item unit"]:
    """Return the mean over `count` steps (one number, or one per row) with 30 fractional bits.

    It is `total * reciprocal(count)`.
    """
    return total.astype(np.int64) * reciprocal(count)


def features(
    mean: Integer[np.ndarray, "item segment unit"], exponent: Integer[np.ndarray, " unit"]
) -> Int[np.ndarray, "item segment unit"]:
    """Return pooled features `clamp(requantise(mean, 1, exponent))`: one shift per feature, means as in `scaled`."""
    return np.clip(requantise(mean, 1, exponent.astype(np.int64)), -FEATURE_LIMIT, FEATURE_LIMIT)
