"""What a ridge readout says of a row that it has not seen, for every row, without solving again: leave-one-out.

    h_i = 1 / w + d_i^T (C_xx + ridge I)^-1 d_i,   d_i = x_i - mean_x          (the leverage of a row of weight 1)
    y_i - (y_i - W x_i - b) / (1 - v h_i)                                      (what the readout without row i says)

with v the weight that the row has in the statistics.

The statistics may be of many more rows, of other clients: each row of one's own is left out of all of them. Of a row
that is *not* in the statistics, h / (1 + h) is how much of itself it would explain once it was learned: large where
the statistics know little. One factorisation serves all rows.

Source: Allen, "The relationship between variable selection and data augmentation and a method for prediction",
Technometrics 16 (1974), for PRESS; Hastie, Tibshirani and Friedman, "The elements of statistical learning" (2009),
eq. 7.64.

>>> x, y = np.array([[0.0], [1.0], [2.0], [6.0]]), np.array([0.0, 2.0, 1.0, 5.0])
>>> whole, rest = RidgeStatistics.of(x, y), RidgeStatistics.of(x[1:], y[1:])
>>> left_out = left_out_outputs(whole, 0.5, x, y[:, None])
>>> bool(np.isclose(left_out[0, 0], rest.solve(0.5).predict(x[:1])[0, 0], rtol=1e-12))
True
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Num

from sarto.core.errors import SartoError
from sarto.learn._lapack import cholesky_solve
from sarto.learn.moments import EPS
from sarto.learn.ridge import check_ridge, check_rows
from sarto.learn.statistics import RidgeStatistics

SEEN = 1.0 - 1e-9
"""A leverage above this leaves nothing of a row to judge: without it, its readout is not determined."""


def leverage(
    statistics: RidgeStatistics, ridge: float, features: Num[np.ndarray, "item feature"]
) -> Float[np.ndarray, " item"]:
    """Return h of each row, for a ridge in the sum form.

    Raises:
        InputError: E104 without rows in the statistics, E116 for a ridge that cannot be used.
        SartoError: E404, when C_xx + ridge I is singular to rounding.
    """
    check_rows(statistics.equations)
    check_ridge(ridge)
    d = features.astype(np.float64) - statistics.mean_x
    solved, rcond = cholesky_solve(statistics.C_xx + ridge * np.eye(d.shape[1]), np.ascontiguousarray(d.T))
    if solved is None or rcond < EPS:
        raise SartoError(
            "E404",
            f"the leverage of {len(d)} rows",
            cause=f"C_xx + {ridge:g} I is singular to rounding",
            hint="use a larger ridge",
        )
    return 1 / statistics.weight + np.einsum("if,fi->i", d, solved)


def left_out_outputs(
    statistics: RidgeStatistics,
    ridge: float,
    features: Num[np.ndarray, "item feature"],
    targets: Float[np.ndarray, "item output"],
    weight: float = 1.0,
) -> Float[np.ndarray, "item output"]:
    """Return what the readout of all rows but one says of that one, for each of these rows.

    Args:
        statistics: in which each row is.
        ridge: in the sum form.
        features: the rows.
        targets: of the rows, as the statistics have them (+1 and -1 for classes).
        weight: v, that each of the rows has.

    Raises:
        InputError: as `leverage`.
        SartoError: E404, also when a row cannot be left out: nothing else determines a readout.
    """
    h = weight * leverage(statistics, ridge, features)
    if (h > SEEN).any():
        raise SartoError(
            "E404",
            f"row {int(h.argmax())} cannot be left out: its leverage is {h.max():.6g}",
            cause="the other rows do not determine a readout there, or it is not among the rows of the statistics",
            hint="use a larger ridge",
        )
    outputs = statistics.solve(ridge).predict(features)
    return targets - (targets - outputs) / (1 - h)[:, None]
