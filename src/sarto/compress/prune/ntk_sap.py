"""NTK-SAP: a weight is worth what its mask changes in the spectrum of the neural tangent kernel, without any data.

    score_i = |d/dm_i sum_(x, theta, delta) ||f(x; m theta) - f(x; m (theta + eps delta))||^2| ,

which for a small eps is `eps^2` times the derivative of the kernel's trace. x ~ N(0, I) and delta ~ N(0, I); theta is
drawn anew for every batch (He), and norms have the statistics of the batch, with scale 1 and shift 0, so that what is
scored is the architecture and its masks and not one draw of weights.

Source: Wang et al., "NTK-SAP: improving neural network pruning by aligning training dynamics", ICLR 2023;
eps = 0.01 as its program has it, 100 rounds as github.com/iurada/px-ntk-pruning runs it beside PX.

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (2,), 2, width=3), seed=0)
>>> bool((score(network, [], 0)["fc1"] == score(network, [], 0)["fc1"]).all())
True
"""

from __future__ import annotations

import copy

import torch
from torch import nn

from sarto.compress.prune._copy import Batches, Scores, masks, working_copy
from sarto.models.network.module import Network

ROUNDS = 100
EXAMPLES = False
EPSILON = 0.01
ITEMS = 128
"""Items that are drawn where no batches say how many."""


def score(network: Network, batches: Batches, seed: int) -> Scores:
    """Return the score of every weight; of `batches` only the sizes matter."""
    generator = torch.Generator().manual_seed(seed)
    own, device = working_copy(network, training=False), next(network.parameters()).device
    shared = {name: mask.requires_grad_() for name, mask in masks(network).items()}
    for name, layer in own.weighted():
        layer.mask = shared[name]
    total = {name: torch.zeros_like(mask) for name, mask in shared.items()}
    for size in [len(x) for x, _ in batches] or [ITEMS]:
        for _, layer in own.weighted():
            layer.weight.data = _he(layer.weight, generator)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)
        x = torch.randn(size, *network.architecture.input_shape, generator=generator).to(device)
        _settle_norms(own, x)
        moved = copy.deepcopy(own)
        for name, layer in moved.weighted():
            layer.mask = shared[name]
            step = torch.randn(layer.weight.shape, generator=generator).to(device)
            layer.weight.data += EPSILON * step
        distance = (own(x) - moved(x)).square().sum()
        gradients = torch.autograd.grad(distance, list(shared.values()), materialize_grads=True)
        for name, gradient in zip(shared, gradients, strict=True):
            total[name] += gradient
    return {name: (value * (shared[name] != 0)).abs().detach() for name, value in total.items()}


def _he(weight: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    """Return a draw of He's normal distribution in the shape of `weight`."""
    return (torch.randn(weight.shape, generator=generator) * (2 / weight[0].numel()) ** 0.5).to(weight)


def _settle_norms(network: Network, x: torch.Tensor) -> None:
    """Give every norm scale 1, shift 0, and as running statistics those of the batch `x`."""
    norms = [m for m in network.modules() if isinstance(m, (nn.BatchNorm1d, nn.BatchNorm2d))]
    for norm in norms:
        nn.init.ones_(norm.weight)
        nn.init.zeros_(norm.bias)
        norm.momentum = 1.0
    network.train()
    with torch.no_grad():
        network(x)
    network.eval()
