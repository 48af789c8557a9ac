"""FED3R on a small network against methods of gradients, in rounds, bytes and client computations to named accuracies.

A network learns five classes of CIFAR-10; 100 clients hold the other five (`_federated_vision`). 10 are asked a round,
each takes 10 steps on batches of 32 (`_federated_arms`), and everyone starts from the same network:

    FED3R, FED3R-RF       each client once; RF on 4 and 8 times as many random features, as 5,000 and 10,000 of 1,280
    FED3R+FT              from FED3R's head, column-normalised, T = 0.1, by FedAvg: all, head, features (head frozen);
                          what FED3R cost is counted in
    FedAvg, SCAFFOLD      the network, and the head alone (LP), from a fresh head
    one place             softmax head and whole network, all items in one place, a look a pass: upper marks
    untrained             FED3R on the network before it learned: what is due to its shape

Accuracies to reach, in each seed: FED3R's; the final one of each LP; 90 % of the best final one of a federation. A
round reaches it at the first look, generous to those of many looks; what never does counts as the cap, of a FED3R its
own rounds, and beside stands in how many seeds it did. Final is the mean of the last 5 looks, of FED3R the last.
Settings are chosen on items held back of each client, with seed 0: learning rates, for all arms alike, by the mean
accuracy over a course of half the rounds, bandwidth and ridge by accuracy. The grid of rates, factors of root 10, grows
until the best is inside.

FED3R is published as 44 and 18 times as fast, without a definition that was found. Three are computed for every
method that is no FED3R, B and C in those seeds in which FED3R gets there, and the nearest to each number is named:

    A    rounds to FED3R's final accuracy over all of FED3R's
    B    all rounds that were run over those in which FED3R first passes the method's final accuracy (a cap decides it)
    C    rounds in which the method first has its own final accuracy over the same

Bars: an LP needs more rounds than FED3R to FED3R's accuracy, in every seed; fine-tuning of all, and of the features,
ends above FED3R in the mean; the trained network beats the untrained one in every seed; no rate on an edge; the time.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from benchmarks._bench import Bench
from benchmarks._federated_arms import ARMS, Course, choose, course, exact
from benchmarks._federated_courses import after, last, on_edge, rate, reached, searched
from benchmarks._federated_vision import architecture, learned, untrained
from benchmarks._outcome import Bar, Figure, Outcome, above, at_most, over_seeds
from sarto.core.executors import open_executor

MINUTES = 80
LIMIT_MINUTES = 90
SEEDS = 3
FEATURES = architecture().parameters["head.weight"][1]
EXACT = {"FED3R": 0, "FED3R-RF, 4 x": 4 * FEATURES, "FED3R-RF, 8 x": 8 * FEATURES, "untrained": 0}
"""Random features; 0 is none."""
ALONE = ("one place", "untrained")
"""What is no method of a federation."""
LP = ("FedAvg, head", "SCAFFOLD, head")
ROUNDS, PASSES, QUICK_ROUNDS = {True: 120, False: 1000}, {True: 12, False: 100}, 2
"""Whether the network is trained -> rounds, or passes in one place."""
PUBLISHED = (44.0, 18.0)
BEST_SHARE = 0.9
COSTS = {"rounds": ("rounds", "rounds"), "bytes": ("bytes", "B"), "macs": ("client MACs", "MAC")}
"""What is counted -> in words, and its unit."""


@dataclass(eq=False)
class Parts:
    """What is found by processes, or was found before.

    Attributes:
        bench: of the benchmark.
        executor: the processes.
        networks: what the server learned, by seed.
        seconds: that each part took.
    """

    bench: Bench
    executor: Executor
    networks: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    seconds: list[float] = field(default_factory=list[float])

    @property
    def seeds(self) -> range:
        """Seeds to run."""
        return range(1 if self.bench.quick else SEEDS)

    def once(self, what: Callable[..., dict[str, Any]], about: list[Any], *arguments: Any) -> dict[str, Any]:
        """Return what a function returns in a process."""
        settings = {"what": what.__name__, "about": about, "quick": self.bench.quick}
        found = self.bench.once(settings, lambda: self.executor.submit(what, *arguments).result())
        self.seconds.append(found["seconds"])
        return found

    def network(self, seed: int) -> dict[str, Any]:
        """Return the network of a seed."""
        found = self.once(learned, [seed], seed, self.bench.quick)
        self.bench.say(f"seed {seed}: the server's classes {found['accuracy']:.4f}")
        return found

    def fed3r(self, name: str) -> dict[str, Any]:
        """Return settings and courses of FED3R in one of its forms."""
        quick, units = self.bench.quick, EXACT[name]
        texts = [network["network"] for network in self.networks]
        if name == "untrained":
            texts = [untrained(text, seed) for text, seed in zip(texts, self.seeds, strict=True)]
        chosen = self.once(choose, [name], texts[0], quick, units)
        found = [
            self.once(exact, [name, seed], seed, text, quick, units, chosen)
            for text, seed in zip(texts, self.seeds, strict=True)
        ]
        self.bench.say(f"{name}: {chosen}, in the end {[one['accuracy'][-1] for one in found]}")
        return {"chosen": chosen, "seeds": found}

    def arm(self, name: str, relative: float) -> dict[str, Any]:
        """Tune a method of gradients, and return its courses."""
        cap, quick = _cap(name, self.bench.quick), self.bench.quick

        def one(exponent: int, seed: int, rounds: int, tuning: bool) -> Course:
            about: list[Any] = [name, seed, relative, rate(exponent), rounds, tuning]
            text = self.networks[seed]["network"]
            given = (name, seed, text, quick, relative, rate(exponent), rounds, tuning)
            return self.once(course, about, *given)

        def score(exponent: int) -> float:
            return statistics.fmean(one(exponent, 0, -(-cap // 2), True)["accuracy"])

        best, scores = searched(ARMS[name].first, score)
        found = [one(best, seed, cap, False) for seed in self.seeds]
        ends = [round(last(each["accuracy"]), 4) for each in found]
        self.bench.say(f"{name}: rate {rate(best):g} of {sorted(map(rate, scores))}, in the end {ends}")
        return {"rate": rate(best), "edge": on_edge(best, scores), "seeds": found}


def run(bench: Bench) -> Outcome:
    """Return rounds, bytes, computations and accuracies."""
    with open_executor(bench.workers) as executor, ThreadPoolExecutor(bench.workers) as waiting:
        parts = Parts(bench, executor)
        parts.networks += waiting.map(parts.network, parts.seeds)
        exacts = dict(zip(EXACT, waiting.map(parts.fed3r, EXACT), strict=True))
        relative = exacts["FED3R"]["chosen"]["relative"]
        found = waiting.map(partial(parts.arm, relative=relative), ARMS)
        arms = dict(zip(ARMS, found, strict=True))
    minutes = sum(parts.seconds) / 60 / bench.workers
    courses: dict[str, list[Course]] = {name: one["seeds"] for name, one in exacts.items()}
    for name, one in arms.items():
        courses[name] = one["seeds"]
        if ARMS[name].tuned:
            pairs = zip(one["seeds"], courses["FED3R"], strict=True)
            courses[name] = [after(each, first) for each, first in pairs]
    own = [network["accuracy"] for network in parts.networks]
    ratios = _definitions(courses)
    figures = over_seeds("accuracy of the network on its own classes", own, "1", "measured")
    figures |= _finals(courses) | _costs(courses) | _speeds(ratios)
    for name, one in arms.items():
        figures[f"{name}: learning rate"] = Figure(one["rate"], "1", "measured")
    figures["minutes, all parts over the workers"] = Figure(minutes, "min", "measured", len(parts.seconds))
    edges = sum(one["edge"] for one in arms.values())
    return Outcome(figures, () if bench.quick else tuple(_bars(courses, ratios, edges, minutes)))


def _cap(name: str, quick: bool) -> int:
    if quick:
        return QUICK_ROUNDS
    return (PASSES if ARMS[name].together else ROUNDS)[ARMS[name].images]


def _final(name: str, found: Course) -> float:
    """Return the accuracy in the end: FED3R's is that of its last look."""
    return found["accuracy"][-1] if name in EXACT else last(found["accuracy"])


def _finals(courses: dict[str, list[Course]]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for name, found in courses.items():
        title = f"{name}: accuracy in the end"
        figures |= over_seeds(title, [_final(name, one) for one in found], "1", "measured")
        if name in EXACT:
            for what, (said, unit) in COSTS.items():
                values = [float(_cost(one, len(one["accuracy"]), what)) for one in found]
                figures |= over_seeds(f"{name}: {said} in all", values, unit, "measured", "median")
    return figures


def _cost(found: Course, at: int, what: str) -> int:
    return at if what == "rounds" else found[what][at - 1]


def _wanted(courses: dict[str, list[Course]]) -> dict[str, list[float]]:
    """Return the accuracies to reach by what they are, one for each seed."""
    federations = [name for name in courses if not name.startswith(ALONE)]
    best = [
        BEST_SHARE * max(_final(name, courses[name][s]) for name in federations)
        for s in range(len(courses["FED3R"]))
    ]
    finals = {
        f"{name}'s final accuracy": [_final(name, one) for one in courses[name]] for name in ("FED3R", *LP)
    }
    return {**finals, f"{BEST_SHARE:.0%} of the best final accuracy": best}


def _costs(courses: dict[str, list[Course]]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for what, wanted in _wanted(courses).items():
        for name, found in courses.items():
            if not name.startswith(ALONE):
                figures |= _to(f"{name}, to {what}", found, wanted)
    return figures


def _to(title: str, found: list[Course], wanted: list[float]) -> dict[str, Figure]:
    """Return what it costs to reach an accuracy."""
    at = [reached(one["accuracy"], goal) for one, goal in zip(found, wanted, strict=True)]
    count = sum(one is not None for one in at)
    figures = {f"{title}: seeds that do": Figure(count, "seeds", "measured", len(at))}
    for what, (said, unit) in COSTS.items():
        values = [
            float(_cost(one, r or len(one["accuracy"]), what)) for one, r in zip(found, at, strict=True)
        ]
        figures |= over_seeds(f"{title}: {said}", values, unit, "measured", "median")
    return figures


def _definitions(courses: dict[str, list[Course]]) -> dict[str, list[float]]:
    """Return how many times as fast FED3R is by each definition, for each seed."""
    found: dict[str, list[float]] = {}
    for name in ("FedAvg", "SCAFFOLD", *LP):
        for own, other in zip(courses["FED3R"], courses[name], strict=True):
            rounds, final = len(other["accuracy"]), _final(name, other)
            there = reached(other["accuracy"], own["accuracy"][-1]) or rounds
            passes = reached(own["accuracy"], final)
            ratios = {"A": there / len(own["accuracy"])}
            if passes is not None:
                ratios["B"] = rounds / passes
                ratios["C"] = (reached(other["accuracy"], final) or rounds) / passes
            for letter, value in ratios.items():
                found.setdefault(f"times as fast as {name}, definition {letter}", []).append(value)
    return found


def _speeds(ratios: dict[str, list[float]]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for what, values in ratios.items():
        figures |= over_seeds(what, values, "1", "measured", "median")
    for number in PUBLISHED:
        middle = {what: statistics.median(values) for what, values in ratios.items()}
        what = min(middle, key=lambda w: abs(math.log(middle[w] / number)))
        figures[f"nearest to the published {number:g}: {what}"] = Figure(
            middle[what], "1", "measured", len(ratios[what])
        )
    return figures


def _bars(
    courses: dict[str, list[Course]], ratios: dict[str, list[float]], edges: int, minutes: float
) -> Iterator[Bar]:
    for name in LP:
        what = f"{name}: rounds to FED3R's accuracy over FED3R's, least of the seeds"
        yield above(what, min(ratios[f"times as fast as {name}, definition A"]), 1)
    ends = {name: [_final(name, one) for one in found] for name, found in courses.items()}
    for part in ("all", "features"):
        gained = statistics.fmean(ends[f"FED3R+FT, {part}"]) - statistics.fmean(ends["FED3R"])
        yield above(f"FED3R+FT, {part}: accuracy in the end less FED3R's, means", gained, 0)
    over = min(own - other for own, other in zip(ends["FED3R"], ends["untrained"], strict=True))
    yield above("FED3R: accuracy less that on the untrained network, least of the seeds", over, 0)
    yield at_most(f"best rates on an edge of their grid, of {len(ARMS)}", edges, 0)
    yield at_most("minutes, all parts over the workers", minutes, LIMIT_MINUTES)
