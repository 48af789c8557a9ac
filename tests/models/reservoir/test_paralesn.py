from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.models.input_error import InputError
from sarto.models.reservoir import paralesn
from sarto.models.reservoir._diagonal import Diagonal
from sarto.models.sequences import read_sequences
from sarto.models.states import states
from sarto.models.steps import Steps

USUAL: dict[str, Any] = {"seed": 0, "leak": 0.4, "radius": 0.9, "input_scaling": 0.5, "bias_scaling": 0.1}


def usual(**changed: Any) -> dict[str, Any]:
    return {**USUAL, **changed}


def test_factors_fill_the_ring_between_the_radii_evenly() -> None:
    cell = paralesn.build(4000, 1, **usual(leak=1.0), least_radius=0.3)
    moduli = np.abs(cell.factors)
    assert 0.3 <= moduli.min() < 0.32
    assert 0.89 < moduli.max() <= 0.9
    inner = np.mean(moduli**2 < (0.3**2 + 0.9**2) / 2)  # half of the area
    assert inner == pytest.approx(0.5, abs=0.03)
    narrow = paralesn.build(500, 1, **usual(leak=1.0), phase=(0.0, 0.1))
    assert np.abs(np.angle(narrow.factors)).max() <= 0.1


def test_a_leak_moves_the_factors_towards_1() -> None:
    free, leaky = (paralesn.build(50, 1, **usual(leak=leak)) for leak in (1.0, 0.25))
    np.testing.assert_allclose(leaky.factors, 0.75 + 0.25 * free.factors, rtol=1e-14)
    assert leaky.beta == 0.25


def test_every_neuron_answers_white_noise_alike() -> None:
    """sum_k |lambda|^2k = 1 / (1 - |lambda|^2), which the scale of the input weights undoes."""
    cell = paralesn.build(3000, 8, **USUAL)
    gain = (np.abs(cell.inputs) ** 2).sum(axis=1) / (1 - np.abs(cell.factors) ** 2)
    slow = np.abs(cell.factors) > np.median(np.abs(cell.factors))
    assert gain[slow].mean() == pytest.approx(gain[~slow].mean(), rel=0.03)
    assert gain.mean() == pytest.approx(8 * 2 * 0.5**2 / 3, rel=0.03)


def test_two_steps_by_hand() -> None:
    """Three neurons; the kernel reaches one neighbour to each side, and 0 beyond the ends."""
    factors = np.array([0.5j, -0.5, 0.25 + 0.25j])
    inputs = np.array([[1.0 + 1j], [2.0], [1j]])
    bias = np.array([0.1, 0.2j, 0.0])
    kernel = np.array([1j, 2.0, 1 - 1j])
    cell = Diagonal("paralesn", factors, inputs, bias, 0.5, kernel, 0.3)
    h, wanted = np.zeros(3, complex), np.empty((2, 3))
    for step, x in enumerate((0.7, -0.2)):
        h = factors * h + 0.5 * (inputs[:, 0] * x + bias)
        mixed = [
            kernel[1] * h[0] + kernel[2] * h[1],
            kernel[0] * h[0] + kernel[1] * h[1] + kernel[2] * h[2],
            kernel[0] * h[1] + kernel[1] * h[2],
        ]
        wanted[step] = np.tanh(np.real(mixed) + 0.3)
    got = states(cell, read_sequences(np.array([[[0.7], [-0.2]]])), dtype="float64")
    np.testing.assert_allclose(got, wanted, rtol=1e-13)


def test_as_many_channels_as_neurons_are_shifted() -> None:
    cell = paralesn.build(4, 4, **usual(bias_scaling=0.0))
    assert cell.inputs.shape == (4,)
    assert cell.channels == 4
    x = np.arange(1.0, 5.0)
    h = cell.beta * cell.inputs * np.array([4.0, 1.0, 2.0, 3.0])
    wanted = np.tanh(np.convolve(h, cell.kernel[::-1], "same").real)
    got = states(cell, read_sequences(x[None, None]), dtype="float64")
    np.testing.assert_allclose(got[0], wanted, rtol=1e-12)


def test_the_kernel_has_the_norm_asked_for() -> None:
    for taps in (1, 3, 5):
        kernel = paralesn.build(9, 1, **USUAL, taps=taps, mix_scaling=2.0).kernel
        assert len(kernel) == taps
        assert np.linalg.norm(kernel) == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("radius", 1.0),
        ("least_radius", -0.1),
        ("least_radius", 0.9),
        ("taps", 2),
        ("taps", 0),
        ("mix_scaling", 0.0),
        ("mix_bias", -1.0),
        ("mix_bias", float("nan")),
    ],
)
def test_parameters_that_make_no_sense_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InputError, match=f"{name} = {value}") as caught:
        paralesn.build(10, 1, **usual(**{name: value}))
    assert caught.value.code == "E116"


def test_a_dense_linear_reservoir_in_its_diagonal_form_has_the_same_states() -> None:
    """h' = W h + W_x x with W = V L V^-1: V^-1 h is that of a diagonal one with inputs V^-1 W_x."""
    rng = np.random.default_rng(0)
    drawn = rng.normal(size=(5, 5))
    W = drawn * 0.9 / np.abs(np.linalg.eigvals(drawn)).max()
    W_x, x = rng.normal(size=(5, 2)), rng.normal(size=(30, 2))
    L, V = np.linalg.eig(W)
    h, wanted = np.zeros(5), np.empty((30, 5))
    for step in range(30):
        h = W @ h + W_x @ x[step]
        wanted[step] = h
    cell = Diagonal("own", L, np.linalg.solve(V, W_x), np.zeros(5, complex), 1.0, np.ones(1, complex), 0.0)
    steps = Steps(cell, 1, np.dtype("float64"))
    for step in range(30):
        steps.advance(x[step : step + 1])
        np.testing.assert_allclose((V @ steps.parts[0][0]).real, wanted[step], atol=1e-12)
