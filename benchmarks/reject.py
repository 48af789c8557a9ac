"""A reject option keeps the errors of its answers on people never seen, and says no class to what it cannot know.

`sp_sw_har`, all windows of the watch; the error without rejecting is over 10 %, since many windows hold two activities.
5 folds: the subjects with number % 5 == fold are tested. The reservoir is the preset of 64 units that validates best
on the other subjects; its readout is cross-fitted over them (each part is scored by a readout of the rest, as
integers), and the option is calibrated on these scores: margins for items at 90 % confidence, the same by class,
margins for groups, and margins for items behind a box that is calibrated on half of the people. The model that is
tested has the readout of all of them, so that what is promised holds but for that difference. The bars are of the
pooled test items.

Controls at the same risks: the margin chosen on the items that the readout has learned from; a score of 1 - risk or
more, uncalibrated; and items rejected at random, as many as the option rejects. Then models that have not seen one of
the five classes: how many of its windows are rejected. And windows of a watch whose accelerometer or gyroscope gives
zeros, a constant, or noise. The C, with the option, must equal NumPy on every test window, broken ones among them, on
this host, and on an emulated Cortex-M4 for some.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Integer

from benchmarks._bench import Bench, real_data
from benchmarks._outcome import Bar, Figure, Outcome, at_most
from sarto.audit.reject import FAULTS, risk_coverage, unplugged
from sarto.core.dataset import Dataset
from sarto.core.graph import Graph, interpret
from sarto.core.graph.reject import Rule, margins, said
from sarto.core.seed import generator
from sarto.data.load import load
from sarto.deploy.c.emit import emit
from sarto.deploy.lower import SCORE_SCALE
from sarto.deploy.reject import with_reject
from sarto.deploy.sensor import SensorFormat
from sarto.devices import device
from sarto.learn.reject import box, for_groups, for_items
from sarto.learn.statistics import RidgeStatistics
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.host import run_on_host
from sarto.models.input_error import InputError
from sarto.search.families.reservoir import PRESETS, Candidate
from sarto.search.problem import Problem, prepare
from sarto.search.trial import evaluate, readout, see

MINUTES = 4
DATA = "sp_sw_har/windows_2s_50hz.npz"
FOLDS = 5
RISKS = (0.05, 0.1)
STRANGE = 0.05
"""Of known windows, those that may be outside of the box."""
UNITS, OWN = 64, 9
"""Of the reservoir, which fits 16 KiB; and presets of `sarto.search.families.reservoir` that are tried."""
ACCELEROMETER, GYROSCOPE = (0, 1, 2), (3, 4, 5)
ON_DEVICE = 24


@dataclass(frozen=True, eq=False)
class Model:
    """A fold's model, what it says of windows that its readouts had not seen, and what its last readout had."""

    graph: Graph
    sensor: SensorFormat
    held_out: Int[np.ndarray, "item class"]
    learned: Int[np.ndarray, "item class"]
    target: Int[np.ndarray, " item"]
    groups: Int[np.ndarray, " item"]


def run(bench: Bench) -> Outcome:
    """Return coverage and errors of each way to reject, and what is said of what nobody knows."""
    folds = [_kept(bench, fold) for fold in range(1 if bench.quick else FOLDS)]
    figures: dict[str, Figure] = {}

    def add(name: str, values: list[float], unit: str = "1", how: Any = "measured") -> None:
        figures[name] = Figure(float(np.mean(values)), unit, how, len(values), (min(values), max(values)))

    items = sum(fold["items"] for fold in folds)
    figures["error without rejecting"] = Figure(
        sum(f["wrong"] for f in folds) / items, "1", "measured", items
    )
    for name in ("AURC of the margin", "AURC of the highest score", "AURC if mistakes came first"):
        add(name, [fold[name] for fold in folds])
    for name in sorted({name for fold in folds for name in fold["rules"]}):
        rows = [fold["rules"][name] for fold in folds if name in fold["rules"]]
        answered, wrong, of = (sum(row[k] for row in rows) for k in ("answered", "wrong", "items"))
        figures[f"{name}: coverage"] = Figure(answered / of, "1", "measured", of)
        figures[f"{name}: error of answers"] = Figure(wrong / max(answered, 1), "1", "measured", answered)
        figures[f"{name}: wrong answers in all items"] = Figure(wrong / of, "1", "measured", of)
        subjects = [share for row in rows for share in row["of subjects"]]
        add(f"{name}: error of answers by subject", subjects)
        figures[f"{name}: folds that could not be calibrated"] = Figure(
            len(folds) - len(rows), "folds", "measured", len(folds)
        )
    for name in folds[0]["rejected"]:
        rejected, of = (sum(fold["rejected"][name][k] for fold in folds) for k in (0, 1))
        figures[f"rejected, {name}"] = Figure(rejected / max(of, 1), "1", "measured", of)
    for name in ("flash added by margins", "flash added by margins and box"):
        add(name, [fold[name] for fold in folds], "B")
    added = [fold["instructions added by margins and box"] for fold in folds]
    add("instructions added by margins and box", added, "instructions", "emulated")
    differing = sum(fold["differing"] for fold in folds)
    figures["answers of the C that differ"] = Figure(
        differing, "answers", "emulated", sum(f["compared"] for f in folds)
    )
    bars: list[Bar] = []
    for risk in RISKS:
        for way in ("items", "items by class", "items behind a box"):
            error = figures[f"{way}, risk {risk:g}: error of answers"].value
            bars.append(at_most(f"error of answers, {way}, risk {risk:g}", error, risk))
    mean = figures["groups, risk 0.1: wrong answers in all items"].value
    bars.append(at_most("wrong answers in all items, groups, risk 0.1", mean, 0.1))
    bars.append(at_most("answers of the C that differ", differing, 0))
    return Outcome(figures, () if bench.quick else tuple(bars))


def _kept(bench: Bench, fold: int) -> dict[str, Any]:
    found = bench.once({"fold": fold}, _fold, fold)
    bench.say(f"fold {fold}: {found['wrong']} of {found['items']} wrong, {found['model']}")
    return found


def _fold(fold: int) -> dict[str, Any]:
    """Return everything of one fold as plain values."""
    data = load(real_data(DATA), group="subject", channels=("watch*",))
    tested = _numbers(data) % FOLDS == fold
    train, test = data.select(np.flatnonzero(~tested)), data.select(np.flatnonzero(tested))
    candidate = _chosen(train)
    model = _model(train, candidate)
    raw, offsets, target = (
        model.sensor.encode(test.values),
        test.offsets.astype(np.int64),
        test.target.astype(np.int64),
    )
    scores = interpret(model.graph, raw, offsets).scores
    wrong = scores.argmax(axis=1) != target
    curve = risk_coverage(margins(scores), wrong)
    found: dict[str, Any] = {
        "items": len(target),
        "wrong": int(wrong.sum()),
        "model": str(candidate),
        "AURC of the margin": curve.aurc,
        "AURC of the highest score": risk_coverage(scores.max(axis=1), wrong).aurc,
        "AURC if mistakes came first": curve.least_aurc,
        "rules": {},
        "rejected": {},
    }
    rules = _rules(model)
    groups = _numbers(test)
    for name, rule in rules.items():
        found["rules"][name] = _judged(said(scores, rule), target, groups)
    for risk in RISKS:
        answers = np.where(
            scores.max(axis=1) >= (1 - risk) / SCORE_SCALE, scores.argmax(axis=1), len(data.classes)
        )
        found["rules"][f"control: highest score of 1 - risk, risk {risk:g}"] = _judged(
            answers, target, groups
        )
        if (ours := found["rules"].get(f"items, risk {risk:g}")) is not None:
            keep = generator(fold, "reject", "random").random(len(target)) < ours["answered"] / len(target)
            answers = np.where(keep, scores.argmax(axis=1), len(data.classes))
            found["rules"][f"control: at random, risk {risk:g}"] = _judged(answers, target, groups)
    chosen = {name: rules[name] for name in ("items, risk 0.1", "items behind a box, risk 0.1")}
    found["rejected"] |= _broken(model, raw, offsets, chosen)
    found["rejected"] |= _unseen(train, test, candidate)
    return found | _in_c(model, raw, offsets, chosen["items behind a box, risk 0.1"])


def _chosen(train: Dataset) -> Candidate:
    """Return the preset with the least loss in validation by subject."""
    problem = prepare(train, SensorFormat.calibrate(train.values), None, 0)
    presets = [{name: value for name, value in p.items() if name != "size"} for p in PRESETS[:OWN]]
    candidates = [Candidate(units=UNITS, seed=0, **preset) for preset in presets]
    return min(candidates, key=lambda candidate: evaluate(problem, candidate).loss)


def _model(train: Dataset, candidate: Candidate) -> Model:
    """Return the model of all training items, and the scores of readouts that had not seen a part of the people."""
    problem: Problem = prepare(train, SensorFormat.calibrate(train.values), None, 0)
    ridge = evaluate(problem, candidate).ridge
    seen = see(problem, candidate)
    held_out = np.zeros((len(problem.target), len(problem.classes)), np.int64)
    for part in range(int(problem.fold[0].max()) + 1):
        held = problem.fold[0] == part
        statistics = RidgeStatistics.of(seen.pooled[~held], seen.wanted[~held])
        held_out[held] = _scores(readout(seen, statistics, ridge, problem), problem, held)
    graph = readout(seen, RidgeStatistics.of(seen.pooled, seen.wanted), ridge, problem)
    learned = _scores(graph, problem, np.ones(len(problem.target), bool))
    return Model(graph, problem.sensor, held_out, learned, problem.target, _numbers(train))


def _numbers(data: Dataset) -> Int[np.ndarray, " item"]:
    """Return the number of each item's subject, in the order of their names."""
    return np.unique(np.asarray(data.groups), return_inverse=True)[1].astype(np.int64)


def _scores(graph: Graph, problem: Problem, held: Bool[np.ndarray, " item"]) -> Int[np.ndarray, "item class"]:
    steps = np.diff(problem.offsets)
    raw = problem.raw[np.repeat(held, steps)]
    return interpret(graph, raw, np.concatenate([[0], np.cumsum(steps[held])])).scores


def _rules(model: Model) -> dict[str, Rule]:
    """Return every rule that can be calibrated, by its name."""
    scores, target, groups = model.held_out, model.target, model.groups
    half = generator(0, "reject", "people").permutation(int(groups.max()) + 1)[groups] % 2 == 0
    known = box(scores[half], STRANGE, groups[half])
    made: dict[str, Rule] = {}
    for risk in RISKS:
        calls = {
            "items": lambda risk=risk: for_items(scores, target, risk),
            "items by class": lambda risk=risk: for_items(scores, target, risk, by_class=True),
            "items behind a box": lambda risk=risk: for_items(
                scores[~half], target[~half], risk, known=known
            ),
            "groups": lambda risk=risk: for_groups(scores, target, groups, risk),
            "control: margin of learned items": lambda risk=risk: _fitted(model.learned, target, risk),
        }
        for name, call in calls.items():
            try:
                made[f"{name}, risk {risk:g}"] = call()
            except InputError as refused:
                if refused.code != "E157":
                    raise
    return made


def _fitted(scores: Int[np.ndarray, "item class"], target: Int[np.ndarray, " item"], risk: float) -> Rule:
    """Return the least margin with which the answers to these items have the error `risk`, whatever that is worth."""
    margin, wrong = margins(scores), scores.argmax(axis=1) != target
    curve = risk_coverage(margin, wrong)
    n = round(curve.coverage_at(risk) * len(margin))
    return Rule(np.array([int(np.sort(margin)[::-1][n - 1])] * scores.shape[1]))


def _judged(
    answers: Int[np.ndarray, " item"], target: Int[np.ndarray, " item"], groups: Int[np.ndarray, " item"]
) -> dict[str, Any]:
    answered = answers <= target.max()
    wrong = answered & (answers != target)
    of = [(wrong[groups == g].sum(), answered[groups == g].sum()) for g in np.unique(groups)]
    return {
        "items": len(target),
        "answered": int(answered.sum()),
        "wrong": int(wrong.sum()),
        "of subjects": [float(k / n) for k, n in of if n],
    }


def _broken(
    model: Model,
    raw: Integer[np.ndarray, "row channel"],
    offsets: Int[np.ndarray, " n"],
    rules: dict[str, Rule],
) -> dict[str, list[int]]:
    """Return how many windows of a broken watch are rejected, of how many."""
    found: dict[str, list[int]] = {}
    for (sensor, channels), fault in itertools.product(
        {"accelerometer": ACCELEROMETER, "gyroscope": GYROSCOPE}.items(), FAULTS
    ):
        scores = interpret(model.graph, unplugged(raw, channels, fault), offsets).scores
        for name, rule in rules.items():
            rejected = said(scores, rule) == scores.shape[1]
            found[f"{sensor} of {fault}, {name}"] = [int(rejected.sum()), len(rejected)]
    return found


def _unseen(train: Dataset, test: Dataset, candidate: Candidate) -> dict[str, list[int]]:
    """Return how many windows of a class that a model has not seen are rejected, of how many, for each class."""
    found: dict[str, list[int]] = {}
    for c, name in enumerate(train.classes):
        kept = np.flatnonzero(train.target != c)
        classes = tuple(other for other in train.classes if other != name)
        some = train.select(kept)
        some = replace(
            some, classes=classes, target=(some.target - (some.target > c)).astype(some.target.dtype)
        )
        model = _model(some, candidate)
        unseen = test.select(np.flatnonzero(test.target == c))
        if not len(unseen):
            continue
        raw = model.sensor.encode(unseen.values)
        scores = interpret(model.graph, raw, unseen.offsets.astype(np.int64)).scores
        rules = _rules(model)
        for way in ("items, risk 0.1", "items behind a box, risk 0.1"):
            rejected = said(scores, rules[way]) == scores.shape[1] if way in rules else np.zeros(0, bool)
            found[f"{name} unseen, {way}"] = [int(rejected.sum()), len(rejected)]
    return found


def _in_c(
    model: Model, raw: Integer[np.ndarray, "row channel"], offsets: Int[np.ndarray, " n"], rule: Rule
) -> dict[str, Any]:
    """Return how many answers of the C differ, and what the option takes."""
    graph = with_reject(model.graph, rule)
    given = np.concatenate([raw, unplugged(raw, GYROSCOPE, "noise")])
    ends = np.concatenate([offsets, offsets[1:] + offsets[-1]])
    wanted = interpret(graph, given, ends)
    sequences = [given[a:b] for a, b in itertools.pairwise(ends)]
    host = run_on_host(emit(graph), sequences)
    differing = int((host.classes != wanted.classes).sum() + (host.scores != wanted.scores).any(axis=1).sum())
    some = [int(i) for i in np.linspace(0, len(sequences) - 1, ON_DEVICE)]
    images = {
        name: build(emit(made), device("cortex_m4"))
        for name, made in {
            "plain": model.graph,
            "margins": with_reject(graph, Rule(rule.least)),
            "box": graph,
        }.items()
    }
    runs = {name: emulate(images[name], [sequences[i] for i in some]) for name in ("plain", "box")}
    differing += int((runs["box"].outputs.classes != wanted.classes[some]).sum())
    more = runs["box"].inference_instructions.astype(int) - runs["plain"].inference_instructions.astype(int)
    return {
        "differing": differing,
        "compared": len(sequences) + len(some),
        "flash added by margins": float(images["margins"].flash_b - images["plain"].flash_b),
        "flash added by margins and box": float(images["box"].flash_b - images["plain"].flash_b),
        "instructions added by margins and box": float(more.mean()),
    }
