"""Activities from a watch, in 16 KiB of flash and 4 KiB of RAM: 94 % right, against a random forest tuned as hard.

`sp_sw_har`, the watch's accelerometer and gyroscope, windows of 2 s that start every second. 5 folds: the subjects
with number % 5 == fold are tested, and everything is chosen on the others, by `fit` and its group-wise validation.
The model is made for a stream: windows overlap by half, so two states run side by side, both counted in RAM. Scores
are over the pooled test windows of all folds, every one of which runs on the emulated device. Once on windows with one
activity for at least 60 % of their time (purity >= .6), once on all; the macro-F1 to beat is that of an untuned
forest. The forest tuned here gets the same folds, seeds and number of configurations; the two are compared subject by
subject.
"""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._bench import Bench, real_data
from benchmarks._fitted import Answers, Fitted, fitted, pooled
from benchmarks._forest import tuned
from benchmarks._outcome import Bar, Figure, Outcome, above, at_least, at_most, over_seeds
from benchmarks._paired import paired
from sarto.core.budget import Budget
from sarto.core.evidence import How
from sarto.core.executors import open_executor
from sarto.data.load import load
from sarto.data.source import source_sha256
from sarto.search.fit import TRIALS as DEFAULT_TRIALS

MINUTES = 45
DATA = "sp_sw_har/windows_2s_50hz.npz"
FOLDS, QUICK_FOLDS = 5, 1
SEEDS = 1
TRIALS, QUICK_TRIALS = DEFAULT_TRIALS, 16
"""Models, and forests, to try in each fold: as many as `sarto fit` tries unasked."""
CHANNELS = ("watch*",)
HOP = 50
"""Windows start every second, at 50 Hz."""
WINDOWS: dict[str, tuple[str, ...]] = {"purity >= .6": ("purity>=0.6",), "all windows": ()}
LIMITS: dict[str, tuple[float, float]] = {"purity >= .6": (0.94, 0.873), "all windows": (0.86, 0.803)}
"""Accuracy to reach and macro-F1 to exceed."""
HOW: dict[str, How] = {"flash": "measured", "ram": "emulated"}
BUDGET, SMALL = Budget(16 * 1024, 4 * 1024), Budget(8 * 1024, 1024)


def run(bench: Bench) -> Outcome:
    """Return accuracy, macro-F1 and cost of the reservoirs, and how they compare with the forests."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    for windows in WINDOWS:
        found, limits = _windows(bench, windows)
        figures |= found
        bars += limits
    return Outcome(figures, () if bench.quick else tuple(bars))


def _windows(bench: Bench, windows: str) -> tuple[dict[str, Figure], list[Bar]]:
    seeds = range(1 if bench.quick else SEEDS)
    figures: dict[str, Figure] = {}
    for name, budget in (("16 KiB and 4 KiB", BUDGET), ("8 KiB and 1 KiB", SMALL)):
        models = [_reservoirs(bench, windows, budget, seed) for seed in seeds]
        answers = [pooled([m.answers for m in folds]) for folds in models]
        figures |= _scores(f"reservoir, {windows}, {name}", answers)
        for what, how in HOW.items():
            values = [m.figures[what] for folds in models for m in folds]
            figures |= over_seeds(f"{what}, {windows}, {name}", values, "B", how, "largest")
        instructions = [m.figures["instructions per inference"] for folds in models for m in folds]
        figures |= over_seeds(
            f"instructions, {windows}, {name}", instructions, "instructions", "emulated", "largest"
        )
    main = [pooled([m.answers for m in _reservoirs(bench, windows, BUDGET, seed)]) for seed in seeds]
    rivals = [pooled(_forests(bench, windows, seed)) for seed in seeds]
    figures |= _scores(f"forest, {windows}", rivals)
    figures |= _comparison(windows, main, rivals)

    def value(what: str) -> float:
        return figures[what].value

    accuracy, least_f1 = LIMITS[windows]
    where = f"{windows}, 16 KiB and 4 KiB"
    return figures, [
        at_least(f"accuracy, {where}, mean", value(f"accuracy, reservoir, {where}, mean"), accuracy),
        above(f"macro-F1, {where}, mean", value(f"macro-F1, reservoir, {where}, mean"), least_f1),
        at_most(f"flash in B, {where}, largest", value(f"flash, {where}, largest"), BUDGET.flash_b or 0),
        at_most(f"ram in B, {where}, largest", value(f"ram, {where}, largest"), BUDGET.ram_b or 0),
    ]


def _scores(what: str, answers: list[Answers]) -> dict[str, Figure]:
    how = "measured" if what.startswith("forest") else "emulated"
    return {
        **over_seeds(f"accuracy, {what}", [a.accuracy for a in answers], "1", how),
        **over_seeds(f"macro-F1, {what}", [a.macro_f1 for a in answers], "1", how),
    }


def _comparison(windows: str, ours: list[Answers], theirs: list[Answers]) -> dict[str, Figure]:
    """Return the difference in accuracy by subject, the mean over seeds of each subject."""

    def by_subject(answers: list[Answers]) -> dict[str, float]:
        each = [a.by_group() for a in answers]
        return {subject: float(np.mean([e[subject] for e in each])) for subject in each[0]}

    found = paired(by_subject(ours), by_subject(theirs))
    what = f"{windows}, 16 KiB and 4 KiB"
    return {
        f"accuracy over the forest's by subject, {what}, mean and 95 % interval": Figure(
            found.mean, "1", "emulated", found.groups, found.interval
        ),
        f"subjects on which the reservoir is better, {what}": Figure(
            found.better, "subjects", "emulated", found.groups
        ),
    }


def _folds(bench: Bench) -> range:
    return range(QUICK_FOLDS if bench.quick else FOLDS)


def _trials(bench: Bench) -> int:
    return QUICK_TRIALS if bench.quick else TRIALS


def _reservoirs(bench: Bench, windows: str, budget: Budget, seed: int) -> list[Fitted]:
    """Return the models of all folds."""
    models: list[Fitted] = []
    for fold in _folds(bench):
        source = fold_file(bench, fold)
        choice = {"hop": HOP, "families": ("reservoir",), **_choice(windows)}
        models.append(fitted(bench, source, budget, seed=seed, trials=_trials(bench), **choice))
        figures, answers = models[-1].figures, models[-1].answers
        bench.say(
            f"{windows}, seed {seed}, fold {fold}: validation error {figures['validation error']:.4f}, accuracy "
            f"{answers.accuracy:.4f}, {figures['flash']:.0f} B flash, {figures['ram']:.0f} B RAM, {models[-1].model}"
        )
    return models


def _forests(bench: Bench, windows: str, seed: int) -> list[Answers]:
    """Return the answers of the forests of all folds."""
    found: list[Answers] = []
    for fold in _folds(bench):
        source, choice = fold_file(bench, fold), _choice(windows)
        settings = {"source": source_sha256(source), "seed": seed, "count": _trials(bench), **choice}
        kept = bench.once({"forest": settings}, _forest, bench, source, seed, choice)
        found.append(Answers(**kept["answers"]))
        bench.say(
            f"{windows}, seed {seed}, fold {fold}: forest, validation loss {kept['loss']:.4f}, "
            f"accuracy {found[-1].accuracy:.4f}, {kept['chosen']}"
        )
    return found


def _forest(bench: Bench, source: str, seed: int, choice: dict[str, Any]) -> dict[str, Any]:
    with open_executor(bench.workers) as executor:
        answers, chosen, loss = tuned(load(source, **choice), _trials(bench), seed, executor)
    return {"answers": asdict(answers), "chosen": chosen, "loss": loss}


def _choice(windows: str) -> dict[str, Any]:
    return {"group": "subject", "channels": CHANNELS, "where": WINDOWS[windows]}


def fold_file(bench: Bench, fold: int) -> str:
    """Return a copy of the data that says which windows are tested in `fold`."""
    path = bench.folder / f"fold{fold}.npz"
    source = real_data(DATA)
    if not path.exists():
        with np.load(source, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        tested = arrays["subject"] % FOLDS == fold
        path.parent.mkdir(parents=True, exist_ok=True)
        beside = Path(f"{path}.part.npz")
        np.savez(beside, **arrays, split=np.where(tested, "test", "train"))
        beside.replace(path)
    return str(path)
