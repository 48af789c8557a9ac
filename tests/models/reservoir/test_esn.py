from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sarto.models.input_error import InputError
from sarto.models.reservoir import esn
from sarto.models.sequences import read_sequences
from sarto.models.states import states

USUAL: dict[str, Any] = {"seed": 0, "leak": 0.3, "radius": 0.9, "input_scaling": 1.0, "bias_scaling": 0.1}


def usual(**changed: Any) -> dict[str, Any]:
    return {**USUAL, **changed}


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


def test_connectivity_is_the_share_of_weights_that_there_are() -> None:
    cell = esn.build(100, 1, **USUAL, connectivity=0.1)
    assert np.count_nonzero(cell.recurrent) == pytest.approx(1000, rel=0.15)
    assert np.abs(np.linalg.eigvals(cell.recurrent)).max() == pytest.approx(0.9, rel=1e-11)
    fast = esn.build(400, 1, **USUAL, connectivity=0.2, init="fast")
    assert np.abs(fast.eigenvalues()).max() == pytest.approx(0.9, rel=0.06)


@pytest.mark.parametrize("connectivity", [0.0, -0.1, 1.1])
def test_a_share_of_weights_that_cannot_be_is_refused(connectivity: float) -> None:
    with pytest.raises(InputError, match=f"connectivity = {connectivity}"):
        esn.build(5, 1, **USUAL, connectivity=connectivity)


@pytest.mark.parametrize(("activation", "slope"), [("sigmoid", 0.25), ("relu", 1.0), ("identity", 1.0)])
def test_other_activations_step_by_their_formula(activation: Any, slope: float) -> None:
    def phi(z: NDArray[Any]) -> NDArray[Any]:
        return {"sigmoid": 1 / (1 + np.exp(-z)), "relu": np.maximum(z, 0), "identity": z}[activation]

    cell = esn.build(6, 2, **USUAL, activation=activation)
    x = np.random.default_rng(0).normal(size=(5, 2))
    h, wanted = np.zeros(6), np.empty((5, 6))
    for step in range(5):
        h = 0.7 * h + 0.3 * phi(cell.recurrent @ h + cell.inputs @ x[step] + cell.bias)
        wanted[step] = h
    np.testing.assert_allclose(states(cell, read_sequences(x[None]), dtype="float64"), wanted, rtol=1e-12)
    eigenvalues = 0.7 + 0.3 * slope * np.linalg.eigvals(cell.recurrent)
    assert cell.effective_radius() == pytest.approx(np.abs(eigenvalues).max(), rel=1e-12)


@pytest.mark.parametrize("activation", ["relu", "identity"])
def test_a_state_that_nothing_bounds_needs_a_radius_below_1(activation: Any) -> None:
    """With relu and radius 1.5 a state silently reaches 1e21 elsewhere."""
    with pytest.raises(InputError, match="the limit is below 1") as caught:
        esn.build(30, 1, **usual(radius=1.5), activation=activation)
    assert caught.value.code == "E116"
    esn.build(30, 1, **usual(radius=1.5), activation="sigmoid")


@pytest.mark.usefixtures("unchecked_types")
def test_another_activation_is_refused() -> None:
    with pytest.raises(InputError, match="activation = 'step'"):
        esn.build(5, 1, **USUAL, activation="step")  # pyright: ignore[reportArgumentType]
