"""A symmetric matrix as its diagonals, each wrapped around, so that outer products of vectors are whole rows of it.

    row k:  M[i, (i + k) mod n]  for i = 0 .. n-1,   k = 0 .. n/2

Each pair of indices is there once. For an odd n these are (n + 1) / 2 rows of n numbers; for an even n the last row,
k = n/2, has only its first half. Row k of v v^T is v times v turned by k places: a window of v written twice.

>>> packed_diagonals(np.array([[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.0, 6.0]])).tolist()
[1.0, 4.0, 6.0, 2.0, 5.0, 3.0]
>>> from_diagonals(np.array([1.0, 4.0, 6.0, 2.0, 5.0, 3.0]), 3).tolist()
[[1.0, 2.0, 3.0], [2.0, 4.0, 5.0], [3.0, 5.0, 6.0]]
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Float
from numpy.lib.stride_tricks import as_strided

STRIP = 1 << 16
"""Numbers of a strip, about: few calls, and what a strip needs stays in the cache."""


def diagonals_size(n: int) -> int:
    """Return how many numbers a symmetric matrix of n rows has."""
    return n * (n + 1) // 2


def packed_diagonals(matrix: Float[np.ndarray, "row row"]) -> Float[np.ndarray, " value"]:
    """Return the diagonals of a symmetric matrix."""
    n = len(matrix)
    twice = np.concatenate([matrix, matrix], axis=1)
    return as_strided(twice, (n // 2 + 1, n), _steps(twice)).reshape(-1)[: diagonals_size(n)]


def from_diagonals(values: Float[np.ndarray, " value"], n: int) -> Float[np.ndarray, "row row"]:
    """Return the symmetric matrix of its diagonals, in float64."""
    twice = np.zeros((n, 2 * n))
    rows = as_strided(twice, (n // 2 + 1, n), _steps(twice))
    full = (n + 1) // 2
    rows[:full] = values[: full * n].reshape(full, n)
    if n % 2 == 0:
        rows[full, : n // 2] = values[full * n :]
    one = twice[:, :n] + twice[:, n:]  # each pair once, on either side of the diagonal
    both = one + one.T
    np.fill_diagonal(both, np.diag(one))
    return both


def strips(n: int) -> Iterator[tuple[slice, int, int]]:
    """Return the strips of whole rows as slices of the numbers, with the first row and the one after the last.

    The half row of an even n is a strip of its own.
    """
    full, step = (n + 1) // 2, max(1, STRIP // n)
    for first in range(0, full, step):
        last = min(full, first + step)
        yield slice(first * n, last * n), first, last
    if n % 2 == 0:
        yield slice(full * n, diagonals_size(n)), full, full + 1


def turned(vector: Float[np.ndarray, " row"]) -> Callable[[int, int], Float[np.ndarray, "diagonal column"]]:
    """Return what gives the vector turned by `first` to `last - 1` places, as long as these rows are: a view."""
    n = len(vector)
    twice = np.concatenate([vector, vector])
    window = as_strided(twice, (n // 2 + 1, n), (twice.itemsize, twice.itemsize), writeable=False)
    return lambda first, last: window[first:last] if 2 * first < n else window[first:last, : n // 2]


def _steps(twice: Float[np.ndarray, "row column"]) -> tuple[int, int]:
    down, right = twice.strides
    return right, down + right
