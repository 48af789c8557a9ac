"""The optimiser of a training: AdamW, or gradient descent with Nesterov's momentum.

Source: Loshchilov and Hutter, "Decoupled weight decay regularization", ICLR 2019; Sutskever et al., "On the importance
of initialization and momentum in deep learning", ICML 2013.
"""

from __future__ import annotations

from typing import Literal

import torch

from sarto.models.trainable import Trainable

MOMENTUM = 0.9


def optimiser_of(
    network: Trainable, kind: Literal["adam", "sgd"], rate: float, decay: float
) -> torch.optim.Optimizer:
    """Return the optimiser; weight decay is on weights, not on biases and norms."""
    decayed = [p for p in network.parameters() if p.requires_grad and p.ndim > 1]
    others = [p for p in network.parameters() if p.requires_grad and p.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": decay}, {"params": others, "weight_decay": 0.0}]
    groups = [g for g in groups if g["params"]]
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=rate, momentum=MOMENTUM, nesterov=True)
    return torch.optim.AdamW(groups, lr=rate)
