"""What every cell of `sarto.models.reservoir` does as an integer network; a new cell is judged without an edit here."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.core.graph import interpret
from sarto.core.rooms import load_method, methods
from sarto.deploy.c.emit import emit
from sarto.deploy.lower import Numbers
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.host import run_on_host
from sarto.measure.model import RawSequences, outputs
from sarto.measure.outputs import check_equal
from sarto.models.pooling import Pooling
from sarto.models.reservoir._cell import Reservoir
from sarto.models.states import states
from tests.core.graph.graphs import slow_scores
from tests.deploy.models import Lowered, complete, integer_states, lowered

ROOM = "sarto.models.reservoir"
BUILT = {
    cell: load_method(ROOM, cell).build(
        4, 2, seed=0, leak=0.4, radius=0.9, input_scaling=0.5, bias_scaling=0.2
    )
    for cell in methods(ROOM)
}
CELLS = [cell for cell, built in BUILT.items() if isinstance(built, Reservoir)]
FORMATS = {16: Numbers(), 8: Numbers(8, True, 8)}
LENGTHS = (12, 5, 9)


def small(cell: str, layers: int, bits: int, **changed: Any) -> Lowered:
    """A model of an odd number of neurons and channels, with the settings of a search."""
    own = getattr(load_method(ROOM, cell), "searched", dict[str, Any])
    usual: dict[str, Any] = dict(leak=0.4, radius=0.9, input_scaling=0.5, bias_scaling=0.2)
    settings: dict[str, Any] = dict(
        numbers=FORMATS[bits], pooling=Pooling("mean_square_last"), lengths=LENGTHS
    )
    settings |= {**usual, **own(usual), **changed}
    return lowered(cell, units=13 + 4 * (layers - 1), channels=3, layers=layers, **settings)


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("layers", "bits", "bound"), [(1, 16, 1e-3), (3, 16, 1e-3), (1, 8, 0.03), (3, 8, 0.1)]
)
def test_states_are_those_of_the_weights_that_the_integers_stand_for(
    cell: str, layers: int, bits: int, bound: float
) -> None:
    """Of full scale; what is left is rounding, which a layer passes on to the next, and a memory from slot to slot."""
    model = small(cell, layers, bits, pooling=Pooling("last"), lengths=(12,) * 6)
    full = model.graph.by_name["h"].scale
    assert full is not None
    full *= model.graph.step[1].attributes["limit"]
    exact = states(model.stands_for(), model.x, dtype="float64")
    assert np.abs(integer_states(model) - exact).max() < bound * full
    assert 0.4 * full < np.abs(exact).max() < 1.05 * full


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(
    ("layers", "bits", "bound"), [(1, 16, 0.05), (3, 16, 0.05), (1, 8, 0.25), (3, 8, 0.25)]
)
def test_states_follow_the_float_reservoir(cell: str, layers: int, bits: int, bound: float) -> None:
    """Root mean square of the error over 40 steps, relative to that of the states."""
    model = small(cell, layers, bits, pooling=Pooling("last"), lengths=(40,) * 6)
    exact = states(model.whole, model.x, dtype="float64")
    error = integer_states(model) - exact
    assert np.sqrt(np.square(error).mean()) < bound * np.sqrt(np.square(exact).mean())


@pytest.mark.parametrize("cell", CELLS)
@pytest.mark.parametrize(("layers", "bits"), [(1, 16), (2, 8)])
def test_numpy_plain_integers_this_host_and_the_devices_say_the_same(
    cell: str, layers: int, bits: int
) -> None:
    model = small(cell, layers, bits)
    graph, sequences = complete(model), RawSequences(model.raw, model.offsets)
    wanted = interpret(graph, model.raw, model.offsets)
    items = sequences.listed()
    assert wanted.scores.tolist() == [slow_scores(graph, item) for item in items]
    assert len(np.unique(wanted.scores)) > 3
    host = run_on_host(emit(graph), items, sanitize=True)
    np.testing.assert_array_equal(host.scores, wanted.scores)
    for name in ("cortex_m4", "cortex_m0plus", "rv32imc"):
        run = emulate(build(emit(graph), device(name), optimise="-Os"), items)
        check_equal(outputs(graph, sequences), run.outputs, "NumPy", name)


@pytest.mark.parametrize("cell", [cell for cell in BUILT if cell not in CELLS])
def test_a_cell_without_a_kernel_is_refused_by_name(cell: str) -> None:
    with pytest.raises(SartoError, match=f"{cell} has .*, which no kernel of the device computes") as caught:
        small(cell, 1, 16)
    assert caught.value.code == "E404"
