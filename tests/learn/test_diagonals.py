from __future__ import annotations

import numpy as np
import pytest

from sarto.learn import _diagonals
from sarto.learn._diagonals import diagonals_size, from_diagonals, packed_diagonals, strips, turned


@pytest.mark.parametrize("n", [1, 2, 3, 6, 7])
def test_each_pair_is_there_once_and_comes_back(n: int) -> None:
    half = np.tril(np.arange(1.0, n * n + 1).reshape(n, n))
    matrix = half + np.tril(half, -1).T
    values = packed_diagonals(matrix)
    assert sorted(values.tolist()) == sorted(half[half > 0].tolist())
    np.testing.assert_array_equal(from_diagonals(values, n), matrix)


@pytest.mark.parametrize("n", [1, 2, 5, 8])
@pytest.mark.parametrize("rows", [1, 2, 100])
def test_strips_of_turned_vectors_are_an_outer_product(
    n: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_diagonals, "STRIP", rows * n)
    v = np.arange(2.0, n + 2)
    found = np.zeros(diagonals_size(n))
    for place, first, last in strips(n):
        others = turned(v)(first, last)
        found[place] = (others * v[: others.shape[1]]).reshape(-1)
    np.testing.assert_array_equal(found, packed_diagonals(np.outer(v, v)))
