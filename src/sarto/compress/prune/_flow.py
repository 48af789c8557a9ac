"""Sends amounts along the paths of a network: linear, with weights and coefficients of the caller's choice.

    y = W x + start      at a layer with weights,
    y = through(node, x) at norms, activations and pools,

and additions, concatenations and changes of shape as they are. With |w|, w^2 or a mask for `W` the output sums over all
paths from the input what lies on them, and its gradient says for each weight what flows through it.

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (2,), 1, width=3, depth=1), seed=0)
>>> ones = {name: torch.ones_like(layer.weight) for name, layer in network.weighted()}
>>> flow(network, torch.ones(1, 2), ones, lambda node, x: x).item()  # 2 * 3 paths
6.0
"""

from __future__ import annotations

import math
from collections.abc import Callable, Container, Mapping

import torch
from torch import Tensor
from torch.nn import functional

from sarto.models.input_error import InputError
from sarto.models.mam.layers import MamConvLayer
from sarto.models.network.architecture import INPUT, Node
from sarto.models.network.module import Network
from sarto.models.network.operations import MAM, WEIGHTED, ints
from sarto.models.network.weights import ConvLayer

PLAIN = ("flatten", "reshape", "take", "add", "concat")
Through = Callable[[Node, Tensor], Tensor]


def flow(
    network: Network,
    x: Tensor,
    weights: Mapping[str, Tensor],
    through: Through,
    starts: Mapping[str, Tensor] | None = None,
    look: Callable[[str, Tensor], None] | None = None,
) -> Tensor:
    """Return what arrives at the outputs.

    Args:
        network: whose paths.
        x: what starts at the inputs, a batch.
        weights: of every weighted layer.
        through: what a norm, an activation or a pool lets through.
        starts: node -> what starts at each of its channels.
        look: sees what arrives at each node.
    """
    values = {INPUT: x}
    for node in network.architecture.nodes:
        inputs = [values[name] for name in node.inputs]
        if node.op in WEIGHTED:
            y = _weigh(network, node, inputs[0], weights[node.name])
        elif node.op in PLAIN:
            y = network.apply_node(node, inputs)
        else:
            y = through(node, inputs[0])
        if starts is not None and node.name in starts:
            y = y + per_channel(starts[node.name], y)
        values[node.name] = y
        if look is not None:
            look(node.name, y)
    return values[network.architecture.output]


def _weigh(network: Network, node: Node, x: Tensor, weight: Tensor) -> Tensor:
    layer = network.layers[node.name]
    if not isinstance(layer, (ConvLayer, MamConvLayer)):
        return functional.linear(x, weight)
    run = functional.conv1d if len(layer.stride) == 1 else functional.conv2d
    return run(x, weight, None, layer.stride, layer.padding, layer.dilation, layer.groups)


def refuse(network: Network, method: str, ops: Container[str], cause: str, hint: str) -> None:
    """Refuse a network with a node of one of `ops`.

    Raises:
        InputError: E125, which names the node.
    """
    for node in network.architecture.nodes:
        if node.op in ops:
            raise InputError(
                "E125", f"{method} does not understand '{node.name}', a {node.op}", cause=cause, hint=hint
            )


def refuse_mam(network: Network, method: str) -> None:
    """Refuse a network with layers that keep the largest and smallest products in place of the sum.

    Raises:
        InputError: E125, which names the layer.
    """
    cause = "it follows sums of products, and such a layer takes the largest and the smallest"
    refuse(network, method, MAM, cause, "take mam, snip or magnitude to prune it")


def per_channel(amounts: Tensor, like: Tensor) -> Tensor:
    """Return an amount for each channel in a shape that goes with the batch `like`."""
    return amounts.reshape(1, -1, *(1,) * (like.ndim - 2))


def window(node: Node, x: Tensor) -> int:
    """Return how many values a pool takes together, those of the padding included."""
    return (
        math.prod(x.shape[2:])
        if node.op == "global_mean_pool"
        else math.prod(ints(node.attributes, "kernel"))
    )


def mean_of_window(node: Node, x: Tensor) -> Tensor:
    """Return the mean over each window of a pool, of a maximum too; the padding counts as 0."""
    if node.op == "global_mean_pool":
        return x.flatten(2).mean(2)
    kernel, stride, padding = (ints(node.attributes, name) for name in ("kernel", "stride", "padding"))
    run = functional.avg_pool1d if len(kernel) == 1 else functional.avg_pool2d
    return run(x, kernel, stride, padding)


def norm_line(network: Network, node: Node) -> tuple[Tensor, Tensor]:
    """Return scale and shift of a norm in use, in float64: gamma / sqrt(variance + eps), and beta - mean scale."""
    norm = network.layers[node.name]
    assert isinstance(norm, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d))
    assert norm.running_mean is not None
    assert norm.running_var is not None
    scale = norm.weight.detach().double() / (norm.running_var.double() + norm.eps).sqrt()
    return scale, norm.bias.detach().double() - norm.running_mean.double() * scale
