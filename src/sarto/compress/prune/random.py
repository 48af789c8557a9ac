"""Random: a weight is worth a number drawn for it. A control, which every other method has to beat.

Source: Frankle et al., "Pruning neural networks at initialization: why are we missing the mark?", ICLR 2021.

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (4,), 2, width=3), seed=0)
>>> first, again, other = (score(network, [], seed)["fc1"] for seed in (0, 0, 1))
>>> bool((first == again).all()), bool((first == other).any())
(True, False)
"""

from __future__ import annotations

import torch

from sarto.compress.prune._copy import Batches, Scores
from sarto.models.network.module import Network

ROUNDS = 1
EXAMPLES = False


def score(network: Network, batches: Batches, seed: int) -> Scores:
    """Return a number from N(0, 1) for every weight."""
    generator = torch.Generator().manual_seed(seed)
    return {
        name: torch.randn(layer.weight.shape, generator=generator).to(layer.weight)
        for name, layer in network.weighted()
    }
