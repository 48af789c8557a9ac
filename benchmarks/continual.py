"""Exact statistics forget nothing of a stream; plasticity that goes on does; heads of one's own, alarms, labels.

Streams of `_streams` (subjects and speakers one by one, classes two at a time), methods and controls of
`_stream_methods`, in four arrangements: all data at once in one place (centralised) or with one client for each
subject, speaker or class (federated), experiences one after the other in one place (continual) or on three clients
(federated-continual). Without a stream there is no difference between FedIP, FedCLIP, replay and joint: all adapt to
all data, and stand as FedIP.

Every method gets the same `SETTINGS` reservoirs and rules, and takes the one with the most right answers on validation
items at the end of the stream in one place, with all experiences at hand: harder tuned than a stream allows, and all
alike. Tested items are looked at once, after that. Forward transfer is counted from the accuracy of a guess among all
classes.

Bars: the readout of exact statistics after the last experience against that of all rows at once, in weights, with a
ridge of `RELATIVE` in units of the mean eigenvalue, in every arrangement; and the most by which the accuracy of a
readout of all rows so far exceeds theirs, on any experience after any: what they forget. Forgetting as Chaudhry et al.
define it is a figure: where classes are added, it is not 0 for any method. Heads of one's own against the general one,
labels by leverage against random ones, and alarms against their promise: see `_own_heads`. Nobody set numbers for these
three; that none is to be below the other is our bar.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable
from itertools import product
from typing import Any

import numpy as np

from benchmarks._bench import Bench
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most, over_seeds
from benchmarks._own_heads import (
    BATCHES_UNTIL,
    ITEMS_UNTIL,
    LABELS,
    OWN_ROWS,
    alarms,
    labels,
    own_heads,
)
from benchmarks._paired import paired
from benchmarks._stream_methods import (
    CONTROLS,
    METHODS,
    STALE,
    Known,
    Setting,
    at_once,
    features_of,
    learned,
    settings,
    stale,
    statistics_of,
)
from benchmarks._streams import TASKS, Task
from sarto.core.errors import SartoError
from sarto.learn.continual.measures import (
    average_accuracy,
    backward_transfer,
    forgetting,
    forward_transfer,
)
from sarto.learn.heads.linear import ridge_head

MINUTES = 25
SETTINGS, QUICK_SETTINGS = 4, 1
RELATIVE = 1e-4
BLOCKS = 6
"""Rows and columns of the accuracy matrix that is kept: of longer streams, means of neighbours."""
TUNED = ("none", "FedIP", "FedCLIP", "replay", "joint")
MEASURES = ("average accuracy", "backward transfer", "forward transfer", "forgetting")


def run(bench: Bench) -> Outcome:
    """Return accuracies, transfer and forgetting, and what is asked besides."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    for name in ["digits"] if bench.quick else list(TASKS):
        runs = [_seed(bench, name, seed) for seed in bench.seeds]
        figures |= _figures(name, runs)
        bars += _bars(name, runs, figures)
    return Outcome(figures, () if bench.quick else tuple(bars))


def _seed(bench: Bench, name: str, seed: int) -> dict[str, Any]:
    """Return all that is found with a seed, each part once."""
    task = TASKS[name](seed)

    def once(what: str, work: Callable[..., Any], *arguments: Any) -> Any:
        return bench.once({"data": name, "seed": seed, "what": what, "quick": bench.quick}, work, *arguments)

    count = QUICK_SETTINGS if bench.quick else SETTINGS
    picked: dict[str, int] = {m: once(f"pick {m}", pick, task, m, count, seed) for m in TUNED}
    found: dict[str, Any] = {}
    for method in (*METHODS, *CONTROLS):
        setting = settings(seed, count)[picked[method.split(",")[0]]]
        for arrangement in ("continual", "federated-continual"):
            key = f"{arrangement}, {method}"
            found[key] = once(key, streamed, task, setting, method, arrangement != "continual")
            said = ", ".join(f"{what} {found[key][method][what]:.3f}" for what in MEASURES)
            bench.say(f"{name}, seed {seed}, {key}: {said}")
        if method in ("none", "FedIP"):
            for arrangement in ("centralised", "federated"):
                key = f"{arrangement}, {method}"
                found[key] = once(key, at_one_time, task, setting, method, arrangement != "centralised")
    features = features_of(
        task, plain := settings(seed, count)[picked["none"]], plain.reservoir(task.x.channels)
    )
    works: list[tuple[str, Callable[..., Any]]] = [("labels", labels), ("alarms", alarms)]
    if name != "digits":
        works.append(("own heads", own_heads))
    for what, work in works:
        found[what] = once(what, work, task, features, seed)
    return found


def pick(task: Task, method: str, count: int, seed: int) -> int:
    """Return the number of the setting with the most right answers on validation items at the end of the stream."""
    stream, held = task.arriving(~task.tested & ~task.validation), task.items(task.validation)
    stream = at_once(stream) if method == "joint" else stream
    right: list[float] = []
    for setting in settings(seed, count):
        try:
            *_, last = learned(task, setting, method, stream, None, held, only_last=True)
            right.append(last.right(task, held))
        except SartoError:  # a rule that runs away with these inputs
            right.append(-1.0)
    return int(np.argmax(right))


def streamed(task: Task, setting: Setting, method: str, federated: bool) -> dict[str, Any]:
    """Return measures and matrix of a method, and of FedCLIP those of its control too."""
    clients = task.clients if federated else None
    tested = task.items(task.tested)
    known = list(learned(task, setting, method, task.arriving(~task.tested), clients, tested))
    found = {method: _measured(task, known)}
    if method == "FedCLIP":
        found[STALE] = _measured(task, stale(known))
    if method == "none":
        found[method] |= _against_joint(task, known)
    return found


def at_one_time(task: Task, setting: Setting, method: str, federated: bool) -> dict[str, Any]:
    """Return the accuracy of a method that has all data at once."""
    clients, everything = task.owners if federated else None, at_once(task.arriving(~task.tested))
    tested = task.items(task.tested)
    (known,) = learned(task, setting, method, everything, clients, tested)
    found = {"accuracy": known.right(task, tested)}
    return found | (_against_joint(task, [known]) if method == "none" else {})


def _measured(task: Task, known: list[Known]) -> dict[str, Any]:
    tested = [items[task.tested[items]] for items in (e.items for e in task.stream)]
    R = np.array([[one.right(task, items) for items in tested] for one in known])
    guess = np.full(len(R), 1 / task.classes)
    values = (average_accuracy(R), backward_transfer(R), forward_transfer(R, guess), forgetting(R))
    parts = np.array_split(np.arange(len(R)), min(BLOCKS, len(R)))
    blocks = [[float(R[np.ix_(i, j)].mean()) for j in parts] for i in parts]
    return {**dict(zip(MEASURES, values, strict=True)), "matrix": blocks}


def _against_joint(task: Task, known: list[Known]) -> dict[str, float]:
    """Return how far exact statistics are from those of all rows so far, in weights at the end and in accuracy ever."""
    lost, apart = 0.0, 0.0
    for one in known:
        joint = statistics_of(task, one.features, np.sort(one.items), None)
        ridge = joint.ridge_from_relative(RELATIVE)
        heads = [ridge_head(each, ridge) for each in (joint, one.statistics)]
        apart = float(np.abs(heads[0].weights - heads[1].weights).max() / np.abs(heads[0].weights).max())
        for experience in task.stream:
            items = experience.items[task.tested[experience.items]]
            answers = [head.predict(one.features[items]) for head in heads]
            right = [int(np.count_nonzero(each == task.target[items])) / len(items) for each in answers]
            lost = max(lost, right[0] - right[1])
    return {"apart": apart, "lost": lost}


def _figures(name: str, runs: list[dict[str, Any]]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for arrangement in ("centralised", "federated"):
        for method in ("none", "FedIP"):
            values = [run[f"{arrangement}, {method}"]["accuracy"] for run in runs]
            figures |= over_seeds(f"{name}, {arrangement}, {method}: accuracy", values, "1", "measured")
    for arrangement in ("continual", "federated-continual"):
        for method in (*METHODS, *CONTROLS, STALE):
            own = [run[f"{arrangement}, {'FedCLIP' if method == STALE else method}"][method] for run in runs]
            for what in MEASURES:
                values = [one[what] for one in own]
                figures |= over_seeds(f"{name}, {arrangement}, {method}: {what}", values, "1", "measured")
            if arrangement == "continual" and method in METHODS:
                R = np.array([one["matrix"] for one in own])
                for i, j in np.ndindex(R.shape[1:]):
                    key = f"{name}, {method}: accuracy on part {j + 1} after part {i + 1}"
                    figures |= over_seeds(key, R[:, i, j].tolist(), "1", "measured")
    for count in LABELS:
        for how in ("pool", "leverage", "random"):
            values = [run["labels"][str(count)][how] for run in runs]
            figures |= over_seeds(f"{name}, {count} labels: accuracy, {how}", values, "1", "measured")
    figures |= _own_figures(name, runs) if "own heads" in runs[0] else {}
    return figures | _alarm_figures(name, runs)


def _own_figures(name: str, runs: list[dict[str, Any]]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for count in OWN_ROWS:
        each = [run["own heads"][str(count)] for run in runs]
        by_domain = {
            head: {d: statistics.fmean(one[head][d] for one in each) for d in each[0][head]}
            for head in each[0]
        }
        for head in by_domain:
            values = [statistics.fmean(one[head].values()) for one in each]
            figures |= over_seeds(f"{name}, {count} own rows: accuracy, {head}", values, "1", "measured")
        for own, other in product(("towards", "weighted"), ("general", "rows added")):
            difference = paired(by_domain[own], by_domain[other])
            key = f"{name}, {count} own rows: {own} less {other}, interval of 95 % over domains"
            figures[key] = Figure(difference.mean, "1", "measured", difference.groups, difference.interval)
    return figures


def _alarm_figures(name: str, runs: list[dict[str, Any]]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    counts = {key: sum(run["alarms"]["counts"][key] for run in runs) for key in runs[0]["alarms"]["counts"]}
    for what, until in (("item", ITEMS_UNTIL), ("batche", BATCHES_UNTIL), ("in order", BATCHES_UNTIL)):
        key = {"item": "items", "batche": "batches", "in order": "in order"}[what]
        raised = counts[
            {"item": "item alarms", "batche": "batch alarms", "in order": "in order alarms"}[what]
        ]
        said = {"item": "errors", "batche": "features", "in order": "features, in the order of the data"}[
            what
        ]
        rate = raised * until / counts[key]
        figures[f"{name}, {said}: false alarms of those promised"] = Figure(
            rate, "1", "measured", counts[key]
        )
    for what in ("errors", "features"):
        delays = [delay for run in runs for delay in run["alarms"]["delays"][what]]
        came = [float(delay) for delay in delays if delay is not None]
        key = f"{name}, {what}, a new domain"
        figures[f"{key}: share with an alarm"] = Figure(len(came) / len(delays), "1", "measured", len(delays))
        if came:
            unit = "items" if what == "errors" else "batches"
            figures |= over_seeds(f"{key}: until the alarm", came, unit, "measured", "median")
    return figures


def _bars(name: str, runs: list[dict[str, Any]], figures: dict[str, Figure]) -> list[Bar]:
    exact = [run[key] for run in runs for key in run if key.endswith("ed, none")]
    exact += [run[key]["none"] for run in runs for key in ("continual, none", "federated-continual, none")]
    bars = [
        at_most(
            f"{name}: exact statistics against all rows, relative max |dW|",
            max(e["apart"] for e in exact),
            1e-9,
        ),
        at_most(
            f"{name}: accuracy that exact statistics forget, largest", max(e["lost"] for e in exact), 1e-9
        ),
    ]
    for said in ("errors", "features"):
        key = f"{name}, {said}: false alarms of those promised"
        bars.append(at_most(key, figures[key].value, 1.0))
    for count in LABELS:
        random = figures[f"{name}, {count} labels: accuracy, random, mean"].value
        for how in ("pool", "leverage"):
            gain = figures[f"{name}, {count} labels: accuracy, {how}, mean"].value - random
            bars.append(at_least(f"{name}, {count} labels: {how} less random, mean", gain, 0.0))
    for count, own in product(OWN_ROWS if "own heads" in runs[0] else (), ("towards", "weighted")):
        key = f"{name}, {count} own rows: {own} less general"
        value = figures[f"{key}, interval of 95 % over domains"].value
        bars.append(at_least(f"{key}, mean", value, 0.0))
    return bars
