"""Two payloads of one client: what came between them, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.audit.leaks import came, replaced
from sarto.core.errors import SartoError
from sarto.learn.payload import packed, received
from sarto.learn.statistics import RidgeStatistics

rng = np.random.default_rng(0)
X, Y = rng.normal(size=(30, 8)) + 1, np.array(list("abc"))[rng.integers(0, 3, 30)]


def of(rows: slice | list[int], how: Any = "tri-f64") -> RidgeStatistics:
    return received(packed(X[rows], Y[rows], classes=("a", "b", "c"), how=how))


@pytest.mark.parametrize(("how", "error"), [("tri-f64", 1e-11), ("tri-f32", 1e-4)])
def test_a_row_that_came_is_known(how: Any, error: float) -> None:
    (row,) = came(of(slice(20), how), of(slice(21), how)).features
    np.testing.assert_allclose(row, X[20], atol=error)


@pytest.mark.parametrize(("how", "error"), [("tri-f64", 1e-11), ("tri-f32", 1e-4)])
def test_a_row_that_was_replaced_and_the_other_are_known(how: Any, error: float) -> None:
    gone, there = replaced(of(slice(20), how), of([*range(1, 21)], how))
    np.testing.assert_allclose(gone, X[0], atol=error)
    np.testing.assert_allclose(there, X[20], atol=error)


@pytest.mark.parametrize(
    ("before", "after"), [([1, 2, 3], [1, 2, 3]), ([1, 2, 3], [1, 4, 5]), ([1, 2, 3], [1, 2, 3, 4])]
)
def test_other_than_one_row_is_refused(before: list[int], after: list[int]) -> None:
    with pytest.raises(SartoError) as caught:
        replaced(of(before), of(after))
    assert caught.value.code == "E169"
    with pytest.raises(SartoError) as caught:
        came(of([1, 2, 3]), of([4, 5, 6, 7]))
    assert caught.value.code == "E404"
