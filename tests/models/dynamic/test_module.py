"""One copy of all weights, widths that switch by a number, and answers that grow to the bit."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sarto.models.dynamic.anytime import extended, started
from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.dynamic.named import grouped
from sarto.models.dynamic.nesting import nesting
from sarto.models.dynamic.prefix import prefix
from sarto.models.input_error import InputError
from sarto.models.network.module import Network

torch.set_num_threads(1)
NAMES = {"cnn1d": (3, 16), "cnn2d": (2, 8, 8), "alexnet": (3, 16, 16)}


def made(name: str = "cnn2d", own: bool = False, seed: int = 0) -> DynamicNetwork:
    """A network with running statistics that are not those of the beginning, and own heads if asked for."""
    network = DynamicNetwork(grouped(name, NAMES[name], 5, groups=4, width=16), 4, seed)
    network.train()(items(name, 20))
    if own:
        rng, size = np.random.default_rng(seed), network.nested.features
        network.take_heads([(rng.normal(size=(5, k * size)), rng.normal(size=5)) for k in (1, 2, 3, 4)])
    return network.eval()


def items(name: str, count: int = 6) -> Tensor:
    return torch.randn(count, *NAMES[name], generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("own", [False, True])
@pytest.mark.parametrize("name", NAMES)
def test_an_extended_answer_is_to_the_bit_that_of_a_fresh_run(name: str, own: bool) -> None:
    network, x = made(name, own), items(name)
    known = started(network, x)
    for width in (1, 2, 3, 4):
        if width > 1:
            known = extended(network, known)
        network.width = width
        assert torch.equal(known.outputs, network(x))
        assert torch.equal(network.every_width(x)[-1], network(x))
        torch.testing.assert_close(network.network(width)(x), network(x), rtol=1e-4, atol=1e-5)
    with pytest.raises(InputError, match="5 groups"):
        extended(network, known)


def test_outputs_are_the_bias_and_what_each_group_adds() -> None:
    network, x = made(), items("cnn2d")
    arrays, n = network.arrays(), network.nested.features
    f = [v.detach().numpy() for v in network.features(x, 4)]
    z = arrays["head.bias"] + sum(f[g] @ arrays["head.weight"][:, g * n : (g + 1) * n].T for g in range(3))
    np.testing.assert_allclose(network.every_width(x)[2].detach().numpy(), z, rtol=1e-4, atol=1e-5)


def test_extending_runs_the_new_group_alone() -> None:
    network, x = made(), items("cnn2d")
    ran: list[int] = []

    def watch(group: int) -> None:
        def seen(_module: nn.Module, _given: object, _found: object) -> None:
            ran.append(group)

        network.columns[group].register_forward_hook(seen)

    for group in range(4):
        watch(group)
    known = started(network, x)
    extended(network, extended(network, known))
    assert ran == [0, 1, 2]
    network.width = 1
    network(x)
    assert ran == [0, 1, 2, 0]


@pytest.mark.parametrize("own", [False, True])
def test_all_widths_share_the_memory_of_the_whole_and_are_first_in_it(own: bool) -> None:
    network = made(own=own)
    whole = dict(network.whole.named_parameters()) | dict(network.whole.named_buffers())
    for width in (1, 2, 4):
        narrow = network.network(width)
        for name, value in (*narrow.named_parameters(), *narrow.named_buffers()):
            if own and width < 4 and ".head." in name:
                continue
            assert value.data_ptr() == whole[name].data_ptr(), name
            memory = value.t() if name == "layers.head.weight" and not own else value
            assert memory.is_contiguous(), name
    before = network.network(1)(items("cnn2d"))
    with torch.no_grad():
        network.columns[0].get_parameter("layers.conv1.weight").mul_(2)
        assert not torch.equal(network.network(1)(items("cnn2d")), before)
    assert np.array_equal(
        network.arrays()["conv1.weight"][:4],
        network.columns[0].get_parameter("layers.conv1.weight").detach().numpy(),
    )


@pytest.mark.parametrize("own", [False, True])
def test_a_copy_and_a_conversion_keep_one_copy_of_all(own: bool) -> None:
    network, x = made(own=own), items("cnn2d")
    network.width = 3
    twin = copy.deepcopy(network)
    assert torch.equal(twin(x), network(x))
    assert twin.description() == network.description()
    with torch.no_grad():
        network.whole.layer("conv1").weight.zero_()
    assert not torch.equal(twin(x), network(x))
    twin.double()
    for group in range(4):
        column, whole = twin.columns[group], twin.whole.layer("conv2").weight
        own_weight = column.get_parameter("layers.conv2.weight")
        assert own_weight.dtype == torch.float64
        assert own_weight.data_ptr() == whole[4 * group :].data_ptr()


def test_weights_begin_as_those_of_the_ordinary_network_and_load_again() -> None:
    network = DynamicNetwork(grouped("cnn2d", (2, 8, 8), 5, groups=4, width=16), 4, seed=7)
    plain = Network(network.nested.architecture, seed=7)
    assert all(np.array_equal(a, plain.arrays()[name]) for name, a in network.arrays().items())
    other = made(own=True, seed=1)
    other.load_arrays(network.arrays())
    assert not other.has_own_heads
    x = items("cnn2d")
    assert torch.equal(other(x), network.eval()(x))
    with pytest.raises(InputError, match="width of 0"):
        network.width = 0
    with pytest.raises(InputError, match="3 heads"):
        network.take_heads([(np.zeros((5, 4 * k)), np.zeros(5)) for k in (1, 2, 3)])
    with pytest.raises(InputError, match="a head of"):
        network.take_heads([(np.zeros((5, 4)), np.zeros(5)) for _ in range(4)])


def test_a_prefix_takes_masks_along_and_refuses_forms() -> None:
    full = Network(grouped("cnn1d", (3, 16), 5, groups=4, width=16), seed=0).eval()
    nested = nesting(full.architecture, 4)
    mask = torch.rand(full.layer("conv2").weight.shape, generator=torch.Generator().manual_seed(0)) > 0.5
    full.layer("conv2").prune(mask)
    narrow = prefix(full, nested, 2)
    assert np.array_equal(narrow.arrays()["conv2.weight"], full.arrays()["conv2.weight"][:8])
    assert (narrow.arrays()["conv2.weight"] == 0).any()
    with pytest.raises(InputError, match="another network"):
        prefix(narrow, nested, 1)
    full.layer("conv1").form = nn.Identity()
    with pytest.raises(InputError, match="forms"):
        prefix(full, nested, 1)
