"""Networks out of a Python function: layers, functions and methods of torch, states, and refusals by name."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional

from sarto.models.input_error import InputError
from sarto.models.network.module import Network
from sarto.models.read.factory import read_factory
from sarto.models.read.module import read_module


class Block(nn.Module):
    """A residual block with everything that is written as a function or a method."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.depth = nn.Conv2d(4, 4, 3, padding=1, groups=4)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        """Return the outputs."""
        h = functional.relu(self.norm(self.first(x)))
        h = h + functional.leaky_relu(self.depth(h), 0.2)
        h = functional.max_pool2d(h, 2)
        h = torch.cat([h, functional.avg_pool2d(h, 3, 1, 1)], dim=1)
        h = functional.dropout(functional.silu(h), 0.5, self.training)
        h = h.mean(dim=(2, 3))
        return self.head(h.view(h.size(0), -1))


def test_functions_and_methods_are_read_as_layers_are() -> None:
    torch.manual_seed(0)
    found = read_module(Block(), (3, 8, 8))
    assert [n.op for n in found.architecture.nodes] == [
        "conv", "batch_norm", "relu", "conv", "leaky_relu", "add", "max_pool", "mean_pool", "concat", "silu",
        "global_mean_pool", "linear",
    ]  # fmt: skip
    assert {"first.weight", "norm.mean", "depth.bias", "head.weight"} <= set(found.arrays)


@pytest.mark.parametrize(
    ("layers", "shape", "ops"),
    [
        ([nn.Conv1d(2, 4, 3, 2, 1, 1, 2), nn.BatchNorm1d(4, affine=False), nn.ReLU6(), nn.AdaptiveAvgPool1d(1),
          nn.Flatten(), nn.Linear(4, 3)], (2, 9), ["conv", "batch_norm", "relu6", "global_mean_pool", "linear"]),
        ([nn.Flatten(), nn.Linear(18, 6), nn.GELU(), nn.Dropout(), nn.Unflatten(1, (2, 3)), nn.MaxPool1d(3)], (2, 9),
         ["flatten", "linear", "gelu", "reshape", "max_pool"]),
        ([nn.AvgPool2d(2, 1), nn.Hardswish(), nn.LeakyReLU(0.3)], (2, 4, 4), ["mean_pool", "hard_swish", "leaky_relu"]),
    ],
)  # fmt: skip
def test_layers(layers: list[nn.Module], shape: tuple[int, ...], ops: list[str]) -> None:
    torch.manual_seed(0)
    found = read_module(nn.Sequential(*layers), shape)
    assert [n.op for n in found.architecture.nodes] == ops


@pytest.mark.parametrize(
    ("layer", "shape", "message"),
    [
        (nn.LSTM(3, 4), (5, 3), "layer '0'"),
        (
            nn.AvgPool2d(2, padding=1, count_include_pad=False),
            (2, 4, 4),
            "leaves padding out",
        ),
        (nn.AdaptiveAvgPool2d(2), (2, 4, 4), "more than one place"),
        (nn.Conv2d(2, 2, 3, padding="same"), (2, 4, 4), "given in numbers"),
        (nn.Linear(3, 2), (4,), "does not run on items of shape"),
        (nn.GELU(approximate="tanh"), (4,), "GELU with these settings"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(
    layer: nn.Module, shape: tuple[int, ...], message: str
) -> None:
    with pytest.raises(InputError, match=r"E130") as caught:
        read_module(nn.Sequential(layer), shape)
    assert message in f"{caught.value.message} {caught.value.cause}"


PROGRAM = """
from torch import nn
def make():
    return nn.Sequential(nn.Linear(4, 3))
def number():
    return 3
def sized(inputs):
    return nn.Linear(inputs, 3)
"""


def test_the_state_comes_from_safetensors(tmp_path: Path) -> None:
    file, state = tmp_path / "net.py", tmp_path / "net.safetensors"
    file.write_text(PROGRAM)
    save_file({"0.weight": torch.full((3, 4), 2.0), "0.bias": torch.ones(3)}, state)
    found = read_factory(f"{file}:make", state, (4,))
    assert (found.arrays["linear_0.weight"] == 2).all()
    save_file({"0.weight": torch.full((3, 4), 2.0)}, state)
    with pytest.raises(InputError, match="is not the state of the module"):
        read_factory(f"{file}:make", state, (4,))
    torch.save({}, tmp_path / "net.pt")
    with pytest.raises(InputError, match="no safetensors file") as caught:
        read_factory(f"{file}:make", tmp_path / "net.pt", (4,))
    assert "pickle" in caught.value.hint


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("net.py:other", "no function 'other'"),
        ("no.py:make", "no file no.py"),
        ("net.py:number", "returns int"),
        ("net.py:sized", "'sized' of net.py does not run"),
        ("broken.py:make", "broken.py does not run"),
        ("ends.py:make", "ends.py does not run"),
        ("ends_later.py:make", "'make' of ends_later.py does not run"),
    ],
)
def test_a_function_that_is_not_there(tmp_path: Path, place: str, message: str) -> None:
    (tmp_path / "net.py").write_text(PROGRAM)
    (tmp_path / "broken.py").write_text("import nothing_of_that_name")
    (tmp_path / "ends.py").write_text("raise SystemExit(0)")
    (tmp_path / "ends_later.py").write_text("def make():\n    raise SystemExit(0)")
    with pytest.raises(InputError, match=message):
        read_factory(f"{tmp_path}/{place}", None, (4,))


NESTED = """
from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.dynamic.named import grouped
import numpy as np

def net():
    return DynamicNetwork(grouped("cnn1d", (2, 16), 3, groups=2, width=4, depth=1), 2, seed=5)

def own_heads():
    made = net()
    made.take_heads([(np.ones((3, 2 * k)), np.ones(3)) for k in (1, 2)])
    return made
"""


def test_a_nested_network_is_taken_at_full_width(tmp_path: Path) -> None:
    file = tmp_path / "nested.py"
    file.write_text(NESTED, encoding="utf-8")
    found = read_factory(f"{file}:net", None, (2, 16))
    wanted = Network(found.architecture, seed=5)
    assert [n.op for n in found.architecture.nodes][-1] == "linear"
    for name, value in wanted.arrays().items():
        assert (found.arrays[name] == value).all(), name
    with pytest.raises(InputError, match="own_heads has a head for each width"):
        read_factory(f"{file}:own_heads", None, (2, 16))
