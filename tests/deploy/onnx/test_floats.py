"""Networks of floats as ONNX files: ONNX Runtime says what the network says, and Sarto reads them back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from sarto.deploy.onnx.floats import float_model
from sarto.measure.session import Session
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import predict
from sarto.models.network.operations import OPERATIONS
from sarto.models.read.onnx import read_onnx
from tests.deploy.random_networks import architecture, items, shaken


def node(name: str, op: str, *inputs: str, **attributes: int | float | tuple[int, ...]) -> Node:
    return Node(name, op, inputs, attributes)


EVERY = (
    node("c", "conv", "input", channels=4, kernel=(3, 2), stride=(2, 1), padding=(1, 0), groups=2),
    node("n", "batch_norm", "c", eps=0.1),
    *(
        node(f"a_{op}", op, before)
        for op, before in (
            ("relu", "n"),
            ("relu6", "n"),
            ("sigmoid", "n"),
            ("tanh", "n"),
            ("gelu", "n"),
            ("silu", "n"),
            ("hard_swish", "n"),
        )
    ),
    node("a_leaky", "leaky_relu", "n", slope=0.3),
    node("a_clip", "clip", "a_gelu"),
    node("b_clip", "clip", "a_silu", by_channel=False),
    node("s", "add", "a_relu", "a_relu6", "a_sigmoid", "a_clip", "b_clip"),
    node("j", "concat", "s", "a_tanh", "a_gelu", "a_silu", "a_hard_swish", "a_leaky"),
    node("p", "mean_pool", "j", kernel=(2, 2), padding=1),
    node("q", "max_pool", "p", kernel=(2, 2), stride=1, padding=1),
    node("g", "global_mean_pool", "q"),
    node("v", "reshape", "g", shape=(12, 2)),
    node("w", "flatten", "v"),
    node("k", "take", "w", runs=(3, 8, 13)),
    node("l", "linear", "k", features=3),
)


def test_every_operation_is_what_torch_computes() -> None:
    torch.set_num_threads(1)
    arch = Architecture((2, 7, 6), EVERY)
    refused = {"mam_linear", "mam_conv", "tree"}
    assert {n.op for n in EVERY} == set(OPERATIONS) - refused
    net, x = shaken(arch, 0), np.random.default_rng(0).normal(size=(20, 2, 7, 6)).astype(np.float32) * 3
    bounds = {k: np.abs(v) + np.float32(0.1) for k, v in net.arrays().items() if k.endswith(".high")}
    net.load_arrays({**net.arrays(), **bounds})
    data = float_model(arch, net.arrays(), ("x", "y", "z"))
    np.testing.assert_allclose(Session(data).scores(x), predict(net, x), atol=2e-5)
    assert data == float_model(arch, net.arrays(), ("x", "y", "z"))


@pytest.mark.parametrize("seed", range(6))
def test_a_random_network_comes_back(seed: int, tmp_path: Path) -> None:
    """Reading checks that what was read says the same as the file in ONNX Runtime."""
    torch.set_num_threads(1)
    net = shaken(architecture(seed), seed)
    data = float_model(net.architecture, net.arrays())
    x = items(net.architecture, seed).x
    np.testing.assert_allclose(Session(data).scores(x), predict(net, x), rtol=1e-4, atol=1e-4)
    (tmp_path / "net.onnx").write_bytes(data)
    back = read_onnx(tmp_path / "net.onnx")
    assert [n.op for n in back.architecture.nodes] == [n.op for n in net.architecture.nodes]
    assert [n.name for n in back.architecture.nodes] == [n.name for n in net.architecture.nodes]
    assert onnx.load_from_string(data).opset_import[0].version == 13


def test_layers_that_onnx_does_not_have_are_named() -> None:
    arch = Architecture(
        (4,), (node("a", "linear", "input", features=4), node("m", "mam_linear", "a", features=2))
    )
    with pytest.raises(InputError, match=r"'m' is mam_linear, which has no counterpart in ONNX") as error:
        float_model(arch, shaken(arch, 0).arrays())
    assert error.value.code == "E134" and "it follows 'a'" in str(error.value)
