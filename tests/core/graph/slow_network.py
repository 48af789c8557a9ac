"""Operations of integer networks, one number at a time in Python's whole numbers."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np

from sarto.core.graph import Graph, Op

Item = Mapping[tuple[int, ...], int]


def item_of(values: np.ndarray[Any, Any]) -> dict[tuple[int, ...], int]:
    return {place: int(values[place]) for place in np.ndindex(*values.shape)}


def rescaled(acc: int, m: int, s: int, attributes: Mapping[str, int]) -> int:
    return min(max((acc * m + 2 ** (s - 1)) // 2**s, attributes["low"]), attributes["high"])


def slow(graph: Graph, item: np.ndarray[Any, Any]) -> dict[str, np.ndarray[Any, Any]]:
    """Return every tensor of one item."""
    (given,) = graph.kind("input")
    values = {given.name: item_of(item)}
    for op in graph.whole:
        if op.kind != "argmax":
            (name,) = op.outputs.values()
            shape = graph.by_name[name].shape
            values[name] = {place: one(graph, op, values, place, shape) for place in np.ndindex(*shape)}
            for value in values[name].values():
                low, high = {"int8": (-128, 127), "uint8": (0, 255), "int32": (-(2**31), 2**31 - 1)}[
                    graph.by_name[name].dtype
                ]
                assert low <= value <= high, f"{name} holds {value}"
    return {
        name: np.array([v[p] for p in np.ndindex(*graph.by_name[name].shape)]).reshape(
            graph.by_name[name].shape
        )
        for name, v in values.items()
    }


def one(
    graph: Graph, op: Op, values: Mapping[str, Item], place: tuple[int, ...], shape: tuple[int, ...]
) -> int:
    """Return one number of what an operation writes."""
    a = op.attributes
    if op.kind == "add":
        total = sum(values[op.inputs[f"x{i}"]][place] * a[f"factor_{i}"] for i in range(len(op.inputs)))
        return rescaled(total, 1, a["shift"], a)
    if op.kind == "concat":
        channel = place[-1]
        for i in range(len(op.inputs)):
            name = op.inputs[f"x{i}"]
            if channel < graph.by_name[name].shape[-1]:
                x = values[name][(*place[:-1], channel)]
                return rescaled(x, a[f"factor_{i}"], a[f"shift_{i}"], a) if a[f"shift_{i}"] else x
            channel -= graph.by_name[name].shape[-1]
    x, source = values[op.inputs["x"]], graph.by_name[op.inputs["x"]].shape
    flat = int(np.ravel_multi_index(place, shape))
    if op.kind in ("reshape", "permute"):
        at = int(graph.const(op.inputs["index"])[flat]) if op.kind == "permute" else flat
        return x[tuple(int(i) for i in np.unravel_index(at, source))]
    if op.kind == "table":
        signed = graph.by_name[op.inputs["x"]].dtype == "int8"
        return int(graph.const(op.inputs["table"])[x[place] + (128 if signed else 0)])
    if op.kind.startswith("mam"):
        c, acc = place[-1], extremes(graph, op, x, place)
    elif op.kind == "dense":
        c, w = place[0], graph.const(op.inputs["weights"])
        acc = sum(int(w[c, i]) * v for i, v in enumerate(x.values()))
    else:
        padded = [a.get(f"padding_{axis}", 0) for axis in ("row", "column")]
        stride = [a.get(f"stride_{axis}", 1) for axis in ("row", "column")]
        if op.kind == "conv":
            w = graph.const(op.inputs["weights"])
            return_channel = place[2]
            each = w.shape[0] // a["groups"]
            first = return_channel // each * w.shape[3]
            acc = 0
            for i, j, d in product(*map(range, w.shape[1:])):
                r = place[0] * stride[0] - padded[0] + i * a.get("dilation_row", 1)
                k = place[1] * stride[1] - padded[1] + j * a.get("dilation_column", 1)
                acc += int(w[return_channel, i, j, d]) * x.get((r, k, first + d), 0)
            c = return_channel
        else:
            where = (*place, 0, 0)[:3] if len(place) == 3 else (0, 0, place[0])
            seen = [
                x.get((where[0] * stride[0] - padded[0] + i, where[1] * stride[1] - padded[1] + j, where[2]))
                for i in range(a["kernel_row"])
                for j in range(a["kernel_column"])
            ]
            if op.kind == "max":
                return max(value for value in seen if value is not None)
            assert op.kind == "mean"
            return rescaled(sum(value or 0 for value in seen), a["factor"], a["shift"], a)
    acc += int(graph.const(op.inputs["bias"])[c])
    assert abs(acc) < 2**31
    below = "_below" if acc < 0 and "factor_below" in op.inputs else ""
    m, s = (int(graph.const(op.inputs[f"{role}{below}"])[c]) for role in ("factor", "shift"))
    return rescaled(acc, m, s, a)


def extremes(graph: Graph, op: Op, x: Item, place: tuple[int, ...]) -> int:
    """Return the sum over the splits of largest and smallest product of one output."""
    row, splits, output = seen_by(graph, op, x, place), op.attributes["splits"], place[-1]
    stored, length = graph.const(op.inputs["weights"]), len(row) // op.attributes["splits"]
    weights = [0] * len(row)
    if "skip" in op.inputs:
        counts, skip = (graph.const(op.inputs[role]).tolist() for role in ("count", "skip"))
        first = sum(counts[: output * splits])
        at = 0
        for entry in range(first, first + sum(counts[output * splits : (output + 1) * splits])):
            at += skip[entry]
            weights[at] = int(stored[entry])
    else:
        weights = stored[output].tolist()
    products = [w * v for w, v in zip(weights, row, strict=True)]
    runs = [products[first : first + length] for first in range(0, len(row), length)]
    return sum(max(run) + min(run) for run in runs)


def seen_by(graph: Graph, op: Op, x: Item, place: tuple[int, ...]) -> list[int]:
    """Return the row that one output of a MAM operation sees."""
    a = op.attributes
    if op.kind == "mam":
        return list(x.values())
    (out,) = (graph.by_name[name].shape for name in op.outputs.values())
    each = graph.by_name[op.inputs["x"]].shape[2] // a["groups"]
    first, part = place[2] // (out[2] // a["groups"]) * each, each // a["splits"]
    top, left = (
        place[i] * a.get(f"stride_{axis}", 1) - a.get(f"padding_{axis}", 0)
        for i, axis in enumerate(("row", "column"))
    )
    return [
        x.get((top + i * a["dilation_row"], left + j * a["dilation_column"], first + split * part + d), 0)
        for split, i, j, d in product(*map(range, (a["splits"], a["kernel_row"], a["kernel_column"], part)))
    ]
