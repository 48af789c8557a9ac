"""Hypervolume against known answers and against counting random points."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks._hypervolume import Point, hypervolume

UNIT = (1.0, 1.0, 1.0)
COORDINATE = st.floats(0, 1.2)
POINTS = st.lists(st.tuples(COORDINATE, COORDINATE, COORDINATE), max_size=8)


def test_known_answers() -> None:
    assert hypervolume([], UNIT) == 0
    assert hypervolume([(0, 0, 0)], UNIT) == 1
    assert hypervolume([(0.5, 0.5, 0.5)], UNIT) == pytest.approx(0.125)
    # Three boxes of 1/4 with pairwise intersections of 1/8, which is also that of all three.
    corners: list[Point] = [(0.5, 0.5, 0), (0.5, 0, 0.5), (0, 0.5, 0.5)]
    assert hypervolume(corners, UNIT) == pytest.approx(3 / 4 - 3 / 8 + 1 / 8)


def test_objectives_are_divided_by_the_reference() -> None:
    assert hypervolume([(0.1, 8.0, 1.0)], (1.0, 32.0, 4.0)) == pytest.approx(0.9 * 0.75 * 0.75)


def test_a_point_beyond_the_reference_counts_for_nothing() -> None:
    assert hypervolume([(0.5, 0.5, 1.0), (0.2, 0.2, 2.0)], UNIT) == 0


@given(POINTS)
def test_it_is_the_share_of_random_points_that_are_dominated(points: list[Point]) -> None:
    drawn = np.random.default_rng(0).uniform(size=(4000, 3))
    covered = np.zeros(len(drawn), bool)
    for point in points:
        covered |= (drawn >= np.array(point)).all(axis=1)
    assert hypervolume(points, UNIT) == pytest.approx(covered.mean(), abs=0.04)


@given(POINTS, st.randoms(use_true_random=False))
def test_order_does_not_matter_and_more_points_never_hurt(points: list[Point], random: object) -> None:
    shuffled = sorted(points, key=lambda p: hash((p, repr(random))))
    assert hypervolume(shuffled, UNIT) == pytest.approx(hypervolume(points, UNIT))
    assert hypervolume([*points, (0.5, 0.5, 0.5)], UNIT) >= hypervolume(points, UNIT) - 1e-12
