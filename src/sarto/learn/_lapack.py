# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportAttributeAccessIssue=false
"""Adapter of SciPy's LAPACK: the factorisations of a symmetric matrix that a ridge solve needs.

>>> x, rcond = cholesky_solve(np.diag([4.0, 16.0]), np.ones((2, 1)))
>>> x.ravel().tolist(), rcond
([0.25, 0.0625], 0.25)
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh, eigvalsh, lapack


def cholesky_solve(
    matrix: Float[np.ndarray, "feature feature"], right: Float[np.ndarray, "feature output"]
) -> tuple[Float[np.ndarray, "feature output"] | None, float]:
    """Return the solution of `matrix @ x = right` and the estimated reciprocal condition number (1-norm).

    The solution is None, and the number 0, when the matrix is not positive definite.
    """
    factor, info = lapack.dpotrf(matrix, lower=1)
    if info != 0:
        return None, 0.0
    rcond, _ = lapack.dpocon(factor, np.abs(matrix).sum(axis=0).max(), uplo="L")
    solution, _ = lapack.dpotrs(factor, right, lower=1)
    return np.ascontiguousarray(solution), float(rcond)


def is_above(matrix: Float[np.ndarray, "feature feature"], least: float) -> bool:
    """Return whether no eigenvalue of a symmetric matrix is below `least`, to rounding.

    A Cholesky factorisation of matrix - least I comes to its end exactly where this is positive definite but for
    (n + 1) eps / 2 of its trace (Higham, "Accuracy and Stability of Numerical Algorithms", theorem 10.3); where it
    does not, the eigenvalues decide: they take some ten times as long.
    """
    if not len(matrix):
        return True
    moved = np.array(matrix, order="F")
    moved.reshape(-1, order="A")[:: len(matrix) + 1] -= least
    _, info = lapack.dpotrf(moved, lower=1, overwrite_a=1, clean=0)
    return info == 0 or float(eigvalsh(matrix, check_finite=False).min(initial=0.0)) >= least


def symmetric_eigen(
    matrix: Float[np.ndarray, "feature feature"],
) -> tuple[Float[np.ndarray, " feature"], Float[np.ndarray, "feature feature"]]:
    """Return the eigenvalues, ascending, and the eigenvectors as columns (divide and conquer)."""
    values, vectors = eigh(matrix, driver="evd")
    return values, np.ascontiguousarray(vectors)


def semidefinite_eigen(
    matrix: Float[np.ndarray, "feature feature"], tolerance: float
) -> tuple[Float[np.ndarray, " rank"], Float[np.ndarray, "feature rank"]]:
    """Return the eigenvalues above rounding, ascending, and their eigenvectors as columns, of a matrix of low rank.

    A Cholesky factorisation with pivots, which ends where no remaining diagonal element is above `tolerance`, gives
    L L^T with as many columns as the matrix has rank; L^T L = U diag(d) U^T has the same eigenvalues, and L u / sqrt(d)
    are the eigenvectors. It costs feature rank^2 operations instead of feature^3.

    Source: Higham, "Analysis of the Cholesky decomposition of a semi-definite matrix", 1990; LAPACK's DPSTRF.
    """
    factor, pivots, rank, _ = lapack.dpstrf(matrix.T, tol=tolerance, lower=1)
    left = np.empty((len(matrix), rank))
    left[pivots - 1] = np.tril(factor[:, :rank])
    values, vectors = symmetric_eigen(left.T @ left)
    above = values > tolerance
    return values[above], left @ (vectors[:, above] / np.sqrt(values[above]))
