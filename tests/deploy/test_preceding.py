"""A network behind a sensor: its raw words, items that end early, and the windows of a stream."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.core.graph import Graph, Window, infer, items_of
from sarto.core.graph.file import load_graph, save_graph
from sarto.core.graph.front_end import SCALE
from sarto.data.examples import Examples
from sarto.deploy.c.emit import arena_b, emit
from sarto.deploy.c.network import arena_plan
from sarto.deploy.lower.inputs import InputStatistics
from sarto.deploy.lower.network import Lowered, lower_network
from sarto.deploy.lower.preceding import Standardiser, standardiser, with_sensor
from sarto.deploy.onnx.integers import integer_model
from sarto.deploy.sensor import SensorFormat
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.host import run_on_host
from sarto.measure.model import RawSequences, outputs
from sarto.measure.onnx import INTEGER_TOLERANCE, agreement
from sarto.measure.outputs import check_equal
from sarto.measure.session import Session
from sarto.models.input_error import InputError
from sarto.models.network.module import Network
from sarto.models.network.named import named

STEPS, CHANNELS = 12, ("a", "b", "c")
SENSOR = SensorFormat(16, np.array([0.5, 0.01, 2.0]), "declared")
INPUTS = InputStatistics(np.array([10.0, -1.0, 700.0]), np.array([40.0, 0.7, 300.0]), 5.0)


@cache
def network(scale: float | None = SCALE, steps: int = STEPS) -> Lowered:
    rng = np.random.default_rng(1)
    x = rng.normal(size=(64, 3, steps)).clip(-3.9, 3.9).astype(np.float32)
    data = Examples(x, rng.integers(0, 4, 64), tuple("wxyz"), input_scale=scale)
    state = State(Network(named("cnn1d", (3, steps), 4, width=5, depth=2), seed=2))
    return lower_network(ptq.quantise(state, Evaluation(data, data)).network, data.classes)


def sensor() -> Standardiser:
    return standardiser(INPUTS, SENSOR, STEPS)


def behind(window: Window | None = None) -> Graph:
    return with_sensor(network(), sensor(), CHANNELS, window)


def sequences(*lengths: int) -> RawSequences:
    rng = np.random.default_rng(len(lengths))
    rows = sum(lengths)
    values = INPUTS.mean + 1.6 * INPUTS.std * rng.standard_t(3, size=(rows, 3))
    return RawSequences(SENSOR.encode(values), np.concatenate([[0], np.cumsum(lengths)]))


def test_words_become_what_the_network_reads() -> None:
    graph, words, made = behind(), sequences(STEPS, STEPS), sensor()
    x = made.items(words.raw, words.offsets)
    wanted = (words.raw * SENSOR.scale - INPUTS.mean) / INPUTS.std / SCALE
    off = x.reshape(-1, 3) - wanted.clip(-127, 127)
    assert np.abs(off).max() <= 0.5 + 0.5 * (SENSOR.scale / INPUTS.std / SCALE).max() and x.max() == 127
    found = infer(graph, items_of(graph, words.raw, words.offsets))
    assert (found.scores == infer(network().graph, x).scores).all()


def test_an_early_end_is_at_the_mean_and_a_late_one_is_left_out() -> None:
    words = sequences(5, STEPS + 4)
    x = sensor().items(words.raw, words.offsets)
    assert not x[0, 0, 5:].any() and x[0, 0, :5].any()
    later = RawSequences(words.raw[5 : 5 + STEPS], np.array([0, STEPS]))
    assert (x[1] == sensor().items(later.raw, later.offsets)[0]).all()


@pytest.mark.parametrize("name", ["cortex_m4", "rv32imc"])
def test_c_takes_the_words_as_they_come(name: str) -> None:
    graph, words = behind(), sequences(STEPS, 3, STEPS + 2, 1, STEPS)
    image = build(emit(graph), device(name))
    truth = outputs(graph, words)
    check_equal(truth, emulate(image, words.listed()).outputs, "NumPy", name)
    check_equal(truth, run_on_host(emit(graph), words.listed(), sanitize=True), "NumPy", "C")
    assert image.constants["MODEL_ARENA_BYTES"] == arena_b(graph) and not image.diagnostics


def test_words_take_no_ram() -> None:
    graph = behind()
    assert arena_b(graph) == arena_b(network().graph)
    (given,) = network().graph.kind("input")
    assert arena_plan(graph).buffers[0].size_b == given.size_b


@pytest.mark.parametrize(("hop", "name"), [(5, "cortex_m0plus"), (STEPS, "cortex_m4")])
def test_windows_of_a_stream(hop: int, name: str) -> None:
    graph, stream = behind(Window(STEPS, hop)), sequences(40)
    starts = np.arange(0, 40 - STEPS + 1, hop)
    cut = RawSequences(
        np.concatenate([stream.raw[s : s + STEPS] for s in starts]), STEPS * np.arange(len(starts) + 1)
    )
    wanted = outputs(graph, cut)
    image = build(emit(graph), device(name))
    for said in (
        run_on_host(emit(graph), stream.listed(), sanitize=True),
        emulate(image, stream.listed()).outputs,
    ):
        assert said.windows[:, 1].tolist() == (starts + STEPS - 1).tolist()
        assert (said.window_classes == wanted.classes).all()
        assert (said.window_scores == wanted.scores).all()
        assert said.classes.tolist() == wanted.classes[-1:].tolist()
    check_equal(wanted, run_on_host(emit(graph), cut.listed(), sanitize=True), "NumPy", "C")
    assert image.constants["MODEL_HOP"] == hop and image.constants["MODEL_ARENA_BYTES"] == arena_b(graph)


def test_a_stream_that_ends_before_its_first_window() -> None:
    graph, words = behind(Window(STEPS, 4)), sequences(7)
    whole = behind()
    said = run_on_host(emit(graph), words.listed(), sanitize=True)
    assert (said.scores == infer(whole, items_of(whole, words.raw, words.offsets)).scores).all()


def test_a_graph_comes_back_from_its_file(tmp_path: Path) -> None:
    path, graph = tmp_path / "graph.npz", behind(Window(STEPS, 4))
    save_graph(graph, path)
    assert load_graph(path).sha256 == graph.sha256 != behind().sha256


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(InputError, match="cannot read the numbers of the sensor"):
        with_sensor(network(None), sensor(), CHANNELS)
    with pytest.raises(InputError, match=r"shape \(1, 13, 3\)"):
        with_sensor(network(SCALE, 13), sensor(), CHANNELS)


def test_names_cannot_end_a_comment() -> None:
    graph = replace(behind(), outputs=("a*/b", "c\\", "d\ne", "f"), channels=("*/", "b", "c"))
    words = sequences(STEPS)
    check_equal(outputs(graph, words), run_on_host(emit(graph), words.listed()), "NumPy", "C")


def test_onnx_takes_values_in_their_units() -> None:
    graph, words = behind(), sequences(*[STEPS] * 20)
    values = (words.raw * SENSOR.scale).reshape(20, STEPS, 3).swapaxes(1, 2)
    data = integer_model(graph, (3, STEPS), unit=SENSOR.scale)
    said = Session(data).scores(values.astype(np.float32))
    (scores,) = graph.kind("output")
    ours = infer(graph, items_of(graph, words.raw, words.offsets)).scores * (scores.scale or 0)
    assert agreement(ours, said, INTEGER_TOLERANCE).holds and np.abs(ours).max() > 0
