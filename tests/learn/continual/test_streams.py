from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from sarto.learn.continual.streams import by_class, by_domain, by_level
from sarto.models.input_error import InputError
from sarto.models.sequences import Sequences, read_sequences

RANDOM = np.random.default_rng(0)
TARGET, SUBJECT, AGE = RANDOM.integers(0, 7, 90), RANDOM.choice(["p", "q", "r"], 90), RANDOM.normal(size=90)


@pytest.mark.parametrize(
    "stream",
    [
        by_class(TARGET),
        by_class(TARGET, per_experience=3, seed=1),
        by_domain(SUBJECT, seed=2),
        by_level(AGE, count=8),
    ],
)
def test_every_item_arrives_once(stream: Any) -> None:
    assert np.sort(np.concatenate([e.items for e in stream])).tolist() == list(range(90))
    assert all((np.diff(e.items) > 0).all() for e in stream)


def test_experiences_have_whole_classes_and_domains() -> None:
    classes = [set(TARGET[e.items].tolist()) for e in by_class(TARGET, per_experience=3)]
    assert classes == [{0, 1, 2}, {3, 4, 5}, {6}]
    for e in by_domain(SUBJECT, seed=0):
        assert set(SUBJECT[e.items].tolist()) == {e.name}


def test_the_order_is_the_seeds() -> None:
    orders = [[e.name for e in by_class(TARGET, seed=seed)] for seed in range(6)]
    assert orders[0] == [e.name for e in by_class(TARGET, seed=0)]
    assert len({tuple(order) for order in orders}) > 3


def test_levels_rise() -> None:
    stream = by_level(AGE, count=8)
    for one, other in pairwise(stream):
        assert AGE[one.items].max() <= AGE[other.items].min()
    assert {len(e.items) for e in stream} == {11, 12}


def test_chosen_sequences_are_those_items() -> None:
    x = read_sequences([RANDOM.normal(size=(n, 2)) for n in (3, 1, 4, 2)])
    chosen = x.select(np.array([2, 0, 2]))
    assert isinstance(chosen, Sequences) and chosen.lengths.tolist() == [4, 3, 4]
    for place, item in enumerate((2, 0, 2)):
        np.testing.assert_array_equal(chosen.span(place, place + 1).values, x.span(item, item + 1).values)


def test_no_stream_of_nothing() -> None:
    calls: list[tuple[Any, str]] = [
        (lambda: by_class(TARGET[:0]), "E104"),
        (lambda: by_class(TARGET, per_experience=0), "E168"),
        (lambda: by_level(AGE, count=91), "E168"),
        (lambda: by_level(AGE, count=0), "E168"),
    ]
    for call, code in calls:
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code
