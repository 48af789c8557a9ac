"""The last linear layer of a graph: what it reads of items, and the outputs that it makes of that.

The outputs are the scores of the classes, and after these whatever is beside them for the box of a reject option (see
`reject`). Of a forest there is no linear layer, nor of a network that ends in something else than a dense layer.

>>> from sarto.core.graph.values import Op, Tensor
>>> consts = {"w": np.array([[1, -1], [2, 0], [1, 1]], np.int8), "b": np.zeros(3, np.int32),
...           "m": np.full(3, 16384, np.int16), "s": np.full(3, 14, np.uint8)}
>>> tensors = [Tensor(n, str(a.dtype), a.shape, "const", a) for n, a in consts.items()]
>>> tensors += [Tensor("x", "uint8", (2,), "input"), Tensor("y", "int32", (3,), "output")]
>>> op = Op("dense", {"x": "x", "weights": "w", "bias": "b", "factor": "m", "shift": "s"}, {"y": "y"},
...         {"low": -100, "high": 100})
>>> graph = Graph("net", tuple(tensors), (), (), (), 1, 0, None, ("a", "b"), (), (), (op, Op("argmax", {"x": "y"}, {})))
>>> read = columns_of(graph, np.array([[3, 1]]), np.array([0, 1]))
>>> read.tolist(), outputs_of(graph, read).tolist()
([[3, 1]], [[2, 6, 4]])
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.graph.interpreter import columns, scored, summed, trace, vectors
from sarto.core.graph.values import Graph, Op
from sarto.core.graph.whole import items_of, run_op, tensors

PART = 256
"""Items that run through a network at a time."""
PLAIN = {"x", "weights", "bias", "factor", "shift"}
"""What a dense layer reads whose weights are stored one by one, and whose outputs are bent by nothing."""


def last_layer(graph: Graph) -> Op | None:
    """Return the linear operation that makes the outputs of `graph`, or None."""
    if not graph.whole:
        return None if graph.head.kind == "forest" else graph.head
    if len(graph.whole) < 2:
        return None
    op, end = graph.whole[-2], graph.whole[-1]
    direct = end.kind == "argmax" and op.kind == "dense" and op.outputs["y"] == end.inputs["x"]
    wide = direct and graph.by_name[op.outputs["y"]].dtype == "int32"
    return op if wide and set(op.inputs) == PLAIN else None


def columns_of(
    graph: Graph, raw: Integer[np.ndarray, "row channel"], offsets: Int[np.ndarray, " item_plus_1"]
) -> Int[np.ndarray, "item column"] | None:
    """Return what the last layer reads of every sequence `raw[offsets[i]:offsets[i+1]]`; None without such a layer."""
    op = last_layer(graph)
    if op is None:
        return None
    if not graph.whole:
        return columns(graph, vectors(graph, trace(graph, raw, offsets)))
    items, read = items_of(graph, raw, offsets), op.inputs["x"]
    parts = [
        tensors(graph, items[first : first + PART])[read].reshape(len(items[first : first + PART]), -1)
        for first in range(0, len(items), PART)
    ]
    return np.concatenate(parts).astype(np.int64)


def outputs_of(graph: Graph, column: Int[np.ndarray, "item column"]) -> Int[np.ndarray, "item output"]:
    """Return every output of items of which the last layer reads `column`."""
    op = last_layer(graph)
    assert op is not None, "the graph has a linear last layer"
    if not graph.whole:
        return scored(graph, summed(graph, column))
    read = graph.by_name[op.inputs["x"]]
    return run_op(graph, op, {read.name: column.astype(read.dtype)}).astype(np.int64)
