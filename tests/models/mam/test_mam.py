"""MAM layers find the exact winners, pass gradients through them, and run pruned and sparse with the same outputs."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

import copy
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from sarto.models.input_error import InputError
from sarto.models.mam import kernel, search
from sarto.models.mam.layers import MamConvLayer, MamLinearLayer
from sarto.models.mam.search import max_min, winners
from sarto.models.mam.sparse import SparseMam
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network, predict

torch.set_num_threads(1)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    """Normal numbers."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def slow(x: Tensor, w: Tensor, splits: int) -> Tensor:
    """The map by its definition, from all products."""
    v = (x[:, None] * w).unflatten(2, (splits, -1))
    return (v.amax(3) + v.amin(3)).sum(2)


def without_compiler(patch: pytest.MonkeyPatch) -> None:
    """Let the search be torch's."""

    def none(_x: Tensor, _weight: Tensor) -> None:
        return None

    patch.setattr(kernel, "of", none)


@pytest.mark.parametrize("splits", [1, 3])
@pytest.mark.parametrize("tile", [0, 1, 40, search.TILE])
def test_values_winners_and_gradients_are_those_of_all_products(
    splits: int, tile: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    if tile:
        monkeypatch.setattr(search, "TILE", tile)
        without_compiler(monkeypatch)
    x, w = drawn(5, 12).relu(), drawn(7, 12, seed=1)
    v = (x[:, None] * w).unflatten(2, (splits, -1))
    first = torch.arange(splits)[:, None, None] * (12 // splits)
    largest, smallest = winners(x, w, splits)
    assert torch.equal(largest, v.argmax(3).permute(2, 0, 1) + first)
    assert torch.equal(smallest, v.argmin(3).permute(2, 0, 1) + first)
    assert torch.equal(max_min(x, w, splits), slow(x, w, splits))
    # the gradient, by hand: a winner's other factor
    a, b = (t.double().requires_grad_() for t in (drawn(5, 12, seed=2), drawn(7, 12, seed=3)))
    g = drawn(5, 7, seed=4).double()
    got = torch.autograd.grad(max_min(a, b, splits), (a, b), g)
    wanted = torch.autograd.grad(slow(a, b, splits), (a, b), g)
    for mine, theirs in zip(got, wanted, strict=True):
        torch.testing.assert_close(mine, theirs)


@pytest.mark.parametrize("sizes", [(5, 12, 7), (40, 12, 70), (70, 12, 7), (3, 24, 64), (1, 6, 1)])
@pytest.mark.parametrize("splits", [1, 3])
def test_the_kernel_in_c_finds_what_torch_finds_in_every_bit(
    sizes: tuple[int, int, int], splits: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, inputs, neurons = sizes
    x = drawn(rows, inputs).relu().mul(2).round()  # whole numbers: many products are equal
    w, g = drawn(neurons, inputs, seed=1).mul(2).round(), drawn(rows, neurons, seed=2)
    both = (x.requires_grad_(), w.requires_grad_())

    def found() -> tuple[Tensor, ...]:
        y = max_min(*both, splits)
        return (y, *winners(*both, splits), *torch.autograd.grad(y, both, g))

    assert kernel.library() is not None and kernel.of(*both) is not None, "the tests need a C compiler"
    in_c = found()
    without_compiler(monkeypatch)
    for mine, other in zip(in_c, found(), strict=True):
        assert torch.equal(mine, other)


def test_a_compiler_that_fails_leaves_the_search_to_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kernel, "FLAGS", ("--no-such-flag",))
    kernel.library.cache_clear()
    try:
        x, w = drawn(3, 4), drawn(2, 4, seed=1)
        assert kernel.of(x, w) is None
        assert torch.equal(max_min(x, w), slow(x, w, 1))
    finally:
        kernel.library.cache_clear()


def test_the_gradient_agrees_with_differences() -> None:
    x, w = (t.double().requires_grad_() for t in (drawn(3, 8), drawn(2, 8, seed=1)))

    def two_splits(a: Tensor, b: Tensor) -> Tensor:
        return max_min(a, b, 2)

    assert torch.autograd.gradcheck(two_splits, (x, w))


def test_of_equal_products_the_first_wins() -> None:
    largest, smallest = winners(torch.ones(1, 4), torch.tensor([[0.0, 2.0, 2.0, 0.0]]))
    assert (largest.item(), smallest.item()) == (1, 0)


def test_what_is_not_a_number_is_not_lost() -> None:
    x = torch.tensor([[1.0, float("nan")], [float("inf"), 1.0]])
    y = max_min(x, torch.ones(1, 2).requires_grad_())
    assert y[0].isnan().all() and y[1].isinf().all()


def test_a_layer_goes_from_the_sum_to_the_winners() -> None:
    layer = MamLinearLayer(6, 4)
    x = drawn(3, 6)
    with torch.no_grad():
        layer.weight.copy_(drawn(4, 6, seed=1))
        assert layer.bias is not None
        layer.bias.copy_(drawn(4, seed=2))
        total, kept = x @ layer.weight.t(), slow(x, layer.weight, 1)
        for beta, gain in ((1.0, 4.0), (0.25, 4.0), (0.0, 1.0)):
            layer.beta.fill_(beta)
            layer.gain.fill_(gain)
            torch.testing.assert_close(
                layer(x), beta * total + (1 - beta) * gain * kept + layer.bias, rtol=1e-5, atol=1e-5
            )
        layer.gain.fill_(8.0)
        before = layer(x)
        layer.settle()
        assert torch.equal(layer(x), before) and layer.unsettled() is None


def network() -> Network:
    """A grouped, strided, dilated convolution in two splits and a linear layer."""
    conv = {"channels": 4, "kernel": (3, 2), "stride": (2, 1), "padding": (1, 0), "groups": 2, "splits": 2}
    nodes = (
        Node("c", "mam_conv", ("input",), {**conv, "dilation": (1, 2)}),
        Node("f", "flatten", ("c",)),
        Node("l", "mam_linear", ("f",), {"features": 3, "splits": 2}),
    )
    return Network(Architecture((2, 7, 6), nodes), seed=1)


def test_a_convolution_slides_the_linear_map() -> None:
    net = network()
    x, w = drawn(2, 2, 7, 6), torch.as_tensor(net.arrays()["c.weight"])
    padded = torch.nn.functional.pad(x, (0, 0, 1, 1))
    got = net.layers["c"](x)
    assert got.shape == (2, 4, 4, 4)
    for channel in range(4):
        for row in range(4):
            for column in range(4):
                of = padded[:, channel // 2, 2 * row : 2 * row + 3, [column, column + 2]].flatten(1)
                wanted = slow(of, w[channel].flatten()[None], 2)[:, 0]
                assert torch.equal(got[:, channel, row, column], wanted)


def test_a_convolution_over_steps_is_one_over_rows_of_one() -> None:
    long = MamConvLayer(2, 3, (3,), stride=(1,), padding=(1,), dilation=(1,), groups=1)
    tall = MamConvLayer(2, 3, (3, 1), stride=(1, 1), padding=(1, 0), dilation=(1, 1), groups=1)
    with torch.no_grad():
        tall.weight.copy_(long.weight.unsqueeze(3))
        x = drawn(2, 2, 5)
        assert torch.equal(long(x), tall(x.unsqueeze(3)).squeeze(3))


@pytest.mark.parametrize("splits", [1, 2])
def test_sparse_outputs_are_those_of_the_masked_layer_in_every_bit(splits: int) -> None:
    layer = MamLinearLayer(8, 6, splits=splits)
    mask = torch.rand(6, 8, generator=torch.Generator().manual_seed(0)) < 0.3
    mask[0], mask[1] = False, True
    with torch.no_grad():
        layer.weight[2] = 0.5  # with inputs of one sign, its smallest product is the 0 of a pruned weight
    mask[2] = torch.arange(8) % 2 == 0
    layer.prune(mask)
    x = drawn(50, 8).abs()  # so that the 0 of a pruned weight is often largest or smallest
    assert layer.bias is not None
    weight, bias = layer.effective.detach().numpy(), layer.bias.detach().numpy()
    sparse = SparseMam.of(weight, bias, splits)
    assert len(sparse.weights) == int(mask.sum())
    wanted = layer(x).detach().numpy()
    np.testing.assert_array_equal(sparse(x.numpy()), wanted)
    without_zero = replace(sparse, pruned=np.zeros_like(sparse.pruned))
    assert np.any(without_zero(x.numpy()) != wanted)


def test_a_pruned_weight_gets_no_gradient_and_its_zero_wins() -> None:
    layer = MamLinearLayer(3, 1, bias=False)
    layer.prune(torch.tensor([[True, False, True]]))
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, 5.0, 2.0]]))
    y = layer(torch.ones(1, 3))
    y.sum().backward()
    assert y.item() == 2.0
    assert layer.weight.grad is not None
    assert layer.weight.grad.tolist() == [[0.0, 0.0, 1.0]]


def test_the_stage_goes_with_copies_but_not_with_files() -> None:
    net = network()
    layer = net.layers["l"]
    assert isinstance(layer, MamLinearLayer)
    layer.beta.fill_(0.5)
    assert copy.deepcopy(layer).beta == 0.5
    with pytest.raises(InputError, match=r"error\[E129\]: layer 'l' is not settled.*") as caught:
        net.arrays()
    assert "beta is 0.5" in str(caught.value)
    with pytest.raises(InputError, match=r"at beta = 0\.5 cannot be settled"):
        layer.settle()
    other = network()
    net.load_arrays(other.arrays())
    x = drawn(2, 2, 7, 6).numpy()
    np.testing.assert_array_equal(predict(net, x), predict(other, x))
    same = Network(Architecture.from_json(net.architecture.to_json()), seed=5)
    same.load_state_dict(net.state_dict())
    np.testing.assert_array_equal(predict(same, x), predict(net, x))


def test_splits_divide_the_inputs() -> None:
    with pytest.raises(InputError, match="node 'a' cannot be made") as caught:
        Architecture((5,), (Node("a", "mam_linear", ("input",), {"features": 2, "splits": 2}),))
    assert "5 inputs of a neuron cannot be cut into 2 equal splits" in str(caught.value)
