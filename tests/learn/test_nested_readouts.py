"""Readouts over prefixes from one set of sums are those of fits to these features alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sarto.learn.nested_readouts import nested_readouts, of_features
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 1000), features=st.integers(2, 8), ridge=st.sampled_from([1e-3, 1.0, 50.0]))
def test_each_readout_is_that_of_a_fit_alone(seed: int, features: int, ridge: float) -> None:
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(40, features)) + 3, rng.normal(size=(40, 2))
    sizes = list(range(1, features + 1))
    parts = RidgeStatistics.of(x[:15], y[:15]) + RidgeStatistics.of(x[15:], y[15:])
    for size, found in zip(sizes, nested_readouts(parts, sizes, ridge), strict=True):
        alone = RidgeStatistics.of(x[:, :size], y).solve(ridge)
        np.testing.assert_allclose(found.weights, alone.weights, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(found.intercept, alone.intercept, rtol=1e-9, atol=1e-12)


def test_with_whole_numbers_the_sums_are_the_same_to_the_bit_and_gcv_chooses_alike() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(-8, 8, size=(64, 6)).astype(float)
    x -= x.sum(axis=0) // 64
    x[0] -= x.sum(axis=0)
    y = rng.integers(0, 3, 64)
    whole = RidgeStatistics.of(x, y, classes=(0, 1, 2), features_id="states")
    part = of_features(whole, np.array([0, 1, 4]))
    alone = RidgeStatistics.of(x[:, [0, 1, 4]], y, classes=(0, 1, 2))
    for field in ("C_xx", "C_xy", "mean_x", "mean_y"):
        assert np.array_equal(getattr(part, field), getattr(alone, field)), field
    part.validate()
    assert part.solve("gcv").ridge == alone.solve("gcv").ridge
    assert part.classes == (0, 1, 2)
    assert part.features_id.startswith("states[")
    assert part.features_id != of_features(whole, np.array([0, 1, 3])).features_id


def test_units_of_several_numbers_each_are_taken_with_all_of_them() -> None:
    """Features are segment by segment: the first 2 of 3 units in 2 segments are the columns 0, 1, 3 and 4."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(30, 6)), rng.normal(size=30)
    x += np.arange(6.0)
    (found,) = nested_readouts(RidgeStatistics.of(x, y), [2], 0.5, units=3)
    alone = RidgeStatistics.of(x[:, [0, 1, 3, 4]], y).solve(0.5)
    np.testing.assert_allclose(found.weights, alone.weights, rtol=1e-9)
    np.testing.assert_allclose(found.intercept, alone.intercept, rtol=1e-9)


def test_what_is_not_there_is_refused() -> None:
    whole = RidgeStatistics.of(np.eye(4), np.arange(4.0))
    for chosen in ([], [4], [-1], [1, 1]):
        with pytest.raises(InputError) as caught:
            of_features(whole, np.array(chosen, int))
        assert caught.value.code == "E108"
    for sizes, units in (([5], None), ([0], None), ([3], 2), ([1], 3), ([1], 0)):
        with pytest.raises(InputError) as caught:
            nested_readouts(whole, sizes, 1.0, units=units)
        assert caught.value.code == "E108"
