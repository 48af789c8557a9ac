from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.learn.continual.labelling import next_to_label
from sarto.learn.leave_one_out import leverage
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError
from tests.learn.oracles import inv

RANDOM = np.random.default_rng(0)
LABELLED, POOL = RANDOM.normal(size=(15, 4)) + 1, RANDOM.normal(size=(40, 4)) * [1, 2, 1, 5]


Z = np.c_[np.ones(40), POOL - LABELLED.mean(axis=0)]


def penalised(x: Any) -> Any:
    """Moments of [1, x] about the mean, with the penalty."""
    z = np.c_[np.ones(len(x)), x - x.mean(axis=0)]
    return z.T @ z + 0.5 * np.diag([0, 1, 1, 1, 1])


def total(moments: Any) -> float:
    return float(np.trace(Z @ inv(moments) @ Z.T))


def of(x: Any) -> RidgeStatistics:
    return RidgeStatistics.of(x, np.zeros(len(x)))


def test_by_leverage_each_choice_has_the_largest_once_those_before_are_labelled() -> None:
    """By brute force: statistics with each item added, solved anew."""
    statistics, expected = of(LABELLED), list[int]()
    for _ in range(12):
        h = leverage(statistics, 0.5, POOL)
        h[expected] = -1
        expected.append(int(h.argmax()))
        statistics = statistics + of(POOL[expected[-1:]])
    assert next_to_label(of(LABELLED), POOL, count=12, ridge=0.5, by="leverage").tolist() == expected


def test_by_the_pool_each_choice_lowers_the_leverage_of_all_most() -> None:
    """By brute force: every item added in turn, and the leverages of the pool summed."""
    moments, expected = penalised(LABELLED), list[int]()
    for _ in range(8):
        after = [total(moments + np.outer(z, z)) for z in Z]
        expected.append(min((i for i in range(40) if i not in expected), key=lambda i: after[i]))
        moments += np.outer(Z[expected[-1]], Z[expected[-1]])
    assert next_to_label(of(LABELLED), POOL, count=8, ridge=0.5).tolist() == expected


def test_where_nothing_is_labelled_the_mean_of_the_pool_is_known() -> None:
    stand_in = of(POOL.mean(axis=0)[None])
    found = next_to_label(RidgeStatistics.empty(4, 1), POOL, count=6, ridge=0.5).tolist()
    assert found == next_to_label(stand_in, POOL, count=6, ridge=0.5).tolist()
    first = next_to_label(RidgeStatistics.empty(4, 1), POOL, count=1, ridge=0.5, by="leverage")
    assert first[0] == int(((POOL - POOL.mean(axis=0)) ** 2).sum(axis=1).argmax())


def test_no_item_is_chosen_twice_and_copies_of_a_known_one_come_late() -> None:
    assert sorted(next_to_label(of(LABELLED), POOL, count=40, ridge=0.5).tolist()) == list(range(40))
    pool = np.r_[np.tile(POOL[:1], (5, 1)), POOL[1:4]]
    chosen = next_to_label(of(LABELLED), pool, count=4, ridge=1e-3, by="leverage").tolist()
    assert sum(item < 5 for item in chosen) == 1


def test_what_cannot_be_chosen_is_refused() -> None:
    calls: list[tuple[Any, str]] = [
        (lambda: next_to_label(of(LABELLED), POOL, count=41, ridge=1.0), "E168"),
        (lambda: next_to_label(of(LABELLED), POOL, count=1, ridge=0.0), "E116"),
        (lambda: next_to_label(of(LABELLED), POOL[:, :3], count=1, ridge=1.0), "E108"),
        (lambda: next_to_label(of(LABELLED), POOL, count=1, ridge=1.0, by="chance"), "E168"),
    ]
    for call, code in calls:
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code
