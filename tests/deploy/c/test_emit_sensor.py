"""Networks that read raw sensor words: against floats, one number at a time, and the C bit for bit."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from jaxtyping import Float, Integer

from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.core.graph.whole import tensors
from sarto.data.examples import Examples
from sarto.deploy.c.emit import emit
from sarto.deploy.c.network import arena_plan
from sarto.deploy.lower.inputs import InputStatistics
from sarto.deploy.lower.network import Lowered, lower_network
from sarto.deploy.lower.sensor import with_sensor
from sarto.deploy.sensor import SensorFormat
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.host import run_on_host
from sarto.measure.model import RawSequences, of_items, outputs
from sarto.measure.outputs import check_equal
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from tests.core.graph.slow_network import slow

SHAPES = {"sequence": (3, 7), "image": (2, 4, 3), "vector": (5,)}


@dataclass(frozen=True, eq=False)
class Made:
    """A network on standardised inputs, the same on words, its items, their words, and what a word is in counts."""

    lowered: Lowered
    raw: Lowered
    x: Float[np.ndarray, "item ..."]
    words: Integer[np.ndarray, "item ..."]
    word: Float[np.ndarray, " channel"]


@cache
def made(kind: str) -> Made:
    """Return a network with words of 16 bits, or of 8 for the vector."""
    rng, shape = np.random.default_rng(0), SHAPES[kind]
    channels = shape[0]
    mean, std = rng.normal(0, 50, channels), np.exp(rng.normal(0, 2, channels))
    x = rng.normal(size=(24, *shape)).astype(np.float32)
    x = np.abs(x) if kind == "image" else x
    before = "conv" if len(shape) > 1 else "input"
    conv = Node("conv", "conv", ("input",), {"channels": 4, "kernel": (3, 2)[: len(shape) - 1] or 1})
    nodes = (Node("flat", "flatten", (before,)), Node("head", "linear", ("flat",), {"features": 3}))
    nodes = (conv, *nodes) if before == "conv" else nodes
    data = Examples(x, np.arange(len(x)) % 3, ("a", "b", "c"))
    network = Network(Architecture(shape, nodes), seed=1)
    lowered = lower_network(ptq.quantise(State(network), Evaluation(data, data)).network, data.classes)
    along = (slice(None), *(None,) * (len(shape) - 1))
    values = x * std[along] + mean[along]
    rows = np.moveaxis(values, 1, -1).reshape(-1, channels)
    sensor = SensorFormat.calibrate(rows, bits=8 if kind == "vector" else 16)
    words = np.moveaxis(sensor.encode(rows).reshape(len(x), *shape[1:], channels), -1, 1)
    raw = with_sensor(lowered, InputStatistics(mean, std, 4.0), sensor)
    return Made(lowered, raw, x, words, sensor.scale / std / lowered.scale)


@pytest.mark.parametrize("kind", SHAPES)
def test_words_become_what_the_network_reads_to_a_count(kind: str) -> None:
    one = made(kind)
    lowered, raw, items = one.lowered, one.raw, one.raw.items(one.words)
    (given,) = lowered.graph.kind("input")
    assert given.dtype == ("uint8" if kind == "image" else "int8")
    found = tensors(raw.graph, items)[raw.graph.whole[0].outputs["x"]]
    apart = found - lowered.items(one.x)
    assert found.dtype == given.dtype and len(np.unique(found)) > 30
    # a word is rounded, and so are the mean in words and the count
    assert (np.abs(apart).reshape(-1, apart.shape[-1]).max(axis=0) <= 1 + one.word).all()
    for name, values in slow(raw.graph, items[0]).items():
        np.testing.assert_array_equal(tensors(raw.graph, items[:1])[name][0], values, err_msg=name)


def extremes(raw: Lowered, words: Integer[np.ndarray, "item ..."]) -> RawSequences:
    """Return the items, and one each of the least and the largest words."""
    ends = np.stack([np.full(words.shape[1:], limit) for limit in (-(2**15), 2**15 - 1)])
    ends = ends if words.dtype == np.int16 else ends >> 8
    return of_items(raw.items(np.concatenate([words, ends.astype(words.dtype)])))


@pytest.mark.parametrize("kind", SHAPES)
def test_host(kind: str) -> None:
    raw, words = made(kind).raw, made(kind).words
    given = extremes(raw, words)
    found = outputs(raw.graph, given)
    assert len({tuple(row) for row in found.scores.tolist()}) > 20
    source = emit(raw.graph)
    check_equal(found, run_on_host(source, given.listed(), sanitize=True), "NumPy", "C")
    assert f"typedef {words.dtype}_t model_sample;" in source["model.h"]
    plain = arena_plan(made(kind).lowered.graph)
    assert arena_plan(raw.graph).size_b == plain.size_b, "words are never stored"


def test_lines_that_were_not_given_are_words_of_0() -> None:
    raw = made("sequence").raw
    few = of_items(raw.items(made("sequence").words[:1])).raw
    all_of_it = np.concatenate([few[:4], np.zeros_like(few[4:])])
    short, whole = (run_on_host(emit(raw.graph), [part]) for part in (few[:4], all_of_it))
    assert (
        short.scores.tolist() == whole.scores.tolist() != run_on_host(emit(raw.graph), [few]).scores.tolist()
    )


def test_cortex_m4() -> None:
    raw, words = made("image").raw, made("image").words
    given = extremes(raw, words)
    built = build(emit(raw.graph), device("cortex_m4"))
    run = emulate(built, given.listed())
    check_equal(outputs(raw.graph, given), run.outputs, "NumPy", "cortex_m4")
    assert not built.diagnostics


def test_another_number_of_channels_is_refused() -> None:
    lowered, raw = made("sequence").lowered, made("sequence").raw
    two = InputStatistics(np.zeros(2), np.ones(2), 1.0)
    sensor = SensorFormat(16, np.ones(2), "declared")
    with pytest.raises(InputError, match="reads 3 channels, and the sensor has 2"):
        with_sensor(lowered, two, sensor)
    with pytest.raises(InputError, match="cannot read sensor words"):
        with_sensor(raw, two, sensor)
