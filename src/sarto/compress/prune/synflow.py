"""SynFlow: a weight is worth the synaptic flow through it, without any data.

    score_i = theta_i dR / d theta_i,     R = 1' f(1) with |theta| for theta,

and `|gamma| / sqrt(variance + eps)` for norms, without biases and shifts, each activation passing what it is given. So
R is the sum over all paths of the absolute product of what lies on them, scores are at least 0, and the scores of the
weights into a unit sum to those of the weights out of it: the conservation law, which holds exactly here.

Source: Tanaka et al., "Pruning neural networks without any data by iteratively conserving synaptic flow", NeurIPS 2020,
theorem 1 (conservation), 100 rounds. Its program keeps biases; they are 0 at initialisation, where both agree.

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (2,), 1, width=3, depth=1), seed=0)
>>> found = score(network, [], 0)
>>> bool((found["fc1"].sum(1) - found["fc2"][0]).abs().max() < 1e-12)
True
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sarto.compress.prune._copy import Batches, Scores, masked_weights
from sarto.compress.prune._flow import flow, mean_of_window, norm_line, per_channel, refuse_mam
from sarto.models.network.architecture import Node
from sarto.models.network.module import Network
from sarto.models.network.operations import ints

ROUNDS = 100
EXAMPLES = False


def score(network: Network, batches: Batches, seed: int) -> Scores:
    """Return the score of every weight in float64.

    Raises:
        InputError: E125, when there is a MAM layer; the message names it.
    """
    refuse_mam(network, "synflow")

    def through(node: Node, y: Tensor) -> Tensor:
        if node.op == "batch_norm":
            return y * per_channel(norm_line(network, node)[0].abs(), y)
        if node.op == "max_pool":
            kernel, stride, padding = (
                ints(node.attributes, name) for name in ("kernel", "stride", "padding")
            )
            run = functional.max_pool1d if len(kernel) == 1 else functional.max_pool2d
            return run(y, kernel, stride, padding)
        return mean_of_window(node, y) if node.op.endswith("_pool") else y

    sizes = {name: weight.double().abs().requires_grad_() for name, weight in masked_weights(network).items()}
    ones = torch.ones(1, *network.architecture.input_shape, dtype=torch.float64)
    total = flow(network, ones.to(next(network.parameters()).device), sizes, through).sum()
    gradients = torch.autograd.grad(total, list(sizes.values()), materialize_grads=True)
    return {
        name: (size * gradient).detach()
        for (name, size), gradient in zip(sizes.items(), gradients, strict=True)
    }
