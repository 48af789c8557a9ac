"""Lowered window statistics, kernels, random features and forests follow the real-valued ones."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from jaxtyping import Float, Int

from sarto.core.errors import SartoError
from sarto.core.graph import Graph, Window, decide, features, interpret, trace
from sarto.core.graph.heads import activations
from sarto.core.graph.statistics import STATISTICS
from sarto.deploy.lower import Answers, InputStatistics, feature_exponents
from sarto.deploy.lower.activation import activation_error
from sarto.deploy.lower.convolution import lower_convolution
from sarto.deploy.lower.forest import with_forest
from sarto.deploy.lower.random_features import lower_random_features, with_random_features
from sarto.deploy.lower.statistics import lower_statistics, width
from sarto.deploy.sensor import SensorFormat
from sarto.learn.forest import ForestSettings, grow
from sarto.models.convolution import draw
from sarto.models.random_features import RandomFeatures, build

LENGTHS = (30, 7, 41, 12, 1, 25)
OFFSETS = np.concatenate([[0], np.cumsum(LENGTHS)])


def data(channels: int = 2) -> tuple[Any, InputStatistics, SensorFormat, Any]:
    """Slow noise of uneven channels: real values, their statistics, the sensor, raw words."""
    rng = np.random.default_rng(0)
    values = rng.normal(size=(OFFSETS[-1], channels)) * 10.0 ** np.arange(channels) + 3
    sensor = SensorFormat.calibrate(values)
    return values, InputStatistics.of(values), sensor, sensor.encode(values)


def standardised(values: Any, inputs: InputStatistics) -> list[Float[np.ndarray, "step channel"]]:
    x = (values - inputs.mean) / inputs.std
    return [x[a:b] for a, b in pairwise(OFFSETS)]


def test_statistics_are_those_of_the_real_values() -> None:
    values, inputs, sensor, raw = data()
    graph = lower_statistics(STATISTICS, inputs, sensor, 1, 0, channels=("a", "b"))
    means = trace(graph, raw, OFFSETS)[:, 0]
    count = graph.by_name["x"].scale
    assert count is not None
    for item, x in zip(means, standardised(values, inputs), strict=True):
        step = np.abs(np.diff(x, axis=0, prepend=x[:1])).sum(axis=0) / len(x)
        crossings = ((x[1:] < 0) != (x[:-1] < 0)).sum(axis=0) / len(x)
        exact = [x.mean(axis=0), x.std(axis=0), x.min(axis=0), x.max(axis=0), step / 2]
        got = item.reshape(6, 2) * 2.0**-30
        np.testing.assert_allclose(got[:5] * count, exact, rtol=0, atol=3 * count)
        np.testing.assert_allclose(got[5] / 2**14, crossings, rtol=0, atol=1e-4)


def test_inputs_use_the_smallest_power_of_two_that_holds_them() -> None:
    _, inputs, sensor, _ = data()
    graph = lower_statistics(("mean",), inputs, sensor, 1, 0, channels=("a", "b"))
    count = graph.by_name["x"].scale
    assert count is not None and np.log2(count) % 1 == 0
    assert inputs.peak / 2 < 32767 * count / 1 and inputs.peak <= 32767 * count < 2 * inputs.peak * 1.0001
    assert width(("mean", "change"), 5) == 10


def test_segments_and_windows_reach_the_graph() -> None:
    _, inputs, sensor, _ = data()
    graph = lower_statistics(("largest",), inputs, sensor, 3, 10, channels=("a", "b"), window=Window(30, 10))
    assert (graph.segments, graph.segment_steps, graph.window) == (3, 10, Window(30, 10))
    assert [t.name for t in graph.kind("state")] == ["high"], "only what the statistics need is kept"


def test_kernels_count_as_real_convolutions_do() -> None:
    """Thresholds lie between two responses, mostly: of each kernel few steps may be on the other side."""
    values, inputs, sensor, raw = data()
    kernels = draw(40, 2, 41, seed=1, dilations=3, reach=1.0)
    graph = lower_convolution(kernels, (raw, OFFSETS), inputs, sensor, 1, 0, channels=("a", "b"))
    got = trace(graph, raw, OFFSETS)[:, 0] * 2.0**-30
    count = graph.by_name["x"].scale
    assert count is not None
    threshold = graph.const("threshold").astype(float) * 16 * count
    begin, off, steps = 0, 0.0, 0
    for channel, dilation, end in zip(kernels.channel, kernels.dilation, kernels.end, strict=True):
        for k in range(begin, end):
            weights = np.full(9, -1.0)
            weights[
                [int(kernels.taps[k]) & 15, int(kernels.taps[k]) >> 4 & 15, int(kernels.taps[k]) >> 8]
            ] = 2
            dilated = np.zeros(8 * dilation + 1)
            dilated[::dilation] = weights
            for item, x in enumerate(standardised(values, inputs)):
                response = np.convolve(x[:, channel], dilated[::-1])[: len(x)]
                off += abs((response > threshold[k]).sum() - got[item, k] * len(x))
                steps += len(x)
        begin = end
    assert off / steps < 0.005
    whole = got.T @ np.array(LENGTHS) / OFFSETS[-1]
    assert np.abs(whole - (1 - kernels.quantile)).max() < 0.02, "a threshold is the quantile of its responses"


@pytest.mark.parametrize("activation", ["tanh", "cosine"])
def test_random_features_follow_the_real_layer(activation: Any) -> None:
    """Against the layer that the integers stand for, to the table's error; a weight is off by half a count."""
    rng = np.random.default_rng(0)
    vectors = rng.integers(-4000, 4000, (200, 6)) // np.array([1, 2, 4, 8, 3, 1])
    layer = build(50, 6, seed=0, activation=activation, input_scaling=1.0, bias_scaling=0.5).on_raw(
        vectors.mean(axis=0), vectors.std(axis=0)
    )
    op, tables = lower_random_features(layer)
    consts = {t.name: t.data for t in tables if t.data is not None}
    unit = 2**15 / np.pi if activation == "cosine" else 2.0**13
    row = consts["factor_hidden"] / 2.0 ** op.attributes["shift"] / unit
    weights = consts["weights_hidden"] * row[:, None]
    bias = consts["bias_hidden"] * 2.0 ** op.attributes["bias_shift"] * row
    got = activations(vectors, consts, dict(op.attributes)) / 8191
    stood_for = RandomFeatures(weights, bias, activation)(vectors.astype(float))
    assert np.abs(got - stood_for).max() < 1e-3
    assert (
        np.abs(weights - layer.weights).max(axis=1) <= 0.51 * np.abs(layer.weights).max(axis=1) / 127
    ).all()
    assert np.abs(consts["weights_hidden"]).max() == 127
    turn = 2 * np.pi if activation == "cosine" else np.inf
    off = np.abs(bias - layer.bias)
    assert np.minimum(off % turn, turn - off % turn).max() < 2e-3


def body() -> tuple[Graph, Int[np.ndarray, "item segment unit"], Any]:
    _, inputs, sensor, raw = data()
    graph = lower_statistics(("mean", "deviation", "change"), inputs, sensor, 2, 12, channels=("a", "b"))
    return graph, trace(graph, raw, OFFSETS), raw


def test_a_layer_whose_sums_leave_32_bits_is_refused_and_headroom_is_taken_before() -> None:
    wide = build(4, 2000, seed=0, activation="tanh", input_scaling=1.0, bias_scaling=0.0)
    op, tables = lower_random_features(wide.on_raw(np.zeros(2000), np.full(2000, 100.0)))
    consts = {t.name: t.data for t in tables if t.data is not None}
    worst = np.abs(consts["weights_hidden"].astype(object)).sum(axis=1) * 8191
    assert max(worst) < 2**31
    assert (
        max(
            int(w) * int(f) >> op.attributes["shift"]
            for w, f in zip(worst, consts["factor_hidden"], strict=True)
        )
        < 2**31
    )
    huge = build(2, 50, seed=0, activation="tanh", input_scaling=1e6, bias_scaling=0.0)
    with pytest.raises(SartoError) as caught:
        lower_random_features(huge.on_raw(np.zeros(50), np.ones(50)))
    assert caught.value.code == "E404"


def test_scores_of_random_features_are_those_of_the_readout() -> None:
    graph, means, raw = body()
    exponent = feature_exponents(means)
    vectors = features(means, exponent).reshape(len(means), -1)
    layer = build(9, vectors.shape[1], seed=0, activation="tanh", input_scaling=1.0, bias_scaling=0.1)
    lowered = lower_random_features(layer.on_raw(vectors.mean(axis=0), vectors.std(axis=0)))
    weights = np.random.default_rng(0).integers(-127, 128, (3, 9))
    scale, intercept = np.array([1e-6, 2e-6, 5e-7]), np.array([0.5, 0, -1.0])
    whole = with_random_features(
        graph, exponent, lowered, weights, Answers(scale, intercept, ("p", "q", "r"))
    )
    consts = {t.name: t.data for t in lowered[1] if t.data is not None}
    hidden = activations(vectors, consts, dict(lowered[0].attributes))
    got = decide(whole, means).scores * 2.0**-14
    np.testing.assert_allclose(got, hidden @ weights.T * scale + intercept, rtol=2e-4, atol=2**-14)
    assert interpret(whole, raw, OFFSETS).scores.tolist() == decide(whole, means).scores.tolist()


def test_scores_of_a_forest_are_its_shares() -> None:
    graph, means, raw = body()
    exponent = feature_exponents(means)
    vectors = features(means, exponent).reshape(len(means), -1)
    target = np.array([0, 1, 2, 0, 1, 2])
    grown = grow(vectors, np.eye(3)[target], ForestSettings(5, 6), seed=0, classes=True)
    whole = with_forest(graph, exponent, grown.trees, Answers(grown.scale, np.zeros(3), ("p", "q", "r")))
    got = interpret(whole, raw, OFFSETS)
    assert got.classes.tolist() == (got.scores.argmax(axis=1)).tolist()
    np.testing.assert_allclose(got.scores.sum(axis=1) * 2.0**-14, 1, atol=0.02)
    assert (got.classes == target).mean() > 0.6
    assert whole.by_name["tree_feature"].dtype == "uint8"


@pytest.mark.parametrize(("activation", "name"), [("tanh", "tanh"), ("cosine", "cosine")])
def test_the_error_of_the_table_is_told_by_name(activation: Any, name: str) -> None:
    graph, means, _ = body()
    layer = build(9, 12, seed=0, activation=activation, input_scaling=1.0, bias_scaling=0.1)
    lowered = lower_random_features(layer.on_raw(np.zeros(12), np.full(12, 900.0)))
    whole = with_random_features(
        graph,
        feature_exponents(means),
        lowered,
        np.ones((2, 9), int),
        Answers(np.full(2, 1e-6), np.zeros(2), ("p", "q")),
    )
    told, error = activation_error(whole)
    assert told == name
    assert 1e-5 < error < 7.5e-4, "tanh ends at 4, where it is within 0.0007 of 1"
