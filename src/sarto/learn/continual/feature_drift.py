"""Inputs that have moved, without any label: an alarm from the statistics of what arrives.

The mean of each batch is compared with that of all rows before it, which are taken for one population, by Hotelling's
two-sample test, with n and k rows, d features and the scatter within both:

    T^2 = (n k / (n + k)) delta^T S^-1 delta,   S = (C_before + C_batch) / (n + k - 2)
    p = P(F >= (n + k - d - 1) / (d (n + k - 2)) T^2),   F ~ F(d, n + k - d - 1)
    e = (1 - p + p log p) / (p log^2 p)

Rows come as `RidgeStatistics`, and O(d^2) numbers are all that is kept. Of normal rows without a change, the p of
consecutive batches are uniform and, by Basu's theorem, independent, although all share what was before: T^2 does not
depend on the population's mean and covariance, of which the merged rows tell all. So e is an e-value for the test of
`alarm`, exactly for normal rows, and nearly so for batches of some tens of other rows: their mean is what is tested.
Rows that resemble their neighbours, such as windows that overlap, are worth fewer than they are, and alarms come too
often: thin them.

`directions` watches fewer features, such as the scores of a head (its weights): power is not spent on what no answer
depends on, and small batches will do.

Source: Hotelling, Annals of Mathematical Statistics 2 (1931); Quesenberry, "SPC Q charts for start-up processes and
short or long runs", Journal of Quality Technology 23 (1991), for tests of each batch against all before it; Vovk and
Wang, "E-values: calibration, combination and applications", Annals of Statistics 49 (2021), section 2, for e of p.

>>> rng = np.random.default_rng(0)
>>> batch = lambda shift: RidgeStatistics.of(rng.normal(size=(20, 3)) + shift, np.zeros(20))
>>> watch = FeatureDrift(batch(0.0), run_length=1000)
>>> [watch.add(batch(0.0)) for _ in range(30)] == [None] * 30
True
>>> [alarm.when for _ in range(4) if (alarm := watch.add(batch(0.7)))][0] in (31, 32)
True
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float
from scipy.special import fdtrc

from sarto.core.errors import SartoError
from sarto.learn._lapack import cholesky_solve
from sarto.learn.continual.alarm import Alarm, ShiryaevRoberts
from sarto.learn.moments import EPS
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError

LEAST = 1e-300
"""A p below this counts as this: e stays a number."""


class FeatureDrift:
    """Watches the mean of features.

    Args:
        reference: of rows from before, each of weight 1; two more than there are features at least.
        run_length: batches until a false alarm, on average at least.
        directions: rows of weights; None watches every feature.

    Attributes:
        reference: of all rows that raised no alarm.
    """

    def __init__(
        self,
        reference: RidgeStatistics,
        run_length: float,
        directions: Float[np.ndarray, "direction feature"] | None = None,
    ) -> None:
        self.reference = reference
        self._basis = None if directions is None else _basis(directions)
        self._test = ShiryaevRoberts("features", run_length)
        d = len(reference.mean_x) if self._basis is None else len(self._basis)
        _check(reference)
        if reference.count < d + 2:
            raise InputError(
                "E168",
                f"a reference of {reference.count} rows for {d} features",
                cause=f"their covariance takes {d + 2} rows at least",
                hint="wait for more rows, or watch fewer directions",
            )

    @property
    def statistic(self) -> float:
        """What an alarm compares with the run length."""
        return self._test.statistic

    def add(self, batch: RidgeStatistics) -> Alarm | None:
        """Take the statistics of the next rows, and return the alarm if it is time for it.

        A batch that raises an alarm is not added to the reference.

        Raises:
            InputError: E108 or E116, when the features differ; E168, when the batch is empty or weighted.
            SartoError: E404, when the covariance is singular.
        """
        merged = self.reference + batch
        alarm = self._test.add(e_of(self.p_of(batch)))
        if alarm is None:
            self.reference = merged
        return alarm

    def p_of(self, batch: RidgeStatistics) -> float:
        """Return how probable so large a difference from the reference is without a change. As `add`."""
        _check(batch)
        before, n, k = self.reference, self.reference.count, batch.count
        delta, scatter = batch.mean_x - before.mean_x, before.C_xx + batch.C_xx
        if self._basis is not None:
            delta, scatter = self._basis @ delta, self._basis @ scatter @ self._basis.T
        d, left = len(delta), n + k - 2
        solved, rcond = cholesky_solve(scatter, delta[:, None])
        if solved is None or rcond < EPS:
            raise SartoError(
                "E404",
                f"the difference of {k} rows in {d} features",
                cause="some features do not vary, or are combinations of others: their covariance is singular",
                hint="watch fewer directions",
            )
        square = n * k / (n + k) * left * float(delta @ solved[:, 0])
        return float(fdtrc(d, left - d + 1, (left - d + 1) / (d * left) * square))


def e_of(p: float) -> float:
    """Return an e-value of a p-value, whose mean over uniform p is 1."""
    p = max(p, LEAST)
    if p > 1 - 1e-4:
        return 0.5 + (1 - p) / 6  # the series at 1, where the formula is 0 / 0
    return (1 - p + p * math.log(p)) / (p * math.log(p) ** 2)


def _basis(directions: Float[np.ndarray, "direction feature"]) -> Float[np.ndarray, "rank feature"]:
    """Return orthonormal rows that span the directions: T^2 is the same for all."""
    _, sizes, rows = np.linalg.svd(directions.astype(np.float64), full_matrices=False)
    basis: Float[np.ndarray, "rank feature"] = rows[
        sizes > max(directions.shape) * EPS * sizes.max(initial=0.0)
    ]
    if not len(basis):
        raise InputError("E168", "directions of zeros", cause="nothing is watched", hint="give weights")
    return basis


def _check(statistics: RidgeStatistics) -> None:
    if not statistics.count or abs(statistics.weight - statistics.count) > 1e-9 * statistics.count:
        raise InputError(
            "E168",
            f"{statistics.count} rows of weight {statistics.weight:g}",
            cause="a test counts whole rows, of weight 1, one at least",
            hint="make statistics without weights",
        )
