"""Every reservoir cell, those of other packages too, on the same data at equal search: accuracy, whoever wins.

Every file of `sarto.models.reservoir` is a cell, and so is what an installed package admits by an entry point there.
Each gets, for every data set and seed, the same 24 settings: leak, radius, scalings and pooling drawn from the ranges
that `sarto fit` searches, with 50 neurons in all and everything else at the cell's own defaults. A setting is judged by
three stratified folds of the training items (least error, then least squared error of the readout's outputs); the best
one is fitted on all training items and scored once on the test items. A setting that a cell refuses, such as a step of
`eusn` above its bound, is spent.

The control is `esn` without recurrence: leak 1 and a spectral radius of 1e-9, the other settings as drawn. What a cell
is worth beyond it is what its memory is worth. Differences are paired by seed; their spread is two standard errors to
both sides. Models are in float32, as fitted; what a cell costs on a device is measured elsewhere.

Sets: JapaneseVowels, BasicMotions and ECG200, as split by their authors. The ranges were first chosen while test scores
of these sets were looked at, for all cells alike.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedKFold

from benchmarks._bench import Bench, real_data
from benchmarks._outcome import Figure, Outcome, over_seeds
from sarto.core.dataset import Dataset
from sarto.core.rooms import methods
from sarto.core.seed import generator
from sarto.data.load import load
from sarto.data.splits import split
from sarto.learn.readout import ESNClassifier
from sarto.models.input_error import InputError
from sarto.models.pooling import POOLINGS
from sarto.search.families import reservoir

MINUTES = 8
ROOM = "sarto.models.reservoir"
CONTROL = "no recurrence"
UNITS = 50
NUMBERS = ("leak", "radius", "input_scaling", "bias_scaling")
TRIALS, QUICK_TRIALS = 24, 4
FOLDS = 3
DATA = {
    "JapaneseVowels": "japanese_vowels/JapaneseVowels_TRAIN.ts",
    "BasicMotions": "",
    "ECG200": "ecg/ucr_ecg.npz#ecg200",
}
"""Name -> file among the real data; none for what aeon bundles."""


def run(bench: Bench) -> Outcome:
    """Return the accuracy of every cell on every data set, and its difference to the control and to `esn`."""
    figures: dict[str, Figure] = {}
    cells = [*methods(ROOM), CONTROL]
    for name in list(DATA)[1:2] if bench.quick else DATA:
        data = load(real_data(DATA[name]) if DATA[name] else name)
        trials = QUICK_TRIALS if bench.quick else TRIALS
        found = {
            cell: [_kept(bench, name, data, cell, seed, trials) for seed in bench.seeds] for cell in cells
        }
        for cell, each in found.items():
            for what in ("test accuracy", "validation accuracy"):
                figures |= over_seeds(f"{name}, {cell}: {what}", [e[what] for e in each], "1", "measured")
            refused = sum(e["refused"] for e in each)
            figures[f"{name}, {cell}: settings refused"] = Figure(
                refused, "settings", "measured", len(each) * trials
            )
        for cell in cells:
            for other in [known for known in (CONTROL, "esn") if known != cell]:
                paired = [
                    mine["test accuracy"] - its["test accuracy"]
                    for mine, its in zip(found[cell], found[other], strict=True)
                ]
                figures[f"{name}, {cell} less {other}: test accuracy"] = _difference(paired)
        best = max(cells, key=lambda c: statistics.fmean(e["test accuracy"] for e in found[c]))
        bench.say(f"{name}: the largest mean is that of {best}")
    return Outcome(figures)


def settings_of(cell: str, seed: int, trials: int) -> list[dict[str, Any]]:
    """Return the settings to try, the same for every cell but the control.

    >>> settings_of("ring", 0, 2)[1]["leak"] == settings_of("esn", 0, 2)[1]["leak"] < 1
    True
    >>> [s["leak"] for s in settings_of(CONTROL, 0, 2)]
    [1.0, 1.0]
    """
    draws, ranges = generator(seed, "settings of cells"), reservoir.space((), False)
    own = {"cell": "esn", "leak": 1.0, "radius": 1e-9} if cell == CONTROL else {"cell": cell}
    found: list[dict[str, Any]] = []
    for trial in range(trials):
        drawn: dict[str, Any] = {name: _drawn(draws, ranges[name]) for name in NUMBERS}
        drawn |= {"pooling": str(draws.choice(POOLINGS)), "seed": seed * trials + trial}
        found.append(drawn | own)
    return found


def tried(train: Dataset, settings: Mapping[str, Any], seed: int) -> tuple[float, float] | None:
    """Return error and squared error over the folds, or None where the cell refuses the settings."""
    folds: Any = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    wrong, squared = 0, 0.0
    for inside, outside in folds.split(train.target, train.target):
        shown, hidden = train.select(inside), train.select(outside)
        try:
            model = ESNClassifier(units=UNITS, **settings).fit(shown)
        except InputError:
            return None
        said = model.decision_function(hidden)
        outputs = np.stack([-said, said], axis=1) if said.ndim == 1 else said
        wanted = np.where(hidden.target[:, None] == model.classes_, 1.0, -1.0)
        wrong += int((model.classes_[outputs.argmax(axis=1)] != hidden.target).sum())
        squared += float(np.square(outputs - wanted).sum())
    return wrong / len(train), squared / len(train)


def _kept(bench: Bench, name: str, data: Dataset, cell: str, seed: int, trials: int) -> dict[str, float]:
    settings = {"data": data.sha256, "cell": cell, "seed": seed, "trials": trials}
    kept = bench.once(settings, lambda: _searched(data, cell, seed, trials))
    bench.say(
        f"{name}, {cell}, seed {seed}: {kept['test accuracy']:.4f} ({kept['refused']:.0f} settings refused)"
    )
    return kept


def _searched(data: Dataset, cell: str, seed: int, trials: int) -> dict[str, float]:
    """Return what the best of `trials` settings reaches on the test items, and how many settings were refused."""
    parts = split(data, seed)
    train, test = data.select(parts.train), data.select(parts.test)
    scored = [(tried(train, settings, seed), settings) for settings in settings_of(cell, seed, trials)]
    allowed = [(score, settings) for score, settings in scored if score is not None]
    (error, _), best = min(allowed, key=lambda found: found[0])
    model = ESNClassifier(units=UNITS, **best).fit(train)
    return {
        "test accuracy": model.score(test),
        "validation accuracy": 1 - error,
        "refused": float(len(scored) - len(allowed)),
    }


def _difference(paired: list[float]) -> Figure:
    mean = statistics.fmean(paired)
    error = math.sqrt(statistics.variance(paired) / len(paired)) if len(paired) > 1 else 0.0
    return Figure(mean, "1", "measured", len(paired), (mean - 2 * error, mean + 2 * error))


def _drawn(draws: np.random.Generator, numbers: Any) -> float:
    """Return a number from one of optuna's ranges, uniform in its logarithm where the range says so."""
    low, high = float(numbers.low), float(numbers.high)
    return math.exp(draws.uniform(math.log(low), math.log(high))) if numbers.log else draws.uniform(low, high)
