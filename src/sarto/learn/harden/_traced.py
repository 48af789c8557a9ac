"""Any torch module as `torch.fx` traces it: which of its nodes are activations, and bounds behind them."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
from typing import Any

import numpy as np
from jaxtyping import Float
from torch import fx, nn

from sarto.learn.harden._seen import Per, Seen, parts
from sarto.models.input_error import InputError
from sarto.models.network.bound import Bound

ACTIVATIONS = (
    nn.ReLU,
    nn.ReLU6,
    nn.LeakyReLU,
    nn.PReLU,
    nn.ELU,
    nn.GELU,
    nn.SiLU,
    nn.Hardswish,
    nn.Hardtanh,
    nn.Sigmoid,
    nn.Tanh,
    nn.Softplus,
)
_FUNCTIONS = (
    "relu",
    "relu_",
    "relu6",
    "leaky_relu",
    "elu",
    "gelu",
    "silu",
    "hardswish",
    "hardtanh",
    "sigmoid",
    "tanh",
)


def bounded(network: nn.Module, items: Float[np.ndarray, "item ..."], per: Per) -> fx.GraphModule:
    """Return a copy with bounds; see `ranges.restrict_ranges`."""
    guarded = traced(copy.deepcopy(network).eval())
    places = [node for node in guarded.graph.nodes if _is_activation(guarded, node)]
    (output,) = [node for node in guarded.graph.nodes if node.op == "output"]
    (answer,) = output.args
    if not isinstance(answer, fx.Node):
        raise InputError("E147", "a network with several answers", cause="one answer is bounded, a tensor")
    places += [] if answer in places else [answer]
    seen = _ranges(guarded, places, items, per)
    for node in places:
        low, high = seen.bounds(node.name)
        guarded.add_submodule(f"bound_{node.name}", Bound(low, high))
        with guarded.graph.inserting_after(node):
            bound = guarded.graph.call_module(f"bound_{node.name}", (node,))
        node.replace_all_uses_with(bound)
        bound.args = (node,)
    guarded.recompile()
    return guarded


def traced(network: nn.Module) -> fx.GraphModule:
    """Return a network as torch traces it.

    Raises:
        InputError: E147, when it cannot.
    """
    try:
        return fx.symbolic_trace(network)
    except Exception as error:  # whatever stands in the network's program may fail on a proxy
        raise InputError(
            "E147",
            f"{type(network).__name__} cannot be traced",
            cause=str(error).splitlines()[0] if str(error) else type(error).__name__,
            hint="control flow must not depend on values; put a module in front and behind of what does",
        ) from error


def called(node: fx.Node) -> str:
    """Return the name of the function or method that a node calls, or nothing."""
    if node.op not in ("call_function", "call_method"):
        return ""
    return node.target if isinstance(node.target, str) else str(getattr(node.target, "__name__", ""))


def _is_activation(network: nn.Module, node: fx.Node) -> bool:
    if node.op == "call_module":
        return isinstance(network.get_submodule(str(node.target)), ACTIVATIONS)
    return called(node) in _FUNCTIONS


def _ranges(
    network: fx.GraphModule, places: list[fx.Node], items: Float[np.ndarray, "item ..."], per: Per
) -> Seen:
    """Return the least and the largest of what nodes give for items."""
    seen, names = Seen(per), {node.name for node in places}

    class Watched(fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            y = super().run_node(n)
            if n.name in names:
                seen.see(n.name, y)
            return y

    for part in parts(items):
        Watched(network).run(part)
    return seen
