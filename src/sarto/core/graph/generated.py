"""Weights that are stored nowhere: 8-bit numbers from a generator that starts at one 32-bit word.

The generator is xorshift32 with the triple (13, 17, 5), on words y of 32 bits. From any but 0 it passes all others:

    y ^= y << 13;  y ^= y >> 17;  y ^= y << 5

A word is four weights of one row: its bytes 0, 2, 1 and 3, as signed numbers, are those of four columns in their order.
(SXTB16 takes bytes in pairs of this kind.) Words come for four rows of a reservoir in turn; a row takes ceil(N / 4)
of them for the N states, then ceil((D + 1) / 4) for the D inputs and the bias, which is the weight of a constant input.
Then come the next four rows. What is too much in the last words and rows is dropped.

Source: Marsaglia, "Xorshift RNGs", Journal of Statistical Software 8 (2003), page 4, as quoted by Wikipedia under
"Xorshift".

>>> words(2463534242, 3).tolist()
[723471715, 2497366906, 2064144800]
>>> weights, inputs = generated(2463534242, units=2, channels=3)
>>> weights.tolist(), inputs.tolist()
([[99, 31], [122, -38]], [[-31, -118, -80, -46], [-22, 76, -121, 22]])
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np
from jaxtyping import Int8, UInt32

WORD = 0xFFFFFFFF
"""The largest start; the least is 1, since from 0 only 0 follows."""
COLUMNS = 4
"""Of a word."""
ROWS = 4
"""That words come for in turn."""


def padded(columns: int) -> int:
    """Return `columns` with those that fill the last word.

    >>> padded(8), padded(9)
    (8, 12)
    """
    return -(-columns // COLUMNS) * COLUMNS


def assert_start(start: Any) -> None:
    """Check that a generator can start at `start`, which may come from a file."""
    assert type(start) is int and 0 < start <= WORD, f"a generator cannot start at {start}"


def words(start: int, count: int) -> UInt32[np.ndarray, " word"]:
    """Return the `count` words that follow `start`."""
    assert_start(start)
    found, y = np.empty(count, np.uint32), start
    for i in range(count):
        y ^= y << 13 & WORD
        y ^= y >> 17
        y ^= y << 5 & WORD
        found[i] = y
    return found


@lru_cache(maxsize=8)
def generated(
    start: int, units: int, channels: int
) -> tuple[Int8[np.ndarray, "neuron neuron"], Int8[np.ndarray, "neuron channel_plus_1"]]:
    """Return the recurrent weights, and those of the inputs with the bias as last column; neither can be written."""
    states, row = padded(units), padded(units) + padded(channels + 1)
    every = words(start, padded(units) * row // COLUMNS).astype("<u4").view(np.int8).reshape(-1, COLUMNS)
    fours = every[:, [0, 2, 1, 3]].reshape(-1, row // COLUMNS, ROWS, COLUMNS).transpose(0, 2, 1, 3)
    rows = fours.reshape(-1, row)[:units]
    rows.setflags(write=False)
    return rows[:, :units], rows[:, states : states + channels + 1]
