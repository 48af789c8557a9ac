"""What each choice in the search is worth, on seven data sets by which no other benchmark judges it.

The search as it is, beside searches with one choice undone and random search: 3 seeds each, 96 trials, 32 KiB of flash
and 4 KiB of RAM on a Cortex-M4. Told of each: the test error of the integer model that `fit` would choose (the best of
the finalists), and the hypervolume of its front on test items, as in `search_quality` but with flash and RAM as
estimated before building. Nothing is judged: these figures are what the choices were confirmed by.

The sets are small and the seeds few: a difference of .01 in a mean is within noise.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from optuna.samplers import TPESampler

from benchmarks._bench import Bench, real_data
from benchmarks._fitted import DEVICE
from benchmarks._hypervolume import hypervolume
from benchmarks._outcome import Figure, Outcome
from benchmarks._rivals import Arena, arena, front
from benchmarks.har_reservoir import DATA as HAR
from benchmarks.har_reservoir import WINDOWS, fold_file
from benchmarks.search_quality import REFERENCE
from sarto.core.budget import Budget
from sarto.core.evidence import How
from sarto.core.executors import SerialExecutor, open_executor
from sarto.core.graph import interpret
from sarto.core.threads import one_blas_thread
from sarto.data.source import source_sha256
from sarto.data.splits import folds
from sarto.models.pooling import POOLINGS
from sarto.search.candidates import ROOM
from sarto.search.families.reservoir import PRESETS
from sarto.search.fit import TRIALS
from sarto.search.loop import Trial
from sarto.search.problem import REPEATS
from sarto.search.propose import AT_RANDOM, Proposer
from sarto.search.trial import Score, final, run_saved

MINUTES = 45
FAMILY = "reservoir"
"""That is searched: the choices were made when it was the only one."""
SEEDS = 3
QUICK_TRIALS = 16
FOLD = 1
"""Subjects of sp_sw_har that are tested; `search_quality` tests those of fold 0, and the watch."""
PHONE: dict[str, Any] = {"group": "subject", "channels": ("phone*",), "where": WINDOWS["purity >= .6"]}
DATA: dict[str, tuple[str, dict[str, Any]]] = {
    "ItalyPowerDemand": ("", {}),
    "GunPoint": ("", {}),
    "ArrowHead": ("", {}),
    "PickupGestureWiimoteZ": ("", {}),
    "OSULeaf": ("", {}),
    "ECG5000": ("ecg/ucr_ecg.npz#ecg5000", {"where": ("y!=4",)}),
    "sp_sw_har, phone": (HAR, PHONE),
}
"""Name -> file among the real data (none for what aeon bundles), and what is chosen of it: of ECG5000 a class with two
items is left out."""


def _error_alone(score: Score) -> float:
    return score.error


def _squared_alone(score: Score) -> float:
    return score.squared


def _no_settings(*_: object) -> dict[str, Any]:
    """Return no settings but the family, which leaves every one to the sampler."""
    return {"family": FAMILY}


def _estimator(multivariate: bool) -> list[AbstractContextManager[Any]]:
    def sampler(seed: int) -> TPESampler:
        return TPESampler(seed=seed, n_startup_trials=len(PRESETS) + AT_RANDOM, multivariate=multivariate)

    return [
        patch.object(Proposer, "_variation", _no_settings),
        patch("sarto.search.propose.RandomSampler", sampler),
    ]


def _size_as_the_rest() -> list[AbstractContextManager[Any]]:
    return [patch.object(Proposer, "_variation", Proposer.moved)]


def _without_last() -> list[AbstractContextManager[Any]]:
    kept = tuple(p for p in POOLINGS if p != "mean_square_last")
    presets = tuple(
        {**p, "pooling": "mean_square" if p["pooling"] == "mean_square_last" else p["pooling"]}
        for p in PRESETS
    )
    return [
        patch(f"{ROOM}.{FAMILY}.{name}", value) for name, value in (("POOLINGS", kept), ("PRESETS", presets))
    ]


def _shuffled() -> list[AbstractContextManager[Any]]:
    def shuffled(*arguments: Any, shuffle: bool) -> Any:
        return folds(*arguments, shuffle=True)

    return [patch("sarto.search.problem.folds", shuffled)]


def _every_partition() -> list[AbstractContextManager[Any]]:
    def thrice(path: str, settings: dict[str, Any], _: int) -> dict[str, Any]:
        return run_saved(path, settings, REPEATS)

    return [patch("sarto.search.loop.run_saved", thrice)]


UNDONE: dict[str, Callable[[], list[AbstractContextManager[Any]]]] = {
    "as it is": list,
    "loss: error alone": lambda: [patch.object(Score, "loss", property(_error_alone))],
    "loss: squared error alone": lambda: [patch.object(Score, "loss", property(_squared_alone))],
    "folds: shuffled": _shuffled,
    "folds: three partitions": _every_partition,
    "proposals: a Parzen estimator": lambda: _estimator(multivariate=False),
    "proposals: a multivariate Parzen estimator": lambda: _estimator(multivariate=True),
    "variations: every setting moves": lambda: [patch("sarto.search.propose.MOVED", 1.0)],
    "variations: the size moves as the rest": _size_as_the_rest,
    "variations: of the front alone": lambda: [patch("sarto.search.propose.FROM_BEST", 0.0)],
    "poolings: no mean_square_last": _without_last,
    "random search": list,
}
"""Variant of the search -> what to replace for it."""


def run(bench: Bench) -> Outcome:
    """Return test errors and hypervolumes of every variant on every data set, and their means."""
    seeds = range(1 if bench.quick else SEEDS)
    sets = list(DATA)[:1] if bench.quick else list(DATA)
    found: dict[tuple[str, str], list[dict[str, float]]] = {(s, v): [] for s in sets for v in UNDONE}
    with open_executor(bench.workers) as executor:
        for name in sets:
            for seed in seeds:
                for variant, got in _searched(bench, executor, name, seed).items():
                    found[name, variant].append(got)
    figures: dict[str, Figure] = {}
    hows: dict[str, How] = {"test error": "measured", "hypervolume": "estimated"}
    for what, how in hows.items():
        for variant in UNDONE:
            means = {s: [f[what] for f in found[s, variant]] for s in sets}
            whole = statistics.fmean(map(statistics.fmean, means.values()))
            figures[f"{what}, {variant}, mean"] = Figure(whole, "1", how, len(sets) * len(seeds))
            for name, values in means.items():
                figures[f"{what}, {variant}, {name}"] = Figure(
                    statistics.fmean(values), "1", how, len(values), (min(values), max(values))
                )
    return Outcome(figures)


def _searched(bench: Bench, executor: Executor, name: str, seed: int) -> dict[str, dict[str, float]]:
    """Return what every variant reached on data set `name`, one process each."""
    path, choice = DATA[name]
    source = name if not path else fold_file(bench, FOLD) if path == HAR else real_data(path)
    trials = QUICK_TRIALS if bench.quick else TRIALS
    settings = {"source": source_sha256(source), "seed": seed, "trials": trials, "name": name, **choice}

    def work() -> dict[str, dict[str, float]]:
        running = {
            v: executor.submit(_variant, v, source, seed, trials, bench.folder / "work" / name, choice)
            for v in UNDONE
        }
        return {v: future.result() for v, future in running.items()}

    kept = bench.once(settings, work)
    for variant, got in kept.items():
        bench.say(
            f"{name}, seed {seed}, {variant}: test error {got['test error']:.4f}, hypervolume "
            f"{got['hypervolume']:.4f} of {got['points']:.0f} points"
        )
    return kept


def _variant(
    variant: str, source: str, seed: int, trials: int, folder: Path, choice: dict[str, Any]
) -> dict[str, float]:
    """Search with what belongs to `variant` in place of the search's own, and score the result on the test items."""
    with one_blas_thread(), ExitStack() as replaced:
        for replacement in UNDONE[variant]():
            replaced.enter_context(replacement)
        ground = arena(
            source,
            Budget(*REFERENCE[1:]),
            seed,
            folder / variant,
            SerialExecutor(),
            DEVICE,
            images=folder / "images",
            **choice,
        )
        found = ground.searched(trials, "random" if variant == "random search" else "search", (FAMILY,))
        points = [(_error(ground, t), float(t.flash_b), float(t.ram_b)) for t in front(found.trials)]
        return {
            "test error": _error(ground, found.finalists[0]),
            "hypervolume": hypervolume(points, REFERENCE),
            "points": len(points),
        }


def _error(ground: Arena, scored: Trial) -> float:
    graph = final(ground.problem, scored.candidate, scored.score.ridge)
    classes = interpret(graph, ground.tested.raw, ground.tested.offsets).classes
    return np.count_nonzero(classes != np.array(ground.target)) / len(ground.target)
