"""Online readouts against batch solutions and closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.learn.online import LMS, NLMS
from sarto.learn.recursive import RLS
from sarto.learn.statistics import RidgeStatistics

RNG = np.random.default_rng(3)
MIX = RNG.normal(size=(6, 6)) * np.logspace(0, -3, 6)
F = RNG.normal(size=(80, 6)) @ MIX + 5
Y = F @ RNG.normal(size=(6, 2)) + 0.1 * RNG.normal(size=(80, 2)) - 3


def refused(call: Any, code: str, words: str) -> None:
    with pytest.raises(SartoError, match=words) as caught:
        call()
    assert caught.value.code == code


def run(readout: Any, rows: range = range(80)) -> Any:
    for row in rows:
        readout.update(F[row], Y[row])
    return readout


@pytest.mark.parametrize("ridge", [1e-4, 1.0, 50.0])
def test_rls_without_forgetting_is_ridge_regression_after_every_row(ridge: float) -> None:
    readout = RLS(ridge=ridge)
    for row in range(80):
        before = readout.predict(F[row]) if row else np.zeros(2)
        np.testing.assert_array_equal(readout.update(F[row], Y[row]), before)
        batch = RidgeStatistics.of(F[: row + 1], Y[: row + 1]).solve(ridge)
        np.testing.assert_allclose(readout.weights, batch.weights, rtol=1e-7, atol=1e-9)
        np.testing.assert_allclose(readout.intercept, batch.intercept, rtol=1e-7, atol=1e-8)
    C = RidgeStatistics.of(F, Y).C_xx + ridge * np.eye(6)
    np.testing.assert_allclose(readout.covariance @ C, np.eye(6), atol=1e-6)


def test_rls_with_forgetting_weights_each_row_by_its_age() -> None:
    ridge, forgetting = 0.5, 0.9
    readout = run(RLS(ridge, forgetting, limit=np.inf))
    ages = np.arange(79, -1, -1)
    batch = RidgeStatistics.of(F, Y, forgetting**ages).solve(ridge * forgetting**80)
    np.testing.assert_allclose(readout.weights, batch.weights, rtol=1e-6)
    np.testing.assert_allclose(readout.intercept, batch.intercept, rtol=1e-6)


def test_rls_goes_on_from_the_statistics_of_a_fit() -> None:
    ridge = 0.2
    readout = RLS(ridge).start_from(RidgeStatistics.of(F[:50], Y[:50]))
    np.testing.assert_allclose(readout.weights, RidgeStatistics.of(F[:50], Y[:50]).solve(ridge).weights)
    whole = RidgeStatistics.of(F, Y).solve(ridge)
    run(readout, range(50, 80))
    np.testing.assert_allclose(readout.weights, whole.weights, rtol=1e-8)
    np.testing.assert_allclose(readout.intercept, whole.intercept, rtol=1e-8)


def test_rls_stays_bounded_where_the_features_stop_moving() -> None:
    """Without a limit, P grows as 1 / lambda^t in what is not excited, until it is infinite."""
    still = np.ones(6)
    readout = run(RLS(1e-2, 0.95))
    loose = run(RLS(1e-2, 0.95, limit=np.inf))
    for _ in range(2000):
        readout.update(still, np.ones(2))
        loose.update(still, np.ones(2))
    assert np.trace(readout.covariance) <= 6 / 1e-2 * (1 + 1e-9)
    assert np.trace(loose.covariance) > 1e40
    np.testing.assert_allclose(readout.predict(still), 1.0, atol=1e-6)
    run(readout)
    error = np.abs(readout.predict(F) - Y).max()
    assert error < 1.5


def test_rls_keeps_a_positive_covariance_where_the_usual_recursion_loses_it() -> None:
    """Two features alike: their difference is never excited, and P grows to 1e25 along it.

    P by subtraction becomes indefinite; its square root cannot.
    """
    rng = np.random.default_rng(0)
    common = rng.normal(size=(800, 1))
    f = np.hstack([common, common, rng.normal(size=(800, 1))])
    y = f @ np.ones((3, 1))
    ridge, forgetting = 1e-8, 0.95
    readout = RLS(ridge, forgetting, limit=np.inf)
    usual, least = np.eye(3) / ridge, 0.0
    for row, wanted in zip(f, y, strict=True):
        readout.update(row, wanted)
        k = usual @ row / (forgetting + row @ usual @ row)
        usual = (usual - np.outer(k, row @ usual)) / forgetting
        least = min(least, float(np.linalg.eigvalsh((usual + usual.T) / 2).min()))
    assert least < 0
    assert np.linalg.svd(readout.root, compute_uv=False).min() > 0.1
    np.testing.assert_allclose(readout.predict(f[-1]), y[-1], atol=1e-3)
    bounded = RLS(ridge, forgetting)
    for row, wanted in zip(f, y, strict=True):
        bounded.update(row, wanted)
    np.testing.assert_allclose(bounded.weights, 1.0, atol=1e-6)


def test_an_lms_step_is_a_gradient_step() -> None:
    readout = LMS(0.01)
    readout.update(F[0], Y[0])
    np.testing.assert_allclose(readout.weights, 0.01 * np.outer(Y[0], F[0]))
    np.testing.assert_allclose(readout.intercept, 0.01 * Y[0])
    before, bias = readout.weights.copy(), readout.intercept.copy()
    error = Y[1] - before @ F[1] - bias
    readout.update(F[1], Y[1])
    np.testing.assert_allclose(readout.weights, before + 0.01 * np.outer(error, F[1]))
    np.testing.assert_allclose(readout.intercept, bias + 0.01 * error)


@pytest.mark.parametrize("step", [0.3, 1.0, 1.7])
def test_nlms_shrinks_the_error_of_its_row_by_its_step(step: float) -> None:
    readout = NLMS(step, floor=0.0)
    for row in range(10):
        before = Y[row] - readout.update(F[row], Y[row])
        np.testing.assert_allclose(Y[row] - readout.predict(F[row]), (1 - step) * before, atol=1e-9)


def test_lms_and_nlms_converge_to_a_linear_law() -> None:
    rng = np.random.default_rng(1)
    f = rng.uniform(-1, 1, (4000, 4))
    y = f @ np.arange(8.0).reshape(4, 2) + 3
    for readout in (LMS(0.1), NLMS(0.5)):
        for row, wanted in zip(f, y, strict=True):
            readout.update(row, wanted)
        np.testing.assert_allclose(readout.weights, np.arange(8.0).reshape(4, 2).T, atol=1e-3)
        np.testing.assert_allclose(readout.intercept, 3, atol=1e-3)


def test_an_lms_step_that_would_overshoot_is_refused_and_nothing_changes() -> None:
    readout = LMS(0.01)
    readout.update(F[0], Y[0])
    kept = readout.snapshot()
    refused(lambda: readout.update(40 * F[1], Y[1]), "E404", "an online readout diverges")
    for name, array in readout.snapshot().items():
        np.testing.assert_array_equal(array, kept[name])


@pytest.mark.parametrize("make", [lambda: LMS(0.001), lambda: NLMS(0.5), lambda: RLS(0.1, 0.99)])
def test_an_online_readout_goes_on_from_its_snapshot(make: Any) -> None:
    whole = run(make())
    first = run(make(), range(40))
    kept = first.snapshot()
    run(first, range(40, 45))
    again = run(make().restore(kept), range(40, 80))
    np.testing.assert_array_equal(again.weights, whole.weights)
    np.testing.assert_array_equal(again.intercept, whole.intercept)
    assert make().snapshot() == {}


def test_rows_and_settings_that_cannot_be_are_refused() -> None:
    readout = run(RLS(0.1), range(3))
    refused(lambda: readout.update(F[0, :5], Y[0]), "E108", "a row of 5 features and 2 outputs")
    refused(lambda: readout.update(F[0] * np.nan, Y[0]), "E105", "missing or infinite")
    refused(lambda: RLS(0.1).predict(F[0]), "E104", "has seen no row")
    refused(lambda: RLS(0.0), "E116", "ridge = 0.0")
    refused(lambda: RLS(0.1, 1.1), "E116", "forgetting = 1.1")
    refused(lambda: LMS(-1.0), "E116", "step = -1.0")
    refused(lambda: NLMS(2.0), "E116", "step = 2.0")
    refused(lambda: NLMS(1.0, -1.0), "E116", "floor = -1.0")
    refused(lambda: RLS(0.1).start_from(RidgeStatistics.empty(3, 1)), "E104", "0 rows")


@pytest.mark.parametrize("limit", [-1.0, 0.0, float("nan")])
def test_a_limit_of_the_trace_is_above_zero(limit: float) -> None:
    with pytest.raises(SartoError, match="limit = "):
        RLS(ridge=1.0, forgetting=0.9, limit=limit)
