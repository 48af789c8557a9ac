"""What training costs: reservoirs and random kernels with a ridge against GRU, LSTM and CNN, whoever wins.

For each data set and seed, every arm (`_trained`) draws the same number of random settings, fits each to three quarters
of the training part and is scored on the rest; ties in accuracy are broken by the loss. The best setting is then fitted
to the whole training part, and scored once on the test part. Every arm takes its turn in every trial, so that all of
them see the machine alike. Cost is processor time of one thread, and wall time beside it, of one fit (the median of
five where it takes less than 2 s), and of search and fit together, scoring of trials included. Libraries are loaded,
and each arm has run once, before anything is timed. Joules are told where the processor's counters can be read.

- JapaneseVowels: the split of the archive, 270 and 370 utterances of 7 to 29 steps; seeds 0 to 2.
- `sp_sw_har`: the watch's six channels at 25 Hz (pairs of samples averaged), windows with one activity for at least
  60 % of their time: 1,422 of 50 steps. Three folds by subject, each tested once; trials hold back whole subjects.
- ECG5000: its train half, 500 beats of 140 steps; three folds, even over the classes, each tested once.

`statistics` is the control that could embarrass reservoirs: it has none. Published, of Euler state networks against
trained recurrent ones (Gallicchio, Neurocomputing 579, 2024, abstract): up to about 490 times less time and 1,750 times
less energy. Processors, programs and data differ, so those stand beside ours and are no bar.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any, TypeVar

import numpy as np

from benchmarks._bench import Bench, real_data
from benchmarks._outcome import Figure, Outcome, over_seeds
from benchmarks._trained import ARMS, LEARNED, SOLVED, Fit, Outputs, settings
from benchmarks.har_reservoir import DATA as HAR
from sarto.core.dataset import Dataset
from sarto.core.seed import generator
from sarto.data.load import load
from sarto.data.source import source_sha256
from sarto.measure.making import Meter

MINUTES = 110
TRIALS, QUICK_TRIALS = 8, 1
SEEDS = 3
HELD = 0.25
"""Share of the training part that trials are scored on."""
REPEATS, SHORT_S = 5, 2.0
PUBLISHED_TIME, PUBLISHED_ENERGY = 490.0, 1750.0
SETS = ("JapaneseVowels", "ECG5000", "sp_sw_har")
SOURCES = {
    "JapaneseVowels": "japanese_vowels/JapaneseVowels_TRAIN.ts",
    "ECG5000": "ecg/ucr_ecg.npz#ecg5000",
    "sp_sw_har": HAR,
}
COSTS = ("cpu", "wall")
T = TypeVar("T")


def run(bench: Bench) -> Outcome:
    """Return accuracies, seconds and their ratios; there is no bar."""
    sets = SETS[:1] if bench.quick else SETS
    seeds = range(1 if bench.quick else SEEDS)
    trials = QUICK_TRIALS if bench.quick else TRIALS
    found = {(name, seed): _cell(bench, name, seed, trials) for name in sets for seed in seeds}
    figures: dict[str, Figure] = {}
    for name in sets:
        cells = [found[name, seed] for seed in seeds]
        for arm in ARMS:
            figures |= _shown(f"{name}, {arm}", [cell[arm] for cell in cells])
        for learned in LEARNED:
            for solved in SOLVED:
                figures |= _ratios(name, learned, solved, cells)
    figures |= _largest(figures)
    return Outcome(figures)


def _cell(bench: Bench, name: str, seed: int, trials: int) -> dict[str, dict[str, Any]]:
    """Return what each arm reached and cost on a data set with a seed."""
    source = real_data(SOURCES[name])
    about = {"set": name, "source": source_sha256(source), "seed": seed}
    tried: list[dict[str, dict[str, Any]]] = []
    for number in range(trials):
        tried.append(bench.once({**about, "trial": number}, _trial, name, seed, number))
        said = ", ".join(f"{a} {t['accuracy']:.3f} ({t['cpu']:.2f} s)" for a, t in tried[-1].items())
        bench.say(f"{name}, seed {seed}, trial {number}: {said}")
    best = {arm: max((t[arm] for t in tried), key=lambda t: (t["accuracy"], -t["loss"])) for arm in ARMS}
    final = bench.once({**about, "best of": trials}, _final, name, seed, best)
    for arm, one in final.items():
        for cost in (*COSTS, "joules"):
            spent = [t[arm][cost] for t in tried]
            one[f"{cost}, search and fit"] = None if None in spent else sum(spent) + one[cost]
        one["validation accuracy"] = best[arm]["accuracy"]
    said = ", ".join(f"{a} {o['accuracy']:.3f} ({o['cpu']:.2f} s)" for a, o in final.items())
    bench.say(f"{name}, seed {seed}, tested: {said}")
    return final


def _trial(name: str, seed: int, number: int) -> dict[str, dict[str, Any]]:
    """Return accuracy and loss on the held-back items, and the cost, of setting `number` of every arm."""
    learned, _, longest = _parts(name, seed)
    fit, held = _cut(learned, HELD, seed)
    _warm()
    found: dict[str, dict[str, Any]] = {}
    for arm in _in_turn(number):
        chosen = settings(arm, seed, number)

        def work(arm: str = arm, chosen: dict[str, Any] = chosen) -> tuple[float, float, int]:
            made = ARMS[arm].fit(fit, chosen, seed, held, longest)
            outputs = made.outputs(held)
            return _accuracy(outputs, held), made.loss(outputs, held.target), made.passes

        (accuracy, loss, passes), spent = _timed(work)
        found[arm] = {"settings": chosen | {"passes": passes}, "accuracy": accuracy, "loss": loss, **spent}
    return {arm: found[arm] for arm in ARMS}


def _final(name: str, seed: int, best: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return test accuracy and cost of one fit, of every arm with its best setting."""
    learned, test, longest = _parts(name, seed)
    _warm()
    found: dict[str, dict[str, Any]] = {}
    for arm in _in_turn(seed):
        chosen = {k: v for k, v in best[arm]["settings"].items() if k != "passes" or arm in LEARNED}

        def work(arm: str = arm, chosen: dict[str, Any] = chosen) -> Fit:
            return ARMS[arm].fit(learned, chosen, seed, None, longest)

        made, spent = _timed(work)
        again = [spent, *(_timed(work)[1] for _ in range(REPEATS - 1 if spent["cpu"] < SHORT_S else 0))]
        spent = {k: None if v is None else statistics.median(a[k] for a in again) for k, v in spent.items()}
        accuracy = _accuracy(made.outputs(test), test)
        found[arm] = {"settings": chosen, "accuracy": accuracy, "passes": made.passes, **spent}
    return {arm: found[arm] for arm in ARMS}


def _in_turn(number: int) -> list[str]:
    """Return the arms, another one first each time."""
    names = list(ARMS)
    return names[number % len(names) :] + names[: number % len(names)]


def _timed(work: Callable[[], T]) -> tuple[T, dict[str, Any]]:
    """Return what `work` returned, and the seconds and joules (None: cannot be read) that it took."""
    meter = Meter()
    wall, cpu = time.perf_counter(), time.process_time()
    made = work()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    return made, {"cpu": cpu, "wall": wall, "joules": meter.taken()[0]}


def _accuracy(outputs: Outputs, data: Dataset) -> float:
    return np.count_nonzero(outputs.argmax(axis=1) == data.target) / len(data)


@cache
def _warm() -> None:
    """Let every arm run once on a little, so that nothing is loaded while time is taken."""
    learned, _, longest = _parts("JapaneseVowels", 0)
    few = learned.select(np.arange(0, len(learned), 9))
    for arm, each in ARMS.items():
        made = each.fit(
            few, settings(arm, 0, 0) | ({"passes": 1} if arm in LEARNED else {}), 0, None, longest
        )
        made.outputs(few)


@cache
def _parts(name: str, seed: int) -> tuple[Dataset, Dataset, int]:
    """Return what is learned from, what is tested, and the most steps of an item."""
    source = real_data(SOURCES[name])
    if name == "JapaneseVowels":
        data = load(source)
        assert data.split is not None
        tested, longest = data.split == "test", 29
    elif name == "ECG5000":
        data = load(source)
        fold = np.zeros(len(data), np.int64)
        by_class = np.lexsort((generator(0, "folds", name).permutation(len(data)), data.target))
        fold[by_class] = np.arange(len(data)) % SEEDS
        tested, longest = fold == seed, 140
    else:
        chosen = load(source, group="subject", channels=("watch*",), where=("purity>=0.6",))
        pairs = chosen.values.reshape(-1, 2, chosen.values.shape[1]).mean(axis=1)
        data = replace(chosen, values=pairs, offsets=chosen.offsets // 2, rate_hz=25.0)
        assert data.groups is not None
        _, number = np.unique(data.groups, return_inverse=True)
        tested, longest = number % SEEDS == seed, 50
    return data.select(np.flatnonzero(~tested)), data.select(np.flatnonzero(tested)), longest


def _cut(data: Dataset, share: float, seed: int) -> tuple[Dataset, Dataset]:
    """Return the items without and with a share held back: whole groups, or evenly over the classes."""
    random = generator(seed, "held back")
    held = np.zeros(len(data), bool)
    if data.groups is not None:
        names = random.permutation(np.unique(data.groups))
        held = np.isin(data.groups, names[: round(share * len(names))])
    else:
        for number in np.unique(data.target):
            items = random.permutation(np.flatnonzero(data.target == number))
            held[items[: round(share * len(items))]] = True
    return data.select(np.flatnonzero(~held)), data.select(np.flatnonzero(held))


def _shown(what: str, cells: list[dict[str, Any]]) -> dict[str, Figure]:
    """Return what an arm reached and cost on a data set, over the seeds."""
    figures: dict[str, Figure] = {}
    for key in ("accuracy", "validation accuracy"):
        figures |= over_seeds(
            f"{what}: {key if ' ' in key else f'test {key}'}", [c[key] for c in cells], "1", "measured"
        )
    units = {"cpu": ("processor time", "s"), "wall": ("wall time", "s"), "joules": ("energy", "J")}
    for cost, (word, unit) in units.items():
        for key, when in ((cost, "one fit"), (f"{cost}, search and fit", "search and fit")):
            values = [c[key] for c in cells]
            if None not in values:
                figures |= over_seeds(f"{what}: {word}, {when}", values, unit, "measured")
    if what.split(", ")[1] in LEARNED:
        figures |= over_seeds(f"{what}: passes", [c["passes"] for c in cells], "passes", "measured")
    return figures


def _ratios(name: str, learned: str, solved: str, cells: list[dict[str, Any]]) -> dict[str, Figure]:
    """Return how many times the processor time of one arm another takes, and what it gains in accuracy."""
    figures: dict[str, Figure] = {}
    for key, when in (("cpu", "one fit"), ("cpu, search and fit", "search and fit")):
        values = [cell[learned][key] / cell[solved][key] for cell in cells]
        figures |= over_seeds(
            f"{name}: time of {learned} over {solved}, {when}", values, "1", "measured", "median"
        )
    gains = [cell[learned]["accuracy"] - cell[solved]["accuracy"] for cell in cells]
    return figures | over_seeds(
        f"{name}: accuracy of {learned} less that of {solved}", gains, "1", "measured"
    )


def _largest(figures: dict[str, Figure]) -> dict[str, Figure]:
    """Return the largest ratio of a recurrent network to an Euler state network, beside the published ones."""
    found: dict[str, Figure] = {}
    for when in ("one fit", "search and fit"):
        keys = [k for k in figures if k.endswith(f" over eusn, {when}, median") and "cnn1d" not in k]
        best = max(keys, key=lambda k: figures[k].value)
        found[f"largest over the sets: time of a recurrent network over eusn, {when}"] = figures[best]
    return found | {
        "published: time of trained recurrent networks over eusn, up to": Figure(
            PUBLISHED_TIME, "1", "declared"
        ),
        "published: energy of trained recurrent networks over eusn, up to": Figure(
            PUBLISHED_ENERGY, "1", "declared"
        ),
        "energy can be measured here": Figure(float(Meter().taken()[0] is not None), "1", "measured"),
    }
