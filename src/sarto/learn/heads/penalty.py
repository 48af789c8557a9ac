"""Penalties as others count them, from the same statistics: what each number means, and the head it gives exactly.

Sarto's own is the sum form with a free intercept (`sarto.learn.ridge`). With targets of 1 and 0, rows x of weight w in
all, mean m, and p the shares of the classes, others minimise

    sum_i w_i |y_i - W x_i - b|^2 + ridge |W|^2 + r |b|^2

where r is 0 (free intercept), ridge (a column of ones among the features, penalised as they are) or infinite (none).
b = w (p - W m) / (w + r) takes the intercept out of it, exactly, and leaves centred equations with one more row, at m:

    W^T = (C_xx + k m m^T + ridge I)^-1 (C_xy + k m p^T),   k = w r / (w + r)

so that no uncentred sum, which loses digits, is ever formed. k is 0 without r, and r - r^2 / w + ... for a small one:
there the column of ones changes little.

The number itself stands for the sum form as it is (`sum`), times w (`mean`: the loss is a mean over rows), or times
trace(C_xx) / features (`relative`).

| convention     | number   | intercept | published                                      |
|----------------|----------|-----------|------------------------------------------------|
| `sarto`        | sum      | free      |                                                |
| `scikit-learn` | sum      | free      | `Ridge(alpha=...)`                             |
| `reservoirpy`  | sum      | free      | `Ridge(ridge=...)`                             |
| `fed3r`        | sum      | penalised | 0.01                                           |
| `incfed`       | sum      | none      | `l2`; a unit that is always 1 serves as one    |
| `mean`         | mean     | free      | ridge regression as empirical risk             |
| `relative`     | relative | free      | comparable between features, rows and scalings |

Source: the code of FED3R (Fanì et al., ICML 2024), of federated-esn (IncFed: Bacciu et al., IJCNN 2021), of
scikit-learn and of ReservoirPy 0.4.

>>> x, y = np.array([[0.0], [1.0], [4.0], [5.0]]), np.array([0, 0, 1, 1])
>>> statistics = RidgeStatistics.of(x, y, classes=(0, 1))
>>> head = head_as(statistics, 0.5, "fed3r")
>>> Z, Y = np.c_[x, np.ones(4)], np.eye(2)[y]
>>> direct = np.linalg.solve(Z.T @ Z + 0.5 * np.eye(2), Z.T @ Y)
>>> bool(np.allclose(np.c_[head.weights, head.intercept].T, direct, rtol=1e-13))
True
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from sarto.learn.heads.linear import LinearHead, classes_of
from sarto.learn.ridge import NormalEquations, check_ridge, solve
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError

PUBLISHED_FED3R = 0.01


@dataclass(frozen=True)
class Convention:
    """How a penalty is counted: what its number stands for, and what becomes of the intercept."""

    number: Literal["sum", "mean", "relative"] = "sum"
    intercept: Literal["free", "penalised", "none"] = "free"

    def ridge(self, statistics: RidgeStatistics, value: float) -> float:
        """Return the number in the sum form."""
        if self.number == "mean":
            return statistics.ridge_from_mean(value)
        return statistics.ridge_from_relative(value) if self.number == "relative" else value


CONVENTIONS = {
    "sarto": Convention(),
    "scikit-learn": Convention(),
    "reservoirpy": Convention(),
    "fed3r": Convention(intercept="penalised"),
    "incfed": Convention(intercept="none"),
    "mean": Convention("mean"),
    "relative": Convention("relative"),
}


def head_as(statistics: RidgeStatistics, value: float, convention: str) -> LinearHead:
    """Return the head that `value` gives in a convention, of targets 1 and 0.

    Raises:
        InputError: E104 without rows; E116 for a number below 0; E168, without classes or for another convention.
    """
    if convention not in CONVENTIONS:
        known = ", ".join(CONVENTIONS)
        raise InputError(
            "E168", f"convention = {convention!r}", cause="none of that name", hint=f"use {known}"
        )
    found = CONVENTIONS[convention]
    check_ridge(value)
    ridge = found.ridge(statistics, value)
    penalty = {"free": 0.0, "penalised": ridge, "none": math.inf}[found.intercept]
    return head_with_intercept(statistics, ridge, penalty)


def head_with_intercept(statistics: RidgeStatistics, ridge: float, intercept_ridge: float) -> LinearHead:
    """Return the head for a penalty of the weights and one, r, of the intercept; both in the sum form.

    Raises:
        InputError: E104 without rows; E116 for a penalty below 0; E168 without classes.
    """
    classes = classes_of(statistics)
    if not intercept_ridge >= 0:
        check_ridge(intercept_ridge)
    w, m, p = statistics.weight, statistics.mean_x, (statistics.mean_y + 1) / 2
    absent = math.isinf(intercept_ridge)
    k = w if absent else w * intercept_ridge / max(w + intercept_ridge, np.finfo(float).tiny)
    equations = NormalEquations(
        statistics.C_xx + k * np.outer(m, m),
        statistics.C_xy / 2 + k * np.outer(m, p),
        statistics.C_yy / 4 + k * p**2,
        np.zeros_like(m),
        np.zeros_like(p),
        statistics.count,
    )
    weights = solve(equations, ridge).weights
    intercept = np.zeros_like(p) if absent else w / (w + intercept_ridge) * (p - weights @ m)
    return LinearHead(weights, intercept, classes)
