"""Self-tests in C: a sound model passes, a faulty one fails on the inputs that the faults say, and what it takes."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache

import numpy as np
import pytest

from sarto.audit.faults._whole import with_const
from sarto.core.bits import Places, flip
from sarto.core.graph import Graph, Window
from sarto.deploy.c.emit import emit
from sarto.deploy.c.program import image_sources
from sarto.deploy.c.selftest import checksum, main_with_selftest, selftest_sources
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.image import constants
from sarto.measure.model import RawSequences, interpreted, of_items
from sarto.measure.probe import compile_library
from sarto.measure.selftest import selftest_cost
from sarto.models.pooling import Pooling
from tests.deploy import models
from tests.deploy.c.chains import chain, items

Model = Callable[[], tuple[Graph, RawSequences]]


@cache
def network() -> tuple[Graph, RawSequences]:
    graph = chain(3, 2)
    return graph, of_items(items(graph, 6))


@cache
def recurrent() -> tuple[Graph, RawSequences]:
    lowered = models.lowered("esn", units=6, lengths=(9, 4, 12, 1), pooling=Pooling("last"))
    return models.complete(lowered), RawSequences(lowered.raw, lowered.offsets)


@cache
def windowed() -> tuple[Graph, RawSequences]:
    lowered = models.lowered(
        "esn", units=6, lengths=(8, 5, 8, 8), pooling=Pooling("last"), window=Window(8, 4)
    )
    return models.complete(lowered), RawSequences(lowered.raw, lowered.offsets)


def table(graph: Graph, given: RawSequences) -> dict[str, str]:
    said = interpreted(graph, given)
    return selftest_sources(graph, given.listed(), said.classes, checksum(said.scores))


def mismatches(sources: dict[str, str]) -> int:
    library = compile_library(sources, "-O1", "-fno-sanitize=all")
    arena = (ctypes.c_uint64 * (constants(sources["model.h"])["MODEL_ARENA_BYTES"] // 8 + 1))()
    first, again = library.model_selftest(arena), library.model_selftest(arena)
    assert first == again
    return first


def test_the_checksum_tells_any_one_score_that_is_another() -> None:
    rng = np.random.default_rng(0)
    scores = rng.integers(-(2**31), 2**31, (200, 5))
    for bit in (0, 15, 31):
        for k in range(5):
            other = scores.copy()
            other[:, k] ^= 1 << bit
            assert (checksum(other) != checksum(scores)).all()
    swapped = scores[:, [1, 0, 2, 3, 4]]
    assert (checksum(swapped) != checksum(scores)).all()
    # Published for the bytes of "a" and "foobar".
    assert checksum(np.array([[ord("a")]])).tolist() == [0xE40C292C]
    assert checksum(np.frombuffer(b"foobar", np.uint8)[None].astype(np.int64)).tolist() == [0xBF9CF968]


@pytest.mark.parametrize("model", [network, recurrent, windowed])
def test_a_sound_model_passes_and_each_faulty_one_fails_where_it_answers_otherwise(model: Model) -> None:
    graph, given = model()
    stored, plain = table(graph, given), interpreted(graph, given)
    assert mismatches({**emit(graph), **stored}) == 0
    name = next(t.name for t in graph.kind("const") if t.name.startswith("weights"))
    weights = graph.const(name)
    element = int(np.abs(weights.astype(np.int64)).argmax())
    faulty = with_const(graph, name, flip(weights, Places([element], [6])))
    said = interpreted(faulty, given)
    differ = int((said.scores != plain.scores).any(axis=1).sum())
    assert 0 < differ == mismatches({**emit(faulty), **stored})


def test_a_wrong_class_or_sum_in_the_table_is_a_mismatch() -> None:
    graph, given = network()
    said = interpreted(graph, given)
    classes, sums = said.classes.copy(), checksum(said.scores)
    classes[1] += 1
    sums[4] ^= 1
    assert mismatches({**emit(graph), **selftest_sources(graph, given.listed(), classes, sums)}) == 2


def test_what_a_self_test_takes() -> None:
    graph, given = network()
    sources, core = emit(graph), device("cortex_m4")
    cost = selftest_cost(sources, table(graph, given), core, given.listed()[:2])
    assert cost.mismatches == 0 and cost.ram_b == 0 and not cost.image.diagnostics
    assert cost.plain.elf == build(sources, core).elf
    own = int(emulate(cost.plain, given.listed()).inference_instructions.sum())
    assert (
        own < cost.instructions < own + 40 * given.offsets[-1] + len(given) * (20 * len(graph.outputs) + 60)
    )
    words = given.raw.size * np.dtype(graph.kind("input")[0].dtype).itemsize
    assert words + 5 * len(given) < cost.flash_b < words + 5 * len(given) + 400


def test_an_emulated_device_says_how_many_answers_are_wrong() -> None:
    graph, given = network()
    said = interpreted(graph, given)
    sums = checksum(said.scores)
    sums[[0, 3, 5]] ^= 1 << 31
    wrong = selftest_sources(graph, given.listed(), said.classes, sums)
    assert selftest_cost(emit(graph), wrong, device("rv32imc"), given.listed()[:1]).mismatches == 3


def test_the_example_with_a_self_test_runs_it_once_before_the_first_sample() -> None:
    main = image_sources()["main.c"]
    changed = main_with_selftest(main)
    lines = [line.strip() for line in changed.splitlines() if line not in main.splitlines()]
    assert lines == ['#include "selftest.h"', "board_write_class(model_selftest(&arena));"]
