"""Small random networks over all operations that can be lowered."""

from __future__ import annotations

import numpy as np
import torch

from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.data.examples import Examples, of_arrays
from sarto.models.mam.layers import MamLayer
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.operations import Value


class Draw:
    """Nodes one after the other, drawn at random."""

    def __init__(self, seed: int) -> None:
        self.rng = np.random.default_rng(seed)
        self.nodes: list[Node] = []

    def put(self, op: str, *inputs: str, **attributes: Value) -> str:
        name = f"{op}{len(self.nodes)}"
        self.nodes.append(Node(name, op, inputs, attributes))
        return name

    def of(self, *values: int) -> int:
        return int(self.rng.choice(values))

    def bend(self, last: str) -> str:
        op = ("", "relu", "relu6", "leaky_relu")[self.of(0, 1, 2, 3)]
        if not op:
            return last
        return self.put(op, last, **({"slope": 0.2} if op == "leaky_relu" else {}))


def architecture(seed: int) -> Architecture:
    """A network of one or two dimensions with two branches that are added."""
    draw = Draw(seed)
    dimensions = draw.of(1, 2)
    channels = draw.of(1, 2, 4)
    shape = (channels, *(int(n) for n in draw.rng.integers(6, 9, dimensions)))
    last = "input"
    for number in range(draw.of(1, 2)):
        groups = channels if draw.of(0, 1) else 1
        channels = channels * draw.of(1, 2) if groups > 1 else draw.of(2, 4)
        kernel = tuple(int(k) for k in draw.rng.integers(1, 4, dimensions))
        last = draw.put(
            "conv",
            last,
            channels=channels,
            kernel=kernel,
            groups=groups,
            padding=draw.of(1, 2),
            stride=draw.of(1, 2) if number == 0 else 1,
            dilation=draw.of(1, 2) if min(shape[1:]) > 5 else 1,
            bias=bool(draw.of(0, 1)),
        )
        if draw.of(0, 1):
            last = draw.put("batch_norm", last)
        last = draw.bend(last)
    side = draw.put("conv", last, channels=channels, kernel=(1,) * dimensions, groups=draw.of(1, channels))
    side = draw.put("relu", side) if draw.of(0, 1) else side
    last = draw.put("add", last, side)
    last = draw.put("relu", last) if draw.of(0, 1) else last
    for _ in range(draw.of(0, 1)):
        kernel = (2,) * dimensions
        op = ("max_pool", "mean_pool")[draw.of(0, 1)]
        last = draw.put(op, last, kernel=kernel, stride=draw.of(1, 2), padding=draw.of(0, 1))
    ending = draw.of(0, 1, 2)
    last = draw.put("global_mean_pool", last) if ending == 0 else draw.put("flatten", last)
    if ending == 2:
        last = draw.put("relu", draw.put("linear", last, features=5))
    draw.put("linear", last, features=3, bias=bool(draw.of(0, 1)))
    return Architecture(shape, tuple(draw.nodes))


ANY = ("", "relu", "relu6", "leaky_relu", "tanh", "sigmoid", "gelu", "silu", "hard_swish")


def mixed(seed: int, mam: bool = True) -> Architecture:
    """A network over every operation: branches that are joined, a residual with strides, MAM, any activation."""
    draw = Draw(seed)
    dimensions, channels = draw.of(1, 2), draw.of(2, 4)
    shape = (draw.of(1, 3), *(int(n) for n in draw.rng.integers(7, 10, dimensions)))

    def any_of(last: str) -> str:
        op = ANY[draw.of(*range(len(ANY)))]
        return draw.put(op, last, **({"slope": 0.25} if op == "leaky_relu" else {})) if op else last

    def conv(last: str, outputs: int, op: str = "conv", **given: Value) -> str:
        kernel = tuple(int(k) for k in draw.rng.integers(1, 4, dimensions))
        found: dict[str, Value] = {
            "kernel": kernel,
            "padding": tuple(k // 2 for k in kernel),
            "bias": bool(draw.of(0, 1)),
        }
        last = draw.put(op, last, channels=outputs, **{**found, **given})
        return draw.put("batch_norm", last, eps=2.0**-17) if draw.of(0, 1) else last

    last = any_of(
        conv("input", channels, stride=draw.of(1, 2), dilation=draw.of(1, 2), padding=draw.of(1, 2))
    )
    three: tuple[int, ...] = (3,) * dimensions
    if mam and draw.of(0, 1):
        groups = draw.of(1, 2)
        splits = draw.of(1, channels // groups)
        last = any_of(conv(last, channels, "mam_conv", groups=groups, splits=splits, kernel=three, padding=1))
    wide = any_of(conv(last, 2 * channels, groups=channels, kernel=three, padding=1))
    pool = draw.put(("mean_pool", "max_pool")[draw.of(0, 1)], last, stride=1, kernel=three, padding=1)
    last = any_of(draw.put("concat", wide, any_of(pool), *([last] if draw.of(0, 1) else [])))
    point: tuple[int, ...] = (1,) * dimensions
    stride = draw.of(1, 2)
    sides = [conv(last, channels, kernel=point, padding=0, stride=stride) for _ in range(2)]
    last = any_of(draw.put("add", sides[0], any_of(sides[1])))
    last = draw.put("flatten", last) if draw.of(0, 1) else draw.put("global_mean_pool", last)
    if mam and draw.of(0, 1):
        last = any_of(draw.put("mam_linear", last, features=6, splits=1))
    last = draw.put("linear", last, features=3, bias=bool(draw.of(0, 1)))
    if draw.of(0, 1):
        any_of(last)
    return Architecture(shape, tuple(draw.nodes))


def shaken(arch: Architecture, seed: int) -> Network:
    """The network with biases, and norms far from the identity."""
    net, rng = Network(arch, seed), np.random.default_rng(seed)
    arrays = net.arrays()
    for name, array in arrays.items():
        own = name.partition(".")[2]
        low, high = {"weight": (-2.0, 2.0), "variance": (0.3, 2.0)}.get(own, (-0.5, 0.5))
        if own != "weight" or array.ndim == 1:
            arrays[name] = rng.uniform(low, high, array.shape).astype(np.float32)
    net.load_arrays(arrays)
    return net.eval()


def items(arch: Architecture, seed: int, count: int = 40) -> Examples:
    rng = np.random.default_rng(seed)
    x = (
        rng.normal(size=(count, *arch.input_shape))
        if seed % 2
        else rng.integers(0, 256, (count, *arch.input_shape))
    )
    data = of_arrays(x.astype(np.uint8 if seed % 2 == 0 else np.float64), np.arange(count) % 3)
    return data


def quantised(
    seed: int, arch: Architecture | None = None, **settings: object
) -> tuple[Network, Network, Examples]:
    """A random network, the same quantised, and items."""
    torch.set_num_threads(1)
    arch = arch or architecture(seed)
    net, data = shaken(arch, seed), items(arch, seed)
    for _, layer in net.weighted():
        if isinstance(layer, MamLayer) and seed % 2:
            kept = torch.rand(layer.weight.shape, generator=torch.Generator().manual_seed(seed)) < 0.25
            layer.prune(kept)
    state = ptq.quantise(State(net), Evaluation(data, data), **settings)  # pyright: ignore[reportArgumentType]
    return net, state.network, data
