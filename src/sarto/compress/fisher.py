"""What a weight matters: the diagonal of the Fisher information, from one backward pass over a few items.

Moving the weights by small d changes the loss by about `sum_i F_i d_i^2 / 2` nats for an item, where

    F_i = E (d log p(y | x) / d w_i)^2,       y drawn from the network's own answer p(. | x).

With what goes into a layer taken as independent of the gradient at its output (and positions of a convolution as
independent of each other) it is a product of two means, each got for all weights at once:

    F_oi = E[g_o^2] E[a_i^2],     summed over positions for the gradient g, in the mean over them for the input a.

So it is comparable between layers, which the size of a weight is not.

Source: Martens and Grosse, "Optimizing neural networks with Kronecker-factored approximate curvature", ICML 2015,
section 3; Grosse and Martens, "A Kronecker-factored approximate Fisher matrix for convolution layers", ICML 2016,
theorem 1; Kunstner, Balles and Hennig, "Limitations of the empirical Fisher approximation", NeurIPS 2019 (why y is
drawn, and not the label).

>>> from sarto.models.network.named import named
>>> network = Network(named("mlp", (4,), 3, width=5), seed=0)
>>> found = importance(network, torch.ones(6, 4), seed=0)
>>> tuple(found["fc1"].shape), bool((found["fc3"] >= 0).all())
((5, 4), True)
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sarto.models.network.architecture import INPUT
from sarto.models.network.module import Network
from sarto.models.network.weights import ConvLayer


def importance(network: Network, x: Tensor, seed: int, temperature: float = 1.0) -> dict[str, Tensor]:
    """Return F of the weights of every layer, by its name.

    Args:
        network: as it stands: masks and forms apply, running statistics in its norms.
        x: a batch of items.
        seed: of the answers that are drawn.
        temperature: of the answer they are drawn from: above 1, a network that is sure of everything still says
            something.
    """
    was_training = network.training
    network.eval()
    values: dict[str, Tensor] = {INPUT: x}

    def look(name: str, value: Tensor) -> None:
        if value.requires_grad:
            value.retain_grad()
        values[name] = value

    outputs = network.run(x, look)
    generator = torch.Generator(device=x.device).manual_seed(seed)
    answers = torch.softmax(outputs.detach() / temperature, 1)
    drawn = torch.multinomial(answers, 1, generator=generator)[:, 0]
    kept = [(p, p.grad) for p in network.parameters()]
    cost = functional.cross_entropy(outputs, drawn, reduction="sum")
    cost.backward()  # pyright: ignore[reportUnknownMemberType]
    for parameter, gradient in kept:
        parameter.grad = gradient
    network.train(was_training)
    found: dict[str, Tensor] = {}
    for name, layer in network.weighted():
        gradient = values[name].grad
        assert gradient is not None, "a layer's output has a gradient"
        given = values[network.architecture.by_name[name].inputs[0]].detach()
        sizes = gradient.square().flatten(2).sum(2) if gradient.ndim > 2 else gradient.square()
        inputs = given.square().flatten(2).mean(2) if given.ndim > 2 else given.square()
        found[name] = _outer(sizes.mean(0), inputs.mean(0), layer.weight, layer)
    return found


def _outer(gradient: Tensor, given: Tensor, weight: Tensor, layer: object) -> Tensor:
    """Return the product for each weight; an input channel is that of the weight's group."""
    groups = layer.groups if isinstance(layer, ConvLayer) else 1
    own = given.reshape(groups, -1).repeat_interleave(len(weight) // groups, 0)
    product = gradient[:, None] * own
    return product.reshape(*product.shape, *(1,) * (weight.ndim - 2)).expand_as(weight).clone()
