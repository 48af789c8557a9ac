"""A training that is killed at any moment goes on to the same weights, and loses no more work than an interval.

The digits CNN is trained in a process of its own, with checkpoints at Young's interval on two levels (a stated 20 s
between failures of the process and 200 s between those of the machine). 20 times it is killed (kill -9) at a moment
drawn uniformly over the steps of an undisturbed run, and started again. Lost work is the time of the steps that were
done before the kill and are done again; the interval is the one in force at the kill. Six more times, in turn, a byte
of the newest checkpoint in memory is changed, the one in memory is cut off, or all but the older one on disk are
damaged, before it is started again: that must be told, and come to the same weights.

The price is the wall time of the training with checkpoints over that without, in interleaved pairs in one process,
beside what the formula says, and the time of one checkpoint on each level. Young's interval and Daly's higher-order
one are compared by the time that a job takes with exponential failures (Daly 2006, equation 20), against the best of
all intervals.
"""

from __future__ import annotations

import json
import math
import os
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._bench import Bench
from benchmarks._checkpoint_trainer import DONE, FAILURES, FILE, LOG, trained
from benchmarks._outcome import Figure, Outcome, at_least, over_seeds
from sarto.core.checkpoint_interval import young
from sarto.core.checkpoints import Checkpoints
from sarto.core.seed import generator
from sarto.learn.loop import torch_threads

MINUTES = 9
KILLS, DAMAGES, PAIRS = 20, 6, 7
EPOCHS, QUICK_EPOCHS = 60, 30
SHARES = (1e-4, 1e-2, 1e-1)
"""Cost of a checkpoint over the time between failures, at which intervals are compared."""


def run(bench: Bench) -> Outcome:
    """Return what came of the killed trainings, and what checkpoints cost."""
    epochs = QUICK_EPOCHS if bench.quick else EPOCHS
    kills, damages, pairs = (2, 3, 1) if bench.quick else (KILLS, DAMAGES, PAIRS)
    whole = bench.once({"epochs": epochs, "kill": "none"}, undisturbed, epochs)
    bench.say(f"undisturbed: {whole['wall_s']:.1f} s, {whole['kept']} checkpoints")
    runs: list[dict[str, Any]] = []
    for index in range(kills + damages):
        damage = index - kills if index >= kills else None
        share = float(generator(0, "kill", index).uniform())
        settings = {"epochs": epochs, "kill": index, "damage": damage}
        runs.append(bench.once(settings, disturbed, epochs, share * whole["wall_s"], damage))
        bench.say(f"killed after {runs[-1]['after_s']:.2f} s: {runs[-1]['lost_s']:.3f} s of work lost")
    same = [r["weights"] == whole["weights"] for r in runs]
    within = [r["lost_s"] <= r["interval_s"] for r in runs[:kills]]
    told = [bool(r["told"]) for r in runs[kills:]]
    figures = {
        "same weights after a kill": Figure(sum(same[:kills]), "runs", "measured", kills),
        "no more than an interval lost": Figure(sum(within), "runs", "measured", kills),
        "same weights after a kill and damage": Figure(sum(same[kills:]), "runs", "measured", damages),
        "damage told of": Figure(sum(told), "runs", "measured", damages),
        "checkpoints of an undisturbed training": Figure(whole["kept"], "checkpoints", "measured"),
        "kills before the first checkpoint": Figure(
            sum(r["interval_s"] == math.inf for r in runs), "runs", "measured", len(runs)
        ),
    }
    known = [r for r in runs[:kills] if math.isfinite(r["interval_s"])]
    shares = [r["lost_s"] / r["interval_s"] for r in known]
    for what, values, unit in (
        ("lost work", [r["lost_s"] for r in known], "s"),
        ("lost work, of the interval", shares, "1"),
        ("interval", [r["interval_s"] for r in known], "s"),
    ):
        figures |= over_seeds(what, values, unit, "measured", "median")
    figures |= _price(bench, epochs, pairs, whole) | _formulas()
    bars = (
        at_least(f"same weights after a kill, of {kills}", sum(same[:kills]), kills),
        at_least(f"no more than an interval lost, of {kills}", sum(within), kills),
        at_least(f"same weights after a kill and damage, of {damages}", sum(same[kills:]), damages),
        at_least(f"damage told of, of {damages}", sum(told), damages),
    )
    return Outcome(figures, () if bench.quick else bars)


def _price(bench: Bench, epochs: int, pairs: int, whole: dict[str, Any]) -> dict[str, Figure]:
    """Return what checkpoints cost a training that nothing happens to."""
    found = bench.once({"epochs": epochs, "pairs": pairs}, paired, epochs, pairs)
    ratios = [kept / plain for kept, plain in found]
    figures = over_seeds("wall time with checkpoints over without", ratios, "1", "measured", "median")
    plain = statistics.median(pair[1] for pair in found)
    figures["wall time without checkpoints, median"] = Figure(plain, "s", "measured", pairs)
    expected = 0.0
    for kind, mttf_s in (("memory", FAILURES.process_s), ("disk", FAILURES.machine_s or 0.0)):
        cost_s = whole["cost_s"].get(kind, 0.0)
        figures[f"time of a checkpoint, {kind}"] = Figure(cost_s, "s", "measured", whole["kept"])
        expected += cost_s / young(cost_s, mttf_s) if cost_s else 0.0
    figures["wall time with checkpoints over without, by the formula"] = Figure(
        1 + expected, "1", "estimated"
    )
    return figures


def _formulas() -> dict[str, Figure]:
    """Return how far jobs at either interval are from the best, by the exact time with exponential failures."""
    figures: dict[str, Figure] = {}
    for cost in SHARES:  # the mean time between failures is 1

        def takes(interval: float, cost: float = cost) -> float:
            return math.expm1(interval + cost) / interval

        best = min(takes(10 ** (exponent / 1000)) for exponent in range(-4000, 500))
        half = math.sqrt(cost / 2)
        daly = young(cost, 1.0) * (1 + half / 3 + half**2 / 9) - cost
        for name, interval in (("Young", young(cost, 1.0)), ("Daly", daly)):
            excess = takes(interval) / best - 1
            figures[f"{name}'s interval at a cost of {cost:g}, time over the best"] = Figure(
                excess, "1", "estimated"
            )
    return figures


def paired(epochs: int, pairs: int) -> list[tuple[float, float]]:
    """Return wall times of the training with and without checkpoints, in turn."""
    found: list[tuple[float, float]] = []
    with torch_threads(1):
        trained(1, None)
        for index in range(pairs):
            with tempfile.TemporaryDirectory(prefix="sarto-") as folder:
                order = [Path(folder) / FILE, None]
                walls = {str(at): trained(epochs, at)[2] for at in (order if index % 2 else order[::-1])}
                found.append((walls[str(order[0])], walls["None"]))
    return found


def undisturbed(epochs: int) -> dict[str, Any]:
    """Return weights, wall time, number of checkpoints and what one takes, of a training in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="sarto-") as name:
        folder = Path(name)
        _trainer(folder, epochs).wait()
        lines = _log(folder)
        return {
            "weights": (folder / DONE).read_text(encoding="utf-8"),
            "wall_s": lines[-1]["wall_s"],
            "kept": sum("kept" in line for line in lines),
            "cost_s": {line["kept"]: line["cost_s"] for line in lines if "kept" in line},
        }


def disturbed(epochs: int, after_s: float, damage: int | None) -> dict[str, Any]:
    """Kill a training some time after its first step, damage what is asked for, and go on to the end."""
    with tempfile.TemporaryDirectory(prefix="sarto-") as name:
        folder = Path(name)
        process = _trainer(folder, epochs)
        while not _steps(_log(folder)):
            time.sleep(0.002)
        time.sleep(after_s)
        if damage is not None:  # there has to be an older one on disk
            while sum(line.get("kept") == "disk" for line in _log(folder)) < 2 and process.poll() is None:
                time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.wait()
        before = _log(folder)
        if damage is not None and not (folder / DONE).exists():
            _damage(folder / FILE, damage % 3)
        _trainer(folder, epochs).wait()
        after = _log(folder)[len(before) :]
        return {
            "weights": (folder / DONE).read_text(encoding="utf-8"),
            "told": after[-1]["told"],
            "after_s": after_s,
            **_lost(before, after),
        }


def _lost(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> dict[str, float]:
    """Return the time of the steps that were done again, and the interval in force at the kill."""
    again = _steps(after)
    first = again[0]["step"] if again else _steps(before)[-1]["step"] + 1
    intervals = [line["interval_s"] for line in before if "kept" in line]
    kept = [line["t"] for line in before if line.get("step", -1) < first or "kept" in line]
    redone = [line["t"] for line in _steps(before) if line["step"] >= first]
    begun = max((t for t in kept if not redone or t < redone[0]), default=redone[0] if redone else 0.0)
    return {
        "lost_s": redone[-1] - begun if redone else 0.0,
        "interval_s": intervals[-1] if intervals else math.inf,
    }


def _damage(file: Path, kind: int) -> None:
    """Damage the newest checkpoint in memory by a byte, or by its end, or all but the older one on disk."""
    disk, memory = Checkpoints(file, FAILURES).levels
    if memory.file.exists():
        data = bytearray(memory.file.read_bytes())
        data[len(data) // 2] ^= 1
        memory.file.write_bytes(data if kind == 0 else data[:-1])
    if kind == 2:
        disk.file.write_bytes(disk.file.read_bytes()[:1000])


def _steps(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line for line in lines if "step" in line]


def _log(folder: Path) -> list[dict[str, Any]]:
    """Return the whole lines of a trainer's log."""
    file = folder / LOG
    text = file.read_text(encoding="utf-8") if file.exists() else ""
    return [json.loads(line) for line in text.splitlines(keepends=True) if line.endswith("\n")]


def _trainer(folder: Path, epochs: int) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "benchmarks._checkpoint_trainer", str(folder), str(epochs)]
    return subprocess.Popen(words, env={**os.environ, "OMP_NUM_THREADS": "1"})
