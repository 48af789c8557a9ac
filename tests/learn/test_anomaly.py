"""Anomaly scores against the same by hand, their threshold against its rate, and a real test bed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.learn.anomaly import ESNDetector
from sarto.learn.forecast import ESNForecaster
from tests.learn.oracles import fisher


def wave(steps: int, seed: int) -> Any:
    """Two channels that share a noise, so that their residuals are correlated."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(steps, 3)) @ np.array([[0.1, 0.1], [0.05, 0], [0, 0.05]])
    return np.stack([np.sin(np.arange(steps) / 6), np.cos(np.arange(steps) / 6)], axis=1) + noise


NORMAL = [wave(900, 0), wave(700, 1)]


def refused(call: Any, code: str, words: str) -> None:
    with pytest.raises(SartoError, match=words) as caught:
        call()
    assert caught.value.code == code


@pytest.mark.parametrize("horizons", [1, (1, 4)])
def test_a_score_is_the_distance_of_the_residuals_of_its_own_step(horizons: Any) -> None:
    model = ESNDetector(units=20, washout=20, horizons=horizons, dtype="float64").fit(NORMAL)
    ahead = model.horizons_
    series = wave(120, 2)
    forecasts = model.predict([series])[0]
    mean = np.array(model.residuals_["mean"])
    precision = np.linalg.inv(np.array(model.residuals_["covariance"]))
    scores = model.scores([series])[0]
    first = 20 + max(ahead)
    assert np.isnan(scores[:first]).all()
    for t in range(first, 120):
        residual = np.concatenate([series[t] - forecasts[t - k, j] for j, k in enumerate(ahead)]) - mean
        np.testing.assert_allclose(scores[t], residual @ precision @ residual, rtol=1e-8)
    by_channel = ESNDetector(units=20, washout=20, horizons=horizons, dtype="float64", measure="channel").fit(
        NORMAL
    )
    residual = np.concatenate([series[60] - forecasts[60 - k, j] for j, k in enumerate(ahead)]) - mean
    wanted = (residual**2 / np.diag(np.array(model.residuals_["covariance"]))).max()
    np.testing.assert_allclose(by_channel.scores([series])[0][60], wanted, rtol=1e-8)


def test_readout_and_residuals_come_from_different_steps() -> None:
    model = ESNDetector(units=20, washout=20, calibration=0.4, dtype="float64").fit(NORMAL)
    plain = ESNForecaster(units=20, washout=20, dtype="float64").fit([NORMAL[0][:540], NORMAL[1][:420]])
    np.testing.assert_array_equal(model.coef_, plain.coef_)
    rest = [
        (x[1:] - found[:-1, 0])[n - 1 :]
        for x, found, n in zip(NORMAL, plain.predict(NORMAL), (540, 420), strict=True)
    ]
    assert model.residuals_["count"] == 360 + 280
    np.testing.assert_allclose(model.residuals_["mean"], np.concatenate(rest).mean(axis=0), atol=1e-12)
    np.testing.assert_allclose(model.residuals_["covariance"], np.cov(np.concatenate(rest), rowvar=False))


@pytest.mark.parametrize("measure", ["mahalanobis", "channel"])
@pytest.mark.parametrize("rate", [0.02, 0.1])
def test_fresh_normal_series_raise_alarms_at_the_stated_rate(measure: Any, rate: float) -> None:
    """Both rules, on Gaussian noise of the same law, 6000 steps."""
    fresh = [wave(1500, seed) for seed in range(10, 14)]
    for rule in ("quantile", "normal"):
        model = ESNDetector(
            units=20, washout=20, measure=measure, false_alarms=rate, threshold=rule, calibration=0.5
        ).fit([wave(3000, 5)])
        alarms = np.concatenate([found[21:] for found in model.alarms(fresh)])
        assert abs(alarms.mean() - rate) < 0.35 * rate


def test_the_threshold_is_the_quantile_or_the_law_that_is_stated() -> None:
    usual = {"units": 20, "washout": 20, "dtype": "float64"}
    model = ESNDetector(**usual, false_alarms=0.05).fit(NORMAL)  # pyright: ignore[reportArgumentType]
    scores = np.sort(
        np.concatenate([found[n:] for found, n in zip(model.scores(NORMAL), (630, 490), strict=True)])
    )
    rows = model.residuals_["count"]
    assert rows == len(scores) == 270 + 210
    assert model.threshold_ == scores[int(np.ceil((rows + 1) * 0.95)) - 1]
    normal = ESNDetector(**usual, false_alarms=0.05, threshold="normal").fit(NORMAL)  # pyright: ignore[reportArgumentType]
    factor = 2 * (rows - 1) * (rows + 1) / (rows * (rows - 2))
    np.testing.assert_allclose(normal.threshold_, factor * fisher.ppf(0.95, 2, rows - 2))


def test_planted_anomalies_are_found_also_where_each_channel_is_normal() -> None:
    """The channels' noise is correlated: a step against the correlation is seen by the Mahalanobis distance alone."""
    series = wave(300, 7)
    forecast_of_200 = np.array([np.sin(200 / 6), np.cos(200 / 6)])
    series[200] = forecast_of_200 + np.array([0.16, -0.16])
    found = {}
    for measure in ("mahalanobis", "channel"):
        model = ESNDetector(units=30, washout=20, measure=measure, false_alarms=0.005).fit(NORMAL)  # pyright: ignore[reportArgumentType]
        found[measure] = (int(np.nanargmax(model.scores([series])[0])), bool(model.alarms([series])[0][200]))
    assert found["mahalanobis"] == (200, True)
    assert not found["channel"][1]


@pytest.mark.parametrize("horizons", [1, (3, 1)])
def test_a_watch_scores_each_sample_as_the_batch_does(horizons: Any) -> None:
    model = ESNDetector(units=20, washout=10, horizons=horizons, dtype="float64").fit(NORMAL)
    series = [wave(60, 8), wave(60, 9)]
    wanted = model.scores(series)
    watch, both = model.watch(), model.watch(2)
    kept: Any = None
    for t in range(60):
        if t == 30:
            kept = watch.snapshot()
        np.testing.assert_allclose(watch.step(series[0][t]), wanted[0][t], rtol=1e-7)
        np.testing.assert_allclose(
            both.step(np.stack([x[t] for x in series])), [w[t] for w in wanted], rtol=1e-7
        )
    watch.restore(kept)
    np.testing.assert_allclose([watch.step(x) for x in series[0][30:]], wanted[0][30:], rtol=1e-7)
    both.reset([0])
    np.testing.assert_array_equal(np.isnan(both.step(np.stack([series[0][0], series[1][0]]))), [True, False])
    refused(lambda: watch.restore(both.snapshot()), "E116", "another stream")


def test_a_detector_is_saved_with_its_threshold(tmp_path: Path) -> None:
    model = ESNDetector(units=12, washout=5).fit(NORMAL)
    model.save(tmp_path / "detector.npz")
    again = ESNDetector.load(tmp_path / "detector.npz")
    for a, b in zip(again.scores(NORMAL), model.scores(NORMAL), strict=True):
        np.testing.assert_array_equal(a, b)
    assert again.threshold_ == model.threshold_


def test_a_channel_that_never_moved_counts_when_it_does() -> None:
    still = [np.hstack([x, np.zeros((len(x), 1))]) for x in NORMAL]
    for measure in ("mahalanobis", "channel"):
        model = ESNDetector(units=12, washout=5, measure=measure).fit(still)  # pyright: ignore[reportArgumentType]
        series = still[0][:100].copy()
        series[50, 2] = 1e-3
        scores = model.scores([series])[0]
        assert np.isfinite(scores[6:]).all()
        assert int(np.nanargmax(scores)) == 50


@pytest.mark.usefixtures("unchecked_types")
def test_what_cannot_be_calibrated_is_refused() -> None:
    def fit(series: Any = NORMAL, **settings: Any) -> Any:
        return ESNDetector(units=5, **settings).fit(series)

    refused(lambda: fit([NORMAL[0][:100]]), "E104", "30 steps to tell a false-alarm rate of 0.01")
    refused(lambda: fit([NORMAL[0][:10]]), "E104", "3 steps to calibrate 2 residuals")
    refused(lambda: fit(false_alarms=0.0), "E116", "false_alarms = 0.0")
    refused(lambda: fit(calibration=1.0), "E116", "calibration = 1.0")
    refused(lambda: fit(measure="euclid"), "E116", "measure = 'euclid'")
    refused(lambda: fit(threshold="three sigma"), "E116", "threshold = 'three sigma'")
    refused(lambda: fit().partial_fit(NORMAL), "E116", "partial_fit of a detector")


def test_a_run_of_the_water_test_bed(real_data: Path) -> None:
    """The first 400 rows are normal; the valve closes later, and the scores rise."""
    table = np.genfromtxt(
        real_data / "skab/data/valve1/1.csv", delimiter=";", skip_header=1, usecols=range(1, 10)
    )
    x, marked = table[:, :8], table[:, 8] == 1
    scores = ESNDetector(units=50, washout=20).fit([x[:400]]).scores([x])[0]
    assert np.median(scores[400:][marked[400:]]) > 1.5 * np.nanmedian(scores[:400])
