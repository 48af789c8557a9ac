"""Reads a torch module, which `torch.fx` traces: layers, and torch's functions and methods between them.

>>> net = read_module(nn.Sequential(nn.Linear(3, 2), nn.ReLU()), (3,))
>>> [(n.name, n.op) for n in net.architecture.nodes]
[('linear_0', 'linear'), ('relu_1', 'relu')]
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeArgument=false, reportUnknownParameterType=false

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, fx, nn
from torch.nn import functional

from sarto.core.seed import generator
from sarto.models.network.architecture import INPUT
from sarto.models.network.module import Network, predict
from sarto.models.network.operations import Shape
from sarto.models.read._sketch import ITEMS, Read, Sketch, check_same, refused

_MODULES: dict[type[nn.Module], str] = {
    nn.ReLU: "relu",
    nn.ReLU6: "relu6",
    nn.Sigmoid: "sigmoid",
    nn.Tanh: "tanh",
    nn.SiLU: "silu",
    nn.Hardswish: "hard_swish",
}
_FUNCTIONS: dict[Any, str] = {
    torch.relu: "relu",
    functional.relu: "relu",
    functional.relu6: "relu6",
    torch.sigmoid: "sigmoid",
    functional.sigmoid: "sigmoid",
    torch.tanh: "tanh",
    functional.tanh: "tanh",
    functional.silu: "silu",
    functional.hardswish: "hard_swish",
    operator.add: "add",
    operator.iadd: "add",
    torch.add: "add",
}
_METHODS = {
    "relu": "relu",
    "relu_": "relu",
    "sigmoid": "sigmoid",
    "tanh": "tanh",
    "add": "add",
    "add_": "add",
}
_RESHAPING = (
    torch.flatten,
    torch.reshape,
    torch.squeeze,
    "flatten",
    "view",
    "reshape",
    "squeeze",
    "contiguous",
)
_POOLED: dict[str, Any] = {"kernel_size": 1, "stride": None, "padding": 0}
_PLAIN: dict[str, Any] = {
    "dilation": 1,
    "ceil_mode": False,
    "return_indices": False,
    "count_include_pad": True,
    "divisor_override": None,
}
_DROPPED = (nn.Dropout, nn.Dropout1d, nn.Dropout2d, nn.Identity)


def read_module(module: nn.Module, shape: Shape, source: str = "the module") -> Read:
    """Return the network that a torch module is, on items of `shape`.

    Raises:
        InputError: E130, when it cannot be traced or a layer cannot be read; the message names the layer.
    """
    module.eval()
    try:
        traced = fx.symbolic_trace(module)
    except Exception as error:
        raise refused(source, f"torch.fx cannot trace it: {str(error).splitlines()[0][:200]}") from error
    x = torch.as_tensor(generator(0, "read").normal(size=(ITEMS, *shape)).astype(np.float32))
    values = _Values(traced)
    try:
        with torch.no_grad():
            theirs = values.run(x)
    except Exception as error:
        raise refused(
            source, f"it does not run on items of shape {shape}: {str(error).splitlines()[0][:200]}"
        ) from error
    found = _Reader(traced, values.shapes, shape).read()
    network = Network(found.architecture)
    network.load_arrays(found.arrays)
    check_same(predict(network, x.numpy()), theirs.numpy(), source)
    return found


class _Values(fx.Interpreter):
    """Runs a traced module, and keeps the shape of every value that is a tensor."""

    def __init__(self, module: fx.GraphModule) -> None:
        super().__init__(module)
        self.extra_traceback = False
        self.shapes: dict[str, tuple[int, ...]] = {}

    def run_node(self, n: fx.Node) -> Any:
        """Run one node."""
        value = super().run_node(n)
        if isinstance(value, Tensor):
            self.shapes[n.name] = tuple(value.shape)
        return value


class _Reader:
    """One traced module while it is read."""

    def __init__(self, traced: fx.GraphModule, shapes: dict[str, tuple[int, ...]], shape: Shape) -> None:
        self.traced, self.shapes, self.shape, self.sketch = traced, shapes, shape, Sketch()

    def read(self) -> Read:
        """Return the network."""
        output = ""
        for node in self.traced.graph.nodes:
            if node.op == "placeholder":
                if self.sketch.place:
                    raise refused("the module", "it has several inputs")
                self.sketch.place[node.name] = INPUT
            elif node.op == "output":
                if not isinstance(node.args[0], fx.Node):
                    raise refused("the module", "it has several outputs")
                output = node.args[0].name
            elif node.name in self.shapes:
                self._node(node)
            elif node.op == "call_module":
                raise refused(_called(node), "it returns something else than one tensor")
            # anything else is a number or a shape
        return self.sketch.finish(self.shape, output)

    def _node(self, node: fx.Node) -> None:
        if node.op == "call_module":
            self._module(node, self.traced.get_submodule(str(node.target)))
        elif node.op == "get_attr":
            raise refused(f"'{node.target}'", "a parameter or buffer is used outside a layer")
        else:
            self._function(node)

    def _put(self, node: fx.Node, op: str, inputs: list[fx.Node] | None = None, **attributes: Any) -> str:
        read = [n.name for n in (inputs or [self._first(node)])]
        if lost := [name for name in read if name not in self.sketch.place]:
            raise refused(_called(node), f"'{lost[0]}' is no value that was read")
        source = str(node.target) if node.op == "call_module" else node.name
        return self.sketch.put(source, op, read, node.name, **attributes)

    def _first(self, node: fx.Node) -> fx.Node:
        if not node.args or not isinstance(node.args[0], fx.Node):
            raise refused(_called(node), "its first argument is no value")
        return node.args[0]

    def _module(self, node: fx.Node, layer: nn.Module) -> None:
        kind = type(layer)
        if isinstance(layer, _DROPPED):
            self.sketch.same(self._first(node).name, node.name)
        elif kind in _MODULES:
            self._put(node, _MODULES[kind])
        elif isinstance(layer, nn.Linear):
            name = self._put(node, "linear", features=layer.out_features, bias=_is_there(layer.bias))
            self.sketch.weigh(name, weight=_array(layer.weight), bias=_array(layer.bias))
        elif isinstance(layer, (nn.Conv1d, nn.Conv2d)):
            self._conv(node, layer)
        elif isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d)):
            self._norm(node, layer)
        elif isinstance(layer, nn.LeakyReLU):
            self._put(node, "leaky_relu", slope=float(layer.negative_slope))
        elif isinstance(layer, nn.GELU) and layer.approximate == "none":
            self._put(node, "gelu")
        elif isinstance(layer, (nn.MaxPool1d, nn.MaxPool2d)):
            exact = not layer.ceil_mode and layer.dilation in (1, (1, 1)) and not layer.return_indices
            self._pool(node, "max_pool", layer.kernel_size, layer.stride, layer.padding, exact=exact)
        elif isinstance(layer, (nn.AvgPool1d, nn.AvgPool2d)):
            exact = not layer.ceil_mode and (layer.count_include_pad or layer.padding in (0, (0,), (0, 0)))
            exact = exact and getattr(layer, "divisor_override", None) is None
            self._pool(node, "mean_pool", layer.kernel_size, layer.stride, layer.padding, exact=exact)
        elif isinstance(layer, (nn.AdaptiveAvgPool1d, nn.AdaptiveAvgPool2d)):
            self._adaptive(node)
        elif isinstance(layer, (nn.Flatten, nn.Unflatten)):
            self._reshape(node)
        else:
            raise refused(_called(node), f"{kind.__name__} with these settings is no layer that Sarto reads")

    def _conv(self, node: fx.Node, layer: nn.Conv1d | nn.Conv2d) -> None:
        if not isinstance(layer.padding, tuple) or layer.padding_mode != "zeros":
            raise refused(_called(node), "its padding must be given in numbers, and be of zeros")
        name = self._put(
            node,
            "conv",
            channels=layer.out_channels,
            kernel=tuple(layer.kernel_size),
            stride=tuple(layer.stride),
            padding=tuple(layer.padding),
            dilation=tuple(layer.dilation),
            groups=layer.groups,
            bias=_is_there(layer.bias),
        )
        self.sketch.weigh(name, weight=_array(layer.weight), bias=_array(layer.bias))

    def _norm(self, node: fx.Node, layer: nn.BatchNorm1d | nn.BatchNorm2d) -> None:
        if not _is_there(layer.running_mean):
            raise refused(_called(node), "it keeps no running mean and variance")
        mean, variance = _array(layer.running_mean), _array(layer.running_var)
        assert mean is not None
        weight, bias = _array(layer.weight), _array(layer.bias)
        name = self._put(node, "batch_norm", eps=float(layer.eps))
        self.sketch.weigh(
            name,
            weight=np.ones_like(mean) if weight is None else weight,
            bias=np.zeros_like(mean) if bias is None else bias,
            mean=mean,
            variance=variance,
        )

    def _pool(self, node: fx.Node, op: str, kernel: Any, stride: Any, padding: Any, *, exact: bool) -> None:
        if not exact:
            raise refused(_called(node), "it rounds sizes up, dilates, or leaves padding out of its mean")
        rank = len(self.shapes[self._first(node).name]) - 2
        three = [
            tuple(v) if isinstance(v, (tuple, list)) else (int(v),) * rank for v in (kernel, stride, padding)
        ]
        self._put(node, op, kernel=three[0], stride=three[1], padding=three[2])

    def _adaptive(self, node: fx.Node) -> None:
        if any(size != 1 for size in self.shapes[node.name][2:]):
            raise refused(_called(node), "it pools to more than one place")
        self._put(node, "global_mean_pool")

    def _reshape(self, node: fx.Node) -> None:
        source = self._first(node)
        before, after = self.shapes[source.name], self.shapes[node.name]
        if after[0] != ITEMS:
            raise refused(_called(node), f"it makes {after} of {before}, and items must stay apart")
        made = next((n for n in self.sketch.nodes if n.name == self.sketch.place[source.name]), None)
        mean = made is not None and made.op == "global_mean_pool"
        if after == before or (mean and len(after) == 2):
            self.sketch.same(source.name, node.name)
        elif len(after) == 2:
            self._put(node, "flatten")
        else:
            self._put(node, "reshape", shape=after[1:])

    def _function(self, node: fx.Node) -> None:
        target: Callable[..., Any] | str = node.target
        op = _FUNCTIONS.get(target) if callable(target) else _METHODS.get(target)
        if op == "add":
            terms = [a for a in node.args if isinstance(a, fx.Node)]
            if len(terms) != 2 or len(node.kwargs):
                raise refused(_called(node), "it adds something else than two values")
            if self.shapes[terms[0].name] != self.shapes[terms[1].name]:
                raise refused(_called(node), "it adds values of two shapes")
            self._put(node, "add", terms)
        elif op is not None:
            self._put(node, op)
        elif target in _RESHAPING:
            self._reshape(node)
        elif target in (torch.cat, torch.concat):
            self._cat(node)
        elif target in (
            functional.max_pool1d,
            functional.max_pool2d,
            functional.avg_pool1d,
            functional.avg_pool2d,
        ):
            self._functional_pool(node)
        elif target in (functional.adaptive_avg_pool1d, functional.adaptive_avg_pool2d):
            self._adaptive(node)
        elif target in (torch.mean, "mean"):
            self._mean(node)
        elif target is functional.leaky_relu:
            slope = node.kwargs.get("negative_slope", node.args[1] if len(node.args) > 1 else 0.01)
            self._put(node, "leaky_relu", slope=float(str(slope)))
        elif target is functional.dropout:
            self.sketch.same(self._first(node).name, node.name)
        else:
            raise refused(_called(node), "it is no operation that Sarto reads")

    def _functional_pool(self, node: fx.Node) -> None:
        given = {**_POOLED, **dict(zip(_POOLED, node.args[1:], strict=False)), **node.kwargs}
        maximum = "max" in getattr(node.target, "__name__", "")
        exact = len(node.args) <= 4 and all(
            given[name] == value for name, value in _PLAIN.items() if name in given
        )
        stride = given["stride"] or given["kernel_size"]
        op = "max_pool" if maximum else "mean_pool"
        self._pool(node, op, given["kernel_size"], stride, given["padding"], exact=exact)

    def _cat(self, node: fx.Node) -> None:
        parts = node.args[0]
        axis = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else 0)
        rank = len(self.shapes[node.name])
        if not isinstance(parts, (list, tuple)) or int(str(axis)) % rank != 1:
            raise refused(_called(node), f"it joins axis {axis}, not channels")
        self._put(node, "concat", [p for p in parts if isinstance(p, fx.Node)])

    def _mean(self, node: fx.Node) -> None:
        before, after = self.shapes[self._first(node).name], self.shapes[node.name]
        spatial = before[:2] == after[:2] and all(size == 1 for size in after[2:]) and len(before) > 2
        axes = node.kwargs.get("dim", node.args[1] if len(node.args) > 1 else None)
        wanted = list(range(2, len(before)))
        given = sorted(
            int(str(a)) % len(before) for a in (axes if isinstance(axes, (tuple, list)) else [axes or 0])
        )
        if not spatial or given != wanted:
            raise refused(_called(node), f"it takes the mean over {axes}, not over all but the channels")
        self._put(node, "global_mean_pool")


def _is_there(value: Tensor | None) -> bool:
    return value is not None


def _array(value: Tensor | None) -> np.ndarray | None:
    return None if value is None else value.detach().cpu().numpy()


def _called(node: fx.Node) -> str:
    return f"layer '{node.target if node.op == 'call_module' else node.name}'"
