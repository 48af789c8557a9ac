"""Outputs are the same without dead units, whatever the network; and what is dead is gone."""

# pyright: reportUnknownMemberType=false

import pytest
import torch
from torch import nn

from sarto.compress.dead_units import remove_dead_units, used_inputs
from sarto.compress.pruning import prune
from sarto.compress.quantize.codebook import Codebook
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture
from sarto.models.network.module import Network
from sarto.models.network.named import NAMED, named
from sarto.models.network.sketch import Sketch
from tests.compress.prune.networks import MAKERS, drawn, items

SHAPES = {1: (6,), 2: (2, 12), 3: (1, 12, 12)}


def spread(network: Network, seed: int) -> Network:
    """Draw biases and norms."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, tensor in network.state_dict().items():
            if name.endswith(("bias", "running_mean")):
                tensor.copy_(torch.randn(tensor.shape, generator=generator))
            elif name.endswith("running_var"):
                tensor.copy_(torch.rand(tensor.shape, generator=generator) + 0.5)
    return network.double().eval()


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", [name for name in NAMED if name not in ("lenet300", "lenet5")])
def test_outputs_of_named_networks_stay(name: str, seed: int) -> None:
    settings = {"width": 8 if name in ("mlp", "mobilenet") else 5}
    density = {"separable": 0.3, "ds_cnn": 0.5, "autoencoder": 0.3, "mobilenet": 0.5}.get(name, 0.12)
    network = spread(Network(named(name, SHAPES[NAMED[name][1][-1]], 3, **settings), seed=seed), seed)
    network = prune(network, "random", density, floor=3, seed=seed)
    smaller, x = remove_dead_units(network), items(network, 8, seed)
    torch.testing.assert_close(smaller(x), network(x), rtol=1e-10, atol=1e-10)
    assert smaller.architecture.size < network.architecture.size


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("seed", range(12))
def test_outputs_of_drawn_networks_stay(name: str, seed: int) -> None:
    network, generator = drawn(name, seed), torch.Generator().manual_seed(seed)
    for _, layer in network.weighted():
        rows = torch.rand(len(layer.weight), generator=generator) > 0.5
        rows[0] = True
        layer.prune(rows.reshape(-1, *(1,) * (layer.weight.ndim - 1)).expand_as(layer.weight))
    x = items(network, 5, seed)
    torch.testing.assert_close(remove_dead_units(network)(x), network(x), rtol=1e-10, atol=1e-10)


def chain(padding: int, bias: float) -> Network:
    """Two convolutions; the second unit of the first has lost its weights and is constant."""
    net = Sketch()
    net.put("a", "conv", channels=3, kernel=(3,), padding=1)
    net.put("bend", "leaky_relu", slope=0.5)
    net.put("b", "conv", channels=2, kernel=(3,), padding=padding, bias=False)
    net.put("mean", "global_mean_pool")
    network = Network(Architecture((2, 9), tuple(net.nodes)), seed=0).double()
    mask = torch.ones(3, 2, 3)
    mask[1] = 0
    network.layer("a").prune(mask)
    with torch.no_grad():
        assert network.layer("a").bias is not None
        network.layer("a").bias[1] = bias  # pyright: ignore[reportOptionalSubscript]
    return network.eval()


@pytest.mark.parametrize(("padding", "bias", "left"), [(0, -2.0, 2), (0, 0.0, 2), (1, 0.0, 2), (1, -2.0, 3)])
def test_a_constant_moves_into_the_next_bias_where_no_padding_cuts_it(
    padding: int, bias: float, left: int
) -> None:
    network = chain(padding, bias)
    smaller, x = remove_dead_units(network), torch.randn(4, 2, 9, dtype=torch.float64)
    assert smaller.architecture.shapes["a"][0] == left
    torch.testing.assert_close(smaller(x), network(x))
    moved = smaller.layer("b").bias
    if padding == 0 and bias:
        assert moved is not None
        wanted = 0.5 * bias * network.layer("b").weight[:, 1].sum(1)  # through the slope
        torch.testing.assert_close(moved, wanted)
    else:
        assert moved is None


def test_residual_channels_go_on_both_sides_or_not_at_all() -> None:
    network = spread(Network(named("residual", (1, 8, 8), 3, width=4, depth=1), seed=0), 0)
    for name in ("stem", "b1_1_conv2"):
        mask = torch.ones_like(network.layer(name).weight)
        mask[2] = 0
        network.layer(name).prune(mask)
    head = torch.ones_like(network.layer("head").weight)
    head[:, 1] = 0
    network.layer("head").prune(head)
    with torch.no_grad():
        network.state_dict()["layers.stem_norm.bias"][2] = 9.0
    smaller, x = remove_dead_units(network), items(network, 4, 0)
    torch.testing.assert_close(smaller(x), network(x))
    # channel 1 feeds the block; channel 2 is a constant that padding cuts off where conv1 reads it
    assert smaller.architecture.shapes["stem"][0] == 4
    conv1 = torch.ones_like(network.layer("b1_1_conv1").weight)
    conv1[:, 1:3] = 0
    network.layer("b1_1_conv1").prune(conv1)
    smaller = remove_dead_units(network)
    torch.testing.assert_close(smaller(x), network(x))
    assert smaller.architecture.shapes["stem"] == smaller.architecture.shapes["b1_1_add"] == (2, 8, 8)


def test_masks_go_along_and_inputs_that_nobody_reads_are_told() -> None:
    network = Network(named("mlp", (4,), 2, width=6), seed=0).double()
    mask = torch.rand(6, 4, generator=torch.Generator().manual_seed(0)) > 0.4
    mask[:, 2], mask[4] = False, False
    network.layer("fc1").prune(mask)
    assert used_inputs(network).tolist() == [True, True, False, True]
    smaller = remove_dead_units(network)
    left = smaller.layer("fc1").mask
    assert left is not None
    assert torch.equal(left.bool(), mask[[0, 1, 2, 3, 5]])


def test_a_layer_with_a_form_is_refused_by_name() -> None:
    network = chain(0, 1.0)
    network.layer("b").form = nn.Identity()
    with pytest.raises(InputError, match="layer 'b' has a form, Identity") as caught:
        remove_dead_units(network)
    assert caught.value.code == "E125"


def test_shared_values_stay_shared_when_units_go() -> None:
    network = Network(named("mlp", (6,), 3, width=8, depth=2), seed=0)
    for name, layer in network.weighted():
        symbols = torch.randint(0, 4, layer.weight.shape, dtype=torch.int32)
        if name != "fc3":
            symbols[2], symbols[5, :] = 0, symbols[5, :] * 0  # fed by nobody: constants that fold
        if name != "fc1":
            symbols[:, 4] = 0  # read by nobody
        layer.form = Codebook(torch.tensor([-1.0, 0.5, 2.0]), symbols)
        with torch.no_grad():
            assert layer.bias is not None
            layer.bias.normal_()
    smaller, x = remove_dead_units(network), torch.randn(20, 6)
    assert smaller.architecture.size < network.architecture.size
    assert all(isinstance(layer.form, Codebook) for _, layer in smaller.weighted())
    torch.testing.assert_close(smaller(x), network(x))
