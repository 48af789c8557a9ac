"""The one kernel that runs a reservoir: many sequences of unequal length at once, each from the zero state.

The step is that of `sarto.models.steps`, for every cell and stack of cells.

The sequences are sorted by length, longest first, and cut into blocks; in a block all live sequences take each step
together (one matrix product), and those that have ended leave the batch, so no padded step is ever computed. A
block's states are pooled as they pass. Blocks run on Python threads with one BLAS thread each (NumPy releases the
lock); the cut does not depend on the number of threads, so neither do the bits of the result.

>>> from sarto.models.reservoir import ring
>>> from sarto.models.sequences import read_sequences
>>> cell = ring.build(4, 1, seed=0, leak=1.0, radius=0.5, input_scaling=1.0, bias_scaling=0.0)
>>> x = read_sequences([np.ones((3, 1)), np.ones((1, 1))])
>>> pooled_features(cell, x, Pooling("last"), dtype="float64").shape, states(cell, x).shape
((2, 4), (4, 4))
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, TypeVar

import numpy as np
from jaxtyping import Float, Int

from sarto.core.threads import one_blas_thread
from sarto.models.input_error import InputError
from sarto.models.pooling import Pooling
from sarto.models.reservoir._stack import AnyReservoir
from sarto.models.sequences import Sequences
from sarto.models.steps import Steps

Precision = Literal["float32", "float64"]
T = TypeVar("T")

BLOCK_ITEMS = 128
"""Sequences per block: at 1000 sequences x 128 steps x 300 units, 128 reach the speed of the product itself."""
BLOCK_NUMBERS = 1 << 17
"""States computed at once, in numbers: few enough that a block in float32 (512 KiB) stays in a core's cache."""
CHUNK_ROWS = 4096
"""Rows of states handed on at once: few enough to stay small (10 MB in float64 at 300 units), and enough to make the
merge of their co-moments, as large as the units squared, a small part of computing them."""


def pooled_features(
    reservoir: AnyReservoir,
    sequences: Sequences,
    pooling: Pooling,
    *,
    dtype: Precision = "float32",
    n_jobs: int = 1,
    washout: int = 0,
) -> Float[np.ndarray, "item feature"]:
    """Return the pooled states of each sequence, in the order given.

    Args:
        reservoir: a cell, or a stack of them.
        sequences: inputs as the cell sees them (already standardised).
        pooling: see `sarto.models.pooling`; its steps are counted from the end of the washout.
        dtype: of the states.
        n_jobs: threads; -1 is one per processor.
        washout: first steps of each sequence that move the state and are not pooled.

    Raises:
        InputError: E108 (other channels than the reservoir's), E115 (a sequence not longer than the washout), E116.
    """
    _check(reservoir, sequences, dtype)
    check_washout(sequences.lengths, washout)
    features = np.empty((len(sequences), pooling.width(reservoir.units)), dtype)

    def run(items: Int[np.ndarray, " item"]) -> None:
        pool = pooling.start(sequences.lengths[items] - washout, reservoir.units, np.dtype(dtype))
        for first, block in walk(reservoir, sequences, items, dtype):
            for step, h in enumerate(block, first - washout):
                if step >= 0:
                    pool.add(step, h)
        features[items] = pool.features()

    map_blocks(run, blocks(sequences), n_jobs)
    return features


def states(
    reservoir: AnyReservoir,
    sequences: Sequences,
    *,
    dtype: Precision = "float32",
    n_jobs: int = 1,
    block_items: int = BLOCK_ITEMS,
) -> Float[np.ndarray, "row neuron"]:
    """Return the state after every step of every sequence; row r belongs to row r of `sequences.values`."""
    _check(reservoir, sequences, dtype)
    out = np.empty((len(sequences.values), reservoir.units), dtype)

    def run(items: Int[np.ndarray, " item"]) -> None:
        starts = sequences.offsets[items]
        for first, block in walk(reservoir, sequences, items, dtype):
            out[starts[: block.shape[1]] + np.arange(first, first + len(block))[:, None]] = block

    map_blocks(run, blocks(sequences, block_items), n_jobs)
    return out


def state_chunks(
    reservoir: AnyReservoir,
    sequences: Sequences,
    items: Int[np.ndarray, " item"],
    *,
    dtype: Precision = "float32",
    washout: int = 0,
    steps: Steps | None = None,
) -> Iterator[tuple[Int[np.ndarray, " chunk"], Float[np.ndarray, "chunk neuron"]]]:
    """Yield rows of `sequences.values` and the states after them, at most CHUNK_ROWS at once, for one block of `items`.

    The first `washout` steps of each sequence are left out. The arrays are reused for the next chunk. For `steps` see
    `walk`.
    """
    _check(reservoir, sequences, dtype)
    starts = sequences.offsets[items]
    rows = np.empty(CHUNK_ROWS, np.int64)
    buffer = np.empty((reservoir.units, CHUNK_ROWS), dtype)
    used = 0
    for first, block in walk(reservoir, sequences, items, dtype, steps):
        for step, h in enumerate(block, first):
            if step < washout:
                continue
            if used + len(h) > CHUNK_ROWS:
                yield rows[:used], buffer[:, :used].T
                used = 0
            rows[used : used + len(h)] = starts[: len(h)] + step
            buffer[:, used : used + len(h)] = h.T
            used += len(h)
    if used:
        yield rows[:used], buffer[:, :used].T


def walk(
    reservoir: AnyReservoir,
    sequences: Sequences,
    items: Int[np.ndarray, " item"],
    dtype: Precision,
    steps: Steps | None = None,
) -> Iterator[tuple[int, Float[np.ndarray, "step live neuron"]]]:
    """Yield blocks of consecutive steps: the number of the first, and the states after each, from the zero state.

    Args:
        reservoir: a cell, or a stack of them.
        sequences: inputs.
        items: which sequences, longest first; those that last through a block are always the first of them.
        dtype: of the states.
        steps: what holds the states of these items; None is a fresh one, from the zero state. In the end it holds the
            last state of every item.
    """
    lengths, starts = sequences.lengths[items], sequences.offsets[items]
    assert (np.diff(lengths) <= 0).all(), "longest first"
    steps = Steps(reservoir, len(items), np.dtype(dtype)) if steps is None else steps
    first = 0
    for end in map(int, np.unique(lengths)):
        live = int(np.searchsorted(-lengths, -end, side="right"))
        at_once = max(1, BLOCK_NUMBERS // (live * reservoir.units))
        while first < end:
            last = min(first + at_once, end)
            rows = starts[:live] + np.arange(first, last)[:, None]
            yield first, steps.run(sequences.values[rows].astype(dtype, copy=False))
            first = last


def blocks(sequences: Sequences, items: int = BLOCK_ITEMS) -> list[Int[np.ndarray, "_"]]:
    """Return the items in blocks of so many, longest first; the order of equal lengths is kept."""
    order = np.argsort(-sequences.lengths, kind="stable")
    return [order[i : i + items] for i in range(0, len(order), items)]


def map_blocks(
    function: Callable[[Int[np.ndarray, "_"]], T], parts: list[Int[np.ndarray, "_"]], n_jobs: int
) -> list[T]:
    """Return `function` of each part, in their order, on `n_jobs` threads with one BLAS thread each.

    -1 is one thread per processor.

    Raises:
        InputError: E116, when `n_jobs` is neither -1 nor at least 1.
    """
    if n_jobs < 1 and n_jobs != -1:
        raise InputError(
            "E116", f"n_jobs = {n_jobs}", cause="it must be at least 1, or -1", hint="use 1 or -1"
        )
    threads = min(n_jobs if n_jobs > 0 else os.cpu_count() or 1, len(parts))
    with one_blas_thread():
        if threads <= 1:
            return [function(part) for part in parts]
        with ThreadPoolExecutor(threads) as executor:
            return list(executor.map(function, parts))


def check_washout(lengths: Int[np.ndarray, " item"], washout: int) -> None:
    """Refuse a washout that leaves nothing of a sequence.

    Raises:
        InputError: E115, naming the first sequence that is too short; E116, when the washout is negative.
    """
    if washout < 0:
        raise InputError(
            "E116", f"washout = {washout}", cause="it must be at least 0", hint="use 0 for short sequences"
        )
    if (short := np.flatnonzero(lengths <= washout)).size:
        raise InputError(
            "E115",
            f"sequence {short[0]} has {lengths[short[0]]} steps, the washout is {washout} "
            f"({short.size} of {len(lengths)} sequences are as short)",
            cause="nothing of it would be left after the washout",
            hint=f"use a washout of at most {int(lengths.min()) - 1}, or leave short sequences out",
        )


def _check(reservoir: AnyReservoir, sequences: Sequences, dtype: str) -> None:
    if sequences.channels != reservoir.channels:
        raise InputError(
            "E108",
            f"X has {sequences.channels} channels, the reservoir was built for {reservoir.channels}",
            cause="the input weights have one column per channel",
            hint="give the channels that the model was fitted on",
        )
    if dtype not in ("float32", "float64"):
        raise InputError(
            "E116", f"dtype = {dtype!r}", cause="no such precision", hint="use float32 or float64"
        )
