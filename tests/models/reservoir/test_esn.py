from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.models.input_error import InputError
from sarto.models.reservoir import esn

USUAL: dict[str, Any] = {"seed": 0, "leak": 0.3, "radius": 0.9, "input_scaling": 1.0, "bias_scaling": 0.1}


def test_leak_splits_between_old_state_and_new() -> None:
    cell = esn.build(5, 1, **USUAL)
    assert (cell.alpha, cell.beta) == (0.7, 0.3)
    assert cell.effective_radius() < 1


@pytest.mark.parametrize("radius", [0.1, 0.9, 1.5])
def test_exact_init_has_the_radius_asked_for(radius: float) -> None:
    cell = esn.build(50, 1, seed=0, leak=0.3, radius=radius, input_scaling=1.0, bias_scaling=0.1)
    assert np.abs(np.linalg.eigvals(cell.recurrent)).max() == pytest.approx(radius, rel=1e-11)


def test_fast_init_draws_from_the_circular_law() -> None:
    """W ~ U(-v, v), v = (radius / sqrt N)(6 / sqrt 12), as in the published Euler state network code."""
    cell = esn.build(400, 1, **USUAL, init="fast")
    bound = 0.9 / np.sqrt(400) * 6 / np.sqrt(12)
    assert 0.999 * bound < np.abs(cell.recurrent).max() <= bound
    radius = np.abs(cell.eigenvalues()).max()
    assert radius == pytest.approx(0.9, rel=0.05)
    assert radius != pytest.approx(0.9, rel=1e-6)


def test_both_inits_are_the_same_draw() -> None:
    exact, fast = esn.build(30, 2, **USUAL), esn.build(30, 2, **USUAL, init="fast")
    ratio = exact.recurrent / fast.recurrent
    np.testing.assert_allclose(ratio, ratio[0, 0], rtol=1e-12)
    np.testing.assert_array_equal(exact.inputs, fast.inputs)


@pytest.mark.usefixtures("unchecked_types")
def test_another_init_is_refused() -> None:
    with pytest.raises(InputError, match="init = slow") as caught:
        esn.build(5, 1, **USUAL, init="slow")  # pyright: ignore[reportArgumentType]
    assert caught.value.code == "E116"
