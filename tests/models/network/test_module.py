"""A network runs as torch's own layers do, and its masks survive what happens to modules."""

# pyright: reportUnknownMemberType=false

import copy
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network, predict
from sarto.models.network.named import named
from sarto.models.network.sketch import Sketch
from sarto.models.network.weights import ConvLayer


def two_layers() -> Network:
    """A multilayer perceptron with four inputs."""
    return Network(named("mlp", (4,), 3, width=8, depth=1), seed=1)


def half(network: Network) -> torch.Tensor:
    """Prune the first half of the hidden weights and return the mask."""
    layer = network.layer("fc1")
    mask = torch.arange(layer.weight.numel()).reshape(layer.weight.shape) >= layer.weight.numel() // 2
    layer.prune(mask)
    return mask


def test_outputs_are_those_of_torch_layers() -> None:
    net = Sketch()
    net.put("c", "conv", channels=4, kernel=(3, 3), stride=2, padding=1, groups=2)
    net.put("n", "batch_norm", eps=1e-3)
    net.put("r", "leaky_relu", slope=0.2)
    net.put("p", "max_pool", kernel=(2, 2), stride=1, padding=1)
    net.put("m", "mean_pool", kernel=(2, 2))
    net.put("s", "add", "m", "m")
    net.put("j", "concat", "s", "m")
    net.put("f", "flatten")
    net.put("l", "linear", features=3)
    ours = Network(Architecture((2, 9, 9), tuple(net.nodes)), seed=0)
    c, n, last = nn.Conv2d(2, 4, 3, 2, 1, groups=2), nn.BatchNorm2d(4, eps=1e-3), nn.Linear(72, 3)
    weights = ours.arrays()
    rng = np.random.default_rng(0)
    weights["n.mean"], weights["n.variance"] = rng.normal(size=4), rng.uniform(0.5, 2, size=4)
    ours.load_arrays(weights)
    with torch.no_grad():
        for own, layer in (("c", c), ("n", n), ("l", last)):
            layer.weight.copy_(torch.as_tensor(weights[f"{own}.weight"]))
            assert layer.bias is not None
            layer.bias.copy_(torch.as_tensor(weights[f"{own}.bias"]))
        assert n.running_mean is not None
        assert n.running_var is not None
        n.running_mean.copy_(torch.as_tensor(weights["n.mean"]))
        n.running_var.copy_(torch.as_tensor(weights["n.variance"]))
        n.eval()
        x = torch.randn(5, 2, 9, 9, generator=torch.Generator().manual_seed(0))
        y = nn.functional.max_pool2d(nn.functional.leaky_relu(n(c(x)), 0.2), 2, 1, 1)
        m = nn.functional.avg_pool2d(y, 2)
        wanted = last(torch.cat([m + m, m], 1).flatten(1))
    np.testing.assert_allclose(predict(ours, x.numpy()), wanted.numpy(), atol=1e-5)


def test_a_pruned_weight_stays_at_zero_whatever_the_momentum() -> None:
    network = two_layers()
    x, y = torch.randn(32, 4), torch.randint(3, (32,))
    optimiser = torch.optim.SGD(network.parameters(), lr=0.5, momentum=0.9)
    for step in range(6):
        if step == 3:
            half(network)
        optimiser.zero_grad()
        nn.functional.cross_entropy(network(x), y).backward()
        optimiser.step()
    mask = network.layer("fc1").mask
    assert mask is not None
    assert 0 < mask.sum() < mask.numel()
    assert not np.any(network.arrays()["fc1.weight"][mask.numpy() == 0])
    assert np.all(network.arrays()["fc1.weight"][mask.numpy() == 1] != 0)


def test_a_mask_survives_copies_and_states() -> None:
    network = two_layers()
    half(network)
    x = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    wanted = predict(network, x)
    assert np.array_equal(predict(copy.deepcopy(network), x), wanted)
    other = Network(network.architecture, seed=9)
    other.load_state_dict(network.state_dict())
    assert np.array_equal(predict(other, x), wanted)
    assert other.layer("fc1").mask is not None
    other.load_state_dict(two_layers().state_dict())
    assert other.layer("fc1").mask is None


def test_pruning_twice_keeps_what_both_masks_keep() -> None:
    network = two_layers()
    mask = half(network)
    network.layer("fc1").prune(~mask | (torch.arange(4) == 0))
    kept = network.layer("fc1").effective.count_nonzero()
    assert kept == (mask & (torch.arange(4) == 0)).sum()
    with pytest.raises(InputError, match=r"mask of shape \(2,\)"):
        network.layer("fc1").prune(torch.ones(2))


def test_arrays_come_and_go() -> None:
    network, other = two_layers(), Network(named("mlp", (4,), 3, width=8, depth=1), seed=2)
    half(network)
    arrays = network.arrays()
    assert list(arrays) == list(network.architecture.parameters)
    other.load_arrays(arrays)
    x = np.ones((2, 4), np.float32)
    assert np.array_equal(predict(other, x), predict(network, x))
    arrays["fc1.bias"][0] = np.nan
    for bad in (
        {k: v for k, v in arrays.items() if k != "fc1.bias"},
        {**arrays, "fc9.bias": arrays["fc1.bias"]},
        {**arrays, "fc1.bias": np.zeros(3, np.float32)},
        arrays,
    ):
        with pytest.raises(InputError, match="E122"):
            other.load_arrays(bad)


def test_items_of_another_shape_are_refused() -> None:
    with pytest.raises(InputError, match=r"items of shape \(5,\)"):
        predict(two_layers(), np.zeros((1, 5), np.float32))
    with pytest.raises(InputError, match="no layer 'fc7'") as caught:
        two_layers().layer("fc7")
    assert "fc1, fc2" in caught.value.hint


def test_a_look_sees_every_node_and_may_replace_what_it_returns() -> None:
    network, seen = two_layers(), dict[str, torch.Size]()

    def look(name: str, y: torch.Tensor) -> torch.Tensor | None:
        seen[name] = y.shape
        return torch.zeros_like(y) if name == "fc1_relu" else None

    out = network.run(torch.ones(2, 4), look)
    assert list(seen) == ["fc1", "fc1_relu", "fc2"]
    torch.testing.assert_close(out, torch.zeros(2, 3))


def test_the_seed_makes_the_weights() -> None:
    first, again, other = (Network(named("mlp", (4,), 3), seed=s).arrays()["fc1.weight"] for s in (1, 1, 2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    wide = Network(Architecture((400,), (Node("l", "linear", ("input",), {"features": 300}),)), seed=0)
    assert wide.arrays()["l.weight"].std() == pytest.approx((2 / 400) ** 0.5, rel=0.02)


def test_a_layer_of_single_pixels_takes_every_second_one_before_it_multiplies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Torch's own gradient with that stride writes past its memory where few channels lie last."""
    layer = ConvLayer(6, 5, (1, 1), stride=(2, 3), padding=(0, 0), dilation=(1, 1), groups=1, bias=True)
    x = torch.linspace(-1, 1, 6 * 7 * 8).sin().reshape(1, 6, 7, 8)
    wanted = torch.nn.functional.conv2d(x, layer.weight, layer.bias, (2, 3))
    strides: list[object] = []
    convolve = torch.nn.functional.conv2d

    def seen(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor, stride: Any, *rest: Any) -> Any:
        strides.append(stride)
        return convolve(x, weight, bias, stride, *rest)

    monkeypatch.setattr(torch.nn.functional, "conv2d", seen)
    torch.testing.assert_close(layer(x), wanted)
    padded = ConvLayer(6, 5, (1, 1), stride=(2, 2), padding=(1, 1), dilation=(1, 1), groups=1, bias=False)
    assert padded(x).shape == (1, 5, 5, 5)
    assert strides == [(1, 1), (2, 2)]
