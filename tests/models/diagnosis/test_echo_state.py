"""The echo-state gap: how it decays is known for a contracting step, and that it does not for one that keeps all."""

import math
from typing import Any

import numpy as np
import pytest

from sarto.models.diagnosis.echo_state import EchoState, gap
from sarto.models.diagnosis.spectrum import contraction
from sarto.models.reservoir import es2n, esn, rmn
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._stack import Stack
from sarto.models.sequences import Sequences

USUAL: dict[str, Any] = dict(seed=0, radius=0.5, input_scaling=0.8, bias_scaling=0.1)


def sequences(*lengths: int, channels: int = 2) -> Sequences:
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return Sequences(np.random.default_rng(0).normal(size=(int(offsets[-1]), channels)), offsets)


def test_a_contracting_reservoir_is_at_least_as_fast_as_its_factor() -> None:
    cell = esn.build(20, 2, leak=0.4, **USUAL)
    factor = contraction(cell)
    assert factor < 1
    found = gap(cell, sequences(40, 40))
    steps = np.arange(41)
    assert (found.gap[:, 0] <= factor**steps * found.gap[0, 0] * (1 + 1e-9)).all()
    assert found.gap[-1, 0] > 1e-12


@pytest.mark.parametrize(("leak", "weight"), [(0.4, 0.5), (1.0, 0.9)])
def test_the_gap_of_a_linear_one_falls_by_its_factor_in_every_step(leak: float, weight: float) -> None:
    """All directions shrink alike: ((1 - a) + a w)^t exactly."""
    cell = Reservoir(
        "esn", weight * np.eye(3), np.ones((3, 2)), np.zeros(3), 1 - leak, leak, activation="identity"
    )
    found = gap(cell, sequences(30))
    factor = 1 - leak + leak * weight
    np.testing.assert_allclose(found.gap[:, 0], found.gap[0, 0] * factor ** np.arange(31), rtol=1e-6)
    assert found.factor() == pytest.approx(factor, rel=1e-6)
    wanted = math.ceil(math.log(0.01 / found.gap[0, 0]) / math.log(factor))
    assert (found.washout(0.01) or 31) == min(wanted, 31)
    if wanted > 30:
        assert math.ceil(found.expected(0.01)) == wanted


def test_the_gap_is_relative_to_the_state() -> None:
    """The states of a linear reservoir grow with its input, the gap does not."""
    x = sequences(30)
    gaps = [
        gap(
            Reservoir("esn", 0.5 * np.eye(3), s * np.ones((3, 2)), np.zeros(3), 0, 1, activation="identity"),
            x,
        ).gap
        for s in (0.1, 10.0)
    ]
    np.testing.assert_allclose(gaps[0], gaps[1], atol=1e-12)


def test_pasts_that_end_in_different_attractors_never_meet() -> None:
    """A neuron that holds its sign: its state depends on how it began, for ever."""
    latch = Reservoir("esn", np.array([[3.0]]), np.array([[0.05, 0.05]]), np.zeros(1), 0.0, 1.0)
    found = gap(latch, sequences(200))
    assert found.gap[-1, 0] > 1
    assert found.washout(0.01) is None and found.expected(0.01) > 1e6


def test_a_layer_is_told_by_itself() -> None:
    fast = esn.build(6, 2, leak=1.0, **USUAL)
    slow = es2n.build(5, 6, leak=0.01, **USUAL)
    found = gap(Stack((fast, slow)), sequences(60, 40))
    assert found.gap.shape == (61, 2)
    assert found.gap[-1, 0] < 1e-6 < 0.05 < found.gap[-1, 1]
    assert found.washout(1e-3) is None


def test_a_linear_memory_is_part_of_the_past() -> None:
    cell = rmn.build(6, 2, leak=1.0, memory_units=20, memory_radius=1.0, **USUAL)
    assert gap(cell, sequences(100)).gap[-1, 0] > 0.05


def test_the_washout_is_the_last_time_that_the_gap_is_open() -> None:
    echo = EchoState(np.array([[1.0], [0.001], [0.5], [0.02], [0.005], [0.001]]))
    assert echo.washout(0.01) == 4
    assert echo.washout(0.0001) is None
    assert echo.washout(2.0) == 0


def test_one_step_is_enough_to_be_told() -> None:
    found = gap(esn.build(4, 2, leak=0.5, **USUAL), sequences(1, 1))
    assert found.gap.shape == (2, 1)
    assert 0 < found.factor() < 1
