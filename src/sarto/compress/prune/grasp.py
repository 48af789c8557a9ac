"""GraSP: a weight is worth what its removal would take from the flow of gradients.

    score_i = theta_i (H g)_i,     g = dL / d theta,     H the second derivative,     the lowest go,

signed: `-theta H g` is the change of `g' g` when theta_i goes (times 1/2), and those that raise it most go first. L is
the cross-entropy of the outputs divided by T = 200; g is summed over the batches and held still while it is
differentiated again.

Source: Wang et al., "Picking winning tickets before training by preserving gradient flow", ICLR 2020,
which removes the top share of `-theta H g`; T = 200 as its program has it.

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (2,), 2, width=3), seed=0)
>>> found = score(network, [(torch.ones(4, 2), torch.tensor([0, 1, 1, 1]))], 0)
>>> bool((found["fc1"] < 0).any()), bool((found["fc1"] > 0).any())
(True, True)
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sarto.compress.prune._copy import Batches, Scores, with_examples, working_copy
from sarto.models.network.module import Network

ROUNDS = 1
EXAMPLES = True
TEMPERATURE = 200.0


def score(network: Network, batches: Batches, seed: int) -> Scores:
    """Return the score of every weight; norms use the statistics of the batch.

    Raises:
        InputError: E116, when there are no examples.
    """
    own = working_copy(network, training=True)
    weights = {name: layer.weight for name, layer in own.weighted()}
    parts = with_examples(batches, "grasp")

    def gradients(x: Tensor, y: Tensor, again: bool) -> tuple[Tensor, ...]:
        loss = functional.cross_entropy(own(x) / TEMPERATURE, y)
        return torch.autograd.grad(
            loss, list(weights.values()), create_graph=again, allow_unused=True, materialize_grads=True
        )

    held = [torch.zeros_like(weight) for weight in weights.values()]
    for x, y in parts:
        held = [total + part.detach() for total, part in zip(held, gradients(x, y, False), strict=True)]
    found = {name: torch.zeros_like(weight) for name, weight in weights.items()}
    for x, y in parts:
        flow = torch.stack([(h * g).sum() for h, g in zip(held, gradients(x, y, True), strict=True)]).sum()
        products = torch.autograd.grad(flow, list(weights.values()), materialize_grads=True)
        for (name, weight), product in zip(weights.items(), products, strict=True):
            found[name] += product * weight.detach()
    return found
