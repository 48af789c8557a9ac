"""Accuracy of a network at each of its widths: the published recipe, what is put on top, and what it is compared with.

Data sets and networks: `_dynamic_tasks`; methods: `_dynamic_methods`. A weight is trained for the same number of passes
over the data by every method, with a learning rate of its own method and data set: the one with the highest accuracy on
validation items in the mean over all widths, on the split of `TUNING`, whose test items nobody looks at for it. Then
each seed trains on all items that are learned from, and the test items score each method once. Every seed has another
split, and weights of its own.

The improved recipe is, for each data set, that of `NO_BYTES` with the highest accuracy at the narrowest width on
validation, at its own rate, among those that are no less accurate than the published one in the mean over all widths.
Bars: its accuracy at a quarter of the width less that of the published recipe, in the mean over seeds, at no byte more;
and less that of the published recipe with as many passes (`longer`), which tells what of it is mere training.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from concurrent.futures import Executor
from typing import Any

from benchmarks._bench import Bench
from benchmarks._dynamic_methods import FAMILIES, NO_BYTES, Ground
from benchmarks._dynamic_tasks import GROUPS, TASKS, VALIDATED
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most, over_seeds
from sarto.core.executors import open_executor

MINUTES = 80
SEEDS, TUNING, QUICK_PASSES = 3, 1000, 2
GAIN = 0.02
PUBLISHED, LONGER, MIXTURES = "incremental", "incremental, longer", "incremental, mixtures"
LARGEST, MOST_MINUTES, CORES = "cifar10", 90, 2
Found = dict[str, dict[str, Any]]


def run(bench: Bench) -> Outcome:
    """Return accuracies at every width, bytes, seconds of training, and what the improved recipe gains."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    with open_executor(bench.workers) as executor:
        for name in ["digits"] if bench.quick else list(TASKS):
            spent: list[float] = []
            tuned, rates = _tuned(bench, executor, name, spent)
            seeds = range(1 if bench.quick else SEEDS)
            runs = [_merged(_all(bench, executor, name, seed, rates, spent)) for seed in seeds]
            figures |= _figures(name, runs, rates)
            best = _improved(tuned)
            figures |= _gains(name, best, runs)
            bars += [_bar(name, best, other, runs) for other in (PUBLISHED, LONGER)]
            minutes = sum(spent) / CORES / 60
            figures[f"{name}: all trainings, processor time over two cores"] = Figure(
                minutes, "min", "measured"
            )
            if name == LARGEST:
                bars.append(at_most(f"{name}: minutes of all trainings, on two cores", minutes, MOST_MINUTES))
    return Outcome(figures, () if bench.quick else tuple(bars))


def _tuned(bench: Bench, executor: Executor, name: str, spent: list[float]) -> tuple[Found, dict[str, float]]:
    """Return what each method came to on validation at the best rate, and that rate of each family."""
    task, families = TASKS[name], _families(name)
    tried = {family: [*task.rates, *task.lower.get(family, ())] for family in families}
    if bench.quick:
        tried = {family: rates[:1] for family, rates in tried.items()}
    each = {
        rate: _all(
            bench, executor, name, TUNING, {f: rate for f in families if rate in tried[f]}, spent, True
        )
        for rate in dict.fromkeys(rate for rates in tried.values() for rate in rates)
    }
    best: Found = {}
    chosen: dict[str, float] = {}
    for family in families:
        scores = {rate: max(map(_mean, each[rate][family].values())) for rate in tried[family]}
        chosen[family] = max(scores, key=scores.__getitem__)
        best |= each[chosen[family]][family]
    bench.say(f"{name}: rates {chosen}")
    return best, chosen


def _families(name: str) -> list[str]:
    """Return the families of methods that a data set has."""
    return [family for family in FAMILIES if family not in TASKS[name].without]


def _all(
    bench: Bench,
    executor: Executor,
    name: str,
    seed: int,
    rates: Mapping[str, float],
    spent: list[float],
    tuning: bool = False,
) -> dict[str, Found]:
    """Return what all methods come to, by family, and add the processor time that each took to `spent`."""
    waiting = {
        family: executor.submit(_once, _still(bench), name, family, seed, rate, tuning)
        for family, rate in rates.items()
    }
    done = {family: one.result() for family, one in waiting.items()}
    spent += [one["seconds"] for one in done.values()]
    found: dict[str, Found] = {family: one["methods"] for family, one in done.items()}
    for method, one in _merged(found).items():
        shown = " ".join(f"{100 * value:.1f}" for value in one["accuracy"].values())
        bench.say(f"{name}, seed {seed}{' (validation)' if tuning else ''}, {method}: {shown}")
    return found


def _still(bench: Bench) -> Bench:
    """Return the same for another process: it says nothing."""
    return Bench(bench.name, bench.quick, bench.workers, bench.folder, bench.code_sha256, _silent)


def _silent(_text: str) -> None:
    """Say nothing."""


def _once(bench: Bench, name: str, family: str, seed: int, rate: float, tuning: bool) -> dict[str, Any]:
    settings = {"task": name, "family": family, "seed": seed, "rate": rate, "tuning": tuning}
    return bench.once(
        settings | {"quick": bench.quick}, trained, name, family, seed, rate, tuning, bench.quick
    )


def trained(name: str, family: str, seed: int, rate: float, tuning: bool, quick: bool) -> dict[str, Any]:
    """Return accuracy at every width, bytes and seconds of each method of a family, and the seconds of all.

    Args:
        name: of the data set.
        family: of the methods.
        seed: of the split, the weights and the order.
        rate: learning rate.
        tuning: score on validation items, which are taken out of those that are learned from.
        quick: few passes.
    """
    task = TASKS[name]
    learned, tested = task.read(seed)
    if tuning:
        learned, tested = learned.parts(VALIDATED, seed)
    passes = QUICK_PASSES if quick else task.passes
    ground = Ground(task, learned, tested, rate, passes, seed)
    since = time.process_time()
    FAMILIES[family](ground)
    return {"methods": ground.found, "seconds": time.process_time() - since}


def _merged(by_family: Mapping[str, Found]) -> Found:
    return {method: one for found in by_family.values() for method, one in found.items()}


def _improved(tuned: Found) -> str:
    """Return the method of `NO_BYTES` that is best at the narrowest width, and no worse in the mean over all."""
    least = _mean(tuned[PUBLISHED])
    known = [method for method in NO_BYTES if method in tuned]
    good = [method for method in known if _mean(tuned[method]) >= least] or known
    return max(good, key=lambda method: tuned[method]["accuracy"]["1"])


def _mean(one: Mapping[str, Any]) -> float:
    """Return the mean accuracy over the widths that a method has."""
    return statistics.fmean(one["accuracy"].values())


def _figures(name: str, runs: list[Found], rates: Mapping[str, float]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for method, first in runs[0].items():
        for width in first["accuracy"]:
            what = f"{name}, {method}: accuracy at {100 * int(width) // GROUPS} %"
            figures |= over_seeds(what, [one[method]["accuracy"][width] for one in runs], "1", "measured")
        figures[f"{name}, {method}: bytes of all its widths in float32"] = Figure(
            first["bytes"], "B", "measured"
        )
        seconds = [one[method]["seconds"] for one in runs]
        figures |= over_seeds(f"{name}, {method}: training", seconds, "s", "measured")
    for family, rate in rates.items():
        figures[f"{name}, {family}: learning rate"] = Figure(rate, "1", "measured")
    return figures


def _less(runs: list[Found], first: str, second: str, width: int) -> list[float]:
    return [one[first]["accuracy"][str(width)] - one[second]["accuracy"][str(width)] for one in runs]


def _gains(name: str, best: str, runs: list[Found]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for width in range(1, GROUPS + 1):
        for other in (PUBLISHED, LONGER, MIXTURES):
            what = f"{name}, {best} less {other} at {100 * width // GROUPS} %"
            figures |= over_seeds(what, _less(runs, best, other, width), "1", "measured")
    return figures


def _bar(name: str, best: str, other: str, runs: list[Found]) -> Bar:
    gain = statistics.fmean(_less(runs, best, other, 1))
    return at_least(f"{name}: {best} less {other} at 25 % width, mean, no byte more", gain, GAIN)
