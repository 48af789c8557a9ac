"""Heads shrunk towards a general one, against the equations written out and against refitting without each row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sarto.learn.continual.personal import personal_head, towards
from sarto.learn.heads.linear import LinearHead, ridge_head
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError
from tests.learn.oracles import pinv

RANDOM = np.random.default_rng(0)
CLASSES = ("a", "b", "c")
CENTRES = RANDOM.normal(size=(3, 5))


def rows(n: int, turn: float) -> tuple[NDArray[np.float64], Any]:
    y = RANDOM.integers(0, 3, n)
    return CENTRES[y] + RANDOM.normal(size=(n, 5)) + turn * np.roll(CENTRES, 1, axis=0)[y], np.array(CLASSES)[
        y
    ]


def of(x: Any, y: Any) -> RidgeStatistics:
    return RidgeStatistics.of(x, y, classes=CLASSES)


GENERAL = ridge_head(of(*rows(300, 0.0)))
X, Y = rows(30, 1.0)


@pytest.mark.parametrize("ridge", [0.0, 0.3, 50.0])
def test_the_head_has_the_least_penalised_error(ridge: float) -> None:
    """By least squares over W and b at once, with rows sqrt(ridge) (W - W_g) below the data."""
    one_hot = (Y[:, None] == np.array(CLASSES)).astype(float)
    design = np.r_[np.c_[X, np.ones(30)], np.sqrt(ridge) * np.eye(5, 6)]
    targets = np.r_[one_hot, np.sqrt(ridge) * GENERAL.weights.T]
    expected = pinv(design) @ targets
    head = towards(of(X, Y), GENERAL, ridge)
    np.testing.assert_allclose(head.weights.T, expected[:-1], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(head.intercept, expected[-1], rtol=1e-8, atol=1e-10)


def test_a_ridge_goes_from_the_own_readout_to_the_general_weights() -> None:
    own = ridge_head(of(X, Y), 0.0)
    np.testing.assert_allclose(towards(of(X, Y), GENERAL, 1e-9).weights, own.weights, rtol=1e-6)
    np.testing.assert_allclose(towards(of(X, Y), GENERAL, 1e9).weights, GENERAL.weights, rtol=1e-6)


def test_the_chosen_ridge_errs_on_left_out_rows_as_said() -> None:
    found = personal_head(GENERAL, X, Y)
    assert np.isfinite(found.ridge) and found.wrong < found.general_wrong
    np.testing.assert_allclose(found.head.weights, towards(of(X, Y), GENERAL, found.ridge).weights)
    wrong = 0
    for i in range(30):
        left = towards(of(np.delete(X, i, 0), np.delete(Y, i)), GENERAL, found.ridge)
        wrong += int(np.count_nonzero(left.predict(X[i : i + 1]) != Y[i : i + 1]))
    assert wrong == found.wrong
    assert found.general_wrong == np.count_nonzero(GENERAL.predict(X) != Y)


def test_on_a_client_of_its_own_it_is_better_and_on_one_like_all_it_does_no_harm() -> None:
    gains = {0.0: list[float](), 1.0: list[float]()}
    for turn, found in gains.items():
        for _ in range(20):
            own, test = rows(30, turn), rows(200, turn)
            heads = (personal_head(GENERAL, *own).head, GENERAL)
            right = [np.count_nonzero(head.predict(test[0]) == test[1]) / 200 for head in heads]
            found.append(right[0] - right[1])
    assert np.mean(gains[1.0]) > 0.05
    assert np.mean(gains[0.0]) > -0.02


@pytest.mark.parametrize("n", [1, 2])
def test_of_a_row_or_two_the_general_head_stays_unless_it_errs(n: int) -> None:
    right = GENERAL.predict(X[:n])
    found = personal_head(GENERAL, X[:n], right)
    assert found.wrong == found.general_wrong == 0


def test_other_classes_and_no_rows_are_refused() -> None:
    other = LinearHead(GENERAL.weights, GENERAL.intercept, ("a", "b", "d"))
    calls: list[tuple[Any, str]] = [
        (lambda: towards(of(X, Y), other, 1.0), "E168"),
        (lambda: towards(of(X, Y), GENERAL, -1.0), "E116"),
        (lambda: personal_head(GENERAL, X[:0], Y[:0]), "E104"),
        (lambda: personal_head(other, X, Y), "E116"),
    ]
    for call, code in calls:
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code
