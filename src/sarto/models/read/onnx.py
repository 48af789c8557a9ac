"""Reads an ONNX file, in floats or with QuantizeLinear and DequantizeLinear (QDQ), as torch, Keras and others write it.

The file is run once by ONNX Runtime with all its intermediate values, on zeros: values that do not depend on the
input's (shapes, constants, weights that are dequantised) are taken from there, and so is the shape that a Reshape leads
to. Of QDQ files the weights are those that the integers stand for; steps of activations are left away and said in a
remark, since quantisation chooses its own; one that starts at 0 is a ReLU where none is before it (`_steps`). Left away
is also what follows the outputs of classes: softmax and its logarithm, the number of the largest output, and a sigmoid
of outputs that are not as many as the inputs, as an autoencoder's are.

>>> import onnx, tempfile, pathlib
>>> from onnx import TensorProto, helper, numpy_helper
>>> w = np.array([[1.0, -1.0], [2.0, 0.5], [0.0, 1.0]], np.float32)
>>> graph = helper.make_graph(
...     [helper.make_node("MatMul", ["x", "w"], ["z"], name="first"), helper.make_node("Relu", ["z"], ["y"])], "toy",
...     [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 3])],
...     [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 2])], [numpy_helper.from_array(w, "w")])
>>> with tempfile.TemporaryDirectory() as folder:
...     file = pathlib.Path(folder, "toy.onnx")
...     onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), file)
...     net = read_onnx(file)
>>> [(n.name, n.op) for n in net.architecture.nodes], net.arrays["first.weight"].shape
([('first', 'linear'), ('relu', 'relu')], (2, 3))
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportUnknownParameterType=false, reportMissingTypeArgument=false

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from jaxtyping import Float, Shaped
from onnx import helper, numpy_helper

from sarto.core.seed import generator
from sarto.models.input_error import InputError
from sarto.models.network.architecture import INPUT
from sarto.models.network.module import Network, predict
from sarto.models.read._ends import UNCHANGED, answered, is_end, misplaced
from sarto.models.read._session import values_of
from sarto.models.read._sketch import ITEMS, TOLERANCE, Read, Sketch, check_same, refused
from sarto.models.read._steps import may_be_negative, span

QDQ_TOLERANCE = 0.5
"""The same where steps of activations were left away: their rounding is no defect, a wrong operation is more."""

_SIMPLE = {
    "Relu": "relu",
    "Tanh": "tanh",
    "HardSwish": "hard_swish",
    "GlobalAveragePool": "global_mean_pool",
}


def read_onnx(path: Path) -> Read:
    """Return the network of an ONNX file.

    Raises:
        InputError: E130, when the file is none, has several inputs or outputs, or an operation that is not read; the
            message names the node.
    """
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except Exception as error:
        raise InputError(
            "E130",
            f"{path.name} is no ONNX file",
            cause=str(error).splitlines()[0][:200],
            hint="export it with torch.onnx.export, or give FILE.py:FUNCTION and its state in safetensors; "
            "files of torch.save are pickles, which are not read",
        ) from error
    return _Reader(model, path.name).read()


class _Reader:
    """One file while it is read."""

    def __init__(self, model: onnx.ModelProto, source: str) -> None:
        self.model, self.source, self.sketch = model, source, Sketch()
        self.stored = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
        inputs = [v for v in model.graph.input if v.name not in self.stored]
        if len(inputs) != 1 or len(model.graph.output) != 1:
            raise refused(
                source, f"it has {len(inputs)} inputs and {len(model.graph.output)} outputs, not one each"
            )
        self.input, self.output = inputs[0].name, model.graph.output[0].name
        dims = [d.dim_value for d in inputs[0].type.tensor_type.shape.dim]
        if not 2 <= len(dims) <= 4 or min(dims[1:]) < 1:
            raise refused(
                source, f"its input has the shape {dims}; all but the first (the batch) must be given"
            )
        self.fixed_batch, self.shape = dims[0], tuple(dims[1:])
        self.quantised, self.cut, self.ends = 0, 0, list[str]()
        self.range: tuple[float, float] | None = None

    def read(self) -> Read:
        """Return the network."""
        self.depends = self._dependent()
        self.seen = self._run(np.zeros((1, *self.shape), np.float32), every=True)
        self.sketch.place[self.input] = INPUT
        for node in self.model.graph.node:
            if node.output[0] not in self.depends or node.op_type == "Shape":
                continue
            self._node(node)
        if self.quantised:
            self.sketch.remarks.append(
                f"{self.quantised} quantisation steps of activations were left away; quantisation chooses its own"
            )
        if self.cut:
            self.sketch.remarks.append(
                f"{self.cut} of them cut at 0 without a ReLU before, and are read as one"
            )
        found = self.sketch.finish(self.shape, self.output)
        self._check(found)
        return found

    def _dependent(self) -> set[str]:
        """Return the values that depend on what is in the input, and not on its shape alone."""
        found = {self.input}
        for node in self.model.graph.node:
            if node.op_type != "Shape" and found & set(node.input):
                found |= set(node.output)
        return found

    def _run(self, x: Float[np.ndarray, "item ..."], *, every: bool) -> dict[str, Shaped[np.ndarray, "..."]]:
        """Return the values of the output, or of every node, as ONNX Runtime computes them."""
        return values_of(self.model, self.source, {self.input: x}, every=every)

    def _check(self, found: Read) -> None:
        items = self.fixed_batch or ITEMS
        draw, shape = generator(0, "read"), (items, *self.shape)
        x = (draw.uniform(*self.range, shape) if self.range else draw.normal(size=shape)).astype(np.float32)
        network = Network(found.architecture)
        network.load_arrays(found.arrays)
        theirs = np.asarray(self._run(x, every=False)[self.output], np.float32)
        ours = predict(network, x)
        ours = np.asarray(answered(self.ends, ours), np.float32)
        theirs = theirs.reshape(len(theirs)) if self.ends[-1:] == ["ArgMax"] else theirs
        check_same(ours, theirs, self.source, QDQ_TOLERANCE if self.quantised else TOLERANCE)

    def _constant(self, name: str) -> Shaped[np.ndarray, "..."] | None:
        """Return a value that does not depend on the input, or None."""
        if name in self.stored:
            return self.stored[name]
        return None if name in self.depends or name not in self.seen else self.seen[name]

    def _wanted(self, node: onnx.NodeProto, index: int) -> Shaped[np.ndarray, "..."]:
        found = self._constant(node.input[index])
        if found is None:
            raise refused(_called(node), f"its input {index + 1} is computed from the network's input")
        return found

    def _optional(self, node: onnx.NodeProto, index: int) -> Shaped[np.ndarray, "..."] | None:
        return self._wanted(node, index) if len(node.input) > index and node.input[index] else None

    def _node(self, node: onnx.NodeProto) -> None:
        given = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        kind = node.op_type
        if kind in _SIMPLE:
            self._put(node, _SIMPLE[kind])
        elif kind in UNCHANGED and kind != "QuantizeLinear":
            self.sketch.same(node.input[0], node.output[0])
        else:
            reader: Callable[[onnx.NodeProto, dict[str, Any]], None] | None = getattr(
                self, f"_{kind.lower()}", None
            )
            if reader is None:
                form = "; quantise in the format QDQ" if kind.startswith("QLinear") else ""
                raise refused(_called(node), f"{kind} is no operation that Sarto reads{form}")
            reader(node, given)

    def _put(
        self, node: onnx.NodeProto, op: str, inputs: Sequence[str] | None = None, **attributes: Any
    ) -> str:
        read = list(inputs or [node.input[0]])
        lost = [name for name in read if name not in self.sketch.place]
        if lost:
            raise refused(_called(node), f"'{lost[0]}' is no value that was read before it")
        return self.sketch.put(node.name or op, op, read, node.output[0], **attributes)

    # One method for each operation, called by its name in lower case.

    def _quantizelinear(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        self.quantised += 1
        step, place = self._wanted(node, 1), self.sketch.place[node.input[0]]
        reach = span(step, self._optional(node, 2))
        if place == INPUT:
            self.range = reach
        if reach is None or reach[0] < 0 or place == INPUT or not may_be_negative(place, self.sketch.nodes):
            self.sketch.same(node.input[0], node.output[0])
            return
        self.cut += 1
        self._put(node, "relu6" if abs(reach[1] - 6) <= float(step.max()) / 2 else "relu")

    def _gemm(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        weight = self._wanted(node, 1)
        weight = weight if given.get("transB", 0) else weight.T
        if given.get("transA", 0):
            raise refused(_called(node), "its input is transposed")
        bias = self._optional(node, 2)
        shape = (len(weight),)
        bias = None if bias is None else np.broadcast_to(bias.reshape(-1), shape) * given.get("beta", 1.0)
        name = self._put(node, "linear", features=len(weight), bias=bias is not None)
        self.sketch.weigh(name, weight=weight * given.get("alpha", 1.0), bias=bias)

    def _matmul(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        weight = self._wanted(node, 1)
        if weight.ndim != 2:
            raise refused(_called(node), f"its weight has the shape {weight.shape}")
        name = self._put(node, "linear", features=weight.shape[1], bias=False)
        self.sketch.weigh(name, weight=weight.T)

    def _add(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        fixed = [self._constant(name) for name in node.input]
        if all(value is None for value in fixed):
            self._put(node, "add", node.input)
            return
        value = next(v for v in fixed if v is not None)
        source = node.input[int(fixed[0] is not None)]
        before = self.sketch.nodes[-1] if self.sketch.nodes else None
        is_bias = (
            before is not None
            and before.op in ("linear", "conv")
            and self.sketch.place[source] == before.name
            and not before.attributes["bias"]
            and sum(source in n.input for n in self.model.graph.node) == 1
        )
        if before is None or not is_bias:
            raise refused(_called(node), "it adds a constant to something else than a layer without bias")
        size = int(str(before.attributes["features" if before.op == "linear" else "channels"]))
        if value.size not in (1, size):
            raise refused(_called(node), f"a bias of shape {value.shape} for {size} features")
        self.sketch.nodes[-1] = type(before)(
            before.name, before.op, before.inputs, {**before.attributes, "bias": True}
        )
        self.sketch.weigh(before.name, bias=np.broadcast_to(value.reshape(-1), (size,)))
        self.sketch.place[node.output[0]] = before.name

    def _mul(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        made = {n.name: n for n in self.sketch.nodes}
        places = [self.sketch.place.get(name, "") for name in node.input]
        for gate, other in (places, places[::-1]):
            if gate in made and made[gate].op == "sigmoid" and made[gate].inputs == (other,):
                source = node.input[0] if self.sketch.place[node.input[0]] == other else node.input[1]
                self._put(node, "silu", [source])
                return
        raise refused(_called(node), "a product is read only as x times the sigmoid of x (SiLU)")

    def _conv(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        weight, bias = self._wanted(node, 1), self._optional(node, 2)
        name = self._put(
            node,
            "conv",
            channels=len(weight),
            kernel=tuple(weight.shape[2:]),
            **self._sliding(node, given, weight.ndim - 2),
            dilation=tuple(given.get("dilations", (1,) * (weight.ndim - 2))),
            groups=given.get("group", 1),
            bias=bias is not None,
        )
        self.sketch.weigh(name, weight=weight, bias=bias)

    def _sliding(self, node: onnx.NodeProto, given: dict[str, Any], rank: int) -> dict[str, Any]:
        automatic = given.get("auto_pad", b"NOTSET").decode()
        pads = tuple(given.get("pads", (0,) * 2 * rank))
        if automatic == "VALID":
            pads = (0,) * 2 * rank
        elif automatic != "NOTSET":
            pads = self._same_pads(node, given, rank, upper=automatic == "SAME_UPPER")
        if pads[:rank] != pads[rank:]:
            raise refused(_called(node), f"its padding {pads} is not the same on both sides")
        return {"stride": tuple(given.get("strides", (1,) * rank)), "padding": pads[:rank]}

    def _same_pads(
        self, node: onnx.NodeProto, given: dict[str, Any], rank: int, *, upper: bool
    ) -> tuple[int, ...]:
        kernel = given.get("kernel_shape") or self._wanted(node, 1).shape[2:]
        before, after = self._shape(node.input[0])[-rank:], self._shape(node.output[0])[-rank:]
        strides, dilations = given.get("strides", (1,) * rank), given.get("dilations", (1,) * rank)
        total = [
            max((o - 1) * s + (k - 1) * d + 1 - i, 0)
            for i, o, s, k, d in zip(before, after, strides, kernel, dilations, strict=True)
        ]
        small, large = [t // 2 for t in total], [t - t // 2 for t in total]
        return (*small, *large) if upper else (*large, *small)

    def _shape(self, name: str) -> tuple[int, ...]:
        return (1, *self.shape) if name == self.input else tuple(self.seen[name].shape)

    def _batchnormalization(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        name = self._put(node, "batch_norm", eps=float(given.get("epsilon", 1e-5)))
        scale, bias, mean, variance = (self._wanted(node, i) for i in range(1, 5))
        self.sketch.weigh(name, weight=scale, bias=bias, mean=mean, variance=variance)

    def _leakyrelu(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        self._put(node, "leaky_relu", slope=float(given.get("alpha", 0.01)))

    def _gelu(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        if given.get("approximate", b"none") != b"none":
            raise refused(_called(node), "GELU by its tanh approximation is not read")
        self._put(node, "gelu")

    def _clip(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        low = given.get("min") if "min" in given else self._optional(node, 1)
        high = given.get("max") if "max" in given else self._optional(node, 2)
        if low is None or float(low) != 0 or (high is not None and float(high) != 6):
            raise refused(_called(node), f"it clips to {low} and {high}, which is neither ReLU nor ReLU6")
        self._put(node, "relu" if high is None else "relu6")

    def _maxpool(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        self._pool(node, given, "max_pool")

    def _averagepool(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        padded = any(given.get("pads", ())) or given.get("auto_pad", b"NOTSET") not in (b"NOTSET", b"VALID")
        if padded and not given.get("count_include_pad", 0):
            raise refused(_called(node), "its padding does not count as zeros (count_include_pad is 0)")
        self._pool(node, given, "mean_pool")

    def _pool(self, node: onnx.NodeProto, given: dict[str, Any], op: str) -> None:
        kernel = tuple(given["kernel_shape"])
        if given.get("ceil_mode", 0) or any(d != 1 for d in given.get("dilations", ())):
            raise refused(_called(node), "it rounds sizes up, or has a dilation")
        self._put(node, op, kernel=kernel, **self._sliding(node, given, len(kernel)))

    def _reducemean(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        rank = len(self._shape(node.input[0]))
        axes = given.get("axes") if "axes" in given else self._optional(node, 1)
        if axes is None or sorted(a % rank for a in np.asarray(axes).tolist()) != list(range(2, rank)):
            raise refused(
                _called(node), f"it takes the mean over the axes {axes}, not over all but the channels"
            )
        self._put(node, "global_mean_pool")

    def _flatten(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        if given.get("axis", 1) != 1:
            raise refused(_called(node), f"it flattens from axis {given['axis']}")
        self._reshape(node, given)

    def _reshape(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        before, after = self._shape(node.input[0]), self._shape(node.output[0])
        if not after or after[0] != 1 or math.prod(before) != math.prod(after):
            raise refused(_called(node), f"it makes {after} of {before}, and items must stay apart")
        place = self.sketch.place[node.input[0]]
        made = next((n for n in self.sketch.nodes if n.name == place), None)
        mean = made is not None and made.op == "global_mean_pool"
        if after[1:] == before[1:] or (mean and len(after) == 2):
            self.sketch.same(node.input[0], node.output[0])
        elif len(after) == 2:
            self._put(node, "flatten")
        else:
            self._put(node, "reshape", shape=after[1:])

    _squeeze = _unsqueeze = _reshape

    def _concat(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        if given["axis"] % len(self._shape(node.output[0])) != 1:
            raise refused(_called(node), f"it joins axis {given['axis']}, not channels")
        self._put(node, "concat", node.input)

    def _softmax(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        self._end(node, given.get("axis", -1))

    _logsoftmax = _softmax

    def _argmax(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        if given.get("select_last_index", 0):
            raise refused(_called(node), "of equal outputs it takes the last, not the first")
        self._end(node, given.get("axis", 0))

    def _sigmoid(self, node: onnx.NodeProto, given: dict[str, Any]) -> None:
        shape = self._shape(node.output[0])
        classes = len(shape) == 2 and shape[1] > 1 and shape[1:] != self.shape
        if classes and is_end(self.model, node.output[0]):
            self._end(node, 1)
        else:
            self._put(node, "sigmoid")

    def _end(self, node: onnx.NodeProto, axis: int) -> None:
        """Leave away what follows the outputs of classes, and changes not which of them is the largest."""
        if why := misplaced(self.model, node, axis, self._shape(node.input[0])):
            raise refused(_called(node), why)
        self.ends.append(node.op_type)
        self.sketch.remarks.append(
            f"at the end {_called(node)} was left away: the largest output stays the largest"
        )
        self.sketch.same(node.input[0], node.output[0])


def _called(node: onnx.NodeProto) -> str:
    return f"node '{node.name or node.output[0]}' ({node.op_type})"
