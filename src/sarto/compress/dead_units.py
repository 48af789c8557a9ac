"""Removes units that do nothing, or always the same, and leaves the outputs as they are.

A channel goes when, for every weight that reads it and belongs to something that stays, the weight is 0 (it is read by
nobody), or the channel is a constant `v` that moves into the reader's bias,

    b_o <- b_o + v sum_k W_(o, i, k),

through norms, activations, pools, additions on its way. That holds where no padding adds zeros to the constant: where a
convolution or a mean pads, a constant other than 0 differs at the border, and the channel stays. Tied channels
(`groups`) go together or not at all; each node keeps at least one channel. The network stands as in use: norms have
their running statistics, so remove units after training. The shape of its items stays; `used_inputs` says what of it is
read, and `dead_inputs` leaves the rest out.

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (2,), 2, width=4, depth=1), seed=0)
>>> network.layer("fc1").prune(torch.tensor([[True, True], [False, False], [True, False], [True, True]]))
>>> network.layer("fc2").prune(torch.tensor([[True, True, False, True], [False, True, False, True]]))
>>> smaller = remove_dead_units(network)  # the second unit has no inputs, the third no readers
>>> smaller.architecture.shapes["fc1"]
(2,)
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from jaxtyping import Bool, Float
from torch import Tensor

from sarto.compress.groups import Kept, Ties, all_kept, cut, ties
from sarto.compress.prune._copy import masks
from sarto.compress.prune._flow import flow, mean_of_window, norm_line, refuse_mam
from sarto.models.network.architecture import INPUT, Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.operations import WEIGHTED, ints, places_of, whole


def remove_dead_units(network: Network) -> Network:
    """Return a network with the same outputs (to rounding) and without the units that do nothing.

    Raises:
        InputError: E125, when a layer has a form that cannot be cut, or is a MAM layer, where an input that is 0 may be
            the largest.
    """
    refuse_mam(network, "the removal of dead units")
    constants, tied = _constants(network), ties(network.architecture)
    reads = {node.name: _reads(network, node, constants) for node in network.architecture.weighted}
    kept = _kept(network.architecture, tied, reads)
    extra = {name: _folded(network, name, constants, kept) for name in reads}
    smaller = cut(_with_biases(network, [name for name, bias in extra.items() if bias.any()]), kept)
    with torch.no_grad():
        for name, bias in extra.items():
            layer = smaller.layer(name)
            if layer.bias is not None:
                layer.bias.add_(torch.as_tensor(bias[kept[name]]).to(layer.bias))
    return smaller


def used_inputs(network: Network) -> Bool[np.ndarray, "..."]:
    """Return which values of an item lie on a path of kept weights to the output."""
    ones = torch.ones(1, *network.architecture.input_shape, dtype=torch.float64, requires_grad=True)
    kept = {name: mask.double() / max(1, mask[0].numel()) for name, mask in masks(network).items()}

    def through(node: Node, x: Tensor) -> Tensor:
        return mean_of_window(node, x) if node.op.endswith("_pool") else x

    (found,) = torch.autograd.grad(flow(network, ones, kept, through).sum(), [ones])
    return (found[0] > 0).numpy()


@dataclass(frozen=True)
class _Constant:
    """Which channels of a node are constant, and at what value."""

    is_so: Bool[np.ndarray, " channel"]
    value: Float[np.ndarray, " channel"]


def _weight(network: Network, name: str) -> Float[np.ndarray, "row column"]:
    """Return the weight that is used as sums over the kernel, in float64."""
    weight = network.layer(name).effective.detach().double()
    return weight.flatten(2).sum(2).numpy() if weight.ndim > 2 else weight.numpy()


def _linked(network: Network, node: Node) -> Bool[np.ndarray, "row channel"]:
    """Return which channels each row reads with a weight that is not 0."""
    nonzero = network.layer(node.name).effective.detach() != 0
    nonzero = (nonzero.flatten(2).any(2) if nonzero.ndim > 2 else nonzero).numpy()
    return _spread(nonzero, network.architecture, node)


def _spread(
    own: Bool[np.ndarray, "row column"] | Float[np.ndarray, "row column"],
    architecture: Architecture,
    node: Node,
) -> Bool[np.ndarray, "row channel"] | Float[np.ndarray, "row channel"]:
    """Return what rows have for the channels of their group, in a matrix over all channels."""
    rows, columns = own.shape
    found = np.zeros((rows, architecture.shapes[node.inputs[0]][0]), own.dtype)
    groups = whole(node.attributes, "groups") if node.op == "conv" else 1
    for row in range(rows):
        first = row // (rows // groups) * columns
        found[row, first : first + columns] = own[row]
    return found


def _padded(node: Node) -> bool:
    return node.op != "linear" and any(ints(node.attributes, "padding"))


def _constants(network: Network) -> dict[str, _Constant]:
    shapes = network.architecture.shapes
    found = {INPUT: _Constant(np.zeros(shapes[INPUT][0], bool), np.zeros(shapes[INPUT][0]))}
    for node in network.architecture.nodes:
        read = [found[name] for name in node.inputs]
        found[node.name] = _constant_node(network, node, read)
    return found


def _constant_node(network: Network, node: Node, read: list[_Constant]) -> _Constant:
    first = read[0]
    if node.op in WEIGHTED:
        layer = network.layer(node.name)
        linked = _linked(network, node)
        good = first.is_so & ((first.value == 0) | (not _padded(node)))
        sums = _spread(_weight(network, node.name), network.architecture, node)
        bias = 0.0 if layer.bias is None else layer.bias.detach().double().numpy()
        value = sums @ np.where(good, first.value, 0.0) + bias
        return _Constant(~(linked & ~good).any(1), value)
    if node.op == "batch_norm":
        scale, shift = (part.numpy() for part in norm_line(network, node))
        return _Constant(first.is_so | (scale == 0), np.where(first.is_so, first.value, 0) * scale + shift)
    if node.op == "mean_pool" and any(ints(node.attributes, "padding")):
        return _Constant(first.is_so & (first.value == 0), first.value)
    if node.op == "add":
        return _Constant(np.all([r.is_so for r in read], 0), np.sum([r.value for r in read], 0))
    if node.op == "concat":
        return _Constant(np.concatenate([r.is_so for r in read]), np.concatenate([r.value for r in read]))
    if node.op == "take":
        places = list(places_of(ints(node.attributes, "runs")))
        return _Constant(first.is_so[places], first.value[places])
    if node.op in ("flatten", "reshape"):
        size = network.architecture.shapes[node.name][0]
        if size < len(first.value) or size % len(first.value):
            return _Constant(np.zeros(size, bool), np.zeros(size))
        per = size // len(first.value)
        return _Constant(np.repeat(first.is_so, per), np.repeat(first.value, per))
    if node.op.endswith("_pool"):
        return first
    item = torch.as_tensor(first.value).reshape(
        1, -1, *(1,) * (len(network.architecture.shapes[node.name]) - 1)
    )
    return _Constant(first.is_so, network.apply_node(node, [item]).reshape(-1).numpy())


def _reads(network: Network, node: Node, constants: dict[str, _Constant]) -> Bool[np.ndarray, "row channel"]:
    """Return which channels each row needs: those with weights, but for constants that fold into its bias."""
    source = constants[node.inputs[0]]
    folds = source.is_so & ((source.value == 0) | (not _padded(node)))
    return _linked(network, node) & ~folds


def _kept(architecture: Architecture, tied: Ties, reads: dict[str, Bool[np.ndarray, "..."]]) -> Kept:
    kept, left, going = all_kept(architecture), set(tied.free), True
    sources = {name: architecture.by_name[name].inputs[0] for name in reads}
    while going:
        going = False
        for number in sorted(left):
            members: dict[str, list[int]] = {}
            for name, place in tied.sets[number]:
                members.setdefault(name, []).append(place)
            if any(int(kept[name].sum()) <= len(places) for name, places in members.items()):
                continue
            needed = any(
                (reads[r][kept[r] & ~_among(members.get(r, []), len(kept[r]))][:, members[s]]).any()
                for r, s in sources.items()
                if s in members
            )
            if not needed:
                for name, places in members.items():
                    kept[name][places] = False
                left.discard(number)
                going = True
    return kept


def _among(places: list[int], size: int) -> Bool[np.ndarray, " channel"]:
    found = np.zeros(size, bool)
    found[places] = True
    return found


def _folded(
    network: Network, name: str, constants: dict[str, _Constant], kept: Kept
) -> Float[np.ndarray, " row"]:
    """Return what the constants that go add to each row's bias."""
    node = network.architecture.by_name[name]
    source = constants[node.inputs[0]]
    gone = np.where(~kept[node.inputs[0]] & source.is_so, source.value, 0.0)
    return np.where(kept[name], _spread(_weight(network, name), network.architecture, node) @ gone, 0.0)


def _with_biases(network: Network, names: list[str]) -> Network:
    """Return the network with a bias of 0 in the layers that need one."""
    lacking = [name for name in names if network.layer(name).bias is None]
    if not lacking:
        return network
    nodes = tuple(
        replace(node, attributes={**node.attributes, "bias": True}) if node.name in lacking else node
        for node in network.architecture.nodes
    )
    own = Network(Architecture(network.architecture.input_shape, nodes))
    own.to(next(network.parameters()))
    for name, layer in network.weighted():
        own.layer(name).form = copy.deepcopy(layer.form)
    own.load_state_dict({**own.state_dict(), **copy.deepcopy(network.state_dict())})
    own.train(network.training)
    return own
