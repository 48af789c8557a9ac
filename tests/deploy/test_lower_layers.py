"""Lowering of what a reservoir may have beside W: rotations, memories, other activations, layers, own scales."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.core.graph.layer import remember
from sarto.deploy.lower import Numbers, Reach, lower_reservoir, reach, table_error
from sarto.deploy.lower.activation import activation_error
from sarto.models.pooling import Pooling
from sarto.models.reservoir._cell import Memory
from sarto.models.states import states
from tests.deploy.models import complete, integer_states, lowered

FORMATS = [Numbers(16, True), Numbers(16, False), Numbers(8, True, 8), Numbers(8, False, 8)]


def test_what_no_kernel_computes_is_refused_by_name() -> None:
    model = lowered()
    uneven = np.linspace(0.5, 1, 20)
    others: dict[str, Any] = {
        "a leak before the activation": replace(model.cell, leaks="drive"),
        "a cyclic shift with weights that differ": replace(model.cell, rotation=uneven),
        "a memory whose slots keep different shares": replace(
            model.cell, memory=Memory(uneven, np.ones((20, 3)), np.ones((20, 20)))
        ),
    }
    for part, cell in others.items():
        with pytest.raises(SartoError, match=f"esn has {part}, which no kernel") as caught:
            lower_reservoir(
                cell, model.inputs, model.sensor, Numbers(), Pooling("last"), channels=("x", "y", "z"),
                reach=Reach(),
            )  # fmt: skip
        assert caught.value.code == "E404"


FEATURED: list[tuple[str, dict[str, Any]]] = [
    ("esn", {"activation": "sigmoid"}),
    ("esn", {"activation": "identity", "radius": 0.5}),
    ("es2n", {"rotation": "random"}),
    ("es2n", {"rotation": "ring", "leak": 0.03}),
    ("resesn", {"rotation": "random", "carry": 0.9}),
    ("rmn", {"rotation": "random", "memory_units": 7}),
    ("rmn", {"rotation": "ring", "memory_radius": 0.9, "memory_units": 30}),
]


@pytest.mark.parametrize("layers", [1, 2])
@pytest.mark.parametrize("numbers", FORMATS)
@pytest.mark.parametrize(("cell", "settings"), FEATURED, ids=str)
def test_every_option_of_a_cell_becomes_what_the_integers_stand_for(
    cell: str, settings: dict[str, Any], numbers: Numbers, layers: int
) -> None:
    model = lowered(cell, numbers=numbers, layers=layers, lengths=(12,) * 6, **settings)
    exact = states(model.stands_for(), model.x, dtype="float64")
    full = model.graph.by_name["h"].scale
    assert full is not None
    full *= model.graph.step[1].attributes["limit"]
    bound = 1e-3 if numbers.state_bits == 16 else 0.05
    assert np.abs(integer_states(model) - exact).max() < bound * full
    assert np.abs(exact).max() > 0.3 * full


def test_states_have_the_power_of_two_that_covers_them_and_are_clamped_beyond() -> None:
    """An EuSN's bound of 0.4 a step says 160 after 400 steps; the states of these data stay below 16."""
    model = lowered("eusn", units=20, lengths=(400,), pooling=Pooling("last"))
    assert model.cell.state_bound(400) == pytest.approx(160)
    reached = float(np.abs(states(model.cell, model.x)).max())
    scale = model.graph.by_name["h"].scale
    assert scale is not None
    assert reached <= scale * 2**15 < 2 * reached
    narrow = lower_reservoir(
        model.cell, model.inputs, model.sensor, Numbers(), Pooling("last"),
        channels=("x", "y", "z"), reach=Reach(reached / 4),
    )  # fmt: skip
    clamped = integer_states(replace(model, graph=narrow))
    assert np.abs(clamped).max() == pytest.approx(scale * 2**15 / 4, rel=1e-4)


@pytest.mark.parametrize("leak", [0.01, 0.1, 1.0])
def test_the_mix_of_small_states_stays_within_32_bits(leak: float) -> None:
    """Beta counts more than 1 where the state's scale is far below 1."""
    for part in (1e-9, 0.01, 0.3, 1.0, 7.0, 1e4):
        model = lowered("es2n", leak=leak, lengths=(5,) * 4)
        graph = lower_reservoir(
            model.cell, model.inputs, model.sensor, Numbers(), Pooling("last"),
            channels=("x", "y", "z"), reach=Reach(part),
        )  # fmt: skip
        a, scale = graph.step[1].attributes, graph.by_name["h"].scale
        assert scale is not None
        assert 2 * a["alpha"] * a["limit"] + a["beta"] * a["limit"] + 2 ** (a["mix_shift"] - 1) < 2**31
        assert a["alpha"] == 2 ** a["mix_shift"], "the matrix has the share of the old state"
        assert scale * 2**15 >= part or scale * 2**15 == pytest.approx(leak / 8, rel=1)
        table = 2 ** (15 + a.get("fine", 0))
        assert a["beta"] / 2 ** a["mix_shift"] * scale * table == pytest.approx(leak, rel=2**-7, abs=scale)


@pytest.mark.parametrize(
    ("cell", "settings"),
    [
        ("es2n", {"rotation": "random", "units": 250, "leak": 0.5}),
        ("rmn", {"units": 200, "memory_units": 300, "radius": 0.5}),
        ("eusn", {"units": 200, "radius": 1.4, "input_scaling": 2.0}),
        ("esn", {"units": 200, "activation": "relu", "radius": 0.9, "input_scaling": 2.0}),
    ],
)
def test_no_sum_of_a_layer_can_leave_32_bits(cell: str, settings: dict[str, Any]) -> None:
    """The worst state, memory and input for each neuron, with the signs of its weights, on Python integers."""
    graph = lowered(cell, channels=20, lengths=(30,), **settings).graph
    op, largest = graph.step[1], 2**31 - 1
    a = op.attributes

    def sums(role: str) -> Any:
        return np.abs(graph.const(op.inputs[role]).astype(object)).sum(axis=1)

    worst = sums("weights") * a["limit"] + sums("inputs") * (32767 << a["input_shift"])
    worst += np.abs(graph.const(op.inputs["bias"]).astype(object)) << a["bias_shift"]
    if "memory" in op.outputs:
        worst += sums("memory_out") * (32767 << a["memory_shift"])
        entering = sums("memory_in") * 32767
        assert max(entering) <= largest
        assert (max(entering) * a["entering"] >> a["entering_shift"]) + 32768 <= largest
    factor = graph.const(op.inputs["factor"]).astype(object)
    assert max(worst) <= largest and max(worst * factor) >> a["shift"] < largest
    if "rotation" in op.inputs:
        turned = sums("rotation") * a["limit"]
        factor = graph.const(op.inputs["factor_turn"]).astype(object)
        assert max(turned) <= largest and max(turned * factor) >> a["turn_shift"] < largest


def test_a_memory_that_forgets_nothing_keeps_what_it_holds_exactly() -> None:
    """Of what came in at the first step alone, every slot still has all after three rounds."""
    model = lowered("rmn", memory_units=6, lengths=(30,))
    a = model.graph.step[1].attributes
    held = np.array([[1, -2, 3, 32767, -32767, 0]])
    silent = {"memory_in": np.zeros((6, 3), np.int8)}
    m = held
    for _ in range(18):
        m = remember(m, np.zeros((1, 3), np.int64), silent, dict(a))
    assert m.tolist() == held.tolist()


def test_the_error_of_an_activation_is_named_after_it() -> None:
    errors = {
        name: activation_error(complete(lowered("esn", activation=name, radius=0.5)))
        for name in ("tanh", "sigmoid", "relu", "identity")
    }
    assert all(told == name for name, (told, _) in errors.items())
    half = table_error(lowered().graph.const("table")) / 2
    assert errors["sigmoid"][1] == pytest.approx(half)
    assert errors["relu"][1] == errors["identity"][1] == 0


@pytest.mark.parametrize("structure", ["ring", "seeded"])
@pytest.mark.parametrize("part", ["matrix", "shift", "memory"])
def test_a_cheap_recurrence_with_a_part_that_its_kernel_lacks_is_lowered_all_the_same(
    structure: str, part: str
) -> None:
    """As a dense matrix where need be; a ring with a cyclic shift stays a ring."""
    model, other = lowered(structure, lengths=(12,) * 4), lowered("rmn", lengths=(12,) * 4).cell
    turn = lowered("es2n", rotation="random").cell.rotation
    parts: dict[str, Any] = {
        "matrix": {"rotation": turn},
        "shift": {"rotation": np.ones(20)},
        "memory": {"memory": other.memory},
    }
    cell = replace(model.cell, **parts[part])
    graph = lower_reservoir(
        cell, model.inputs, model.sensor, Numbers(), Pooling("last"),
        channels=("x", "y", "z"), reach=reach(cell, model.x),
    )  # fmt: skip
    assert graph.step[1].attributes["ring"] == (structure == "ring" and part == "shift")
    mine = replace(model, whole=cell, graph=graph)
    exact = states(mine.stands_for(), model.x, dtype="float64")
    assert np.abs(integer_states(mine) - exact).max() < 1e-3
    assert np.abs(states(cell, model.x) - exact).max() < 0.1
    assert np.abs(exact).max() > 0.3
