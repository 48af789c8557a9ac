from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sarto.models.reservoir import esn, rmn
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._stack import AnyReservoir, stacked
from sarto.models.steps import FEW_CHANNELS, Steps

USUAL: dict[str, Any] = {"seed": 0, "leak": 0.4, "radius": 0.9, "input_scaling": 0.5, "bias_scaling": 0.1}


def leaking_drive() -> Reservoir:
    cell = esn.build(6, 2, **USUAL)
    return Reservoir(
        "esn",
        cell.recurrent,
        cell.inputs,
        cell.bias,
        cell.alpha,
        cell.beta,
        activation="sigmoid",
        leaks="drive",
        gain=np.linspace(0.5, 2.0, 6),
        shift=np.linspace(-1.0, 1.0, 6),
    )


RESERVOIRS: dict[str, AnyReservoir] = {
    "esn": esn.build(6, 2, **USUAL),
    "rmn": rmn.build(6, 2, **USUAL, memory_units=4),
    "deep": stacked(rmn.build, 9, 2, layers=3, **USUAL),
    "drive": leaking_drive(),
}
DOUBLE = np.dtype("float64")


def inputs(steps: int = 12, items: int = 5) -> NDArray[Any]:
    return np.random.default_rng(0).normal(size=(steps, items, 2))


@pytest.mark.parametrize("name", RESERVOIRS)
def test_blocks_of_any_length_go_on_where_the_last_one_ended(name: str) -> None:
    x, whole = inputs(), Steps(RESERVOIRS[name], 5, DOUBLE)
    cut, one = Steps(RESERVOIRS[name], 5, DOUBLE), Steps(RESERVOIRS[name], 5, DOUBLE)
    wanted = whole.run(x)
    np.testing.assert_allclose(
        np.concatenate([cut.run(x[:3]), cut.run(x[3:4]), cut.run(x[4:])]), wanted, atol=1e-14
    )
    np.testing.assert_allclose([one.advance(row) for row in x], wanted, atol=1e-14)


@pytest.mark.parametrize("name", RESERVOIRS)
def test_items_that_are_not_live_stand_still(name: str) -> None:
    x, steps = inputs(), Steps(RESERVOIRS[name], 5, DOUBLE)
    steps.run(x[:4])
    kept = [part[3:].copy() for part in steps.parts]
    steps.run(x[4:9, :3])
    for part, before in zip(steps.parts, kept, strict=True):
        np.testing.assert_array_equal(part[3:], before)


@pytest.mark.parametrize("name", RESERVOIRS)
def test_the_parts_are_all_that_is_carried(name: str) -> None:
    x, steps = inputs(), Steps(RESERVOIRS[name], 5, DOUBLE)
    steps.run(x[:6])
    kept = [part.copy() for part in steps.parts]
    wanted = steps.run(x[6:])
    other = Steps(RESERVOIRS[name], 5, DOUBLE)
    for part, values in zip(other.parts, kept, strict=True):
        part[:] = values
    np.testing.assert_array_equal(other.run(x[6:]), wanted)
    third = Steps(RESERVOIRS[name], 5, DOUBLE)
    third.hold(steps.held())
    third.rest(np.array([False, True, False, False, True]))
    for part, before in zip(third.parts, steps.parts, strict=True):
        assert not part[[1, 4]].any()
        np.testing.assert_array_equal(part[[0, 2, 3]], before[[0, 2, 3]])
    other.rest()
    assert not any(part.any() for part in other.parts)
    np.testing.assert_allclose(other.run(x), Steps(RESERVOIRS[name], 5, DOUBLE).run(x), atol=1e-14)


def test_a_drive_that_leaks_by_the_formula() -> None:
    """r' = alpha r + beta (W h + W_x x + b), h' = sigmoid(gain r' + shift)."""
    cell, x = leaking_drive(), inputs(items=1)
    assert cell.gain is not None
    assert cell.shift is not None
    r, h = np.zeros(6), np.zeros(6)
    wanted: list[NDArray[Any]] = []
    for x_t in x[:, 0]:
        r = 0.6 * r + 0.4 * (cell.recurrent @ h + cell.inputs @ x_t + cell.bias)
        h = 1 / (1 + np.exp(-(cell.gain * r + cell.shift)))
        wanted.append(h)
    np.testing.assert_allclose(Steps(cell, 1, DOUBLE).run(x)[:, 0], wanted, rtol=1e-13)


def test_the_radius_where_the_drive_leaks_is_that_of_its_jacobian() -> None:
    cell, eps = leaking_drive(), 1e-6
    assert cell.gain is not None
    assert cell.shift is not None
    gain, shift = cell.gain, cell.shift

    def step(r: NDArray[Any]) -> NDArray[Any]:
        return 0.6 * r + 0.4 * (cell.recurrent @ (1 / (1 + np.exp(-(gain * r + shift)))))

    jacobian = np.transpose([(step(eps * row) - step(-eps * row)) / (2 * eps) for row in np.eye(6)])
    assert cell.effective_radius() == pytest.approx(np.abs(np.linalg.eigvals(jacobian)).max(), rel=1e-6)
    assert cell.state_bound(5) == 1.0


@pytest.mark.parametrize("channels", [FEW_CHANNELS, FEW_CHANNELS + 1])
@pytest.mark.parametrize("items", [1, 2, 3, 4, 5, 9])
def test_any_number_of_channels_and_items_gives_the_states_of_the_formula(channels: int, items: int) -> None:
    """Few inputs are multiplied together with the states, many apart; odd numbers of items are filled up."""
    cell = esn.build(7, channels, **USUAL)
    x = np.random.default_rng(1).normal(size=(4, items, channels))
    computed = Steps(cell, items, DOUBLE).run(x)
    h = np.zeros((items, 7))
    for step, row in enumerate(x):
        h = 0.6 * h + 0.4 * np.tanh(h @ cell.recurrent.T + row @ cell.inputs.T + cell.bias)
        np.testing.assert_allclose(computed[step], h, rtol=0, atol=1e-13)
