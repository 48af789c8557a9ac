"""Sums over all paths of a network, for the bound on its neural tangent kernel by paths.

A path p starts at an input, or at a bias or a norm's shift that is not 0, and ends at an output k. With the value
`v_p = c_p prod_(i in p) theta_i` the network is linear in the values:

    f_k(x) = sum_(p to k) v_p(theta) g_p(x) x_p,      J_v^f = [g_p x_p],      J_theta^v = [v_p / theta_i].

`g_p` has what depends on the data: 1 or 0 at a ReLU, 1 or the slope at a LeakyReLU, whether p runs through the winner
of each maximum. `c_p` has what does not: `gamma / sqrt(variance + eps)` of the norms, one over the window of the means,
the bias or shift at which p starts (then x_p = 1). Each coefficient is in one factor, and there squared: in both, it
would count to the fourth power, and in neither, the product would bound another network's kernel. So

    Z_k(x) = ||J_v^(f_k)(x)||^2 = sum_(p to k) g_p^2 x_p^2,        V_k = sum_(p to k) v_p^2,

each by one linear pass: masks for weights, g^2 and x^2; and theta^2 for weights, c^2 and ones.

Source: Gebhart et al., "A unified paths perspective for pruning at initialization", arXiv:2101.10552 (paths, path
kernel); Iurada et al., "Finding lottery tickets in vision models via data-driven spectral foresight pruning", CVPR
2024.

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (2,), 1, width=3, depth=1), seed=0).double()
>>> squares = {name: weight.square() for name, weight in masked_weights(network).items()}
>>> products = squares["fc2"] @ squares["fc1"]
>>> bool((path_values(network, squares) - products.sum(1)).abs().max() < 1e-12)
True
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import functional

from sarto.compress.prune._copy import masked_weights, masks
from sarto.compress.prune._flow import flow, mean_of_window, norm_line, per_channel, refuse, window
from sarto.models.network.architecture import INPUT, Node
from sarto.models.network.module import Network
from sarto.models.network.operations import MAM, PIECEWISE_LINEAR, SATURATING, ints
from sarto.models.network.weights import WeightedLayer

_RECORDED = (*PIECEWISE_LINEAR, "max_pool")


def refuse_smooth(network: Network, method: str) -> None:
    """Refuse a network with a node that is not linear for given signs and winners: a smooth activation, or MAM.

    Raises:
        InputError: E125, which names the node.
    """
    cause = "a path has a value only through sums, ReLU and LeakyReLU, which scale what they are given"
    hint = "take snip, grasp, ntk_sap or magnitude, or a network with ReLU"
    refuse(network, method, (*SATURATING, *MAM), cause, hint)


def path_activity(network: Network, x: Tensor) -> Tensor:
    """Return `Z` (item, output) in float64; norms stand as in use.

    Raises:
        InputError: E125, when an activation is smooth.
    """
    refuse_smooth(network, "the path activity")
    record = _record(network, x)

    def through(node: Node, z: Tensor) -> Tensor:
        if node.op == "max_pool":
            winner = record[node.name]
            return z.flatten(2).gather(2, winner.flatten(2)).reshape(winner.shape)
        if node.op in PIECEWISE_LINEAR:
            return z * record[node.name]
        return z if node.op == "batch_norm" else mean_of_window(node, z) * window(node, z)

    kept = {name: mask.double() for name, mask in masks(network).items()}
    starts = {name: (start != 0).double() for name, start in _starts(network).items()}
    with torch.no_grad():
        return flow(network, x.double().square(), kept, through, starts)


def path_values(network: Network, squares: Mapping[str, Tensor]) -> Tensor:
    """Return `V` (output) in float64, for weights whose squares are `squares`; gradients go to them."""

    def through(node: Node, v: Tensor) -> Tensor:
        if node.op == "batch_norm":
            return v * per_channel(norm_line(network, node)[0].square(), v)
        if node.op == "max_pool":
            return mean_of_window(node, v) * window(node, v)
        return v if node.op in PIECEWISE_LINEAR else mean_of_window(node, v) / window(node, v)

    ones = torch.ones(1, *network.architecture.input_shape, dtype=torch.float64)
    starts = {name: start.square() for name, start in _starts(network).items()}
    return flow(network, ones.to(next(network.parameters()).device), squares, through, starts)[0]


def squared_weights(network: Network) -> dict[str, Tensor]:
    """Return the squares of the weights in float64, ready for gradients."""
    return {
        name: weight.double().square().requires_grad_() for name, weight in masked_weights(network).items()
    }


def _starts(network: Network) -> dict[str, Tensor]:
    """Return biases and shifts, which paths start at."""
    found: dict[str, Tensor] = {}
    for node in network.architecture.nodes:
        if node.op == "batch_norm":
            found[node.name] = norm_line(network, node)[1]
        elif node.name in network.layers:
            layer = network.layers[node.name]
            assert isinstance(layer, WeightedLayer)
            if layer.bias is not None:
                found[node.name] = layer.bias.detach().double()
    return found


def _record(network: Network, x: Tensor) -> dict[str, Tensor]:
    """Return `g^2` of every activation, and the place of the winner in every window, as the network runs on `x`."""
    found: dict[str, Tensor] = {}
    training = network.training
    network.eval()
    wanted = {
        name: [n for n in readers if n.op in _RECORDED]
        for name, readers in network.architecture.readers.items()
    }

    def look(name: str, y: Tensor) -> None:
        for node in wanted[name]:
            found[node.name] = _winners(node, y) if node.op == "max_pool" else _gate(node, y)

    with torch.no_grad():
        look(INPUT, x)
        network.run(x, look)
    network.train(training)
    return found


def _gate(node: Node, y: Tensor) -> Tensor:
    slope = float(str(node.attributes["slope"])) if node.op == "leaky_relu" else 0.0
    return torch.where(y > 0, 1.0, torch.tensor(slope**2, dtype=torch.float64, device=y.device))


def _winners(node: Node, y: Tensor) -> Tensor:
    kernel, stride, padding = (ints(node.attributes, name) for name in ("kernel", "stride", "padding"))
    run = functional.max_pool1d if len(kernel) == 1 else functional.max_pool2d
    return run(y, kernel, stride, padding, return_indices=True)[1]
