"""Time-chunking: the states of long series, whose parts advance side by side, with a certificate that they are right.

A series is cut into chunks. Each starts from the zero state `warm_up` steps early, and all advance as one batch: one
matrix product for all chunks, where a series alone has one of a single row for every step. That is right only where
the state forgets. The certificate is the largest difference, over all cuts and neurons, between the state with which a
chunk begins after its warm-up and the state with which the chunk before it ended:

    gap = max_c | h_warmed(start of chunk c) - h(end of chunk c - 1) |

Where a chunk shrinks a difference by the factor f, no state is wrong by more than gap / (1 - f), and a warm-up already
shrinks it from the size of the states to the tolerance. The warm-up is taken from the data: from a few places of the
series two copies start, one at rest and one elsewhere, and it is the time after which they differ by less than half the
tolerance. Where that takes longer than half a chunk, chunks are made fewer; where the state does not forget, or the
certificate fails, the series is computed serially, and the result says so.

Source: the echo state property (Jaeger, GMD report 148, 2001) is what makes it right; the method is our own.

>>> from sarto.models.reservoir import esn
>>> cell = esn.build(20, 1, seed=0, leak=0.5, radius=0.5, input_scaling=0.5, bias_scaling=0.1)
>>> x = np.random.default_rng(0).normal(size=(4000, 1))
>>> run = chunked_states(cell, x, dtype="float64", tolerance=1e-9)
>>> run.chunks > 1, run.gap <= 1e-9, run.states.shape
(True, True, (4000, 20))
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sarto.core.seed import generator
from sarto.models.input_error import InputError
from sarto.models.reservoir._stack import AnyReservoir
from sarto.models.sequences import Sequences, read_sequences
from sarto.models.states import Precision, states
from sarto.models.steps import Steps

MOST_CHUNKS = 64
"""With more, products get no faster: 32 and 64 take the same time within noise."""
BATCH = 32
"""Chunks that advance as one batch, so that two threads have one each; not the threads but this decides the bits."""
LEAST_CHUNK = 2.0
"""Steps of a chunk, in warm-ups: with fewer the warm-ups are more than half of the work again."""
PROBES = 4
"""Places of the series at which the warm-up is measured."""
MARGIN = 1.25
"""Times the time that the slowest place took: other places may be slower."""


@dataclass(frozen=True, eq=False)
class ChunkedRun:
    """The states of a series, and how they were computed.

    Attributes:
        states: after every step.
        chunks: side by side; 1 means serially.
        warm_up: steps that each chunk ran before it began.
        gap: the certificate, see above; 0 for a serial run.
        tolerance: what the gap was allowed.
        reason: in words, why the run is serial; empty where it is not.
    """

    states: Float[np.ndarray, "step neuron"]
    chunks: int
    warm_up: int
    gap: float
    tolerance: float
    reason: str = ""


def default_tolerance(dtype: Precision) -> float:
    """Return 8 units in the last place of a state of size 1: what reordering a sum does to it anyway.

    >>> default_tolerance("float32") < 1e-6
    True
    """
    return 8 * float(np.finfo(dtype).eps)


def chunked_states(
    reservoir: AnyReservoir,
    x: Float[np.ndarray, "step channel"],
    *,
    dtype: Precision = "float32",
    tolerance: float | None = None,
    chunks: int = MOST_CHUNKS,
    n_jobs: int = 1,
) -> ChunkedRun:
    """Return the state after every step of one series, from the zero state.

    Args:
        reservoir: a cell, or a stack of them.
        x: the series.
        dtype: of the states.
        tolerance: largest gap at a cut; None is `default_tolerance`.
        chunks: at most so many.
        n_jobs: threads; -1 is one per processor. The result does not depend on it.

    Raises:
        InputError: E104, E105, E108 for the series, E116 for the other arguments.
    """
    allowed = default_tolerance(dtype) if tolerance is None else tolerance
    if not (math.isfinite(allowed) and allowed > 0) or chunks < 1:
        raise InputError(
            "E116",
            f"tolerance = {tolerance}, chunks = {chunks}",
            cause="a tolerance must be finite and above 0, and there is 1 chunk at least",
            hint="leave them out",
        )
    series = read_sequences(x[None])
    steps = len(series.values)

    def serial(reason: str, warm_up: int = 0) -> ChunkedRun:
        whole = states(reservoir, series, dtype=dtype, n_jobs=1)
        return ChunkedRun(whole, 1, warm_up, 0.0, allowed, reason)

    if chunks == 1:
        return serial("one chunk was asked for")
    longest = steps // 4
    warm_up = _warm_up(reservoir, series, dtype, allowed, longest)
    if warm_up is None:
        return serial(f"two states still differ by more than {allowed:.3g} after {longest} steps")
    chunks = min(chunks, int(steps / (LEAST_CHUNK * warm_up)))
    if chunks < 2:
        return serial(f"the state needs {warm_up} steps to forget, and the series has {steps}", warm_up)
    out, gap = _run(reservoir, series, dtype, chunks, warm_up, n_jobs)
    if gap > allowed:
        return serial(f"the states at a cut differ by {gap:.3g}, the tolerance is {allowed:.3g}", warm_up)
    return ChunkedRun(out, chunks, warm_up, gap, allowed)


def _warm_up(
    reservoir: AnyReservoir, series: Sequences, dtype: Precision, tolerance: float, longest: int
) -> int | None:
    """Return the steps after which states from rest and from elsewhere agree, with a margin, or None."""
    if longest < 1:
        return None
    places = np.linspace(0, len(series.values) - longest, PROBES).astype(np.int64)
    pairs = Steps(reservoir, 2 * PROBES, np.dtype(dtype))
    draws = generator(0, "chunked", "elsewhere")
    for part in pairs.parts:
        part[PROBES:] = draws.uniform(-1, 1, part[PROBES:].shape)
    done, at_once = 0, 16
    while done < longest:
        rows = places + np.arange(done, min(done + at_once, longest))[:, None]
        block = pairs.run(np.tile(series.values[rows], (1, 2, 1)).astype(dtype, copy=False))
        apart = np.abs(block[:, :PROBES] - block[:, PROBES:]).max(axis=(1, 2))
        held = [part[:PROBES] - part[PROBES:] for part in pairs.parts]
        if apart[-1] <= tolerance / 2 and max(float(np.abs(part).max()) for part in held) <= tolerance / 2:
            last = np.flatnonzero(apart > tolerance / 2)
            reached = done + (int(last[-1]) + 1 if last.size else 0)
            return max(1, math.ceil(MARGIN * reached))
        done, at_once = done + len(rows), 2 * at_once
    return None


def _run(
    reservoir: AnyReservoir, series: Sequences, dtype: Precision, chunks: int, warm_up: int, n_jobs: int
) -> tuple[Float[np.ndarray, "step neuron"], float]:
    """Return the states and the gap of a run in `chunks` of equal work: the first one needs no warm-up."""
    each = (len(series.values) - warm_up) / chunks
    cuts = np.concatenate([[0], warm_up + np.rint(each * np.arange(1, chunks + 1))]).astype(np.int64)
    starts = np.maximum(cuts[:-1] - warm_up, 0)
    parts = Sequences(
        np.concatenate([series.values[a:b] for a, b in zip(starts, cuts[1:], strict=True)]),
        np.concatenate([[0], np.cumsum(cuts[1:] - starts)]),
    )
    own = np.ones(len(parts.values), bool)
    for at, early in zip(parts.offsets, cuts[:-1] - starts, strict=False):
        own[at : at + early] = False
    computed = states(reservoir, parts, dtype=dtype, n_jobs=n_jobs, block_items=BATCH)
    ends, begins = parts.offsets[1:-1] - 1, parts.offsets[1:-1] + (cuts[1:-1] - starts[1:]) - 1
    gap = float(np.abs(computed[ends] - computed[begins]).max())
    return computed[own], gap
