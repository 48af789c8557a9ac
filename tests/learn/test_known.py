"""A box around what is known: its promise is kept, its size is the formula's; directions are those of least spread."""

import math
from collections.abc import Callable

import numpy as np
import pytest

from sarto.core.graph.reject import NEVER, Rule, outside, said
from sarto.learn.known import SLACK, box, directions
from sarto.learn.reject import for_items
from sarto.models.input_error import InputError
from tests.learn.test_reject import drawn


def off(scores: np.ndarray, rule: Rule) -> np.ndarray:
    assert rule.centre is not None and rule.radius is not None
    return outside(scores, rule.centre, rule.radius)


def test_a_box_leaves_as_many_known_items_outside_as_asked_and_every_strange_one() -> None:
    learned = drawn(0, 300)[0]
    left = [off(drawn(500 + k, 1000)[0], box(learned, drawn(k, 399)[0], 3, 0.05)).mean() for k in range(60)]
    assert np.mean(left) == pytest.approx(
        0.05, abs=0.005
    )  # ceil(400 * .95) / 400; a radius has a spread of .011
    known = box(learned, drawn(1, 400)[0], 3, 0.05)
    strange = np.array([[90_000, 0, 0], [10_000, -90_000, 0]])
    assert said(strange, known).tolist() == [3, 3]
    rule = for_items(*drawn(1, 2000), risk=0.1, known=known)
    assert rule.radius is known.radius and rule.least[0] > 0


def test_centre_and_radius_are_those_of_the_formula() -> None:
    learned = np.array([[10, 0, 40], [14, 2, 50], [12, 1, 30], [0, 30, 90], [2, 36, 80], [1, 33, 90]])
    held = np.array([[15, 1, 40], [12, 3, 40], [1, 40, 90], [14, 1, 40], [13, 1, 40]])
    # Centres (12, 1, 40) and (1, 33, 90); median deviations (2, 1, 10) and (1, 3, 0 -> 1), the last of 1.5 times that.
    far = sorted([3 / 2, 2 / 1, 7 / 3, 2 / 2, 1 / 2])
    known = box(learned, held, 2, 0.34)
    assert known.centre is not None and known.radius is not None
    assert known.centre.tolist() == [[12, 1, 40], [1, 33, 90]]
    r = far[math.ceil(6 * 0.66) - 1]
    assert r == 2 and SLACK == 1.5
    assert known.radius.tolist() == [[3, 1, 29], [1, 5, 3]], "strictly less than 2 scales"
    assert off(held, known).tolist() == [False, True, True, False, False]


def test_items_as_far_as_the_edge_lie_inside_when_there_are_several() -> None:
    learned = np.array([[10, 0], [14, 2], [12, 1]])
    held = np.array([[15, 1], [9, 1], [15, 1], [12, 1], [20, 1]])
    known = box(learned, held, 2, 0.34)
    assert off(held, known).tolist() == [False, False, False, False, True]


def test_a_class_that_won_in_no_learned_item_is_never_said() -> None:
    scores, target = drawn(0, 900)
    given = scores[scores.argmax(axis=1) != 2]
    known = box(given, scores[scores.argmax(axis=1) != 2], 3, 0.05)
    assert known.least.tolist() == [0, 0, NEVER]
    rule = for_items(scores, target, risk=0.4, known=known)
    assert rule.least[2] == NEVER and rule.least[0] < NEVER


def test_too_few_items_for_a_box_are_refused() -> None:
    scores, _ = drawn(0, 400)
    calls: dict[str, Callable[[], Rule]] = {
        "no box holds all but 0.05 of the items": lambda: box(scores, scores[:18], 3, 0.05),
        "no box holds all but 0.1 of the items": lambda: box(
            scores[scores.argmax(axis=1) != 1], scores, 3, 0.1
        ),
        "a box without 1 of the items": lambda: box(scores, scores, 3, 1.0),
    }
    for message, call in calls.items():
        with pytest.raises(InputError) as refused:
            call()
        assert (refused.value.code, refused.value.message) == ("E157", message)
    assert box(scores, scores[:19], 3, 0.05).rows is None


def test_directions_are_those_in_which_a_class_hardly_varies_whatever_the_unit_of_a_column() -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 2, 500)
    latent = rng.normal(size=(500, 3)) @ rng.normal(size=(3, 5))
    columns = (latent + 4 * target[:, None] + 0.3 * rng.normal(size=(500, 5))) * [1, 3, 1, 9, 1]
    rows = directions(columns, target, 2)
    within = columns - np.stack([columns[target == c].mean(axis=0) for c in (0, 1)])[target]
    spread = (within @ rows.T).std(axis=0)
    assert spread == pytest.approx([1, 1], rel=0.12), "whitened, but for the ridge"
    usual = within[:1].T * rng.normal(size=(1, 200))
    strange = rng.normal(size=(200, 5)) * columns.std(axis=0)
    assert np.abs(strange @ rows.T).mean() > 4 * np.abs(rows @ usual).mean()
    scaled = directions(columns * [7, 1, 1, 1, 1], target, 2)
    assert scaled * [7, 1, 1, 1, 1] == pytest.approx(rows, rel=1e-6)
    assert len(directions(columns[:11], target[:11], 2)) == 0, "two items for each column, and the means"


def test_what_tells_the_classes_apart_is_a_direction_where_it_hardly_varies_within_them() -> None:
    rng = np.random.default_rng(2)
    target = np.arange(300) % 3
    columns = np.c_[100 * target + rng.normal(size=300), 100 * rng.normal(size=(300, 2))]
    (row,) = directions(columns, target, 1)
    assert row[0] > 50 * np.abs(row[1:]).max()
