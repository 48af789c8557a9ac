"""Selection count: a weight of a MAM layer is worth how often its product is the largest or the smallest of its neuron.

    score_ik = #{items, places : k = argmax_k' x_k' w_ik'} + #{... argmin ...}

In a layer with sums every product is part of every output: each of its weights counts as if it won both at every item
and place, the most that a count can be in any layer. So weights of MAM layers go first, and among sums, all alike, the
magnitude decides.

A count says who wins, not by how much; `snip` on the trained network, the gradient `|g w|`, weighs what it is worth.

Source: mamtorch, the program of the authors of MAM (its selection counts).

>>> from sarto.models.network.architecture import Architecture, Node
>>> net = Network(Architecture((2,), (Node("a", "mam_linear", ("input",), {"features": 2}),)), seed=0)
>>> int(score(net, [(torch.rand(5, 2), torch.zeros(5, dtype=torch.int64))], 0)["a"].sum())  # 5 items, 2 neurons, 2 ends
20
"""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import torch
from torch import Tensor

from sarto.compress.prune._copy import Batches, Scores, with_examples, working_copy
from sarto.models.mam.layers import MamLayer
from sarto.models.mam.search import winners
from sarto.models.network.architecture import INPUT
from sarto.models.network.module import Network

ROUNDS = 1
EXAMPLES = True


def score(network: Network, batches: Batches, seed: int) -> Scores:
    """Return the selection count of every weight.

    Raises:
        InputError: E116, when there are no examples.
    """
    own = working_copy(network, training=False)
    layers = dict(own.weighted())
    found = {name: torch.zeros_like(layer.weight.detach()) for name, layer in layers.items()}
    most = dict.fromkeys(layers, 0)
    with torch.no_grad():
        for x, _ in with_examples(batches, "mam"):
            values = {INPUT: x}
            for node in own.architecture.nodes:
                inputs = [values[name] for name in node.inputs]
                layer = layers.get(node.name)
                values[node.name] = own.apply_node(node, inputs)
                if isinstance(layer, MamLayer):
                    found[node.name] += _counts(layer, inputs[0])
                if layer is not None:
                    most[node.name] += 2 * values[node.name][:, 0].numel()
    top = float(max(most.values()))
    return {
        name: counts if isinstance(layers[name], MamLayer) else torch.full_like(counts, top)
        for name, counts in found.items()
    }


def _counts(layer: MamLayer, x: Tensor) -> Tensor:
    """Return the counts of one layer on a batch."""
    parts: list[Tensor] = []
    for rows, vectors in zip(layer.rows(x), layer.vectors(), strict=True):
        neurons, inputs = vectors.shape
        cell = torch.arange(neurons) * inputs
        both = torch.stack(winners(rows, vectors, layer.splits)) + cell
        parts.append(torch.bincount(both.flatten(), minlength=neurons * inputs))
    counted = torch.cat(parts).view_as(layer.weight).to(layer.weight)
    return counted if layer.mask is None else counted * layer.mask
