from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.learn.fourier import chosen, drawn
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError
from tests.learn.heads.oracles import KernelRidge

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(150, 3)) * [1.0, 20.0, 0.1] + [0.0, 100.0, 5.0]
Z = (X - X.mean(axis=0)) / X.std(axis=0)
Y = np.sin(2 * Z[:, :1]) * Z[:, 1:2]
KNOWN = RidgeStatistics.of(X, Y, features_id="x")


def test_products_of_features_are_the_kernel_of_the_mean_squared_distance() -> None:
    f = drawn(KNOWN, units=20_000, seed=0)(X[:30])
    squared = ((Z[:, None] - Z[None]) ** 2).sum(axis=2)
    kernel = np.exp(-squared[:30, :30] / (2 * squared.mean()))
    np.testing.assert_allclose(2 * f @ f.T / 20_000, kernel, atol=0.05)
    twice = drawn(KNOWN, units=20_000, seed=0, bandwidths=2.0)(X[:30])
    np.testing.assert_allclose(2 * twice @ twice.T / 20_000, kernel**4, atol=0.05)


def test_a_ridge_readout_of_the_features_is_nearly_kernel_ridge() -> None:
    layer = drawn(KNOWN, units=1000, seed=1)
    f = layer(X) * np.sqrt(2 / 1000)
    ours = RidgeStatistics.of(f, Y - Y.mean()).solve(0.1).predict(f)
    theirs = KernelRidge(alpha=0.1, kernel="rbf", gamma=1 / 12).fit(Z, Y - Y.mean()).predict(Z)
    assert np.abs(ours - theirs).max() < 0.2 * np.abs(theirs).max()


def test_clients_draw_the_same_features_whatever_part_they_have() -> None:
    parts = [RidgeStatistics.of(X[i::4], Y[i::4], features_id="x") for i in range(4)]
    layer, again = (drawn(RidgeStatistics.merge(order), units=50, seed=3) for order in (parts, parts[::-1]))
    assert layer.features_id == again.features_id
    np.testing.assert_array_equal(layer(X), again(X))
    np.testing.assert_allclose(layer(X), drawn(KNOWN, units=50, seed=3)(X), atol=1e-9)


def test_statistics_of_different_draws_do_not_mix() -> None:
    usual: dict[str, Any] = dict(units=20, seed=0)
    first = drawn(KNOWN, **usual)
    other_rows = RidgeStatistics.of(X[:100], Y[:100], features_id="x")
    other_x = RidgeStatistics.of(X, Y, features_id="y")
    others = [
        drawn(KNOWN, units=21, seed=0), drawn(KNOWN, units=20, seed=1), drawn(KNOWN, **usual, bandwidths=2.0),
        drawn(other_rows, **usual), drawn(other_x, **usual),
    ]  # fmt: skip
    assert len({first.features_id, *(other.features_id for other in others)}) == 6
    sent = [RidgeStatistics.of(layer(X), Y, features_id=layer.features_id) for layer in (first, others[1])]
    with pytest.raises(InputError, match="features"):
        _ = sent[0] + sent[1]


def test_a_column_that_does_not_vary_has_no_part() -> None:
    wide = np.c_[X, np.full(150, 3.0)]
    layer = drawn(RidgeStatistics.of(wide, Y), units=20_000, seed=0)
    moved = wide + np.array([0, 0, 0, 9])
    np.testing.assert_allclose(layer(wide), layer(moved), rtol=1e-12)
    f, plain = layer(wide[:20]), drawn(KNOWN, units=20_000, seed=0)(X[:20])
    np.testing.assert_allclose(f @ f.T, plain @ plain.T, atol=0.08 * 10_000)


def test_gcv_chooses_the_bandwidth_that_predicts_unseen_rows() -> None:
    x = RANDOM.normal(size=(1200, 3))
    y = np.sin(2 * x[:, :1]) * x[:, 1:2] + 0.1 * RANDOM.normal(size=(1200, 1))
    known = RidgeStatistics.of(x[:600], y[:600])
    sent: list[RidgeStatistics] = []
    errors: list[float] = []
    for bandwidths in (0.1, 1.0, 10.0):
        layer = drawn(known, units=150, seed=0, bandwidths=bandwidths)
        sent.append(RidgeStatistics.of(layer(x[:600]), y[:600], features_id=layer.features_id))
        errors.append(float(np.mean((sent[-1].solve().predict(layer(x[600:])) - y[600:]) ** 2)))
    assert chosen(sent) == int(np.argmin(errors)) == 1


def test_what_cannot_be_drawn_or_compared_is_refused() -> None:
    same = np.ones((5, 2))
    calls: list[tuple[Any, str]] = [
        (lambda: drawn(RidgeStatistics.of(same, same), units=5, seed=0), "E168"),
        (lambda: drawn(RidgeStatistics.empty(2, 1), units=5, seed=0), "E104"),
        (lambda: chosen([]), "E104"),
        (lambda: chosen([KNOWN, RidgeStatistics.of(X[:50], Y[:50])]), "E168"),
    ]
    for call, code in calls:
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code
