"""Range restriction: what activations may be is bounded by what they were without any wrong bits.

A wrong bit in an exponent makes a number 2^64 times as large, and the answer follows it. Bounds take that away:

    x -> min(max(x, low), high)    after every activation and of the scores, NaN -> 0,

with the least and the largest that calibration items gave, of the tensor or of each channel. Nothing is trained. What
is within the bounds stays as it is, so the calibration items keep their answers, bit for bit. Bounds are stored
numbers, and can be faulty themselves: `audit.faults.network` counts them as `guards`.

In a `Network` a bounded ReLU is one node, `clip`, in place of the ReLU: max(0, x) with bounds of at least 0 is what the
bounds alone give. Its integers have bounds of the tensor, which are limits of the operation before and cost nothing.

Source: Chen et al., "A low-cost fault corrector for deep neural networks through range restriction", DSN 2021 (Ranger).

>>> import torch
>>> net = nn.Sequential(nn.Linear(1, 1, bias=False), nn.ReLU())
>>> _ = net[0].weight.data.fill_(2.0)
>>> guarded = restrict_ranges(net, np.array([[1.0], [3.0], [-1.0]], np.float32))
>>> guarded(torch.tensor([[2.0], [50.0], [float("nan")]])).tolist()
[[4.0], [6.0], [0.0]]
>>> from sarto.models.network.named import named
>>> own = restrict_ranges(Network(named("mlp", (4,), 2, width=3, depth=1)), np.eye(4, dtype=np.float32), per="layer")
>>> [(node.name, node.op) for node in own.architecture.nodes]
[('fc1', 'linear'), ('fc1_relu', 'clip'), ('fc2', 'linear'), ('fc2_clip', 'clip')]
"""

from __future__ import annotations

from dataclasses import replace
from typing import overload

import numpy as np
from jaxtyping import Float
from torch import Tensor, nn

from sarto.learn.harden._seen import Per, Seen, parts
from sarto.learn.harden._traced import bounded
from sarto.models.input_error import InputError
from sarto.models.network.architecture import INPUT, Architecture, Node
from sarto.models.network.bound import Bound
from sarto.models.network.module import Network, laid_out
from sarto.models.network.operations import KEEPING, PIECEWISE_LINEAR, SATURATING
from sarto.models.network.rebuilt import rebuilt

_REPLACED = ("relu", "relu6", "clip")
"""Activations in the place of which bounds do the same."""


@overload
def restrict_ranges(
    network: Network, items: Float[np.ndarray, "item ..."], *, per: Per = "channel"
) -> Network: ...


@overload
def restrict_ranges(
    network: nn.Module, items: Float[np.ndarray, "item ..."], *, per: Per = "channel"
) -> nn.Module: ...


def restrict_ranges(
    network: nn.Module, items: Float[np.ndarray, "item ..."], *, per: Per = "channel"
) -> nn.Module:
    """Return a copy of a network with bounds after every activation and of what it answers.

    Args:
        network: as it stands in use, from a batch of items; a `Network` gives a `Network`.
        items: that the bounds come from, in float32: training items, so that what is seen in use lies within.
        per: whether a tensor has one pair of bounds, as published, or each of its channels (of its second axis).

    Raises:
        InputError: E147, when `torch.fx` cannot trace the network, it computes in integers already, there are no items,
            or a bound is no number.
    """
    return _bounded(network, items, per) if isinstance(network, Network) else bounded(network, items, per)


def _bounded(network: Network, items: Float[np.ndarray, "item ..."], per: Per) -> Network:
    """Return a copy of a network with an architecture."""
    if len(network.quantisers):
        raise InputError(
            "E147",
            "the network computes in integers",
            cause="those have limits already, which bounds would have to be told apart from",
            hint="take bounds before ptq or qat",
        )
    architecture = network.architecture
    ends = {node.name for node in architecture.nodes if node.op in (*PIECEWISE_LINEAR, *SATURATING)}
    last = architecture.by_name[architecture.output]
    while last.op in KEEPING and last.inputs[0] != INPUT:
        last = architecture.by_name[last.inputs[0]]  # bounds stand where numbers are made
    seen = _seen(network, ends | {last.name}, items, per)
    nodes, layers, renamed = list[Node](), dict[str, nn.Module](), dict[str, str]()
    for node in architecture.nodes:
        own = replace(node, inputs=tuple(renamed.get(name, name) for name in node.inputs))
        if node.name not in ends | {last.name}:
            nodes.append(own)
            continue
        if node.op in _REPLACED:
            name, inputs = node.name, own.inputs
        else:
            nodes.append(own)
            name, inputs = _free(f"{node.name}_clip", architecture), (node.name,)
            renamed[node.name] = name
        signed = node.op not in ("relu", "relu6") and bool(node.attributes.get("signed", True))
        nodes.append(Node(name, "clip", inputs, {"by_channel": per == "channel", "signed": signed}))
        low, high = (bound.flatten() if per == "channel" else bound for bound in seen.bounds(node.name))
        layers[name] = Bound(low, high, len(architecture.shapes[node.name]) - 1)
    return rebuilt(network, Architecture(architecture.input_shape, tuple(nodes)), layers)


def _seen(network: Network, names: set[str], items: Float[np.ndarray, "item ..."], per: Per) -> Seen:
    """Return what the named nodes give for items, as the network stands in use."""
    seen, training = Seen(per), network.training

    def look(name: str, y: Tensor) -> None:
        if name in names:
            seen.see(name, y)

    network.eval()
    try:
        for part in parts(items):
            network.run(laid_out(part.to(network.device)), look)
    finally:
        network.train(training)
    return seen


def _free(name: str, architecture: Architecture) -> str:
    while name in architecture.by_name:
        name += "_"
    return name


def of_layers(network: Network) -> Network:
    """Return the network with the widest bounds of all channels in place of those of each, or as it is without any."""
    nodes, layers = list[Node](), dict[str, nn.Module]()
    for node in network.architecture.nodes:
        if node.op == "clip" and node.attributes["by_channel"]:
            node = replace(node, attributes={**node.attributes, "by_channel": False})
            old = network.layers[node.name]
            assert isinstance(old, Bound)
            layers[node.name] = Bound(old.low.amin(), old.high.amax())
        nodes.append(node)
    if not layers:
        return network
    return rebuilt(network, Architecture(network.architecture.input_shape, tuple(nodes)), layers)
