"""Made-up series against what is known of them: formulas, exact solutions, orders of convergence, invariants."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.data.generate import delayed, independent, lorenz, mackey_glass, narma
from sarto.data.generate.lorenz63 import BETA, LYAPUNOV_EXPONENT, RHO, SIGMA, slope
from sarto.data.generate.mackey import trajectory
from sarto.data.generate.moving_average import recursion


@pytest.mark.parametrize("order", [1, 2, 10, 30])
def test_narma_is_the_published_recursion(order: int) -> None:
    task = narma(300, seed=1, order=order, skip=0, coefficients=(0.2, 0.01, 1.5, 0.1))
    u, y = task.input, np.concatenate([[0.0], task.output])  # y[t] is y_t, and output[t] is y_{t+1}
    for t in range(order, 300):
        wanted = (
            0.2 * y[t]
            + 0.01 * y[t] * sum(y[t - i] for i in range(order))
            + 1.5 * u[t - order + 1] * u[t]
            + 0.1
        )
        assert math.isclose(y[t + 1], wanted, rel_tol=1e-12)
    # From rest, before the sum and the older input reach back to what was: y_1 = d, or c u_0^2 + d for n = 1.
    assert math.isclose(y[1], 0.1 + (1.5 * u[0] ** 2 if order == 1 else 0), rel_tol=1e-12)


def test_narma_series_that_run_away_are_rejected_and_drawn_again() -> None:
    """At this input and length about every other series of order 10 escapes."""
    rejected = [narma(1000, seed=seed, high=0.53, skip=0).rejected for seed in range(40)]
    assert sum(rejected) > 0
    again = next(seed for seed, count in enumerate(rejected) if count)
    kept = narma(1000, seed=again, high=0.53, skip=0)
    assert np.abs(kept.output).max() < 1.5
    answer = recursion(kept.input, 10, 0.3, 0.05, 1.5, 0.1)
    assert answer is not None
    np.testing.assert_array_equal(answer, kept.output)
    assert recursion(np.full(500, 0.6), 10, 0.3, 0.05, 1.5, 0.1) is None
    with pytest.raises(SartoError, match="100 series of order 10 and 600 steps ran away") as caught:
        narma(600, seed=0, high=1.0, skip=0)
    assert caught.value.code == "E404"


def test_skipped_steps_are_left_out_of_input_and_output_alike() -> None:
    whole, rest = narma(60, seed=3, skip=0), narma(40, seed=3, skip=20)
    np.testing.assert_array_equal(whole.output[20:], rest.output)
    np.testing.assert_array_equal(whole.input[20:], rest.input)


def test_mackey_glass_solves_its_equation_exactly_over_the_first_delay() -> None:
    """Until t = tau the delayed value is constant, and the equation linear."""
    start, t = 1.2, np.arange(18)
    rest = (0.2 * start / (1 + start**10)) / 0.1
    wanted = rest + (start - rest) * np.exp(-0.1 * t)
    np.testing.assert_allclose(mackey_glass(18, seed=0, skip=0, start=start), wanted, atol=1e-9)


def test_mackey_glass_satisfies_its_equation_on_the_attractor() -> None:
    """By a central difference of the fourth order of a finely sampled trajectory."""
    h, tau = 0.05, 17
    x = np.array(trajectory(1.1, 12000, 340, h))
    n = np.arange(8000, 12000)
    change = (x[n - 2] - 8 * x[n - 1] + 8 * x[n + 1] - x[n + 2]) / (12 * h)
    late = x[n - round(tau / h)]
    np.testing.assert_allclose(change, 0.2 * late / (1 + late**10) - 0.1 * x[n], atol=1e-6)


def test_mackey_glass_converges_with_the_fourth_order() -> None:
    def at(substeps: int) -> np.ndarray:
        return mackey_glass(150, seed=0, skip=0, start=1.2, substeps=substeps)

    fine = at(80)
    errors = [float(np.abs(at(substeps) - fine).max()) for substeps in (2, 4, 8)]
    orders = [math.log2(a / b) for a, b in itertools.pairwise(errors)]
    assert all(3.8 < order < 4.2 for order in orders)
    assert float(np.abs(at(10) - fine).max()) < 5e-9


def test_mackey_glass_of_a_short_delay_rests_at_its_fixed_point() -> None:
    """x = 1 solves .2 x / (1 + x^10) = .1 x; it is stable below tau of about 4.5 and lost at 17."""
    np.testing.assert_allclose(mackey_glass(50, seed=0, tau=2)[-1], 1.0, atol=1e-6)
    assert np.std(mackey_glass(3000, seed=0, tau=17)) > 0.2


def test_lorenz_converges_with_the_fourth_order() -> None:
    def at(substeps: int) -> np.ndarray:
        return lorenz(40, seed=0, skip=0, start=(1.0, 1.0, 25.0), substeps=substeps)

    fine = at(64)
    errors = [float(np.abs(at(substeps) - fine).max()) for substeps in (2, 4, 8)]
    assert all(3.7 < math.log2(a / b) < 4.3 for a, b in itertools.pairwise(errors))


def test_lorenz_has_its_fixed_points_and_its_symmetry() -> None:
    root = math.sqrt(BETA * (RHO - 1))
    still = np.array([[0, 0, 0], [root, root, RHO - 1], [-root, -root, RHO - 1]])
    np.testing.assert_allclose(slope(*still.T), 0, atol=1e-12)
    here = lorenz(100, seed=0, skip=0, start=(1.0, 2.0, 20.0))
    there = lorenz(100, seed=0, skip=0, start=(-1.0, -2.0, 20.0))
    np.testing.assert_array_equal(here * [-1, -1, 1], there)


def test_lorenz_has_the_published_lyapunov_exponents() -> None:
    """Our own estimate, by tangent vectors kept orthogonal (Benettin et al. 1980), over 64 starts of 60 time units.

    The third exponent follows from the second, 0, and the sum, -(sigma + 1 + beta) at every point.
    """
    h, starts, rounds = 0.01, 64, 1500

    def both(state: Any) -> Any:
        """The slope of state (row 0) and tangent vectors (rows 1 to 3), for all starts."""
        (x, y, z), (dx, dy, dz) = state[0], np.moveaxis(state[1:], 1, 0)
        turned = [SIGMA * (dy - dx), dx * (RHO - z) - x * dz - dy, dx * y + x * dy - BETA * dz]
        return np.concatenate([np.stack(slope(x, y, z))[None], np.stack(turned, axis=1)])

    def step(state: Any) -> Any:
        k1 = both(state)
        k2 = both(state + h / 2 * k1)
        k3 = both(state + h / 2 * k2)
        k4 = both(state + h * k3)
        return state + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)

    start = lorenz(starts * 100, seed=0)[::100].T
    state = np.concatenate([start[None], np.tile(np.eye(3)[:, :, None], (1, 1, starts))])
    total = np.zeros(3)
    for number in range(rounds + 100):
        for _ in range(4):
            state = step(state)
        frame, growth = np.linalg.qr(state[1:].transpose(2, 1, 0))
        state[1:] = frame.transpose(2, 1, 0)
        if number >= 100:  # the frame has turned to the directions of growth by then
            total += np.log(np.abs(np.diagonal(growth, axis1=1, axis2=2))).mean(axis=0)
    exponents = total / (rounds * 4 * h)
    assert abs(exponents[0] - LYAPUNOV_EXPONENT) < 0.012
    assert abs(exponents[1]) < 0.012
    assert abs(exponents.sum() + SIGMA + 1 + BETA) < 1e-3


def test_independent_input_is_uniform_and_its_delays_are_its_past() -> None:
    u = independent(20000, seed=0, low=-0.8, high=0.4)
    assert -0.8 <= u.min() < -0.79
    assert 0.39 < u.max() <= 0.4
    assert abs(u.mean() + 0.2) < 0.01
    assert abs(u.var() - 1.2**2 / 12) < 0.003
    assert abs(np.corrcoef(u[1:], u[:-1])[0, 1]) < 0.03
    targets = delayed(u[:6], 3)
    np.testing.assert_array_equal(targets[3:], np.stack([u[2:5], u[1:4], u[:3]], axis=1))
    assert np.isnan(targets[:3]).sum() == 6


def test_the_same_seed_gives_the_same_series_and_another_another() -> None:
    np.testing.assert_array_equal(narma(50, seed=0).output, narma(50, seed=0).output)
    assert not np.array_equal(narma(50, seed=0).output, narma(50, seed=1).output)
    np.testing.assert_array_equal(mackey_glass(50, seed=0), mackey_glass(50, seed=0))
    assert not np.array_equal(mackey_glass(50, seed=0), mackey_glass(50, seed=1))
    np.testing.assert_array_equal(lorenz(20, seed=0, skip=5), lorenz(20, seed=0, skip=5))
    assert not np.array_equal(lorenz(20, seed=0, skip=5), lorenz(20, seed=1, skip=5))
    assert not np.array_equal(independent(9, seed=0), independent(9, seed=1))


def test_settings_out_of_range_are_refused() -> None:
    for call in (
        lambda: narma(0, seed=0),
        lambda: narma(9, seed=0, order=0),
        lambda: mackey_glass(9, seed=0, tau=0),
        lambda: mackey_glass(9, seed=0, substeps=0),
        lambda: lorenz(9, seed=0, skip=-1),
        lambda: delayed(np.zeros(3), 3),
    ):
        with pytest.raises(SartoError, match=r"= (0|-1|3)") as caught:
            call()
        assert caught.value.code == "E112"
