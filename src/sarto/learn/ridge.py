"""Ridge regression from centred normal equations: for one penalty, for many at once, or for the one that GCV chooses.

One convention everywhere, the sum form, intercept not penalised:

    minimise over W, b:   sum_i w_i |y_i - W x_i - b|^2 + ridge |W|^2
    W = C_yx (C_xx + ridge I)^-1,   b = mean_y - W mean_x

with C_xx = sum_i w_i (x_i - mean_x)(x_i - mean_x)^T and so on. With C_xx = V diag(d) V^T and Z = V^T C_xy every ridge
costs one scaling: W^T = V diag(1 / (d + ridge)) Z. Generalised cross-validation, from the same numbers and n rows:

    GCV(ridge) = (RSS / n) / (1 - df / n)^2,   df = 1 + sum_j d_j / (d_j + ridge),
    RSS = C_yy - sum_j Z_j^2 / d_j  +  sum_j Z_j^2 ridge^2 / (d_j (d_j + ridge)^2)      (a sum of positive terms)

The choice is the largest ridge within one standard error of the least score: weights stay small, so that rounding
them to 8 bits costs little, and with fewer rows than features, where GCV is flat towards 0, the fit is not left to
rounding. The score is a mean of n times outputs squared residuals, hence its standard error, sqrt(2 / (n outputs)) of
itself, as for independent normal ones. Consecutive states of one sequence are not independent: there the ridge comes
out too small.

Source: Golub, Heath and Wahba, "Generalized cross-validation as a method for choosing a good ridge parameter",
Technometrics 21 (1979), eq. 1.4; df has 1 more for the intercept. One standard error: Breiman, Friedman, Olshen and
Stone, "Classification and Regression Trees" (1984), section 3.4.3.

>>> x, y = np.array([-1.0, 0.0, 1.0]), np.array([-2.0, 0.0, 2.0])
>>> line = NormalEquations(np.array([[x @ x]]), np.array([[x @ y]]), np.array([y @ y]), np.zeros(1), np.ones(1), 3)
>>> solution = solve(line, 2.0)
>>> solution.weights.tolist(), solution.intercept.tolist(), solution.path
([[1.0]], [1.0], 'cholesky')
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Real
from typing import Literal

import numpy as np
from jaxtyping import Float

from sarto.learn._lapack import cholesky_solve, semidefinite_eigen, symmetric_eigen
from sarto.learn.moments import EPS
from sarto.models.input_error import InputError

RIDGES_PER_DECADE = 4
"""The grid of GCV; its ridge is then within 33 % of the best, and GCV is flat there (second order in log ridge)."""
FEW = 2
"""With so many times more features than rows, finding the directions of the rows alone is the faster way."""


@dataclass(frozen=True, eq=False)
class NormalEquations:
    """Centred sums over `rows` rows: C_xx, C_xy, the diagonal of C_yy, and the means."""

    C_xx: Float[np.ndarray, "feature feature"]
    C_xy: Float[np.ndarray, "feature output"]
    C_yy: Float[np.ndarray, " output"]
    mean_x: Float[np.ndarray, " feature"]
    mean_y: Float[np.ndarray, " output"]
    rows: int


@dataclass(frozen=True, eq=False)
class RidgeSolution:
    """A fitted linear map y = weights @ x + intercept.

    Attributes:
        weights: W.
        intercept: b.
        ridge: the penalty, sum form.
        path: how it was solved: `cholesky`, `eigen`, or `cholesky > eigen: <why>` when Cholesky could not be trusted.
        rank: eigendirections of C_xx above rounding; of the others the weights have no more than rounding.
        gcv_ridges: penalties that GCV compared, empty when the penalty was given.
        gcv_scores: their GCV, summed over the outputs.
    """

    weights: Float[np.ndarray, "output feature"]
    intercept: Float[np.ndarray, " output"]
    ridge: float
    path: str
    rank: int
    gcv_ridges: tuple[float, ...] = ()
    gcv_scores: tuple[float, ...] = ()

    def predict(self, features: Float[np.ndarray, "item feature"]) -> Float[np.ndarray, "item output"]:
        """Return W x + b for each row, in float64."""
        return features.astype(np.float64) @ self.weights.T + self.intercept


@dataclass(frozen=True, eq=False)
class EigenSolver:
    """All penalties from one eigendecomposition of C_xx.

    C_xx has no more directions than rows; where these are few, only they are found, which costs features * rows^2
    operations instead of features^3.
    """

    equations: NormalEquations

    @cached_property
    def _decomposition(
        self,
    ) -> tuple[Float[np.ndarray, " direction"], Float[np.ndarray, "feature direction"]]:
        matrix = self.equations.C_xx
        if FEW * self.equations.rows <= len(matrix):
            return semidefinite_eigen(matrix, len(matrix) * EPS * float(matrix.diagonal().max(initial=0.0)))
        values, vectors = symmetric_eigen(matrix)
        return np.maximum(values, 0.0), vectors

    @property
    def eigenvalues(self) -> Float[np.ndarray, " direction"]:
        """Eigenvalues d of C_xx, ascending; what rounding made negative is 0."""
        return self._decomposition[0]

    @cached_property
    def projected(self) -> Float[np.ndarray, "direction output"]:
        """Z = V^T C_xy."""
        return self._decomposition[1].T @ self.equations.C_xy

    @property
    def floor(self) -> float:
        """Eigenvalues up to this are rounding: features * eps * d_max, as in `matrix_rank`."""
        return len(self.equations.C_xx) * EPS * float(self.eigenvalues.max(initial=0.0))

    def solution(self, ridge: float, path: str = "eigen") -> RidgeSolution:
        """Return the solution for one `ridge`; directions with d + ridge below rounding get weight 0 (least norm)."""
        shifted = self.eigenvalues + ridge
        used = shifted > self.floor
        inverse = np.divide(1.0, shifted, out=np.zeros_like(shifted), where=used)
        weights = np.ascontiguousarray((self._decomposition[1] @ (inverse[:, None] * self.projected)).T)
        rank = int(np.count_nonzero(self.eigenvalues > self.floor))
        return _solution(self.equations, weights, ridge, path, rank)

    def ridges(self) -> Float[np.ndarray, " ridge"]:
        """Return the grid of GCV, from rounding to the largest eigenvalue, where all directions are halved at least."""
        if self.floor == 0.0:
            return np.zeros(1)
        low, high = math.log10(self.floor), math.log10(float(self.eigenvalues.max()))
        return np.logspace(low, high, math.ceil((high - low) * RIDGES_PER_DECADE) + 1)

    def gcv(self, ridges: Float[np.ndarray, " ridge"]) -> Float[np.ndarray, " ridge"]:
        """Return the GCV score of each positive ridge, summed over the outputs."""
        used = self.eigenvalues > self.floor
        d, square = self.eigenvalues[used], (self.projected[used] ** 2).sum(axis=1)
        spare = self.equations.rows - 1 - len(d)
        # With as many directions as the rows leave, the fit at ridge 0 is exact: its RSS is 0 but for rounding.
        unreachable = max(float(self.equations.C_yy.sum() - (square / d).sum()), 0.0) if spare > 0 else 0.0
        shrink = ridges[:, None] / (d + ridges[:, None])
        rss = unreachable + (shrink**2 * square / d).sum(axis=1)
        freedom = max(spare, 0) + shrink.sum(axis=1)
        return np.divide(self.equations.rows * rss, freedom**2, out=np.zeros_like(rss), where=freedom > 0)

    def best(self) -> RidgeSolution:
        """Return the solution that GCV chooses: the largest ridge that it cannot tell from the best one."""
        ridges = self.ridges()
        scores = self.gcv(ridges)
        error = math.sqrt(2 / (self.equations.rows * len(self.equations.C_yy)))
        best = int(np.flatnonzero(scores <= scores.min() * (1 + error)).max())
        found = self.solution(float(ridges[best]))
        return RidgeSolution(
            found.weights,
            found.intercept,
            found.ridge,
            "eigen",
            found.rank,
            tuple(ridges.tolist()),
            tuple(scores.tolist()),
        )


def solve(equations: NormalEquations, ridge: Literal["gcv"] | float) -> RidgeSolution:
    """Return the solution for `ridge` (sum form, at least 0), or for the ridge that GCV chooses.

    A given ridge is solved by Cholesky. When C_xx + ridge I is not positive definite, or its condition number is above
    1 / eps, the eigendecomposition takes over and `path` says so.

    Raises:
        InputError: E104 without rows; E116, when the ridge is negative, not finite, or another word than `gcv`.
    """
    check_rows(equations)
    if ridge == "gcv":
        return EigenSolver(equations).best()
    check_ridge(ridge)
    shifted = equations.C_xx + ridge * np.eye(len(equations.C_xx))
    weights, rcond = cholesky_solve(shifted, equations.C_xy)
    if weights is not None and rcond >= EPS:
        return _solution(equations, np.ascontiguousarray(weights.T), float(ridge), "cholesky", len(shifted))
    why = "not positive definite" if weights is None else f"reciprocal condition {rcond:.1e}"
    return EigenSolver(equations).solution(float(ridge), f"cholesky > eigen: {why}")


def solve_all(equations: NormalEquations, ridges: Sequence[float]) -> list[RidgeSolution]:
    """Return the solution for each of `ridges`, from one eigendecomposition.

    Raises:
        InputError: E104 without rows; E116, when a ridge is negative or not finite.
    """
    check_rows(equations)
    for ridge in ridges:
        check_ridge(ridge)
    solver = EigenSolver(equations)
    return [solver.solution(float(ridge)) for ridge in ridges]


def check_ridge(ridge: object) -> None:
    """Refuse a penalty that is no finite number of at least 0 (E116)."""
    if isinstance(ridge, bool) or not isinstance(ridge, Real) or not math.isfinite(ridge) or ridge < 0:
        raise InputError(
            "E116",
            f"ridge = {ridge!r}",
            cause="it must be 'gcv' or a finite number of at least 0",
            hint="use 'gcv', or a value in the sum form",
        )


def check_rows(equations: NormalEquations) -> None:
    """Refuse equations of no rows (E104)."""
    if equations.rows < 1:
        raise InputError(
            "E104", "0 rows to solve for", cause="the statistics are empty", hint="add data first"
        )


def _solution(
    equations: NormalEquations,
    weights: Float[np.ndarray, "output feature"],
    ridge: float,
    path: str,
    rank: int,
) -> RidgeSolution:
    return RidgeSolution(weights, equations.mean_y - weights @ equations.mean_x, ridge, path, rank)
