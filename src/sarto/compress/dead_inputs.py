"""Leaves the inputs out that no weight reads, and the columns of weights that read them: the outputs stay the same.

Behind the flattening of an image or a sequence, or at once where items are vectors, a `take` hands on what is read, to
linear layers of fewer inputs. Whole items still come in: what is left out is computed with no more, and takes no
weights. Of a network whose first layers are convolutions, or MAM layers, where an input that is 0 may be the largest,
nothing is left out; `used_inputs` says what of it is read.

>>> import torch
>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (1, 2, 2), 3, width=4, depth=1), seed=0)
>>> network.layer("fc1").prune(torch.tensor([[True, False, False, True]]).expand(4, 4))
>>> smaller, x = remove_dead_inputs(network), torch.randn(5, 1, 2, 2)
>>> smaller.architecture.parameters["fc1.weight"], bool(torch.allclose(smaller(x), network(x)))
((4, 2), True)
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace

import torch

from sarto.compress.groups import copy_weight
from sarto.models.network.architecture import INPUT, Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.operations import runs_of


def remove_dead_inputs(network: Network) -> Network:
    """Return the network without inputs that no weight reads; a copy where there are none that can be left out.

    Raises:
        InputError: E125, when a layer that reads inputs has a form that knows no `part` of itself.
    """
    architecture = network.architecture
    source = _source(architecture)
    readers: Sequence[Node] = () if source is None else architecture.readers[source]
    if source is None or not readers or any(node.op != "linear" for node in readers):
        return copy.deepcopy(network)
    read = torch.stack([(network.layer(n.name).effective.detach() != 0).any(0) for n in readers]).any(0)
    if bool(read.all()) or not bool(read.any()):
        return copy.deepcopy(network)
    name = f"{source}_taken"
    while name in architecture.by_name:
        name += "_"
    taken = Node(name, "take", (source,), {"runs": runs_of([bool(one) for one in read.cpu().numpy()])})
    nodes = [taken] if source == INPUT else []
    for node in architecture.nodes:
        inputs = tuple(name if node in readers and n == source else n for n in node.inputs)
        nodes += [replace(node, inputs=inputs), *([taken] if node.name == source else [])]
    smaller = Network(Architecture(architecture.input_shape, tuple(nodes)))
    smaller.to(next(network.parameters()))
    names = {node.name for node in readers}
    for node in architecture.nodes:
        if node.name in names:
            old, new = network.layer(node.name), smaller.layer(node.name)
            copy_weight(node.name, old, new, lambda whole: whole[:, read], torch.arange(len(old.weight)))
        elif node.name in network.layers:
            smaller.layers[node.name] = copy.deepcopy(network.layers[node.name])
    smaller.quantisers = copy.deepcopy(network.quantisers)
    return smaller.train(network.training)


def _source(architecture: Architecture) -> str | None:
    """Return the node whose values are the inputs as a vector, or None."""
    if len(architecture.input_shape) == 1:
        return INPUT
    first = architecture.readers[INPUT]
    return first[0].name if len(first) == 1 and first[0].op == "flatten" else None
