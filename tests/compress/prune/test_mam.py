"""Selection counts are those of a count over all products."""

# pyright: reportUnknownMemberType=false

import numpy as np
import pytest
import torch

from sarto.compress.dead_units import remove_dead_units
from sarto.compress.prune.mam import score
from sarto.compress.pruning import prune, scoring_batches
from sarto.data.examples import of_arrays
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network

torch.set_num_threads(1)


def test_counts_of_a_network_with_a_sum_after_it() -> None:
    nodes = (
        Node("c", "mam_conv", ("input",), {"channels": 2, "kernel": 2, "groups": 2}),
        Node("f", "flatten", ("c",)),
        Node("l", "mam_linear", ("f",), {"features": 3}),
        Node("out", "linear", ("l",), {"features": 2}),
    )
    net = Network(Architecture((2, 4), nodes), seed=0)
    net.layer("l").prune(torch.arange(18).reshape(3, 6) != 4)
    x = torch.randn(9, 2, 4, generator=torch.Generator().manual_seed(0))
    counted = score(net, [(x[:5], torch.zeros(5)), (x[5:], torch.zeros(4))], 0)
    conv = torch.zeros(2, 1, 2)
    linear = torch.zeros(3, 6)
    hidden = net.layers["c"](x).flatten(1)
    for item in range(9):
        for channel in range(2):
            for place in range(3):
                v = x[item, channel, place : place + 2] * net.layer("c").weight[channel, 0]
                conv[channel, 0, v.argmax()] += 1
                conv[channel, 0, v.argmin()] += 1
        for neuron in range(3):
            v = hidden[item] * net.layer("l").effective[neuron]
            linear[neuron, v.argmax()] += 1
            linear[neuron, v.argmin()] += 1
    linear[0, 4] = 0
    assert torch.equal(counted["c"], conv)
    assert torch.equal(counted["l"], linear)
    assert torch.equal(counted["out"], torch.full((2, 3), 54.0))  # 9 items, 3 places of "c", 2 ends


def mixed() -> Network:
    """A MAM layer, ReLU and a linear layer."""
    nodes = (Node("a", "mam_linear", ("input",), {"features": 8}), Node("r", "relu", ("a",)))
    return Network(Architecture((6,), (*nodes, Node("o", "linear", ("r",), {"features": 2}))), seed=0)


@pytest.mark.parametrize("method", ["synflow", "px"])
def test_methods_that_follow_sums_refuse_the_layer_by_name(method: str) -> None:
    data = of_arrays(np.eye(6), np.arange(6) % 2)
    with pytest.raises(InputError, match=r"E125.*does not understand 'a', a mam_linear"):
        prune(mixed(), method, 0.5, batches=scoring_batches(data, 0))


def test_what_holds_for_sums_only_refuses_the_layer_by_name() -> None:
    with pytest.raises(InputError, match=r"E125.*dead units does not understand 'a'"):
        remove_dead_units(mixed())
