"""A federated readout in integers: the same network whoever holds the data, and as right as the one in floats."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.core.graph import interpret
from sarto.learn.federated import fed_readout
from sarto.learn.federated._contract import Population
from sarto.learn.federated._scaling import Scaling
from sarto.learn.federated._simulate import Participation, Simulation
from sarto.learn.readout import ESNClassifier
from sarto.search.federated import IntegerReservoir, Ranges
from sarto.search.federated_image import deploy


def waves(items: int, seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, items)
    lengths = rng.integers(15, 30, items)
    values = [
        5.0 + np.sin(np.arange(n) * (0.3 + 0.3 * c))[:, None] + 0.1 * rng.normal(size=(n, 2))
        for c, n in zip(map(int, y), map(int, lengths), strict=True)
    ]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Dataset("waves", np.concatenate(values), offsets, y, ("a", "b", "c"), ("x", "z"))


TRAIN, TEST = waves(60, 0), waves(40, 1)
ESTIMATOR = ESNClassifier(units=12, pooling="mean_square", leak=0.5, segments=2)


def federated(clients: int, ways: Participation | None = None) -> IntegerReservoir:
    owner = np.random.default_rng(7).integers(0, clients, len(TRAIN))
    population = Population(TRAIN, owner, tuple(map(str, range(clients))))
    model: Any = IntegerReservoir.of(ESTIMATOR, TRAIN)
    for step in (Scaling(), Ranges(), fed_readout.Method(how="auto-f64")):
        found = Simulation(step, model, population, participation=ways or Participation()).run()
        model = found.model
        assert not found.refused and not found.missing
    return model


def test_the_network_is_the_same_whoever_holds_the_data() -> None:
    whole = federated(1)
    parted = federated(9, Participation(per_round=3, offline=0.3, late=0.3, twice=0.3))
    assert whole.graph().sha256 == parted.graph().sha256


def test_the_integers_answer_as_the_model_says_and_as_well_as_floats() -> None:
    model = federated(5)
    assert model.sensor is not None
    said = np.asarray(interpret(model.graph(), model.sensor.encode(TEST.values), TEST.offsets).classes)
    np.testing.assert_array_equal(said, model.scores(TEST).argmax(axis=1))
    floats = float((ESTIMATOR.fit(TRAIN).predict(TEST) == TEST.target).mean())
    assert (said == TEST.target).mean() >= floats - 0.05 and floats > 0.8


@pytest.mark.parametrize("wrong", [{"layers": 2}, {"washout": 3}, {"cell": "es2n"}, {"standardise": False}])
def test_what_integers_do_not_have_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SartoError) as refused:
        IntegerReservoir.of(ESNClassifier(units=12, **wrong), TRAIN)
    assert refused.value.code == "E171"


def test_only_the_exact_readout_of_a_reservoir_is_deployed(tmp_path: Any) -> None:
    from sarto.learn.federation.file import parsed
    from sarto.learn.federation.setting import set_up

    found = parsed(
        {
            "data": {"source": "BasicMotions"},
            "split": {"clients": 4},
            "model": {"kind": "reservoir", "units": 10},
            "method": [{"name": "fedavg"}],
            "device": {"name": "cortex_m4"},
        },
        "demo",
    )
    with pytest.raises(SartoError) as refused:
        deploy(found, set_up(found), tmp_path, "")
    assert refused.value.code == "E171" and not list(tmp_path.iterdir())
