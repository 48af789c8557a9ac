from __future__ import annotations

import numpy as np
import pytest

from sarto.models.reservoir import ring
from sarto.models.sequences import read_sequences
from sarto.models.states import states
from tests.learn.oracles import pinv


def test_every_eigenvalue_has_the_radius() -> None:
    cell = ring.build(12, 1, seed=0, leak=1.0, radius=0.8, input_scaling=1.0, bias_scaling=0.0)
    np.testing.assert_allclose(np.abs(np.linalg.eigvals(cell.recurrent_matrix())), 0.8, rtol=1e-12)


def test_input_weights_are_signs_of_one_size_and_both_occur_alike() -> None:
    cell = ring.build(200, 5, seed=0, leak=1.0, radius=0.8, input_scaling=0.3, bias_scaling=0.0)
    assert set(np.abs(cell.inputs).ravel().tolist()) == {0.3}
    assert abs(np.sign(cell.inputs).mean()) < 0.1


@pytest.mark.parametrize(("units", "radius", "seed"), [(10, 0.9, 0), (20, 0.95, 0)])
def test_memory_capacity_of_the_linear_ring_is_that_of_the_paper(
    units: int, radius: float, seed: int
) -> None:
    """Rodan and Tino 2011, theorem 1: a linear simple cycle reservoir has memory capacity N - 1 + r^(2N).

    With a tiny input tanh is linear. The capacity of lag k is the squared correlation of the best readout with the
    input k steps ago, k = 1, 2, ... The theorem asks for aperiodic signs: no frequency may be missing in them.
    """
    cell = ring.build(units, 1, seed=seed, leak=1.0, radius=radius, input_scaling=1e-6, bias_scaling=0.0)
    assert np.abs(np.fft.fft(np.sign(cell.inputs[:, 0]))).min() > 0.5
    u = np.random.default_rng(0).uniform(-1, 1, 30_000)
    h = states(cell, read_sequences(u.reshape(1, -1, 1)), dtype="float64") * 1e6
    lags, start = 6 * units, 1000
    past = np.stack([u[start - k : len(u) - k] for k in range(1, lags + 1)], axis=1)
    seen = h[start:] - h[start:].mean(axis=0)
    past = past - past.mean(axis=0)
    fitted = seen @ (pinv(seen) @ past)
    capacity = float(((fitted**2).sum(axis=0) / (past**2).sum(axis=0)).sum())
    assert capacity == pytest.approx(units - 1 + radius ** (2 * units), abs=0.25)
