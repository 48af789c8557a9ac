"""Which networks are nested: those whose later groups no earlier output depends on, tried by changing weights."""

from __future__ import annotations

import re
from collections.abc import Mapping

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from sarto.models.dynamic.named import GROUPED, grouped
from sarto.models.dynamic.nesting import nesting
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.named import named
from sarto.models.network.operations import Value
from sarto.models.network.sketch import Sketch, headed
from sarto.models.network.tiny import macs

torch.set_num_threads(1)
SHAPES = {"cnn1d": (3, 16), "cnn2d": (2, 8, 8), "alexnet": (3, 16, 16)}


def sketch(*nodes: tuple[str, Mapping[str, Value]], shape: tuple[int, ...] = (2, 8, 8)) -> Architecture:
    """A chain of nodes that ends in the mean over places and a head of 3 outputs."""
    net = Sketch()
    for number, (op, attributes) in enumerate(nodes):
        net.put(f"n{number}", op, **attributes)
    return headed(net, shape, 3)


CONV: tuple[str, Mapping[str, Value]] = ("conv", {"channels": 8, "kernel": (3, 3)})
GROUPS: tuple[str, Mapping[str, Value]] = ("conv", {"channels": 8, "kernel": (3, 3), "groups": 4})


@pytest.mark.parametrize("name", GROUPED)
@pytest.mark.parametrize("width", [1, 3])
def test_a_cut_reads_prefixes_and_its_work_is_its_share(name: str, width: int) -> None:
    full = grouped(name, SHAPES[name], 5, groups=4, width=16)
    nested = nesting(full, 4)
    narrow, axes = nested.cut(width), nested.divided
    assert nested.cut(4) == full
    for parameter, shape in full.parameters.items():
        axis, wanted = axes[parameter], list(shape)
        if axis is not None:
            wanted[axis] = wanted[axis] * width // 4
        assert narrow.parameters[parameter] == tuple(wanted)
    assert macs(narrow) * 4 == macs(full) * width
    assert nesting(narrow, width).cut(width) == narrow


@pytest.mark.parametrize("name", GROUPED)
def test_the_outputs_of_a_cut_do_not_depend_on_later_groups(name: str) -> None:
    """The cut of arrays is the network whose later columns of the head are 0, to rounding."""
    full = grouped(name, SHAPES[name], 5, groups=4, width=16)
    nested, network = nesting(full, 4), Network(full, seed=1).eval()
    arrays = network.arrays()
    narrow = Network(nested.cut(2)).eval()
    narrow.load_arrays(
        {
            key: a if (axis := nested.divided[key]) is None else np.take(a, range(a.shape[axis] // 2), axis)
            for key, a in arrays.items()
        }
    )
    head = arrays["head.weight"].copy()
    head[:, head.shape[1] // 2 :] = 0
    network.load_arrays({**arrays, "head.weight": head})
    x = torch.randn(4, *SHAPES[name], generator=torch.Generator().manual_seed(0))
    torch.testing.assert_close(narrow(x), network(x))


@settings(max_examples=20, deadline=None)
@given(
    groups=st.sampled_from([1, 2, 4]),
    channels=st.lists(st.sampled_from([4, 8, 12]), min_size=1, max_size=3),
    dense=st.lists(st.sampled_from([1, 2, 4, 8]), min_size=3, max_size=3),
)
def test_it_is_nested_exactly_when_no_gradient_runs_from_the_first_features_to_later_rows(
    groups: int, channels: list[int], dense: list[int]
) -> None:
    net = Sketch()
    for number, wide in enumerate(channels):
        own = dense[number] if number else 1
        before = channels[number - 1] if number else 4
        net.put(
            f"c{number}", "conv", channels=wide, kernel=(1,), groups=np.gcd.reduce([own, wide, before]).item()
        )
    architecture = headed(net, (4, 3), 2)
    network = Network(architecture)
    feature: list[torch.Tensor] = []

    def look(name: str, value: torch.Tensor) -> None:
        if name == "mean":
            feature.append(value)

    network.run(torch.rand(1, 4, 3) + 0.1, look)
    feature[0][:, : channels[-1] // groups].sum().backward()  # pyright: ignore[reportUnknownMemberType]
    apart = all(
        not layer.weight.grad[len(layer.weight) // groups :].any()
        for name, layer in network.weighted()
        if name != "head" and layer.weight.grad is not None
    )
    try:
        nesting(architecture, groups)
        found = True
    except InputError:
        found = False
    assert found == apart


@pytest.mark.parametrize(
    ("architecture", "groups", "why"),
    [
        (sketch(CONV, CONV), 4, "node 'n1'.*its 1 groups are no multiple of 4"),
        (sketch(CONV, GROUPS), 8, "node 'n1'.*its 4 groups are no multiple of 8"),
        (sketch(CONV), 3, "node 'n0'.*8 channels cannot be cut into 3"),
        (sketch(("conv", {"channels": 8, "kernel": (3, 3), "groups": 2})), 2, "node 'n0'.*reads the input in parts"),
        (sketch(("batch_norm", {}), CONV), 4, "node 'n0'.*batch_norm on the input belongs to no group"),
        (sketch(CONV, ("clip", {"by_channel": False})), 4, "node 'n1'.*its bounds are of all groups"),
        (sketch(CONV, ("flatten", {}), ("linear", {"features": 8}), ("reshape", {"shape": (8, 1)})), 4, "node 'n2'.*"),
        (named("resnet8", (2, 8, 8), 3), 2, "node 'b1_1_conv1'"),
        (Architecture((4,), (Node("out", "linear", ("input",), {"features": 2}),)), 2, "on the input, which has no"),
        (Architecture((4, 4), (Node("c", "conv", ("input",), {"channels": 4, "kernel": 1}),)), 2, "it is conv"),
    ],
)  # fmt: skip
def test_what_is_not_nested_is_refused_with_the_node_and_why(
    architecture: Architecture, groups: int, why: str
) -> None:
    with pytest.raises(InputError) as caught:
        nesting(architecture, groups)
    assert caught.value.code == "E121"
    assert caught.value.cause
    assert re.search(why, f"{caught.value.message} {caught.value.cause}")


def test_depthwise_residual_and_dense_beginnings_are_nested() -> None:
    net = Sketch()
    start = net.convolve("a", 8, (3,))
    net.convolve("depth", 8, (3,), groups=8)
    long = net.convolve("point", 8, (1,), groups=4)
    net.put("sum", "add", long, start)
    net.put("flat", "flatten")
    net.put("shape", "reshape", shape=(40, 2))
    narrow = nesting(headed(net, (2, 10), 3), 4).cut(1)
    assert narrow.by_name["depth"].attributes["groups"] == 2
    assert narrow.shapes["shape"] == (10, 2)
    assert nesting(named("mlp", (6,), 3, width=8, depth=1), 8).cut(3).parameters["fc1.weight"] == (3, 6)


def test_names_settings_and_widths_are_checked() -> None:
    for make, hint in (
        (lambda: grouped("alexnett", (3, 8, 8), 2), "did you mean alexnet"),
        (lambda: grouped("cnn1d", (3, 8, 8), 2), ""),
        (lambda: grouped("cnn1d", (3, 8), 2, groups=0), ""),
        (lambda: grouped("cnn1d", (3, 8), 2, depths=2), ""),
        (lambda: grouped("cnn1d", (3, 8), 2, groups=3, width=8), ""),
        (lambda: nesting(grouped("cnn1d", (3, 8), 2), 4).cut(5), "take 1 to 4"),
        (lambda: nesting(grouped("cnn1d", (3, 8), 2), 0), ""),
    ):
        with pytest.raises(InputError) as caught:
            make()
        assert caught.value.code == "E121"
        assert hint in (caught.value.hint or "")


def test_the_alexnet_has_313_kb() -> None:
    full = grouped("alexnet", (3, 32, 32), 10)
    assert (full.size * 4, macs(full)) == (312_616, 3_000_832)
