"""A torch network that bears wrong bits: what its activations may be is bounded by what they were without any.

A wrong bit in an exponent makes a number 2^64 times as large, and the answer follows it. Bounds take that away:

    range restriction   x -> min(max(x, low), high) after every activation and of the scores, NaN -> 0, with the least
                        and the largest that calibration items gave, of the tensor or of each channel. No training.
    ReLU6               max(0, x) becomes min(max(0, x), 6), a bound that training knows of.

What is within the bounds stays as it is, so the calibration items keep their answers, bit for bit. Bounds are stored
numbers, and can be faulty themselves: `audit.faults.network` counts them as `guards`.

Source: Chen et al., "A low-cost fault corrector for deep neural networks through range restriction", DSN 2021 (Ranger);
Cavagnero et al., "Transient-fault-aware design and training to enhance DNNs reliability with zero-overhead", IOLTS 2022
(ReLU6, NaN to 0).

>>> net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU())
>>> _ = net[0].weight.data.fill_(2.0)
>>> guarded = restrict_ranges(net, np.array([[1.0], [3.0], [-1.0]], np.float32))
>>> guarded(torch.tensor([[2.0], [50.0], [float("nan")]])).tolist()
[[4.0], [6.0], [0.0]]
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import copy
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, fx, nn
from torch.nn import functional

from sarto.models.input_error import InputError

Per = Literal["layer", "channel"]
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
_RELU = ("relu", "relu_")
BATCH = 256


class Bound(nn.Module):
    """Cuts off what lies outside of `low` and `high`, and makes a NaN 0.

    Attributes:
        low, high: a number, or one for each channel.
    """

    low: Tensor
    high: Tensor

    def __init__(self, low: Tensor, high: Tensor) -> None:
        super().__init__()
        self.register_buffer("low", low)
        self.register_buffer("high", high)

    def forward(self, x: Tensor) -> Tensor:
        """Return x within the bounds."""
        return torch.where(x.isnan(), torch.zeros_like(x), x).clamp(self.low, self.high)


def restrict_ranges(
    network: nn.Module, items: Float[np.ndarray, "item ..."], *, per: Per = "channel"
) -> fx.GraphModule:
    """Return a copy of a network with bounds after every activation and of what it answers.

    Args:
        network: as it stands in use, from a batch of items.
        items: that the bounds come from, in float32: training items, so that what is seen in use lies within.
        per: whether a tensor has one pair of bounds, as published, or each of its channels (of its second axis).

    Raises:
        InputError: E147, when `torch.fx` cannot trace the network, there are no items, or a bound is no number.
    """
    if not len(items):
        raise InputError(
            "E147", "no items to take bounds from", cause="bounds are what items were seen to give"
        )
    guarded = _traced(copy.deepcopy(network).eval())
    places = [node for node in guarded.graph.nodes if _is_activation(guarded, node)]
    (output,) = [node for node in guarded.graph.nodes if node.op == "output"]
    (answer,) = output.args
    if not isinstance(answer, fx.Node):
        raise InputError("E147", "a network with several answers", cause="one answer is bounded, a tensor")
    places += [] if answer in places else [answer]
    seen = _ranges(guarded, places, items, per)
    for node in places:
        low, high = seen[node.name]
        if not (low.isfinite().all() and high.isfinite().all()):
            raise InputError(
                "E147",
                f"what '{node.name}' gives has no bounds",
                cause="the items make it infinite or no number",
            )
        guarded.add_submodule(f"bound_{node.name}", Bound(low, high))
        with guarded.graph.inserting_after(node):
            bound = guarded.graph.call_module(f"bound_{node.name}", (node,))
        node.replace_all_uses_with(bound)
        bound.args = (node,)
    guarded.recompile()
    return guarded


def with_relu6(network: nn.Module) -> fx.GraphModule:
    """Return a copy of a network in which every ReLU is a ReLU6, to be trained.

    Raises:
        InputError: E147, when `torch.fx` cannot trace the network, or it has no ReLU.
    """
    changed = _traced(copy.deepcopy(network))
    count = 0
    for node in list(changed.graph.nodes):
        if node.op == "call_module" and type(changed.get_submodule(str(node.target))) is nn.ReLU:
            changed.add_submodule(str(node.target), nn.ReLU6())
        elif _called(node) in _RELU:
            with changed.graph.inserting_after(node):
                bent = changed.graph.call_function(functional.relu6, (node.args[0],))
            node.replace_all_uses_with(bent)
            changed.graph.erase_node(node)
        else:
            continue
        count += 1
    if not count:
        raise InputError(
            "E147", "there is no ReLU to be bounded", hint="restrict_ranges bounds any activation"
        )
    changed.recompile()
    return changed


def _traced(network: nn.Module) -> fx.GraphModule:
    try:
        return fx.symbolic_trace(network)
    except Exception as error:  # whatever stands in the network's program may fail on a proxy
        raise InputError(
            "E147",
            f"{type(network).__name__} cannot be traced",
            cause=str(error).splitlines()[0] if str(error) else type(error).__name__,
            hint="control flow must not depend on values; put a module in front and behind of what does",
        ) from error


def _called(node: fx.Node) -> str:
    """Return the name of the function or method that a node calls, or nothing."""
    if node.op not in ("call_function", "call_method"):
        return ""
    return node.target if isinstance(node.target, str) else str(getattr(node.target, "__name__", ""))


def _is_activation(network: nn.Module, node: fx.Node) -> bool:
    if node.op == "call_module":
        return isinstance(network.get_submodule(str(node.target)), ACTIVATIONS)
    return _called(node) in _FUNCTIONS


def _ranges(
    network: fx.GraphModule, places: list[fx.Node], items: Float[np.ndarray, "item ..."], per: Per
) -> dict[str, tuple[Tensor, Tensor]]:
    """Return the least and the largest of what nodes give for items."""
    found: dict[str, tuple[Tensor, Tensor]] = {}
    names = {node.name for node in places}

    class Watched(fx.Interpreter):
        def run_node(self, n: fx.Node) -> Any:
            y = super().run_node(n)
            if n.name in names:
                by_channel = per == "channel" and y.ndim > 1
                axes = [a for a in range(y.ndim) if not (by_channel and a == 1)]
                low, high = y.amin(axes, keepdim=by_channel), y.amax(axes, keepdim=by_channel)
                if n.name in found:
                    low = torch.minimum(low, found[n.name][0])
                    high = torch.maximum(high, found[n.name][1])
                found[n.name] = low, high
            return y

    with torch.no_grad():
        for first in range(0, len(items), BATCH):
            part = torch.from_numpy(np.ascontiguousarray(items[first : first + BATCH], np.float32))
            Watched(network).run(part)
    return found
