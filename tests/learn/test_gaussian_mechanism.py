"""The least noise of a promise: held to the definition by an integral, and to figures of others."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.learn.gaussian_mechanism import Promise, least_delta, noise_multiplier


def hockey_stick(epsilon: float, multiplier: float) -> float:
    """Return the delta of the definition: the integral of what p is above e^epsilon q, of two normal densities."""
    x = np.linspace(-40 * multiplier, 40 * multiplier + 1, 400_001)
    one, other = (np.exp(-(((x - mean) / multiplier) ** 2) / 2) for mean in (1, 0))
    above = np.maximum(one - math.exp(epsilon) * other, 0)
    return float(above.sum() * (x[1] - x[0]) / (multiplier * math.sqrt(2 * math.pi)))


@pytest.mark.parametrize(
    ("epsilon", "delta"), [(0.1, 1e-5), (1.0, 1e-5), (3.0, 1e-3), (10.0, 1e-5), (10.0, 1e-2)]
)
def test_the_least_noise_keeps_the_definition_and_less_does_not(epsilon: float, delta: float) -> None:
    multiplier = noise_multiplier(epsilon, delta)
    assert hockey_stick(epsilon, multiplier) == pytest.approx(delta, rel=1e-5)
    assert hockey_stick(epsilon, 0.99 * multiplier) > 1.01 * delta
    assert least_delta(epsilon, multiplier) <= delta
    assert least_delta(epsilon, multiplier * (1 - 1e-9)) > delta


def test_figures_of_others() -> None:
    # For D = sqrt 2 and epsilon 10 the usual formula gives 0.685, and 0.707 is needed.
    assert round(math.sqrt(2) * noise_multiplier(10, 1e-5), 3) == 0.707
    # delta of sigma = D at epsilon 1, from tables of the normal distribution: Phi(-.5) - e Phi(-1.5).
    assert least_delta(1.0, 1.0) == pytest.approx(0.308538 - math.e * 0.066807, abs=2e-6)


@pytest.mark.parametrize(
    ("epsilon", "enough"), [(0.1, True), (0.5, True), (1.0, True), (10.0, False), (50.0, False)]
)
def test_the_usual_noise_is_too_much_for_small_epsilon_and_too_little_for_large(
    epsilon: float, enough: bool
) -> None:
    usual = math.sqrt(2 * math.log(1.25 / 1e-5)) / epsilon
    assert (usual > noise_multiplier(epsilon, 1e-5)) == enough
    assert (hockey_stick(epsilon, usual) < 1e-5) == enough


def test_extremes() -> None:
    assert 0 < noise_multiplier(1e4, 1e-5) < noise_multiplier(100, 1e-5) < 0.1
    assert noise_multiplier(1e-6, 1e-10) > 1e4
    assert noise_multiplier(1.0, 0.9) < 0.5


def released(x: Any, label: int) -> Any:
    """The numbers of one row: the triangle of x x^T with its diagonal over sqrt 2, and x for its class of two."""
    outer = np.outer(x, x)
    outer[np.diag_indices(len(x))] /= math.sqrt(2)
    B = np.zeros((len(x), 2))
    B[:, label] = x
    return np.concatenate([outer[np.triu_indices(len(x))], B.ravel()])


@pytest.mark.parametrize("radius", [0.5, 1.0, 2.0])
def test_no_neighbours_lie_further_apart_than_the_distance_and_some_lie_so_far(radius: float) -> None:
    rng = np.random.default_rng(0)
    found: dict[str, float] = {"added": 0.0, "replaced": 0.0}
    for _ in range(1500):
        x, z = rng.normal(size=(2, 2))
        x, z = (v / np.linalg.norm(v) * radius * rng.choice([1, 1, rng.random()]) for v in (x, z))
        one, other = released(x, 0), released(z, int(rng.integers(2)))
        found["added"] = max(found["added"], float(np.linalg.norm(one)))
        found["replaced"] = max(found["replaced"], float(np.linalg.norm(one - other)))
    for kind, most in found.items():
        limit = Promise(1.0, 1e-5, radius, neighbours=kind).distance  # pyright: ignore[reportArgumentType]
        assert 0.98 * limit < most <= limit * (1 + 1e-12)


def test_rows_and_releases_take_more_noise() -> None:
    one = Promise(1.0, 1e-5)
    assert Promise(1.0, 1e-5, rows=7).sigma == pytest.approx(7 * one.sigma)
    assert Promise(1.0, 1e-5, releases=4).sigma == pytest.approx(2 * one.sigma)


@pytest.mark.parametrize(
    "wrong",
    [
        (0.0, 1e-5),
        (math.inf, 1e-5),
        (1.0, 0.0),
        (1.0, 1.0),
        (1.0, 1e-5, 0.0),
        (1.0, 1e-5, 1.0, 0),
        (math.nan, 0.1),
    ],
)
def test_what_is_no_promise_is_refused(wrong: Any) -> None:
    with pytest.raises(SartoError) as caught:
        Promise(*wrong)
    assert caught.value.code == "E169"
