"""What a report on pruning at initialisation must show beside its method, since it may do no worse.

- `shuffled`: the masks, each shuffled within its layer. If it does as well, only the layers' densities mattered.
- `equal_random`: a random mask with the same density in every layer.
- `reinitialised`: the masks over weights drawn anew. If it does as well, the scores knew nothing of these weights.
- `magnitude_after_training`: train, prune by magnitude, tune with as many passes again.

Source: Frankle et al., "Pruning neural networks at initialization: why are we missing the mark?", ICLR 2021.

>>> from sarto.models.network.named import named
>>> network = prune(Network(named("mlp", (4,), 2, width=8), seed=0), "magnitude", 0.25)
>>> layer_densities(shuffled(network, 0)) == layer_densities(network)
True
"""

from __future__ import annotations

import copy

import torch

from sarto.compress.connected import layer_densities
from sarto.compress.prune._copy import masks
from sarto.compress.prune._masks import Scope
from sarto.compress.pruning import apply, prune
from sarto.core.seed import generator
from sarto.data.examples import Examples
from sarto.learn.loop import Training, train
from sarto.models.network.module import Network

__all__ = ["equal_random", "layer_densities", "magnitude_after_training", "reinitialised", "shuffled"]


def shuffled(network: Network, seed: int) -> Network:
    """Return a copy whose masks are shuffled, each within its layer.

    Raises:
        InputError: E124, when that leaves no path from the input to the output.
    """
    own, drawn = copy.deepcopy(network), _drawing(seed, "shuffled")
    mixed = {
        name: mask.flatten()[torch.randperm(mask.numel(), generator=drawn)].reshape(mask.shape).bool()
        for name, mask in masks(network).items()
    }
    for _, layer in own.weighted():
        layer.mask = None
    apply(own, mixed, "shuffling the masks", emptied=True)  # where the masks were empty before
    return own


def equal_random(network: Network, density: float, seed: int) -> Network:
    """Return a copy with random masks of the same density in every layer.

    Raises:
        InputError: E124, when a layer collapses.
    """
    return prune(network, "random", density, scope="local", seed=seed)


def reinitialised(network: Network, seed: int) -> Network:
    """Return a copy with the same masks over weights drawn anew."""
    own, drawn = copy.deepcopy(network), _drawing(seed, "reinitialised")
    for _, layer in own.weighted():
        layer.reset_parameters(drawn)
    return own


def magnitude_after_training(
    network: Network,
    density: float,
    examples: Examples,
    training: Training,
    validation: Examples | None = None,
    scope: Scope = "global",
    emptied: bool = False,
) -> Network:
    """Return a copy that was trained, pruned by magnitude, and trained again as it was the first time.

    Raises:
        InputError: E124, when a layer collapses.
    """
    own = copy.deepcopy(network)
    train(own, examples, training, validation=validation)
    smaller = prune(own, "magnitude", density, scope=scope, emptied=emptied)
    train(smaller, examples, training, validation=validation)
    return smaller


def _drawing(seed: int, purpose: str) -> torch.Generator:
    """Return a generator that no network of the same seed was drawn with."""
    return torch.Generator().manual_seed(int(generator(seed, purpose).integers(2**63)))
