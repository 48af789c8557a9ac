"""What a method that scores weights looks at: a copy of the network, which it may run and change as it likes.

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (4,), 2, width=3), seed=0)
>>> own = working_copy(network, training=True)
>>> own is network, own.training, sorted(masks(own))
(False, True, ['fc1', 'fc2', 'fc3'])
"""

from __future__ import annotations

import copy
from collections.abc import Sequence

import torch
from torch import Tensor

from sarto.models.input_error import InputError
from sarto.models.network.module import Network

Batches = Sequence[tuple[Tensor, Tensor]]
"""Items and the class of each, batch by batch."""
Scores = dict[str, Tensor]
"""Layer -> a number for each of its weights; the larger it is, the rather the weight is kept."""


def working_copy(network: Network, *, training: bool) -> Network:
    """Return a copy of its own, whose norms use the statistics of each batch when `training`, else the running ones."""
    own = copy.deepcopy(network)
    own.train(training)
    for parameter in own.parameters():
        parameter.requires_grad_(True)
    own.zero_grad()
    return own


def masks(network: Network) -> dict[str, Tensor]:
    """Return the mask of every weighted layer; 1 everywhere for one that was never pruned."""
    return {
        name: torch.ones_like(layer.weight, requires_grad=False) if layer.mask is None else layer.mask.clone()
        for name, layer in network.weighted()
    }


def masked_weights(network: Network) -> dict[str, Tensor]:
    """Return the weights of every layer with 0 where they are pruned, without gradients."""
    kept = masks(network)
    return {name: layer.weight.detach() * kept[name] for name, layer in network.weighted()}


def with_examples(batches: Batches, method: str) -> Batches:
    """Return the batches of a method that looks at examples.

    Raises:
        InputError: E116, when there are none.
    """
    if not batches:
        raise InputError(
            "E116", f"{method} was given no examples", cause="its scores are gradients on examples"
        )
    return batches
