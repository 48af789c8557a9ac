"""Methods of gradients against their published steps, worked out anew on problems whose answers are known."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.data.examples import Examples
from sarto.learn.federated import fedadam, fedavg, fedavgm, fedprox, scaffold
from sarto.learn.federated._contract import Client, Local, Phase, Population, Reply
from sarto.learn.federated._linear import LinearModel
from sarto.learn.federated._simulate import Participation, Simulation, drift

ROUNDS = Phase("rounds", "sample")
RNG = np.random.default_rng(0)


def some(items: int, seed: int = 0) -> Examples:
    rng = np.random.default_rng(seed)
    return Examples(
        rng.normal(size=(items, 4)).astype(np.float32), rng.integers(0, 3, items), ("a", "b", "c")
    )


def gradient(model: LinearModel, data: Examples) -> Any:
    """Of the mean cross-entropy, by its definition."""
    z = data.x.astype(float) @ model.weights.T.astype(float) + model.intercept
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True) - np.eye(3)[data.y]
    return np.concatenate([(p.T @ data.x / len(data)).reshape(-1), p.mean(axis=0)])


def start(seed: int = 1) -> LinearModel:
    rng = np.random.default_rng(seed)
    return LinearModel(
        rng.normal(size=(3, 4)).astype(np.float32), rng.normal(size=3).astype(np.float32), ("a", "b", "c")
    )


def test_a_full_step_of_a_client_is_a_gradient_step_with_decay_pull_and_shift() -> None:
    data, model = some(20), start()
    once = Local(rate=0.3, steps=1, batch=20)
    expected = model.vector - 0.3 * gradient(model, data)
    np.testing.assert_allclose(model.trained(data, once, 0), expected, atol=2e-7)
    shift = RNG.normal(size=15).astype(np.float32)
    np.testing.assert_allclose(model.trained(data, once, 0, shift), expected - 0.3 * shift, atol=5e-7)
    decayed = model.trained(data, Local(rate=0.3, steps=1, batch=20, decay=0.1), 0)
    decay = 0.03 * np.concatenate([model.weights.reshape(-1), np.zeros(3)])
    np.testing.assert_allclose(decayed, expected - decay, atol=5e-7)
    twice = model.trained(data, Local(rate=0.3, steps=2, batch=20, proximal=0.5), 0)
    first = model.with_vector(expected.astype(np.float32))
    second = expected - 0.3 * (gradient(first, data) + 0.5 * (expected - model.vector))
    np.testing.assert_allclose(twice, second, atol=5e-7)


def replies_of(method: Any, model: LinearModel, parts: list[Examples], state: Any, memory: Any = None) -> Any:
    found: list[Reply] = []
    for number, part in enumerate(parts):
        offer = method.offer(state, ROUNDS, number)
        own = None if memory is None else memory[number]
        found.append(method.client(model, ROUNDS, offer, Client(number, "", part, 0), own))
    return [method.opened(state, ROUNDS, reply) for reply in found]


def test_fedavg_of_one_full_step_is_gradient_descent_on_all_rows() -> None:
    model, parts = start(), [some(5, 1), some(15, 2)]
    whole = Examples(
        np.concatenate([p.x for p in parts]), np.concatenate([p.y for p in parts]), parts[0].classes
    )
    method = fedavg.Method(rate=0.4, steps=1, batch=99)
    state = method.start(model, 2)
    state = method.fold(state, ROUNDS, replies_of(method, model, parts, state))
    np.testing.assert_allclose(state["weights"], model.vector - 0.4 * gradient(model, whole), atol=5e-7)


def test_momentum_adds_up_and_adam_scales_by_its_moments() -> None:
    changes = [np.array([1.0, -2.0]), np.array([0.5, 4.0])]
    method = fedavgm.Method(momentum=0.9)
    state: Any = {"velocity": np.zeros(1)}
    for change in changes:
        step, kept = method.stepped(state, change)
        state |= kept
    np.testing.assert_allclose(step, 0.9 * changes[0] + changes[1])  # pyright: ignore[reportPossiblyUnboundVariable]
    adam = fedadam.Method()
    m, v = np.zeros(2), np.full(2, 1e-6)
    state = adam.remembered(np.zeros(2))
    for change in changes:
        step, kept = adam.stepped(state, change)
        state |= kept
        m, v = 0.9 * m + 0.1 * change, 0.99 * v + 0.01 * change**2
    np.testing.assert_allclose(step, m / (np.sqrt(v) + 1e-3))  # pyright: ignore[reportPossiblyUnboundVariable]


def test_fedprox_holds_back_as_much_as_it_is_told() -> None:
    data = some(30)
    lengths = [
        float(
            np.linalg.norm(
                start().trained(data, fedprox.Method(rate=0.1, epochs=50, batch=30, mu=mu).local, 0)
                - start().vector
            )
        )
        for mu in (0.0, 0.1, 1.0)
    ]
    assert lengths[0] > 1.1 * lengths[1] > 1.1 * lengths[2]
    free = fedavg.Method(rate=0.1, epochs=50, batch=30).local
    np.testing.assert_array_equal(
        start().trained(data, fedprox.Method(rate=0.1, epochs=50, batch=30, mu=0.0).local, 0),
        start().trained(data, free, 0),
    )


def test_scaffolds_control_is_the_mean_of_its_clients_and_the_mean_gradient() -> None:
    model, parts = start(), [some(10, 1), some(10, 2), some(10, 3)]
    method = scaffold.Method(rate=0.2, steps=1, batch=10)
    state = method.start(model, 3)
    memory: list[Any] = [None, None, None]
    for _ in range(2):
        at = model.with_vector(state["weights"])
        answers = replies_of(method, model, parts, state, memory)
        memory = [reply.memory for reply in answers]
        state = method.fold(state, ROUNDS, answers)
    # With one full step a client's control is the gradient where it stood; the shifts cancel in the mean.
    expected = np.mean([gradient(at, part) for part in parts], axis=0)  # pyright: ignore[reportPossiblyUnboundVariable]
    np.testing.assert_allclose(state["control"], expected, atol=2e-6)
    np.testing.assert_allclose(state["control"], np.mean([m["control"] for m in memory], axis=0), atol=1e-6)


def test_scaffold_reaches_the_optimum_where_fedavg_stays_beside_it() -> None:
    """Two clients with many local steps on unlike data: FedAvg's fixed point is not the optimum, SCAFFOLD's is."""
    parts = [some(40, 1), some(40, 2)]
    parts[1] = Examples(parts[1].x * 3, (parts[0].y + 1) % 3, parts[0].classes)
    whole = Examples(
        np.concatenate([p.x for p in parts]), np.concatenate([p.y for p in parts]), parts[0].classes
    )
    population = Population(whole, np.repeat([0, 1], 40), ("p", "q"))
    sizes: dict[str, float] = {}
    for name, kind in (("fedavg", fedavg), ("scaffold", scaffold)):
        method = kind.Method(rate=0.1, steps=20, batch=40)
        model = Simulation(method, LinearModel.zeros(4, whole.classes), population, rounds=150).run().model
        sizes[name] = float(np.linalg.norm(gradient(model, whole)))
    assert sizes["scaffold"] < 1e-4 < 0.02 < sizes["fedavg"]


@pytest.mark.parametrize("combine", ["median", "trimmed"])
def test_a_liar_moves_the_mean_and_not_the_median(combine: Any) -> None:
    data = some(600)
    population = Population(data, np.arange(600) % 20, tuple(map(str, range(20))))
    ways = Participation(liars=0.05, lie="garbage", strength=100)

    def length(how: Any) -> float:
        method = fedavg.Method(rate=0.1, combine=how)
        found = Simulation(
            method, LinearModel.zeros(4, data.classes), population, rounds=5, participation=ways
        ).run()
        return float(np.linalg.norm(found.model.vector))

    assert length(combine) < 1 < 10 < length("mean")


def test_only_the_part_that_learns_is_changed_and_sent() -> None:
    model, data = start(), some(20)
    method = fedavg.Method(part="features")
    state = method.start(model, 1)
    [reply] = replies_of(method, model, [data], state)
    assert reply.message["change"].size == 0 == method.offer(state, ROUNDS, 0)["weights"].size


def test_drift_is_none_where_nothing_moved() -> None:
    assert drift([(np.zeros(2), 3)]) == {"cosine": None, "ratio": None} == drift([])
    assert drift([(np.array([1.0, 1.0]), 2), (np.array([1.0, 1.0]), 5)]) == {"cosine": 1.0, "ratio": 1.0}


@pytest.mark.parametrize(
    "wrong",
    [{"rate": 0.0}, {"batch": 0}, {"server_rate": 0.0}, {"decay": -1.0}, {"steps": -1}],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SartoError) as refused:
        fedavg.Method(**wrong)
    assert refused.value.code == "E171"


@pytest.mark.parametrize(
    "wrong", [{"offline": 1.0}, {"late": 1.2}, {"per_round": 0}, {"strength": 0}, {"liars": -0.1}]
)
def test_ways_to_take_part_that_cannot_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(SartoError) as refused:
        Participation(**wrong)
    assert refused.value.code == "E171"


def test_a_budget_of_bytes_ends_it() -> None:
    data = some(60)
    population = Population(data, np.arange(60) % 4, tuple("pqrs"))
    found = Simulation(
        fedavg.Method(), LinearModel.zeros(4, data.classes), population, rounds=100, budget_b=5000
    ).run()
    each = 4 * 2 * 15 * 4
    assert len(found.rounds) == -(-5000 // each) and found.total("up") + found.total("down") < 5000 + each
