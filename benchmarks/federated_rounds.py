"""Statistics sent once reach an accuracy in fewer rounds than heads trained by FedAvg, FedProx and SCAFFOLD.

Six federations (`_federated_tasks`), `SEEDS` seeds, 10 clients a round, all where there are few. FED3R visits each
client once (`auto` payloads); its accuracy on tested items is what the others are to reach: at the first look at which
they do, generous to them since looks are every round, and at the first at which the mean of the last `LAST` looks does.
All go on to the cap: final accuracies are means of the last `LAST` looks, whoever wins. What is not reached counts as
the cap, and the figure beside says in how many seeds it was reached. Rounds and bytes are over those of FED3R.

    head       softmax on the very features of FED3R
    network    two hidden layers of 64, on the inputs of these features, for `NETWORKS`
    one place  softmax on the features, all rows in one place, at most `PASSES` passes: the upper mark of a head

A client takes `STEPS` steps on batches of 32. Settings are chosen on rows held back of the training clients
(`_federated_tasks`), with seed 0, those of networks with all seeds: of FED3R bandwidth and ridge, of all others the
learning rate with the fewest rounds to FED3R's accuracy there, or if one seed does not reach it the best last looks, in
as many rounds as are tested, so that a rate that spoils a network late is seen; of FedProx then mu from `MUS`, the
least of which is nearly FedAvg. Rates are a factor of
root 10 apart, and a grid grows until the best is inside; one on the edge is a missed bar. Control: the accuracy of
FedAvg when it has spent FED3R's bytes.

Bar: on random features, FED3R needs fewer rounds than every head-only method in every seed. Not so on pixels, where
nothing was promised; a network, or a softmax on pixels, may well end above least squares.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool, Float, Int

from benchmarks._bench import Bench
from benchmarks._federated_courses import LAST, last, on_edge, rate, reached, searched, smoothed
from benchmarks._federated_tasks import TASKS, Task, of
from benchmarks._outcome import Bar, Figure, Outcome, above, at_most, over_seeds
from sarto.core.executors import open_executor
from sarto.data.examples import Examples
from sarto.learn.federated import fed3r, fedavg, fedprox, scaffold
from sarto.learn.federated._contract import Population
from sarto.learn.federated._linear import LinearModel
from sarto.learn.federated._network import NetworkModel
from sarto.learn.federated._simulate import Participation, Simulation
from sarto.learn.statistics import RidgeStatistics
from sarto.models.network.named import named

MINUTES = 60
SEEDS, PER_ROUND, STEPS = 3, 10, 10
CAPS = {
    "digits, pixels": 200, "digits": 300, "sp_sw_har": 200, "fsdd": 300, "MNIST, alpha .05": 200,
    "MNIST, one class": 200,
}  # fmt: skip
"""Rounds after which everybody stops."""
PASSES = 100
NETWORKS = ("digits", "sp_sw_har")
METHODS: dict[str, Any] = {
    "FedAvg": fedavg.Method,
    "FedProx": fedprox.Method,
    "SCAFFOLD": scaffold.Method,
}
MUS = (0.01, 0.1, 1.0)
BANDWIDTHS = (0.25, 0.5, 1.0, 2.0)
RIDGES = tuple(10.0**e for e in range(-6, 3))
"""In units of the mean eigenvalue."""
FIRST = {"head": -4, "network": -2, "one place": -4}
"""Exponent at which the search of a rate, 10^(exponent / 2), begins."""
QUICK_CAP = 12

Course = dict[str, Any]


def run(bench: Bench) -> Outcome:
    """Return rounds, bytes and accuracies."""
    names = ["digits, pixels"] if bench.quick else list(TASKS)
    figures: dict[str, Figure] = {}
    ratios: dict[str, list[float]] = {}
    edges = 0
    with open_executor(bench.workers) as executor, ThreadPoolExecutor(bench.workers) as waiting:
        exacts = [waiting.submit(_exact, bench, executor, name) for name in names]
        of_name = {name: each.result() for name, each in zip(names, exacts, strict=True)}
        jobs = [(name, kind, m) for name in names for kind in _kinds(bench, name) for m in _methods(kind)]
        begun = [waiting.submit(_courses, bench, executor, *job, of_name[job[0]]) for job in jobs]
        runs = [each.result() for each in begun]
    for name, found in of_name.items():
        figures |= _exact_figures(name, found)
    for (name, kind, method), found in zip(jobs, runs, strict=True):
        figures |= _figures(f"{name}, {kind}, {method}", found, of_name[name])
        edges += found["edge"]
        if kind == "head" and name != "digits, pixels":
            ratios.setdefault(name, []).extend(_over(found, of_name[name], "first", "rounds"))
    return Outcome(figures, () if bench.quick else tuple(_bars(ratios, edges, len(jobs))))


def _bars(ratios: dict[str, list[float]], edges: int, tuned: int) -> Iterator[Bar]:
    for name, each in ratios.items():
        what = f"{name}: rounds of a head-only method to FED3R's accuracy over FED3R's, least of methods and seeds"
        yield above(what, min(each), 1)
    yield at_most(f"best rates on an edge of their grid, of {tuned}", edges, 0)


def _kinds(bench: Bench, name: str) -> tuple[str, ...]:
    return ("head", *(("network",) if name in NETWORKS or bench.quick else ()), "one place")


def _methods(kind: str) -> tuple[str, ...]:
    return ("FedAvg",) if kind == "one place" else tuple(METHODS)


def _cap(bench: Bench, name: str) -> int:
    return QUICK_CAP if bench.quick else CAPS[name]


def _exact(bench: Bench, executor: Executor, name: str) -> dict[str, Any]:
    """Return what FED3R finds with each seed."""

    def once(what: str, work: Callable[..., Any], *arguments: Any) -> Any:
        settings = {"data": name, "what": what, "arguments": arguments}
        return bench.once(settings, lambda: executor.submit(work, name, *arguments).result())

    chosen = once("FED3R's settings", choose)
    seeds = [once("FED3R", exact, seed, chosen) for seed in range(1 if bench.quick else SEEDS)]
    bench.say(f"{name}: FED3R {chosen}, {seeds}")
    return {**chosen, "seeds": seeds}


def choose(name: str) -> dict[str, float]:
    """Return bandwidth and ridge of the most right answers on the rows held back, and how many are right."""
    best: tuple[float, float, float] = (-1.0, 1.0, 1.0)
    for bandwidth in (1.0,) if name == "digits, pixels" else BANDWIDTHS:
        task = of(name, 0, bandwidth)
        learned, held = _parts(task.train, task.held)
        there = _statistics(learned)
        ridges = [there.ridge_from_relative(relative) for relative in RIDGES]
        for relative, solution in zip(RIDGES, there.path(ridges), strict=True):
            right = _share(solution.predict(held.x), held)
            best = max(best, (right, bandwidth, relative))
    return {"bandwidth": best[1], "relative": best[2], "to reach": best[0]}


def _parts(data: Examples, held: Bool[np.ndarray, " item"]) -> tuple[Examples, Examples]:
    return data.select(np.flatnonzero(~held)), data.select(np.flatnonzero(held))


def _statistics(data: Examples) -> RidgeStatistics:
    return RidgeStatistics.of(data.x, data.y, classes=tuple(range(len(data.classes))), features_id="f")


def exact(name: str, seed: int, chosen: dict[str, float]) -> dict[str, float]:
    """Return accuracy, rounds and bytes of FED3R."""
    task = of(name, seed, chosen["bandwidth"])
    ridge = _statistics(task.train).ridge_from_relative(chosen["relative"])
    model = LinearModel.zeros(task.train.x.shape[1], task.train.classes, "f")
    population = Population(task.train, task.owner, task.names)
    ways = Participation(per_round=PER_ROUND if len(task.names) >= 10 * PER_ROUND else None)
    ended = Simulation(fed3r.Method(ridge=ridge), model, population, participation=ways, seed=seed).run()
    spent = ended.total("up") + ended.total("down")
    return {"accuracy": _right(ended.model, task.test), "rounds": len(ended.rounds), "bytes": spent}


def _share(scores: Float[np.ndarray, "item class"], data: Examples) -> float:
    return int(np.count_nonzero(scores.argmax(axis=1) == data.y)) / len(data)


def _right(model: Any, data: Examples) -> float:
    return _share(model.scores(data), data)


def _courses(
    bench: Bench, executor: Executor, name: str, kind: str, method: str, known: dict[str, Any]
) -> dict[str, Any]:
    """Tune a method, and return its looks with each seed."""
    cap = min(_cap(bench, name), PASSES) if kind == "one place" else _cap(bench, name)

    def looks(seed: int, settings: dict[str, float], *, tuning: bool) -> Course:
        about: list[Any] = [name, kind, method, seed, settings, known["bandwidth"], cap, tuning]
        return bench.once({"course": about}, lambda: executor.submit(course, *about).result())

    more = {"mu": MUS[1]} if method == "FedProx" else {}
    first = FIRST[kind] + (2 if name == "digits, pixels" and kind != "network" else 0)

    seen_with = range(len(known["seeds"]) if kind == "network" else 1)

    def score(settings: dict[str, float]) -> tuple[float, float]:
        return _score([looks(seed, settings, tuning=True) for seed in seen_with], known["to reach"])

    best, scores = searched(first, lambda exponent: score({"rate": rate(exponent), **more}))
    settings = {"rate": rate(best), **more}
    if more:
        settings["mu"] = max(MUS, key=lambda mu: score({**settings, "mu": mu}))
    seeds = [looks(seed, settings, tuning=False) for seed in range(len(known["seeds"]))]
    found = {"settings": settings, "edge": on_edge(best, scores), "seeds": seeds, "cap": cap}
    there = [_reached(one, own["accuracy"], "first") for one, own in zip(seeds, known["seeds"], strict=True)]
    final = [round(last(one["accuracy"]), 4) for one in seeds]
    bench.say(f"{name}, {kind}, {method}: {settings}, {sorted(scores)}, reached {there}, in the end {final}")
    return found


def _score(seen: list[Course], wanted: float) -> tuple[float, float]:
    """Return what is the larger the better: sooner there with all seeds, else better in the end."""
    there = [_reached(looks, wanted, "first") for looks in seen]
    sooner = -math.inf if None in there else -math.fsum(at for at in there if at is not None)
    return sooner, math.fsum(last(looks["accuracy"]) for looks in seen)


def _reached(looks: Course, wanted: float, how: str) -> int | None:
    """Return the round at which an accuracy is reached: by the first look, or by the mean of the last `LAST`."""
    return reached(looks["accuracy"] if how == "first" else smoothed(looks["accuracy"]), wanted)


def course(
    name: str,
    kind: str,
    method: str,
    seed: int,
    settings: dict[str, float],
    bandwidth: float,
    rounds: int,
    tuning: bool,
) -> Course:
    """Return accuracy and bytes so far after each round: on rows held back when tuning, else on tested ones."""
    torch.set_num_threads(1)
    task = of(name, seed, bandwidth)
    population, judged = _held_back(task, kind) if tuning else _all(task, kind)
    model: Any = LinearModel.zeros(judged.x.shape[1], judged.classes, "f")
    if kind == "network":
        model = NetworkModel.of(named("mlp", judged.x.shape[1:], len(judged.classes)), judged.classes, seed)
    few = len(task.names) < 10 * PER_ROUND
    local: dict[str, Any] = {"epochs": 1} if kind == "one place" else {"steps": STEPS}
    with np.errstate(over="ignore", invalid="ignore"):
        ended = Simulation(
            METHODS[method](**settings, **local),
            model,
            population,
            rounds=rounds,
            participation=Participation(per_round=None if few else PER_ROUND),
            seed=seed,
            judge=lambda found: {"accuracy": _right(found, judged)},
        ).run()
    looks = ended.judged[-rounds:]
    return {"accuracy": [one["accuracy"] for one in looks], "bytes": [one["bytes"] for one in looks]}


def _all(task: Task, kind: str) -> tuple[Population, Examples]:
    data, tested = (task.inputs, task.test_inputs) if kind == "network" else (task.train, task.test)
    return _population(data, task.owner, task, kind), tested


def _held_back(task: Task, kind: str) -> tuple[Population, Examples]:
    data = task.inputs if kind == "network" else task.train
    learned, held = _parts(data, task.held)
    return _population(learned, task.owner[~task.held], task, kind), held


def _population(data: Examples, owner: Int[np.ndarray, " item"], task: Task, kind: str) -> Population:
    if kind == "one place":
        return Population(data, np.zeros(len(data), np.int64), ("all",))
    return Population(data, owner, task.names)


def _exact_figures(name: str, found: dict[str, Any]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for what, unit in (("accuracy", "1"), ("rounds", "rounds"), ("bytes", "B")):
        values = [float(one[what]) for one in found["seeds"]]
        figures |= over_seeds(f"{name}, FED3R: {what}", values, unit, "measured")
    return figures


def _over(found: dict[str, Any], known: dict[str, Any], how: str, what: str) -> list[float]:
    """Return rounds or bytes to FED3R's accuracy over FED3R's, with each seed; not reached, those of the cap."""
    ratios: list[float] = []
    for looks, own in zip(found["seeds"], known["seeds"], strict=True):
        at = _reached(looks, own["accuracy"], how) or len(looks["accuracy"])
        ratios.append((at if what == "rounds" else looks["bytes"][at - 1]) / own[what])
    return ratios


def _figures(title: str, found: dict[str, Any], known: dict[str, Any]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    figures |= over_seeds(
        f"{title}: accuracy in the end", [last(s["accuracy"]) for s in found["seeds"]], "1", "measured"
    )
    pairs = list(zip(found["seeds"], known["seeds"], strict=True))
    if "one place" not in title:
        for how in ("first", "last"):
            said = "first look" if how == "first" else f"mean of {LAST} looks"
            there = [_reached(looks, own["accuracy"], how) for looks, own in pairs]
            count = sum(one is not None for one in there)
            figures[f"{title}, {said}: seeds that reach FED3R's accuracy"] = Figure(
                count, "seeds", "measured", len(pairs)
            )
            rounds = [float(one or found["cap"]) for one in there]
            figures |= over_seeds(f"{title}, {said}: rounds", rounds, "rounds", "measured", "median")
            for what in ("rounds", "bytes"):
                values = _over(found, known, how, what)
                figures |= over_seeds(
                    f"{title}, {said}: {what} over FED3R's", values, "1", "measured", "median"
                )
    if ", head, " in title:
        spent = [_at_bytes(looks, own["bytes"]) for looks, own in pairs]
        figures |= over_seeds(f"{title}: accuracy when FED3R's bytes are spent", spent, "1", "measured")
    figures[f"{title}: learning rate"] = Figure(found["settings"]["rate"], "1", "measured")
    return figures


def _at_bytes(looks: Course, budget: float) -> float:
    """Return the accuracy at the last look within a budget, or at the end where it is never spent."""
    within = [a for a, spent in zip(looks["accuracy"], looks["bytes"], strict=True) if spent <= budget]
    return within[-1] if within else 0.0
