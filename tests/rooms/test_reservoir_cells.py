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
from sarto.models.reservoir._diagonal import Diagonal
from sarto.models.reservoir._stack import AnyReservoir, Layer, stacked
from sarto.models.sequences import Sequences, read_sequences
from sarto.models.states import pooled_features, states
from tests.learn.oracles import clone

ROOM = "sarto.models.reservoir"
CELLS = methods(ROOM)
USUAL: dict[str, Any] = {"seed": 3, "leak": 0.4, "radius": 0.9, "input_scaling": 0.7, "bias_scaling": 0.3}
pytestmark = pytest.mark.parametrize("cell", CELLS)


def build(cell: str, units: int = 17, channels: int = 3, **changed: Any) -> Layer:
    return load_method(ROOM, cell).build(units, channels, **(USUAL | changed))


def some_sequences(channels: int = 3) -> Sequences:
    rng = np.random.default_rng(1)
    return read_sequences([rng.normal(size=(length, channels)) for length in (5, 1, 40, 12, 12, 33, 2)])


def step_by_the_formula(layer: Reservoir, h: NDArray[Any], m: NDArray[Any], x: NDArray[Any]) -> Any:
    """h' = alpha O h + beta phi(W h + W_x x + W_m m' + b),  m' = V m + V_x x, in the precision of h."""
    dtype = h.dtype
    W, turn, W_x, b = (
        a.astype(dtype) for a in (layer.recurrent_matrix(), layer.rotation_matrix(), layer.inputs, layer.bias)
    )
    drive = W @ h + W_x @ x + b
    if layer.memory:
        slots = layer.memory.slots
        m = np.array([layer.memory.shift[i] * m[(i - 1) % slots] for i in range(slots)], dtype)
        m = m + layer.memory.inputs.astype(dtype) @ x
        drive = drive + layer.memory.outputs.astype(dtype) @ m
    assert layer.activation == "tanh" and layer.leaks == "state"
    return dtype.type(layer.alpha) * (turn @ h) + dtype.type(layer.beta) * np.tanh(drive), m


def slots(layer: Layer) -> int:
    return layer.memory.slots if isinstance(layer, Reservoir) and layer.memory else 0


def scan_by_the_formula(layer: Diagonal, h: NDArray[Any], x: NDArray[Any]) -> Any:
    """h' = lambda h + beta (W_x x + b),  z = tanh(Re(k * h') + c), in the precision of h; and z, h'."""
    wide: Any = np.result_type(h)
    factors, inputs, bias, kernel = (
        a.astype(wide) for a in (layer.factors, layer.inputs, layer.bias, layer.kernel)
    )
    driven = inputs @ x if inputs.ndim == 2 else inputs * np.roll(x, 1)
    h = factors * h + wide.type(layer.beta) * (driven + bias)
    padded = np.pad(h, len(kernel) // 2)
    mixed = [kernel @ padded[i : i + len(kernel)] for i in range(layer.units)]
    return np.tanh(np.real(mixed) + layer.offset), h


def by_the_formula(reservoir: AnyReservoir, x: NDArray[Any], dtype: Any) -> NDArray[Any]:
    """One sequence, one step at a time, layer by layer."""
    h = [np.zeros(layer.units, dtype) for layer in reservoir.layers]
    m = [
        np.zeros(layer.units, np.result_type(dtype, np.complex64))
        if isinstance(layer, Diagonal)
        else np.zeros(slots(layer), dtype)
        for layer in reservoir.layers
    ]
    rows: list[NDArray[Any]] = []
    for x_t in x.astype(dtype):
        below = x_t
        for index, layer in enumerate(reservoir.layers):
            if isinstance(layer, Diagonal):
                h[index], m[index] = scan_by_the_formula(layer, m[index], below)
            else:
                h[index], m[index] = step_by_the_formula(layer, h[index], m[index], below)
            below = h[index]
        rows.append(np.concatenate(h))
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
    arrays: list[NDArray[Any]] = [
        value for value in vars(reservoir).values() if isinstance(value, np.ndarray)
    ]
    assert len(arrays) >= 3
    for array in arrays:
        assert array.dtype == (np.complex128 if isinstance(reservoir, Diagonal) else np.float64)
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
    assert max(np.abs(np.real(many.inputs)).max(), np.abs(np.imag(many.inputs)).max()) <= 0.7
    few_size, many_size = (np.sqrt((np.abs(cell.inputs) ** 2).mean()) for cell in (few, many))
    assert many_size == pytest.approx(few_size, rel=0.1)


def test_effective_radius_is_that_of_the_jacobian_at_rest(cell: str) -> None:
    """By central differences of the formula, memory included."""
    reservoir = build(cell, bias_scaling=0.0)
    if isinstance(reservoir, Diagonal):
        assert reservoir.effective_radius() == np.abs(reservoir.factors).max()  # its step is linear
        return
    size, none = 17 + slots(reservoir), np.zeros(3)

    def step(state: NDArray[Any]) -> NDArray[Any]:
        return np.concatenate(step_by_the_formula(reservoir, state[:17], state[17:], none))

    eps = 1e-6
    jacobian = [(step(eps * row) - step(-eps * row)) / (2 * eps) for row in np.eye(size)]
    wanted = np.abs(np.linalg.eigvals(np.transpose(jacobian))).max()
    assert reservoir.effective_radius() == pytest.approx(wanted, rel=1e-5)
    assert build(cell).effective_radius() == pytest.approx(reservoir.effective_radius(), rel=1e-12)


@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-6)])
@pytest.mark.parametrize("layers", [1, 3])
def test_the_batched_kernel_computes_the_formula_for_each_sequence_alone(
    cell: str, layers: int, dtype: Any, tolerance: float
) -> None:
    x, one = some_sequences(), load_method(ROOM, cell).build
    reservoir = stacked(one, 17, 3, layers=layers, inter_scaling=0.5, **USUAL)
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


def test_huge_inputs_leave_the_state_within_its_bound(cell: str) -> None:
    x, reservoir = read_sequences(np.full((1, 100, 3), 1e30)), build(cell)
    reached = np.abs(states(reservoir, x, dtype="float32")).max(axis=1)
    bounds = [reservoir.state_bound(step) for step in range(1, 101)]
    assert (reached <= np.array(bounds) * (1 + 1e-5)).all()
    assert reached[0] > 0.999 * (1.0 if isinstance(reservoir, Diagonal) else reservoir.beta)


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


@pytest.mark.parametrize("layers", [1, 2])
def test_estimators_take_it_by_name_and_keep_it_in_a_file(cell: str, layers: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 2)) * size for size in (0.2, 2.0) for length in range(15, 35)]
    y = np.repeat(["calm", "wild"], 20)
    model = ESNClassifier(cell=cell, units=20, pooling="mean_square", layers=layers).fit(X[::2], y[::2])
    assert model.score(X[1::2], y[1::2]) >= 0.8
    model.save(tmp_path / "model.npz")
    loaded = ESNClassifier.load(tmp_path / "model.npz")
    np.testing.assert_array_equal(loaded.decision_function(X), model.decision_function(X))
    assert loaded.reservoir_.reservoir_id == model.reservoir_.reservoir_id
    for kept, layer in zip(loaded.reservoir_.layers, model.reservoir_.layers, strict=True):
        assert kept.reservoir_id == layer.reservoir_id
        assert getattr(kept, "start", None) == getattr(layer, "start", None)
    assert clone(model).fit(X[::2], y[::2]).reservoir_.reservoir_id == model.reservoir_.reservoir_id
