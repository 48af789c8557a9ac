"""The bound on the neural tangent kernel by paths, which PX keeps high.

With the values `v` of all paths, J = J_v^f J_theta^v, so

    ||Theta||_F  <=  tr Theta = ||J_theta^f||_F^2  <=  ||J_v^f||_F^2 ||J_theta^v||_F^2 ,

and output by output `tr Theta <= sum_k ||J_v^(f_k)||^2 ||J_theta^(v to k)||^2`, which is tighter. It is often written
with `||Theta||_F^2` on the left, which cannot be: that side grows with the fourth power of the inputs and the right
with the second.

Source: Iurada et al., "Finding lottery tickets in vision models via data-driven spectral foresight pruning", CVPR 2024.

>>> from sarto.learn.tangent_kernel import tangent_kernel
>>> from sarto.models.network.named import named
>>> network, x = Network(named("mlp", (2,), 1, width=8), seed=0), torch.ones(3, 2)
>>> bound = path_bound(network, x)
>>> bool(tangent_kernel(network, x).trace() <= bound.by_output <= bound.whole)
True
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from sarto.compress.prune._paths import path_activity, path_values, squared_weights
from sarto.models.network.module import Network


@dataclass(frozen=True)
class PathBound:
    """Bounds on the trace of the kernel: the product of both norms, and the sum of the products of each output."""

    whole: float
    by_output: float


def path_bound(network: Network, x: Tensor) -> PathBound:
    """Return the bounds for the items `x`.

    Raises:
        InputError: E125, when an activation is smooth.
    """
    activity = path_activity(network, x).sum(0)
    squares = squared_weights(network)
    values = path_values(network, squares)
    slopes: list[Tensor] = []
    for value in values:  # of each output: sum over paths and weights of (v_p / theta_i)^2
        found = torch.autograd.grad(value, list(squares.values()), retain_graph=True, materialize_grads=True)
        slopes.append(_on_kept(network, found))
    changes = torch.stack(slopes)
    return PathBound(float(activity.sum() * changes.sum()), float((activity * changes).sum()))


def _on_kept(network: Network, gradients: tuple[Tensor, ...]) -> Tensor:
    """Return the sum of the gradients to weights that are kept."""
    parts = [
        (gradient if layer.mask is None else gradient * layer.mask).sum()
        for (_, layer), gradient in zip(network.weighted(), gradients, strict=True)
    ]
    return torch.stack(parts).sum()
