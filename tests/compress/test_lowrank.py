"""Low rank: exact where the rank is there, the best where it is not, and never larger."""

# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false

import pytest
import torch

from sarto.compress.lowrank import low_rank, svd_factors, tucker2
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture
from sarto.models.network.module import Network
from sarto.models.network.named import named
from sarto.models.network.sketch import Sketch
from tests.compress.prune.networks import items


def convolutional() -> Network:
    """A strided convolution with bias, a pointwise one, and a linear layer; the first has ranks 3 and 2."""
    net = Sketch()
    net.put("c", "conv", channels=12, kernel=(3, 3), stride=2, padding=1)
    net.put("bend", "relu")
    net.put("point", "conv", channels=10, kernel=(1, 1), stride=1)
    net.put("mean", "global_mean_pool")
    net.put("head", "linear", features=8)
    network = Network(Architecture((8, 7, 7), tuple(net.nodes)), seed=0).double()
    generator = torch.Generator().manual_seed(0)

    def draw(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    with torch.no_grad():
        kernel = torch.einsum("os,srk,ir->oik", draw(12, 3), draw(3, 2, 9), draw(8, 2))
        network.layer("c").weight.copy_(kernel.reshape(12, 8, 3, 3))
        network.layer("c").bias.copy_(draw(12))  # pyright: ignore[reportOptionalMemberAccess]
        network.layer("point").weight.copy_((draw(10, 2) @ draw(2, 12))[..., None, None])
        network.layer("head").weight.copy_(draw(8, 3) @ draw(3, 10))
    return network


def test_layers_of_low_rank_are_factored_without_loss() -> None:
    network = convolutional()
    smaller, x = low_rank(network, energy=1.0), items(network, 3, 0)
    shapes = {name: tuple(layer.weight.shape) for name, layer in smaller.weighted()}
    assert shapes == {
        "c_in": (2, 8, 1, 1), "c_core": (3, 2, 3, 3), "c": (12, 3, 1, 1),
        "point_in": (2, 12, 1, 1), "point": (10, 2, 1, 1), "head_in": (3, 10), "head": (8, 3),
    }  # fmt: skip
    torch.testing.assert_close(smaller(x), network(x))
    assert smaller.layer("c_in").bias is None and smaller.layer("c").bias is not None


def test_the_error_is_that_of_the_singular_values_left_out() -> None:
    weight = torch.randn(9, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    b, a = svd_factors(weight, 4)
    left = torch.linalg.svdvals(weight)[4:].square().sum()
    torch.testing.assert_close((weight - b @ a).square().sum(), left)


def test_turns_improve_on_the_first_guess_and_bases_are_orthonormal() -> None:
    weight = torch.randn(8, 6, 3, 3, generator=torch.Generator().manual_seed(2), dtype=torch.float64)

    def error(u: torch.Tensor, core: torch.Tensor, v: torch.Tensor) -> float:
        return float((weight - torch.einsum("os,srab,ir->oiab", u, core, v)).square().sum())

    u, core, v = tucker2(weight, 3, 2)
    first_u = torch.linalg.svd(weight.flatten(1))[0][:, :3]
    first_v = torch.linalg.svd(weight.transpose(0, 1).flatten(1))[0][:, :2]
    first = torch.einsum("oiab,os,ir->srab", weight, first_u, first_v)
    assert error(u, core, v) < 0.999 * error(first_u, first, first_v)
    torch.testing.assert_close(u.T @ u, torch.eye(3, dtype=torch.float64))


def test_a_share_of_the_parameters_is_kept_to() -> None:
    network = Network(named("cnn2d", (1, 8, 8), 3, width=16), seed=0)
    smaller = low_rank(network, share=0.4, layers=("conv2", "conv3"))
    for name in ("conv2", "conv3"):
        size = sum(smaller.layer(name + part).weight.numel() for part in ("", "_in", "_core"))
        assert 0.25 < size / network.layer(name).weight.numel() <= 0.4
    assert torch.equal(smaller.layer("conv1").weight, network.layer("conv1").weight)


def test_what_does_not_get_smaller_is_left_and_masks_count() -> None:
    network = Network(named("mlp", (4,), 2, width=20), seed=0)
    mask = torch.zeros(20, 20)
    mask[:, 7] = 1
    network.layer("fc2").prune(mask)
    smaller = low_rank(network, energy=0.999)
    assert [name for name, _ in smaller.weighted()] == ["fc1", "fc2_in", "fc2", "fc3"]
    assert smaller.layer("fc2_in").weight.shape == (1, 20)
    x = torch.randn(5, 4)
    torch.testing.assert_close(smaller(x), network(x))


def test_what_cannot_be_done_is_told() -> None:
    network = Network(named("separable", (1, 8, 8), 3, width=4), seed=0)
    for wrong in ({}, {"energy": 0.5, "share": 0.5}, {"energy": 1.5}):
        with pytest.raises(InputError, match="cannot be used"):
            low_rank(network, **wrong)  # pyright: ignore[reportArgumentType]
    with pytest.raises(InputError, match="layer 'depth2', a convolution in groups") as caught:
        low_rank(network, energy=0.5, layers=("depth2",))
    assert caught.value.code == "E125"
    with pytest.raises(InputError, match="layer 'head' of 48 weights cannot be cut") as caught:
        low_rank(network, share=0.1, layers=("head",))
    assert caught.value.code == "E124"
    with pytest.raises(InputError, match="layer 'head' of 48 weights would have 57 at the energy 1"):
        low_rank(network, energy=1.0, layers=("head",))
    with pytest.raises(InputError, match="no layer gets smaller"):
        low_rank(network, energy=1.0)
    with pytest.raises(InputError, match="has no layer 'nobody'"):
        low_rank(network, share=0.1, layers=("nobody",))
