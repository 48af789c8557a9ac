"""Cascades: where items stop, and which leads are chosen."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from sarto.core.graph.reject import margins
from sarto.learn.cascade import Cascade, fit_cascade, stopped_at_random
from sarto.models.input_error import InputError


def drawn(seed: int, items: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Scores of three widths that come closer to the class with every width."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, items)
    noise = rng.normal(size=(3, items, 3)) * np.array([2.5, 1.5, 0.8])[:, None, None]
    return np.rint(100 * (np.eye(3)[y] * 2 + noise)).astype(np.int64), y


WORK = np.array([1.0, 2.0, 3.5])


@pytest.mark.parametrize("seed", [0, 1])
def test_no_other_leads_of_these_items_cost_less(seed: int) -> None:
    scores, y = drawn(seed, 20)
    wanted = float((scores[-1].argmax(1) == y).mean())
    found = fit_cascade(scores, y, WORK, wanted)

    def cost(one: Cascade) -> float:
        return float(WORK[one.widths(scores) - 1].mean())

    assert (found.classes(scores) == y).mean() >= wanted
    every = [[*np.unique(lead).tolist(), 10**9] for lead in margins(scores[:-1])]
    others = [Cascade(np.array(one)) for one in itertools.product(*every)]
    good = [cost(one) for one in others if (one.classes(scores) == y).mean() >= wanted]
    assert cost(found) == min(good) < WORK[-1]


def test_an_item_stops_at_the_first_width_that_is_enough_and_ties_stop() -> None:
    scores = np.array([[[5, 0], [5, 3], [1, 0]], [[0, 9], [7, 0], [0, 3]], [[1, 0], [0, 1], [0, 1]]])
    one = Cascade(np.array([5, 7]))
    assert one.widths(scores).tolist() == [1, 2, 3]
    assert one.classes(scores).tolist() == [0, 0, 1]


def test_what_cannot_be_had_runs_at_full_width() -> None:
    scores, y = drawn(2)
    found = fit_cascade(scores, y, WORK, 1.01)
    assert (found.widths(scores) == 3).all()


def test_less_accuracy_costs_no_more() -> None:
    scores, y = drawn(3)
    costs = [WORK[fit_cascade(scores, y, WORK, a).widths(scores) - 1].mean() for a in (0.9, 0.7, 0.5)]
    assert costs == sorted(costs, reverse=True) and costs[-1] < costs[0]


def test_stopping_by_leads_beats_stopping_as_many_at_random() -> None:
    gains = list[float]()
    for seed in range(5):
        scores, y = drawn(seed, 400)
        widths = fit_cascade(scores, y, WORK, float((scores[-1].argmax(1) == y).mean())).widths(scores)
        by_lead = (scores.argmax(2)[widths - 1, np.arange(400)] == y).mean()
        gains.append(float(by_lead) - stopped_at_random(scores, y, widths))
    assert np.mean(gains) > 0.05


def test_what_makes_no_cascade() -> None:
    scores, y = drawn(0)
    for bad in ((scores[:1], y, WORK[:1]), (scores, y, WORK[::-1].copy()), (scores[:, :0], y[:0], WORK)):
        with pytest.raises(InputError, match="E116"):
            fit_cascade(*bad, 0.5)
