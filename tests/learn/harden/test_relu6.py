"""ReLU6 takes the place of every ReLU, in a torch module and in a network with an architecture."""

# pyright: reportUnknownMemberType=false

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from sarto.learn.harden import with_relu6
from tests.deploy.random_networks import architecture, shaken
from tests.learn.harden.test_ranges import made


def test_relu6_takes_the_place_of_every_relu_and_can_be_trained() -> None:
    net, items = made()
    x = 20 * torch.from_numpy(items)
    first, second, head = net.get_submodule("first"), net.get_submodule("second"), net.get_submodule("head")
    bent = with_relu6(net)
    y = functional.relu6(first(x))
    wanted = head(functional.relu6(second(y) + y).mean((2, 3)))
    assert torch.equal(bent(x), wanted) and not torch.equal(net(x), wanted)
    bent(x).sum().backward()
    assert all(p.grad is not None for p in bent.parameters()) and all(
        p.grad is None for p in net.parameters()
    )
    chain = nn.Sequential(nn.Flatten(), nn.Linear(16, 4), nn.ReLU(inplace=True), nn.Linear(4, 2))
    assert torch.equal(with_relu6(chain)(x), chain[3](functional.relu6(chain[1](x.flatten(1)))))


def test_a_network_with_an_architecture_keeps_its_weights() -> None:
    torch.set_num_threads(1)
    net = next(
        n
        for n in (shaken(architecture(s), s) for s in range(9))
        if "relu" in {m.op for m in n.architecture.nodes}
    )
    bent = with_relu6(net)
    wanted = ["relu6" if node.op == "relu" else node.op for node in net.architecture.nodes]
    assert [node.op for node in bent.architecture.nodes] == wanted
    arrays = net.arrays()
    assert all(np.array_equal(array, arrays[name]) for name, array in bent.arrays().items())
    x = torch.full((1, *net.architecture.input_shape), 100.0)
    assert not torch.equal(bent(x), net(x))
