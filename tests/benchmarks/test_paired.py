"""Paired differences: known answers and the interval's size."""

import numpy as np
import pytest

from benchmarks._paired import paired


def test_equal_differences_leave_no_interval() -> None:
    found = paired({"a": 0.9, "b": 0.7, "c": 0.5}, {"a": 0.8, "b": 0.6, "c": 0.4})
    assert found.mean == pytest.approx(0.1)
    assert found.interval == pytest.approx((0.1, 0.1))
    assert (found.better, found.groups) == (3, 3)


def test_the_sign_is_first_minus_second() -> None:
    found = paired({"a": 0.5, "b": 0.5}, {"a": 0.9, "b": 0.4})
    assert found.mean == pytest.approx(-0.15)
    assert found.better == 1


def test_the_interval_is_that_of_the_mean() -> None:
    """Of 400 differences with deviation 1 the mean has a deviation of 0.05, so 95 % lie within 0.098 of it."""
    drawn = np.random.default_rng(0).standard_normal(400)
    drawn = (drawn - drawn.mean()) / drawn.std()
    first = {str(i): float(v) for i, v in enumerate(drawn)}
    low, high = paired(first, dict.fromkeys(first, 0.0)).interval
    assert low == pytest.approx(-0.098, abs=0.008)
    assert high == pytest.approx(0.098, abs=0.008)


def test_groups_must_be_the_same() -> None:
    with pytest.raises(AssertionError):
        paired({"a": 1.0}, {"b": 1.0})
