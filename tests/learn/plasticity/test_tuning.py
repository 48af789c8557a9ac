"""Gains and shifts read back, put in, and averaged over clients."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sarto.learn.plasticity.averaged import averaged, averaged_tuning
from sarto.learn.plasticity.intrinsic import IntrinsicPlasticity
from sarto.learn.plasticity.tuning import tuned, tuning
from sarto.models.input_error import InputError
from sarto.models.reservoir import esn, paralesn, ring, rmn
from sarto.models.reservoir._stack import AnyReservoir, stacked

USUAL: dict[str, Any] = dict(seed=0, leak=0.5, radius=0.9, input_scaling=1.0, bias_scaling=0.3)
OTHER: dict[str, Any] = USUAL | {"seed": 1}
RANDOM = np.random.default_rng(0)
RULE = IntrinsicPlasticity(sigma=0.3, learning_rate=0.01, epochs=1)
CELLS: dict[str, AnyReservoir] = {
    "esn": esn.build(6, 2, **USUAL),
    "sparse": esn.build(6, 2, connectivity=0.5, **USUAL),
    "drive": esn.build(6, 2, leaks="drive", **USUAL),
    "ring": ring.build(6, 2, **USUAL),
    "rmn": rmn.build(6, 2, memory_units=4, **USUAL),
    "stack": stacked(esn.build, 9, 2, layers=2, **USUAL),
}


def drawn(cell: AnyReservoir, seed: int) -> Any:
    random = np.random.default_rng(seed)
    return np.concatenate(
        [
            np.r_[random.uniform(0.2, 3, n), random.normal(size=n)]
            for n in [layer.units for layer in cell.layers]
        ]
    )


@pytest.mark.parametrize("name", CELLS)
def test_gains_and_shifts_are_read_back_as_they_were_put_in(name: str) -> None:
    cell, vector = CELLS[name], drawn(CELLS[name], 1)
    np.testing.assert_allclose(tuning(cell, tuned(cell, vector)), vector, rtol=1e-11, atol=1e-12)
    again = drawn(cell, 2)  # a second time, from the reservoir that has some
    once = tuned(cell, vector)
    np.testing.assert_allclose(tuning(once, tuned(once, again)), again, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("name", ["esn", "drive", "stack"])
def test_what_a_client_adapted_is_what_its_vector_makes(name: str) -> None:
    cell = CELLS[name]
    adapted = RULE.adapt(cell, [RANDOM.normal(size=(60, 2))]).reservoir
    made = tuned(cell, tuning(cell, adapted))
    for one, other in zip(made.layers, adapted.layers, strict=True):
        for field in ("recurrent", "inputs", "bias", "gain", "shift"):
            values = getattr(one, field), getattr(other, field)
            assert (values[0] is None) == (values[1] is None)
            if values[0] is not None:
                np.testing.assert_allclose(*values, rtol=1e-11, atol=1e-13)


def test_where_the_state_leaks_the_average_is_that_of_the_weights() -> None:
    cell = CELLS["esn"]
    clients, n = [tuned(cell, drawn(cell, seed)) for seed in range(4)], [3, 1, 0, 6]
    found = averaged(cell, clients, n)
    for field in ("recurrent", "inputs", "bias"):
        expected = np.average([getattr(client, field) for client in clients], axis=0, weights=n)
        np.testing.assert_allclose(getattr(found, field), expected, rtol=1e-11, atol=1e-14)


@given(st.permutations(range(5)), st.integers(0, 100))
@settings(max_examples=20, deadline=None)
def test_the_order_of_clients_changes_no_bit(order: list[int], seed: int) -> None:
    vectors, n = [drawn(CELLS["esn"], seed + k) for k in range(5)], [7, 1, 30, 2, 11]
    found = averaged_tuning(vectors, n)
    other = averaged_tuning([vectors[k] for k in order], [n[k] for k in order])
    assert found.tobytes() == other.tobytes()
    np.testing.assert_allclose(found, np.average(vectors, axis=0, weights=n), rtol=1e-12)


def test_what_was_not_adapted_from_the_reservoir_is_refused() -> None:
    cell: Any = CELLS["esn"]
    calls: list[tuple[Any, str]] = [
        (lambda: tuning(cell, esn.build(6, 2, **OTHER)), "E168"),
        (lambda: tuning(cell, replace(cell, alpha=0.4, beta=0.6)), "E168"),
        (lambda: tuning(cell, esn.build(7, 2, **USUAL)), "E168"),
        (lambda: tuning(cell, CELLS["ring"]), "E168"),
        (lambda: tuned(cell, np.ones(11)), "E108"),
        (lambda: tuning(*[paralesn.build(6, 2, **USUAL)] * 2), "E116"),
        (lambda: averaged(cell, [], []), "E104"),
        (lambda: averaged(cell, [cell], [0]), "E104"),
        (lambda: averaged(cell, [cell], [1, 2]), "E108"),
        (lambda: averaged(cell, [cell, cell], [1, -1]), "E116"),
    ]
    for call, code in calls:
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code
