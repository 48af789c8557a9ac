"""Integers that add: sums are those of the rounded numbers to the bit, off by no more than is said, never clipped."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sarto.core.errors import SartoError
from sarto.learn.exact_sum import ExactSum
from sarto.learn.fixed_point import FixedPoint
from sarto.learn.ridge_sum import RidgeSum
from sarto.learn.statistics import RidgeStatistics

CLASSES = ("a", "b", "c")


def clients(count: int = 12, features: int = 20) -> list[RidgeStatistics]:
    rng = np.random.default_rng(1)
    found: list[RidgeStatistics] = []
    for _ in range(count):
        x = rng.normal(size=(7, features))
        x /= np.maximum(1, np.linalg.norm(x, axis=1, keepdims=True) / 3)
        found.append(RidgeStatistics.of(x, np.array(CLASSES)[rng.integers(0, 3, 7)], classes=CLASSES))
    return found


@given(st.lists(st.lists(st.floats(-50, 50), min_size=2, max_size=2), min_size=1, max_size=9), st.randoms())
def test_sums_are_those_of_the_rounded_numbers_in_any_order(
    vectors: list[list[float]], random: object
) -> None:
    limits = FixedPoint(9, 2, 5.0)
    sent = [limits.encoded(np.array(v)) for v in vectors]
    total = np.array(sent)[np.random.default_rng(len(vectors)).permutation(len(sent))].sum(axis=0)
    plain = ExactSum(2)
    for one in sent:
        for part in limits.decoded(one):
            plain.add(part)
    found = ExactSum(2)
    for part in limits.decoded(total):
        found.add(part)
    assert all(np.array_equal(a, b) for a, b in zip(found.integers, plain.integers, strict=True))
    for i in range(2):
        exact = sum((Fraction(v[i]) for v in vectors), Fraction(0))
        assert abs(Fraction(float(found.values[i])) - exact) <= Fraction(limits.error) + abs(exact) / 2**52


@pytest.mark.parametrize(
    ("arguments", "places"),
    [((1, 1, 1.0), 62), ((1000, 500, 1.0), 43), ((1000, 500, 4.0), 39), ((3, 1, 0.1), 60)],
)
def test_places_are_those_that_are_left(arguments: tuple[int, int, float], places: int) -> None:
    limits = FixedPoint(*arguments)
    assert limits.places == places
    # Every client with its largest number, and one more place would run over half of the word.
    total = limits.clients * int(limits.encoded(np.array([limits.largest]))[0])
    assert 2**61 <= total <= 2**62
    assert limits.decoded(np.array([total % 2**64], np.uint64))[0][0] == pytest.approx(
        limits.clients * limits.largest
    )


def test_masked_statistics_are_the_plain_ones_to_the_error_that_is_stated() -> None:
    limits, parts = FixedPoint(12, 7, 3.0), clients()
    like, plain = RidgeSum.like(parts[0]), RidgeSum.like(parts[0])
    for part in parts:
        plain.add(part)
    total = np.array([limits.of_statistics(part, like) for part in parts]).sum(axis=0)
    found = limits.sum_of(total, like).statistics
    found.validate()
    exact = plain.statistics
    assert (found.count, found.weight, found.classes) == (84, 84.0, CLASSES)
    assert 0 < np.abs(found.C_xy - exact.C_xy).max() < 4 * limits.error
    weights = [s.solve(1e-3).weights for s in (found, exact)]
    assert np.abs(weights[0] - weights[1]).max() < 1e-9 * np.abs(weights[1]).max()


def test_what_could_run_over_is_refused_and_nothing_is_clipped() -> None:
    limits, parts = FixedPoint(12, 7, 2.0), clients()
    with pytest.raises(SartoError) as caught:
        FixedPoint(12, 5, 1.0).of_statistics(parts[0], RidgeSum.like(parts[0]))
    assert caught.value.code == "E169"
    assert "5 rows of size 1 have none above 5" in caught.value.cause
    for bad in (np.nan, np.inf, 28.001, -28.001):
        with pytest.raises(SartoError) as caught:
            limits.encoded(np.array([1.0, bad]))
        assert caught.value.code == "E169"
    for arguments in ((10**7, 10**7, 1.0), (0, 1, 1.0), (1, 0, 1.0), (1, 1, float("nan"))):
        with pytest.raises(SartoError) as caught:
            FixedPoint(*arguments)
        assert caught.value.code == "E169"


@pytest.mark.parametrize("spoilt", [0, -1])
def test_numbers_that_no_clients_have_are_noticed(spoilt: int) -> None:
    limits, (part, *_) = FixedPoint(12, 7, 3.0), clients(1)
    like = RidgeSum.like(part)
    total = limits.of_statistics(part, like)
    assert limits.sum_of(total, like).count == 7
    total[spoilt] += np.uint64(2**63) if spoilt == 0 else np.uint64(1)
    with pytest.raises(SartoError) as caught:
        limits.sum_of(total, like)
    assert caught.value.code == "E169"
