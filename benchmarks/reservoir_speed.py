"""States of reservoirs are computed several times as fast as by ReservoirPy, at the speed of the matrix product.

Both sides take the same dense W, W_x and b, in one process that holds to one thread, in turns: every figure is the
median over pairs of the time of the one over that of the other, with the least and the largest; both sides' states
agree. A further row has ReservoirPy's own default, a W of which 10 % is not 0, kept sparse. Its JAX nodes (float32) are
timed after a first call, which compiles.

(a) one series of 20,000 steps, 1 channel, 500 units: serially, and in chunks of time with the certificate;
(b) 1,000 sequences of 128 steps, 6 channels, 300 units: the last state (`pooled`), and all states;
(c) the readout's statistics for a target at every step of (b), Sarto's states in float32 and its sums in float64, in
    memory that does not grow with the steps; ReservoirPy keeps all states, and fits its Ridge.

ReservoirPy gives all states of a sequence, whatever is asked; its pooled rows are what its users would wait for. The
roof is the time of the products W h alone, in the same precision, as measured here: what no program with dense W beats.
"""

from __future__ import annotations

import statistics
import time
import tracemalloc
from collections.abc import Callable
from typing import Any

import numpy as np

from benchmarks._bench import Bench
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most
from benchmarks._reservoirpy_timed import jax_reservoir, reservoir, ridge_fit
from sarto.core.threads import one_blas_thread
from sarto.learn.features import FeatureMap
from sarto.models.chunked import chunked_states, default_tolerance
from sarto.models.pooling import Pooling
from sarto.models.reservoir import es2n, esn, eusn
from sarto.models.sequences import Sequences, read_sequences
from sarto.models.states import pooled_features, states

MINUTES = 6
PAIRS, QUICK_PAIRS = 7, 1
USUAL: dict[str, Any] = {"seed": 0, "leak": 0.3, "radius": 0.9, "input_scaling": 0.5, "bias_scaling": 0.1}
STEPS, UNITS_A = 20_000, 500
SEQUENCES, LENGTH, CHANNELS, UNITS_B = 1000, 128, 6, 300
ROWS = 128
"""Sequences per product of the roof, as many as Sarto takes."""
Work = Callable[[], Any]


def run(bench: Bench) -> Outcome:
    """Return ratios of times, and how near the states are to the roof."""
    shrink = 10 if bench.quick else 1
    pairs = QUICK_PAIRS if bench.quick else PAIRS
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    with one_blas_thread():
        _one_series(bench, STEPS // shrink, pairs, figures, bars)
        _many_sequences(bench, SEQUENCES // shrink, pairs, figures, bars)
    bars += _certificates(figures)
    return Outcome(figures, () if bench.quick else tuple(bars))


def _one_series(bench: Bench, steps: int, pairs: int, figures: dict[str, Figure], bars: list[Bar]) -> None:
    cell = esn.build(UNITS_A, 1, **USUAL)
    x = np.random.default_rng(0).normal(size=(steps, 1))
    series, narrow = read_sequences(x[None]), read_sequences(x[None].astype(np.float32))
    theirs = reservoir(cell, sparse=False)
    agree = np.abs(states(cell, series, dtype="float64") - theirs(x)).max()
    bars.append(at_most("(a) largest difference of the states in float64", float(agree), 1e-10))
    run_ = chunked_states(cell, narrow.values)
    off = np.abs(run_.states - states(cell, narrow)).max()
    figures["(a) chunks"] = Figure(run_.chunks, "1", "measured")
    figures["(a) warm-up"] = Figure(run_.warm_up, "steps", "measured")
    figures["(a) certificate: gap where chunks meet their first run"] = Figure(run_.gap, "1", "measured")
    figures["(a) chunked less serial, largest"] = Figure(float(off), "1", "measured")
    bars.append(at_most("(a) chunked less serial, largest", float(off), 2 * default_tolerance("float32")))
    works: dict[str, Work] = {
        "ReservoirPy": lambda: theirs(x),
        "float64": lambda: states(cell, series, dtype="float64"),
        "float32": lambda: states(cell, narrow),
        "chunked": lambda: chunked_states(cell, narrow.values),
        "ReservoirPy, sparse": _bound(reservoir(cell, sparse=True), x),
        "two threads, chunked": lambda: chunked_states(cell, narrow.values, n_jobs=2),
    }
    jax = jax_reservoir(cell)
    if jax:
        jax(x)
        works["ReservoirPy, JAX"] = _bound(jax, x)
    times = _timed(works, pairs, bench, "(a)")
    _compare("(a)", times, figures)
    bars += [
        at_least("(a) float32 serial over ReservoirPy", _ratio(times, "float32"), 2.8),
        at_least("(a) float32 chunked over ReservoirPy", _ratio(times, "chunked"), 6.0),
    ]


def _many_sequences(
    bench: Bench, sequences: int, pairs: int, figures: dict[str, Figure], bars: list[Bar]
) -> None:
    cell = esn.build(UNITS_B, CHANNELS, **USUAL)
    rng = np.random.default_rng(1)
    X = rng.normal(size=(sequences, LENGTH, CHANNELS))
    y = rng.normal(size=(sequences * LENGTH, 1))
    wide, narrow = read_sequences(X), read_sequences(X.astype(np.float32))
    listed, targets = list(X), list(y.reshape(sequences, LENGTH, 1))
    theirs = reservoir(cell, sparse=False)
    last = Pooling("last")
    seen = np.array([rows[-1] for rows in theirs(listed)])
    agree = np.abs(pooled_features(cell, wide, last, dtype="float64") - seen).max()
    bars.append(at_most("(b) largest difference of the last states in float64", float(agree), 1e-10))
    works: dict[str, Work] = {
        "ReservoirPy": lambda: theirs(listed),
        "float64": lambda: pooled_features(cell, wide, last, dtype="float64"),
        "float32": lambda: pooled_features(cell, narrow, last),
        "float32, all states": lambda: states(cell, narrow),
        "ReservoirPy, sparse": _bound(reservoir(cell, sparse=True), listed),
        "two threads, float32": lambda: pooled_features(cell, narrow, last, n_jobs=2),
        "roof": _roof(sequences),
    }
    jax = jax_reservoir(cell)
    if jax:
        jax(listed)
        works["ReservoirPy, JAX"] = _bound(jax, listed)
    times = _timed(works, pairs, bench, "(b)")
    _compare("(b)", times, figures)
    share = [roof / ours for roof, ours in zip(times["roof"], times["float32"], strict=True)]
    figures["(b) share of the roof, float32"] = Figure(
        statistics.median(share), "1", "measured", len(share), (min(share), max(share))
    )
    bars += [
        at_least("(b) float64 over ReservoirPy", _ratio(times, "float64"), 3.0),
        at_least("(b) float32 over ReservoirPy", _ratio(times, "float32"), 7.0),
    ]
    if jax:
        own = [a / b for a, b in zip(times["ReservoirPy, JAX"], times["float32"], strict=True)]
        bars.append(at_least("(b) float32 over ReservoirPy's JAX nodes", statistics.median(own), 3.5))
    _statistics(bench, cell, narrow, listed, y, targets, pairs, figures, bars)


def _statistics(
    bench: Bench,
    cell: Any,
    narrow: Sequences,
    listed: list[Any],
    y: Any,
    targets: list[Any],
    pairs: int,
    figures: dict[str, Figure],
    bars: list[Bar],
) -> None:
    zero = np.zeros(CHANNELS)
    features = FeatureMap(zero, zero + 1, cell, Pooling("last"), "float32", 0)
    tracemalloc.start()
    statistics_ = features.step_statistics(narrow, y)
    grown = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert statistics_.C_xx.dtype == np.float64
    theirs = ridge_fit(cell)
    works: dict[str, Work] = {
        "ReservoirPy": lambda: theirs(listed, targets),
        "statistics": lambda: features.step_statistics(narrow, y),
        "two threads, statistics": lambda: features.step_statistics(narrow, y, n_jobs=2),
    }
    times = _timed(works, pairs, bench, "(c)")
    _compare("(c)", times, figures)
    figures["(c) most memory that the statistics took"] = Figure(grown, "B", "measured")
    figures["(c) all states would take"] = Figure(len(y) * UNITS_B * 8.0, "B", "estimated")
    bars.append(at_least("(c) statistics over ReservoirPy", _ratio(times, "statistics"), 5.0))


def _roof(sequences: int) -> Work:
    """Return the products W h of (b) alone, as many and as large."""
    rng = np.random.default_rng(2)
    h = rng.normal(size=(ROWS, UNITS_B)).astype(np.float32)
    weights = rng.normal(size=(UNITS_B, UNITS_B)).astype(np.float32)
    out = np.empty_like(h)

    def work() -> None:
        for _ in range(-(-sequences // ROWS) * LENGTH):
            np.matmul(h, weights, out=out)

    return work


def _certificates(figures: dict[str, Figure]) -> list[Bar]:
    """Return that reservoirs which do not forget are computed serially, with the same states."""
    x = np.random.default_rng(3).normal(size=(4000, 1)).astype(np.float32)
    bars: list[Bar] = []
    slow: dict[str, Any] = {**USUAL, "leak": 0.01}
    for name, cell in (("EuSN", eusn.build(100, 1, **slow)), ("ES2N", es2n.build(100, 1, **slow))):
        run_ = chunked_states(cell, x)
        off = float(np.abs(run_.states - states(cell, read_sequences(x[None]))).max())
        figures[f"{name}: chunks, where the state does not forget"] = Figure(run_.chunks, "1", "measured")
        bars.append(at_most(f"{name}: chunks, where the state does not forget", run_.chunks, 1))
        bars.append(at_most(f"{name}: chunked less serial", off, 0.0))
    return bars


def _bound(function: Callable[[Any], Any], argument: Any) -> Work:
    return lambda: function(argument)


def _timed(works: dict[str, Work], pairs: int, bench: Bench, part: str) -> dict[str, list[float]]:
    """Return the seconds of each work, round after round; the first round is for warming up."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for round_ in range(pairs + 1):
        for name, work in works.items():
            start = time.perf_counter()
            work()
            took = time.perf_counter() - start
            if round_:
                times[name].append(took)
        bench.say(f"{part} round {round_} of {pairs}")
    return times


def _ratio(times: dict[str, list[float]], name: str) -> float:
    return statistics.median(a / b for a, b in zip(times["ReservoirPy"], times[name], strict=True))


def _compare(part: str, times: dict[str, list[float]], figures: dict[str, Figure]) -> None:
    for name, each in times.items():
        figures[f"{part} {name}: time"] = Figure(
            statistics.median(each), "s", "measured", len(each), (min(each), max(each))
        )
        if name != "ReservoirPy":
            over = [a / b for a, b in zip(times["ReservoirPy"], each, strict=True)]
            figures[f"{part} {name}: times as fast as ReservoirPy"] = Figure(
                statistics.median(over), "1", "measured", len(over), (min(over), max(over))
            )
