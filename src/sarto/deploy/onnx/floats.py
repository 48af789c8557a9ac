"""A network that computes in floats as an ONNX file: its architecture, node by node, and its parameters as they are.

| operation | in ONNX |
|---|---|
| `linear`, `conv`, `batch_norm` | Gemm, Conv, BatchNormalization |
| `relu`, `relu6`, `leaky_relu`, `sigmoid`, `tanh`, `gelu`, `silu`, `hard_swish` | the same; Clip; x Sigmoid(x) |
| `clip` | Where IsNaN, Max, Min |
| `max_pool`, `mean_pool`, `global_mean_pool` | MaxPool, AveragePool with zeros counted, GlobalAveragePool |
| `flatten`, `reshape`, `take`, `add`, `concat` | Reshape, Reshape, Gather, Add, Concat |

MAM layers have no counterpart in ONNX and are refused.

Source: ONNX 1.23, docs/Operators.md.

>>> from sarto.models.network.named import named
>>> net = named("mlp", (4,), 2, width=3, depth=1)
>>> data = float_model(net, {name: np.ones(shape, np.float32) for name, shape in net.parameters.items()})
>>> import onnx
>>> [n.op_type for n in onnx.load_from_string(data).graph.node]
['Gemm', 'Relu', 'Gemm']
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from jaxtyping import Float

from sarto.deploy.onnx.building import GIVEN, OPSET, OnnxBuilding
from sarto.models.input_error import InputError
from sarto.models.network.architecture import INPUT, Architecture, Node
from sarto.models.network.operations import ints, places_of, whole

_SIMPLE = {
    "relu": "Relu",
    "sigmoid": "Sigmoid",
    "tanh": "Tanh",
    "gelu": "Gelu",
    "hard_swish": "HardSwish",
    "global_mean_pool": "GlobalAveragePool",
}
_OPSETS = {"hard_swish": 14, "gelu": 20}
"""Operations that are younger than `OPSET`."""
Arrays = Mapping[str, Float[np.ndarray, "..."]]


def float_model(architecture: Architecture, arrays: Arrays, classes: tuple[str, ...] = ()) -> bytes:
    """Return the ONNX file of a network in floats.

    Args:
        architecture: of the network.
        arrays: its parameters, by the architecture's names.
        classes: names of its outputs; their numbers by default.

    Raises:
        InputError: E134, for an operation that ONNX does not have; the message names the node.
    """
    build = _Floats(architecture, arrays)
    for node in architecture.nodes:
        build.take(node)
    outputs = math.prod(architecture.shapes[architecture.output])
    last = build.held[architecture.output]
    if len(architecture.shapes[architecture.output]) != 1:
        last = build.reshaped(last, (outputs,), f"{architecture.output}_flat")
    names = classes or tuple(map(str, range(outputs)))
    opset = max([OPSET, *(_OPSETS.get(node.op, OPSET) for node in architecture.nodes)])
    return build.file.model(
        GIVEN, architecture.input_shape, last, outputs, {"classes": json.dumps(names)}, opset
    )


class _Floats:
    """The file of a network as far as it is built; `held` is the value of each node."""

    def __init__(self, architecture: Architecture, arrays: Arrays) -> None:
        self.architecture, self.arrays = architecture, arrays
        self.file, self.held = OnnxBuilding(), {INPUT: GIVEN}

    def take(self, node: Node) -> None:
        """Add the nodes of one operation."""
        reads, a = [self.held[name] for name in node.inputs], node.attributes
        name, shape = node.name, self.architecture.shapes[node.name]
        match node.op:
            case "linear":
                found = self.file.node("Gemm", (*reads, *self.parameters(node)), name, transB=1)
            case "conv":
                sliding: dict[str, Any] = {
                    **_sliding(node),
                    "dilations": [*ints(a, "dilation")],
                    "group": whole(a, "groups"),
                }
                found = self.file.node("Conv", (*reads, *self.parameters(node)), name, **sliding)
            case "batch_norm":
                inputs = (*reads, *self.parameters(node))
                found = self.file.node("BatchNormalization", inputs, name, epsilon=float(str(a["eps"])))
            case "relu6":
                ends = [
                    self.file.const(f"{name}_{word}", np.array(end, np.float32))
                    for word, end in (("low", 0), ("high", 6))
                ]
                found = self.file.node("Clip", (*reads, *ends), name)
            case "clip":
                found = self.bounded(node, reads[0])
            case "leaky_relu":
                found = self.file.node("LeakyRelu", reads, name, alpha=float(str(a["slope"])))
            case "silu":
                gate = self.file.node("Sigmoid", reads, f"{name}_gate")
                found = self.file.node("Mul", (*reads, gate), name)
            case "max_pool":
                found = self.file.node("MaxPool", reads, name, **_sliding(node))
            case "mean_pool":
                found = self.file.node("AveragePool", reads, name, **_sliding(node), count_include_pad=1)
            case "flatten" | "reshape":
                found = self.reshaped(reads[0], shape, name)
            case "take":
                kept = self.file.const(f"{name}_index", np.array(places_of(ints(a, "runs")), np.int64))
                found = self.file.node("Gather", (*reads, kept), name, axis=1)
            case "add":
                found = reads[0]
                for number, other in enumerate(reads[1:], 2):
                    part = name if number == len(reads) else f"{name}_{number}"
                    found = self.file.node("Add", (found, other), part)
            case "concat":
                found = self.file.node("Concat", reads, name, axis=1)
            case _ if node.op in _SIMPLE:
                found = self.file.node(_SIMPLE[node.op], reads, name)
            case _:
                raise InputError(
                    "E134",
                    f"'{name}' is {node.op}, which has no counterpart in ONNX",
                    cause=f"it follows '{', '.join(node.inputs)}'",
                )
        if node.op == "global_mean_pool":
            found = self.reshaped(found, shape, f"{name}_flat")
        self.held[name] = found

    def bounded(self, node: Node, read: str) -> str:
        """Return what lies within the bounds of a node, 0 in place of a NaN."""
        none = self.file.node("IsNaN", (read,), f"{node.name}_none")
        zero = self.file.const(f"{node.name}_zero", np.array(0, np.float32))
        found = self.file.node("Where", (none, zero, read), f"{node.name}_numbers")
        behind = (1,) * (len(self.architecture.shapes[node.name]) - 1)
        for end, op in (("low", "Max"), ("high", "Min")):
            bound = self.arrays[f"{node.name}.{end}"]
            held = self.file.const(f"{node.name}.{end}", bound.reshape(-1, *behind) if bound.ndim else bound)
            found = self.file.node(op, (found, held), f"{node.name}_{end}" if op == "Max" else node.name)
        return found

    def parameters(self, node: Node) -> list[str]:
        """Return the parameters of a node as constants, in the order in which ONNX takes them."""
        own = ("weight", "bias", "mean", "variance")
        names = [f"{node.name}.{part}" for part in own if f"{node.name}.{part}" in self.arrays]
        return [self.file.const(name, self.arrays[name]) for name in names]

    def reshaped(self, name: str, shape: tuple[int, ...], output: str) -> str:
        """Return the same numbers of every item in another shape."""
        wanted = self.file.const(f"{output}_shape", np.array([0, *shape], np.int64))
        return self.file.node("Reshape", (name, wanted), output)


def _sliding(node: Node) -> dict[str, Any]:
    """Return how a kernel slides as ONNX has it."""
    padding = ints(node.attributes, "padding")
    return {
        "kernel_shape": [*ints(node.attributes, "kernel")],
        "strides": [*ints(node.attributes, "stride")],
        "pads": [*padding, *padding],
    }
