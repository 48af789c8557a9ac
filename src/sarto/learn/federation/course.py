"""Runs a federation: the round that finds the scaling, then the stages of a method, and says how good the model is.

A stage goes on from the model of the one before. Where a reservoir's or a front's features are fixed, a stage of
gradients trains a head on features that every client computes once.

>>> from sarto.learn.federation.file import parsed
>>> from sarto.learn.federation.setting import set_up
>>> found = parsed({"data": {"source": "BasicMotions"}, "split": {"clients": 8}, "method": [{"name": "fed_readout"}],
...                 "model": {"kind": "reservoir", "units": 50, "pooling": "mean_square"}}, "demo")
>>> course = run(found, set_up(found), found.chains[0])
>>> course.accuracy > 0.9, [row["phase"] for row in course.rounds]
(True, ['scaling', 'statistics'])
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from sarto.core.dataset import Dataset
from sarto.core.executors import SerialExecutor
from sarto.core.progress import Silent, Talk
from sarto.core.store import content_hash, package_sha256
from sarto.data.examples import Examples
from sarto.learn.federated._contract import Data, Population, Reply, labels
from sarto.learn.federated._gradient import Averaging
from sarto.learn.federated._linear import LinearModel
from sarto.learn.federated._reservoir import ReservoirModel
from sarto.learn.federated._scaling import Scaling
from sarto.learn.federated._simulate import Outcome, Simulation
from sarto.learn.federated._standing import Kept
from sarto.learn.federation.features import Front
from sarto.learn.federation.file import Federation, Stage
from sarto.learn.federation.setting import Setting


@dataclass(frozen=True, eq=False)
class Course:
    """What became of a chain of stages.

    Attributes:
        name: of the chain.
        model: the result.
        rounds: rows of every round, numbered on over the stages.
        judged: accuracy on the test items, by round and bytes.
        answers: class index that the result gives each test item.
        truth: the right one.
        refused: client -> why an answer was.
        missing: clients that were never heard though each was to be.
        front: what comes before a head, or None.
    """

    name: str
    model: Any
    rounds: list[dict[str, Any]]
    judged: list[dict[str, Any]]
    answers: Int[np.ndarray, " test"]
    truth: Int[np.ndarray, " test"]
    refused: dict[int, str]
    missing: tuple[int, ...]
    front: Front | None

    @property
    def right(self) -> Bool[np.ndarray, " test"]:
        """Which test items the result gets right."""
        return self.answers == self.truth

    @property
    def accuracy(self) -> float:
        """Share of the test items that the result gets right."""
        return float(self.right.mean())

    def total(self, name: str) -> int:
        """Return the sum of a column over all rounds."""
        return sum(row[name] for row in self.rounds)


def run(
    federation: Federation,
    setting: Setting,
    chain: tuple[Stage, ...],
    *,
    executor: Executor | None = None,
    talk: Talk | None = None,
    folder: Path | None = None,
    hear: Callable[[str, Reply], None] | None = None,
) -> Course:
    """Run one chain.

    Args:
        federation: as its file says.
        setting: of it.
        chain: the stages.
        executor: where clients work.
        talk: told of every round.
        folder: where it stands is kept there, and it goes on from there.
        hear: told of every answer that a server takes.

    Raises:
        SartoError: whatever methods and models refuse.
    """
    runner = _Runner(
        federation,
        setting,
        executor or SerialExecutor(),
        talk or Silent(),
        folder,
        federation.name_of(chain),
        hear,
    )
    return runner.all(chain)


@dataclass(eq=False)
class _Runner:
    federation: Federation
    setting: Setting
    executor: Executor
    talk: Talk
    folder: Path | None
    name: str
    hear: Callable[[str, Reply], None] | None

    def all(self, chain: tuple[Stage, ...]) -> Course:
        model: Any = self.setting.start()
        population, test = self.setting.population, self.setting.test
        rounds: list[dict[str, Any]] = []
        judged: list[dict[str, Any]] = []
        refused: dict[int, str] = {}
        missing: tuple[int, ...] = ()
        front: Front | None = None
        computed = 0
        if isinstance(model, Front | ReservoirModel) and model.needs_scaling:
            found = self._simulated(0, Stage("scaling", 1), Scaling(), model, population, None, 0)
            model, rounds = found.model, found.rounds
            refused, missing = dict(found.refused), found.missing
        if isinstance(model, Front):
            front = model
            population, test, model = _mapped(front, population), front.of(_items(test)), front.model()
            computed = front.macs() * len(population.data)  # once, by every client
        for number, stage in enumerate(chain, 1):
            spent = sum(row["up"] + row["down"] for row in rounds)
            method = stage.method()
            if isinstance(method, Averaging) and isinstance(model, ReservoirModel):
                begun, own, given = _head_of(model, population, test)
                found = self._simulated(number, stage, method, begun, own, given, spent)
                if found.rounds:  # states are computed once, by every client
                    found.rounds[0]["macs"] += model.macs(_sequences(population.data), None)
                model = model.with_vector(found.model.vector)
            else:
                found = self._simulated(number, stage, method, model, population, test, spent)
                model = found.model
            before = len(rounds)
            if found.rounds:
                found.rounds[0]["macs"] += computed
                computed = 0
            rounds += [row | {"round": row["round"] + before} for row in found.rounds]
            judged += [
                seen | {"round": seen["round"] + before, "bytes": seen["bytes"] + spent}
                for seen in found.judged
            ]
            refused |= found.refused
            missing = tuple(sorted({*missing, *found.missing}))
        last: Any = model
        answers = last.scores(test).argmax(axis=1)
        return Course(self.name, model, rounds, judged, answers, labels(test), refused, missing, front)

    def _simulated(
        self,
        number: int,
        stage: Stage,
        method: Any,
        model: Any,
        population: Population,
        test: Data | None,
        spent: int,
    ) -> Outcome:
        """Run one stage; without `test` its result is not judged."""
        federation = self.federation
        kept = None
        if self.folder is not None:
            identity = content_hash(
                package_sha256(),
                [stage.name, stage.rounds, dict(stage.settings), number, self.name],
                [repr(federation.participation), federation.seed, federation.bytes, federation.judge_every],
                [population.data.sha256, population.owner.tolist(), _known(model)],
            )
            kept = Kept(self.folder / f"{identity[:16]}.npz", identity)

        def judge(found: Any) -> dict[str, Any]:
            assert test is not None, "there is something to judge by"
            return {"accuracy": float((found.scores(test).argmax(axis=1) == labels(test)).mean())}

        left = None if federation.bytes is None else max(0, federation.bytes - spent)
        return Simulation(
            method,
            model,
            population,
            rounds=stage.rounds,
            participation=federation.participation,
            seed=federation.seed + number,
            executor=self.executor,
            judge=None if test is None else judge,
            judge_every=federation.judge_every,
            budget_b=left if number else None,
            kept=kept,
            talk=self.talk,
            hear=None if self.hear is None else partial(self.hear, self.name),
        ).run()


def _known(model: Any) -> str:
    """Return what tells the model that a stage begins with."""
    if isinstance(model, Front):  # a head on one that knows its scaling has its `features_id`
        return repr((model.shape, model.units, model.seed, model.bandwidths))
    if isinstance(model, ReservoirModel) and model.needs_scaling:
        return model.parameters
    return model.features_id + hashlib.sha256(model.vector.tobytes()).hexdigest()


def _items(data: Data) -> Examples:
    assert isinstance(data, Examples), "a front takes items"
    return data


def _sequences(data: Data) -> Dataset:
    assert isinstance(data, Dataset), "a reservoir takes sequences"
    return data


def _mapped(front: Front, population: Population) -> Population:
    """Return the clients with the features of their items."""
    return Population(front.of(_items(population.data)), population.owner, population.names)


def _head_of(
    model: ReservoirModel, population: Population, test: Data
) -> tuple[LinearModel, Population, Examples]:
    """Return the readout as a model of its own, and the features of everybody's sequences."""
    vector = model.vector
    plain = LinearModel.zeros(model.feature_map.width, model.classes, model.features_id).with_vector(vector)
    of_clients, of_test = (
        Examples(model.features(data).astype(np.float32), labels(data), model.classes)
        for data in (_sequences(population.data), _sequences(test))
    )
    return plain, Population(of_clients, population.owner, population.names), of_test
