"""Heads in other conventions against what their authors compute, from the rows and uncentred."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sarto.learn.heads.linear import ridge_head
from sarto.learn.heads.penalty import CONVENTIONS, head_as, head_with_intercept
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError
from tests.learn.oracles import Ridge

RANDOM = np.random.default_rng(0)
CLASSES = ("a", "b", "c")
Y = RANDOM.choice(CLASSES, 70, p=[0.6, 0.3, 0.1])
X = RANDOM.normal(size=(70, 6)) + 2 + (Y == "a")[:, None]
STATISTICS = RidgeStatistics.merge(
    [RidgeStatistics.of(X[part], Y[part], classes=CLASSES) for part in np.array_split(np.arange(70), 5)]
)
ONE_HOT: NDArray[np.float64] = (Y[:, None] == np.array(CLASSES)).astype(float)


def solved(Z: NDArray[np.float64], ridge: float) -> Any:
    return np.linalg.solve(Z.T @ Z + ridge * np.eye(Z.shape[1]), Z.T @ ONE_HOT)


@pytest.mark.parametrize("ridge", [0.01, 1.0, 300.0])
def test_fed3r_penalises_a_column_of_ones_in_the_uncentred_gram(ridge: float) -> None:
    W = solved(np.c_[X, np.ones(70)], ridge)
    head = head_as(STATISTICS, ridge, "fed3r")
    np.testing.assert_allclose(head.weights.T, W[:-1], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(head.intercept, W[-1], rtol=1e-9)


@pytest.mark.parametrize("ridge", [0.01, 300.0])
def test_incfed_has_no_intercept(ridge: float) -> None:
    head = head_as(STATISTICS, ridge, "incfed")
    np.testing.assert_allclose(head.weights.T, solved(X, ridge), rtol=1e-9, atol=1e-12)
    assert not head.intercept.any()


@pytest.mark.parametrize("name", ["sarto", "scikit-learn", "reservoirpy"])
def test_the_sum_form_with_a_free_intercept_is_scikit_learns(name: str) -> None:
    head, oracle = head_as(STATISTICS, 0.7, name), Ridge(alpha=0.7).fit(X, ONE_HOT)
    np.testing.assert_allclose(head.weights, oracle.coef_, rtol=1e-9)
    np.testing.assert_allclose(head.intercept, oracle.intercept_, rtol=1e-9)
    np.testing.assert_allclose(ridge_head(STATISTICS, 0.7).weights, head.weights, rtol=1e-10)


def test_numbers_of_the_mean_and_of_the_trace_are_converted() -> None:
    trace = float(((X - X.mean(axis=0)) ** 2).sum())
    for name, in_sums in (("mean", 0.2 * 70), ("relative", 0.2 * trace / 6)):
        np.testing.assert_allclose(
            head_as(STATISTICS, 0.2, name).weights, head_as(STATISTICS, in_sums, "sarto").weights, rtol=1e-10
        )


def test_a_penalty_of_the_intercept_goes_from_free_to_none() -> None:
    free, none = head_as(STATISTICS, 0.7, "sarto"), head_as(STATISTICS, 0.7, "incfed")
    nearly_free, nearly_none = (head_with_intercept(STATISTICS, 0.7, r) for r in (1e-12, 1e12))
    np.testing.assert_allclose(nearly_free.weights, free.weights, rtol=1e-9)
    np.testing.assert_allclose(nearly_none.weights, none.weights, rtol=1e-6)


def test_unknown_conventions_and_numbers_below_0_are_refused() -> None:
    calls: list[tuple[Any, str]] = [
        (lambda: head_as(STATISTICS, 0.1, "afl"), "E168"),
        (lambda: head_with_intercept(STATISTICS, 0.1, -1.0), "E116"),
        *(((lambda name=name: head_as(STATISTICS, -1.0, name)), "E116") for name in CONVENTIONS),
    ]
    for call, code in calls:
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code
