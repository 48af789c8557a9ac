"""Time-chunking: the states of long series, whose parts advance side by side, with a certificate that they are right.

A series is cut into chunks, which advance as one batch from the zero state: one matrix product for all chunks, where a
series alone has one of a single row for every step. Then each chunk but the first runs again from the state with which
the chunk before it ended, until it meets its own first run; from there on that one stands. It is right only where the
state forgets. The certificate is how far the two runs of a chunk are apart where the second one stops, the largest over
all chunks c and all that the state carries:

    gap = max_c | h_again(t_c) - h_first(t_c) | <= tolerance

Where a chunk shrinks a difference by the factor f, no state is wrong by more than gap / (1 - f), apart from rounding. A
chunk that does not meet its first run changes the state with which the next one begins, which then runs again as well.
Where no chunk meets it, or some still do not after a few such passes, the state does not forget; the series is computed
serially, and the result says so.

Source: the echo state property (Jaeger, GMD report 148, 2001) is what makes it right. To correct all chunks at once
from the ends of those before is the parareal iteration (Lions, Maday and Turinici, C. R. Acad. Sci. Paris 332, 2001),
here without a coarse solver and ended as soon as the state has forgotten.

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
from jaxtyping import Float, Int

from sarto.models.input_error import InputError
from sarto.models.reservoir._stack import AnyReservoir
from sarto.models.sequences import Sequences, read_sequences
from sarto.models.states import Precision, map_blocks, states
from sarto.models.steps import Steps

MOST_CHUNKS = 32
"""With more, every one of which runs again, the products no longer get faster by as much."""
BATCH = 32
"""Chunks that advance as one batch; not the threads but this decides the bits."""
LEAST_CHUNK = 512
"""Steps of a chunk, of which it runs a few hundred again."""
STRIDE = 8
"""Steps after which the two runs of a chunk are compared."""
PASSES = 3
"""Times that chunks may run again: with more, running serially is faster."""


@dataclass(frozen=True, eq=False)
class ChunkedRun:
    """The states of a series, and how they were computed.

    Attributes:
        states: after every step.
        chunks: side by side; 1 means serially.
        warm_up: steps that the slowest chunk ran again until it met its first run.
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
    chunks = min(chunks, steps // LEAST_CHUNK)
    if chunks < 2:
        return serial(f"a chunk needs {LEAST_CHUNK} steps, and the series has {steps}")
    run = _Run(reservoir, series, dtype, chunks)
    map_blocks(run.first, _batches(np.arange(run.chunks)), n_jobs)
    gap, warm_up, waiting = 0.0, 0, np.arange(1, run.chunks)
    for _ in range(PASSES):
        run.begin()
        passed = map_blocks(lambda items: run.again(items, allowed), _batches(waiting), n_jobs)
        left = np.concatenate([each[0] for each in passed])
        gap, warm_up = max(gap, *(each[1] for each in passed)), max(warm_up, *(each[2] for each in passed))
        if len(left) == len(waiting) == run.chunks - 1:
            break
        waiting = left[left < run.chunks - 1] + 1
        if not len(waiting):
            return ChunkedRun(run.states[:steps], run.chunks, warm_up, gap, allowed)
    return serial(f"two states still differ by more than {allowed:.3g} after {warm_up} steps", warm_up)


def _batches(chunks: Int[np.ndarray, "_"]) -> list[Int[np.ndarray, "_"]]:
    return [chunks[at : at + BATCH] for at in range(0, len(chunks), BATCH)]


class _Run:
    """The chunks of a series, all of the same length: behind its end there are steps without input, which say nothing.

    Attributes:
        chunks: how many there are.
        states: after every step, from the chunks' latest runs.
    """

    def __init__(self, reservoir: AnyReservoir, series: Sequences, dtype: Precision, chunks: int) -> None:
        self._reservoir, self._dtype = reservoir, np.dtype(dtype)
        values = series.values
        self._blocks = -(-len(values) // (chunks * STRIDE))
        length = self._blocks * STRIDE
        self.chunks = -(-len(values) // length)
        x = np.zeros((self.chunks * length, values.shape[1]), dtype)
        x[: len(values)] = values
        self._x = x.reshape(self.chunks, self._blocks, STRIDE, -1)
        self.states = np.empty((len(x), reservoir.units), dtype)
        self._states = self.states.reshape(self.chunks, self._blocks, STRIDE, -1)
        shape = (self._blocks, self.chunks)
        self._held = [
            np.empty((*shape, part.shape[1]), part.dtype) for part in Steps(reservoir, 1, self._dtype).parts
        ]
        self._ends = [held[-1] for held in self._held]

    def first(self, items: Int[np.ndarray, "_"]) -> None:
        """Run chunks from the zero state."""
        steps = Steps(self._reservoir, len(items), self._dtype)
        for block in range(self._blocks):
            self._advance(steps, items, block)

    def begin(self) -> None:
        """Keep the states with which chunks end now: the next pass begins with them."""
        self._ends = [held[-1].copy() for held in self._held]

    def again(self, items: Int[np.ndarray, "_"], tolerance: float) -> tuple[Int[np.ndarray, "_"], float, int]:
        """Run chunks from the ends of those before them.

        Returns:
            Those that have not met their earlier run, the largest difference where others have, and the steps taken.
        """
        steps, gap = Steps(self._reservoir, len(items), self._dtype), 0.0
        parts = steps.parts
        for part, ends in zip(parts, self._ends, strict=True):
            part[:] = ends[items - 1]
        for block in range(self._blocks):
            earlier = [held[block, items] for held in self._held]
            self._advance(steps, items, block)
            now = [part[: len(items)] for part in parts]
            apart = np.max([np.abs(a - b).max(axis=1) for a, b in zip(now, earlier, strict=True)], axis=0)
            met = apart <= tolerance
            gap = max(gap, float(apart[met].max(initial=0.0)))
            items = items[~met]
            if not len(items):
                return items, gap, (block + 1) * STRIDE
            for part in now:
                part[: len(items)] = part[~met]
        return items, gap, self._blocks * STRIDE

    def _advance(self, steps: Steps, items: Int[np.ndarray, "_"], block: int) -> None:
        # A slice is copied several times as fast as what an index gathers.
        whole = len(items) == items[-1] + 1 - items[0]
        at = slice(items[0], items[-1] + 1) if whole else items
        computed = steps.run(self._x[at, block].transpose(1, 0, 2))
        self._states[at, block] = computed.transpose(1, 0, 2)
        for held, part in zip(self._held, steps.parts, strict=True):
            held[block, at] = part[: len(items)]
