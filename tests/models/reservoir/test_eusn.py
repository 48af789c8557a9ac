from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.models.input_error import InputError
from sarto.models.reservoir import eusn
from sarto.models.sequences import read_sequences
from sarto.models.states import states

USUAL: dict[str, Any] = {"seed": 0, "leak": 0.1, "radius": 2.0, "input_scaling": 1.0, "bias_scaling": 0.1}


def usual(**changed: Any) -> dict[str, Any]:
    return {**USUAL, **changed}


def test_weights_are_antisymmetric_less_the_diffusion() -> None:
    cell = eusn.build(12, 2, **USUAL, diffusion=0.5)
    np.testing.assert_allclose(cell.recurrent + cell.recurrent.T, -2 * 0.5 * np.eye(12), atol=1e-15)
    assert (cell.alpha, cell.beta) == (1.0, 0.1)
    assert np.abs(np.linalg.eigvals(cell.recurrent + 0.5 * np.eye(12))).max() == pytest.approx(2.0, rel=1e-9)


@pytest.mark.parametrize("diffusion", [0.05, 0.2, 1.0])
@pytest.mark.parametrize("radius", [0.5, 2.0, 7.0])
def test_the_step_bound_is_where_the_radius_of_a_step_passes_1(diffusion: float, radius: float) -> None:
    bound = eusn.step_bound(diffusion, radius)
    for factor, below in ((0.99, True), (1.01, False)):
        leak = min(bound * factor, 1.0)
        cell = eusn.build(20, 1, **usual(leak=leak, radius=radius), diffusion=diffusion, bounded=False)
        assert (cell.effective_radius() < 1) is (below or leak < bound)


def test_the_diffusion_left_out_is_the_least_one_within_the_bound() -> None:
    gamma = eusn.least_diffusion(0.1, 2.0)
    assert eusn.step_bound(gamma, 2.0) == pytest.approx(0.1, rel=1e-12)
    assert eusn.step_bound(0.99 * gamma, 2.0) < 0.1
    assert eusn.build(30, 1, **USUAL).effective_radius() == pytest.approx(1.0, abs=1e-9)


def test_the_published_defaults_break_the_bound_and_are_refused_unless_asked_for() -> None:
    """eps = .01, gamma = .001, entries of W from U(-1, 1), 100 neurons."""
    published = usual(leak=0.01)
    with pytest.raises(InputError, match="is a step above its bound") as caught:
        eusn.build(100, 1, **published, diffusion=0.001, recurrent_scaling=1.0)
    assert caught.value.code == "E116"
    assert "bounded=False" in caught.value.hint
    cell = eusn.build(100, 1, **published, diffusion=0.001, recurrent_scaling=1.0, bounded=False)
    assert cell.effective_radius() == pytest.approx(1.012, abs=0.001)


def test_no_diffusion_holds_a_step_that_turns_by_more_than_a_radian() -> None:
    with pytest.raises(InputError, match="above its bound"):
        eusn.build(10, 1, **usual(leak=0.6))
    eusn.build(10, 1, **usual(leak=0.5))


@pytest.mark.parametrize("diffusion", [-0.1, float("nan"), float("inf")])
def test_a_diffusion_that_amplifies_is_refused(diffusion: float) -> None:
    with pytest.raises(InputError, match="diffusion = "):
        eusn.build(10, 1, **USUAL, diffusion=diffusion)


def test_one_neuron_cannot_turn() -> None:
    with pytest.raises(InputError, match="units = 1"):
        eusn.build(1, 1, **USUAL)


def test_the_state_does_not_fade() -> None:
    """An impulse is still there after 400 silent steps, where a leaky network has long forgotten it."""
    x = np.zeros((1, 400, 1))
    x[0, 0] = 1.0
    size = np.linalg.norm(
        states(eusn.build(50, 1, **usual(leak=0.01, bias_scaling=0.0)), read_sequences(x)), axis=1
    )
    assert size[-1] > 0.3 * size[0]


def test_two_steps_by_hand() -> None:
    cell = eusn.build(2, 1, **USUAL, diffusion=0.5)
    turn, W_x, b = float(cell.recurrent[0, 1]), cell.inputs[:, 0], cell.bias
    assert abs(turn) == pytest.approx(2.0)
    x = [0.7, -0.4]
    first = 0.1 * np.tanh(W_x * x[0] + b)
    drive = np.array([-0.5 * first[0] + turn * first[1], -turn * first[0] - 0.5 * first[1]])
    second = first + 0.1 * np.tanh(drive + W_x * x[1] + b)
    got = states(cell, read_sequences(np.array(x).reshape(1, 2, 1)), dtype="float64")
    np.testing.assert_allclose(got, [first, second], rtol=1e-14)
