"""What every method of `sarto.learn.federated` must do; a new method is judged by this suite without an edit here."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.core.rooms import load_method, methods
from sarto.data.examples import Examples
from sarto.learn.federated._contract import Data, Inputs, Method, Phase, Population, nbytes
from sarto.learn.federated._linear import LinearModel
from sarto.learn.federated._reservoir import ReservoirModel
from sarto.learn.federated._simulate import Outcome, Participation, Simulation
from sarto.learn.federated._standing import Kept
from sarto.learn.readout import ESNClassifier

ROOM = "sarto.learn.federated"
METHODS = methods(ROOM)
pytestmark = pytest.mark.parametrize("name", METHODS)
CLASSES, CLIENTS = ("a", "b", "c"), 6
BAD = Participation(per_round=4, offline=0.3, late=0.3, twice=0.3)


def method(name: str) -> Method:
    return load_method(ROOM, name).Method()


def vectors(seed: int) -> Examples:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 600)
    return Examples((rng.normal(size=(600, 5)) + 2.5 * np.eye(3, 5)[y]).astype(np.float32), y, CLASSES)


def waves(seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, 60)
    values = [np.sin(np.arange(20) * (0.3 + 0.3 * c))[:, None] + 0.1 * rng.normal(size=(20, 1)) for c in y]
    return Dataset("waves", np.concatenate(values), np.arange(61) * 20, y, CLASSES, ("x",))


@cache
def reservoir() -> ReservoirModel:
    model = ReservoirModel(ESNClassifier(units=8, pooling="mean_square", leak=1.0), CLASSES, 3, 1)
    return model.scaled(Inputs.standard(1, 20))


def problem(name: str) -> tuple[Any, Data, Data]:
    """A model that the method takes, and its data: vectors of features, or sequences for a reservoir."""
    linear = LinearModel.zeros(5, CLASSES, "five numbers")
    try:
        method(name).start(linear, CLIENTS)
    except SartoError as error:
        if error.code != "E171":
            raise
        return reservoir(), waves(0), waves(1)
    return linear, vectors(0), vectors(1)


def population(data: Data) -> Population:
    return Population(
        data, np.arange(len(data)) % (CLIENTS - 1), tuple("pqrstu")
    )  # the last one holds nothing


def simulated(name: str, participation: Participation, **changed: Any) -> Outcome:
    model, data, test = problem(name)
    truth = test.y if isinstance(test, Examples) else test.target

    def judge(found: Any) -> dict[str, Any]:
        return {"accuracy": float((found.scores(test).argmax(axis=1) == truth).mean())}

    settings: dict[str, Any] = {"rounds": 25, "seed": 3, "judge": judge, "judge_every": 1000} | changed
    return Simulation(method(name), model, population(data), participation=participation, **settings).run()


def same(a: Outcome, b: Outcome) -> bool:
    return a.rounds == b.rounds and a.model.vector.tobytes() == b.model.vector.tobytes()


def test_it_learns_though_clients_are_offline_late_and_heard_twice(name: str) -> None:
    for participation in (Participation(), BAD):
        found = simulated(name, participation)
        assert found.judged[-1]["accuracy"] > 0.8 and not found.refused and not found.missing
        assert found.judged[-1]["bytes"] == found.total("up") + found.total("down")


def test_neither_the_executor_nor_the_number_of_workers_changes_a_bit(name: str) -> None:
    with ThreadPoolExecutor(3) as executor:
        assert same(simulated(name, BAD), simulated(name, BAD, executor=executor))


def test_a_client_sees_its_own_data_alone(name: str) -> None:
    model, data, _ = problem(name)
    spoilt_items = np.arange(len(data)) % (CLIENTS - 1) != 2
    if isinstance(data, Examples):
        spoilt: Data = replace(data, x=np.where(spoilt_items[:, None], np.nan, data.x).astype(np.float32))
    else:
        values = np.where(np.repeat(spoilt_items, 20)[:, None], 1e9, data.values)
        spoilt = replace(data, values=values)
    found = method(name)
    phase, state = found.plan()[0], found.start(model, CLIENTS)
    replies = [
        found.client(model, phase, found.offer(state, phase, 2), population(d).client(2, 7), None)
        for d in (data, spoilt)
    ]
    assert replies[0].rows == len(population(data).client(2, 7).data)
    assert nbytes(replies[0].message) == nbytes(replies[1].message)
    for key, array in replies[0].message.items():
        assert array.tobytes() == replies[1].message[key].tobytes()


def test_a_client_without_items_changes_nothing(name: str) -> None:
    model, data, _ = problem(name)
    found = method(name)
    for phase in found.plan():
        if phase.name in ("up", "down", "mixing"):
            continue
        state = found.start(model, CLIENTS)
        reply = found.client(model, phase, found.offer(state, phase, 5), population(data).client(5, 0), None)
        after = found.fold(state, phase, [found.opened(state, phase, reply)])
        assert reply.rows == 0 and found.result(after, model).vector.tobytes() == model.vector.tobytes()


def test_a_stopped_simulation_goes_on_to_the_same_result(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sarto.learn.federated._standing.PERIOD_S", 0.0)
    whole = simulated(name, BAD)
    kept = Kept(tmp_path / "standing.npz", "one")

    class StopError(Exception):
        pass

    class Talk:
        rounds = 0

        def stage(self, name: str, total: int) -> Any:
            return self

        def note(self, text: str) -> None:
            pass

        def __enter__(self) -> Any:
            return self

        def __exit__(self, *_: object) -> None:
            return None

        def advance(self, steps: int = 1, note: str = "") -> None:
            self.rounds += 1
            if self.rounds == 2:
                raise StopError

    stops, found = 0, None
    while found is None and stops < 100:
        try:
            found = simulated(name, BAD, kept=kept, talk=Talk())
        except StopError:
            stops += 1
    assert stops >= 1 and found is not None and same(whole, found) and whole.judged == found.judged
    assert Kept(kept.path, "another").standing(method(name), problem(name)[0], CLIENTS) is None


@pytest.mark.parametrize("lie", ["garbage", "nan"])
def test_what_is_no_answer_is_refused_or_harmless(name: str, lie: Any) -> None:
    found = simulated(name, Participation(liars=0.34, lie=lie))
    assert np.isfinite(found.model.vector).all()
    if lie == "nan" or not any(phase.who == "sample" for phase in method(name).plan()):
        sends = any(row["up"] for row in found.rounds)
        assert found.refused or not sends
        assert all(why.startswith("E") for why in found.refused.values())


def test_its_phases_are_named_and_it_tells_what_it_costs(name: str) -> None:
    plan = method(name).plan()
    assert plan and all(isinstance(phase, Phase) and phase.name for phase in plan)
    found = simulated(name, Participation())
    model, data, _ = problem(name)
    sizes = population(data).sizes.tolist()
    for phase in plan:
        rows = [row for row in found.rounds if row["phase"] == phase.name]
        told = [method(name).weighs(model, phase, size) for size in sizes if size]
        if method(name).peers:
            continue  # an offer is what was sent, and a node's share depends on its place
        assert {row["up"] for row in rows} == {sum(up for up, _ in told)}
        assert {row["down"] for row in rows} == {sum(down for _, down in told)}
    assert [*dict.fromkeys(row["phase"] for row in found.rounds)] == [phase.name for phase in plan]
    assert found.total("up") > 0 and found.total("macs") > 0
