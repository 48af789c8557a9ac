"""A folded network computes what the network with its norms does."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from sarto.compress.fold import fold
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.named import named


def shaken(architecture: Architecture, seed: int = 0) -> Network:
    """A network with norms that are far from the identity."""
    net = Network(architecture, seed)
    rng = np.random.default_rng(seed)
    arrays = net.arrays()
    for node in architecture.nodes:
        if node.op == "batch_norm":
            for own, low, high in (("weight", -2, 2), ("bias", -1, 1), ("mean", -1, 1), ("variance", 0.1, 3)):
                name = f"{node.name}.{own}"
                arrays[name] = rng.uniform(low, high, arrays[name].shape).astype(np.float32)
    net.load_arrays(arrays)
    return net.eval()


def node(name: str, op: str, *inputs: str, **attributes: int | tuple[int, ...] | bool) -> Node:
    return Node(name, op, inputs, attributes)


NETS = {
    "cnn1d": named("cnn1d", (2, 20), 3, width=4),
    "separable": named("separable", (1, 8, 8), 3, width=4),
    "residual": named("residual", (2, 8, 8), 3, width=4),
    "linear": Architecture(
        (5,),
        (node("a", "linear", "input", features=4), node("n", "batch_norm", "a"), node("r", "relu", "n")),
    ),
    "at the end": Architecture(
        (5,), (node("a", "linear", "input", features=4, bias=False), node("n", "batch_norm", "a"))
    ),
    "on the input": Architecture(
        (2, 6), (node("n", "batch_norm", "input"), node("c", "conv", "n", channels=3, kernel=(3,), padding=1))
    ),
    "on a vector": Architecture(
        (5,), (node("n", "batch_norm", "input"), node("a", "linear", "n", features=4))
    ),
    "read twice": Architecture(
        (5,),
        (
            node("a", "linear", "input", features=4),
            node("n", "batch_norm", "a"),
            node("s", "add", "n", "a"),
            node("m", "batch_norm", "s"),
        ),
    ),
}


@pytest.mark.parametrize("name", NETS)
def test_computes_the_same_without_a_norm(name: str) -> None:
    net = shaken(NETS[name])
    for _, layer in net.weighted():
        layer.prune(torch.rand(layer.weight.shape, generator=torch.Generator().manual_seed(0)) < 0.7)
    small = fold(net)
    assert all(n.op != "batch_norm" for n in small.architecture.nodes)
    x = torch.randn(7, *net.architecture.input_shape, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(small(x), net(x), atol=2e-5, rtol=2e-5)
    for layer_name, layer in net.weighted():
        mask = layer.mask
        assert mask is not None
        torch.testing.assert_close(small.layer(layer_name).mask, mask)
    assert any(n.op == "batch_norm" for n in net.architecture.nodes), "the network given stays as it was"


def test_folding_a_folded_network_changes_nothing() -> None:
    small = fold(shaken(NETS["residual"]))
    again = fold(small)
    assert again.architecture == small.architecture
    for name, array in small.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], array)


def test_a_layer_in_a_form_is_refused_by_name() -> None:
    net = shaken(NETS["cnn1d"])
    net.layer("conv2").form = nn.Identity()
    with pytest.raises(InputError, match="the norm after layer 'conv2'") as caught:
        fold(net)
    assert caught.value.code == "E126"
    assert "fold before" in caught.value.hint


def test_a_form_without_a_norm_after_it_stays() -> None:
    net = shaken(NETS["cnn1d"])
    net.layer("head").form = nn.Identity()
    assert isinstance(fold(net).layer("head").form, nn.Identity)
