"""A graph of whole items as an ONNX file with QuantizeLinear and DequantizeLinear (QDQ), which runs in integers there.

Every tensor is quantised and dequantised with its own scale and the zero point 0, where it arises:

    x -> QuantizeLinear(s_x) -> DequantizeLinear(s_x) -> Conv (weights s_c, a bias in counts of s_x s_c) -> ...

A runtime fuses what lies between two such pairs into one operation on integers. The graph knows the scales of its
tensors. Those of weights are taken from what the integers really multiply with, so that they are right to the last bit:

    s_c = m_c 2^-(shift_c) s_y / s_x        of each channel c,
    the slope below 0 = m'_c 2^-(shift'_c) / (m_c 2^-(shift_c))

Sums, means and joins have no such freedom: each tensor has one scale, and the ratio of two differs from the multiplier
of the integers by 2^-15 of it. Where a ReLU6, bounds or fewer than 8 bits cut below what the type holds, there is a
Clip; and int8 ends at -128 here, at -127 in the integer network. Rounding is to the nearest in both, but a half goes up
in the integer network, to the even number in ONNX. So a number of a tensor may be one count off, and seldom is.

The input is what a user has: floats in the network's own shape, channels first. No number is moved where an order can
be kept: images stay (channel, row, column), and the weights of a layer behind a flattening follow the order there.
Scores are floats in the unit that they had before quantisation, one for each class, whose names are in the metadata.

Source: ONNX 1.23, operators QuantizeLinear 13 and DequantizeLinear 13; onnxruntime.ai, "Quantize ONNX models", formats.

>>> from sarto.core.graph import Op, Tensor
>>> w = {"w": np.array([[1, -1], [2, 0]], np.int8), "b": np.array([0, 1], np.int32),
...      "m": np.array([16384] * 2, np.int16), "s": np.array([14] * 2, np.uint8)}
>>> tensors = [Tensor(n, str(a.dtype), a.shape, "const", a) for n, a in w.items()]
>>> tensors += [Tensor("x", "uint8", (2,), "input", scale=0.5), Tensor("y", "int32", (2,), "output", scale=0.25)]
>>> op = Op("dense", {"x": "x", "weights": "w", "bias": "b", "factor": "m", "shift": "s"}, {"y": "y"},
...         {"low": -100, "high": 100})
>>> graph = Graph("net", tuple(tensors), (), (), (), 1, 0, None, ("a", "b"), (), (), (op,))
>>> import onnx
>>> [n.op_type for n in onnx.load_from_string(integer_model(graph, (2,))).graph.node]
['QuantizeLinear', 'DequantizeLinear', 'DequantizeLinear', 'DequantizeLinear', 'Gemm', 'Clip']
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Integer

from sarto.core.graph import Graph, Op, Tensor
from sarto.core.graph.network import Slide
from sarto.core.graph.operations import SCORE_LIMIT
from sarto.deploy.onnx.building import GIVEN, INT32, OnnxBuilding, sliding
from sarto.deploy.onnx.sensor import Unit, standardised
from sarto.deploy.reject import without_reject
from sarto.models.input_error import InputError

FULL = {"int8": (-127, 127), "uint8": (0, 255)}
"""What a tensor of a type has at most; int8 goes to -128, which the integer network leaves out."""

_NAMED: dict[str, Callable[[Float[np.ndarray, "256"]], Float[np.ndarray, "256"]]] = {
    "Tanh": np.tanh,
    "Sigmoid": lambda x: 1 / (1 + np.exp(-x)),
}
"""Tables that are looked for; ONNX Runtime makes tables of its own of these."""


def integer_model(
    graph: Graph,
    shape: tuple[int, ...],
    limits: tuple[int, int] | None = None,
    unit: Unit = None,
    by_feature: bool = False,
) -> bytes:
    """Return the ONNX file of a graph of whole items.

    Args:
        graph: whose tensors have scales.
        shape: of one item as the network takes it: (feature), (channel, step) or (channel, row, column).
        limits: of the input's numbers; None for all that its type has.
        unit: of a graph behind a sensor what a word of each channel stands for, 1 by default: the file takes values.
        by_feature: whether the weights of the last layer lie with those of one feature side by side.

    Raises:
        InputError: E134, for a graph of a stream, and for an operation that has no counterpart here; the message says
            where it stands.
    """
    if not graph.whole:
        raise InputError(
            "E134",
            "the model runs on a stream",
            cause="it keeps a state from sample to sample, and a file of ONNX takes whole items",
            hint="deploy it with --to c or --to cmake",
        )
    build = _Integers(graph, by_feature)
    steps = [(build.known(op), op) for op in graph.whole]  # what is refused is so before anything is written
    build.given(shape, limits, unit)
    for add, op in steps:
        add(op)
    (scores,) = graph.kind("output")
    last = build.ordered(build.flat(build.held[scores.name]), np.arange(math.prod(scores.shape)))
    metadata = {"classes": json.dumps(graph.outputs), "graph_sha256": graph.sha256}
    return build.file.model(GIVEN, shape, last.name, len(graph.outputs), metadata)


@dataclass(frozen=True, eq=False)
class _Value:
    """A tensor in the file, as floats: its name and shape there, and which number of the graph lies at each place."""

    name: str
    shape: tuple[int, ...]
    places: Int[np.ndarray, " place"]


def _first(shape: tuple[int, ...]) -> tuple[tuple[int, ...], Int[np.ndarray, " place"]]:
    """Return shape and places with channels first of a tensor that a graph has with channels last.

    >>> shape, places = _first((1, 2, 3))
    >>> shape, places.tolist()
    ((3, 1, 2), [0, 3, 1, 4, 2, 5])
    """
    numbers = np.arange(math.prod(shape)).reshape(shape)
    moved = np.moveaxis(numbers, -1, 0) if len(shape) > 1 else numbers
    return moved.shape, moved.reshape(-1)


class _Integers:
    """The file of a graph as far as it is built."""

    def __init__(self, graph: Graph, by_feature: bool) -> None:
        self.graph, self.file = graph, OnnxBuilding()
        self.by_feature = graph.whole[-2] if by_feature else None
        self.held: dict[str, _Value] = {}

    def given(self, shape: tuple[int, ...], limits: tuple[int, int] | None, unit: Unit) -> None:
        """Quantise the input."""
        (tensor,) = self.graph.kind("input")
        inside, places = _first(tensor.shape)
        name = GIVEN if shape == inside else self.reshaped(GIVEN, inside, "as_image")
        first = self.graph.whole[0]
        if first.kind == "standardise":
            name = standardised(self.file, name, self.graph, first, unit)
            tensor, limits = self.graph.by_name[first.outputs["y"]], None
        value = self.bounded(name, tensor, limits or FULL[tensor.dtype], bend=False)
        self.held[tensor.name] = _Value(self.quantised(value, tensor), inside, places)

    def known(self, op: Op) -> Callable[[Op], None]:
        """Return what adds the nodes of an operation; E134 is raised where nothing does."""
        found: dict[str, Callable[[Op], None]] = {
            "dense": self.layer,
            "conv": self.layer,
            "add": self.add,
            "concat": self.concat,
            "table": self.table,
            "mean": self.mean,
            "max": self.largest,
            "reshape": self.reshape,
            "permute": self.permute,
            "argmax": without_reject,
            "standardise": lambda _: None,
        }
        if op.kind not in found:
            reads = [name for name in op.inputs.values() if self.graph.by_name[name].kind != "const"]
            raise InputError(
                "E134",
                f"'{', '.join(op.outputs.values())}' is {op.kind}, which has no counterpart in ONNX here",
                cause=f"it follows '{', '.join(reads)}'",
                hint="deploy it with --to c or --to cmake",
            )
        return found[op.kind]

    # What the operations share.

    def scale(self, name: str) -> float:
        """Return what a count of a tensor stands for."""
        found = self.graph.by_name[name].scale
        assert found is not None and found > 0, f"{name} has no scale"
        return found

    def reshaped(self, name: str, shape: tuple[int, ...], output: str) -> str:
        """Return the same numbers of every item in another shape."""
        wanted = self.file.const(f"{output}_shape", np.array([0, *shape], np.int64))
        return self.file.node("Reshape", (name, wanted), output)

    def bounded(self, name: str, tensor: Tensor, limits: tuple[int, int], *, bend: bool) -> str:
        """Return a value between the limits of a tensor, where its type alone does not see to that; `bend` for ReLU."""
        low, high = limits
        least, most = FULL.get(tensor.dtype, (-SCORE_LIMIT, SCORE_LIMIT))
        if high < most or (low > least and not (bend and low == 0)):
            scale = np.float32(self.scale(tensor.name))
            ends = [
                self.file.const(f"{tensor.name}_{word}", np.array(end * scale, np.float32))
                for word, end in (("low", low), ("high", high))
            ]
            return self.file.node("Clip", (name, *ends), f"{tensor.name}_bounded")
        if bend and low == 0:
            return self.file.node("Relu", (name,), f"{tensor.name}_relu")
        return name

    def quantised(self, name: str, tensor: Tensor) -> str:
        """Return a value as the integers of a tensor, in floats again; in full where the tensor has 32 bits."""
        if tensor.dtype not in FULL:
            return name
        both = self.steps(tensor)
        integers = self.file.node("QuantizeLinear", (name, *both), f"{tensor.name}_integers")
        return self.file.node(
            "DequantizeLinear", (integers, *both), tensor.name, name=f"{integers}_in_floats"
        )

    def steps(self, tensor: Tensor) -> tuple[str, str]:
        """Return scale and zero point of a tensor, as constants."""
        return (
            self.file.const(f"{tensor.name}_scale", np.array(self.scale(tensor.name), np.float32)),
            self.file.const(f"{tensor.name}_zero", np.zeros((), tensor.dtype)),
        )

    def channels(
        self, name: str, values: Integer[np.ndarray, "..."], scale: Float[np.ndarray, " c"], axis: int = 0
    ) -> str:
        """Return constant integers as what they stand for, with a scale for each channel along an axis."""
        inputs = [
            self.file.const(f"{name}_integers", values),
            self.file.const(f"{name}_scale", scale.astype(np.float32)),
            self.file.const(f"{name}_zero", np.zeros(len(scale), values.dtype)),
        ]
        return self.file.node("DequantizeLinear", inputs, name, axis=axis)

    def flat(self, value: _Value) -> _Value:
        """Return a value as a vector."""
        if len(value.shape) == 1:
            return value
        shape = (len(value.places),)
        return replace(value, name=self.reshaped(value.name, shape, f"{value.name}_flat"), shape=shape)

    def ordered(self, value: _Value, places: Int[np.ndarray, " place"]) -> _Value:
        """Return a vector with its numbers in another order, or some of them."""
        if np.array_equal(value.places, places):
            return value
        index = np.argsort(value.places)[places]
        chosen = self.file.const(f"{value.name}_index", index.astype(np.int64))
        name = self.file.node("Gather", (value.name, chosen), f"{value.name}_ordered", axis=1)
        return _Value(name, (len(places),), places)

    def put(self, op: Op, name: str, *, bend: bool) -> None:
        """Keep what an operation returns, which is in the order of the graph or has its channels first."""
        tensor = self.graph.by_name[op.outputs["y"]]
        bounded = self.bounded(name, tensor, (op.attributes["low"], op.attributes["high"]), bend=bend)
        value = self.quantised(bounded, tensor)
        shape, places = _first(tensor.shape)
        self.held[tensor.name] = _Value(value, shape, places)

    # One method for each operation.

    def layer(self, op: Op) -> None:
        """Add a linear layer or a convolution."""
        y, weights, bias = (
            op.outputs["y"],
            self.graph.const(op.inputs["weights"]),
            self.graph.const(op.inputs["bias"]),
        )
        ratio = self.ratio(op, "")
        alive = ratio > 0  # a channel through which nothing comes is 0
        given, made = self.scale(op.inputs["x"]), self.scale(y)
        scale = np.where(alive, ratio * made / given, 1.0).astype(np.float32)
        weights = np.where(alive.reshape(-1, *(1,) * (weights.ndim - 1)), weights, 0).astype(np.int8)
        value = self.held[op.inputs["x"]]
        attributes: dict[str, Any] = {"transB": 1}
        axis = 0
        if op.kind == "dense":
            value = self.flat(value)
            weights = weights[:, value.places]
            if op is self.by_feature:
                weights, attributes, axis = np.ascontiguousarray(weights.T), {}, 1
        else:
            weights = np.moveaxis(weights, -1, 1)
            slide = Slide.of((weights.shape[2], weights.shape[3]), op.attributes)
            attributes = {
                **sliding(slide),
                "dilations": [*slide.dilation],
                "group": op.attributes["groups"],
            }
        inputs = (
            value.name,
            self.channels(f"{y}_weights", weights, scale, axis),
            self.channels(f"{y}_bias", np.where(alive, bias, 0).astype(np.int32), np.float32(given) * scale),
        )
        name = self.file.node(
            "Gemm" if op.kind == "dense" else "Conv", inputs, f"{y}_sum", name=y, **attributes
        )
        if "factor_below" in op.inputs:
            slope = np.where(alive, self.ratio(op, "_below") / np.where(alive, ratio, 1), 1.0)
            shape = (-1,) if op.kind == "dense" else (-1, 1, 1)
            slopes = self.file.const(f"{y}_slope", slope.astype(np.float32).reshape(shape))
            name = self.file.node("PRelu", (name, slopes), f"{y}_bent")
        self.put(op, name, bend=True)

    def ratio(self, op: Op, suffix: str) -> Float[np.ndarray, " c"]:
        """Return what sums are multiplied with, exactly."""
        factor = self.graph.const(op.inputs[f"factor{suffix}"]).astype(np.float64)
        return np.ldexp(factor, -self.graph.const(op.inputs[f"shift{suffix}"]).astype(np.int64))

    def add(self, op: Op) -> None:
        """Add a sum, or a sum of one: another scale, and what bends it."""
        y = op.outputs["y"]
        names = [op.inputs[f"x{i}"] for i in range(len(op.inputs))]
        first, *others = (self.held[name] for name in names)
        total = first.name
        for number, other in enumerate(others, 1):
            same = other if np.array_equal(other.places, first.places) else self.ordered(other, first.places)
            total = self.file.node(
                "Add", (total, same.name), f"{y}_sum{number}", name=y if number == 1 else f"{y}_{number}"
            )
        negative = any(self.graph.by_name[name].dtype != "uint8" for name in names)
        self.put(op, total, bend=negative)
        self.held[y] = replace(self.held[y], shape=first.shape, places=first.places)

    def concat(self, op: Op) -> None:
        """Add a join on channels; what has another scale than the whole is rescaled by its quantisation."""
        y, names = op.outputs["y"], [op.inputs[f"x{i}"] for i in range(len(op.inputs))]
        reads = [self.held[name] for name in names]
        joined = self.file.node("Concat", [read.name for read in reads], f"{y}_joined", name=y, axis=1)
        self.put(op, joined, bend=any(self.graph.by_name[name].dtype != "uint8" for name in names))
        if len(self.held[y].shape) == 1:
            firsts = np.cumsum([0, *(len(read.places) for read in reads)])
            parts = [read.places + first for read, first in zip(reads, firsts, strict=False)]
            self.held[y] = replace(self.held[y], places=np.concatenate(parts))

    def table(self, op: Op) -> None:
        """Add an activation that is a table: by its name where the table is just that, else entry by entry."""
        value, y = self.held[op.inputs["x"]], op.outputs["y"]
        read, made = self.graph.by_name[op.inputs["x"]], self.graph.by_name[y]
        table = self.graph.const(op.inputs["table"])
        first = int(np.iinfo(read.dtype).min)
        numbers = (np.arange(256) + first) * self.scale(read.name)
        for word, function in _NAMED.items():
            if np.array_equal(table, np.rint(function(numbers) / self.scale(y)).clip(*FULL[made.dtype])):
                name = self.quantised(self.file.node(word, (value.name,), f"{y}_exact", name=y), made)
                self.held[y] = replace(value, name=name)
                return
        integers = self.file.node("QuantizeLinear", (value.name, *self.steps(read)), f"{y}_read")
        wide = self.file.node("Cast", (integers,), f"{y}_number", to=INT32)
        index = self.file.node(
            "Sub", (wide, self.file.const(f"{y}_first", np.array(first, np.int32))), f"{y}_index"
        )
        found = self.file.node(
            "Gather", (self.file.const(f"{y}_table", table), index), f"{y}_integers", name=y
        )
        name = self.file.node("DequantizeLinear", (found, *self.steps(made)), y, name=f"{y}_in_floats")
        self.held[y] = replace(value, name=name)

    def mean(self, op: Op) -> None:
        """Add a mean over a kernel, or over all places."""
        value, y, a = self.held[op.inputs["x"]], op.outputs["y"], op.attributes
        slide = Slide.of((a["kernel_row"], a["kernel_column"]), a)
        negative = self.graph.by_name[op.inputs["x"]].dtype != "uint8"
        if slide.kernel == value.shape[1:] and slide.padding == (0, 0):
            name = self.file.node("GlobalAveragePool", (value.name,), f"{y}_mean", name=y)
        else:
            name = self.file.node(
                "AveragePool", (value.name,), f"{y}_mean", name=y, **sliding(slide), count_include_pad=1
            )
        self.put(op, name, bend=negative)
        self.settle(y, (value.shape[0], *slide.size(*value.shape[1:])))

    def largest(self, op: Op) -> None:
        """Add a maximum over a kernel."""
        value, y, a = self.held[op.inputs["x"]], op.outputs["y"], op.attributes
        slide = Slide.of((a["kernel_row"], a["kernel_column"]), a)
        name = self.file.node("MaxPool", (value.name,), f"{y}_largest", name=y, **sliding(slide))
        tensor = self.graph.by_name[y]
        shape, places = _first(tensor.shape)
        self.held[y] = _Value(self.quantised(name, tensor), shape, places)
        self.settle(y, (value.shape[0], *slide.size(*value.shape[1:])))

    def settle(self, y: str, shape: tuple[int, ...]) -> None:
        """Give what pooling left in `shape` the shape that the tensor has."""
        if self.held[y].shape != shape:
            name = self.reshaped(self.held[y].name, self.held[y].shape, f"{y}_shaped")
            self.held[y] = replace(self.held[y], name=name)

    def reshape(self, op: Op) -> None:
        """Add another shape of the same numbers; a vector keeps the order in which they lie in the file."""
        value, y = self.held[op.inputs["x"]], op.outputs["y"]
        shape, places = _first(self.graph.by_name[y].shape)
        if len(shape) == 1:
            self.held[y] = self.flat(value)
            return
        moved = value if np.array_equal(value.places, places) else self.ordered(self.flat(value), places)
        name = moved.name if moved.shape == shape else self.reshaped(moved.name, shape, y)
        self.held[y] = _Value(name, shape, places)

    def permute(self, op: Op) -> None:
        """Take over the new order: numbers move where an order is asked for. A choice of some is made at once."""
        value, index = (
            self.flat(self.held[op.inputs["x"]]),
            self.graph.const(op.inputs["index"]).astype(np.int64),
        )
        if len(index) == len(value.places):
            self.held[op.outputs["y"]] = replace(value, places=np.argsort(index)[value.places])
        else:
            chosen = self.ordered(value, index)
            self.held[op.outputs["y"]] = replace(chosen, places=np.arange(len(index)))
