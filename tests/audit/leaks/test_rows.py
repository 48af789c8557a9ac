"""Rows out of statistics: those of the client and no others, of every form, and what cannot be told is not said."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sarto.audit.leaks import determined, known_rows, outside
from sarto.audit.leaks.rows import Groups
from sarto.learn.payload import HOW, packed, received
from sarto.learn.statistics import RidgeStatistics

CLASSES = ("a", "b", "c", "d")
ERRORS = {"tri-f64": 1e-12, "tri-f32": 3e-6, "tri-f16": 2e-2, "factor-f64": 1e-12, "factor-f32": 3e-6}


def drawn(labels: str, features: int = 12, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(len(labels), features)) + 2, np.array(list(labels))


@pytest.mark.parametrize("how", HOW)
@pytest.mark.parametrize(
    ("labels", "known"),
    [
        ("a", "a"),
        ("ab", "ab"),
        ("cc", "cc"),
        ("abcc", "abcc"),
        ("abccc", "ab"),
        ("aabb", ""),
        ("dbbbcccc", "d"),
    ],
)
def test_the_rows_that_are_known_are_those_of_the_client(how: Any, labels: str, known: str) -> None:
    x, y = drawn(labels)
    found = known_rows(received(packed(x, y, classes=CLASSES, how=how)))
    assert sorted(CLASSES[int(t.argmax())] for t in found.targets) == sorted(known)
    wanted = x[np.isin(y, list(known))]
    for row in wanted:
        assert np.abs(found.features - row).max(axis=1).min() < ERRORS[how]


def test_rows_with_numbers_as_targets_come_with_their_targets() -> None:
    rng = np.random.default_rng(3)
    x, y = rng.normal(size=(2, 5)), rng.normal(size=(2, 3))
    found = known_rows(RidgeStatistics.of(x, y))
    order = np.abs(found.features - x[:1]).sum(axis=1).argsort()
    np.testing.assert_allclose(found.features[order], x, atol=1e-12)
    np.testing.assert_allclose(found.targets[order], y, atol=1e-12)
    assert len(known_rows(RidgeStatistics.of(rng.normal(size=(3, 5)), y[[0, 0, 1]]))) == 0
    assert len(known_rows(RidgeStatistics.empty(5, 3))) == 0


@given(st.text("abcd", min_size=1, max_size=9), st.integers(1, 14), st.integers(0, 99))
@settings(max_examples=80)
def test_what_is_left_within_groups_is_the_rows_up_to_a_rotation(
    labels: str, features: int, seed: int
) -> None:
    x, y = drawn(labels, features, seed)
    statistics = RidgeStatistics.of(x, y, classes=CLASSES)
    groups = Groups(statistics)
    left = x - np.array([x[y == label].mean(axis=0) for label in y])
    np.testing.assert_allclose(groups.within.T @ groups.within, left.T @ left, atol=1e-9)
    assert len(groups.within) == min(groups.free, features)
    assert groups.free == len(labels) - len(set(labels))
    np.testing.assert_allclose(groups.means, [x[y == label].mean(axis=0) for label in sorted(set(labels))])


@pytest.mark.parametrize(("n", "d", "share"), [(1, 3, 1.0), (3, 5, 1 - 1 / 15), (7, 3, 1 - (18 - 6) / 21)])
def test_the_share_of_numbers_that_are_determined(n: int, d: int, share: float) -> None:
    # q = n - 1 rows of d numbers have q d unknowns; E^T E has q d - q (q - 1) / 2 equations, at most d (d + 1) / 2.
    x = np.random.default_rng(0).normal(size=(n, d))
    assert determined(RidgeStatistics.of(x, x[:, 0])) == pytest.approx(share)


@pytest.mark.parametrize("how", HOW)
def test_membership_is_told_where_rows_do_not_span_the_features(how: Any) -> None:
    x, y = drawn("aaabbbbcd" * 2, 40)
    statistics = received(packed(x, y, classes=CLASSES, how=how))
    others, _ = drawn("a" * 50, 40, seed=1)
    assert outside(statistics, x).max() < ERRORS[how]
    assert outside(statistics, others).min() > 0.2
    x, y = drawn("abcd" * 20, 12)
    assert outside(RidgeStatistics.of(x, y, classes=CLASSES), others[:, :12]).max() < 1e-7


def test_rows_with_weights_are_known_where_each_class_has_one_only() -> None:
    x, y = drawn("ab")
    found = known_rows(RidgeStatistics.of(x, y, np.array([0.3, 2.0]), classes=CLASSES))
    np.testing.assert_allclose(found.features, x, atol=1e-12)
    x, y = drawn("abb")
    assert len(known_rows(RidgeStatistics.of(x, y, np.array([0.3, 2.0, 0.4]), classes=CLASSES))) == 0
