"""The generated C on this host equals the NumPy interpreter bit for bit, without undefined behaviour."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise, product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import Integer

from sarto.core.graph import Graph, Op, Window, interpret, trace, windows
from sarto.core.graph.operations import SCORE_LIMIT
from sarto.deploy.c.emit import emit
from sarto.deploy.c.layout import laid_out
from sarto.deploy.lower import Answers, Numbers
from sarto.deploy.lower.forest import with_forest
from sarto.learn.forest import ForestSettings, grow
from sarto.measure.host import run_on_host
from sarto.measure.probe import compile_library
from sarto.measure.zig import run, write_sources
from sarto.models.pooling import Pooling
from tests.core.graph.companions import STATISTICS, companion
from tests.core.graph.graphs import raw_words, small_graph
from tests.core.graph.layers import PARTS, layered
from tests.deploy.models import complete, lowered

KINDS = ("last", "mean", "mean_square", "mean_square_last")
WORDS = ("int8", "int16", "int32")
LENGTHS = [6, 1, 9, 13, 3, 0, 12, 2, 8, 1]


def equal_on_sequences(graph: Graph, raw: Integer[np.ndarray, "row channel"], offsets: Any) -> None:
    """Each sequence ends with `predict`, also where windows could end in it."""
    host = run_on_host(emit(graph), [raw[a:b] for a, b in pairwise(offsets)], sanitize=True)
    window = graph.window
    if window is None:
        wanted = interpret(graph, raw, offsets)
        assert len(host.windows) == 0
        np.testing.assert_array_equal(host.scores, wanted.scores)
        np.testing.assert_array_equal(host.classes, wanted.classes)
        return
    rows: list[list[int]] = []
    for item, (a, b) in enumerate(pairwise(offsets)):
        inside = windows(window, int(b - a))
        ends = inside[:, 1].tolist()
        parts = [raw[a + first : a + last] for first, last in inside]
        got = [interpret(graph, part, np.array([0, len(part)])) for part in parts]
        rows += [[item, end - 1, o.classes[0], *o.scores[0]] for end, o in zip(ends, got, strict=True)]
        last = got[-1] if got else interpret(graph, raw[a:b], np.array([0, b - a]))
        assert host.scores[item].tolist() == last.scores[0].tolist()
        assert host.classes[item] == last.classes[0]
    found = np.column_stack([host.windows, host.window_classes, host.window_scores])
    assert found.tolist() == rows


def grid() -> list[Any]:
    """Every cell, pooling and state width, each once with segments and once without; the rest in turn."""
    cases: list[Any] = []
    cells = ["esn", "ring", "seeded"]
    for number, (cell, kind, bits, segments) in enumerate(product(cells, KINDS, [16, 8], [1, 3])):
        shape = dict(
            ring=cell == "ring",
            start=None if cell != "seeded" else 0xFFFFFFFF - number,
            kind=kind,
            bits=bits,
            segments=segments,
            segment_steps=3 if segments > 1 else 0,
            window=(None, Window(9, 4), Window(8, 8), Window(7, 1))[(number + number // 4) % 4],
            word=WORDS[number % 3],
            steep=(number // 2) % 2 == 1,
            per_row=number % 5 != 0,
            shared_ring=cell == "ring" and number % 3 == 0,
            units=(5, 1, 4, 11)[number % 4],
            channels=(2, 1, 3, 6)[(number // 3) % 4],
            classes=(3, 2)[number % 2],
            forecast=(number // 2) % 3 == 1,
        )
        cases.append(pytest.param(shape, id=f"{cell}-{kind}-{bits}-{segments}"))
    return cases


@pytest.mark.parametrize("shape", grid())
def test_equals_the_interpreter(shape: dict[str, Any]) -> None:
    graph = small_graph(1, **shape)
    raw, offsets = raw_words(3, LENGTHS, shape["channels"], shape["word"])
    equal_on_sequences(graph, raw, offsets)


@pytest.mark.parametrize(
    ("number", "parts", "bits"), [(n, p, b) for n, p in enumerate(PARTS) for b in (16, 8)]
)
def test_layers_equal_the_interpreter(number: int, parts: str, bits: int) -> None:
    graph = layered(
        PARTS[parts],
        5,
        bits=bits,
        kind=KINDS[number % 4],
        channels=(2, 1, 5)[number % 3],
        steep=number % 2 == 1,
        segments=(1, 3)[number // 2 % 2],
        segment_steps=3 * (number // 2 % 2),
        window=(None, Window(9, 4), Window(7, 1))[number % 3],
        word=WORDS[number % 3],
    )
    raw, offsets = raw_words(3, LENGTHS, len(graph.channels), graph.by_name["raw"].dtype)
    equal_on_sequences(graph, raw, offsets)


def companions() -> list[Any]:
    """Every other body with every head, and each statistic alone; windows, words and segments in turn."""
    cases: list[Any] = []
    bodies = [STATISTICS, "convolution", *[(name,) for name in STATISTICS], ("mean", "deviation")]
    for number, (body, head) in enumerate(product(bodies, ["readout", "forest", "random_features"])):
        segments = (1, 3)[number % 2]
        shape = dict(
            segments=segments,
            segment_steps=3 if segments > 1 else 0,
            window=(None, Window(9, 4), Window(8, 8), Window(7, 1))[(number + number // 4) % 4],
            word=WORDS[number % 3],
            channels=(2, 1, 3)[(number // 3) % 3],
            classes=(3, 2)[number % 2],
            forecast=(number // 2) % 3 == 1,
            cosine=number % 4 > 1,
            wide=number % 5 == 0,
        )
        name = "-".join(body) if isinstance(body, tuple) else body
        cases.append(pytest.param(body, head, shape, id=f"{name}-{head}"))
    return cases


@pytest.mark.parametrize(("body", "head", "shape"), companions())
def test_a_companion_equals_the_interpreter(body: Any, head: str, shape: dict[str, Any]) -> None:
    raw, offsets = raw_words(3, [*LENGTHS, 40], shape["channels"], shape["word"])
    equal_on_sequences(companion(body, head, 1, **shape), raw, offsets)


@pytest.mark.parametrize("body", [STATISTICS, "convolution"])
def test_a_companion_stops_pooling_where_its_counter_ends(body: Any) -> None:
    graph = companion(body, "readout", channels=1, classes=2)
    rng = np.random.default_rng(0)
    whole, tail = (rng.integers(-2000, 2000, (n, 1)).astype(np.int16) for n in (65535, 900))
    raw = np.concatenate([whole, whole, tail, whole[900:], tail])
    equal_on_sequences(graph, raw, np.array([0, 65535, 2 * 65535 + 900, 3 * 65535 + 900]))
    host = run_on_host(emit(graph), [whole, np.concatenate([whole, tail])])
    assert host.scores[0].tolist() == host.scores[1].tolist()


def test_statistics_at_the_ends_of_their_words() -> None:
    """The largest sums, squares and changes that a segment can have; the sanitizer watches."""
    graph = companion(STATISTICS, "readout", channels=2, classes=2, word="int16", wide=True)
    graph.const("factor_in")[:] = 2**23
    constant = np.full((65535, 2), 32767, np.int16)
    swinging = np.where(np.arange(65535)[:, None] % 2, constant, -constant)
    raw = np.concatenate([constant, -constant, swinging])
    equal_on_sequences(graph, raw, np.arange(4) * 65535)


@pytest.mark.parametrize(
    ("cell", "numbers", "bits", "window"),
    [
        ("esn", Numbers(), 16, Window(20, 7)),
        ("esn", Numbers(8, False, 8), 32, None),
        ("ring", Numbers(), 8, Window(20, 10)),
        ("ring", Numbers(16, False), 16, None),
        ("seeded", Numbers(), 16, Window(20, 7)),
        ("seeded", Numbers(8, True, 8), 32, None),
    ],
)
def test_a_lowered_model_equals_the_interpreter_in_a_stream_and_at_the_extremes(
    cell: str, numbers: Numbers, bits: int, window: Window | None
) -> None:
    model = lowered(
        cell,
        units=17,
        numbers=numbers,
        bits=bits,
        window=window,
        pooling=Pooling("mean_square_last", 2, 9),
        input_scaling=2.0,
        radius=1.4,
    )
    graph, word = complete(model), np.iinfo(f"int{bits}")
    rng = np.random.default_rng(0)
    extreme = rng.choice([word.min, word.max, -1, 0, 1], (70, 3)).astype(f"int{bits}")
    constant = np.full((60, 3), word.min, f"int{bits}")
    raw = np.concatenate([model.raw[:90], extreme, constant, -constant - 1])
    equal_on_sequences(graph, raw, np.array([0, 90, 160, 220, 280]))


def test_a_segment_longer_than_its_counter_stops_pooling() -> None:
    graph = small_graph(units=1, channels=1, kind="mean", classes=2)
    graph.const("exponent")[:] = 33
    whole, tail = np.full((65535, 1), 900, np.int16), np.full((3000, 1), -900, np.int16)
    host = run_on_host(
        emit(graph),
        [whole, np.concatenate([whole, tail]), np.concatenate([whole[3000:], tail])],
        sanitize=True,
    )
    assert host.scores[0].tolist() == host.scores[1].tolist() != host.scores[2].tolist()


def test_the_reciprocal_of_the_steps_is_rounded() -> None:
    """2975 steps, where cutting off the reciprocal of 2^30 moves some of 80 features by a count."""
    assert 0.5 < 2**30 % 2975 / 2975 < 0.66
    graph = small_graph(units=40, channels=1, kind="mean_square", classes=2)
    graph.const("exponent")[:] = 32
    raw, offsets = raw_words(0, [2975], 1)
    equal_on_sequences(graph, raw, offsets)


def test_scores_at_the_limit_of_32_bits() -> None:
    """Inputs that push every class sum as far as it goes; the sanitizer watches."""
    graph = small_graph(units=6, steep=True, kind="last")
    raw, offsets = np.tile(np.array([[32767, -32768]], np.int16), (5, 1)), np.array([0, 5])
    towards = np.sign(trace(graph, raw, offsets)[0, 0])[:, None] * np.array([127, -127, 0])
    graph.const("weights_out")[0] = towards
    graph.const("factor_out")[:] = 32767
    graph.const("exponent")[:] = 15
    graph.const("bias_out")[:] = [SCORE_LIMIT, -SCORE_LIMIT, 0]
    assert interpret(graph, raw, offsets).scores.tolist() == [[2 * SCORE_LIMIT, -2 * SCORE_LIMIT, 0]]
    equal_on_sequences(graph, raw, offsets)


NASTY = (
    "*/ int x; /*",
    "/*",
    "*\\\n/",
    "a\\",
    'q"uo\'te"',
    "new\nline\r\u2028",
    "trigraph ??/",
    "??=define x",
    "é \u202e 中 \ud800",
    "{name} %s {0}",
    "",
    "*" * 3 + "/" * 3,
)


def test_names_cannot_break_the_c() -> None:
    graph = replace(small_graph(classes=len(NASTY), channels=len(NASTY)), outputs=NASTY, channels=NASTY)
    sources = emit(graph, title=" ".join(NASTY))
    sources = {name: text.encode("utf-8", "strict").decode() for name, text in sources.items()}
    compile_library(sources, "-O1", "-fno-sanitize=all", "-Werror")
    raw, offsets = raw_words(0, [4, 5], len(NASTY))
    equal_on_sequences(graph, raw, offsets)
    comment = sources["model.h"].split("/* Classes:")[1].split("*/")[0]
    assert comment.endswith(". ") and "\n" not in comment and "\\" not in comment


def test_two_models_can_live_in_one_program() -> None:
    files: dict[str, str] = {}
    for name in ("left", "right"):
        files |= emit(replace(small_graph(), name=name))
    assert set(files) == {"left.c", "left.h", "right.c", "right.h"}
    both = '#include "left.h"\n#include "right.h"\nint both(void);\n'
    both += "int both(void) { return LEFT_ARENA_BYTES == sizeof(left_arena) && RIGHT_OUTPUTS == 3; }\n"
    library = compile_library({**files, "both.c": both}, "-O1", "-fno-sanitize=all", "-Werror")
    assert library.both() == 1
    assert "model_" not in files["left.c"] + files["left.h"]


def test_the_header_says_what_the_model_is() -> None:
    header = emit(small_graph(channels=2, classes=3, window=Window(9, 4), word="int8"))["model.h"]
    for line in (
        "#define MODEL_CHANNELS 2",
        "#define MODEL_OUTPUTS 3",
        "#define MODEL_WINDOW 9",
        "#define MODEL_HOP 4",
        "typedef int8_t model_sample;",
        "/* Classes: 0 class 0, 1 class 1, 2 class 2. Channels: channel 0, channel 1. */",
        "a window of 9 samples ends every 4",
    ):
        assert line in header
    plain = emit(small_graph())["model.h"]
    assert "#define MODEL_WINDOW 0" in plain and "then model_predict" in plain


def test_no_libc_and_no_memory_is_asked_for() -> None:
    """The dense kernels ask the compiler, not a library, for the DSP instructions of a core that has them."""
    dsp = ["#include <arm_acle.h>"]
    for graph, own in ((small_graph(), dsp), (small_graph(ring=True), []), (small_graph(start=1), dsp)):
        source = emit(graph)["model.c"]
        included = [line for line in source.splitlines() if line.startswith("#include")]
        assert included == ['#include "model.h"', *own]
        assert "malloc(" not in source and "float" not in source and "double" not in source


@pytest.mark.parametrize(("rows", "columns"), [(1, 1), (3, 9), (4, 4), (5, 3), (8, 7), (9, 12), (64, 8)])
@pytest.mark.parametrize("swapped", [False, True])
def test_the_order_of_a_matrix_keeps_every_weight_once(rows: int, columns: int, swapped: bool) -> None:
    weights = np.arange(rows * columns).reshape(rows, columns)
    order = laid_out(weights, swapped)
    assert sorted(order.tolist()) == list(range(rows * columns))
    if rows >= 4 and columns >= 4:
        first = [0, 2, 1, 3] if swapped else [0, 1, 2, 3]
        assert order[:8].tolist() == [*first, *(columns + c for c in first)]
    assert order[rows // 4 * 4 * columns :].tolist() == weights[rows // 4 * 4 :].reshape(-1).tolist()


def test_the_header_serves_cpp_as_well(tmp_path: Path) -> None:
    """Compiled as C++, calls must look for the names that C gave the functions."""
    sources = emit(small_graph(1, ring=True, kind="mean", bits=16))
    user = '#include "model.h"\nint use(model_arena *a, const model_sample *s) { return model_step(a, s); }\n'
    names = write_sources({"model.h": sources["model.h"], "user.cpp": user}, tmp_path)
    assert names == []
    status, said = run(
        ["c++", "-c", "-std=c++17", "-Wall", "-pedantic", "user.cpp", "-o", "user.o"], tmp_path
    )
    assert (status, "warning" in said) == (0, False), said
    symbols = (tmp_path / "user.o").read_bytes()
    assert b"\0model_step\0" in symbols
    assert b"_Z10model_step" not in symbols


@pytest.mark.parametrize("body", [STATISTICS, "convolution"])
def test_a_long_first_segment_ends_where_its_counter_does(body: Any) -> None:
    """The longest segment there can be, followed by another."""
    graph = companion(body, "readout", channels=1, classes=2, segments=2, segment_steps=65535)
    raw = np.random.default_rng(0).integers(-2000, 2000, (70000, 1)).astype(np.int16)
    equal_on_sequences(graph, raw, np.array([0, 65535, 70000]))
    equal_on_sequences(graph, raw, np.array([0, 70000]))
    with pytest.raises(AssertionError):
        companion(body, "readout", segments=2, segment_steps=65536)


def test_a_forest_that_nothing_splits_is_still_c99() -> None:
    """Every table has an entry; the sources are compiled with warnings as errors."""
    z = np.zeros((6, 2), np.int64)
    grown = grow(z, np.eye(2)[[0, 0, 1, 1, 1, 1]], ForestSettings(2, 4), seed=0, classes=True)
    graph = companion(("mean",), "readout", channels=2, classes=2)
    body = replace(graph, segment=(Op("features", {}, {}),), finish=())
    names = {"exponent", "weights_out", "sums", "factor_out", "bias_out", "scores"}
    body = replace(body, tensors=tuple(t for t in body.tensors if t.name not in names))
    exponent = np.full(2, 25, np.uint8)
    whole = with_forest(body, exponent, grown.trees, Answers(grown.scale, np.zeros(2), ("a", "b")))
    compile_library(emit(whole), "-O1", "-fno-sanitize=all", "-Werror")
    raw, offsets = raw_words(3, LENGTHS, 2)
    equal_on_sequences(whole, raw, offsets)


def test_what_a_word_is_worth_is_said_and_cannot_end_the_comment() -> None:
    graph = small_graph(1)
    header = emit(graph, "a model", "x in counts of 0.5 g */ int y; \\")["model.h"]
    assert " * x in counts of 0.5 g * / int y; ?\n */\n" in header
    assert "Raw words" not in emit(graph, "a model")["model.h"]
