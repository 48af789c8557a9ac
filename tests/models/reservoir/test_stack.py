from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.models.input_error import InputError
from sarto.models.reservoir import esn
from sarto.models.reservoir._cell import Reservoir
from sarto.models.reservoir._stack import Stack, stacked
from sarto.models.sequences import read_sequences
from sarto.models.states import states

USUAL: dict[str, Any] = {"seed": 0, "leak": 0.4, "radius": 0.9, "input_scaling": 0.5, "bias_scaling": 0.1}


def usual(**changed: Any) -> dict[str, Any]:
    return {**USUAL, **changed}


def test_units_are_shared_out_with_the_rest_in_the_first_layer() -> None:
    deep = stacked(esn.build, 103, 2, layers=5, **USUAL)
    assert [layer.units for layer in deep.layers] == [23, 20, 20, 20, 20]
    assert [layer.channels for layer in deep.layers] == [2, 23, 20, 20, 20]


def test_one_layer_is_the_cell_itself() -> None:
    assert stacked(esn.build, 7, 2, layers=1, **USUAL).reservoir_id == esn.build(7, 2, **USUAL).reservoir_id


def test_the_upper_layer_sees_the_lower_state_of_the_same_step() -> None:
    deep = stacked(esn.build, 10, 1, layers=2, inter_scaling=1.0, **USUAL)
    x = np.random.default_rng(0).normal(size=(1, 9, 1))
    both = states(deep, read_sequences(x), dtype="float64")
    below = states(deep.layers[0], read_sequences(x), dtype="float64")
    above = states(deep.layers[1], read_sequences(below[None]), dtype="float64")
    np.testing.assert_allclose(both, np.hstack([below, above]), rtol=1e-13)


def test_layers_have_draws_of_their_own_and_their_own_scaling() -> None:
    deep = stacked(esn.build, 40, 20, layers=2, inter_scaling=2.0, **USUAL)
    first, second = deep.layers
    assert isinstance(first, Reservoir) and isinstance(second, Reservoir)
    assert np.abs(first.inputs).max() <= 0.5 < np.abs(second.inputs).max() <= 2.0
    assert not np.allclose(first.recurrent, second.recurrent)
    same = stacked(esn.build, 40, 20, layers=2, **USUAL)
    assert np.abs(same.layers[1].inputs).max() <= 0.5


def test_the_radius_is_that_of_the_slowest_layer() -> None:
    slow = esn.build(4, 3, **usual(radius=0.95))
    fast = esn.build(3, 1, **usual(radius=0.2, leak=1.0))
    assert Stack((fast, slow)).effective_radius() == slow.effective_radius() > fast.effective_radius()


def test_the_id_depends_on_the_order() -> None:
    a, b = esn.build(4, 4, **USUAL), esn.build(4, 4, **usual(seed=1))
    assert len({Stack(pair).reservoir_id for pair in ((a, b), (b, a), (a, a))}) == 3


@pytest.mark.parametrize("layers", [0, -1, 4])
def test_layers_without_units_are_refused(layers: int) -> None:
    with pytest.raises(InputError, match=f"layers = {layers} with 3 units") as caught:
        stacked(esn.build, 3, 1, layers=layers, **USUAL)
    assert caught.value.code == "E116"


@pytest.mark.parametrize("value", [0.0, -1.0, float("nan")])
def test_layers_that_hear_nothing_are_refused(value: float) -> None:
    with pytest.raises(InputError, match="inter_scaling = "):
        stacked(esn.build, 6, 1, layers=2, inter_scaling=value, **USUAL)
