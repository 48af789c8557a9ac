"""Channels that go together go together; torch-pruning finds the same groups."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false, reportUnknownParameterType=false, reportMissingParameterType=false

import numpy as np
import pytest
import torch
import torch_pruning
from torch import nn

from sarto.compress.groups import all_kept, cut, cut_architecture, ties
from sarto.compress.prune.channels import importance, shrink
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture
from sarto.models.network.module import Network
from sarto.models.network.named import NAMED, named
from sarto.models.network.sketch import Sketch
from tests.compress.prune.networks import drawn, items

SHAPES = {1: (6,), 2: (2, 12), 3: (1, 12, 12)}


class Residual(nn.Module):
    """The `residual` network of width 4 and depth 2 in plain torch layers."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.stem_norm = nn.Conv2d(1, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4)
        self.b1_1_conv1, self.b1_1_conv1_norm = nn.Conv2d(4, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4)
        self.b1_1_conv2, self.b1_1_conv2_norm = nn.Conv2d(4, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4)
        self.b2_1_conv1, self.b2_1_conv1_norm = nn.Conv2d(4, 8, 3, 2, 1, bias=False), nn.BatchNorm2d(8)
        self.b2_1_conv2, self.b2_1_conv2_norm = nn.Conv2d(8, 8, 3, 1, 1, bias=False), nn.BatchNorm2d(8)
        self.b2_1_skip, self.b2_1_skip_norm = nn.Conv2d(4, 8, 1, 2, bias=False), nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.stem_norm(self.stem(x)).relu()
        y = self.b1_1_conv1_norm(self.b1_1_conv1(x)).relu()
        x = (self.b1_1_conv2_norm(self.b1_1_conv2(y)) + x).relu()
        y = self.b2_1_conv1_norm(self.b2_1_conv1(x)).relu()
        y = self.b2_1_conv2_norm(self.b2_1_conv2(y))
        return self.head((y + self.b2_1_skip_norm(self.b2_1_skip(x))).relu().mean((2, 3)))


class Separable(nn.Module):
    """The `separable` network of width 4 and depth 2 on 12 x 12 images, flattened instead of averaged."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv1_norm = nn.Conv2d(1, 4, 3, 1, 1, bias=False), nn.BatchNorm2d(4)
        self.depth2, self.depth2_norm = nn.Conv2d(4, 4, 3, 1, 1, groups=4, bias=False), nn.BatchNorm2d(4)
        self.point2, self.point2_norm = nn.Conv2d(4, 8, 1, bias=False), nn.BatchNorm2d(8)
        self.head = nn.Linear(8 * 36, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = nn.functional.max_pool2d(self.conv1_norm(self.conv1(x)).relu(), 2)
        x = self.depth2_norm(self.depth2(x)).relu()
        return self.head(self.point2_norm(self.point2(x)).relu().flatten(1))


def flattened() -> Architecture:
    """The same network as an architecture."""
    net = Sketch()
    net.convolve("conv1", 4, (3, 3))
    net.put("pool", "max_pool", kernel=(2, 2))
    net.convolve("depth2", 4, (3, 3), groups=4)
    net.convolve("point2", 8, (1, 1))
    net.put("flat", "flatten")
    net.put("head", "linear", features=3)
    return Architecture((1, 12, 12), tuple(net.nodes))


PEERS = {
    "residual": (Residual, named("residual", (1, 12, 12), 3, width=4, depth=2)),
    "separable": (Separable, flattened()),
}


@pytest.mark.parametrize("name", PEERS)
def test_tied_layers_and_shapes_are_those_of_torch_pruning(name: str) -> None:
    make, architecture = PEERS[name]
    tied = ties(architecture)
    for node in architecture.weighted:
        if node.op != "conv":
            continue
        model = make()
        graph = torch_pruning.DependencyGraph().build_dependency(model, torch.zeros(1, 1, 12, 12))
        names = {module: key for key, module in model.named_modules()}
        group = graph.get_pruning_group(getattr(model, node.name), torch_pruning.prune_conv_out_channels, [1])
        theirs = {names[dep.target.module] for dep, _ in group if dep.target.module in names}
        members = tied.sets[tied.of[node.name, 1]]
        ours = {n for n, _ in members if n in names.values()}
        ours |= {r.name for n, _ in members for r in architecture.readers[n] if r.name in names.values()}
        assert ours == theirs
        group.prune()
        kept = all_kept(architecture)
        for other, place in members:
            kept[other][place] = False
        smaller = cut(Network(architecture), kept)
        for layer, own in smaller.weighted():
            assert own.weight.shape == getattr(model, layer).weight.shape, (node.name, layer)


@pytest.mark.parametrize("name", [name for name in NAMED if name not in ("lenet300", "lenet5")])
@pytest.mark.parametrize("norm", ["l1", "l2"])
def test_the_share_of_parameters_is_met_closely_and_the_network_runs(name: str, norm: str) -> None:
    network = Network(named(name, SHAPES[NAMED[name][1][-1]], 3, width=10), seed=0)
    smaller = shrink(network, 0.45, norm=norm)  # pyright: ignore[reportArgumentType]
    assert 0.3 * network.architecture.size < smaller.architecture.size <= 0.45 * network.architecture.size
    assert smaller(items(network, 2, 0).float()).shape == (2, 3)
    assert all(shape[0] >= 1 for shape in smaller.architecture.shapes.values())


def test_channels_of_zeros_go_first_and_the_outputs_stay() -> None:
    network = Network(named("residual", (1, 8, 8), 3, width=8, depth=2), seed=0).double().eval()
    with torch.no_grad():
        for name, gone in (("b1_1_conv1", [1, 3, 4]), ("b2_1_conv1", [0, 5, 6, 7, 9, 11])):
            network.layer(name).weight[gone] = 0
            network.layer(name.replace("conv1", "conv2")).weight[:, gone] = 0
    kept = all_kept(network.architecture)
    for name, gone in (("b1_1_conv1", [1, 3, 4]), ("b2_1_conv1", [0, 5, 6, 7, 9, 11])):
        for follower in ("", "_norm", "_relu"):
            kept[f"{name}{follower}"][gone] = False
    left = cut_architecture(network.architecture, kept).size
    smaller, x = shrink(network, left / network.architecture.size), items(network, 3, 0)
    shapes = smaller.architecture.shapes
    assert (shapes["b1_1_conv1"][0], shapes["b2_1_conv1"][0]) == (5, 10)
    torch.testing.assert_close(smaller(x), network(x))


def test_worth_by_hand() -> None:
    network = drawn("vector", 0, pruned=False)
    w, v = (network.layer(name).weight.detach().numpy() for name in ("a", "b"))
    tied = ties(network.architecture)
    for norm, power in (("l1", 1), ("l2", 2)):
        found = importance(network, tied, norm)  # pyright: ignore[reportArgumentType]
        raw = (np.abs(w) ** power).sum(1) + (np.abs(v) ** power).sum(0)
        given = [found[tied.of["a", unit]] for unit in range(3)]
        assert given == pytest.approx((raw / raw.mean()).tolist())


def test_scales_of_norms_judge_and_a_set_without_one_is_named() -> None:
    network = Network(named("cnn2d", (1, 8, 8), 3, width=6, depth=2), seed=0)
    with torch.no_grad():
        network.state_dict()["layers.conv1_norm.weight"].copy_(torch.tensor([1.0, 0.1, 1, -2, 0.01, 1]))
    smaller = shrink(network, 0.7, norm="scale")
    assert not {0.1, 0.01} & set(np.round(smaller.arrays()["conv1_norm.weight"], 4).tolist())
    with pytest.raises(InputError, match="channels cannot judge 'fc1'") as caught:
        shrink(Network(named("mlp", (6,), 3)), 0.5, norm="scale")
    assert caught.value.code == "E125"


def test_a_target_that_floors_forbid_is_an_error_that_names_the_layers() -> None:
    network = Network(named("cnn2d", (1, 8, 8), 3, width=8), seed=0)
    with pytest.raises(InputError, match="layers conv1, conv2, conv3 are at their floor") as caught:
        shrink(network, 0.1, floor=0.5)
    assert caught.value.code == "E124" and "lower floor" in str(caught.value)
    with pytest.raises(InputError, match="cannot be used"):
        shrink(network, 0.0)
