"""A server of 2 cores folds 10,000 ready uploads of 1281 features in seconds, within 100 MB, linear to 100,000.

An upload is a packed triangle in float32 (3.3 MB: 1281 features, 10 classes) in memory; a few are made and delivered
again under other names. Four ways, each with two threads in a fresh process (`benchmarks/_federated_fold.py`): plain
float64 sums of the uploads' numbers, order-independent sums of the same, the latter with every upload's SHA-256 and
checks, and the journal, which commits keys, hashes and the sum together in batches of 500 and acknowledges after the
commit. Plain and order-independent sums are interleaved. Seconds of the processors are given beside those of the clock:
other programs on the machine change them least, and so is the machine's load. Memory is the high-water mark of the
process less what it held before, when all was imported and the payloads were there; all of it is given, too. As the few
payloads are there from the start, one more run of the journal makes a copy of each, so that those under way count.

`estimated` figures are the cost model of a tree of servers for 10^9 clients, from the measured seconds and bytes:
docs/federation-scale.md.
"""

from __future__ import annotations

import os
import statistics
import time

from benchmarks._bench import Bench
from benchmarks._federated_fold import THREADS, empty, folded, in_own_process, payloads
from benchmarks._outcome import Bar, Figure, Outcome, at_most
from sarto.learn.ridge_sum import RidgeSum

MINUTES = 20
FEATURES, READY, ROWS, FEW_ROWS = 1281, 6, 100, 13
SIZES = {1000: 7, 10_000: 3, 100_000: 1}
"""Uploads, and how often they are folded."""
JOURNALS = {1000: 3, 10_000: 2, 100_000: 1}
LIMITS_S = {"plain": 6.0, "exact": 12.0, "journal": 60.0}
NAMES = {
    "plain": "plain sums",
    "exact": "order-independent sums",
    "checked": "hashed, checked, order-independent sums",
    "journal": "durable journal",
    "apart": "durable journal, a copy of each",
}
CLIENTS = 10**9
LEAF_UPLOADS, CHILDREN = 100_000, 1000
"""Of the cost model: uploads of one leaf of the tree; sums that a server above merges."""

Runs = dict[tuple[str, int], list[dict[str, float]]]


def run(bench: Bench) -> Outcome:
    """Return times, memory, linearity and the cost model."""
    features = 65 if bench.quick else FEATURES
    sizes, journals = ({200: 1}, {200: 1}) if bench.quick else (SIZES, JOURNALS)
    ready = payloads(features, READY, ROWS, "tri-f32")
    figures = {"bytes of an upload": Figure(len(ready[0]), "B", "measured")}
    figures["load of the machine at the start, in processes"] = Figure(os.getloadavg()[0], "1", "measured")
    runs: Runs = {}
    for uploads, times in sizes.items():
        for n in range(times):
            for side in ("plain", "exact"):
                _run(bench, runs, side, ready, features, uploads, n)
        for n in range(journals[uploads]):
            _run(bench, runs, "journal", ready, features, uploads, n)
    middle = sorted(sizes)[len(sizes) // 2]
    _run(bench, runs, "checked", ready, features, middle, 0)
    _run(bench, runs, "apart", ready, features, min(sizes), 0)
    few = payloads(features, READY, FEW_ROWS, "factor-f32")
    factors = bench.once({"side": "factor"}, folded, "journal", few, features, middle // 10)
    for (side, uploads), each in runs.items():
        _figures(figures, f"{uploads:,} uploads, {NAMES[side]}", each)
    _figures(figures, f"{middle // 10:,} factors of {FEW_ROWS} rows, durable journal", [factors])
    figures["bytes of a factor"] = Figure(len(few[0]), "B", "measured")
    pairs = zip(runs["exact", middle], runs["plain", middle], strict=True)
    ratios = [a["seconds"] / b["seconds"] for a, b in pairs]
    figures["order-independent over plain, seconds"] = _over(ratios, "1")
    merged = bench.once({"side": "merge"}, in_own_process, _merged, features, 3 if bench.quick else 15)
    for what, value in merged.items():
        figures[what] = Figure(value, "B" if what.startswith("bytes") else "s", "measured")
    figures |= _model(figures, runs["journal", middle], middle, factors, middle // 10)
    return Outcome(figures, () if bench.quick else tuple(_bars(runs)))


def _run(
    bench: Bench, runs: Runs, side: str, ready: list[bytes], features: int, uploads: int, n: int
) -> None:
    settings = {"side": side, "features": features, "uploads": uploads, "n": n}
    found = bench.once(settings, folded, side, ready, features, uploads)
    runs.setdefault((side, uploads), []).append(found)
    bench.say(
        f"{uploads} uploads, {NAMES[side]}: {found['seconds']:.2f} s, {found['processor']:.2f} s of the processors"
    )


def _figures(figures: dict[str, Figure], what: str, runs: list[dict[str, float]]) -> None:
    figures[f"{what}: seconds"] = _over([r["seconds"] for r in runs], "s")
    figures[f"{what}: seconds of the processors"] = _over([r["processor"] for r in runs], "s")
    figures[f"{what}: memory more than at the start"] = _over([r["most"] - r["start"] for r in runs], "B")
    figures[f"{what}: memory, all"] = _over([r["most"] for r in runs], "B")


def _bars(runs: Runs) -> list[Bar]:
    bars: list[Bar] = []
    least, middle, most = sorted(SIZES)
    for side, limit in LIMITS_S.items():
        took = statistics.median(r["seconds"] for r in runs[side, middle])
        bars.append(
            at_most(f"{middle:,} uploads, {NAMES[side]}, {THREADS} threads: seconds, median", took, limit)
        )
        held = [r for uploads in SIZES for r in runs[side, uploads]]
        memory = max(
            r["most"] - r["start"] for r in held + (runs["apart", least] if side == "journal" else [])
        )
        bars.append(at_most(f"{NAMES[side]}: most memory more than at the start, MB", memory / 1e6, 100))
        each = [statistics.median(r["processor"] / n for r in runs[side, n]) for n in (least, most)]
        bars.append(
            at_most(
                f"{NAMES[side]}: processors' seconds per upload, {most:,} over {least:,}",
                each[1] / each[0],
                1.25,
            )
        )
    return bars


def _merged(features: int, times: int) -> dict[str, float]:
    """Return what it takes to read and merge the sum of another server, and the bytes of one."""
    total, sent = empty(features), empty(features).pack()
    took: list[float] = []
    for _ in range(times):
        start = time.perf_counter()
        total.merge(RidgeSum.unpack(sent))
        took.append(time.perf_counter() - start)
    return {"bytes of a sum": float(len(sent)), "a sum read and merged": statistics.median(took)}


def _model(
    figures: dict[str, Figure],
    journal: list[dict[str, float]],
    uploads: int,
    factors: dict[str, float],
    folded_: int,
) -> dict[str, Figure]:
    """Return bytes, seconds and memory of each level of a tree for 10^9 clients.

    A leaf folds the uploads of its clients with a journal; a server above reads and merges the sums of its children.
    """
    found: dict[str, Figure] = {}

    def note(what: str, value: float, unit: str) -> None:
        found[f"{CLIENTS:.0e} clients: {what}"] = Figure(value, unit, "estimated")

    sum_b, merge_s = figures["bytes of a sum"].value, figures["a sum read and merged"].value
    leaves, level = CLIENTS // LEAF_UPLOADS, 1
    for what, size, per in (
        (
            "triangles",
            figures["bytes of an upload"].value,
            statistics.median(r["seconds"] for r in journal) / uploads,
        ),
        ("factors", figures["bytes of a factor"].value, factors["seconds"] / folded_),
    ):
        note(f"bytes of all uploads, {what}", CLIENTS * size, "B")
        note(f"a leaf of {LEAF_UPLOADS:,}, bytes received, {what}", LEAF_UPLOADS * size, "B")
        note(f"a leaf of {LEAF_UPLOADS:,}, seconds, {what}", LEAF_UPLOADS * per, "s")
    note(
        "memory of a leaf, beyond the program, for triangles",
        max(r["most"] - r["start"] for r in journal),
        "B",
    )
    note("servers, leaves", leaves, "1")
    while leaves > 1:
        children, leaves, level = min(CHILDREN, leaves), -(-leaves // CHILDREN), level + 1
        note(f"level {level}, servers", leaves, "1")
        note(f"level {level}, bytes received by each", children * sum_b, "B")
        note(f"level {level}, seconds of each", children * merge_s, "s")
        note(f"level {level}, memory of each: two sums, and the bytes of one twice", 4 * sum_b, "B")
    return found


def _over(values: list[float], unit: str) -> Figure:
    return Figure(statistics.median(values), unit, "measured", len(values), (min(values), max(values)))
