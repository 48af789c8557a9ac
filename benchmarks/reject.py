"""A reject option keeps the errors of its answers on people never seen, and says no class to what it cannot know.

`sp_sw_har`, all windows of the watch; the error without rejecting is over 10 %, since many windows hold two activities.
5 folds: the subjects with number % 5 == fold are tested. A third of the other subjects is set aside, as `sarto fit
--reject` does. The reservoir is the preset of 64 units that validates best on those that are left; the option is
calibrated on the integers of the model that is tested, on who was set aside: margins for items at 90 % confidence, the
same by class, behind a box of the scores, and behind one with outputs beside them. The bars are of the pooled test
items.

Beside it the way that learns from everybody: readouts of parts of the people score the rest, and calibrate a model of
all people, for which nothing is promised; margins for groups need so many people that there is no other way here.
Controls at the same risks: the margin chosen on the items that the readout has learned from; a score of 1 - risk or
more, uncalibrated; and items rejected at random, as many as the option rejects.

Then what nobody knows: activities that a model has not seen, each of the five left out in turn, and windows of a watch
whose accelerometer or gyroscope gives zeros, a constant, or noise, by the reservoir and by a small convolutional
network. Boxes are compared where each rejects 5 % of the known windows of people never seen, with the margin, random
directions and the Mahalanobis distance (`_reject_box`); and the same with nine speakers of Japanese vowels, four left
out in turn, half of the channels broken. How many outputs there are was chosen on these windows, and how far off they
may be on these and on the speakers.

The C, with the option, must equal NumPy on every test window, broken ones among them, on this host, and on an emulated
Cortex-M4 for some.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool, Int, Integer

from benchmarks._bench import Bench, real_data
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most
from benchmarks._reject_box import BESIDE_THEM, SCORES, boxed, rejected
from benchmarks._reject_c import in_c
from sarto.audit.reject import FAULTS, risk_coverage, unplugged
from sarto.core.dataset import Dataset
from sarto.core.graph import Graph, decide, interpret
from sarto.core.graph.reject import Rule, margins, said
from sarto.core.seed import generator
from sarto.data.load import load
from sarto.data.splits import Split, split
from sarto.deploy.lower import SCORE_SCALE
from sarto.deploy.reject import with_reject
from sarto.deploy.sensor import SensorFormat
from sarto.learn.reject import for_groups, for_items
from sarto.learn.statistics import RidgeStatistics
from sarto.measure.model import RawSequences, interpreted
from sarto.models.input_error import InputError
from sarto.search.families import network
from sarto.search.families.reservoir import PRESETS, Candidate
from sarto.search.problem import Problem, prepare
from sarto.search.rejecting import BESIDE, Items, rule_of, set_aside
from sarto.search.trial import evaluate, final, readout, see

MINUTES = 6
DATA, OTHER = "sp_sw_har/windows_2s_50hz.npz", "japanese_vowels/japanese_vowels.npz"
FOLDS = 5
RISKS = (0.05, 0.1)
UNITS, OWN = 64, 9
"""Of the reservoir, which fits 16 KiB; and presets of `sarto.search.families.reservoir` that are tried."""
ACCELEROMETER, GYROSCOPE = (0, 1, 2), (3, 4, 5)
SMALL = network.Candidate(units=16, seed=0, rate=3e-3, name="cnn1d", depth=2)
BOX, WITH_OUTPUTS = "items behind a box of scores", "items behind a box with outputs"
SEEDS, FEW_UNITS, LEFT_OUT = 3, 12, 4
"""Of the speakers: seeds of split and models, units of the reservoir, and how many are left out, one at a time."""


@dataclass(frozen=True, eq=False)
class Model:
    """A fold's model, and what calibrates it: items that were learned from and set aside, and their scores."""

    graph: Graph
    sensor: SensorFormat
    learned: Items
    aside: Items
    learned_scores: Int[np.ndarray, "item class"]
    scores: Int[np.ndarray, "item class"]


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
    for name in [name for name in folds[0] if name.startswith("flash added")]:
        add(name, [fold[name] for fold in folds], "B")
    for name in [name for name in folds[0] if name.startswith("instructions added")]:
        add(name, [fold[name] for fold in folds], "instructions", "emulated")
    boxes = boxed(folds, add)
    speakers = [
        {"boxes": bench.once({"seed": seed}, _speakers, seed)} for seed in range(1 if bench.quick else SEEDS)
    ]
    boxed(speakers, add, ", speakers")
    differing = sum(fold["differing"] for fold in folds)
    figures["answers of the C that differ"] = Figure(
        differing, "answers", "emulated", sum(f["compared"] for f in folds)
    )
    bars: list[Bar] = []
    for risk in RISKS:
        for way in ("items", "items by class", BOX, WITH_OUTPUTS):
            error = figures[f"{way}, risk {risk:g}: error of answers"].value
            bars.append(at_most(f"error of answers, {way}, risk {risk:g}", error, risk))
    mean = figures["groups (cross-fitted), risk 0.1: wrong answers in all items"].value
    bars.append(at_most("wrong answers in all items, groups, risk 0.1", mean, 0.1))
    for model in ("reservoir", "network"):
        for kind, wanted in (("noise", 0.2), ("an unseen class", 0.0)):
            gain = boxes[model, kind, BESIDE_THEM] - boxes[model, kind, SCORES]
            bars.append(
                at_least(
                    f"rejected share of {kind}, {model}, more by outputs beside the scores", gain, wanted
                )
            )
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
    learn, aside = _apart(data, tested)
    candidate = _chosen(learn)
    model = _model(learn, aside, candidate)
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
        answers = interpret(with_reject(model.graph, rule), raw, offsets).classes
        found["rules"][name] = _judged(answers, target, groups)
    found["rules"] |= _cross_fitted(train, test, candidate)
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
    chosen = {name: rules[name] for name in (f"{way}, risk 0.1" for way in ("items", BOX, WITH_OUTPUTS))}
    found["rejected"] |= _broken(model, raw, offsets, chosen)
    found["boxes"] = _strange(learn, aside, test, candidate, fold)
    return found | in_c(model.graph, raw, offsets, GYROSCOPE, chosen)


def _apart(data: Dataset, tested: Bool[np.ndarray, " item"]) -> tuple[Dataset, Dataset]:
    """Return who is learned from, and who is set aside."""
    whole = Split(np.flatnonzero(~tested), np.flatnonzero(tested), "by subject")
    parts, aside = set_aside(data, whole, min(RISKS), 0)
    return data.select(parts.train), aside


def _chosen(train: Dataset) -> Candidate:
    """Return the preset with the least loss in validation by subject."""
    problem = prepare(train, SensorFormat.calibrate(train.values), None, 0)
    presets = [{name: value for name, value in p.items() if name != "size"} for p in PRESETS[:OWN]]
    candidates = [Candidate(units=UNITS, seed=0, **preset) for preset in presets]
    return min(candidates, key=lambda candidate: evaluate(problem, candidate).loss)


def _model(learn: Dataset, aside: Dataset, candidate: Candidate | network.Candidate) -> Model:
    """Return a model of who is learned from."""
    problem = prepare(learn, SensorFormat.calibrate(learn.values), None, 0)
    ridge = evaluate(problem, candidate).ridge if isinstance(candidate, Candidate) else 0.0
    graph = final(problem, candidate, ridge)
    both = Items.of(learn, problem.sensor), Items.of(aside, problem.sensor)
    scores = [interpreted(graph, items.given).scores for items in both]
    return Model(graph, problem.sensor, *both, *scores)


def _cross_fitted(train: Dataset, test: Dataset, candidate: Candidate) -> dict[str, Any]:
    """Return what margins do for a model of all people, calibrated by readouts that had not seen a part of them."""
    problem: Problem = prepare(train, SensorFormat.calibrate(train.values), None, 0)
    ridge = evaluate(problem, candidate).ridge
    seen = see(problem, candidate)
    held_out = np.zeros((len(problem.target), len(problem.classes)), np.int64)
    for part in range(int(problem.fold[0].max()) + 1):
        held = problem.fold[0] == part
        statistics = RidgeStatistics.of(seen.pooled[~held], seen.wanted[~held])
        held_out[held] = decide(readout(seen, statistics, ridge, problem), seen.means[held]).scores
    graph = final(problem, candidate, ridge)
    tested = Items.of(test, problem.sensor)
    scores = interpreted(graph, tested.given).scores
    found: dict[str, Any] = {}
    for risk in RISKS:
        ways = {
            "items (cross-fitted)": lambda risk=risk: for_items(held_out, problem.target, risk),
            "groups (cross-fitted)": lambda risk=risk: for_groups(
                held_out, problem.target, _numbers(train), risk
            ),
        }
        for name, rule in _made(ways, risk).items():
            found[name] = _judged(said(scores, rule), tested.target, _numbers(test))
    return found


def _made(calls: dict[str, Any], risk: float) -> dict[str, Rule]:
    """Return the rules that can be calibrated, by their name and risk."""
    made: dict[str, Rule] = {}
    for name, call in calls.items():
        try:
            made[f"{name}, risk {risk:g}"] = call()
        except InputError as refused:
            if refused.code != "E157":
                raise
    return made


def _numbers(data: Dataset) -> Int[np.ndarray, " item"]:
    """Return the number of each item's subject, in the order of their names."""
    return np.unique(np.asarray(data.groups), return_inverse=True)[1].astype(np.int64)


def _rules(model: Model) -> dict[str, Rule]:
    """Return every rule that can be calibrated on who was set aside, by its name."""
    made: dict[str, Rule] = {}
    target, own = model.aside.target, model.learned.target

    def behind(beside: int, risk: float) -> Rule:
        return rule_of(model.graph, model.learned, model.aside, risk, beside)

    for risk in RISKS:
        calls = {
            "items": lambda risk=risk: for_items(model.scores, target, risk),
            "items by class": lambda risk=risk: for_items(model.scores, target, risk, by_class=True),
            BOX: lambda risk=risk: behind(0, risk),
            WITH_OUTPUTS: lambda risk=risk: behind(BESIDE[0], risk),
            "control: margin of learned items": lambda risk=risk: _fitted(model.learned_scores, own, risk),
        }
        made |= _made(calls, risk)
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
        given = unplugged(raw, channels, fault)
        for name, rule in rules.items():
            none = interpret(with_reject(model.graph, rule), given, offsets).classes == len(
                model.graph.outputs
            )
            found[f"{sensor} of {fault}, {name}"] = [int(none.sum()), len(none)]
    return found


def _strange(
    learn: Dataset, aside: Dataset, test: Dataset, candidate: Candidate, fold: int
) -> dict[str, dict[str, dict[str, float]]]:
    """Return what boxes reject of broken sensors and unseen activities, by the model and the way to tell."""
    sensors = {"accelerometer": ACCELEROMETER, "gyroscope": GYROSCOPE}
    return _compared(learn, aside, test, candidate, fold, sensors, len(test.classes))


def _speakers(seed: int) -> dict[str, dict[str, dict[str, float]]]:
    """Return the same of other data."""
    data = replace(load(real_data(OTHER)), split=None)
    parts = split(data, seed, 0.4)
    rest = data.select(parts.train)
    found = split(rest, seed)
    preset = {name: value for name, value in PRESETS[0].items() if name != "size"}
    candidate = Candidate(units=FEW_UNITS, seed=seed, **preset)
    half = {"first half": tuple(range(len(data.channels) // 2))}
    learn, aside, test = rest.select(found.train), rest.select(found.test), data.select(parts.test)
    return _compared(learn, aside, test, candidate, seed, half, LEFT_OUT)


def _compared(
    learn: Dataset,
    aside: Dataset,
    test: Dataset,
    candidate: Candidate,
    seed: int,
    sensors: dict[str, tuple[int, ...]],
    left_out: int,
) -> dict[str, dict[str, dict[str, float]]]:
    found: dict[str, dict[str, dict[str, float]]] = {}
    for model, settings in {"reservoir": candidate, "network": replace(SMALL, seed=seed)}.items():
        made = _model(learn, aside, settings)
        known = Items.of(test, made.sensor).given
        strange = {
            f"{fault} of the {sensor}": RawSequences(unplugged(known.raw, channels, fault), known.offsets)
            for sensor, channels in sensors.items()
            for fault in FAULTS
        }
        found[model] = rejected(made.graph, made.learned, known, strange, seed)
        for c, name in enumerate(test.classes[:left_out]):
            here = np.flatnonzero(test.target == c)
            if not len(here):
                continue
            made = _model(_without(learn, c), _without(aside, c), settings)
            known = Items.of(test.select(np.flatnonzero(test.target != c)), made.sensor).given
            unseen = {f"unseen {name}": Items.of(test.select(here), made.sensor).given}
            for way, shares in rejected(made.graph, made.learned, known, unseen, seed).items():
                found[model][way] |= shares
    return found


def _without(data: Dataset, c: int) -> Dataset:
    """Return the items of all other classes."""
    some = data.select(np.flatnonzero(data.target != c))
    target = (some.target - (some.target > c)).astype(some.target.dtype)
    return replace(some, classes=(*data.classes[:c], *data.classes[c + 1 :]), target=target)
