"""All subgroups are found as divexplorer finds them, several times as fast and in less memory.

Both sides get the same columns and return rate, divergence and t of two outcomes (error, false positive) for every
subgroup; ours adds p, q and an interval, and makes labels when they are asked for (the figures with all labels made
are given too). Tables: COMPAS (6,172 rows, 6 attributes), and one of 32,561 rows and 12 attributes with the sizes of
the Adult set (`benchmarks/_census.py`). All counts, rates, divergences and t are compared before anything is timed; but
where a group has no counted row, divexplorer gives the t of its prior, and ours has none: such t are not compared.

Times are medians over interleaved pairs in this process, which has one thread; that 560,000 subgroups are mined in a
second is judged by the time of the processor, which other programs on the machine change least. Memory is the
high-water mark of a fresh process for each side, its imports included. SliceLine: its score (alpha .95), its ten best
slices of up to three items, its compiled functions warmed up, against mining all subgroups of up to three items and
scoring them.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks import _divexplorer as peer
from benchmarks._bench import Bench
from benchmarks._census import Table, census, compas, guesses
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most
from sarto.audit.subgroups import Attributes, Outcomes, Subgroups, SubgroupTable, mine, top_slices

MINUTES = 6
OUTCOMES = ["error", "fp"]
PAIRS, FEW_PAIRS = 7, 3
SUPPORT, SMALL_SUPPORT = 0.005, 0.001
K, LENGTH, SLICE_SUPPORT = 10, 3, 0.01

Both = dict[str, Float[np.ndarray, " row"]]


def outcomes_of(table: Table, guess: Any) -> Both:
    """Return the two outcomes, with NaN for bottom."""
    wrong = (guess != table.target).astype(np.float64)
    return {"error": wrong, "fp": np.where(table.target == 0, wrong, np.nan)}


def ours(columns: dict[str, Any], outcomes: Both, support: float) -> tuple[Subgroups, list[SubgroupTable]]:
    """Return what this package finds."""
    found = mine(Attributes.from_columns(columns), Outcomes.from_booleans(outcomes), min_support=support)
    return found, [found.divergence(name) for name in OUTCOMES]


def rows_of(found: Subgroups, tables: list[SubgroupTable]) -> dict[peer.Label, tuple[float, ...]]:
    """Return what was found in the form of `peer.as_rows`."""
    columns = [found.support, *(c for t in tables for c in (t.rate, t.value, np.abs(t.t)))]
    values = zip(*(column.tolist() for column in columns), strict=True)
    return {
        frozenset(f"{name}={item}" for name, item in found.label(i).items()): row
        for i, row in enumerate(values)
    }


def mismatches(
    mine_: dict[peer.Label, tuple[float, ...]], theirs: dict[peer.Label, tuple[float, ...]]
) -> int:
    """Return how many subgroups are on one side only, or differ in count, or in any other value by more than 1e-9."""
    both = [label for label in mine_ if label in theirs]
    one, other = (np.array([side[label] for label in both], dtype=np.float64) for side in (mine_, theirs))
    for rate in (1, 4):
        other[np.isnan(other[:, rate]), rate + 2] = np.nan
    differs = (one[:, 0] != other[:, 0]) | ~np.isclose(one, other, rtol=0, atol=1e-9, equal_nan=True).all(
        axis=1
    )
    return int(differs.sum()) + len(mine_) + len(theirs) - 2 * len(both)


def run(bench: Bench) -> Outcome:
    """Return agreement, times and memory."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    table = census(2000 if bench.quick else 32_561, seed=0)
    adult = (table, outcomes_of(table, guesses(table, seed=0)))
    small, guess = compas()
    cases = [("COMPAS, .01", (small, outcomes_of(small, guess)), 0.01, PAIRS)]
    supports = {0.1: PAIRS, 0.01: FEW_PAIRS, SUPPORT: PAIRS} | (
        {} if bench.quick else {SMALL_SUPPORT: FEW_PAIRS}
    )
    cases += [(f"Adult sizes, {support:g}", adult, support, n) for support, n in supports.items()]
    for name, data, support, pairs in cases:
        wrong, ratio = _compared(bench, name, *data, support, 1 if bench.quick else pairs, figures)
        bars.append(at_most(f"{name}: mismatches", wrong, 0))
        wanted = {SUPPORT: 10.0, SMALL_SUPPORT: 15.0}.get(support)
        if wanted and "COMPAS" not in name:
            bars.append(at_least(f"{name}: times as fast as divexplorer", ratio, wanted))
    if not bench.quick:
        for support in (SUPPORT, SMALL_SUPPORT):
            bars.append(_memory(support, figures))
        bars += _rate(adult, figures)
    bars += _slices(bench, adult, figures)
    return Outcome(figures, () if bench.quick else tuple(bars))


def _compared(
    bench: Bench,
    name: str,
    table: Table,
    outcomes: Both,
    support: float,
    pairs: int,
    figures: dict[str, Figure],
) -> tuple[int, float]:
    """Return mismatches with divexplorer, and the median ratio of the times."""
    frame = peer.frame(table.columns, outcomes)
    found, tables = ours(table.columns, outcomes, support)
    theirs = peer.explore(frame, OUTCOMES, support)
    wrong = mismatches(rows_of(found, tables), peer.as_rows(theirs, OUTCOMES))
    del theirs
    works: dict[str, Callable[[], object]] = {
        "divexplorer": lambda: peer.explore(frame, OUTCOMES, support),
        "ours": lambda: ours(table.columns, outcomes, support),
    }
    times: dict[str, list[float]] = {side: [] for side in works}
    for _ in range(pairs):
        for side, work in works.items():
            times[side].append(_seconds(work))
    ratios = [a / b for a, b in zip(times["divexplorer"], times["ours"], strict=True)]
    figures[f"{name}: subgroups"] = Figure(len(found), "1", "measured")
    figures[f"{name}: mismatches"] = Figure(wrong, "1", "measured", len(found))
    for side, each in times.items():
        figures[f"{name}: {side}"] = _over(each, "s")
    figures[f"{name}: times as fast"] = _over(ratios, "1")
    labels = _seconds(lambda: [found.label(i) for i in range(len(found))])
    with_labels = [a / (b + labels) for a, b in zip(times["divexplorer"], times["ours"], strict=True)]
    figures[f"{name}: times as fast, all labels made"] = _over(with_labels, "1")
    figures[f"{name}: engine is the cube"] = Figure(float(found.engine == "cube"), "1", "measured")
    bench.say(
        f"{name}: {len(found)} subgroups, {wrong} mismatches, {statistics.median(ratios):.1f} times as fast"
    )
    return wrong, statistics.median(ratios)


def _rate(adult: tuple[Table, Both], figures: dict[str, Figure]) -> list[Bar]:
    """Return whether 560,000 subgroups are mined in a second, with the counts of both models' joint codes."""
    table, _ = adult
    attributes = Attributes.from_columns(table.columns)
    first, last = guesses(table, seed=0), guesses(table, seed=1)
    outcomes = Outcomes.from_predictions(table.target, first, last, metrics=["accuracy", "fpr"])
    times: dict[str, list[float]] = {"time": [], "time of the processor": []}
    groups = 0
    for _ in range(PAIRS):
        start, busy = time.perf_counter(), time.process_time()
        groups = len(mine(attributes, outcomes, min_support=SMALL_SUPPORT))
        times["time"].append(time.perf_counter() - start)
        times["time of the processor"].append(time.process_time() - busy)
    what = "mined with the counts of two models"
    figures[f"{what}: subgroups"] = Figure(groups, "1", "measured")
    figures[f"{what}: codes"] = Figure(outcomes.n_codes, "1", "measured")
    for clock, each in times.items():
        figures[f"{what}: {clock}"] = _over(each, "s")
        figures[f"{what}: subgroups per second of {clock}"] = _over([groups / t for t in each], "1/s")
    rate = figures[f"{what}: subgroups per second of time of the processor"].value
    return [
        at_least("subgroups in that lattice", groups, 560_000),
        at_least("subgroups mined per second of one core, median", rate, 560_000),
    ]


def _slices(bench: Bench, adult: tuple[Table, Both], figures: dict[str, Figure]) -> list[Bar]:
    """Return whether SliceLine's best slices are found, and how much faster."""
    table, both = adult
    columns, error = table.columns, both["error"] == 1
    codes = np.array(list(columns.values())).T
    least = int(SLICE_SUPPORT * len(error))

    def best() -> list[tuple[dict[int, int], float, int]]:
        found = mine(
            Attributes.from_columns(columns),
            Outcomes.from_booleans({"error": error}),
            min_support=least / len(error),
            max_len=LENGTH,
        )
        index, score = top_slices(found, "error", K)
        names = [
            {a: int(found.attributes.columns[a].items[v]) for a, v in found.items(i)} for i in index.tolist()
        ]
        return list(zip(names, score.tolist(), found.support[index].tolist(), strict=True))

    theirs, own = peer.slices(codes, error, K, LENGTH, least), best()
    same = len(theirs) == len(own) and all(
        any(items == a and size == n and abs(score - b) < 1e-9 for a, b, n in own)
        for items, score, size in theirs
    )
    times: dict[str, list[float]] = {"SliceLine": [], "ours": []}
    for _ in range(1 if bench.quick else FEW_PAIRS):
        times["SliceLine"].append(_seconds(lambda: peer.slices(codes, error, K, LENGTH, least)))
        times["ours"].append(_seconds(best))
    ratios = [a / b for a, b in zip(times["SliceLine"], times["ours"], strict=True)]
    for side, each in times.items():
        figures[f"{len(own)} best slices of up to {LENGTH} items: {side}"] = _over(each, "s")
    figures["best slices: times as fast as SliceLine"] = _over(ratios, "1")
    figures["SliceLine is compiled"] = Figure(float(peer.compiled()), "1", "measured")
    bench.say(f"SliceLine: the same slices: {same}, {statistics.median(ratios):.1f} times as fast")
    return [
        at_least("the best slices are SliceLine's, with its scores", float(same), 1),
        at_least("best slices: times as fast as SliceLine", statistics.median(ratios), 20),
    ]


def _memory(support: float, figures: dict[str, Figure]) -> Bar:
    """Return how much memory ours takes of what divexplorer takes, each in a process of its own."""
    peaks: dict[str, float] = {}
    for side in ("divexplorer", "ours"):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
            before, peak = executor.submit(_peak, side, support).result()
        peaks[side] = peak
        figures[f"Adult sizes, {support:g}: most memory, {side}"] = Figure(peak, "B", "measured")
        figures[f"Adult sizes, {support:g}: most memory over the imports, {side}"] = Figure(
            peak - before, "B", "measured"
        )
    return at_most(
        f"Adult sizes, {support:g}: share of divexplorer's memory", peaks["ours"] / peaks["divexplorer"], 0.5
    )


def _peak(side: str, support: float) -> tuple[float, float]:
    """Return the most memory that this process held before and after one side's work."""
    table = census(seed=0)
    outcomes = outcomes_of(table, guesses(table, seed=0))
    if side == "ours":
        ours(table.columns, outcomes, 0.5)
        before = _high_water()
        kept: object = ours(table.columns, outcomes, support)
    else:
        frame = peer.frame(table.columns, outcomes)
        peer.explore(frame, OUTCOMES, 0.5)
        before = _high_water()
        kept = peer.explore(frame, OUTCOMES, support)
    del kept
    return before, _high_water()


def _high_water() -> float:
    """Return the most memory that this process has held so far, as the Linux kernel counts it."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024.0 * int(next(line.split()[1] for line in lines if line.startswith("VmHWM:")))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    kept = work()
    took = time.perf_counter() - start
    del kept
    return took


def _over(values: list[float], unit: str) -> Figure:
    return Figure(statistics.median(values), unit, "measured", len(values), (min(values), max(values)))
