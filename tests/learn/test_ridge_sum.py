"""Statistics of many clients summed to the bit: in any order and tree, and as if those taken away had never been."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sarto.core.errors import SartoError
from sarto.learn.ridge_sum import RidgeSum
from sarto.learn.statistics import RidgeStatistics

CLASSES = ("a", "b", "c")


def rows(seed: int, count: int = 60) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(count, 5)) @ rng.normal(size=(5, 5)) + rng.normal(size=5)
    return x, np.array(CLASSES)[rng.integers(0, 3, count)]


def parts_of(x: Any, y: Any, owner: Any) -> list[RidgeStatistics]:
    """Statistics of each client; one that has not every class does not know of it."""
    return [
        RidgeStatistics.of(x[owner == k], y[owner == k], classes=sorted(set(y[owner == k].tolist())))
        for k in np.unique(owner)
    ]


def total(parts: list[RidgeStatistics]) -> RidgeSum:
    found = RidgeSum(5, 3, classes=CLASSES)
    for part in parts:
        found.add(part)
    return found


def tree(draw: st.DataObject, parts: list[RidgeStatistics]) -> RidgeSum:
    if len(parts) < 2 or draw.draw(st.booleans()):
        return total(parts)
    cut = draw.draw(st.integers(1, len(parts) - 1))
    left = tree(draw, parts[:cut])
    left.merge(tree(draw, parts[cut:]))
    return left


@given(st.data())
@settings(max_examples=40, deadline=None)
def test_any_split_gives_the_readout_and_any_order_and_tree_its_bits(draw: st.DataObject) -> None:
    x, y = rows(draw.draw(st.integers(0, 5)))
    owner = np.array(draw.draw(st.lists(st.integers(0, 9), min_size=60, max_size=60)))
    parts = parts_of(x, y, owner)
    found = total(parts)
    other = tree(draw, draw.draw(st.permutations(parts)))
    assert other.pack() == found.pack()
    pooled = RidgeStatistics.of(x, y, classes=CLASSES)
    summed = found.statistics
    assert summed.count == 60
    ridge = pooled.ridge_from_relative(1e-4)
    one, both = pooled.solve(ridge), summed.solve(ridge)
    assert np.abs(one.weights - both.weights).max() <= 1e-9 * np.abs(one.weights).max()
    summed.validate()
    gone = parts[:: draw.draw(st.integers(1, 3))]
    for part in gone:
        found.subtract(part)
    assert found.pack() == total([p for p in parts if not any(p is g for g in gone)]).pack()


def test_weights_and_numbers_are_summed_too() -> None:
    x, _ = rows(1)
    rng = np.random.default_rng(2)
    y, w = rng.normal(size=(60, 2)), rng.uniform(0, 2, 60)
    found = RidgeSum(5, 2)
    for k in range(0, 60, 20):
        part = slice(k, k + 20)
        found.add(RidgeStatistics.of(x[part], y[part], w[part]))
    summed, pooled = found.statistics, RidgeStatistics.of(x, y, w)
    for name in ("weight", "mean_x", "mean_y", "C_xx", "C_xy", "C_yy"):
        np.testing.assert_allclose(getattr(summed, name), getattr(pooled, name), rtol=1e-11, atol=1e-11)


def test_a_sum_is_read_again_and_goes_on() -> None:
    x, y = rows(3)
    parts = parts_of(x, y, np.arange(60) % 4)
    found = total(parts[:2])
    again = RidgeSum.unpack(found.pack())
    for part in parts[2:]:
        again.add(part)
    assert again.pack() == total(parts).pack()
    assert RidgeSum(5, 3, classes=CLASSES).statistics.count == 0
    with pytest.raises(SartoError) as caught:
        RidgeSum.unpack(found.pack()[:-1])
    assert caught.value.code == "E103"


def test_what_does_not_belong_changes_nothing() -> None:
    x, y = rows(4)
    found = total(parts_of(x, y, np.arange(60) % 4))
    before = found.pack()
    bad: list[tuple[RidgeStatistics, str]] = [
        (RidgeStatistics.of(x, np.where(y == "a", "d", y), classes=("b", "c", "d")), "E116"),
        (RidgeStatistics.of(x[:, :4], y, classes=CLASSES), "E108"),
        (RidgeStatistics.of(x, np.zeros((60, 3))), "E116"),
        (RidgeStatistics.of(x, y, classes=CLASSES, features_id="other"), "E116"),
        (RidgeStatistics.of(x * 1e6, y, classes=CLASSES), "E105"),
    ]
    for part, code in bad:
        with pytest.raises(SartoError) as caught:
            found.add(part)
        assert caught.value.code == code
    with pytest.raises(SartoError) as caught:
        found.subtract(RidgeStatistics.of(np.tile(x, (2, 1)), np.tile(y, 2), classes=CLASSES))
    assert caught.value.code == "E404"
    with pytest.raises(SartoError) as caught:
        found.merge(RidgeSum(5, 3))
    assert caught.value.code == "E116"
    assert found.pack() == before
