"""What neurons do: directions, limits, silence, and who drives them."""

import math
from typing import Any

import numpy as np
import pytest

from sarto.models.diagnosis.activity import activity, effective_rank
from sarto.models.reservoir._cell import Reservoir
from sarto.models.sequences import Sequences
from sarto.models.states import states

OFFSETS = np.array([0, 30, 50])


def seen(cell: Reservoir, x: np.ndarray[Any, Any], washout: int = 0):
    return activity(cell, x, states(cell, Sequences(x, OFFSETS), dtype="float64"), OFFSETS, washout)


def test_effective_rank_is_the_exponential_of_the_entropy() -> None:
    assert effective_rank(np.array([2.0, 1.0, 1.0])) == pytest.approx(2 * math.sqrt(2))
    assert effective_rank(np.ones(7)) == pytest.approx(7)
    assert effective_rank(np.zeros(3)) == 0


def test_directions_are_those_of_centred_states() -> None:
    x = np.random.default_rng(0).normal(size=(50, 1))
    copies = Reservoir("esn", np.zeros((3, 3)), np.ones((3, 1)), np.full(3, 0.3), 0.0, 1.0)
    found = seen(copies, x)
    assert effective_rank(found.singular_values) == pytest.approx(1, abs=1e-6)
    h = np.tanh(x + 0.3)
    assert found.singular_values[0] == pytest.approx(math.sqrt(3) * np.linalg.norm(h - h.mean()))


def test_saturated_means_a_slope_below_a_tenth() -> None:
    """tanh' = 1 - tanh^2 is below .1 where |z| is above 1.8184."""
    x = np.random.default_rng(0).uniform(-4, 4, size=(50, 1))
    cell = Reservoir("esn", np.zeros((2, 2)), np.array([[1.0], [0.1]]), np.zeros(2), 0.2, 0.8)
    found = seen(cell, x)
    assert found.saturated.tolist() == [np.mean(np.abs(x) > math.atanh(math.sqrt(0.9))), 0]


def test_a_linear_neuron_is_never_saturated() -> None:
    x = np.random.default_rng(0).normal(size=(50, 1))
    for phi in ("identity", "relu"):
        cell = Reservoir("esn", np.zeros((2, 2)), np.ones((2, 1)), np.zeros(2), 0.2, 0.8, activation=phi)
        assert seen(cell, x).saturated.tolist() == [0, 0]


def test_a_neuron_without_input_is_dead() -> None:
    x = np.random.default_rng(0).normal(size=(50, 1))
    cell = Reservoir("esn", np.zeros((3, 3)), np.array([[1.0], [0.0], [0.5]]), np.ones(3), 0.0, 1.0)
    assert seen(cell, x).dead.tolist() == [False, True, False]
    silent = Reservoir("esn", np.zeros((2, 2)), np.zeros((2, 1)), np.zeros(2), 0.0, 1.0)
    assert seen(silent, x).dead.all() and effective_rank(seen(silent, x).singular_values) == 0


def test_the_share_of_the_input_is_that_of_the_variances() -> None:
    x = np.random.default_rng(0).normal(size=(50, 1))
    cell = Reservoir("ring", np.full(2, 0.7), np.array([[0.4], [2.0]]), np.zeros(2), 0.3, 0.7)
    h = states(cell, Sequences(x, OFFSETS), dtype="float64")
    before = np.vstack([np.zeros(2), h[:-1]])
    before[[0, 30]] = 0
    driven = (x @ cell.inputs.T).var(axis=0)
    recurrent = (0.7 * before[:, ::-1]).var(axis=0)
    np.testing.assert_allclose(seen(cell, x).input_share, driven / (driven + recurrent))


def test_norms_are_over_the_sequences_that_last_and_the_washout_leaves_them() -> None:
    x = np.random.default_rng(0).normal(size=(50, 1))
    cell = Reservoir("ring", np.full(2, 0.7), np.array([[0.4], [2.0]]), np.zeros(2), 0.3, 0.7)
    h = states(cell, Sequences(x, OFFSETS), dtype="float64")
    for washout in (0, 5):
        found = seen(cell, x, washout)
        assert len(found.norm) == 30
        assert found.norm[3] == pytest.approx(math.sqrt((h[3] @ h[3] + h[33] @ h[33]) / 2))
        assert found.norm[25] == pytest.approx(math.sqrt(h[25] @ h[25]))
    later = np.concatenate([h[5:30], h[35:]])
    assert seen(cell, x, 5).singular_values == pytest.approx(
        np.linalg.svd(later - later.mean(axis=0), compute_uv=False)
    )
