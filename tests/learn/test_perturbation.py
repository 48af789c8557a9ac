"""Sums with noise: cut rows, noise of the deviation that is promised, and readouts from it."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.learn import perturbation
from sarto.learn.fixed_point import FixedPoint
from sarto.learn.gaussian_mechanism import Promise
from sarto.learn.perturbation import Perturbed

PROMISE = Promise(1.0, 1e-5)


def rows(count: int = 300, features: int = 5, seed: int = 0) -> tuple[Any, Any]:
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 3, count)
    return 0.2 * rng.normal(size=(count, features)) + 0.8 * np.eye(features)[y], y


def sums(count: int = 300, features: int = 5, seed: int = 0) -> Perturbed:
    return Perturbed.of_rows(*rows(count, features, seed), (0, 1, 2))


def test_rows_are_cut_to_the_radius_and_shorter_ones_are_not() -> None:
    found = Perturbed.of_rows(
        np.array([[3.0, 4.0], [0.3, 0.0], [0.0, 0.0]]), np.array(["a", "b", "a"]), ("a", "b")
    )
    np.testing.assert_allclose(found.A, [[0.36 + 0.09, 0.48], [0.48, 0.64]])
    np.testing.assert_allclose(found.B, [[0.6, 0.3], [0.8, 0.0]])


@pytest.mark.parametrize("random", [np.random.default_rng(0), None])
def test_noise_has_the_promised_deviation_and_the_matrix_stays_symmetric(random: Any) -> None:
    plain = sums(3, 60)
    draws = [plain.noised(PROMISE, random) for _ in range(30)]
    N = np.array([d.A - plain.A for d in draws])
    assert all((d.A == d.A.T).all() for d in draws)
    off, on = N[:, *np.triu_indices(60, 1)], N[:, range(60), range(60)]
    M = np.array([d.B - plain.B for d in draws])
    for values, sigma in ((off, PROMISE.sigma), (on, math.sqrt(2) * PROMISE.sigma), (M, PROMISE.sigma)):
        n = values.size
        assert abs(values.std() / sigma - 1) < 5 / math.sqrt(2 * n)
        assert abs(values.mean()) < 5 * sigma / math.sqrt(n)
    assert draws[0].variance == pytest.approx(PROMISE.sigma**2)
    assert not np.array_equal(draws[0].A, draws[1].A)


def test_the_system_s_numbers_are_normal() -> None:
    found = perturbation._normal(100_000, None)  # pyright: ignore[reportPrivateUsage]
    for limit, share in ((-1.0, 0.158655), (0.0, 0.5), (2.0, 0.977250)):
        assert abs(float((found < limit).mean()) - share) < 5 * math.sqrt(share * (1 - share) / 100_000)


def test_parts_of_noise_add_up_to_the_noise() -> None:
    clients = [sums(20, 5, seed).noised(PROMISE, np.random.default_rng(seed), parts=9) for seed in range(9)]
    total = clients[0]
    for one in clients[1:]:
        total = total + one
    assert total.variance == pytest.approx(PROMISE.sigma**2)
    local = sums().noised(PROMISE) + sums().noised(PROMISE)
    assert local.variance == pytest.approx(2 * PROMISE.sigma**2)


def test_noised_sums_go_through_a_masked_sum() -> None:
    limits = FixedPoint(4, 200, 1.0)
    parts = [sums(20, 5, seed).noised(PROMISE, np.random.default_rng(seed), parts=4) for seed in range(4)]
    encoded = np.array([limits.encoded(part.vector) for part in parts]).sum(axis=0)
    found = parts[0].with_vector(np.add(*limits.decoded(encoded)), PROMISE.sigma**2)
    np.testing.assert_allclose(found.A, sum(part.A for part in parts), atol=4 * limits.error)
    np.testing.assert_allclose(found.B, sum(part.B for part in parts), atol=4 * limits.error)


def test_the_readout_is_the_formula_s() -> None:
    rng = np.random.default_rng(3)
    plain = sums()
    for noised in (plain.noised(PROMISE, rng), sums(8, 12).noised(PROMISE, rng)):
        ridge = math.sqrt(len(noised.A)) * PROMISE.sigma / 2
        values, vectors = np.linalg.eigh(noised.A)
        P = vectors @ np.diag(np.maximum(values, 0)) @ vectors.T
        W = np.linalg.solve(P + ridge * np.eye(len(P)), noised.B).T
        found = noised.solve()
        assert found.ridge == pytest.approx(ridge)
        np.testing.assert_allclose(found.weights, W, rtol=1e-9, atol=1e-12)
    assert (np.linalg.eigvalsh(noised.A) < 0).any()
    x, y = rows(2000, seed=9)
    accuracy = [
        float((s.predict(x).argmax(1) == y).mean()) for s in (plain.solve(1.0), plain.noised(PROMISE).solve())
    ]
    assert accuracy[0] > 0.97 and accuracy[1] > 0.6


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda: sums().solve(), "E116"),
        (lambda: sums().solve(-1.0), "E116"),
        (lambda: sums().noised(Promise(1.0, 1e-5, 0.5)), "E169"),
        (lambda: sums() + sums(features=6), "E169"),
        (lambda: Perturbed.of_rows(np.array([[np.nan]]), np.array([0]), (0,)), "E105"),
        (lambda: Perturbed.of_rows(np.array([[1.0]]), np.array([5]), (0,)), "E116"),
    ],
)
def test_what_would_break_a_promise_is_refused(call: Any, code: str) -> None:
    with pytest.raises(SartoError) as caught:
        call()
    assert caught.value.code == code
