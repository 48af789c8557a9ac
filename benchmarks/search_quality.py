"""The search's front covers at least the hypervolume of random search's and of the best preset's, at equal trials.

Four data sets, 5 seeds each; every method gets the same training items, folds, budget (32 KiB of flash, 4 KiB of
RAM) and number of trials. Each method's front is chosen on what the search minimises: validation loss, flash and RAM.
Every model of the front is then trained on all training items, built, emulated, and scored once on the test items; the
figure is the hypervolume of (test error, flash, RAM) with the reference point error 1, flash 32 KiB, RAM 4 KiB, as a
share of that box. The best preset is tried with other reservoirs and sizes until the number of trials is reached; it is
chosen beforehand, by the hypervolume of the validation values of as many trials that all presets share. Medians over
the seeds are compared.
"""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks._bench import Bench, real_data
from benchmarks._fitted import DEVICE
from benchmarks._hypervolume import hypervolume
from benchmarks._outcome import Bar, Figure, Outcome, at_least
from benchmarks._rivals import Arena, arena, front, presets, values
from benchmarks.har_reservoir import DATA as HAR
from benchmarks.har_reservoir import WINDOWS, fold_file
from sarto.core.budget import Budget
from sarto.core.executors import open_executor
from sarto.data.source import source_sha256
from sarto.search.fit import TRIALS
from sarto.search.loop import Trial

MINUTES = 30
REFERENCE = (1.0, 32 * 1024.0, 4 * 1024.0)
"""Test error, flash in B, RAM in B."""
QUICK_TRIALS = 16
METHODS = ("search", "random search", "best preset")
DATA: dict[str, tuple[str, dict[str, Any]]] = {
    "BasicMotions": ("", {}),
    "JapaneseVowels": ("japanese_vowels/JapaneseVowels_TRAIN.ts", {}),
    "ECG200": ("ecg/ucr_ecg.npz#ecg200", {}),
    "sp_sw_har": (HAR, {"group": "subject", "channels": ("watch*",), "where": WINDOWS["purity >= .6"]}),
}
"""Name -> file among the real data (none for what aeon bundles), and what is chosen of it. Of sp_sw_har, fold 0 is
tested."""


def run(bench: Bench) -> Outcome:
    """Return the hypervolume of every method on every data set with every seed, medians, and sizes of fronts."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    medians: dict[tuple[str, str], float] = {}
    for name, (path, choice) in DATA.items():
        source = name if not path else fold_file(bench, 0) if path == HAR else real_data(path)
        found = [_compete(bench, name, source, choice, seed) for seed in bench.seeds]
        for method in METHODS:
            each = [f[method]["hypervolume"] for f in found]
            medians[name, method] = statistics.median(each)
            figures[f"{name}, {method}, median"] = Figure(
                medians[name, method], "1", "emulated", len(each), (min(each), max(each))
            )
            for seed, f in zip(bench.seeds, found, strict=True):
                figures[f"{name}, {method}, seed {seed}"] = Figure(f[method]["hypervolume"], "1", "emulated")
            best = [f[method]["least error"] for f in found]
            figures[f"{name}, {method}, least test error of the front, median"] = Figure(
                statistics.median(best), "1", "emulated", len(best), (min(best), max(best))
            )
        for rival in METHODS[1:]:
            what = f"{name}: hypervolume of the search's front, median, against {rival}'s"
            bars.append(at_least(what, medians[name, "search"], medians[name, rival]))
    return Outcome(figures, () if bench.quick else tuple(bars))


def _compete(
    bench: Bench, name: str, source: str, choice: dict[str, Any], seed: int
) -> dict[str, dict[str, Any]]:
    """Return what every method reached."""
    trials = QUICK_TRIALS if bench.quick else TRIALS
    settings = {
        "source": source_sha256(source),
        "seed": seed,
        "trials": trials,
        "presets": presets(),
    }

    def work() -> dict[str, dict[str, Any]]:
        with open_executor(bench.workers) as executor:
            ground = arena(
                source, Budget(*REFERENCE[1:]), seed, bench.folder / "work", executor, DEVICE, **choice
            )
            return {m: _covered(ground, f) for m, f in _found(ground, trials).items()}

    kept = bench.once({"compete": name, **settings, **choice}, work)
    shown = ", ".join(
        f"{m} {k['hypervolume']:.4f} ({k['points']} points, best preset {k['preset']})"
        for m, k in kept.items()
    )
    bench.say(f"{name}, seed {seed}: {shown}")
    return kept


def _found(ground: Arena, trials: int) -> dict[str, tuple[list[Trial], int]]:
    """Return the trials of every method, and the number of its preset, -1 without one."""
    share = trials // len(presets())
    some = [ground.preset(number, share) for number in range(len(presets()))]
    best = max(range(len(some)), key=lambda number: hypervolume([values(t) for t in some[number]], REFERENCE))
    return {
        "search": (list(ground.searched(trials, "search").trials), -1),
        "random search": (list(ground.searched(trials, "random").trials), -1),
        "best preset": (ground.preset(best, trials), best),
    }


def _covered(ground: Arena, found: tuple[list[Trial], int]) -> dict[str, Any]:
    """Return the hypervolume of a method's front on the test items."""
    trials, preset = found
    points = ground.on_test(front(trials))
    return {
        "hypervolume": hypervolume(points, REFERENCE),
        "least error": min(p[0] for p in points),
        "points": len(points),
        "preset": preset,
    }
