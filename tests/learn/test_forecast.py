"""Forecasts against the same computed by hand, a law that the reservoir can represent exactly, and each other."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.data.generate import lorenz, mackey_glass
from sarto.learn.forecast import ESNForecaster
from sarto.learn.readout import ESNRegressor, ReservoirTransformer
from sarto.models.reservoir._cell import Reservoir
from tests.learn.oracles import NotFittedError, clone, solve_discrete_lyapunov

SINES = np.stack([np.sin(np.arange(500) / 5), np.cos(np.arange(500) / 7)], axis=1)


def refused(call: Any, code: str, words: str) -> None:
    with pytest.raises(SartoError, match=words) as caught:
        call()
    assert caught.value.code == code


def test_a_direct_forecast_is_a_ridge_regression_on_later_values() -> None:
    """Against the per-step regressor, in other units, with targets shifted by hand."""
    series = [SINES[:200], 3 * SINES[100:260] + 1]
    ours = ESNForecaster(
        units=20, horizons=(1, 7), input_to_readout=False, ridge=0.1, washout=10, dtype="float64"
    ).fit(series)
    scaled = [(x - ours.feature_map_.mean) / ours.feature_map_.scale for x in series]
    theirs = ESNRegressor(
        units=20, ridge=0.1, washout=10, dtype="float64", standardise=False, return_sequences=True
    ).fit([x[:-7] for x in scaled], [np.concatenate([x[1:-6], x[7:]], axis=1) for x in scaled])
    np.testing.assert_allclose(ours.coef_, theirs.coef_, atol=1e-9)
    got, wanted = ours.predict(series), theirs.predict(scaled)
    for a, b in zip(got, wanted, strict=True):
        assert a.shape == (len(b), 2, 2)
        back = b.reshape(-1, 2, 2) * ours.feature_map_.scale + ours.feature_map_.mean
        np.testing.assert_allclose(a, back, atol=1e-9)


def test_forecast_is_the_last_of_predict_for_series_of_any_lengths() -> None:
    series = [SINES[:50], SINES[:33], SINES[10:90]]
    model = ESNForecaster(units=15, horizons=[2, 5], washout=5, layers=2, cell="rmn").fit([SINES])
    last = np.stack([found[-1] for found in model.predict(series)])
    np.testing.assert_allclose(model.forecast(series), last, atol=1e-5)
    np.testing.assert_array_equal(model.forecast(series), model.forecast(series))


def test_a_closed_loop_is_its_own_forecasts_appended() -> None:
    """Each value by a one-step forecast of the series grown so far, computed from rest every time."""
    model = ESNForecaster(units=30, horizons=(3, 1), washout=20, dtype="float64", expansion="half").fit(
        [SINES]
    )
    starts = [SINES[:60], SINES[30:70]]
    loop = model.closed_loop(starts, 8)
    for index, series in enumerate(starts):
        grown = series
        for step in range(8):
            value = model.forecast([grown])[0, 1]
            np.testing.assert_allclose(loop[index, step], value, atol=1e-8)
            grown = np.vstack([grown, value])


@pytest.mark.parametrize("expansion", ["none", "squares", "half", "products"])
def test_readouts_of_every_expansion_see_what_it_says(expansion: Any) -> None:
    """Features of each step, made by hand, give the same forecasts with the fitted weights."""
    model = ESNForecaster(units=9, expansion=expansion, washout=5, dtype="float64").fit([SINES])
    h = (
        ReservoirTransformer(units=9, dtype="float64", return_sequences=True)
        .fit([SINES])
        .transform([SINES])[0]
    )
    rows = {
        "none": h,
        "squares": np.hstack([h, h**2]),
        "half": np.stack([h[:, i] ** (1 + i % 2) for i in range(9)], axis=1),
        "products": np.stack(
            [h[:, i - 1] * h[:, i - 2] if i % 2 == 0 and i else h[:, i] for i in range(9)], axis=1
        ),
    }[expansion]
    scaled = (SINES - SINES.mean(axis=0)) / SINES.std(axis=0)
    wanted = np.hstack([rows, scaled]) @ model.coef_.T + model.intercept_
    np.testing.assert_allclose(
        model.predict([SINES])[0][:, 0], wanted * SINES.std(axis=0) + SINES.mean(axis=0), atol=1e-9
    )


def test_several_series_are_fitted_each_from_rest_and_in_parts() -> None:
    parts = [SINES[:150], SINES[150:260], SINES[260:]]
    usual = dict(units=20, washout=10, dtype="float64", ridge=1e-3, standardise=False)
    whole = ESNForecaster(**usual).fit(parts)  # pyright: ignore[reportArgumentType]
    grown = ESNForecaster(**usual).fit(parts[:1]).partial_fit(parts[1:])  # pyright: ignore[reportArgumentType]
    np.testing.assert_allclose(grown.coef_, whole.coef_, atol=1e-9)
    assert whole.statistics_.count == 500 - 3 * (10 + 1)
    joined = ESNForecaster(**usual).fit([SINES])  # pyright: ignore[reportArgumentType]
    assert np.abs(joined.coef_ - whole.coef_).max() > 1e-6


def test_a_chaotic_series_is_forecast_and_continued() -> None:
    series = lorenz(3600, seed=0)
    model = ESNForecaster(
        units=150, leak=1.0, expansion="squares", ridge=1e-6, washout=100, dtype="float64"
    ).fit([series[:3000]])
    assert model.score([series[3000:]]) > 0.99999
    found = model.closed_loop([series[2800:3000]], 100)[0]
    error = np.linalg.norm((found - series[3000:3100]) / series.std(axis=0), axis=1) / np.sqrt(3)
    assert error.max() < 0.1  # 1.8 Lyapunov times
    far = ESNForecaster(units=100, leak=1.0, horizons=(1, 84), washout=100).fit(
        [mackey_glass(2000, seed=0)[:, None]]
    )
    assert far.score([mackey_glass(1000, seed=1)[:, None]]) > 0.9


def test_noise_is_seeded_and_keeps_weights_small() -> None:
    def fitted(noise: float) -> ESNForecaster:
        return ESNForecaster(units=40, noise=noise, ridge=1e-9, washout=20, dtype="float64").fit([SINES])

    plain, noisy = fitted(0.0), fitted(3e-2)
    np.testing.assert_array_equal(noisy.coef_, fitted(3e-2).coef_)
    assert np.linalg.norm(noisy.coef_) < 0.6 * np.linalg.norm(plain.coef_)
    one, two = (noisy.statistics([x]) for x in (SINES[:250], SINES[250:]))
    assert not np.array_equal(one.mean_x, two.mean_x)


@pytest.mark.parametrize("layers", [1, 2])
def test_noise_enters_every_neuron_at_every_step_with_its_deviation(layers: int) -> None:
    """A linear reservoir carries it on, so that its variance solves a Lyapunov equation: P = A P A^T + sigma^2 I."""
    flat, sigma, units = np.zeros((20000, 1)), 0.3, 6
    settings = {"activation": "identity"}
    model = ESNForecaster(
        units=units, layers=layers, leak=0.8, radius=0.6, noise=sigma, washout=50, bias_scaling=0.0,
        input_to_readout=False, standardise=False, dtype="float64", cell_options=settings, ridge=1.0,
    ).fit([flat])  # fmt: skip
    A = np.zeros((units, units))
    stack = model.reservoir_.layers
    for index, layer in enumerate(stack):
        assert isinstance(layer, Reservoir)
        own = slice(index * layer.units, (index + 1) * layer.units)
        A[own, own] = layer.alpha * np.eye(layer.units) + layer.beta * layer.recurrent_matrix()
        if (
            index
        ):  # a layer sees what the one below makes of its noisy state in the same step, before new noise
            below = slice((index - 1) * layer.units, index * layer.units)
            A[own] += layer.beta * layer.inputs @ A[below]
    wanted: Any = solve_discrete_lyapunov(A, sigma**2 * np.eye(units))
    got = model.statistics_.C_xx / model.statistics_.count
    np.testing.assert_allclose(got, wanted, atol=0.06 * float(np.diag(wanted).max()))


def test_a_forecaster_is_saved_with_its_expansion_and_horizons(tmp_path: Path) -> None:
    model = ESNForecaster(units=12, horizons=(1, 4), expansion="squares", washout=5).fit([SINES])
    model.save(tmp_path / "model.npz")
    again = ESNForecaster.load(tmp_path / "model.npz")
    assert again.horizons_ == (1, 4)
    np.testing.assert_array_equal(again.closed_loop([SINES], 5), model.closed_loop([SINES], 5))
    refused(lambda: ESNRegressor.load(tmp_path / "model.npz"), "E103", "ESNForecaster")


def test_statistics_of_another_expansion_do_not_mix() -> None:
    model = ESNForecaster(units=12, washout=5, ridge=0.1).fit([SINES])
    other = ESNForecaster(units=12, washout=5, ridge=0.1, expansion="half").fit([SINES])
    refused(lambda: model.refit(other.statistics_), "E116", "the estimator computes")
    np.testing.assert_array_equal(
        model.refit(model.statistics([SINES])).coef_, clone(model).fit([SINES]).coef_
    )


@pytest.mark.usefixtures("unchecked_types")
def test_what_cannot_be_forecast_is_refused() -> None:
    def fit(**settings: Any) -> Any:
        return ESNForecaster(units=5, **settings).fit([SINES, SINES[:30]])

    refused(
        lambda: fit(washout=25, horizons=5),
        "E115",
        "sequence 1 has 30 steps, a washout of 25 and a forecast 5",
    )
    refused(lambda: fit(washout=30), "E115", "the washout is 30")
    refused(lambda: fit(horizons=0), "E116", "horizons = 0")
    refused(lambda: fit(horizons=()), "E116", "horizons = ")
    refused(lambda: fit(horizons=(2, 2)), "E116", "horizons = ")
    refused(lambda: fit(horizons=1.5), "E116", "horizons = 1.5")
    refused(lambda: fit(noise=-1.0), "E116", "noise = -1")
    refused(lambda: fit(expansion="cubes"), "E116", "expansion = 'cubes'")
    model = fit(horizons=2)
    refused(lambda: model.closed_loop([SINES], 3), "E116", "a closed loop with the horizons")
    refused(lambda: fit().closed_loop([SINES], 0), "E116", "steps = 0")
    refused(lambda: model.score([SINES[:2]]), "E115", "sequence 0 has 2 steps")


def test_a_closed_loop_that_explodes_is_refused() -> None:
    """The readout of a growing series multiplies by 2 at every step."""
    growing = 2.0 ** np.arange(20)[:, None]
    model = ESNForecaster(units=5, standardise=False, input_scaling=1e-9, ridge=0.0, dtype="float64").fit(
        [growing]
    )
    np.testing.assert_allclose(model.closed_loop([growing], 3)[0, :, 0], 2.0 ** np.arange(20, 23), rtol=1e-3)
    refused(
        lambda: model.closed_loop([growing], 2000),
        "E404",
        "the closed loop of series 0 left all bounds at step",
    )


def test_the_score_of_what_is_not_fitted_says_so() -> None:
    with pytest.raises(NotFittedError):
        ESNForecaster().score([np.ones((30, 1))])
