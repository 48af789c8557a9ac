"""Tensors, windows and graphs as values."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sarto.core.graph import Graph, Op, Tensor, Window
from tests.core.graph.graphs import small_graph


@pytest.mark.parametrize(("dtype", "size"), [("int8", 12), ("uint8", 12), ("int16", 24), ("int32", 48)])
def test_size_of_a_tensor(dtype: str, size: int) -> None:
    assert Tensor("t", dtype, (3, 4), "scratch").size_b == size


@pytest.mark.parametrize(
    "fields",
    [
        {"dtype": "int64"},
        {"dtype": "float32"},
        {"name": "a b"},
        {"data": None},
        {"kind": "state"},
        {"shape": (3,)},
        {"data": np.zeros(2, np.int16)},
    ],
)
def test_a_tensor_that_contradicts_itself_is_refused(fields: dict[str, Any]) -> None:
    good: dict[str, Any] = dict(name="t", dtype="int8", shape=(2,), kind="const", data=np.zeros(2, np.int8))
    assert Tensor(**good).size_b == 2
    with pytest.raises(AssertionError):
        Tensor(**good | fields)


@pytest.mark.parametrize(
    ("length", "hop", "banks"), [(100, 100, 1), (100, 50, 2), (100, 34, 3), (100, 33, 4), (5, 1, 5)]
)
def test_banks_of_a_window(length: int, hop: int, banks: int) -> None:
    assert Window(length, hop).banks == banks
    starts = np.arange(0, 10 * length, hop)
    most = max(int(((starts <= t) & (t < starts + length)).sum()) for t in range(5 * length))
    assert banks == most


@pytest.mark.parametrize(("length", "hop"), [(5, 0), (5, 6), (5, -1)])
def test_a_hop_lies_within_the_window(length: int, hop: int) -> None:
    with pytest.raises(AssertionError, match="hop"):
        Window(length, hop)


def test_an_operation_names_tensors_that_are_there() -> None:
    graph = small_graph()
    with pytest.raises(AssertionError, match="uses nothing"):
        replace(graph, finish=(Op("argmax", {"sums": "nothing"}, {}),))
    with pytest.raises(AssertionError):
        replace(graph, segments=2, segment_steps=0)
    with pytest.raises(AssertionError, match="is no constant"):
        graph.const("h")


def test_ops_are_those_of_the_three_programs() -> None:
    kinds = [op.kind for op in small_graph().ops]
    assert kinds == ["standardise", "recurrent", "pool", "features", "readout", "argmax"]


def changed(graph: Graph, what: str) -> Graph:
    tensors = list(graph.tensors)
    place = [t.name for t in tensors].index("bias")
    data = graph.const("bias").copy()
    data[0] ^= 1
    tensors[place] = replace(tensors[place], data=data)
    (argmax,) = graph.finish
    return {
        "constant": replace(graph, tensors=tuple(tensors)),
        "attribute": replace(graph, finish=(replace(argmax, attributes={"shift": 21}),)),
        "class": replace(graph, outputs=("class 0", "class 1", "x")),
        "channel": replace(graph, channels=("channel 0", "x")),
        "window": replace(graph, window=Window(5, 5)),
        "segment_steps": replace(graph, segment_steps=7),
        "name": replace(graph, name="other"),
    }[what]


def test_equal_graphs_have_equal_hashes() -> None:
    assert small_graph().sha256 == small_graph().sha256


@pytest.mark.parametrize(
    "what", ["constant", "attribute", "class", "channel", "window", "segment_steps", "name"]
)
def test_the_hash_changes_with(what: str) -> None:
    assert changed(small_graph(), what).sha256 != small_graph().sha256
