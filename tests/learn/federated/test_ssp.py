"""The noised head: its noise is that of its promise, and what breaks the promise is refused."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.core.seed import generator
from sarto.data.examples import Examples
from sarto.learn.federated._contract import Client, Phase, Population
from sarto.learn.federated._linear import LinearModel
from sarto.learn.federated._simulate import Simulation
from sarto.learn.federated.ssp import Method
from sarto.learn.perturbation import Perturbed, cut_to

CLASSES, PHASE = ("a", "b", "c"), Phase("statistics", "each")


def items(count: int = 300, seed: int = 0, size: float = 1.0) -> Examples:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, count)
    return Examples(
        (size * (rng.normal(size=(count, 5)) + 2 * np.eye(3, 5)[y])).astype(np.float32), y, CLASSES
    )


MODEL = LinearModel.zeros(5, CLASSES, "five numbers")


def learned(method: Method, clients: int = 10, seed: int = 0) -> Any:
    data = items()
    population = Population(data, np.arange(len(data)) % clients, tuple(map(str, range(clients))))
    return Simulation(method, MODEL, population, seed=seed).run()


def test_central_noise_is_added_once_to_the_sum_of_cut_rows() -> None:
    method, data = Method(epsilon=2.0, how="tri-f64", seed=7), items()
    names = np.array(CLASSES)[data.y]
    plain = Perturbed.of_rows(data.x, names, CLASSES)
    expected = plain.noised(method.promise, generator(7, "ssp")).solve()
    for clients in (1, 10):
        np.testing.assert_allclose(learned(method, clients).model.weights, expected.weights, rtol=1e-5)


@pytest.mark.parametrize("epsilon", [1.0, 10.0])
def test_local_noise_has_the_deviation_of_the_promise(epsilon: float) -> None:
    method, data = Method(epsilon=epsilon, noise="local", radius=1.5, rows=2), items(20)
    plain = Perturbed.of_rows(data.x, np.array(CLASSES)[data.y], CLASSES, 1.5).vector
    diagonal = np.array([i == j for i in range(5) for j in range(i, 5)] + [False] * 15)
    drawn = np.stack(
        [
            method.client(MODEL, PHASE, {}, Client(0, "0", data, seed), None).message["sums"] - plain
            for seed in range(400)
        ]
    )
    for where, wanted in ((~diagonal, 1.0), (diagonal, 2**0.5)):
        noise = drawn[:, where] / (wanted * method.promise.sigma)
        assert abs(noise.std() - 1) < 0.05 and abs(noise.mean()) < 0.05
    assert len(np.unique(drawn)) == drawn.size, "every number has noise of its own"


def test_local_noise_adds_up_over_clients_in_any_order() -> None:
    method = Method(epsilon=5.0, noise="local")
    state = method.start(MODEL, 9)
    clients = [Client(k, str(k), items(30, k), k) for k in range(9)]
    replies = [method.client(MODEL, PHASE, {}, client, None) for client in clients]
    opened = [method.opened(state, PHASE, reply) for reply in replies]
    found = method.fold(state, PHASE, opened)
    other = method.fold(method.fold(state, PHASE, opened[5:]), PHASE, opened[:5][::-1])
    assert found["clients"] == 9 and found["sum"] == other["sum"]
    sums = Perturbed(np.zeros((5, 5)), np.zeros((5, 3)), 0.0, 1.0).with_vector(
        np.stack(opened).astype(np.float64).sum(axis=0), 9 * method.promise.sigma**2
    )
    np.testing.assert_allclose(
        method.result(found, MODEL).weights, sums.solve().weights, rtol=1e-5, atol=1e-7
    )
    saved = method.restored(method.saved(found), MODEL, 9)
    assert saved["sum"] == found["sum"] and saved["clients"] == 9
    assert method.restored(method.saved(state), MODEL, 9)["sum"] is None


def test_more_noise_costs_accuracy_and_local_noise_more_than_central() -> None:
    test = items(2000, 1)

    def accuracy(noise: Any, epsilon: float) -> float:
        seeds = range(5)
        models = [learned(Method(noise=noise, epsilon=epsilon, seed=s), seed=s).model for s in seeds]
        return float(np.mean([(m.scores(test).argmax(axis=1) == test.y).mean() for m in models]))

    much, little, local = accuracy("central", 0.1), accuracy("central", 10.0), accuracy("local", 0.5)
    assert much < 0.7 and little > 0.85 and local < accuracy("central", 0.5) - 0.05


def test_rows_longer_than_the_radius_are_refused() -> None:
    honest, data = Method(how="tri-f64"), items(20, size=3.0)
    state, client = honest.start(MODEL, 1), Client(0, "0", data, 0)
    assert honest.opened(state, PHASE, honest.client(MODEL, PHASE, {}, client, None)) is not None
    forged = honest.told(MODEL, client, data.x.astype(np.float64), honest.named(MODEL), 0)
    with pytest.raises(SartoError, match="E166"):
        honest.opened(state, PHASE, forged)
    with pytest.raises(SartoError, match="E116"):  # cut to another length
        honest.opened(state, PHASE, Method(radius=0.5).client(MODEL, PHASE, {}, client, None))


def test_local_sums_that_no_rows_have_are_refused() -> None:
    method = Method(noise="local")
    state = method.start(MODEL, 1)
    reply = method.client(MODEL, PHASE, {}, Client(0, "0", items(20), 0), None)
    sums = reply.message["sums"]
    for code, bad in (("E166", sums[:-1]), ("E166", sums * 1000), ("E105", sums * np.float32("nan"))):
        with pytest.raises(SartoError, match=code):
            method.opened(state, PHASE, replace(reply, message={"sums": bad}))


@pytest.mark.parametrize(
    ("settings", "code"),
    [
        ({"ridge": "gcv"}, "E171"),
        ({"epsilon": 0.0}, "E169"),
        ({"delta": 1.0}, "E169"),
        ({"rows": 0}, "E169"),
    ],
)
def test_settings_that_promise_nothing_are_refused(settings: dict[str, Any], code: str) -> None:
    with pytest.raises(SartoError, match=code):
        Method(**settings)
    with pytest.raises(SartoError, match="E171"):
        Method().start(replace(MODEL, classes=()), 1)


def test_cut_rows_keep_their_direction() -> None:
    x = np.random.default_rng(0).normal(size=(50, 4)) * np.logspace(-3, 3, 50)[:, None]
    cut = cut_to(x, 2.0)
    lengths = np.linalg.norm(x, axis=1)
    np.testing.assert_allclose(np.linalg.norm(cut, axis=1), np.minimum(lengths, 2.0))
    np.testing.assert_allclose((cut * x).sum(axis=1), np.linalg.norm(cut, axis=1) * lengths)
