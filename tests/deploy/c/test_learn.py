"""The generated C that learns: on this host it says and keeps what its NumPy definition does, in every bit."""

from __future__ import annotations

import ctypes
import platform
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Int, Int32, Integer

from sarto.core.errors import SartoError
from sarto.core.graph import Graph, Window, interpret, trace, windows
from sarto.core.graph.interpreter import vectors
from sarto.deploy.c.emit import emit, said_of
from sarto.deploy.c.learn import (
    MOST_SAMPLES,
    Learning,
    beginning_of,
    check_learns,
    emit_learning,
    learning_graph,
)
from sarto.deploy.c.program import native_sources
from sarto.deploy.memory import arena
from sarto.learn.integer_rls import SUM_LIMIT, Beginning, IntegerRLS
from sarto.measure.image import constants
from sarto.measure.learning import Expected, expected, labelled, learner_at, learner_of
from sarto.measure.model import RawSequences
from sarto.measure.probe import compile_library
from sarto.measure.zig import write_sources
from tests.core.graph.companions import STATISTICS, companion
from tests.core.graph.graphs import raw_words, small_graph
from tests.deploy.c.chains import chain
from tests.deploy.c.test_sanitizers import SANITIZERS

GRAPHS = {
    "segments": small_graph(1, units=7, channels=4, segments=3, segment_steps=3, steep=True),
    "ring": small_graph(3, units=5, ring=True, kind="mean_square", word="int8"),
    "windows": small_graph(4, units=6, window=Window(6, 2), kind="mean"),
    "statistics": companion(STATISTICS[:3], "readout", 1, segments=2, segment_steps=4, wide=True),
    "convolution": companion("convolution", "readout", 4, channels=3),
}


POINTER = ctypes.c_void_p


def problem(graph: Graph, way: str) -> tuple[Beginning, RawSequences, Int[np.ndarray, " item"]]:
    """A beginning, sequences of all lengths, and labels of most of them."""
    rng = np.random.default_rng(6)
    lengths = rng.integers(0, 14, 40) if graph.window is None else rng.choice([6, 6, 6, 2], 40)
    raw, offsets = raw_words(7, lengths.tolist(), len(graph.channels), graph.by_name["raw"].dtype)
    found = vectors(graph, trace(graph, raw, offsets))
    labels = rng.integers(-1, len(graph.outputs), len(lengths))
    return beginning_of(graph, Learning.of(way), found), RawSequences(raw, offsets), labels


class Device:
    """The C of a model that learns, called as a user calls it; its RAM holds anything before."""

    def __init__(self, graph: Graph, beginning: Beginning) -> None:
        self.graph, self.beginning = graph, beginning
        sources = emit_learning(graph, beginning)
        model = {name: text for name, text in sources.items() if name != "main.c"}
        self.library = compile_library(
            model, "-O2", "-fno-sanitize=all", "-Wconversion", "-Wno-sign-conversion"
        )
        self.library.model_scores.restype = ctypes.POINTER(ctypes.c_int32)
        size = constants(sources["model.h"])["MODEL_ARENA_BYTES"]
        self.memory = ctypes.create_string_buffer(b"\xa5" * size, size)
        self.library.model_learn_reset(self.memory)
        self.library.model_init(self.memory)

    def step(self, words: Integer[np.ndarray, " channel"]) -> int:
        return int(self.library.model_step(self.memory, np.ascontiguousarray(words).ctypes.data_as(POINTER)))

    def predict(self) -> int:
        return int(self.library.model_predict(self.memory))

    def learn(self, label: int) -> None:
        self.library.model_learn(self.memory, label)

    @property
    def scores(self) -> list[int]:
        return list(self.library.model_scores(self.memory)[: len(self.graph.outputs)])

    @property
    def words(self) -> Int32[np.ndarray, " word"]:
        return learner_of(self.memory.raw, self.graph, self.beginning)

    def put_back(self, words: Int32[np.ndarray, " word"]) -> None:
        ctypes.memmove(
            ctypes.byref(self.memory, learner_at(self.graph, self.beginning)), words.tobytes(), words.nbytes
        )


def ran(
    graph: Graph, beginning: Beginning, given: RawSequences, labels: Int[np.ndarray, " item"]
) -> Expected:
    """What the C says of sequences that are learned after they were answered."""
    device = Device(graph, beginning)
    rows: list[list[int]] = []
    updates = 0
    for item, label in enumerate(labels.tolist()):
        for step, words in enumerate(given[item], 1):
            if (found := device.step(words)) >= 0:
                rows.append([item, step, found, *device.scores])
                device.learn(label)
                updates += label >= 0
        found = device.predict()
        rows.append([item, -1, found, *device.scores])
        if graph.window is None:
            device.learn(label)
            updates += label >= 0
    return Expected(np.array(rows), device.words, updates)


@pytest.mark.parametrize(("kind", "way"), [("segments", "rls:blank"), *((kind, "rls:3") for kind in GRAPHS)])
def test_it_says_and_keeps_what_the_definition_does(kind: str, way: str) -> None:
    graph = GRAPHS[kind]
    beginning, given, labels = problem(graph, way)
    wanted, said = expected(graph, beginning, given, labels), ran(graph, beginning, given, labels)
    assert np.array_equal(said.rows, wanted.rows)
    assert np.array_equal(said.words, wanted.words)
    assert said.updates == wanted.updates > 15
    unlearned = expected(graph, beginning, given, np.full(len(labels), -1))
    assert not np.array_equal(wanted.rows, unlearned.rows)


def test_windows_that_overlap_are_learned_each_after_its_answer() -> None:
    graph = GRAPHS["windows"]
    beginning, _, _ = problem(graph, "rls:3")
    assert graph.window is not None and graph.window.banks == 3
    raw, _ = raw_words(8, [40], len(graph.channels), graph.by_name["raw"].dtype)
    device, learner, label = Device(graph, beginning), IntegerRLS(beginning), 0
    cut = windows(graph.window, len(raw))
    pieces = np.concatenate([raw[first:end] for first, end in cut.tolist()])
    found = iter(vectors(graph, trace(graph, pieces, np.arange(len(cut) + 1) * graph.window.length)))
    for words in raw:
        if device.step(words) >= 0:
            vector = next(found)
            assert device.scores == learner.scores(vector[None])[0].tolist()
            label = (label + 1) % len(graph.outputs)
            device.learn(label)
            learner.learn(vector, label)
    assert next(found, None) is None
    assert np.array_equal(device.words, learner.words)


def test_it_goes_on_where_its_words_are_put_back_and_sums_may_be_full() -> None:
    graph = GRAPHS["ring"]
    beginning, given, labels = problem(graph, "rls:blank")
    device, learner = Device(graph, beginning), IntegerRLS(beginning)
    words = learner.words.copy()
    words[beginning.starts[:-1]] = SUM_LIMIT - np.arange(beginning.columns) * 100
    learner.put_back(words)
    device.put_back(words)
    found = vectors(graph, trace(graph, given.raw, given.offsets))
    for item, (vector, label) in enumerate(zip(found, labels.tolist(), strict=True)):
        for sample in given[item]:
            device.step(sample)
        device.predict()
        assert device.scores == learner.scores(vector[None])[0].tolist()
        device.learn(label)
        if label >= 0:
            learner.learn(vector, label)
    assert np.array_equal(device.words, learner.words)
    assert not np.array_equal(device.words, words)


def test_the_example_is_whole_and_nothing_in_it_is_undefined(tmp_path: Path) -> None:
    program = shutil.which("gcc")
    if program is None or platform.system() != "Linux":
        pytest.skip("needs the program gcc, on Linux")
    graph = GRAPHS["segments"]
    beginning, given, labels = problem(graph, "rls:3")
    kept = np.flatnonzero(np.diff(given.offsets) > 0)
    given = RawSequences(given.raw, np.concatenate([[0], given.offsets[kept + 1]]))
    labels = labels[kept]
    inputs = write_sources({**native_sources(), **emit_learning(graph, beginning)}, tmp_path)
    command = [program, "-std=c99", "-O1", "-Wall", "-Wextra", "-Werror", *SANITIZERS, *inputs, "-o", "model"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    lines = ["\n".join(" ".join(map(str, row)) for row in s.tolist()) for s in labelled(given, labels)]
    done = subprocess.run(
        [tmp_path / "model"], input="\n\n".join(lines) + "\n", capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    said = np.array([line.split() for line in done.stdout.splitlines()], np.int64)
    assert np.array_equal(said, expected(graph, beginning, given, labels).rows[:, 2:])


def test_it_begins_with_the_fitted_readout() -> None:
    graph = GRAPHS["statistics"]
    beginning, given, _ = problem(graph, "rls")
    plain = interpret(graph, given.raw, given.offsets)
    said = expected(graph, beginning, given, np.full(len(given), -1)).rows[:, 3:]
    moved = np.abs(said - plain.scores).max()
    assert moved <= 2e-3 * np.abs(plain.scores).max() + 2


def test_a_prefix_other_than_model_reaches_every_file() -> None:
    graph = replace(GRAPHS["ring"], name="net")
    sources = emit_learning(graph, problem(graph, "rls:blank")[0], "of a net", "words")
    assert set(sources) == {"net.c", "net.h", "learn.c", "learn.h", "main.c"}
    assert not any("model_" in text or "MODEL_" in text or '"model.h"' in text for text in sources.values())
    assert said_of({"model.c": sources["net.c"], "model.h": sources["net.h"]}) == ("of a net", "words")


def test_a_model_that_does_not_learn_is_as_it_was() -> None:
    graph = GRAPHS["ring"]
    assert "learn" not in emit(graph)["model.c"] + emit(graph)["model.h"]
    assert "weights_out" in emit(graph)["model.c"]
    blank, fitted = (emit_learning(graph, problem(graph, way)[0]) for way in ("rls:blank", "rls"))
    assert "weights_out" not in blank["model.c"] + fitted["model.c"]
    assert "weights_known" not in blank["learn.c"] and "weights_known" in fitted["learn.c"]


@pytest.mark.parametrize(
    ("graph", "cause"),
    [
        (chain(3, 2), "it is a network"),
        (companion(STATISTICS, "forest", 2), "it ends in forest"),
        (companion(STATISTICS, "random_features", 2), "it ends in random features"),
        (small_graph(1, forecast=True), "it predicts numbers"),
    ],
    ids=["network", "forest", "random features", "numbers"],
)
def test_what_cannot_learn_is_told(graph: Graph, cause: str) -> None:
    with pytest.raises(SartoError) as caught:
        check_learns(graph)
    assert caught.value.code == "E167"
    assert cause in (caught.value.cause or "")


def test_how_a_device_learns_is_said_in_a_word() -> None:
    assert Learning.of(" rls") == Learning(30) == Learning.of("rls:30")
    assert Learning.of("rls:blank") == Learning(None)
    assert [str(Learning.of(text)) for text in ("rls", "rls:7", "rls:blank")] == ["rls", "rls:7", "rls:blank"]
    for text in ("lms", "rls:", "rls:0", "rls:x", f"rls:{MOST_SAMPLES + 1}", "blank", "rls:-3"):
        with pytest.raises(SartoError) as caught:
            Learning.of(text)
        assert caught.value.code == "E167" and f"'{text}'" in caught.value.message


def test_the_arena_is_what_the_plan_says() -> None:
    graph = GRAPHS["windows"]
    beginning = problem(graph, "rls:blank")[0]
    learning = learning_graph(graph, beginning)
    header = emit_learning(graph, beginning)["model.h"]
    assert constants(header)["MODEL_ARENA_BYTES"] == arena(learning).size_b
    assert arena(learning).size_b - arena(graph).size_b >= 4 * beginning.words
