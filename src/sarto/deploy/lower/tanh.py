"""Number formats of a reservoir's state, and the table of tanh that goes with each.

>>> tanh_table(Numbers(state_bits=8, table_bits=2)).tolist(), len(tanh_table(Numbers()))
([59, 115, 125, 127], 129)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Integer

from sarto.core.graph.operations import tanh_lookup

TABLE_FRACTION_BITS = 13
"""Fractional bits of the tanh table's argument: 16-bit words reach |z| = 4, where tanh is within 0.0007 of 1."""
STATE_LIMIT = {16: 32767, 8: 127}


@dataclass(frozen=True)
class Numbers:
    """Number formats: bits of the state (8 or 16), whether each row has a scale, tanh table of 2^k intervals."""

    state_bits: int = 16
    per_row: bool = True
    table_bits: int = 7


def tanh_table(numbers: Numbers) -> Integer[np.ndarray, " entry"]:
    """Return the tanh table over |z| in [0, 4): 2^k + 1 knots (int16) or 2^k interval centres (int8)."""
    limit, count = STATE_LIMIT[numbers.state_bits], 1 << numbers.table_bits
    step = (1 << (15 - TABLE_FRACTION_BITS)) / count
    if numbers.state_bits == 8:
        return np.rint(limit * np.tanh((np.arange(count) + 0.5) * step)).astype(np.int8)
    return np.rint(limit * np.tanh(np.arange(count + 1) * step)).astype(np.int16)


def table_error(table: Integer[np.ndarray, " entry"], limit: int | None = None) -> float:
    """Return the largest error of `table` against tanh over every argument the device can form, full scale 1.

    Full scale is `limit` in counts, that of a state of the table's width if not given. Both are odd: half will do.
    """
    z = np.asarray(range(32768), dtype=np.int64)
    limit = limit or STATE_LIMIT[8 * table.dtype.itemsize]
    return float(np.abs(tanh_lookup(z, table) / limit - np.tanh(z / float(1 << TABLE_FRACTION_BITS))).max())
