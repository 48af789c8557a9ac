"""Heads in whose statistics one's own rows count more."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.learn.continual.weighted import WEIGHTS, weighted_head
from sarto.learn.heads.linear import ridge_head
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError
from tests.learn.continual.test_personal import CLASSES, of, rows

OTHERS_X, OTHERS_Y = rows(300, 0.0)
OTHERS = of(OTHERS_X, OTHERS_Y)
X, Y = rows(30, 1.0)


def test_the_head_is_that_of_all_rows_with_ones_own_repeated() -> None:
    found = weighted_head(OTHERS, X, Y)
    assert found.weight in WEIGHTS and found.wrong < found.general_wrong
    times = int(found.weight)
    repeated = of(np.r_[OTHERS_X, np.tile(X, (times, 1))], np.r_[OTHERS_Y, np.tile(Y, times)])
    expected = ridge_head(repeated, OTHERS.solve().ridge)
    np.testing.assert_allclose(found.head.weights, expected.weights, rtol=1e-7, atol=1e-10)


def test_mistakes_are_those_of_heads_without_each_row() -> None:
    found, wrong = weighted_head(OTHERS, X, Y), 0
    for i in range(30):
        rest = np.delete(np.arange(30), i)
        own = RidgeStatistics.of(X[rest], Y[rest], np.full(29, found.weight), classes=CLASSES)
        head = ridge_head(OTHERS + own, OTHERS.solve().ridge)
        wrong += int(np.count_nonzero(head.predict(X[i : i + 1]) != Y[i : i + 1]))
    assert wrong == found.wrong
    assert found.general_wrong == np.count_nonzero(ridge_head(OTHERS).predict(X) != Y)


def test_on_a_client_of_its_own_it_is_better_and_on_one_like_all_it_does_no_harm() -> None:
    for turn, least in ((1.0, 0.05), (0.0, -0.02)):
        gains: list[float] = []
        for _ in range(12):
            own, (x, y) = rows(30, turn), rows(200, turn)
            heads = (weighted_head(OTHERS, *own).head, ridge_head(OTHERS))
            right = [np.count_nonzero(head.predict(x) == y) / 200 for head in heads]
            gains.append(right[0] - right[1])
        assert np.mean(gains) > least


def test_rows_that_all_agree_with_the_others_change_nothing_but_in_squares() -> None:
    found = weighted_head(OTHERS, X[:3], ridge_head(OTHERS).predict(X[:3]))
    assert found.wrong == found.general_wrong == 0


def test_what_cannot_be_learned_from_is_refused() -> None:
    calls: list[tuple[Any, str]] = [
        (lambda: weighted_head(OTHERS, X[:0], Y[:0]), "E104"),
        (lambda: weighted_head(RidgeStatistics.empty(5, 3, classes=CLASSES), X, Y), "E104"),
        (lambda: weighted_head(RidgeStatistics.of(X, X), X, Y), "E168"),
        (lambda: weighted_head(OTHERS, X[:, :4], Y), "E108"),
    ]
    for call, code in calls:
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code
