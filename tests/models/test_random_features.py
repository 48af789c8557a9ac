"""Random features: what they are drawn from, and the kernel that the cosine approximates."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.models.input_error import InputError
from sarto.models.random_features import RandomFeatures, build

USUAL: dict[str, Any] = dict(seed=0, activation="tanh", input_scaling=0.8, bias_scaling=0.3)


def made(units: int, features: int, **changes: Any) -> RandomFeatures:
    settings: dict[str, Any] = USUAL | changes
    return build(units, features, **settings)


def test_the_cosine_approximates_the_gaussian_kernel() -> None:
    """2 E[cos(w z + b) cos(w z' + b)] = exp(-s^2 |z - z'|^2 / (2 D)); the error falls as 1 / sqrt(units)."""
    layer = made(40_000, 6, activation="cosine", input_scaling=1.5)
    z = np.random.default_rng(1).normal(size=(12, 6))
    hidden = layer(z)
    distance = np.square(z[:, None] - z[None]).sum(axis=2)
    np.testing.assert_allclose(
        2 * hidden @ hidden.T / 40_000, np.exp(-2.25 * distance / 12), rtol=0, atol=0.025
    )


def test_arguments_have_the_spread_that_is_asked_for() -> None:
    for activation in ("tanh", "cosine"):
        layer = made(3000, 8, activation=activation)
        z = np.random.default_rng(1).normal(size=(400, 8))
        assert float((z @ layer.weights.T).std()) == pytest.approx(0.8, rel=0.03)
    bias = made(3000, 8).bias
    assert np.abs(bias).max() <= 0.3 and float(bias.std()) == pytest.approx(0.3 / np.sqrt(3), rel=0.05)
    turn = made(3000, 8, activation="cosine").bias
    assert 0 <= turn.min() < 0.01 and 6.27 < turn.max() < 2 * np.pi


def test_the_layer_on_raw_inputs_standardises_them() -> None:
    layer = made(20, 3)
    z = np.random.default_rng(1).normal(size=(50, 3)) * [1, 30, 0] + [5, -2, 7]
    mean, std = z.mean(axis=0), z.std(axis=0)
    scaled = np.column_stack([(z[:, :2] - mean[:2]) / std[:2], np.zeros(50)])
    np.testing.assert_allclose(layer.on_raw(mean, std)(z), layer(scaled), atol=1e-12)


@pytest.mark.parametrize(("name", "value"), [("units", 0), ("features", 0), ("input_scaling", -0.1)])
def test_bad_parameters_are_refused_by_name(name: str, value: Any) -> None:
    settings: dict[str, Any] = {"units": 3, "features": 2, **USUAL, name: value}
    with pytest.raises(InputError, match=name) as caught:
        build(**settings)
    assert caught.value.code == "E116"
