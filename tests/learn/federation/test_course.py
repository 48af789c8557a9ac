"""A federation that runs: stages go on from one another, weigh what was planned, and go on where they were stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.learn.federated._linear import LinearModel
from sarto.learn.federated._network import NetworkModel
from sarto.learn.federated._reservoir import ReservoirModel
from sarto.learn.federation.course import run
from sarto.learn.federation.file import Federation, parsed
from sarto.learn.federation.outcome import save_model
from sarto.learn.federation.plan import plan
from sarto.learn.federation.setting import set_up
from sarto.learn.readout import ESNClassifier


def federation(model: dict[str, Any], *chains: list[dict[str, Any]], **more: Any) -> Federation:
    found = {
        "data": {"source": "BasicMotions"},
        "split": {"by": "dirichlet", "clients": 6, "alpha": 0.5},
        "model": model,
        "method": chains[0],
        "against": [chain[0] for chain in chains[1:]],
    }
    return parsed(found | more, "demo")


RESERVOIR = {"kind": "reservoir", "units": 20, "pooling": "mean_square"}
FOURIER = {"kind": "random_features", "units": 30}
ROUNDS = ("fedavg", "scaffold")
NETWORK = {"kind": "network", "name": "mlp", "width": 8, "depth": 1}


def test_what_is_planned_is_what_is_counted() -> None:
    for model, names in (
        (RESERVOIR, ["fed_readout", "fed_plasticity", "fed_readout_partial", "fedavg"]),
        (FOURIER, ["fed3r", "scaffold"]),
    ):
        chains = ([{"name": name} | ({"rounds": 3} if name in ROUNDS else {})] for name in names)
        found = federation(model, *chains)
        setting = set_up(found)
        for chain, planned in zip(found.chains, plan(found, setting), strict=True):
            course = run(found, setting, chain)
            assert (planned.rounds, planned.up, planned.down) == (
                len(course.rounds),
                course.total("up"),
                course.total("down"),
            ), found.name_of(chain)
            assert planned.up / 6 <= planned.most_up <= planned.up


def test_a_scaling_that_is_given_takes_no_round() -> None:
    scaled = FOURIER | {"mean": 0.0, "deviation": 5.0}
    chains = [[{"name": "ssp", "epsilon": e}] for e in (1000.0, 0.1)]
    found = federation(scaled, [{"name": "fed3r"}], *chains)
    setting = set_up(found)
    courses = [run(found, setting, chain) for chain in found.chains]
    assert [c.name for c in courses] == ["fed3r", "ssp (epsilon 1000.0)", "ssp (epsilon 0.1)"]
    for course, planned in zip(courses, plan(found, setting), strict=True):
        assert [row["phase"] for row in course.rounds] == ["statistics"]
        assert planned.up == course.total("up") and course.total("macs") > 40 * 600 * 30
    exact, little, much = (course.accuracy for course in courses)
    assert much < little and exact > 0.5


def test_a_stage_goes_on_from_the_one_before() -> None:
    chain = [{"name": "fed3r", "temperature": 0.1}, {"name": "fedavg", "rounds": 0}]
    found = federation(FOURIER, chain, [{"name": "fed3r"}])
    setting = set_up(found)
    tuned, plain = (run(found, setting, each) for each in found.chains)
    assert isinstance(tuned.model, LinearModel) and isinstance(plain.model, LinearModel)
    np.testing.assert_allclose(tuned.model.weights, 10 * plain.model.weights, rtol=1e-4)
    assert found.name_of(found.chains[0]) == "fed3r, fedavg"
    head = federation(
        NETWORK, [{"name": "fed3r"}, {"name": "fedavg", "part": "features", "rounds": 1, "rate": 1e-3}]
    )
    course = run(head, set_up(head), head.chains[0])
    assert isinstance(course.model, NetworkModel) and course.name == "fed3r, fedavg (features)"
    assert [row["phase"] for row in course.rounds] == ["statistics", "rounds"]
    assert [row["round"] for row in course.rounds] == [1, 2]


def test_a_head_by_gradients_is_put_back_into_its_reservoir() -> None:
    found = federation(RESERVOIR, [{"name": "fedavg", "rounds": 20, "rate": 0.5}])
    setting = set_up(found)
    course = run(found, setting, found.chains[0])
    assert isinstance(course.model, ReservoirModel) and course.accuracy > 0.5
    model: Any = course.model
    scores = model.scores(setting.test)
    np.testing.assert_array_equal(scores.argmax(axis=1), course.answers)


def test_bytes_end_a_course(tmp_path: Path) -> None:
    found = federation(FOURIER, [{"name": "fedavg", "rounds": 500}], budget={"bytes": "200kB"})
    course = run(found, set_up(found), found.chains[0], folder=tmp_path)
    assert 200_000 <= course.total("up") + course.total("down") < 210_000 and len(course.rounds) < 50
    again = run(found, set_up(found), found.chains[0], folder=tmp_path)
    assert again.rounds == course.rounds and again.judged == course.judged


@pytest.mark.parametrize("model", [RESERVOIR, FOURIER, NETWORK])
def test_the_model_of_a_course_is_kept_as_a_file(model: dict[str, Any], tmp_path: Path) -> None:
    found = federation(model, [{"name": "fed_readout" if model is RESERVOIR else "fed3r"}])
    setting = set_up(found)
    course = run(found, setting, found.chains[0])
    save_model(course, tmp_path / "model.npz")
    if model is RESERVOIR:
        loaded = ESNClassifier.load(tmp_path / "model.npz")
        said = [setting.classes.index(name) for name in loaded.predict(setting.test).tolist()]
        np.testing.assert_array_equal(said, course.answers)
    else:
        with np.load(tmp_path / "model.npz", allow_pickle=False) as kept:
            assert "about" in kept.files and ("weights" in kept.files) == (model is FOURIER)
