"""The memory plan against the C compiler."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import pytest

from sarto.core.graph import Graph, Window
from sarto.deploy.c.emit import emit
from sarto.deploy.memory import arena, tables_b
from sarto.measure.probe import compile_library
from tests.core.graph.companions import companion
from tests.core.graph.graphs import small_graph

SIZES = """
#include "model.h"
int arena_b(void);
int bank_b(void);
int arena_b(void) { return sizeof(model_arena); }
int bank_b(void) { return sizeof(model_bank); }
"""
SHAPES: list[dict[str, Any]] = [
    dict(units=1, channels=1, classes=2, kind="last", bits=8),
    dict(units=5, channels=3, classes=2, kind="last", bits=8, window=Window(7, 2)),
    dict(units=3, channels=1, classes=3, kind="mean", bits=8, ring=True, window=Window(5, 5)),
    dict(units=7, channels=5, classes=4, kind="mean_square", bits=16, segments=2, segment_steps=3),
    dict(units=2, channels=3, classes=2, kind="mean_square_last", bits=16, ring=True, shared_ring=True),
]


COMPANIONS: list[tuple[Any, str, dict[str, Any]]] = [
    (("deviation", "crossings"), "readout", dict(channels=3, window=Window(7, 2))),
    (("least",), "forest", dict(channels=1, classes=3)),
    (("least", "change"), "forest", dict(channels=3, window=Window(7, 2), segments=3, segment_steps=2)),
    ("convolution", "random_features", dict(channels=1, forecast=True, word="int8")),
    ("convolution", "readout", dict(channels=2, window=Window(9, 4), segments=2, segment_steps=4)),
    (("mean", "deviation", "least", "largest", "change", "crossings"), "random_features", dict(channels=5)),
]
GRAPHS = [
    *(small_graph(**shape) for shape in SHAPES),
    *(companion(b, h, **rest) for b, h, rest in COMPANIONS),
]


@pytest.mark.parametrize("graph", GRAPHS)
def test_sizes_are_those_of_the_compiler(graph: Graph) -> None:
    library = compile_library({**emit(graph), "sizes.c": SIZES}, "-O1", "-fno-sanitize=all", "-Werror")
    plan = arena(graph)
    assert (library.arena_b(), library.bank_b()) == (plan.size_b, plan.bank_b)
    assert f"#define MODEL_ARENA_BYTES {plan.size_b}\n" in emit(graph)["model.h"]


def test_known_sizes() -> None:
    """Dense, 5 units of 1 byte: bank h 5, sums 8, count and segment 4, age 4, is 21, padded 24; 4 banks.

    Shared: next 5, x 6, scores 8, label 4, is 23, padded 24.
    """
    plan = arena(small_graph(**SHAPES[1]))
    assert (plan.bank_b, plan.banks, plan.size_b) == (24, 4, 4 * 24 + 24)
    assert [m.name for m in plan.bank] == ["sums", "age", "count", "segment", "h"]


def tables_in(source: str) -> int:
    size = {"int8_t": 1, "uint8_t": 1, "int16_t": 2, "uint16_t": 2, "int32_t": 4}
    found = re.findall(r"static const (\w+) \w+\[(\d+)\] = \{([^}]*)\}", source)
    assert all(len(values.split(",")) == int(count) for _, count, values in found)
    return sum(size[kind] * int(count) for kind, count, _ in found)


@pytest.mark.parametrize("graph", GRAPHS)
def test_tables_are_those_in_the_source(graph: Graph) -> None:
    assert tables_b(graph) == tables_in(emit(graph)["model.c"]) == constants_b(graph)


def constants_b(graph: Graph) -> int:
    return sum(np.asarray(t.data).nbytes for t in graph.tensors if t.data is not None)
