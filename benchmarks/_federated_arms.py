"""What `federated_vision` runs in a process: FED3R in its forms and all that it is held against, one seed at a time.

A course has, after each round, the accuracy of the server's model, and bytes on the air, both ways, and the clients'
multiplications so far. Features of an image are computed once and kept by the client where the network is frozen, in
every method alike; that is generous to heads, which visit a client again and again.

>>> sorted(ARMS)[0], ARMS["FedAvg, head"].images
('FED3R+FT, all', False)
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from jaxtyping import Bool

from benchmarks._federated_vision import Side, Task, of
from sarto.data.examples import Examples
from sarto.learn.federated import fed3r, fedavg, scaffold
from sarto.learn.federated._contract import Part, Population, Reply
from sarto.learn.federated._linear import LinearModel
from sarto.learn.federated._simulate import Participation, Simulation
from sarto.learn.fourier import FourierFeatures, drawn
from sarto.learn.heads.linear import PUBLISHED_TEMPERATURE, ridge_head
from sarto.learn.statistics import RidgeStatistics

PER_ROUND, STEPS = 10, 10
BANDWIDTHS = (0.0625, 0.125, 0.25, 0.5, 1.0, 2.0)
RIDGES = tuple(10.0**e for e in range(-6, 3))
"""In units of the mean eigenvalue."""

Course = dict[str, Any]


@dataclass(frozen=True)
class Arm:
    """A method of gradients.

    Attributes:
        method: its class.
        part: what learns.
        tuned: whether it goes on from FED3R's head.
        together: whether all items lie in one place.
        first: exponent of the learning rate at which the search begins.
    """

    method: Any
    part: Part
    tuned: bool = False
    together: bool = False
    first: int = -2

    @property
    def images(self) -> bool:
        """Whether clients train the network, and not a head on its features."""
        return self.part != "head"


ARMS = {
    "FedAvg": Arm(fedavg.Method, "all"),
    "SCAFFOLD": Arm(scaffold.Method, "all"),
    "FedAvg, head": Arm(fedavg.Method, "head"),
    "SCAFFOLD, head": Arm(scaffold.Method, "head"),
    "FED3R+FT, all": Arm(fedavg.Method, "all", tuned=True, first=-5),
    "FED3R+FT, head": Arm(fedavg.Method, "head", tuned=True, first=-4),
    "FED3R+FT, features": Arm(fedavg.Method, "features", tuned=True, first=-5),
    "one place, head": Arm(fedavg.Method, "head", together=True),
    "one place, all": Arm(fedavg.Method, "all", together=True),
}


def choose(text: str, quick: bool, units: int) -> dict[str, float]:
    """Return bandwidth and ridge of the most right answers on items held back with seed 0, and the share of these."""
    began = time.monotonic()
    side, best = of(0, text, quick).features, (-1.0, 1.0, 1.0)
    for bandwidth in BANDWIDTHS if units else (1.0,):
        population, held = _mapped(side, units, 0, bandwidth).parts(tuning=True)
        there = statistics_of(population.data)
        for relative in RIDGES:
            head = ridge_head(there, there.ridge_from_relative(relative)).normalised()
            best = max(best, (float((head.predict(held.x) == held.y).mean()), bandwidth, relative))
    seconds = time.monotonic() - began
    return {"held back": best[0], "bandwidth": best[1], "relative": best[2], "seconds": seconds}


def exact(seed: int, text: str, quick: bool, units: int, chosen: dict[str, float]) -> Course:
    """Return the course of FED3R, on random features where there are units."""
    began = time.monotonic()
    task = of(seed, text, quick)
    side = _mapped(task.features, units, seed, chosen["bandwidth"])
    population, tested = side.parts(tuning=False)
    ridge = statistics_of(population.data).ridge_from_relative(chosen["relative"])
    each = task.forward + units * task.features.train.x.shape[1]
    model = LinearModel.zeros(side.train.x.shape[1], side.train.classes, "f")
    method = fed3r.Method(ridge=ridge, normalise=True)
    return {**_run(method, model, population, tested, seed, each, None), "seconds": time.monotonic() - began}


def course(
    arm: str,
    seed: int,
    text: str,
    quick: bool,
    relative: float,
    rate: float,
    rounds: int,
    tuning: bool,
) -> Course:
    """Return the course of a method: judged on items held back when tuning, else on those that are tested."""
    began = time.monotonic()
    torch.set_num_threads(1)
    own, task = ARMS[arm], of(seed, text, quick)
    side = task.images if own.images else task.features
    population, judged = side.parts(tuning=tuning)
    model = _start(own, task, relative, tuning)
    if own.together:
        population = Population(population.data, np.zeros(len(population.data), np.int64), ("all",))
    local: dict[str, Any] = {"epochs": 1} if own.together else {"steps": STEPS}
    method = own.method(rate=rate, part=own.part, **local)
    each = 0 if own.images or own.tuned else task.forward
    with np.errstate(over="ignore", invalid="ignore"):
        found = _run(method, model, population, judged, seed, each, rounds)
    return {**found, "seconds": time.monotonic() - began}


def _start(arm: Arm, task: Task, relative: float, tuning: bool) -> Any:
    """Return the model with a fresh head, or with FED3R's of the items that clients learn from."""
    seen, _ = task.features.parts(tuning=tuning)
    model: Any = task.model
    if not arm.images:
        model = LinearModel.zeros(task.features.train.x.shape[1], task.features.train.classes, "f")
    if not arm.tuned:
        return model
    there = statistics_of(seen.data)
    ridge = there.ridge_from_relative(relative)
    method = fed3r.Method(ridge=ridge, normalise=True, temperature=PUBLISHED_TEMPERATURE)
    return method.headed(model, there)


def _run(
    method: Any,
    model: Any,
    population: Population,
    judged: Examples,
    seed: int,
    each: int,
    rounds: int | None,
) -> Course:
    """Run a method; a client's first visit costs `each` multiplications for an item besides its own."""
    spent, seen = [0], set[int]()

    def hear(reply: Reply) -> None:
        spent[0] += reply.macs + (0 if reply.client in seen else each * reply.rows)
        seen.add(reply.client)

    def look(found: Any) -> dict[str, Any]:
        right: Bool[np.ndarray, " item"] = found.scores(judged).argmax(axis=1) == judged.y
        return {"accuracy": int(np.count_nonzero(right)) / len(judged), "macs": spent[0]}

    ways = Participation(per_round=PER_ROUND)
    simulation = Simulation(
        method, model, population, participation=ways, seed=seed, judge=look, hear=hear, rounds=rounds or 1
    )
    looks = simulation.run().judged
    return {what: [one[what] for one in looks] for what in ("accuracy", "bytes", "macs")}


def _mapped(side: Side, units: int, seed: int, bandwidth: float) -> Side:
    """Return a federation on random features, or as it is where there are no units."""
    if not units:
        return side
    layer = drawn(statistics_of(side.train), units=units, seed=seed, bandwidths=bandwidth)
    train, test = (_through(layer, part) for part in (side.train, side.test))
    return Side(train, test, side.owner, side.names, side.held)


def _through(layer: FourierFeatures, data: Examples) -> Examples:
    return Examples(layer(data.x).astype(np.float32), data.y, data.classes)


def statistics_of(data: Any) -> RidgeStatistics:
    """Return the statistics of all items."""
    return RidgeStatistics.of(data.x, data.y, classes=tuple(range(len(data.classes))), features_id="f")
