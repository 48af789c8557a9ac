"""Learning on the device in 8 KiB of image, static RAM and peak stack together, within 2 points of batch ridge.

A ring reservoir in integers, whose features a readout learns one sample at a time by recursive least squares
(`sarto.learn.integer_rls`): JapaneseVowels (270 utterances to learn, 370 to answer) and `sp_sw_har` (the watch, windows
of purity >= .6, 5 folds: people with number % 5 == fold are answered for, and never learned from). The generated C runs
on the emulated Cortex-M0+ and Cortex-M4: every training item is answered and then learned, in random order, from a
readout of zeros, then every test item is answered. All answers on the way, and all that the learner keeps, equal the
NumPy definition in every bit, or there is no result.

Against the ridge in float64 of all training items at once, on the same features, its penalty by generalised
cross-validation. The reservoir is chosen by cross-validation of that ridge on the training part. Beside it: the most
frequent class; the readout before it learned; NLMS in float64 on standardised features, one pass in the same order, its
step tuned in the same cross-validation; the nearest mean of a class; a ring of 100 units under batch ridge, for what
the 8 KiB cost; the same recursion in float32 and float64, and what float32 takes of the flash.

Then what learning on the device is for: a readout fitted on other people goes on learning from the first half of each
test subject's windows, and is judged on the second, where the one that does not learn is judged too. How much it counts
for at first is the default of `sarto deploy`; half and thrice as much are told.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from jaxtyping import Int, Num

from benchmarks._bench import Bench, real_data
from benchmarks._on_device import Features, accuracy, chosen, parts_of, raw_of, seen, solved, with_fitted
from benchmarks._outcome import Bar, Figure, Outcome, at_most
from benchmarks._soft_float import library_b
from sarto.core.dataset import Dataset
from sarto.core.evidence import How
from sarto.core.graph import Graph
from sarto.core.seed import generator
from sarto.data.load import load
from sarto.deploy.c.learn import SAMPLES, Learning, beginning_of, emit_learning
from sarto.devices import device
from sarto.learn.integer_rls import CONSTANT_BITS, FEATURE_BITS, SHIFT, TARGET_BITS, Beginning, IntegerRLS
from sarto.learn.online import NLMS
from sarto.measure.build import build
from sarto.measure.learning import learn_emulated

MINUTES = 20
SEEDS, FOLDS = 3, 5
LIMIT_B, POINTS = 8192, 0.02
CORES = ("cortex_m0plus", "cortex_m4")
VOWELS, ACTIVITIES = "JapaneseVowels", "sp_sw_har"
UNITS = {VOWELS: 12, ACTIVITIES: 13}
"""The most with which a model that begins with a fitted readout fits too; from nothing there is room for one more."""
WIDE = 100
STEPS = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 1.9)
COUNTS = (SAMPLES // 2, SAMPLES, 3 * SAMPLES)
"""Samples that a fitted readout counts for."""
WAYS = ("from nothing", "from a readout")
OWN = "second half of each person"
Indices = Int[np.ndarray, " item"]
Outputs = Num[np.ndarray, "*item output"]


def run(bench: Bench) -> Outcome:
    """Return sizes, accuracies and instructions on both sets and both cores."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    for name in (VOWELS, ACTIVITIES):
        folds = range(1 if name == VOWELS or bench.quick else FOLDS)
        runs = [
            [
                bench.once({"set": name, "seed": seed, "fold": fold}, _run, bench, name, seed, fold)
                for fold in folds
            ]
            for seed in range(1 if bench.quick else SEEDS)
        ]
        found, limits = _told(name, runs)
        figures |= found
        bars += limits
    for core in CORES:
        taken = Figure(float(library_b(device(core))), "B", "measured")
        figures[f"flash of the functions that float32 would take on {core}"] = taken
    return Outcome(figures, () if bench.quick else tuple(bars))


def _told(name: str, runs: list[list[dict[str, Any]]]) -> tuple[dict[str, Figure], list[Bar]]:
    """Return figures and bars of one set; shares are of the test items of all folds, one for each seed."""
    figures: dict[str, Figure] = {}
    every = [fold for folds in runs for fold in folds]
    for what in every[0]["right"]:
        pairs = [[fold["right"][what] for fold in folds] for folds in runs]
        values = [sum(right for right, _ in each) / sum(of for _, of in each) for each in pairs]
        spread = (min(values), max(values))
        figures[f"{name}: accuracy, {what}"] = Figure(
            float(np.mean(values)), "1", _how(what), len(values), spread
        )
    for what, (_, unit) in every[0]["values"].items():
        values = [fold["values"][what][0] for fold in every]
        spread = (min(values), max(values))
        figures[f"{name}: {what}, largest"] = Figure(max(values), unit, _how(what), len(values), spread)

    def value(what: str) -> float:
        return figures[f"{name}: {what}"].value

    bars: list[Bar] = []
    for core in CORES:
        for way in WAYS:
            what = f"flash, static ram and peak stack, {way}, on {core}"
            bars.append(at_most(f"{name}: {what}, in B", value(f"{what}, largest"), LIMIT_B))
        lost = value("accuracy, batch ridge in float64") - value(f"accuracy, learned on {core}")
        bars.append(at_most(f"{name}: batch ridge's accuracy over that learned on {core}", lost, POINTS))
        differ = value(f"answers that differ from NumPy on {core}, largest")
        bars.append(at_most(f"{name}: answers that differ from NumPy on {core}", differ, 0))
    return figures, bars


def _how(what: str) -> How:
    return "emulated" if any(core in what for core in CORES) else "measured"


def _problem(name: str, fold: int) -> tuple[Dataset, Indices, Indices]:
    """Return the data, and which items are learned from and which are tested."""
    if name == VOWELS:
        data = load(real_data("japanese_vowels/JapaneseVowels_TRAIN.ts"))
        tested = np.asarray(data.split) == "test"
    else:
        path = real_data("sp_sw_har/windows_2s_50hz.npz")
        data = load(path, group="subject", channels=("watch*",), where=("purity>=0.6",))
        tested = np.array([int(str(s).lstrip("s")) % FOLDS == fold for s in np.asarray(data.groups)])
    return data, np.flatnonzero(~tested), np.flatnonzero(tested)


def _run(bench: Bench, name: str, seed: int, fold: int) -> dict[str, Any]:
    """Return what came of one split and seed: pairs of right answers and of answers, and other values with units."""
    data, train, test = _problem(name, fold)
    settings = chosen(data, train, UNITS[name], seed)
    found = seen(data, train, UNITS[name], seed, **settings)
    z, y = found.values, data.target
    ridge = solved(z[train], y[train], len(data.classes))
    graph = with_fitted(found, data, ridge)
    order = train[generator(seed, "order of samples", fold).permutation(len(train))]
    right: dict[str, tuple[int, int]] = {}
    values: dict[str, tuple[float, str]] = {}

    def judge(what: str, outputs: Outputs, items: Indices = test) -> None:
        before = right.get(what, (0, 0))
        right[what] = (before[0] + int((outputs.argmax(axis=1) == y[items]).sum()), before[1] + len(items))

    beginning = beginning_of(graph, Learning(None), z[train])
    _emulated(graph, beginning, found, data, (order, test), judge, values)
    judge("batch ridge in float64", ridge.predict(z[test].astype(np.float64)))
    judge("most frequent class", np.tile(np.bincount(y[train]), (len(test), 1)))
    judge("not learned, a readout of zeros", IntegerRLS(beginning).scores(z[test]))
    wide = seen(data, train, WIDE, seed, **settings).values
    judge(
        f"batch ridge in float64, {WIDE} units",
        solved(wide[train], y[train], len(data.classes)).predict(wide[test].astype(np.float64)),
    )
    judge("NLMS, one pass", _nlms(data, z, train, order, test))
    judge("nearest mean of a class", _nearest(z[train], y[train], z[test]))
    _compared(beginning, z, y, order, train, test, values)
    if name == ACTIVITIES:
        _personal(graph, data, z, train, test, judge)
    first = ", ".join(f"{key} {value:g}" for key, value in settings.items())
    bench.say(
        f"{name}, seed {seed}, fold {fold}: {first}; "
        + ", ".join(f"{what} {got / of:.4f}" for what, (got, of) in right.items())
    )
    return {"right": right, "values": values}


def _emulated(
    graph: Graph,
    beginning: Beginning,
    found: Features,
    data: Dataset,
    split: tuple[Indices, Indices],
    judge: Callable[..., None],
    values: dict[str, tuple[float, str]],
) -> None:
    """Learn all of the first items on each core, answer for the second, and add what it took."""
    order, test = split
    items = np.concatenate([order, test])
    labels = np.where(np.arange(len(items)) < len(order), data.target[items], -1)
    learner, wanted = IntegerRLS(beginning), list[Outputs]()
    for item, label in zip(items.tolist(), labels.tolist(), strict=True):
        wanted.append(learner.scores(found.values[item][None])[0])
        if label >= 0:
            learner.learn(found.values[item], label)
    fitted = beginning_of(graph, Learning(), found.values[order])
    few = order[:8]
    for core in CORES:
        runs = {
            WAYS[0]: (beginning, raw_of(data, found.sensor, items), labels),
            WAYS[1]: (fitted, raw_of(data, found.sensor, few), data.target[few]),
        }
        for way, (begun, given, told) in runs.items():
            image = build(emit_learning(graph, begun), device(core), optimise="-Os")
            ran = learn_emulated(image, graph, begun, given, told)
            sizes = {"flash": image.flash_b, "static ram": image.static_ram_b, "peak stack": ran.peak_stack_b}
            for what, size in {**sizes, "flash, static ram and peak stack": sum(sizes.values())}.items():
                values[f"{what}, {way}, on {core}"] = float(size), "B"
            values[f"instructions per update, {way}, on {core}"] = ran.update_instructions, "instructions"
            values[f"instructions per answer, {way}, on {core}"] = ran.answer_instructions, "instructions"
            if way == WAYS[0]:
                said = ran.rows[:, 3:]
                judge(f"learned on {core}", said[len(order) :])
                differ = float((said != np.array(wanted)).any(axis=1).sum())
                values[f"answers that differ from NumPy on {core}"] = differ, "answers"


def _nlms(data: Dataset, z: Outputs, train: Indices, order: Indices, test: Indices) -> Outputs:
    """Return what NLMS says of the test items after one pass, with the step that cross-validation likes best."""
    targets = 2.0 * np.eye(len(data.classes))[data.target] - 1

    def after(items: Indices, asked: Indices, step: float) -> Outputs:
        mean, deviation = z[items].mean(axis=0), np.maximum(z[items].std(axis=0), 1.0)
        scaled = (z - mean) / deviation
        readout = NLMS(step)
        for item in items.tolist():
            readout.update(scaled[item], targets[item])
        return readout.predict(scaled[asked])

    def score(step: float) -> float:
        held = [(train[a], train[b]) for a, b in parts_of(data, train)]
        each = [accuracy(after(order[np.isin(order, a)], b, step), data.target[b]) for a, b in held]
        return float(np.mean(each))

    best = max(STEPS, key=score)
    assert best not in (STEPS[0], STEPS[-1]), "the best step is no edge of the grid"
    return after(order, test, best)


def _nearest(z: Outputs, labels: Indices, tested: Outputs) -> Outputs:
    """Return minus the squared distances of tested items to the means of the classes, in deviations of each feature."""
    mean, deviation = z.mean(axis=0), np.maximum(z.std(axis=0), 1.0)
    scaled, asked = (z - mean) / deviation, (tested - mean) / deviation
    centres = np.array([scaled[labels == c].mean(axis=0) for c in range(labels.max() + 1)])
    return -((asked[:, None] - centres) ** 2).sum(axis=2)


def _compared(
    beginning: Beginning,
    z: Outputs,
    y: Indices,
    order: Indices,
    train: Indices,
    test: Indices,
    values: dict[str, tuple[float, str]],
) -> None:
    """Add how far outputs lie from those of the recursion in float64: in integers, in float32, in another order."""
    exact = _in_floats(beginning, z, y, order, test, np.float64)
    other = _in_floats(beginning, z, y, order, test, np.float32)
    learners = [IntegerRLS(beginning) for _ in range(2)]
    for learner, items in zip(learners, (order, train), strict=True):
        for item in items.tolist():
            learner.learn(z[item], int(y[item]))
    ours, recorded = (learner.scores(z[test]) * 2.0**-14 for learner in learners)
    values["largest error of an output in integers"] = float(np.abs(ours - exact).max()), "targets"
    values["largest error of an output in float32"] = float(np.abs(other - exact).max()), "targets"
    values["largest change of an output in recorded order"] = float(np.abs(ours - recorded).max()), "targets"
    changed = float((ours.argmax(axis=1) != exact.argmax(axis=1)).sum())
    values["test answers that float64 gives otherwise"] = changed, "answers"


def _in_floats(
    beginning: Beginning, z: Outputs, y: Indices, order: Indices, test: Indices, kind: Any
) -> Outputs:
    """Return the outputs of the recursion that `sarto.learn.integer_rls` states, in floating point of a kind."""
    columns, classes = beginning.columns, beginning.classes
    r = np.zeros((columns, columns + classes), kind)
    prior = [beginning.prior_constant] + [beginning.prior] * beginning.features
    d = np.array(prior, kind) * kind(2.0 ** (SHIFT - 2 * FEATURE_BITS))

    def row(item: int, targets: Any) -> Any:
        return np.concatenate([[2.0**CONSTANT_BITS], z[item], targets]).astype(kind)

    one = 2.0 ** (TARGET_BITS - FEATURE_BITS)
    for item in order.tolist():
        u = row(item, one * (2 * (np.arange(classes) == y[item]) - 1))
        weight = kind(1)
        for i in range(columns):
            share = weight * u[i]
            whole = d[i] + share * u[i]
            u[i + 1 :] -= u[i] * r[i, i + 1 :]
            r[i, i + 1 :] += share / whole * u[i + 1 :]
            weight, d[i] = weight * (d[i] / whole), whole
    found: list[Outputs] = []
    for item in test.tolist():
        u = row(item, np.zeros(classes))
        for i in range(columns):
            u[i + 1 :] -= u[i] * r[i, i + 1 :]
        found.append(-u[columns:].astype(np.float64) / one)
    return np.array(found)


def _personal(
    graph: Graph, data: Dataset, z: Outputs, train: Indices, test: Indices, judge: Callable[..., None]
) -> None:
    """Judge readouts on the second half of each test subject's windows, in the order in which they were recorded."""
    people = np.asarray(data.groups)[test]
    for person in np.unique(people):
        own = test[people == person]
        first, second = own[: len(own) // 2], own[len(own) // 2 :]
        for way in (*(Learning(count) for count in COUNTS), Learning(None)):
            learner = IntegerRLS(beginning_of(graph, way, z[train]))
            if way.samples == SAMPLES:
                judge(f"{OWN}: the readout of other people, not learned", learner.scores(z[second]), second)
            for item in first.tolist():
                learner.learn(z[item], int(data.target[item]))
            name = (
                "from nothing"
                if way.samples is None
                else f"from other people's readout, {way.samples} samples"
            )
            judge(f"{OWN}: learned from the first half, {name}", learner.scores(z[second]), second)
