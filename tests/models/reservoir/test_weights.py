from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sarto.models.input_error import InputError
from sarto.models.reservoir._weights import (
    RADIUS_DIGITS,
    draw_uniform,
    is_nilpotent,
    rescaled,
    spectral_radius,
)


def conjugated(matrix: NDArray[Any], seed: int = 0) -> NDArray[Any]:
    """The same linear map in another, well-conditioned basis: no zero of the matrix survives."""
    basis, _ = np.linalg.qr(np.random.default_rng(seed).normal(size=matrix.shape))
    return basis @ matrix @ basis.T


def test_rescaled_has_the_radius_asked_for() -> None:
    matrix = np.random.default_rng(0).normal(size=(60, 60))
    for radius in (0.1, 0.9, 1.5):
        assert np.abs(np.linalg.eigvals(rescaled(matrix, radius))).max() == pytest.approx(radius, rel=1e-11)


def test_the_radius_is_rounded_so_that_machines_agree() -> None:
    radius = spectral_radius(np.random.default_rng(0).normal(size=(30, 30)))
    assert radius == float(f"{radius:.{RADIUS_DIGITS}g}")
    assert spectral_radius(np.array([[0.0, 4.0], [1.0, 0.0]])) == 2.0


@pytest.mark.parametrize("size", [1, 2, 5, 60, 200])
def test_nilpotent_matrices_are_known_in_any_basis(size: int) -> None:
    triangle = np.triu(np.random.default_rng(size).normal(size=(size, size)), k=1)
    assert is_nilpotent(triangle)
    assert is_nilpotent(conjugated(np.eye(size, k=1)))
    if size > 1:
        # Computed eigenvalues do not show it.
        assert size < 5 or np.abs(np.linalg.eigvals(conjugated(np.eye(size, k=1)))).max() > 1e-4


@pytest.mark.parametrize("size", [1, 2, 5, 60, 400])
def test_other_matrices_are_not_taken_for_nilpotent(size: int) -> None:
    dense = np.random.default_rng(size).uniform(-1, 1, (size, size))
    ring = np.roll(np.eye(size), 1, axis=0)
    for matrix in (dense, 1e-200 * dense, 1e150 * dense, ring, np.diag(np.arange(size) == 0).astype(float)):
        assert not is_nilpotent(matrix)


@pytest.mark.parametrize("matrix", [np.zeros((3, 3)), np.eye(4, k=1), np.array([[1.0, -1.0], [1.0, -1.0]])])
def test_a_radius_of_zero_cannot_be_scaled(matrix: NDArray[Any]) -> None:
    with pytest.raises(InputError, match=r"spectral radius 0 cannot be scaled to 0\.9") as caught:
        rescaled(matrix, 0.9)
    assert caught.value.code == "E116"
    assert "nilpotent" in caught.value.cause


def test_each_purpose_has_its_own_stream_over_the_whole_range() -> None:
    a, b = (draw_uniform(0, "esn", purpose, (1000,), 0.5) for purpose in ("inputs", "bias"))
    assert np.abs(np.corrcoef(a, b)[0, 1]) < 0.1
    for draw in (a, b):
        assert -0.5 <= draw.min() < -0.49
        assert 0.49 < draw.max() <= 0.5
        assert draw.std() == pytest.approx(0.5 / np.sqrt(3), rel=0.05)
