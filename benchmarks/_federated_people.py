"""People whose watches are clients, for `federated_reservoir`: windows, folds, reservoirs, and their federation.

`sp_sw_har`, the watch, windows with one activity for at least 60 % of their time; a client is a subject, and fold f
tests the subjects with number % `FOLDS` == f. `PER_ROUND` clients take part in a round.

>>> usual(10, seed=0).get_params()["pooling"]
'mean_square'
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from benchmarks._bench import real_data
from sarto.core.dataset import Dataset
from sarto.data.examples import Examples
from sarto.data.load import load
from sarto.data.partition import partition
from sarto.learn.federated._contract import Method, Population
from sarto.learn.federated._reservoir import ReservoirModel
from sarto.learn.federated._scaling import Scaling
from sarto.learn.federated._simulate import Outcome as Simulated
from sarto.learn.federated._simulate import Participation, Simulation
from sarto.learn.readout import ESNClassifier

HAR = "sp_sw_har/windows_2s_50hz.npz"
FOLDS, PER_ROUND = 5, 5


@cache
def windows() -> Dataset:
    """Return the windows, a group for each subject."""
    return load(real_data(HAR), group="subject", channels=("watch*",), where=("purity>=0.6",))


def subjects(data: Dataset) -> Int[np.ndarray, " item"]:
    """Return the number of each window's subject."""
    assert data.groups is not None, "asked for"
    return np.array([int(group.removeprefix("s")) for group in data.groups.tolist()])


def parts(fold: int) -> tuple[Dataset, Dataset, Dataset]:
    """Return the windows to learn from, to choose settings by, and to test."""
    data = windows()
    of_fold = subjects(data) % FOLDS
    tested, held = of_fold == fold, of_fold == (fold + 1) % FOLDS
    learned, chosen, judged = (data.select(np.flatnonzero(m)) for m in (~tested & ~held, held, tested))
    return learned, chosen, judged


def both(fold: int) -> tuple[Dataset, Dataset]:
    """Return all windows that are not tested, and those that are."""
    data = windows()
    tested = subjects(data) % FOLDS == fold
    return data.select(np.flatnonzero(~tested)), data.select(np.flatnonzero(tested))


def clients(data: Dataset) -> Population:
    """Return the subjects with their windows."""
    parted = partition("groups", data.target, groups=data.groups)
    return Population(data, parted.train, parted.names)


def simulated(method: Method, model: Any, population: Population, seed: int) -> Simulated:
    """Return what a method makes of a model."""
    ways = Participation(per_round=PER_ROUND)
    return Simulation(method, model, population, participation=ways, seed=seed).run()


def on_air(outcome: Simulated) -> int:
    """Return the bytes both ways."""
    return outcome.total("up") + outcome.total("down")


def usual(units: int, seed: int, **settings: Any) -> ESNClassifier:
    """Return the reservoir of what does not search: the leak and pooling that suit windows of 100 steps."""
    found: dict[str, Any] = {"leak": 0.3, "pooling": "mean_square", "standardise": True, **settings}
    return ESNClassifier(units=units, seed=seed, **found)


def scaled(estimator: ESNClassifier, population: Population, seed: int) -> ReservoirModel:
    """Return the reservoir with the scaling that the clients find."""
    data = population.data
    assert isinstance(data, Dataset)
    start = ReservoirModel(estimator, data.classes, len(data.classes), len(data.channels))
    return simulated(Scaling(), start, population, seed).model


def accuracy(model: Any, data: Dataset | Examples) -> float:
    """Return the share of right answers."""
    return float(np.mean(right(model, data)))


def right(model: Any, data: Dataset | Examples) -> Bool[np.ndarray, " item"]:
    """Return which answers are right."""
    y = data.target if isinstance(data, Dataset) else data.y
    return model.scores(data).argmax(axis=1) == y
