"""Small networks with everything that a path may run through."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import torch

from sarto.models.network.architecture import INPUT, Architecture
from sarto.models.network.module import Network
from sarto.models.network.sketch import Sketch


def image() -> Architecture:
    """Norm, ReLU, maximum, a residual block with a strided short cut, LeakyReLU, mean and a bias."""
    net = Sketch()
    net.put("c1", "conv", channels=2, kernel=(3, 3), padding=1)
    net.put("n1", "batch_norm", eps=0.1)
    net.put("r1", "relu")
    net.put("p1", "max_pool", kernel=(2, 2), stride=1)
    net.put("c2", "conv", channels=2, kernel=(3, 3), stride=2, padding=1, bias=False)
    net.put("n2", "batch_norm")
    net.put("skip", "conv", "p1", channels=2, kernel=(1, 1), stride=2, bias=False)
    net.put("sum", "add", "n2", "skip")
    net.put("r2", "leaky_relu", slope=0.3)
    net.put("p2", "mean_pool", kernel=(2, 2))
    net.put("flat", "flatten")
    net.put("head", "linear", features=2)
    return Architecture((1, 4, 4), tuple(net.nodes))


def sequence() -> Architecture:
    """One dimension: padded pools, groups, dilation, a concatenation, and the same node added twice."""
    net = Sketch()
    net.put("c1", "conv", channels=4, kernel=(3,), stride=2, padding=1, groups=2)
    net.put("r1", "leaky_relu", slope=-0.5)
    net.put("p1", "max_pool", "r1", kernel=(2,), stride=1, padding=1)
    net.put("p2", "mean_pool", "r1", kernel=(2,), stride=1, padding=1)
    net.put("both", "concat", "p1", "p2")
    net.put("c2", "conv", channels=2, kernel=(2,), dilation=2, padding=1)
    net.put("n", "batch_norm")
    net.put("twice", "add", "n", "n")
    net.put("r2", "relu")
    net.put("mean", "global_mean_pool")
    net.put("head", "linear", features=2, bias=False)
    return Architecture((2, 6), tuple(net.nodes))


def vector() -> Architecture:
    """A network on vectors that skips a layer."""
    net = Sketch()
    net.put("a", "linear", features=3)
    net.put("ra", "relu")
    net.put("b", "linear", features=3)
    net.put("join", "concat", "b", INPUT)
    net.put("rb", "leaky_relu", slope=0.2)
    net.put("head", "linear", features=2)
    return Architecture((3,), tuple(net.nodes))


MAKERS = {"image": image, "sequence": sequence, "vector": vector}


def drawn(name: str, seed: int, *, biased: bool = True, pruned: bool = True) -> Network:
    """Return a network with everything drawn: biases, the statistics of norms, and masks."""
    network = Network(MAKERS[name](), seed=seed).double()
    generator = torch.Generator().manual_seed(seed)

    def draw(tensor: torch.Tensor, low: float, high: float) -> None:
        tensor.copy_(torch.rand(tensor.shape, generator=generator) * (high - low) + low)

    with torch.no_grad():
        for layer in network.layers.values():
            if isinstance(layer, (torch.nn.BatchNorm1d, torch.nn.BatchNorm2d)):
                draw(layer.weight, -2, 2)
                assert layer.running_var is not None
                assert layer.running_mean is not None
                draw(layer.running_var, 0.5, 2)
                if biased:
                    draw(layer.bias, -1, 1)
                    draw(layer.running_mean, -1, 1)
        for _, layer in network.weighted():
            if layer.bias is not None and biased:
                draw(layer.bias, -1, 1)
            if pruned:
                layer.prune(torch.rand(layer.weight.shape, generator=generator) > 0.3)
    return network.eval()


def items(network: Network, count: int, seed: int) -> torch.Tensor:
    """Return drawn items for a network, in float64."""
    generator = torch.Generator().manual_seed(seed + 1000)
    shape = network.architecture.input_shape
    return torch.randn(count, *shape, generator=generator, dtype=torch.float64)
