# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportAttributeAccessIssue=false
"""Adapter of SciPy's LAPACK: the two factorisations of a symmetric matrix that a ridge solve needs.

>>> x, rcond = cholesky_solve(np.diag([4.0, 16.0]), np.ones((2, 1)))
>>> x.ravel().tolist(), rcond
([0.25, 0.0625], 0.25)
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float
from scipy.linalg import eigh, lapack


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


def symmetric_eigen(
    matrix: Float[np.ndarray, "feature feature"],
) -> tuple[Float[np.ndarray, " feature"], Float[np.ndarray, "feature feature"]]:
    """Return the eigenvalues, ascending, and the eigenvectors as columns (divide and conquer)."""
    values, vectors = eigh(matrix, driver="evd")
    return values, np.ascontiguousarray(vectors)
