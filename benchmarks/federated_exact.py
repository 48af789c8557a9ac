"""Clients' statistics give the readout of all rows in one place, to the bit in any order and tree, and after any kill.

1,300 digits as 200 random Fourier features, in five splits (identical, Dirichlet .05, one class each, one row each,
quantity skew) of up to 100 clients, or 1,300 of one row; five seeds of rows, features and split. Payloads are in double
precision. What is solved has a ridge of a thousandth of the mean eigenvalue; an error is the largest difference of a
coefficient relative to the largest one.

- Split: readout of the clients' sum against that of all rows.
- Order and tree: the packed sums of random orders in random trees of sums against that of the first order. For
  comparison: in how many of the orders `RidgeStatistics` added one after the other have the bits of the first.
- Delivery: every upload is delivered one to three times, in any order and in batches, to a journal; then all again.
- Forgetting: every tenth client is forgotten; against all rows but theirs, and against a sum that never had them.
- Kill: a process merges a folder of uploads into a journal, is killed (kill -9) at a moment drawn uniformly over the
  duration of an undisturbed merge, and the merge is run again to the end; the sum's bytes are those of the undisturbed.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks._bench import Bench
from benchmarks._federated_rows import CLASSES, SPLITS, Rows, digits, error_of, solved, split
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most, over_seeds
from sarto.core.seed import generator
from sarto.learn.federated._journal import Journal, Upload
from sarto.learn.federated._merge import merge
from sarto.learn.federated._upload_file import write_upload
from sarto.learn.payload import opened_payload, packed
from sarto.learn.ridge_sum import RidgeSum
from sarto.learn.statistics import RidgeStatistics

MINUTES = 6
UNITS, CLIENTS, KILLS, BATCH = 200, 100, 20, 5
TREES = {"one row each": 4}
MANY_TREES = 20
"""Orders and trees of each split and seed."""
EXACT = 1e-9


def run(bench: Bench) -> Outcome:
    """Return errors, and how many sums have other bits than they should."""
    figures: dict[str, Figure] = {}
    units = 40 if bench.quick else UNITS
    splits: list[dict[str, float]] = []
    for how in SPLITS:
        trees = 2 if bench.quick else TREES.get(how, MANY_TREES)
        runs = [
            bench.once({"split": how, "units": units, "seed": s}, _split, how, units, s, trees)
            for s in bench.seeds
        ]
        figures |= over_seeds(
            f"{how}: error of the readout", [r["error"] for r in runs], "1", "measured", "largest"
        )
        figures |= over_seeds(f"{how}: clients", [r["clients"] for r in runs], "1", "measured")
        other = sum(r["other"] for r in runs)
        figures[f"{how}: orders and trees with other bits"] = Figure(
            other, "1", "measured", trees * len(runs)
        )
        plain = sum(r["plain"] for r in runs)
        figures[f"{how}: orders with other bits, plain sums"] = Figure(
            plain, "1", "measured", trees * len(runs)
        )
        splits += runs
        bench.say(
            f"{how}: {max(r['error'] for r in runs):.2g}, {other:g} of {trees * len(runs)} with other bits"
        )
    acts = [
        bench.once({"act": "journal", "units": units, "seed": s}, _journal, units, s) for s in bench.seeds
    ]
    for name in ("duplicates: bytes changed", "forgetting: bytes unlike never having been there"):
        figures[name] = Figure(sum(a[name] for a in acts), "B", "measured", len(acts))
    figures |= over_seeds("forgetting: error", [a["forgotten"] for a in acts], "1", "measured", "largest")
    kills = bench.once({"act": "kill", "units": units}, _kills, units, 2 if bench.quick else KILLS)
    figures["kills: sums with the bytes of the undisturbed"] = Figure(
        kills["same"], "1", "measured", int(kills["kills"])
    )
    figures["kills: within the merge"] = Figure(kills["within"], "1", "measured", int(kills["kills"]))
    figures["kills: an undisturbed merge"] = Figure(kills["seconds"], "s", "measured")
    return Outcome(figures, () if bench.quick else _bars(splits, acts, kills))


def _bars(
    splits: list[dict[str, float]], acts: list[dict[str, float]], kills: dict[str, float]
) -> tuple[Bar, ...]:
    changed = sum(a["duplicates: bytes changed"] for a in acts)
    unlike = sum(a["forgetting: bytes unlike never having been there"] for a in acts)
    return (
        at_most(
            "error of the readout, worst of 5 splits and 5 seeds", max(r["error"] for r in splits), EXACT
        ),
        at_most("orders and trees with other bits, all splits and seeds", sum(r["other"] for r in splits), 0),
        at_most("bytes changed by delivering all again, 5 seeds", changed, 0),
        at_most(
            "error after forgetting against all rows but theirs, worst of 5 seeds",
            max(a["forgotten"] for a in acts),
            EXACT,
        ),
        at_most("bytes after forgetting unlike a sum that never had them, 5 seeds", unlike, 0),
        at_least("killed and resumed merges with the bytes of the undisturbed, of 20", kills["same"], KILLS),
        at_least("of them killed with some clients in the sum, and not all", kills["within"], KILLS // 2),
    )


def _payloads(rows: Rows, how: str, seed: int) -> list[bytes]:
    parts = split(rows.y, how, CLIENTS, seed)
    return [packed(rows.x[part], rows.y[part], classes=CLASSES, how="auto-f64") for part in parts]


def _empty(rows: Rows) -> RidgeSum:
    return RidgeSum(rows.x.shape[1], len(CLASSES), classes=CLASSES)


def _split(how: str, units: int, seed: int, trees: int) -> dict[str, float]:
    """Return the error of the sum's readout, and how many orders and trees have other bits."""
    rows = digits(units, seed)
    sent = [opened_payload(payload) for payload in _payloads(rows, how, seed)]
    rng = generator(seed, "federated_exact", how)

    def tree(order: list[int]) -> RidgeSum:
        total = _empty(rows)
        if len(order) < 2 or rng.random() < 0.2:
            for place in order:
                total.add(sent[place])
            return total
        cut = int(rng.integers(1, len(order)))
        total.merge(tree(order[:cut]))
        total.merge(tree(order[cut:]))
        return total

    def chain(order: list[int]) -> bytes:
        total = statistics[order[0]]
        for place in order[1:]:
            total += statistics[place]
        return total.pack()

    first = _empty(rows)
    for moments in sent:
        first.add(moments)
    whole = RidgeStatistics.of(rows.x, rows.y, classes=CLASSES)
    found = {"error": error_of(solved(first.statistics), solved(whole)), "clients": float(len(sent))}
    orders = [rng.permutation(len(sent)).tolist() for _ in range(trees)]
    found["other"] = float(sum(tree(order).pack() != first.pack() for order in orders))
    statistics = [moments.statistics for moments in sent]
    plain = chain(list(range(len(sent))))
    return {**found, "plain": float(sum(chain(order) != plain for order in orders))}


def _journal(units: int, seed: int) -> dict[str, float]:
    """Return what repeated deliveries change, and what forgetting leaves."""
    rows = digits(units, seed)
    how = SPLITS[1]
    parts, sent = split(rows.y, how, CLIENTS, seed), _payloads(rows, how, seed)
    rng = generator(seed, "federated_exact", "journal")
    repeated = rng.permutation([i for i in range(len(sent)) for _ in range(int(rng.integers(1, 4)))]).tolist()
    uploads: list[Upload] = [(f"client {i}", 0, sent[i]) for i in repeated]
    with tempfile.TemporaryDirectory() as folder:
        journal = Journal.create(Path(folder) / "j.sqlite", "exact", _empty(rows))
        for first in range(0, len(uploads), 17):
            journal.fold_all(uploads[first : first + 17], workers=2)
        once = _empty(rows)
        for payload in sent:
            once.add(opened_payload(payload))
        before = journal.path.read_bytes()
        journal.fold_all(uploads, workers=2)
        changed = _unlike(before, journal.path.read_bytes()) + _unlike(once.pack(), journal.total.pack())
        gone = list(range(0, len(sent), 10))
        for i in gone:
            journal.forget(f"client {i}", sent[i])
            once.subtract(opened_payload(sent[i]))
        never, kept = _empty(rows), [i for i in range(len(sent)) if i not in gone]
        for i in kept:
            never.add(opened_payload(sent[i]))
        left = [place for i in kept for place in parts[i].tolist()]
        retrained = RidgeStatistics.of(rows.x[left], rows.y[left], classes=CLASSES)
        found = {
            "duplicates: bytes changed": float(changed),
            "forgotten": error_of(solved(journal.statistics()), solved(retrained)),
            "forgetting: bytes unlike never having been there": float(
                _unlike(never.pack(), journal.total.pack())
            ),
        }
        journal.close()
    return found


def _unlike(a: bytes, b: bytes) -> int:
    """Return how many bytes differ."""
    return abs(len(a) - len(b)) + sum(x != y for x, y in zip(a, b, strict=False))


_CHILD = """
import sys
from pathlib import Path
from sarto.learn.federated._journal import Journal
from sarto.learn.federated._merge import merge
journal = Journal(Path(sys.argv[2]))
print("ready", flush=True)
merge(Path(sys.argv[1]), journal, batch=int(sys.argv[3]))
print("done", flush=True)
"""


def _kills(units: int, kills: int) -> dict[str, float]:
    """Return how many killed and resumed merges gave the bytes of the undisturbed one."""
    rows = digits(units, 0)
    rng = generator(0, "federated_exact", "kill")
    found = {"kills": float(kills), "same": 0.0, "within": 0.0}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for i, payload in enumerate(_payloads(rows, SPLITS[0], 0)):
            write_upload(folder, "exact", f"client {i}", 0, payload)
        _, found["seconds"], undisturbed = _merged(folder, folder / "whole.sqlite", rows, None)
        for k in range(kills):
            after = float(rng.uniform()) * found["seconds"]
            there, _, total = _merged(folder, folder / f"killed {k}.sqlite", rows, after)
            found["same"] += total == undisturbed
            found["within"] += 0 < there < CLIENTS
    return found


def _merged(folder: Path, path: Path, rows: Rows, after: float | None) -> tuple[int, float, bytes]:
    """Merge in another process, kill it `after` seconds, and go on here.

    Returns:
        Clients in the sum before it went on, seconds of the other process, and the bytes of the sum in the end.
    """
    Journal.create(path, "exact", _empty(rows)).close()
    command = [sys.executable, "-c", _CHILD, str(folder), str(path), str(BATCH)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        start = time.perf_counter()
        if after is None:
            child.wait()
        else:
            time.sleep(after)
            child.send_signal(signal.SIGKILL)
            child.wait()
        took = time.perf_counter() - start
    journal = Journal(path)
    there = len(journal.clients())
    merge(folder, journal, workers=2)
    total = journal.total.pack()
    journal.close()
    return there, took, total
