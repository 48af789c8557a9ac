from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.learn.heads.linear import LinearHead, ridge_head
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError
from tests.learn.oracles import RidgeClassifier

RANDOM = np.random.default_rng(0)
CLASSES = ("a", "b", "c")
Y = RANDOM.choice(CLASSES, 50)
X = RANDOM.normal(size=(50, 4)) + (Y == "a")[:, None]
HEAD = LinearHead(np.array([[3.0, 4.0], [0.0, 0.0]]), np.array([10.0, 2.0]), ("p", "q"))


def test_ridge_scores_are_scikit_learns_as_shares_of_a_class() -> None:
    head = ridge_head(RidgeStatistics.of(X, Y, classes=CLASSES), 0.7)
    oracle = RidgeClassifier(alpha=0.7).fit(X, Y)
    np.testing.assert_allclose(head.scores(X), (oracle.decision_function(X) + 1) / 2, atol=1e-11)
    np.testing.assert_allclose(head.scores(X).sum(axis=1), 1.0, atol=1e-12)
    assert (head.predict(X) == oracle.predict(X)).all()


def test_a_normalised_head_has_rows_of_length_one_and_its_bias_in_their_units() -> None:
    """FED3R: the norm is of the weights alone; a class that knows nothing stays as it is."""
    head = HEAD.normalised()
    np.testing.assert_allclose(head.weights, [[0.6, 0.8], [0.0, 0.0]], rtol=1e-15)
    np.testing.assert_allclose(head.intercept, [2.0, 2.0], rtol=1e-15)


def test_a_softened_head_has_scores_over_the_temperature_and_the_same_winners() -> None:
    x = RANDOM.normal(size=(20, 2))
    np.testing.assert_allclose(HEAD.softened(0.1).scores(x), 10 * HEAD.scores(x), rtol=1e-12)
    assert (HEAD.softened(0.1).predict(x) == HEAD.predict(x)).all()


def test_rows_of_other_features_are_refused() -> None:
    with pytest.raises(InputError, match="3 features") as caught:
        HEAD.predict(np.ones((2, 3)))
    assert caught.value.code == "E108"


def test_no_head_without_classes_or_at_no_temperature() -> None:
    calls: list[Any] = [
        lambda: ridge_head(RidgeStatistics.of(X, X[:, :1])),
        lambda: HEAD.softened(0.0),
        lambda: HEAD.softened(float("inf")),
    ]
    for call in calls:
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == "E168"
