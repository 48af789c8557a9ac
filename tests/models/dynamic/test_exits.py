"""Answers after fewer layers: what an exit costs, that it changes nothing else, and that going on is to the bit."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

from typing import cast

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from sarto.models.dynamic.exits import EarlyExits, exit_at, work
from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.dynamic.named import grouped
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.sketch import Sketch, headed
from sarto.models.network.tiny import macs

torch.set_num_threads(1)
SHAPE = (2, 8, 8)


def made(nodes: tuple[str, ...] = ("conv1_relu", "pool2")) -> EarlyExits:
    network = DynamicNetwork(grouped("cnn2d", SHAPE, 5, groups=4, width=16), 4, seed=1)
    network.train()(items(20))
    return EarlyExits(network, nodes, seed=2).eval()


def items(count: int = 6) -> Tensor:
    return torch.randn(count, *SHAPE, generator=torch.Generator().manual_seed(3))


@pytest.mark.parametrize("width", [1, 3, 4])
def test_each_answer_is_to_the_bit_that_of_the_exit_alone(width: int) -> None:
    early, x = made(), items()
    early.width = width
    answers = early(x)
    assert len(answers) == 3
    for number, answer in enumerate(answers):
        assert torch.equal(answer, early.exit(number)(x))
        torch.testing.assert_close(early.exit(number).network(width)(x), answer, rtol=1e-4, atol=1e-5)
    assert torch.equal(answers[-1], early.network(x))


def test_an_exit_is_a_head_on_the_mean_over_places() -> None:
    early, x = made(), items()
    early.width = 2
    seen = early.network.network(2)
    found: dict[str, Tensor] = {}
    seen.run(x, lambda name, value: found.update({name: value}))
    weight, bias = early.exit(1).head.of_width(2)
    assert bias is not None
    wanted = functional.linear(found["pool2"].mean((2, 3)), weight, bias)
    torch.testing.assert_close(early(x)[1], wanted, rtol=1e-4, atol=1e-5)


def test_going_on_runs_only_the_layers_in_between() -> None:
    early, x = made(), items()
    ran: list[str] = []

    def watch(name: str, layer: nn.Module) -> None:
        def seen(_module: nn.Module, _given: object, _found: object) -> None:
            ran.append(name)

        layer.register_forward_hook(seen)

    for name, layer in cast(Network, early.network.columns[0]).layers.items():
        watch(name, layer)
    early.width = 1
    answers = early.answers(x)
    next(answers)
    assert ran == ["conv1", "conv1_norm"]
    next(answers)
    assert ran == ["conv1", "conv1_norm", "conv2", "conv2_norm"]
    assert len(list(answers)) == 1
    assert ran[-2:] == ["conv3", "conv3_norm"]
    assert len(ran) == 6


def test_exits_share_memory_and_keep_it_when_they_are_converted() -> None:
    early, x = made(), items()
    before = early(x)
    for kind in (torch.float64, torch.float32):
        early.to(kind)
        for number in (0, 1):
            for name, layer in early.exit(number).whole.layers.items():
                if not name.endswith("_exit"):
                    assert layer is early.network.whole.layers[name]
            column = early.exit(number).columns[2]
            own = column.get_parameter("layers.conv1.weight")
            assert own.data_ptr() == early.network.whole.layer("conv1").weight[8:].data_ptr()
    assert all(torch.equal(a, b) for a, b in zip(early(x), before, strict=True))
    with torch.no_grad():
        early.network.whole.layer("conv1").weight.mul_(2)
    assert not torch.equal(early.exit(0)(x), before[0])


def test_work_is_that_of_the_layers_and_groups_that_are_run() -> None:
    shares = work(made(), macs)
    full = macs(grouped("cnn2d", SHAPE, 5, groups=4, width=16))
    first = 16 * 2 * 9 * 64
    assert shares[4, 2] == 1
    assert shares[4, 0] == (first + 16 * 5) / full
    assert shares[1, 0] == (first // 4 + 4 * 5) / full
    assert all(
        shares[k, e] < shares[k + 1, e] and shares[k, e] < shares[k, e + 1] for k in (1, 2, 3) for e in (0, 1)
    )


def test_an_exit_leaves_out_what_it_does_not_read() -> None:
    net = Sketch()
    first = net.convolve("conv1", 8, (3,))
    net.convolve("conv2", 8, (3,), groups=4)
    net.put("sum", "add", net.last, first)
    early = EarlyExits(DynamicNetwork(headed(net, (2, 12), 3), 4), [first, "sum"]).eval()
    assert [n.name for n in early.exit(0).nested.architecture.nodes] == [
        "conv1",
        "conv1_norm",
        "conv1_relu",
        "conv1_relu_mean",
        "conv1_relu_exit",
    ]
    x = torch.randn(4, 2, 12, generator=torch.Generator().manual_seed(0))
    assert all(torch.equal(z, early.exit(e)(x)) for e, z in enumerate(early(x)))


def test_a_vector_needs_no_mean() -> None:
    nodes = (
        Node("dense", "linear", ("input",), {"features": 8}),
        Node("bent", "relu", ("dense",), {}),
        Node("more", "relu", ("bent",), {}),
        Node("head", "linear", ("more",), {"features": 3}),
    )
    early = EarlyExits(DynamicNetwork(Architecture((5,), nodes), 4), ["bent"]).eval()
    assert early.exit(0).nested.head.inputs == ("bent",)
    assert early(torch.ones(2, 5))[0].shape == (2, 3)


@pytest.mark.parametrize(
    ("nodes", "message"),
    [(("conv9",), "no exit at 'conv9'"), (("pool2", "conv1_relu"), "exits at"), (("head",), "'head'")],
)
def test_an_exit_that_cannot_be_is_refused(nodes: tuple[str, ...], message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        made(nodes)
    assert caught.value.code == "E121"


def test_other_groups_are_not_shared() -> None:
    early = made()
    other = DynamicNetwork(exit_at(early.network.nested, "pool2"), 2)
    with pytest.raises(InputError, match="4 groups"):
        other.share(early.network)
    assert np.isfinite(early(items())[0].detach().numpy()).all()
