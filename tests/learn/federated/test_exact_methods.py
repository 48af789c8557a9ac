"""Methods of sums against the same readout of all rows in one place, and against ridge regression worked out anew."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.data.examples import Examples
from sarto.learn.federated import consensus, fed3r, fed_plasticity, fed_readout, fed_readout_partial
from sarto.learn.federated._contract import Population
from sarto.learn.federated._linear import LinearModel
from sarto.learn.federated._reservoir import ReservoirModel
from sarto.learn.federated._scaling import Scaling
from sarto.learn.federated._simulate import Outcome, Participation, Simulation
from sarto.learn.heads.linear import ridge_head
from sarto.learn.plasticity.intrinsic import IntrinsicPlasticity
from sarto.learn.readout import ESNClassifier
from sarto.learn.statistics import RidgeStatistics

RNG = np.random.default_rng(0)
Y = RNG.integers(0, 3, 120)
X = (RNG.normal(size=(120, 6)) + np.eye(3, 6)[Y]).astype(np.float32)
DATA = Examples(X, Y, ("a", "b", "c"))
OWNER = RNG.integers(0, 8, 120)
POPULATION = Population(DATA, OWNER, tuple("01234567"))
POOLED = RidgeStatistics.of(X, np.array(DATA.classes)[Y], classes=DATA.classes, features_id="six")


def run(method: Any, **changed: Any) -> Outcome:
    model = LinearModel.zeros(6, DATA.classes, "six")
    return Simulation(method, model, POPULATION, **changed).run()


def test_fed3r_has_the_head_of_all_rows() -> None:
    head = ridge_head(POOLED, 0.5)
    found = run(fed3r.Method(ridge=0.5, how="auto-f64")).model
    np.testing.assert_allclose(found.weights, head.weights, rtol=1e-6, atol=1e-9)
    np.testing.assert_allclose(found.intercept, head.intercept, rtol=1e-6)
    published = run(fed3r.Method(ridge=0.5, normalise=True, temperature=0.1)).model
    np.testing.assert_allclose(np.linalg.norm(published.weights, axis=1), 10.0, rtol=1e-6)
    np.testing.assert_allclose(
        published.intercept, 10 * head.intercept / np.linalg.norm(head.weights, axis=1), rtol=1e-5
    )


def test_a_class_that_nobody_has_never_wins() -> None:
    data = Examples(X, Y, ("a", "b", "c", "nobody"))
    population = Population(data, OWNER, tuple("01234567"))
    for head in ("ridge", "lda", "naive_bayes", "nearest_mean"):
        model = LinearModel.zeros(6, data.classes)
        found = Simulation(fed3r.Method(head=head), model, population).run().model
        answers = found.scores(data).argmax(axis=1)
        assert 3 not in answers and (answers == Y).mean() > 0.5


def test_clients_that_lie_about_labels_pass_and_those_that_lie_about_rows_do_not() -> None:
    honest, lied = (
        run(fed3r.Method(), participation=Participation(liars=share, strength=3)) for share in (0, 0.25)
    )
    assert not lied.refused and not np.allclose(honest.model.vector, lied.model.vector)


def test_a_partial_readout_of_everything_is_the_whole_one_and_of_some_the_ridge_regression_on_them() -> None:
    whole = run(fed3r.Method(ridge=0.5, how="auto-f64")).model
    for chosen_by in ("server", "client"):
        same = run(
            fed_readout_partial.Method(ridge=0.5, share=1.0, chosen_by=chosen_by, how="auto-f64")
        ).model
        np.testing.assert_allclose(same.scores(DATA) / 2 + 0.5, whole.scores(DATA), atol=1e-5)
    some = run(fed_readout_partial.Method(ridge=0.5, share=0.5, how="auto-f64")).model
    kept = np.flatnonzero(np.abs(some.weights).sum(axis=0))
    assert kept.tolist() == [0, 1, 2]  # those in which the classes differ
    alone = RidgeStatistics.of(X[:, kept], np.array(DATA.classes)[Y], classes=DATA.classes).solve(0.5)
    np.testing.assert_allclose(some.weights[:, kept], alone.weights, rtol=1e-5)
    own = run(fed_readout_partial.Method(share=0.5, chosen_by="client", importance="energy"))
    full = run(fed3r.Method())
    assert own.total("up") < 0.75 * full.total("up")


def test_every_tree_ends_at_the_sum_of_all_and_gossip_tends_to_it() -> None:
    head = POOLED.solve(0.5)
    for reach in (1, 3):
        found = run(consensus.Method(ridge=0.5, reach=reach)).model
        np.testing.assert_allclose(found.weights, head.weights, rtol=1e-6, atol=1e-8)
    apart: list[float] = []
    for rounds in (5, 20, 80):
        method = consensus.Method(ridge=0.5, exchange="metropolis", reach=1, rounds=rounds)
        ways = Participation(offline=0.2, late=0.1)
        outcome = run(method, participation=ways, seed=4)
        apart.append(method.apart(outcome.state))
    assert apart[0] > 4 * apart[1] > 40 * apart[2]
    np.testing.assert_allclose(outcome.model.weights, head.weights, atol=1e-4)  # pyright: ignore[reportPossiblyUnboundVariable]


def waves(items: int, seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    y, lengths = rng.integers(0, 3, items), rng.integers(10, 30, items)
    values = [
        100 + 7 * (np.sin(np.arange(n) * (0.3 + 0.3 * c))[:, None] + 0.2 * rng.normal(size=(n, 2)))
        for c, n in zip(map(int, y), map(int, lengths), strict=True)
    ]
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Dataset("waves", np.concatenate(values), offsets, y, ("a", "b", "c"), ("x", "z"))


@pytest.mark.parametrize("plastic", [False, True])
def test_a_federated_reservoir_is_the_one_fitted_to_all_sequences(plastic: bool) -> None:
    data = waves(60, 0)
    owner = np.random.default_rng(5).integers(0, 7, 60)
    population = Population(data, owner, tuple("0123456"))
    parameters: dict[str, Any] = {"units": 15, "pooling": "mean_square", "segments": 2, "dtype": "float64"}
    model = ReservoirModel(ESNClassifier(**parameters), data.classes, 3, 2)
    scaled = Simulation(Scaling(), model, population).run().model
    if plastic:  # of one client that has everything
        population = Population(data, np.zeros(60, np.int64), ("all",))
        parameters["plasticity"] = IntrinsicPlasticity(epochs=2, batch=3)
        method: Any = fed_plasticity.Method(rounds=1, epochs=2, batch=3, how="auto-f64", ridge=0.1)
    else:
        method = fed_readout.Method(how="auto-f64", ridge=0.1)
    found = Simulation(method, scaled, population).run().model.fitted()
    pooled = ESNClassifier(**parameters, ridge=0.1).fit(data)
    np.testing.assert_allclose(found.feature_map_.mean, pooled.feature_map_.mean, rtol=1e-12)
    np.testing.assert_allclose(found.feature_map_.scale, pooled.feature_map_.scale, rtol=1e-12)
    limit = 1e-3 if plastic else 1e-8  # gains travel in float32
    difference = np.abs(found.decision_function(data) - pooled.decision_function(data)).max()
    assert difference < limit * np.abs(pooled.decision_function(data)).max()


def test_what_is_no_reservoir_is_refused() -> None:
    for room in (fed_readout, fed_plasticity):
        with pytest.raises(SartoError) as refused:
            run(room.Method())
        assert refused.value.code == "E171"


def test_a_federation_of_nobody_is_refused() -> None:
    empty = DATA.select(np.zeros(0, np.int64))
    with pytest.raises(SartoError) as refused:
        Simulation(
            fed3r.Method(), LinearModel.zeros(6, DATA.classes), Population(empty, OWNER[:0], ("p",))
        ).run()
    assert refused.value.code == "E171"
