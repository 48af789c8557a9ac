from __future__ import annotations

import numpy as np
import pytest

from sarto.models.reservoir._cell import Reservoir


def ring(weights: list[float], alpha: float = 0.0, beta: float = 1.0) -> Reservoir:
    n = len(weights)
    return Reservoir("ring", np.array(weights), np.zeros((n, 1)), np.zeros(n), alpha, beta)


def test_a_ring_hears_its_left_neighbour() -> None:
    cell = ring([2.0, 3.0, 5.0])
    h = np.array([1.0, 10.0, 100.0])
    np.testing.assert_array_equal(cell.recurrent_matrix() @ h, [2 * 100, 3 * 1, 5 * 10])


@pytest.mark.parametrize(
    "weights", [[0.9] * 5, [0.9] * 6, [0.5, 2.0, 0.3], [0.5, -2.0, 0.3, 1.0], [-1.0, -2.0, 0.1], [0.7]]
)
def test_the_eigenvalues_of_a_ring_in_closed_form(weights: list[float]) -> None:
    cell = ring(weights)
    numeric = np.linalg.eigvals(cell.recurrent_matrix())
    distance = np.abs(numeric[:, None] - cell.eigenvalues()[None, :])
    assert distance.min(axis=0).max() < 1e-12
    assert distance.min(axis=1).max() < 1e-12


def test_a_cut_ring_is_nilpotent() -> None:
    assert ring([0.9, 0.0, 0.9]).effective_radius() == 0.0
    assert ring([0.9, 0.0, 0.9], alpha=0.25).effective_radius() == 0.25


def test_effective_radius_of_known_matrices() -> None:
    turn = np.array([[0.0, -0.8], [0.8, 0.0]])  # eigenvalues +-0.8i
    cell = Reservoir("esn", turn, np.zeros((2, 1)), np.zeros(2), alpha=0.6, beta=0.5)
    assert cell.effective_radius() == pytest.approx(np.hypot(0.6, 0.4), rel=1e-14)
    assert ring([0.9] * 7, alpha=0.7, beta=0.3).effective_radius() == pytest.approx(0.7 + 0.27, rel=1e-14)
    # The root at -0.9 counts when alpha is negative; here |-0.5 - 0.9| = 1.4.
    assert ring([0.9] * 4, alpha=-0.5).effective_radius() == pytest.approx(1.4, rel=1e-14)


def test_the_id_covers_every_number_and_the_name() -> None:
    def cell(name: str = "esn", at: int = -1, alpha: float = 0.5, beta: float = 0.5) -> Reservoir:
        arrays = [np.zeros((2, 2)), np.zeros((2, 1)), np.zeros(2)]
        if at >= 0:
            arrays[at].flat[0] = 1e-300
        return Reservoir(name, arrays[0], arrays[1], arrays[2], alpha, beta)

    variants = [cell(), cell("ring"), cell(at=0), cell(at=1), cell(at=2), cell(alpha=0.4), cell(beta=0.4)]
    assert len({v.reservoir_id for v in variants}) == len(variants)
    assert cell().reservoir_id == cell().reservoir_id
