"""Lowering: the integers follow the float reservoir, no sum leaves 32 bits, and the readout keeps its scores."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.core.graph import decide, features, interpret, trace
from sarto.core.graph.generated import generated
from sarto.core.graph.operations import FEATURE_LIMIT, standardise
from sarto.deploy.lower import (
    Answers,
    InputStatistics,
    Numbers,
    feature_exponents,
    lower_reservoir,
    table_error,
    tanh_table,
    with_readout,
)
from sarto.deploy.sensor import SensorFormat
from sarto.models.pooling import Pooling
from sarto.models.reservoir._cell import Reservoir
from sarto.models.sequences import read_sequences
from sarto.models.states import pooled_features, states
from tests.deploy.models import Lowered, complete, integer_states, lowered

FORMATS = [Numbers(16, True), Numbers(16, False), Numbers(8, True, 8), Numbers(8, False, 8)]


def float_inputs(model: Lowered) -> Any:
    x = (model.values - model.inputs.mean) / model.inputs.std
    return read_sequences([x[a:b] for a, b in zip(model.offsets, model.offsets[1:], strict=False)])


@pytest.mark.parametrize(("cell", "numbers"), list(product(["esn", "ring", "seeded"], FORMATS)))
def test_states_are_those_of_the_weights_that_the_integers_stand_for(cell: str, numbers: Numbers) -> None:
    """What is left: rounding of state, input and multiplier, and the table; each at most half a count or 2^-14."""
    model = lowered(cell, numbers=numbers, lengths=(12,) * 6)
    exact = states(model.stands_for(), float_inputs(model), dtype="float64")
    bound = 5e-4 if numbers.state_bits == 16 else 0.03
    assert np.abs(integer_states(model) - exact).max() < bound
    assert np.abs(exact).max() > 0.5


@pytest.mark.parametrize(
    ("cell", "numbers", "bound"),
    [
        ("esn", FORMATS[0], 0.015),
        ("esn", FORMATS[1], 0.015),
        ("esn", FORMATS[2], 0.03),
        ("esn", FORMATS[3], 0.03),
        ("ring", FORMATS[0], 0.004),
        ("ring", FORMATS[1], 0.004),
        ("ring", FORMATS[2], 0.03),
        ("ring", FORMATS[3], 0.03),
        ("seeded", FORMATS[0], 5e-4),
        ("seeded", FORMATS[2], 0.03),
    ],
)
def test_states_follow_the_float_reservoir(cell: str, numbers: Numbers, bound: float) -> None:
    model = lowered(cell, numbers=numbers, lengths=(12,) * 6)
    exact = states(model.cell, float_inputs(model), dtype="float64")
    assert np.abs(integer_states(model) - exact).max() < bound


@pytest.mark.parametrize("kind", ["last", "mean", "mean_square", "mean_square_last"])
@pytest.mark.parametrize("segments", [1, 3])
def test_pooled_means_follow_float_pooling_feature_by_feature(kind: Any, segments: int) -> None:
    pooling = Pooling(kind, segments, 5)
    model = lowered(pooling=pooling, lengths=(12, 3, 20, 15, 1, 11))
    exact = pooled_features(model.stands_for(), float_inputs(model), pooling, dtype="float64")
    means = trace(model.graph, model.raw, model.offsets) * 2.0**-45  # squares too: their shift takes 15 bits
    np.testing.assert_allclose(means.reshape(len(means), -1), exact, rtol=0, atol=4e-4)


@pytest.mark.parametrize("bits", [8, 16, 32])
def test_raw_words_become_standardised_inputs(bits: int) -> None:
    model = lowered(bits=bits)
    scale = model.graph.step[0]
    x = standardise(
        model.raw, model.graph.const("zero"), model.graph.const("factor_in"), scale.attributes["shift"]
    )
    count = model.graph.by_name["x"].scale
    assert count is not None
    exact = (model.raw * model.sensor.scale - model.inputs.mean) / model.inputs.std
    word = model.sensor.scale / model.inputs.std
    np.testing.assert_allclose(x * count, exact, rtol=0, atol=count + 0.51 * word.max())
    assert np.abs(x).max() < 32767


@pytest.mark.parametrize(
    ("cell", "settings"),
    [
        (cell, settings)
        for cell in ("esn", "ring")
        for settings in ({}, {"input_scaling": 2.0, "radius": 0.1}, {"input_scaling": 0.005, "radius": 1.4})
    ],
)
def test_the_input_shift_is_the_smallest_that_holds_the_largest_input(
    cell: str, settings: dict[str, Any]
) -> None:
    model = lowered(cell, **settings)
    count = model.graph.by_name["x"].scale
    assert count is not None
    assert model.inputs.peak <= 32767 * count
    assert model.graph.step[1].attributes["input_shift"] == 0 or model.inputs.peak > 32767 * count / 2


@pytest.mark.parametrize(
    ("cell", "units", "channels", "settings", "numbers"),
    [
        ("esn", 300, 2, {"radius": 1.4}, Numbers()),
        ("esn", 300, 2, {"radius": 1.4}, Numbers(8, False, 8)),
        ("esn", 100, 20, {"input_scaling": 2.0, "radius": 0.1}, Numbers()),
        ("esn", 100, 20, {"input_scaling": 2.0, "radius": 0.1}, Numbers(16, False)),
        ("esn", 50, 3, {"bias_scaling": 30.0, "input_scaling": 0.005}, Numbers()),
        ("ring", 300, 20, {"input_scaling": 2.0, "radius": 0.1}, Numbers()),
        ("ring", 300, 20, {"input_scaling": 0.005, "radius": 1.4}, Numbers(8, True, 8)),
    ],
)
def test_no_sum_can_leave_32_bits(
    cell: str, units: int, channels: int, settings: dict[str, Any], numbers: Numbers
) -> None:
    """The worst state and input for each neuron, with the signs of its weights, on Python integers."""
    graph = lowered(cell, units=units, channels=channels, numbers=numbers, lengths=(30,), **settings).graph
    a = graph.step[1].attributes
    weights = graph.const("weights").astype(object)
    weights = weights if cell == "esn" else np.resize(weights, (units, 1))
    inputs, bias, factor = (graph.const(n).astype(object) for n in ("inputs", "bias", "factor"))
    worst = (
        np.abs(weights).sum(axis=1) * a["limit"]
        + (np.abs(inputs).sum(axis=1) * 32767) * 2 ** a["input_shift"]
    )
    worst = worst + np.abs(bias) * 2 ** a["bias_shift"]
    assert max(worst) < 2**31
    assert max(worst * factor) // 2 ** a["shift"] < 2**31 - 1
    assert a["alpha"] * a["limit"] + a["beta"] * a["limit"] + 2**14 < 2**31
    assert a["input_shift"] < 31 and a["bias_shift"] < 31


HARD: list[tuple[int, int, dict[str, Any]]] = [
    (300, 2, {"radius": 1.4}),
    (400, 2, {"radius": 1.4, "input_scaling": 0.005, "bias_scaling": 0.005}),
    (100, 20, {"input_scaling": 2.0, "radius": 0.1}),
    (50, 3, {"bias_scaling": 30.0, "input_scaling": 0.005}),
    (4, 1, {"input_scaling": 0.005, "radius": 1.4, "bias_scaling": 0.0}),
    (500, 20, {"input_scaling": 1.0}),
]


@pytest.mark.parametrize("bits", [16, 8])
@pytest.mark.parametrize(("units", "channels", "settings"), HARD)
def test_no_sum_of_generated_weights_can_leave_32_bits(
    units: int, channels: int, settings: dict[str, Any], bits: int
) -> None:
    """The worst state and input for each neuron, and the inputs as large as that allows."""
    numbers = Numbers(bits, table_bits=8 if bits == 8 else 7)
    model = lowered("seeded", units=units, channels=channels, numbers=numbers, lengths=(30,), **settings)
    graph, a = model.graph, model.graph.step[1].attributes
    weights, driven = (
        np.abs(g.astype(np.int64)) for g in generated(a["start"], model.cell.units, model.cell.channels)
    )
    half = 2 ** a["state_down"] // 2
    inner = weights.sum(axis=1) * a["limit"] * 2 ** a["state_up"] + half
    worst = (inner >> a["state_down"]) + driven[:, :-1].sum(axis=1) * 32767 + driven[:, -1] * a["constant"]
    factor = int(graph.const("factor")[0])
    assert max(inner.max(), worst.max(), worst.max() * factor >> a["shift"]) < 2**31 - 1
    assert 0 <= a["constant"] <= 32767
    assert a["state_up"] == 0 or a["state_down"] == 0
    count = graph.by_name["x"].scale
    assert count is not None and model.inputs.peak <= 32767 * count
    largest = max(model.inputs.peak, a["constant"] * count)
    finer = 2 * inner.max() + (driven[:, :-1].sum(axis=1) * 32767).max()
    assert largest > 32767 * count / 2 or finer > 2**31


def test_generated_weights_are_not_rounded() -> None:
    """Up to the multiplier's 15 bits and the constant's 16 they are those of the float reservoir."""
    for bits, units in ((16, 20), (8, 20), (16, 7)):
        model = lowered("seeded", units=units, numbers=Numbers(bits, True, 8 if bits == 8 else 7))
        (stood,) = model.stands_for().layers
        assert isinstance(stood, Reservoir)
        for mine, wanted in (
            (stood.recurrent, model.cell.recurrent),
            (stood.inputs, model.cell.inputs),
            (stood.bias, model.cell.bias),
        ):
            np.testing.assert_allclose(mine, wanted, rtol=2**-11)
        assert {t.name for t in model.graph.kind("const")} == {"zero", "factor_in", "factor", "table"}


def test_weights_that_are_not_the_generated_ones_are_a_fault() -> None:
    model = lowered("seeded")
    for other in ({"start": 7}, {"recurrent": model.cell.recurrent.T}, {"bias": -model.cell.inputs[:, 0]}):
        with pytest.raises(AssertionError, match="not the generated ones"):
            lower_reservoir(
                replace(model.cell, **other), model.inputs, model.sensor, Numbers(), Pooling("last"),
                channels=("x", "y", "z"),
            )  # fmt: skip


def test_more_neurons_than_32_bits_can_add_are_refused() -> None:
    with pytest.raises(SartoError, match="sums of 1200 neurons leave 32 bits") as caught:
        lowered("seeded", units=1200, channels=1, lengths=(5,))
    assert caught.value.code == "E404"


def test_headroom_is_taken_only_where_it_is_needed() -> None:
    assert np.abs(lowered().graph.const("weights")).max() == 127
    tight = lowered(units=100, channels=20, lengths=(30,), input_scaling=2.0, radius=0.1).graph
    assert 1 <= np.abs(tight.const("weights")).max() <= np.abs(tight.const("inputs")).max() < 127


def test_what_no_scale_keeps_within_32_bits_is_refused() -> None:
    model = lowered(channels=24, units=30, lengths=(30,), input_scaling=2.0, radius=0.1)
    with pytest.raises(SartoError, match="sums of 30 neurons leave 32 bits") as caught:
        lower_reservoir(
            model.cell,
            replace(model.inputs, peak=1e6),
            model.sensor,
            Numbers(),
            Pooling("last"),
            channels=("x",) * 24,
        )
    assert caught.value.code == "E404"


@pytest.mark.parametrize("scale", [1e-30, 1e7])
def test_a_sensor_scale_that_cannot_be_the_datas_is_refused(scale: float) -> None:
    model = lowered(channels=1)
    with pytest.raises(SartoError, match="does not suit the data") as caught:
        lower_reservoir(
            model.cell,
            model.inputs,
            SensorFormat(16, np.array([scale]), "declared"),
            Numbers(),
            Pooling("last"),
            channels=("x",),
        )
    assert caught.value.code == "E112"


def test_input_statistics_are_those_of_the_values() -> None:
    values = np.array([[1, 10], [3, 10], [5, 40]], np.int16)
    inputs = InputStatistics.of(values)
    assert inputs.mean.tolist() == [3, 20]
    assert inputs.std == pytest.approx([np.sqrt(8 / 3), np.sqrt(200)])
    assert inputs.peak == pytest.approx(np.sqrt(2))


@pytest.mark.parametrize("numbers", [Numbers(16), Numbers(16, table_bits=5), Numbers(8, table_bits=8)])
def test_the_error_of_the_table_is_the_largest_over_all_arguments(numbers: Numbers) -> None:
    table = tanh_table(numbers)
    z = np.arange(32768) / 8192
    knots = np.linspace(0, 4, len(table))
    if numbers.state_bits == 16:
        assert len(table) == 2**numbers.table_bits + 1
        wanted = np.abs(np.interp(z, knots, table) / 32767 - np.tanh(z)).max()
        assert table_error(table) == pytest.approx(wanted, abs=2**-15)
        assert table_error(table) < 1.3 * (4 / 2**numbers.table_bits) ** 2 * 0.77 / 8 + 2**-14
    else:
        assert len(table) == 2**numbers.table_bits
        wanted = np.abs(np.repeat(table, 32768 // len(table)) / 127 - np.tanh(z)).max()
        assert table_error(table) == pytest.approx(wanted)
        assert table_error(table) < 2 / 2**numbers.table_bits + 0.5 / 127 + 1e-4


def test_a_ring_of_one_weight_keeps_one_weight_and_one_factor() -> None:
    for per_row in (True, False):
        graph = lowered("ring", numbers=Numbers(16, per_row)).graph
        assert [graph.const(n).shape for n in ("weights", "factor")] == [(1,), (1,)]
    model = lowered("ring")
    uneven = replace(model.cell, recurrent=np.linspace(0.1, 0.9, 20))
    graph = lower_reservoir(
        uneven, model.inputs, model.sensor, Numbers(), Pooling("last"), channels=("x", "y", "z")
    )
    assert graph.const("weights").shape == (20,)
    assert lowered("esn").graph.const("factor").shape == (20,)
    assert lowered("esn", numbers=Numbers(16, False)).graph.const("factor").shape == (1,)


def test_the_largest_training_mean_fills_half_of_a_feature() -> None:
    model = lowered(pooling=Pooling("mean_square_last"))
    means = trace(model.graph, model.raw, model.offsets)
    exponent = feature_exponents(means)
    peaks = np.abs(features(means, exponent)).max(axis=(0, 1))
    assert (peaks > FEATURE_LIMIT / 4 - 1).all()
    assert (peaks <= FEATURE_LIMIT / 2 + 1).all()
    silent = feature_exponents(np.zeros((3, 1, 2), np.int64))
    assert silent.tolist() == [15, 15]


def test_scores_are_the_readouts_in_counts_of_two_to_the_minus_14() -> None:
    model = lowered(pooling=Pooling("mean_square", 2, 5))
    means = trace(model.graph, model.raw, model.offsets)
    exponent, rng = feature_exponents(means), np.random.default_rng(0)
    weights, scale = rng.integers(-127, 128, (3, 80)), np.array([1e-6, 3e-6, 2e-5])
    graph = with_readout(
        model.graph, exponent, weights, Answers(scale, np.array([0.5, -1, 0]), ("a", "b", "c"))
    )
    pooled = features(means, exponent).reshape(len(means), -1)
    exact = (pooled @ weights.T * scale + np.array([0.5, -1, 0])) * 2**14
    got = decide(graph, means)
    per_class = (
        np.abs(pooled @ weights.T) * (scale.max() * 2**14 * 2**-15) + 1.01
    )  # all classes have one shift
    assert (np.abs(got.scores - exact) <= per_class).all()
    np.testing.assert_array_equal(got.classes, exact.argmax(axis=1))


def test_a_readout_too_wide_for_32_bits_is_refused() -> None:
    body = lowered(units=300, pooling=Pooling("mean_square", 4, 3), lengths=(12,) * 2).graph
    weights = np.full((2, 2400), 127)
    with pytest.raises(SartoError, match="output sums of 2400 features leave 32 bits") as caught:
        with_readout(
            body, np.full(600, 20, np.uint8), weights, Answers(np.full(2, 1e-5), np.zeros(2), ("a", "b"))
        )
    assert caught.value.code == "E404"


def test_a_readout_of_nothing_says_the_intercept() -> None:
    model = lowered()
    weights = np.zeros((2, 20), np.int64)
    graph = with_readout(
        model.graph,
        np.full(20, 30, np.uint8),
        weights,
        Answers(np.full(2, 1e-300), np.array([1.0, 2.0]), ("a", "b")),
    )
    assert interpret(graph, model.raw, model.offsets).scores[0].tolist() == [2**14, 2**15]


def test_scores_beyond_32_bits_are_clamped() -> None:
    model = lowered(pooling=Pooling("last"))
    weights = np.stack([np.full(20, 127), np.full(20, -127)])
    graph = with_readout(
        model.graph,
        np.full(20, 15, np.uint8),
        weights,
        Answers(np.full(2, 0.9), np.array([1e9, -1e9]), ("a", "b")),
    )
    means = np.full((1, 1, 20), 2**45)
    assert decide(graph, means).scores.tolist() == [[2**31 - 2, -(2**31) + 2]]


def test_the_whole_graph_names_classes_and_channels() -> None:
    graph = complete(lowered(), 4)
    assert graph.outputs == ("class 0", "class 1", "class 2", "class 3")
    assert graph.channels == ("channel 0", "channel 1", "channel 2")
    assert graph.const("weights_out").shape == (1, 20, 4)
