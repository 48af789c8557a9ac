"""Recursive least squares: after every row the ridge solution of all rows so far, older ones weighted down.

    minimise over W, b:   sum_i lambda^(t - i) |y_i - W f_i - b|^2 + lambda^t ridge |W|^2

With forgetting lambda = 1 this is the ridge regression of `sarto.learn.ridge` over the rows seen, intercept not
penalised, after every row (P_0 = I / ridge). The intercept comes from weighted means, n, f_m, y_m, so that a row acts
through its distance from them alone:

    n' = lambda n + 1,   d = sqrt(lambda n / n') (f - f_m),   f_m' = f_m + (f - f_m) / n',   y_m' likewise
    g = S^T d,   a = 1 / (lambda + |g|^2),   K = a S g,   W += (sqrt(lambda n / n') (y - y_m) - W d) K^T
    S' = (S - a / (1 + sqrt(lambda a)) (S g) g^T) / sqrt(lambda),    b = y_m' - W f_m'

S is a square root of P = S S^T = (C + lambda^t ridge I)^-1, so that P stays symmetric and positive whatever rounding
does; the usual form, which subtracts from P itself, loses this and then diverges. A row costs O(features^2).

With lambda < 1 a direction that the features do not visit is forgotten without being learned anew, and its variance
grows as 1 / lambda^t. A row is therefore added without forgetting (lambda = 1 for this row) whenever the trace of P
would exceed `limit`, by default the trace of P_0.

Source: Haykin, "Adaptive filter theory", 4th edition (2002), chapter 9, for the recursion; the square root: Potter,
"New statistical formulas", MIT Instrumentation Laboratory (1963), in Bierman, "Factorization methods for discrete
sequential estimation" (1977), section II.7.

>>> rng = np.random.default_rng(0)
>>> f, y = rng.normal(size=(30, 4)), rng.normal(size=(30, 2))
>>> readout = RLS(ridge=0.1)
>>> predicted = [readout.update(row, wanted) for row, wanted in zip(f, y)]
>>> batch = RidgeStatistics.of(f, y).solve(0.1)
>>> bool(np.allclose(readout.weights, batch.weights, atol=1e-12)), bool(np.allclose(readout.intercept, batch.intercept))
(True, True)
"""

from __future__ import annotations

import math
from typing import Any, ClassVar, Self

import numpy as np

from sarto.learn._lapack import symmetric_eigen
from sarto.learn.moments import EPS
from sarto.learn.online import AnyArray, OnlineReadout, diverged, positive
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError


class RLS(OnlineReadout):
    """Recursive least squares by a square root of P.

    Args:
        ridge: the penalty, sum form, above 0.
        forgetting: lambda in (0, 1]; 1 forgets nothing, and otherwise some 1 - 1 / e of the weight lies
            within the last 1 / (1 - lambda) rows.
        limit: of the trace of P, under forgetting; None is features / ridge.
    """

    _arrays: ClassVar[tuple[str, ...]] = (
        *OnlineReadout._arrays,
        "root",
        "mean_features",
        "mean_target",
        "weight",
    )

    def __init__(self, ridge: float, forgetting: float = 1.0, limit: float | None = None) -> None:
        self.ridge, self.forgetting = positive("ridge", ridge), positive("forgetting", forgetting)
        if forgetting > 1:
            raise InputError(
                "E116", f"forgetting = {forgetting}", cause="it must be at most 1", hint="use 0.99 to 1"
            )
        if limit is not None and not limit > 0:
            raise InputError(
                "E116",
                f"limit = {limit}",
                cause="it must be above 0",
                hint="leave it out, or use inf for none",
            )
        self.limit = limit

    def start(self, features: int, outputs: int) -> Self:
        """Begin with W = 0, b = 0 and P = I / ridge."""
        super().start(features, outputs)
        self.root = np.eye(features) / math.sqrt(self.ridge)
        self.mean_features, self.mean_target, self.weight = (
            np.zeros(features),
            np.zeros(outputs),
            np.zeros(()),
        )
        return self

    def start_from(self, statistics: RidgeStatistics) -> Self:
        """Begin with what these statistics know, as if each of their rows had been learned without forgetting.

        Raises:
            InputError: E104, for statistics of no rows.
        """
        solution = statistics.solve(self.ridge)
        values, vectors = symmetric_eigen(statistics.C_xx)
        self.root = vectors / np.sqrt(np.maximum(values, 0.0) + self.ridge)
        self.weights, self.intercept = solution.weights.copy(), solution.intercept.copy()
        self.mean_features, self.mean_target = statistics.mean_x.copy(), statistics.mean_y.copy()
        self.weight = np.array(statistics.weight)
        return self

    @property
    def covariance(self) -> AnyArray:
        """P, the inverse of the penalised co-moments."""
        return self.root @ self.root.T

    def _learn(self, f: AnyArray, y: AnyArray, error: AnyArray) -> None:
        root, weight = self.root, float(self.weight)
        forgetting = self.forgetting
        kept = forgetting * weight
        d, dy = f - self.mean_features, y - self.mean_target
        if forgetting < 1 and self._trace_after(root, d, forgetting, weight) > self._limit(len(f)):
            forgetting, kept = 1.0, weight
        share = math.sqrt(kept / (kept + 1))
        g = root.T @ (share * d)
        seen = root @ g
        a = 1 / (forgetting + float(g @ g))
        left = share * dy - self.weights @ (share * d)
        weights = self.weights + np.outer(left, a * seen)
        fresh = (root - np.outer((a / (1 + math.sqrt(forgetting * a))) * seen, g)) / math.sqrt(forgetting)
        mean_f, mean_y = self.mean_features + d / (kept + 1), self.mean_target + dy / (kept + 1)
        intercept = mean_y - weights @ mean_f
        if not (np.isfinite(weights).all() and np.isfinite(intercept).all() and np.isfinite(fresh).all()):
            raise diverged("the weights become infinite")
        self.root, self.weights, self.intercept = fresh, weights, intercept
        self.mean_features, self.mean_target, self.weight = mean_f, mean_y, np.array(kept + 1)

    def _trace_after(self, root: AnyArray, d: AnyArray, forgetting: float, weight: float) -> float:
        share = forgetting * weight / (forgetting * weight + 1)
        g = root.T @ d
        seen = root @ g
        lost = share * float(seen @ seen) / (forgetting + share * float(g @ g))
        return (float(np.vdot(root, root)) - lost) / forgetting

    def _limit(self, features: int) -> float:
        # A first row tells of no direction: it must pass the limit that P_0 itself reaches.
        limit: Any = features / self.ridge if self.limit is None else self.limit
        return float(limit) * (1 + 16 * EPS)
