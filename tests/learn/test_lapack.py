from __future__ import annotations

import numpy as np
import pytest

from sarto.learn._lapack import cholesky_solve, is_above, semidefinite_eigen, symmetric_eigen


def test_cholesky_solves_and_tells_the_condition() -> None:
    rng = np.random.default_rng(0)
    root = rng.normal(size=(8, 8))
    matrix, right = root @ root.T, rng.normal(size=(8, 3))
    x, rcond = cholesky_solve(matrix, right)
    assert x is not None
    np.testing.assert_allclose(matrix @ x, right, atol=1e-10)
    exact = 1 / (np.linalg.norm(matrix, 1) * np.linalg.norm(np.linalg.inv(matrix), 1))
    assert exact <= rcond * (1 + 1e-9) < 10 * exact  # LAPACK's estimate bounds it from above, closely


def test_an_indefinite_matrix_has_no_solution() -> None:
    assert cholesky_solve(np.diag([1.0, -1e-12]), np.ones((2, 1))) == (None, 0.0)


def test_eigenvalues_ascend_and_rebuild_the_matrix() -> None:
    root = np.random.default_rng(1).normal(size=(9, 4))
    values, vectors = symmetric_eigen(root @ root.T)
    assert (np.diff(values) >= 0).all()
    np.testing.assert_allclose(vectors @ np.diag(values) @ vectors.T, root @ root.T, atol=1e-12)
    assert values[:5] == pytest.approx(np.zeros(5), abs=1e-12)


def test_the_directions_of_few_rows_are_those_of_the_whole_matrix() -> None:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(7, 20)) * np.logspace(0, -3, 20)
    x[5] = x[4]
    x -= x.mean(axis=0)
    matrix = x.T @ x
    values, vectors = semidefinite_eigen(matrix, 20 * 2.3e-16 * matrix.diagonal().max())
    whole, _ = symmetric_eigen(matrix)
    assert values.shape == (5,)
    assert vectors.shape == (20, 5)
    np.testing.assert_allclose(values, whole[-5:], rtol=1e-9)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(5), atol=1e-10)
    np.testing.assert_allclose(vectors * values @ vectors.T, matrix, atol=1e-13)
    none = semidefinite_eigen(np.zeros((3, 3)), 0.0)
    assert none[0].size == 0
    assert none[1].shape == (3, 0)


@pytest.mark.parametrize("least", [-3.0, 0.0, 2.0])
def test_the_smallest_eigenvalue_decides_and_not_the_factorisation(least: float) -> None:
    q, _ = np.linalg.qr(np.random.default_rng(4).normal(size=(12, 12)))
    matrix = q * np.linspace(least, 9.0, 12) @ q.T
    matrix = (matrix + matrix.T) / 2
    before = matrix.copy()
    assert is_above(matrix, least - 1e-9)
    assert not is_above(matrix, least + 1e-9)
    np.testing.assert_array_equal(matrix, before)
    # Of no full rank: the factorisation fails at a pivot of 0 or of rounding, and the eigenvalues, which are 0, do not.
    assert is_above(np.zeros((3, 3)), 0.0)
    assert is_above(np.zeros((0, 0)), 0.0)
