"""Which weights lie on a path from the input to the output: the density that a pruned network really has.

A weight that is kept counts for nothing when everything before it, or everything after it, is pruned. Paths are those
of the masks, position by position: a kernel's weight that only ever meets padding is on none.

Source: Vysogorets and Kempe, "Connectivity matters: neural network pruning through the lens of effective sparsity",
JMLR 2023 (effective sparsity).

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (2,), 1, width=2, depth=1), seed=0)
>>> network.layer("fc1").prune(torch.tensor([[True, True], [False, False]]))
>>> density(network), connected_density(network)  # 4 and 3 of 6 weights: nothing arrives at the second unit
(0.6666666666666666, 0.5)
"""

from __future__ import annotations

import torch
from torch import Tensor

from sarto.compress.prune._copy import masks
from sarto.compress.prune._flow import flow, mean_of_window
from sarto.models.network.architecture import Node
from sarto.models.network.module import Network


def connected(network: Network) -> dict[str, Tensor]:
    """Return for every weighted layer where its weights lie on a path (booleans)."""
    kept = {name: mask.double().requires_grad_() for name, mask in masks(network).items()}
    fan = {name: max(1.0, mask[0].numel()) for name, mask in kept.items()}
    ones = torch.ones(1, *network.architecture.input_shape, dtype=torch.float64)
    device = next(network.parameters()).device
    scaled = {name: mask / fan[name] for name, mask in kept.items()}
    out = flow(network, ones.to(device), scaled, _pass)
    if not out.requires_grad:
        return {name: torch.zeros_like(mask, dtype=torch.bool) for name, mask in kept.items()}
    gradients = torch.autograd.grad(out.sum(), list(kept.values()), materialize_grads=True)
    return {
        name: (gradient * mask.detach()) > 0
        for (name, mask), gradient in zip(kept.items(), gradients, strict=True)
    }


def breaks_at(network: Network) -> str | None:
    """Return the first weighted layer that nothing leaves on any path from the input, or None."""
    dead: list[str] = []

    def look(name: str, y: Tensor) -> None:
        if name in kept and not bool(y.any()):
            dead.append(name)

    kept = {name: mask.double() for name, mask in masks(network).items()}
    x = torch.ones(1, *network.architecture.input_shape, dtype=torch.float64)
    flow(network, x.to(next(network.parameters()).device), kept, _pass, look=look)
    return dead[0] if dead else None


def _pass(node: Node, x: Tensor) -> Tensor:
    """Return the same where something arrives, scaled so that long chains stay within the numbers there are."""
    y = mean_of_window(node, x) if node.op.endswith("_pool") else x
    most = y.detach().max()
    return y / most if float(most) > 0 else y


def density(network: Network) -> float:
    """Return the share of the weights that are kept."""
    found = masks(network).values()
    return sum(int(m.count_nonzero()) for m in found) / sum(m.numel() for m in found)


def layer_densities(network: Network) -> dict[str, float]:
    """Return the share of the weights that are kept in each layer."""
    return {name: int(mask.count_nonzero()) / mask.numel() for name, mask in masks(network).items()}


def connected_density(network: Network) -> float:
    """Return the share of the weights that are kept and lie on a path."""
    found = connected(network).values()
    return sum(int(m.count_nonzero()) for m in found) / sum(m.numel() for m in found)
