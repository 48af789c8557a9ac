"""Which channels of a network go together, and the network without some of them.

Channels are tied where an operation needs or makes as many on both sides: norms, activations and pools tie a channel to
itself, an addition ties the same channel of all its inputs, a concatenation and a `take` move it, a flattening ties all
features of a channel to it, a depthwise convolution ties what it reads to what it makes, and one in several groups all
of a group. A set of tied channels goes as a whole or not at all. Those of the input and of the output stay.

Ties are read from the architecture, not traced from an example as torch-pruning does. Both were measured on 110 random
networks with dead channels (`python -m benchmarks channel_ties`): of torch-pruning 1.6.0, 90 answer as before; those
that concatenate again what was concatenated, and depthwise convolutions with a multiplier, end with an error.

>>> from sarto.models.network.named import named
>>> tied = ties(named("residual", (1, 8, 8), 3, width=4, depth=1))  # stem and second convolution add up
>>> sorted(tied.sets[tied.of[("stem", 1)]])[:2]
[('b1_1_add', 1), ('b1_1_conv2', 1)]
>>> len(tied.free)
8
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Bool
from torch import Tensor, nn

from sarto.models.input_error import InputError
from sarto.models.network.architecture import INPUT, Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.operations import WEIGHTED, Value, ints, places_of, runs_of, whole
from sarto.models.network.weights import WeightedLayer

Channel = tuple[str, int]
"""A node, and the place along the first axis of what it returns."""
Kept = dict[str, Bool[np.ndarray, "..."]]
"""Which channels of each node, and of the input, are kept."""


@dataclass(frozen=True)
class Ties:
    """Sets of tied channels.

    Attributes:
        sets: the members of each set.
        of: the set of each channel.
        free: sets that may go.
    """

    sets: tuple[tuple[Channel, ...], ...]
    of: Mapping[Channel, int]
    free: tuple[int, ...]


def ties(architecture: Architecture) -> Ties:
    """Return the sets of tied channels of a network."""
    parent: dict[Channel, Channel] = {
        (name, place): (name, place)
        for name, shape in architecture.shapes.items()
        for place in range(shape[0])
    }

    def root(channel: Channel) -> Channel:
        while parent[channel] != channel:
            parent[channel] = parent[parent[channel]]
            channel = parent[channel]
        return channel

    pinned = [(INPUT, 0), (architecture.output, 0)]
    for name in (INPUT, architecture.output):
        for place in range(architecture.shapes[name][0]):
            parent[root((name, place))] = root((name, 0))
    for node in architecture.nodes:
        if node.op == "reshape" and not _keeps_channels(architecture, node):
            pinned += [(node.name, p) for p in range(architecture.shapes[node.name][0])]
            pinned += [(node.inputs[0], p) for p in range(architecture.shapes[node.inputs[0]][0])]
        for first, second in _tied(architecture, node):
            parent[root(first)] = root(second)
    members: dict[Channel, list[Channel]] = {}
    for channel in parent:
        members.setdefault(root(channel), []).append(channel)
    held = {root(channel) for channel in pinned}
    sets = tuple(tuple(found) for found in members.values())
    of = {channel: number for number, found in enumerate(sets) for channel in found}
    free = tuple(number for number, key in enumerate(members) if key not in held)
    return Ties(sets, of, free)


def _tied(architecture: Architecture, node: Node) -> Iterator[tuple[Channel, Channel]]:
    """Yield pairs of channels that a node ties."""
    shape, read = architecture.shapes[node.name], [architecture.shapes[name] for name in node.inputs]
    if node.op in WEIGHTED:
        groups = whole(node.attributes, "groups") if node.op == "conv" else 1
        if groups > 1:
            per_in, per_out = read[0][0] // groups, shape[0] // groups
            for place in range(read[0][0]):
                yield (node.inputs[0], place), (node.name, place // per_in * per_out)
            for place in range(shape[0]):
                yield (node.name, place), (node.name, place // per_out * per_out)
    elif node.op == "concat":
        first = 0
        for name, own in zip(node.inputs, read, strict=True):
            yield from (((name, place), (node.name, first + place)) for place in range(own[0]))
            first += own[0]
    elif node.op == "take":
        for out, inner in enumerate(places_of(ints(node.attributes, "runs"))):
            yield (node.inputs[0], inner), (node.name, out)
    elif node.op in ("flatten", "reshape"):
        if _keeps_channels(architecture, node):
            wide, narrow = max(shape[0], read[0][0]), min(shape[0], read[0][0])
            per = wide // narrow
            for place in range(wide):
                out, inner = (place, place // per) if shape[0] == wide else (place // per, place)
                yield (node.inputs[0], inner), (node.name, out)
    else:
        for name in node.inputs:
            yield from (((name, place), (node.name, place)) for place in range(shape[0]))


def _keeps_channels(architecture: Architecture, node: Node) -> bool:
    """Return whether a change of shape leaves a channel's values together."""
    shape, read = architecture.shapes[node.name], architecture.shapes[node.inputs[0]]
    return shape[0] == read[0] or min(len(shape), len(read)) == 1


def all_kept(architecture: Architecture) -> Kept:
    """Return that every channel is kept."""
    return {name: np.ones(shape[0], bool) for name, shape in architecture.shapes.items()}


def cut_architecture(architecture: Architecture, kept: Kept) -> Architecture:
    """Return the architecture without the channels that are not kept."""
    nodes: list[Node] = []
    for node in architecture.nodes:
        changed: dict[str, Value] = dict(node.attributes)
        left = int(kept[node.name].sum())
        if node.op == "linear":
            changed["features"] = left
        elif node.op == "conv":
            changed["channels"] = left
            groups = whole(node.attributes, "groups")
            if groups > 1:
                changed["groups"] = int(kept[node.inputs[0]].reshape(groups, -1).any(1).sum())
        elif node.op == "reshape":
            changed["shape"] = (left, *architecture.shapes[node.name][1:])
        elif node.op == "take":
            taken = np.zeros(len(kept[node.inputs[0]]), bool)
            taken[list(places_of(ints(node.attributes, "runs")))] = True
            changed["runs"] = runs_of(taken[kept[node.inputs[0]]].tolist())
        nodes.append(replace(node, attributes=changed))
    shape = (int(kept[INPUT].sum()), *architecture.input_shape[1:])
    return Architecture(shape, tuple(nodes))


@runtime_checkable
class Divisible(Protocol):
    """A form that stays what it is for the weights that are left: it knows every weight on its own."""

    def part(self, of: Callable[[Tensor], Tensor]) -> nn.Module:
        """Return the form of the weights that `of` takes out of a tensor of the weight's shape."""
        ...


def cut(network: Network, kept: Kept) -> Network:
    """Return the network without the channels that are not kept: weights, masks and norms of the others as they are.

    Raises:
        InputError: E125, when a layer has a form that knows no `part` of itself.
    """
    smaller = Network(cut_architecture(network.architecture, kept))
    smaller.to(next(network.parameters()))
    for node in network.architecture.nodes:
        if node.name not in network.layers:
            continue
        old, new = network.layers[node.name], smaller.layers[node.name]
        rows, columns = torch.as_tensor(kept[node.name]), torch.as_tensor(kept[node.inputs[0]])
        if isinstance(old, WeightedLayer):
            assert isinstance(new, WeightedLayer)
            grouped = node.op == "conv" and whole(node.attributes, "groups") > 1
            copy_weight(
                node.name, old, new, partial(_part, rows=rows, columns=None if grouped else columns), rows
            )
        else:
            state = {
                key: value if value.ndim == 0 else value[rows] for key, value in old.state_dict().items()
            }
            new.load_state_dict(state)
    smaller.train(network.training)
    return smaller


def _part(whole_one: Tensor, rows: Tensor, columns: Tensor | None) -> Tensor:
    return whole_one[rows] if columns is None else whole_one[rows][:, columns]


def copy_weight(
    name: str, old: WeightedLayer, new: WeightedLayer, part: Callable[[Tensor], Tensor], rows: Tensor
) -> None:
    """Give the layer `new` what `part` takes of the weights of `old`, called `name`, and the biases of `rows`.

    Raises:
        InputError: E125, when the layer has a form that knows no `part` of itself.
    """
    new.weight.data = part(old.weight.data).clone()
    new.mask = None if old.mask is None else part(old.mask).clone()
    if old.bias is not None and new.bias is not None:
        new.bias.data = old.bias.data[rows].clone()
        new.bias.requires_grad_(old.bias.requires_grad)
    if old.form is None:
        return
    if not isinstance(old.form, Divisible):
        raise InputError(
            "E125",
            f"layer '{name}' has a form, {type(old.form).__name__}, that is made for all its channels",
            cause="channels are cut before such weights are quantised",
        )
    new.form = old.form.part(part)
