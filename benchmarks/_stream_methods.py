"""The methods of `continual`: what each knows after every experience, as features of all items and a readout.

    none      the reservoir as drawn; statistics of all experiences, added up
    FedIP     adapted to the first experience, then held; statistics of all experiences, added up
    FedCLIP   adapted on and on; statistics of the experience alone, those before being of other states
    replay    adapted on and on, to a buffer of `BUFFER` items too; statistics of both
    joint     adapted from the start to all items so far; statistics of all of them

and controls:

    none, experience alone    does adapting help or harm, where the readout forgets as much?
    none, replay              is it the buffer of the readout that helps?
    FedCLIP, stale sums       statistics of all experiences added up as they were, although the states have moved on:
                              `stale` makes them of what FedCLIP yields

Readouts are ridge by GCV of what they have. On several clients statistics are merged, which is exact, and gains and
shifts averaged, `ROUNDS` times for each experience.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from benchmarks._streams import Task
from sarto.core.seed import generator
from sarto.learn.continual.adaptation import Step, adaptations
from sarto.learn.continual.rehearsal import Rehearsal
from sarto.learn.continual.streams import Experience
from sarto.learn.features import FeatureMap
from sarto.learn.heads.linear import LinearHead, ridge_head
from sarto.learn.plasticity.intrinsic import IntrinsicPlasticity
from sarto.learn.statistics import RidgeStatistics
from sarto.models.pooling import Pooling
from sarto.models.reservoir import esn
from sarto.models.reservoir._stack import AnyReservoir

METHODS = ("none", "FedIP", "FedCLIP", "replay", "joint")
CONTROLS = ("none, experience alone", "none, replay")
STALE = "FedCLIP, stale sums"
UNITS, BUFFER, ROUNDS, BATCH = 100, 100, 2, 50

Items = Int[np.ndarray, " item"]
Features = Float[np.ndarray, "item feature"]


@dataclass(frozen=True)
class Setting:
    """A reservoir, what is read of its states, and the rule by which it adapts."""

    seed: int
    leak: float
    radius: float
    input_scaling: float
    bias_scaling: float
    pooling: Any
    sigma: float
    learning_rate: float
    epochs: int

    def reservoir(self, channels: int) -> AnyReservoir:
        """Return the reservoir as drawn."""
        usual: dict[str, Any] = {
            "leak": self.leak, "radius": self.radius, "input_scaling": self.input_scaling,
            "bias_scaling": self.bias_scaling,
        }  # fmt: skip
        return esn.build(UNITS, channels, seed=self.seed, **usual)

    @property
    def rule(self) -> IntrinsicPlasticity:
        """The rule."""
        usual: dict[str, Any] = {"learning_rate": self.learning_rate, "epochs": self.epochs, "batch": BATCH}
        return IntrinsicPlasticity(sigma=self.sigma, **usual)


def settings(seed: int, count: int) -> list[Setting]:
    """Return settings to choose from, the same for every method; `none` has no use for the rules."""
    random = generator(seed, "settings")

    def spread(low: float, high: float) -> float:
        return math.exp(random.uniform(math.log(low), math.log(high)))

    return [
        Setting(
            seed,
            spread(0.05, 1.0),
            float(random.uniform(0.3, 1.3)),
            spread(0.05, 2.0),
            float(random.uniform(0, 1)),
            ("last", "mean", "mean_square")[int(random.integers(3))],
            spread(0.1, 0.8),
            spread(5e-4, 1e-2),
            (1, 3)[int(random.integers(2))],
        )
        for _ in range(count)
    ]


@dataclass(frozen=True, eq=False)
class Known:
    """What is known after an experience.

    Attributes:
        features: of all items.
        head: the readout.
        statistics: of which it was made.
        items: whose statistics these are.
    """

    features: Features
    head: LinearHead
    statistics: RidgeStatistics
    items: Items

    def right(self, task: Task, items: Items) -> float:
        """Return the share of items that are told their class."""
        return int(np.count_nonzero(self.head.predict(self.features[items]) == task.target[items])) / len(
            items
        )


def features_of(
    task: Task, setting: Setting, reservoir: AnyReservoir, items: Items | None = None
) -> Features:
    """Return the pooled states of all items, or of those that are asked for, NaN for the others."""
    plain = np.zeros(task.x.channels), np.ones(task.x.channels)
    made = FeatureMap(*plain, reservoir, Pooling(setting.pooling), "float32", 0)
    if items is None:
        return made.features(task.x)
    found = np.full((len(task.x), made.width), np.nan, np.float32)
    found[items] = made.features(task.x.select(items))
    return found


def statistics_of(task: Task, features: Features, items: Items, clients: Items | None) -> RidgeStatistics:
    """Return the statistics of items, as one place has them or merged over clients."""
    owner = np.zeros(len(task.target), np.int64) if clients is None else clients
    parts = [items[owner[items] == k] for k in np.unique(owner[items])]
    return RidgeStatistics.merge(
        [RidgeStatistics.of(features[part], task.target[part], classes=task.labels) for part in parts]
    )


def learned(
    task: Task,
    setting: Setting,
    method: str,
    stream: Sequence[Experience],
    clients: Items | None,
    judged: Items,
    *,
    only_last: bool = False,
) -> Iterator[Known]:
    """Yield what a method knows after each experience, or after the last one only, of the items that judge it."""
    start = setting.reservoir(task.x.channels)
    if method.startswith("none"):
        steps = _held(start, stream, "replay" if "replay" in method else "naive", setting.seed)
    elif method == "FedIP":
        first = next(_adapted(task, setting, start, stream[:1], "naive", clients))
        steps = _held(first.reservoir, stream, "naive", setting.seed)
    else:
        strategy = method if method in ("replay", "joint") else "naive"
        steps = _adapted(task, setting, start, stream, strategy, clients)
    adds_up = method in ("none", "FedIP")
    total: RidgeStatistics | None = None
    seen: list[Items] = []
    at: str | None = None
    features = np.zeros((0, 0))
    held = method.startswith("none") or method == "FedIP"
    everything = np.concatenate([e.items for e in stream])
    for number, step in enumerate(steps, 1):
        if only_last and not adds_up and number < len(stream):
            continue
        if step.reservoir.reservoir_id != at:
            wanted = np.union1d(everything if held else step.items, judged)
            at, features = step.reservoir.reservoir_id, features_of(task, setting, step.reservoir, wanted)
        own = statistics_of(task, features, step.items, clients)
        total = own if total is None or not adds_up else total + own
        seen = [*seen, step.items] if adds_up else [step.items]
        yield Known(features, ridge_head(total), total, np.concatenate(seen))


def _held(reservoir: AnyReservoir, stream: Sequence[Experience], strategy: str, seed: int) -> Iterator[Step]:
    memory = Rehearsal(strategy, BUFFER, seed)
    for experience in stream:
        yield Step(reservoir, memory.take(experience.items))


def _adapted(
    task: Task,
    setting: Setting,
    reservoir: AnyReservoir,
    stream: Sequence[Experience],
    strategy: str,
    clients: Items | None,
) -> Iterator[Step]:
    return adaptations(
        setting.rule, reservoir, task.x, stream, strategy,
        size=BUFFER, seed=setting.seed, clients=clients, rounds=1 if clients is None else ROUNDS,
    )  # fmt: skip


def at_once(stream: Sequence[Experience]) -> tuple[Experience, ...]:
    """Return one experience that has all items."""
    return (Experience("all", np.sort(np.concatenate([e.items for e in stream]))),)


def stale(known: Sequence[Known]) -> list[Known]:
    """Return what would be known if statistics of other states were added up."""
    found: list[Known] = []
    for one in known:
        total = one.statistics if not found else found[-1].statistics + one.statistics
        found.append(replace(one, statistics=total, head=ridge_head(total)))
    return found
