"""Runs a graph of whole items: the definition of its program `whole`.

Items go through in parts, so that memory does not grow with their number.

>>> from sarto.core.graph.values import Op, Tensor
>>> w = np.array([[1, -1], [2, 0]], np.int8)
>>> consts = {"w": w, "b": np.array([0, 1], np.int32), "m": np.array([16384] * 2, np.int16),
...           "s": np.array([14] * 2, np.uint8)}
>>> tensors = [Tensor(n, str(a.dtype), a.shape, "const", a) for n, a in consts.items()]
>>> tensors += [Tensor("x", "uint8", (2,), "input"), Tensor("y", "int32", (2,), "output")]
>>> op = Op("dense", {"x": "x", "weights": "w", "bias": "b", "factor": "m", "shift": "s"}, {"y": "y"},
...         {"low": -100, "high": 100})
>>> graph = Graph("net", tuple(tensors), (), (), (), 1, 0, None, ("a", "b"), (), (), (op, Op("argmax", {"x": "y"}, {})))
>>> infer(graph, np.array([[3, 1], [0, 200]])).scores.tolist()
[[2, 7], [-100, 1]]
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.graph import mam, network
from sarto.core.graph.front_end import LIMIT, FrontEnd, front_end, last_samples
from sarto.core.graph.heads import Trees, forest
from sarto.core.graph.interpreter import Outcome
from sarto.core.graph.operations import standardise
from sarto.core.graph.reject import decided
from sarto.core.graph.values import Graph, Op

MOST_VALUES = 2**22
"""Of the widest intermediate result (every place of a kernel of a convolution) that are held at once."""
SUMMED = ("dense", "conv", "mam", "mam_conv")
"""Operations with weights, whose sums get a bias and are rescaled."""
Values = dict[str, Integer[np.ndarray, "item ..."]]


def infer(graph: Graph, items: Integer[np.ndarray, "item ..."]) -> Outcome:
    """Return scores and class of every item, whose shape is that of the graph's input tensor.

    Where numbers are predicted, the scores are those in counts of the graph's `quanta`, and the class is 0.
    """
    (scores,) = graph.kind("output")
    step = max(1, MOST_VALUES // max(width(graph, op) for op in graph.whole))
    found = np.zeros((len(items), int(np.prod(scores.shape))), np.int64)
    for first in range(0, len(items), step):
        part = tensors(graph, items[first : first + step], keep=False)[scores.name]
        found[first : first + step] = part.reshape(len(part), -1)
    if graph.quanta:
        return Outcome(found, np.zeros(len(found), np.int64))
    last, classes = graph.whole[-1], len(graph.outputs)
    inputs = last.inputs if last.kind == "argmax" else dict[str, str]()
    return Outcome(found[:, :classes], decided(found, classes, inputs, graph.const))


def items_of(
    graph: Graph, raw: Integer[np.ndarray, "row channel"], offsets: Int[np.ndarray, " item_plus_1"]
) -> Integer[np.ndarray, "item ..."]:
    """Return sequences `raw[offsets[i]:offsets[i + 1]]` of what a device is given as items of a graph.

    They are lines of an item; of a graph with a front end samples of a recording, and behind a sensor its words.
    """
    (given,), first = graph.kind("input"), graph.whole[0]
    if first.kind == "front_end":
        a = first.attributes
        return last_samples(raw[:, 0], offsets, a["frame"], a["hop"], given.shape[0])[..., None]
    if first.kind == "standardise":
        return network.words_of(raw, offsets, graph.const(first.inputs["zero"]), given.shape[1])
    return raw.reshape(len(offsets) - 1, *given.shape)


def tensors(graph: Graph, items: Integer[np.ndarray, "item ..."], keep: bool = True) -> Values:
    """Return every tensor of a batch of items, or with `keep` false only those that are still read at the end."""
    (given,) = graph.kind("input")
    assert items.shape[1:] == given.shape, f"items of shape {items.shape[1:]}, not {given.shape}"
    values: Values = {given.name: items.astype(given.dtype)}
    assert (values[given.name] == items).all(), f"items have numbers beyond {given.dtype}"
    last = {name: number for number, op in enumerate(graph.whole) for name in op.inputs.values()}
    for number, op in enumerate(graph.whole):
        if op.kind == "argmax":
            continue
        (out,) = (graph.by_name[name] for name in op.outputs.values())
        result = run_op(graph, op, values).reshape(len(items), *out.shape)
        values[out.name] = result.astype(out.dtype)
        for name in op.inputs.values():
            if not keep and last[name] == number:
                values.pop(name, None)
    return values


def run_op(graph: Graph, op: Op, values: Values) -> Integer[np.ndarray, "item ..."]:
    """Return what one operation makes of what it reads, `values` by the names of tensors."""
    a = op.attributes
    limits = (a.get("low", 0), a.get("high", 0))
    if op.kind == "add":
        read = [values[op.inputs[f"x{i}"]] for i in range(len(op.inputs))]
        return network.add(read, [a[f"factor_{i}"] for i in range(len(read))], a["shift"], limits)
    if op.kind == "concat":
        read = [values[op.inputs[f"x{i}"]] for i in range(len(op.inputs))]
        return network.concat(read, [(a[f"factor_{i}"], a[f"shift_{i}"]) for i in range(len(read))], limits)
    name = op.inputs["x"]
    x = values[name]
    if op.kind in SUMMED:
        acc = _sums(graph, op, x) + graph.const(op.inputs["bias"])
        below = None
        if "factor_below" in op.inputs:
            below = graph.const(op.inputs["factor_below"]), graph.const(op.inputs["shift_below"])
        return network.rescale(
            acc, graph.const(op.inputs["factor"]), graph.const(op.inputs["shift"]), limits, below
        )
    if op.kind == "forest":
        trees = {role: graph.const(tensor) for role, tensor in op.inputs.items() if role != "x"}
        return forest(x.reshape(len(x), -1), Trees(**trees))
    if op.kind == "mean":
        return network.mean(x, _kernel(op), a["factor"], a["shift"], limits)
    if op.kind == "table":
        return network.looked_up(x, graph.const(op.inputs["table"]))
    if op.kind == "max":
        return network.largest(x, _kernel(op))
    if op.kind == "standardise":
        zero, factor = (graph.const(op.inputs[role]) for role in ("zero", "factor"))
        return standardise(x, zero, factor, a["shift"], LIMIT)
    if op.kind == "front_end":
        c = {name: graph.const(tensor) for name, tensor in op.inputs.items() if name != "x"}
        front = FrontEnd(
            c["window"],
            c["twiddle"],
            c["rising"],
            c["edges"],
            c["log"],
            a["hop"],
            a["power_shift"],
            a["floor"],
        )
        return front_end(front, x.reshape(len(x), -1), c["zero"], c["factor"], a["shift"])
    if op.kind == "permute":
        return x.reshape(len(x), -1)[:, graph.const(op.inputs["index"])]
    assert op.kind == "reshape", f"there is no operation {op.kind}"
    return x


def _sums(graph: Graph, op: Op, x: Integer[np.ndarray, "item ..."]) -> Int[np.ndarray, "item ... output"]:
    if op.kind.startswith("mam"):
        return _extremes(graph, op, x)
    weights = graph.const(op.inputs["weights"])
    info = np.iinfo(x.dtype)
    peak = max(-int(info.min), int(info.max))
    if op.kind == "dense":
        return network.dense(x.reshape(len(x), -1), weights, peak)
    slide = network.Slide.of((weights.shape[1], weights.shape[2]), op.attributes)
    return network.convolve(x, weights, slide, op.attributes["groups"], peak)


def _extremes(graph: Graph, op: Op, x: Integer[np.ndarray, "item ..."]) -> Int[np.ndarray, "item ... output"]:
    """Return the sums of largest and smallest products of a MAM operation."""
    weights, splits = graph.const(op.inputs["weights"]), op.attributes["splits"]
    sparse = "skip" in op.inputs
    kept = (
        mam.Kept(weights, *(graph.const(op.inputs[role]) for role in ("skip", "count"))) if sparse else None
    )
    if op.kind == "mam":
        rows = x.reshape(len(x), -1)
        return mam.extremes(rows, weights, splits) if kept is None else kept.extremes(rows, splits)
    slide, groups = _kernel(op), op.attributes["groups"]
    parts = mam.rows_under(x, slide, groups, splits)
    if kept is None:
        found = [mam.extremes(r, w, splits) for r, w in zip(parts, np.split(weights, groups), strict=True)]
    else:
        found = [k.extremes(r, splits) for r, k in zip(parts, kept.of_groups(groups), strict=True)]
    return np.concatenate(found, axis=1).reshape(len(x), *slide.size(x.shape[1], x.shape[2]), -1)


def _kernel(op: Op) -> network.Slide:
    a = op.attributes
    return network.Slide.of((a["kernel_row"], a["kernel_column"]), a)


def width(graph: Graph, op: Op) -> int:
    """Return how many values an operation holds at once for one item."""
    if not op.outputs:
        return 1
    (out,) = (graph.by_name[name] for name in op.outputs.values())
    size = int(np.prod(out.shape))
    if op.kind == "conv":
        weights = graph.const(op.inputs["weights"])
        reads = int(np.prod(weights.shape[1:3])) * graph.by_name[op.inputs["x"]].shape[2]
        return size // weights.shape[0] * max(reads, weights.shape[0])
    if op.kind == "mam_conv":
        kernel, read = _kernel(op).kernel, graph.by_name[op.inputs["x"]]
        return size // out.shape[2] * max(kernel[0] * kernel[1] * read.shape[2], out.shape[2])
    read = [graph.by_name[name] for name in op.inputs.values()]
    return max(size, *(int(np.prod(tensor.shape)) for tensor in read if tensor.kind != "const"))
