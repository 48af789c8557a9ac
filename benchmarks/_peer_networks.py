"""The same network in torch's own modules, for libraries that shrink those; what they make of it, and files of that.

`Plain` is a `Network` by architecture and weights, so that one training loop serves both sides; its layers are
`torch.nn.Conv2d`, `Linear` and `BatchNorm2d`, which torch-pruning and optimum-quanto know.

>>> from sarto.models.network.named import named
>>> net = Network(named("residual", (1, 8, 8), 3, width=4), seed=0).eval()
>>> x = torch.linspace(-1, 1, 128).reshape(2, 1, 8, 8)
>>> bool(torch.allclose(Plain(net).eval()(x), net(x), atol=1e-6))
True
"""

# Neither peer has types.
# pyright: basic

from __future__ import annotations

import copy
import importlib.util
import io
import lzma

import torch
from torch import nn

from sarto.models.network.module import Network
from sarto.models.network.operations import Attributes, ints, whole


class Plain(Network):
    """A network of torch's own modules, with the weights of another one."""

    def __init__(self, network: Network) -> None:
        super().__init__(network.architecture)
        for node in network.architecture.weighted:
            given, a = network.layer(node.name), node.attributes
            bias = given.bias is not None
            if node.op == "linear":
                made = nn.Linear(given.weight.shape[1], given.weight.shape[0], bias=bias)
            else:
                groups = whole(a, "groups")
                kernel, stride, padding, dilation = (
                    _pair(a, name) for name in ("kernel", "stride", "padding", "dilation")
                )
                inputs = given.weight.shape[1] * groups
                made = nn.Conv2d(inputs, len(given.weight), kernel, stride, padding, dilation, groups, bias)
            with torch.no_grad():
                made.weight.copy_(given.effective)
                if given.bias is not None and made.bias is not None:
                    made.bias.copy_(given.bias)
            self.layers[node.name] = made
        for name, layer in network.layers.items():
            if isinstance(layer, nn.BatchNorm2d):
                self.layers[name] = copy.deepcopy(layer)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return the output of a batch, channels first: see `ConvLayer.forward` for what torch makes of the other."""
        return self.run(x.clone(memory_format=torch.contiguous_format))


def _pair(attributes: Attributes, name: str) -> tuple[int, int]:
    row, column = ints(attributes, name)
    return row, column


def missing() -> list[str]:
    """Return the peers that are not installed."""
    peers = {"torch_pruning": "torch-pruning", "optimum.quanto": "optimum-quanto"}
    return [shown for module, shown in peers.items() if not _is_there(module)]


def _is_there(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def without_channels(network: Plain, ratio: float) -> Plain:
    """Return the network without a share `ratio` of the channels of each layer, by torch-pruning (DepGraph, L2)."""
    import torch_pruning

    small = copy.deepcopy(network).eval()
    example = torch.zeros(1, *network.architecture.input_shape)
    torch_pruning.pruner.BasePruner(
        small,
        example,
        importance=torch_pruning.importance.GroupMagnitudeImportance(p=2),
        pruning_ratio=ratio,
        ignored_layers=[small.layers[network.architecture.output]],
    ).step()
    return small


def with_integers(network: Plain, bits: int) -> Plain:
    """Return the network with weights of `bits` bits, by optimum-quanto; not frozen, so that it can be tuned."""
    from optimum.quanto import qint2, qint4, qint8, quantize  # pyright: ignore[reportMissingImports]

    small = copy.deepcopy(network)
    quantize(small, weights={2: qint2, 4: qint4, 8: qint8}[bits])
    return small


def frozen(network: Plain) -> Plain:
    """Return the network with its integers in place of its weights."""
    from optimum.quanto import freeze  # pyright: ignore[reportMissingImports]

    freeze(network)
    return network


def saved_b(network: Plain) -> dict[str, int]:
    """Return the bytes of the network's state by `torch.save`, and in safetensors through LZMA."""
    from safetensors.torch import save

    state = network.state_dict()
    buffer = io.BytesIO()
    torch.save(state, buffer)
    tensors = {
        name: value.detach().contiguous()
        for name, value in state.items()
        if isinstance(value, torch.Tensor) and not name.endswith("num_batches_tracked")
    }
    raw = save(tensors)
    packed = lzma.compress(raw, format=lzma.FORMAT_ALONE, preset=lzma.PRESET_EXTREME | 9)
    return {"torch.save": buffer.getbuffer().nbytes, "safetensors": len(raw), "lzma": len(packed)}
