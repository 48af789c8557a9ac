"""Puts two or three small layers in the place of a large one, by its best low rank.

    linear, 1x1 convolution:   W ~ B A,    A (rank, input),  B (output, rank): the truncated singular values,
    convolution (Tucker-2):    W_(o,i,k) ~ sum_(s,r) U_(o,s) C_(s,r,k) V_(i,r):   1x1, the kernel, 1x1.

U and V are the leading singular vectors of the weight unfolded by outputs and by inputs (HOSVD), improved by turns
(HOOI). The rank is the smallest that keeps the share `energy` of the squared singular values of each unfolding, or the
largest with which a layer has at most the share `share` of its parameters. A layer is left as it is where that would
not make it smaller. The new layers take the name of the old one with `_in`, `_core`; the last one keeps the name and
the bias.

Source: Eckart and Young, Psychometrika 1936; Kim et al., "Compression of deep convolutional neural networks for fast
and low power mobile applications", ICLR 2016 (Tucker-2); De Lathauwer et al., SIAM J. Matrix Anal. Appl. 2000 (HOOI).

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (64,), 2, width=64, depth=1), seed=0)
>>> smaller = low_rank(network, share=0.5)
>>> [smaller.layer(name).weight.shape[0] for name in ("fc1_in", "fc1")]
[16, 64]
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import torch
from torch import Tensor

from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.operations import Value, ints, whole

SWEEPS = 10
"""Turns of HOOI; its error has settled long before on kernels of networks."""


def low_rank(
    network: Network, *, energy: float = 0.0, share: float = 0.0, layers: Sequence[str] = ()
) -> Network:
    """Return a network with factored layers.

    Args:
        network: its masked weights are factored, and its masks are gone afterwards where they were.
        energy: share of the squared singular values that is kept; or
        share: of each layer's parameters that is kept at most.
        layers: to factor, each or an error; by default all for which that can be done.

    Raises:
        InputError: E116, when not exactly one of both shares is given; E124, when a layer cannot have as few
        parameters;
            E125, when a layer that is named cannot be factored, or has a form.
    """
    if (energy > 0) == (share > 0) or not 0 <= energy <= 1 or not 0 <= share < 1:
        raise InputError(
            "E116",
            f"energy {energy:g} and share {share:g} cannot be used",
            cause="exactly one of both is given, above 0 and at most 1",
        )
    for name in layers:
        network.layer(name)
    nodes: list[Node] = []
    weights: dict[str, Tensor] = {}
    for node in network.architecture.nodes:
        found = None
        if node.op in ("linear", "conv") and (node.name in layers or not layers):
            found = _factored(network, node, energy, share, named=node.name in layers)
        if found is None:
            nodes.append(node)
        else:
            nodes += found[0]
            weights |= found[1]
    if not weights:
        raise InputError(
            "E124",
            "no layer gets smaller at a lower rank",
            cause=f"their ranks are too high at energy {energy:g}, or too small to be cut to the share {share:g}",
            hint="keep less energy, or a larger share",
        )
    return _filled(network, Architecture(network.architecture.input_shape, tuple(nodes)), weights)


def _factored(
    network: Network, node: Node, energy: float, share: float, *, named: bool
) -> tuple[list[Node], dict[str, Tensor]] | None:
    layer = network.layer(node.name)
    if node.op == "conv" and whole(node.attributes, "groups") > 1:
        if named:
            raise InputError(
                "E125",
                f"lowrank does not understand layer '{node.name}', a convolution in groups",
                cause="its channels are not mixed, so there is no rank to lower",
            )
        return None
    if layer.form is not None:
        raise InputError(
            "E125",
            f"layer '{node.name}' has a form, {type(layer.form).__name__}, that is made for its weight",
            cause="layers are factored before weights are quantised or shared",
        )
    weight = layer.effective.detach().double()
    plain = node.op == "linear" or all(size == 1 for size in weight.shape[2:])
    least = _parameters(weight, (1,) if plain else (1, 1))
    if share and least > share * weight.numel() and not named:
        return None
    ranks = _ranks(weight, energy, share, node.name, plain=plain)
    if plain:
        b, a = svd_factors(weight.flatten(1), ranks[0])
        sizes = a.numel() + b.numel()
        parts = {f"{node.name}_in": a, node.name: b}
    else:
        u, core, v = tucker2(weight, *ranks)
        sizes = u.numel() + core.numel() + v.numel()
        parts = {f"{node.name}_in": v.T, f"{node.name}_core": core, node.name: u}
    if sizes >= weight.numel():
        if named:
            raise InputError(
                "E124",
                f"layer '{node.name}' of {weight.numel()} weights would have {sizes} at the energy {energy:g}",
                cause=f"that takes rank {' and '.join(map(str, ranks))}",
                hint="keep less energy, or leave it out",
            )
        return None
    return _nodes(node, parts), parts


def _nodes(node: Node, parts: dict[str, Tensor]) -> list[Node]:
    """Return the nodes that take the place of `node`; strides are with the kernel."""
    if node.op == "linear":
        rank = len(next(iter(parts.values())))
        first = Node(f"{node.name}_in", "linear", node.inputs, {"features": rank, "bias": False})
        return [first, replace(node, inputs=(first.name,))]
    ones: dict[str, Value] = {"kernel": (1,) * len(ints(node.attributes, "kernel"))}
    found: list[Node] = []
    for place, (name, weight) in enumerate(parts.items()):
        last = place == len(parts) - 1
        kernel = place == len(parts) - 2  # the core, or the first of two
        own: dict[str, Value] = dict(node.attributes) if kernel else dict(ones)
        own |= {"channels": len(weight), "bias": bool(node.attributes["bias"]) and last}
        found.append(Node(name, "conv", (found[-1].name,) if found else node.inputs, own))
    return found


def _ranks(weight: Tensor, energy: float, share: float, name: str, *, plain: bool) -> tuple[int, ...]:
    modes = [weight.flatten(1)] if plain else [weight.flatten(1), weight.transpose(0, 1).flatten(1)]
    most = tuple(min(mode.shape) for mode in modes)
    if energy:
        found: list[int] = []
        for mode in modes:
            squares = torch.linalg.svdvals(mode).square()
            reached = squares.cumsum(0) >= energy * squares.sum() * (1 - 1e-12)
            found.append(int(reached.int().argmax()) + 1)
        return tuple(found)
    fits = (1,) * len(modes)
    if _parameters(weight, fits) > share * weight.numel():
        raise InputError(
            "E124",
            f"layer '{name}' of {weight.numel()} weights cannot be cut to the share {share:g}",
            cause=f"at rank 1 it has {_parameters(weight, fits)}",
            hint="name the layers to factor, or allow more",
        )
    for step in range(1, max(most) + 1):  # ranks in proportion to what they can be
        tried = tuple(max(1, round(step / max(most) * top)) for top in most)
        if _parameters(weight, tried) <= share * weight.numel():
            fits = tried
    return fits


def _parameters(weight: Tensor, ranks: tuple[int, ...]) -> int:
    out, inner = weight.shape[:2]
    if len(ranks) == 1:
        return ranks[0] * (out + inner) * 1
    return out * ranks[0] + ranks[0] * ranks[1] * weight[0, 0].numel() + inner * ranks[1]


def svd_factors(weight: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """Return B (output, rank) and A (rank, input) with the least ||W - B A||_F; both have the roots of the values."""
    u, s, vt = torch.linalg.svd(weight, full_matrices=False)
    root = s[:rank].sqrt()
    return u[:, :rank] * root, root[:, None] * vt[:rank]


def tucker2(weight: Tensor, out: int, inner: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return U (output, out), the core (out, inner, *kernel) and V (input, inner); U and V have orthonormal columns."""
    flat = weight.flatten(2)
    v = _leading(flat.transpose(0, 1).flatten(1), inner)
    u = _leading(flat.flatten(1), out)
    for _ in range(SWEEPS):
        u = _leading(torch.einsum("oik,ir->ork", flat, v).flatten(1), out)
        v = _leading(torch.einsum("oik,os->isk", flat, u).flatten(1), inner)
    core = torch.einsum("oik,os,ir->srk", flat, u, v)
    return u, core.reshape(out, inner, *weight.shape[2:]), v


def _leading(matrix: Tensor, count: int) -> Tensor:
    return torch.linalg.svd(matrix, full_matrices=False)[0][:, :count]


def _filled(network: Network, architecture: Architecture, weights: dict[str, Tensor]) -> Network:
    """Return a network with the factors, and all else as it was."""
    own = Network(architecture)
    own.to(next(network.parameters()))
    factored = tuple(f"layers.{name}." for name in weights)
    state = {k: v for k, v in network.state_dict().items() if not k.startswith(factored)}
    for name, weight in weights.items():
        layer = own.layer(name)
        state[f"layers.{name}.weight"] = weight.reshape(layer.weight.shape).to(layer.weight)
        if layer.bias is not None:
            bias = network.layer(name).bias
            assert bias is not None
            state[f"layers.{name}.bias"] = bias.detach()
    own.load_state_dict(state)
    for name, layer in network.weighted():
        if name not in weights:
            own.layer(name).form = layer.form
    own.train(network.training)
    return own
