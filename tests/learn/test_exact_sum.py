"""The sum whose bits depend on neither order nor tree: held to sums of fractions."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sarto.core.errors import SartoError
from sarto.learn import exact_sum
from sarto.learn.exact_sum import LOW, ROOM, ExactSum

# Halves and odd numbers at the last place of the fine grid are among them: ties, which a tree could round otherwise.
NUMBERS = st.one_of(
    st.floats(-1e6, 1e6, width=32),
    st.floats(-1e6, 1e6),
    st.integers(-9, 9).map(lambda n: n * 2.0 ** -(LOW + 1)),
    st.integers(-9, 9).map(lambda n: n * 2.0**-21),
)
VECTORS = st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=8)


def total(vectors: list[list[float]]) -> ExactSum:
    found = ExactSum(3)
    for vector in vectors:
        found.add(np.array(vector))
    return found


def tree(draw: st.DataObject, vectors: list[list[float]]) -> ExactSum:
    if len(vectors) < 2 or draw.draw(st.booleans()):
        return total(vectors)
    cut = draw.draw(st.integers(1, len(vectors) - 1))
    left = tree(draw, vectors[:cut])
    left.merge(tree(draw, vectors[cut:]))
    return left


@given(VECTORS, st.data())
@settings(max_examples=150, deadline=None)
def test_any_order_and_any_tree_give_the_same_bits(vectors: list[list[float]], draw: st.DataObject) -> None:
    found = total(vectors)
    other = tree(draw, draw.draw(st.permutations(vectors)))
    assert other == found
    assert other.values.tobytes() == found.values.tobytes()
    # Each number by itself is rounded to a multiple of 2^-72, and nothing else is.
    for i in range(3):
        exact = sum((Fraction(round(Fraction(v[i]) * 2**LOW), 2**LOW) for v in vectors), Fraction(0))
        high, low = (int(part[i]) for part in found.integers)
        assert Fraction(high, 2**exact_sum.HIGH) + Fraction(low, 2**LOW) == exact
        assert found.values[i] == pytest.approx(float(exact), rel=1e-15, abs=0)


@given(VECTORS, VECTORS)
@settings(max_examples=60, deadline=None)
def test_what_is_taken_away_was_never_there(kept: list[list[float]], gone: list[list[float]]) -> None:
    both = total([*gone, *kept])
    for vector in reversed(gone):
        both.subtract(np.array(vector))
    assert both == total(kept)


def test_carries_go_up_in_long_sums() -> None:
    found, vector = ExactSum(2), np.array([2.0**-21 - 2.0**-72, -(2.0**-30) - 2.0**-70])
    for _ in range(3000):
        found.add(vector)
    high, low = found.integers
    for i in range(2):
        exact = 3000 * Fraction(float(vector[i]))
        assert Fraction(int(high[i]), 2**20) + Fraction(int(low[i]), 2**72) == exact
    assert ((low >= 0) & (low < 2**52)).all()


def test_blocks_and_float32_are_no_other_sum(monkeypatch: pytest.MonkeyPatch) -> None:
    x = np.random.default_rng(0).normal(size=(3, 1000)).astype(np.float32) * 1000
    whole = ExactSum(1000)
    for row in x:
        whole.add(row)
    np.testing.assert_array_equal(whole.values, x.astype(np.float64).sum(axis=0))
    monkeypatch.setattr(exact_sum, "BLOCK", 64)
    monkeypatch.setattr(exact_sum, "STRIP", 10)
    parts, singles = ExactSum(1000), ExactSum(1000)
    for row in x:
        parts.add(row.astype(np.float64))
        singles.add(row)
    assert parts == whole == singles


# Sizes from the least that float32 has to the largest that a sum takes, so that windows hold, break and never hold.
def in_single(mantissa: int, exponent: int) -> float:
    return float(np.float32(mantissa * 2.0 ** (exponent - 24)))


SINGLES = st.builds(
    in_single,
    st.integers(-(2**24) + 1, 2**24 - 1),
    st.sampled_from([-140, -80, -60, -48, -20, 0, 0, 0, 1, 9, 31]),
)


@given(st.lists(st.tuples(st.booleans(), st.lists(SINGLES, min_size=3, max_size=3)), min_size=1, max_size=12))
@settings(max_examples=80, deadline=None)
def test_numbers_in_float32_are_added_plainly_only_where_that_is_exact(
    vectors: list[tuple[bool, list[float]]],
) -> None:
    found, doubles, together = ExactSum(3), ExactSum(3), ExactSum(3)
    sent = [np.array(vector, np.float32 if single else np.float64) for single, vector in vectors]
    together.add_all(sent)
    for vector in sent:
        found.add(vector)
        doubles.add(vector.astype(np.float64))
    assert found == doubles == together
    for single, vector in vectors[1:]:
        found.subtract(np.array(vector, np.float64 if single else np.float32))
    assert found == total([vectors[0][1]])


def test_a_window_is_as_wide_as_it_may_be() -> None:
    """53 digits: 1 is added to 2^-29 plainly, once; what would need a 54th is not."""
    found = ExactSum(2)
    for vector, cuts in (([1.0, 2.0**-29], 0), ([0.0, 0.0], 0), ([1.0, 0.0], 1), ([2.0**-40, 2.0**20], 3)):
        found.add(np.array(vector, np.float32))
        assert found._blocks[0].cuts == cuts  # pyright: ignore[reportPrivateUsage]
    assert found.values.tolist() == [2.0 + 2.0**-40, 2.0**20 + 2.0**-29]


def test_a_sum_is_made_again_of_its_integers() -> None:
    found = total([[0.1, -5.0, 1e5], [3.0, 2.0**-40, -7.0]])
    again = ExactSum.of_integers(*found.integers, found.room)
    assert again == found
    again.add(np.ones(3))
    assert again != found
    high, low = found.integers
    for bad in ((high, -low - 1, 5), (high, low + 2**52, 5), (high, low, ROOM)):
        with pytest.raises(SartoError) as caught:
            ExactSum.of_integers(*bad)
        assert caught.value.code == "E404"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    ("values", "code"),
    [([1.0], "E108"), ([0, np.nan, 0], "E105"), ([np.inf, 0, 0], "E105"), ([0, -(2.0**31), 0], "E105")],
)
def test_what_cannot_be_added_changes_nothing(values: list[float], code: str, dtype: Any) -> None:
    found = total([[1.0, 2.0, 3.0]])
    before = found.copy()
    with pytest.raises(SartoError) as caught:
        found.add(np.array(values, dtype))
    assert caught.value.code == code
    assert found == before
    one = np.full(3, 0.1, dtype)
    with pytest.raises(SartoError) as caught:
        found.add_all([one, np.array(values, dtype), one])
    assert caught.value.code == code
    assert found == before


def test_a_full_sum_and_one_too_few_are_refused() -> None:
    full = ExactSum.of_integers(np.zeros(1, np.int64), np.zeros(1, np.int64), ROOM - 1)
    before = full.copy()
    with pytest.raises(SartoError) as caught:
        full.add_all([np.array([0.0]), np.array([1.0])])
    assert caught.value.code == "E404"
    assert full == before
    with pytest.raises(SartoError) as caught:
        total([[1.0, 2.0, 3.0]]).subtract(np.array([9.0, 0.0, 0.0]))
    assert caught.value.code == "E404"
    with pytest.raises(SartoError) as caught:
        full.merge(ExactSum(2))
    assert caught.value.code == "E108"
