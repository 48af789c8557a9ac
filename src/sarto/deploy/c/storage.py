"""How the weights of each layer lie in flash: plain, or as a stream that is decoded while the layer runs.

| storage | flash | a layer runs by |
|---|---|---|
| plain | a byte for each weight | `network_rows.c`, four rows at a time |
| sparse | two bytes for each weight that is not 0 | reading a value and multiplying it |
| coded | what rANS leaves of it, and its tables | decoding a value and multiplying it |

Convolutions out of a stream lay up to four rows out at a time, in the scratch of the operation, and slide them over
all places. Nothing else is unpacked. The choice is an attribute `storage` of an operation, the number of its row in the
table above; what the operation computes is the same. `stored` sets it where that takes less flash, the code of the
decoder included.

>>> from sarto.core.graph.values import Tensor
>>> w = np.zeros((40, 100), np.int8)
>>> w[::7, ::11] = 5
>>> tensors = [Tensor("w", "int8", w.shape, "const", w), Tensor("x", "int8", (100,), "input")]
>>> tensors += [Tensor("y", "int32", (40,), "output")]
>>> dense = Op("dense", {"x": "x", "weights": "w"}, {"y": "y"})
>>> graph = Graph("net", tuple(tensors), (), (), (), 1, 0, None, ("a",) * 40, (), (), (dense,))
>>> [storage_of(op) for op in stored(graph).whole], [storage_of(op) for op in stored(graph, ("plain",)).whole]
(['sparse'], ['plain'])
"""

from __future__ import annotations

import itertools
from collections.abc import Collection
from dataclasses import replace
from typing import Literal, get_args

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.graph import Graph, Op
from sarto.deploy.c.layout import table
from sarto.deploy.c.streams import Coded, coded, near, sparse

Storage = Literal["plain", "sparse", "coded"]
STORAGES: tuple[Storage, ...] = get_args(Storage)
CODE_B: dict[Storage, int] = {"plain": 0, "sparse": 150, "coded": 730}
"""Bytes of the kernel of a dense layer with its decoder, as zig -O2 makes it for a Cortex-M4 (LeNet-300-100)."""

DECODE: dict[Storage, float] = {"plain": 0, "sparse": 15, "coded": 70}
"""Instructions for a weight that is not 0 and comes out of a stream, and `MULTIPLY` for any weight of a plain dense
layer, on LeNet-300-100 (`decode_on_device`). They rank layers; no figure stands on them."""
MULTIPLY = 1.5


def stored(graph: Graph, allowed: Collection[Storage] = STORAGES) -> Graph:
    """Return the graph with the storage of every layer that takes the least flash, among those `allowed`.

    A layer that can only be plain stays so.
    """
    names: list[Storage] = [s for s in STORAGES if s in allowed or s == "plain"]
    sizes: list[dict[Storage, int]] = [{s: _size_b(graph, op, s) for s in names} for op in graph.whole]
    streams: list[Storage] = [s for s in names if s != "plain"]
    best: tuple[int, list[Storage]] | None = None
    for count in range(0 if "plain" in allowed or not streams else 1, len(streams) + 1):
        for used in itertools.combinations(streams, count):
            picked: list[Storage] = [_least(found, ("plain", *used), "plain" in allowed) for found in sizes]
            weights_b = sum(found[s] for found, s in zip(sizes, picked, strict=True))
            total = weights_b + sum(CODE_B[s] for s in set(picked))
            if best is None or total < best[0]:
                best = total, picked
    assert best is not None
    ops = [_with(op, STORAGES.index(s)) for op, s in zip(graph.whole, best[1], strict=True)]
    return replace(graph, whole=tuple(ops))


def faster(graph: Graph, allowed: Collection[Storage] = STORAGES) -> list[Graph]:
    """Return the graph, and the same with one layer after the other in what takes the fewest instructions.

    First comes the layer that saves most of them for each byte of flash, by `DECODE` and `MULTIPLY`; the last graph
    has every layer so.

    >>> from sarto.core.graph.values import Tensor
    >>> w = np.ones((40, 100), np.int8)
    >>> tensors = [Tensor("w", "int8", w.shape, "const", w), Tensor("x", "int8", (100,), "input")]
    >>> tensors += [Tensor("y", "int32", (40,), "output")]
    >>> dense = Op("dense", {"x": "x", "weights": "w"}, {"y": "y"})
    >>> graph = Graph("net", tuple(tensors), (), (), (), 1, 0, None, ("a",) * 40, (), (), (dense,))
    >>> [[storage_of(op) for op in one.whole] for one in faster(stored(graph))]
    [['coded'], ['plain']]
    """
    names: list[Storage] = [s for s in STORAGES if s in allowed or s == "plain"]
    moves: list[tuple[float, int, Storage]] = []
    for i, op in enumerate(graph.whole):
        if can_stream(graph, op) and storage_of(op) != "plain":
            best = min(names, key=lambda s: _instructions(graph, op, s))
            saved = _instructions(graph, op, storage_of(op)) - _instructions(graph, op, best)
            more_b = _size_b(graph, op, best) - _size_b(graph, op, storage_of(op))
            if saved > 0:
                moves.append((-saved / max(1, more_b), i, best))
    found = [graph]
    for _, i, storage in sorted(moves):
        ops = list(found[-1].whole)
        ops[i] = _with(ops[i], STORAGES.index(storage))
        found.append(replace(graph, whole=tuple(ops)))
    return found


def storage_of(op: Op) -> Storage:
    """Return how the weights of an operation lie in flash."""
    return STORAGES[op.attributes.get("storage", 0)]


def can_stream(graph: Graph, op: Op) -> bool:
    """Return whether an operation has a kernel for streams: dense layers and convolutions of more than one channel."""
    if op.kind == "dense":
        return True
    if op.kind != "conv":
        return False
    weights = graph.const(op.inputs["weights"])
    return not (weights.shape[3] == 1 and op.attributes["groups"] == len(weights))


def block_b(graph: Graph, op: Op) -> int:
    """Return the bytes of the rows that a convolution lays out at a time."""
    if op.kind != "conv" or storage_of(op) == "plain":
        return 0
    rows = matrix(graph, op)
    return min(4, len(rows) // op.attributes["groups"]) * -(-rows.shape[1] // 4) * 4


def matrix(graph: Graph, op: Op) -> Integer[np.ndarray, "row column"]:
    """Return the weights of an operation as rows."""
    weights = graph.const(op.inputs["weights"])
    return weights.reshape(len(weights), -1)


def narrow_bias(rows: Int[np.ndarray, "channel number"]) -> Int[np.ndarray, " channel"] | None:
    """Return the biases of a layer's rows of `scaling` where they fit 16 bits and all else is the same in every row."""
    small = (np.abs(rows[:, 0]) < 1 << 15).all() and (rows[:, 1:] == rows[:1, 1:]).all()
    return rows[:, 0] if small else None


def stream_tables(number: int, graph: Graph, op: Op) -> tuple[str, str]:
    """Return the C of the tables of operation `number`, and the initialiser of its `weights_<storage>`."""
    found = (coded if storage_of(op) == "coded" else sparse)(matrix(graph, op))
    size = len(found.stream)
    words = found.stream if size else np.zeros(1, np.uint16)
    text = table(f"stream_{number}", f"{words.dtype}_t", words)
    ends = f"stream_{number}, stream_{number} + {size}"
    if not isinstance(found, Coded):
        return text, f"{{{ends}}}"
    named = {
        "gaps": ("uint16_t", found.gaps),
        "values": ("uint16_t", found.values),
        "near_gaps": ("uint8_t", near(found.gaps)),
        "near_values": ("uint8_t", near(found.values)),
        "value": ("int8_t", found.value),
    }
    text += "".join(table(f"{name}_{number}", kind, data) for name, (kind, data) in named.items())
    return text, f"{{{ends}, {', '.join(f'{name}_{number}' for name in named)}}}"


def _with(op: Op, storage: int) -> Op:
    """Return the operation with a storage; plain is not written down."""
    rest = {name: value for name, value in op.attributes.items() if name != "storage"}
    return replace(op, attributes=rest | {"storage": storage} if storage else rest)


def _size_b(graph: Graph, op: Op, storage: Storage) -> int:
    """Return the bytes of an operation's weights in flash."""
    if not can_stream(graph, op):
        return 0
    rows = matrix(graph, op)
    if storage == "plain":
        return len(rows) * -(-rows.shape[1] // 4) * 4
    return (coded if storage == "coded" else sparse)(rows).size_b


def _instructions(graph: Graph, op: Op, storage: Storage) -> float:
    """Return about how many instructions an inference spends on how an operation's weights lie."""
    rows = matrix(graph, op)
    if storage == "plain":
        return MULTIPLY * rows.size if op.kind == "dense" else 0.0
    return DECODE[storage] * float(np.count_nonzero(rows))


def _least(sizes: dict[Storage, int], used: Collection[Storage], plain: bool) -> Storage:
    """Return the storage of the fewest bytes; `plain` is left out where it is not allowed and there is another."""
    if not any(sizes.values()):
        return "plain"
    some: list[Storage] = [s for s in sizes if s in used and (plain or s != "plain")]
    return sorted(some, key=sizes.__getitem__)[0] if some else "plain"
