"""What every cell of `sarto.models.reservoir` must do; a new cell is judged by this suite without an edit here."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sarto.core.errors import SartoError
from sarto.core.rooms import load_method, methods
from sarto.learn.readout import ESNClassifier
from sarto.models.pooling import POOLINGS, Pooling
from sarto.models.reservoir._cell import Reservoir
from sarto.models.sequences import Sequences, read_sequences
from sarto.models.states import pooled_features, states
from tests.learn.oracles import clone

ROOM = "sarto.models.reservoir"
CELLS = methods(ROOM)
USUAL: dict[str, Any] = {"seed": 3, "leak": 0.4, "radius": 0.9, "input_scaling": 0.7, "bias_scaling": 0.3}
pytestmark = pytest.mark.parametrize("cell", CELLS)


def build(cell: str, units: int = 17, channels: int = 3, **changed: Any) -> Reservoir:
    return load_method(ROOM, cell).build(units, channels, **(USUAL | changed))


def some_sequences(channels: int = 3) -> Sequences:
    rng = np.random.default_rng(1)
    return read_sequences([rng.normal(size=(length, channels)) for length in (5, 1, 40, 12, 12, 33, 2)])


def by_the_formula(reservoir: Reservoir, x: NDArray[Any], dtype: str) -> NDArray[Any]:
    """One sequence, one step at a time: h' = alpha h + beta tanh(W h + W_x x + b)."""
    W, W_x, b = (a.astype(dtype) for a in (reservoir.recurrent_matrix(), reservoir.inputs, reservoir.bias))
    h: NDArray[Any] = np.zeros(reservoir.units, dtype)
    rows: list[NDArray[Any]] = []
    for x_t in x.astype(dtype):
        h = np.dtype(dtype).type(reservoir.alpha) * h + np.dtype(dtype).type(reservoir.beta) * np.tanh(
            W @ h + W_x @ x_t + b
        )
        rows.append(h)
    return np.array(rows)


def test_has_the_signature_of_the_room_and_names_its_source(cell: str) -> None:
    module = load_method(ROOM, cell)
    parameters = inspect.signature(module.build).parameters
    assert list(parameters)[:2] == ["units", "channels"]
    assert set(USUAL) <= {name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY}
    assert all(
        p.default is not p.empty
        for name, p in parameters.items()
        if name not in {*USUAL, "units", "channels"}
    )
    assert "Source:" in (module.__doc__ or "")


def test_says_who_built_it_in_finite_float64(cell: str) -> None:
    reservoir = build(cell)
    assert (reservoir.cell, reservoir.units, reservoir.channels) == (cell, 17, 3)
    for array in (reservoir.recurrent, reservoir.inputs, reservoir.bias):
        assert array.dtype == np.float64
        assert np.isfinite(array).all()


def test_the_same_arguments_give_the_same_reservoir_and_any_other_another(cell: str) -> None:
    assert build(cell).reservoir_id == build(cell).reservoir_id
    changes: list[dict[str, Any]] = [
        {name: value} for name, value in zip(USUAL, (4, 0.5, 0.8, 0.6, 0.2), strict=True)
    ]
    ids = {build(cell, **change).reservoir_id for change in [{}, *changes, {"units": 18}, {"channels": 4}]}
    assert len(ids) == 8


def test_scalings_scale_and_bias_can_be_absent(cell: str) -> None:
    one, two = build(cell), build(cell, input_scaling=1.4, bias_scaling=0.6)
    np.testing.assert_allclose(two.inputs, 2 * one.inputs, rtol=1e-15)
    np.testing.assert_allclose(two.bias, 2 * one.bias, rtol=1e-15)
    assert not build(cell, bias_scaling=0.0).bias.any()


def test_input_weights_do_not_depend_on_the_number_of_channels_in_size(cell: str) -> None:
    few, many = build(cell, units=200, channels=2), build(cell, units=200, channels=50)
    assert np.abs(many.inputs).max() <= 0.7
    assert np.sqrt((many.inputs**2).mean()) == pytest.approx(np.sqrt((few.inputs**2).mean()), rel=0.1)


def test_effective_radius_is_that_of_the_jacobian_at_zero(cell: str) -> None:
    reservoir = build(cell)
    jacobian = reservoir.alpha * np.eye(17) + reservoir.beta * reservoir.recurrent_matrix()
    assert reservoir.effective_radius() == pytest.approx(np.abs(np.linalg.eigvals(jacobian)).max(), rel=1e-9)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
def test_the_batched_kernel_computes_the_formula_for_each_sequence_alone(
    cell: str, dtype: Any, tolerance: float
) -> None:
    reservoir, x = build(cell), some_sequences()
    got = states(reservoir, x, dtype=dtype)
    wanted = [
        by_the_formula(reservoir, x.values[a:b], dtype)
        for a, b in zip(x.offsets, x.offsets[1:], strict=False)
    ]
    assert got.dtype == dtype
    np.testing.assert_allclose(got, np.concatenate(wanted), rtol=0, atol=tolerance)


@pytest.mark.parametrize("kind", POOLINGS)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 1e-6)])
def test_a_batch_of_unequal_lengths_equals_one_by_one(
    cell: str, kind: Any, dtype: Any, tolerance: float
) -> None:
    reservoir, x, pooling = build(cell), some_sequences(), Pooling(kind, 3, 10)
    batch = pooled_features(reservoir, x, pooling, dtype=dtype)
    alone = [pooled_features(reservoir, x.span(i, i + 1), pooling, dtype=dtype)[0] for i in range(len(x))]
    np.testing.assert_allclose(batch, alone, rtol=0, atol=tolerance)


def test_huge_inputs_leave_the_state_bounded(cell: str) -> None:
    x = read_sequences(np.full((1, 100, 3), 1e30))
    assert np.abs(states(build(cell), x, dtype="float32")).max() <= 1 + 1e-6


@pytest.mark.parametrize(
    ("name", "value"),
    [
        *(("units", n) for n in (0, -3)),
        ("channels", 0),
        *(("leak", v) for v in (0.0, -0.1, 1.1, float("nan"))),
        *(("radius", v) for v in (0.0, -0.9, float("nan"), float("inf"))),
        *(("input_scaling", v) for v in (0.0, -1.0, float("nan"), float("inf"))),
        *(("bias_scaling", v) for v in (-0.1, float("nan"), float("inf"))),
    ],
)
def test_parameters_that_no_reservoir_can_have_are_refused_by_name(cell: str, name: str, value: Any) -> None:
    with pytest.raises(SartoError, match=f"{name} = {value}") as caught:
        build(cell, **{name: value})
    assert caught.value.code == "E116"


def test_estimators_take_it_by_name_and_keep_it_in_a_file(cell: str, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 2)) * size for size in (0.2, 2.0) for length in range(15, 35)]
    y = np.repeat(["calm", "wild"], 20)
    model = ESNClassifier(cell=cell, units=20, pooling="mean_square").fit(X[::2], y[::2])
    assert model.score(X[1::2], y[1::2]) == 1.0
    model.save(tmp_path / "model.npz")
    loaded = ESNClassifier.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.decision_function(X), model.decision_function(X))
    assert loaded.reservoir_.reservoir_id == model.reservoir_.reservoir_id
    assert loaded.reservoir_.start == model.reservoir_.start
    assert clone(model).fit(X[::2], y[::2]).reservoir_.reservoir_id == model.reservoir_.reservoir_id
