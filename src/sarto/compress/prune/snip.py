"""SNIP: a weight is worth what the loss would change if its connection were weakened.

    score_i = |dL / dm_i| at m = 1  =  |g_i theta_i|,     divided by the sum of all,

with L the cross-entropy, summed over the means of the batches, and norms on the statistics of the batch.

Source: Lee et al., "SNIP: single-shot network pruning based on connection sensitivity", ICLR 2019.

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (2,), 2, width=3), seed=0)
>>> found = score(network, [(torch.ones(4, 2), torch.tensor([0, 1, 1, 1]))], 0)
>>> round(float(sum(value.sum() for value in found.values())), 5)
1.0
"""

from __future__ import annotations

import torch
from torch.nn import functional

from sarto.compress.prune._copy import Batches, Scores, with_examples, working_copy
from sarto.models.network.module import Network

ROUNDS = 1
EXAMPLES = True


def score(network: Network, batches: Batches, seed: int) -> Scores:
    """Return the score of every weight.

    Raises:
        InputError: E116, when there are no examples.
    """
    own = working_copy(network, training=True)
    weights = {name: layer.weight for name, layer in own.weighted()}
    found = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for x, y in with_examples(batches, "snip"):
        loss = functional.cross_entropy(own(x), y)
        gradients = torch.autograd.grad(loss, list(weights.values()), materialize_grads=True)
        for (name, weight), gradient in zip(weights.items(), gradients, strict=True):
            found[name] += gradient * weight.detach()
    total = torch.stack([value.abs().sum() for value in found.values()]).sum()
    return {name: value.abs() / total if float(total) > 0 else value.abs() for name, value in found.items()}
