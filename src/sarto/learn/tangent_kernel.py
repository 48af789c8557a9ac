"""The neural tangent kernel of a small network, exactly.

    Theta = J J',      J = d f(x) / d theta,

one row of J for each output of each item, one column for each weight (of weighted layers; biases and norms are not
counted, as in pruning). A pruned weight counts nothing: its column is 0. Norms stand as in use.

Source: Jacot et al., "Neural tangent kernel: convergence and generalization in neural networks", NeurIPS 2018.

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (2,), 1, width=8), seed=0)
>>> kernel = tangent_kernel(network, torch.ones(3, 2))
>>> tuple(kernel.shape), bool((kernel - kernel.T).abs().max() < 1e-5)
((3, 3), True)
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.func import functional_call, jacrev, vmap

from sarto.models.network.module import Network


def jacobian(network: Network, x: Tensor) -> Tensor:
    """Return J (item * output, weight)."""
    training = network.training
    network.eval()
    names = [f"layers.{name}.weight" for name, _ in network.weighted()]
    state = {key: value.detach() for key, value in network.state_dict().items()}
    weights = {name: state.pop(name) for name in names}

    def outputs(own: dict[str, Tensor], item: Tensor) -> Tensor:
        return functional_call(network, {**state, **own}, (item[None],))[0]

    found = vmap(jacrev(outputs), (None, 0))(weights, x)
    network.train(training)
    rows = len(x) * network.architecture.shapes[network.architecture.output][0]
    return torch.cat([found[name].reshape(rows, -1) for name in names], 1)


def tangent_kernel(network: Network, x: Tensor) -> Tensor:
    """Return Theta (item * output, item * output)."""
    rows = jacobian(network, x)
    return rows @ rows.T
