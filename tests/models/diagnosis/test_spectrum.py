"""Eigenvalues, time scales, the 2-norm criterion and the step bound of a layer."""

import math
from typing import Any

import numpy as np
import pytest

from sarto.models.diagnosis.spectrum import (
    contraction,
    frequencies,
    rest_eigenvalues,
    step_bound,
    time_scales,
)
from sarto.models.reservoir import es2n, esn, eusn, ring, rmn
from sarto.models.reservoir._cell import Reservoir
from tests.models.diagnosis.oracle import Walker, cells, every_kind

USUAL: dict[str, Any] = dict(seed=0, leak=0.3, radius=0.9, input_scaling=1.0, bias_scaling=0.1)


def slow(leak: float) -> dict[str, Any]:
    return {**USUAL, "leak": leak}


KINDS = {name: r for name, r in every_kind().items() if len(r.layers) == 1}


@pytest.mark.parametrize("name", KINDS)
def test_the_largest_eigenvalue_is_the_effective_radius(name: str) -> None:
    (layer,) = cells(KINDS[name])
    assert np.abs(rest_eigenvalues(layer)).max() == pytest.approx(layer.effective_radius(), rel=1e-9)


def test_a_leaky_ring_has_known_time_scales() -> None:
    cell = ring.build(8, 1, **USUAL)
    values = rest_eigenvalues(cell)
    k = np.argmin(np.abs(values - (0.7 + 0.3 * 0.9)))
    assert time_scales(values)[k] == pytest.approx(-1 / math.log(0.97), rel=1e-9)
    turning = Reservoir("ring", np.full(8, 0.9), np.ones((8, 1)), np.zeros(8), 0.0, 1.0)
    assert sorted(frequencies(rest_eigenvalues(turning)).round(9)) == [
        0.0, 0.125, 0.125, 0.25, 0.25, 0.375, 0.375, 0.5,
    ]  # fmt: skip


def test_a_memory_adds_the_roots_of_its_shift() -> None:
    cell = rmn.build(4, 1, memory_units=3, memory_radius=0.8, **USUAL)
    values = rest_eigenvalues(cell)
    assert len(values) == 7
    np.testing.assert_allclose(values[4:] ** 3, 0.8**3, atol=1e-12)


@pytest.mark.parametrize("name", KINDS)
def test_no_step_lets_two_states_drift_apart_faster(name: str) -> None:
    """Whatever the states and the input."""

    (layer,) = cells(KINDS[name])
    bound = contraction(layer)
    rng = np.random.default_rng(0)
    rows = layer.units
    slots = layer.memory.slots if layer.memory else 0
    for _ in range(200):
        kept = np.concatenate([rng.normal(size=(2, rows)), np.zeros((2, slots))], axis=1)
        x = rng.normal(size=2)
        ends = [Walker.at(layer, one).step(x)[:rows] for one in kept]
        assert np.linalg.norm(ends[0] - ends[1]) <= bound * np.linalg.norm(kept[0] - kept[1]) * (1 + 1e-12)


@pytest.mark.parametrize(("activation", "slope"), [("tanh", 1.0), ("sigmoid", 0.25), ("identity", 1.0)])
def test_the_factor_of_contraction_is_known(activation: Any, slope: float) -> None:
    cell = Reservoir(
        "esn", np.diag([0.5, -0.8]), np.ones((2, 1)), np.zeros(2), 0.7, 0.3, activation=activation
    )
    assert contraction(cell) == pytest.approx(0.7 + 0.3 * slope * 0.8)
    turned = Reservoir(
        "esn", np.diag([0.5, -0.8]), np.ones((2, 1)), np.zeros(2), 0.7, 0.3, rotation=np.full(2, 0.5)
    )
    assert contraction(turned) == pytest.approx(0.7 * 0.5 + 0.3 * 0.8)
    leaking = Reservoir(
        "ring",
        np.array([0.5, 0.8]),
        np.ones((2, 1)),
        np.zeros(2),
        0.7,
        0.3,
        leaks="drive",
        gain=np.array([3.0, 1]),
    )
    assert contraction(leaking) == pytest.approx(0.7 + 0.3 * max(0.5 * 1, 0.8 * 3))
    assert contraction(rmn.build(4, 1, memory_radius=1.0, **USUAL)) >= 1


def test_the_step_bound_is_that_of_euler_state_networks() -> None:
    cell = eusn.build(30, 1, diffusion=0.05, **slow(0.01))
    assert step_bound(cell) == pytest.approx(eusn.step_bound(0.05, 0.9), rel=1e-6)
    assert step_bound(esn.build(10, 1, **USUAL)) is None
    assert step_bound(es2n.build(10, 1, **USUAL)) is None
    for factor, over in ((0.999, False), (1.001, True)):
        limit = eusn.step_bound(0.05, 0.9)
        near = eusn.build(30, 1, diffusion=0.05, bounded=False, **slow(factor * limit))
        assert (np.abs(rest_eigenvalues(near)).max() > 1) == over
        assert (near.beta > (step_bound(near) or 0)) == over


def test_no_step_is_small_enough_for_a_growing_flow() -> None:
    growing = Reservoir("eusn", np.diag([0.1, -1.0]), np.ones((2, 1)), np.zeros(2), 1.0, 0.01)
    assert step_bound(growing) == 0
    still = Reservoir("eusn", np.zeros((2, 2)), np.ones((2, 1)), np.zeros(2), 1.0, 0.01)
    assert step_bound(still) == math.inf


def test_the_published_defaults_are_above_the_bound() -> None:
    """eps = .01, gamma = .001, entries of W from U(-1, 1), 100 neurons: radius 1.012."""
    cell = eusn.build(100, 1, recurrent_scaling=1.0, diffusion=0.001, bounded=False, **slow(0.01))
    assert np.abs(rest_eigenvalues(cell)).max() == pytest.approx(1.012, abs=2e-3)
    bound = step_bound(cell)
    assert bound is not None and bound < 1e-4 < cell.beta
