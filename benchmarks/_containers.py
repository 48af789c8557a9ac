"""Small containers of every kind to be spoilt: both layouts, every form a tensor is stored in, and every coder.

>>> len(NAMES), NAMES[0], len(whole(NAMES[0]).data) < 3000
(56, 'mlp, rans, packed', True)
>>> sorted({stored.kind for name in NAMES for stored in whole(name).tensors.values()})
['plain', 'scaled', 'sparse', 'table']
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np

from sarto.compress.container import CODERS, to_bytes
from sarto.compress.stored import Stored
from sarto.core.quantization import Numbers
from sarto.models.network.architecture import INPUT, Architecture, Node
from sarto.models.network.named import named


def _mam() -> Architecture:
    """Return a convolution and linear layers with largest and smallest product in place of a sum."""
    nodes = (
        Node("mam1", "mam_conv", (INPUT,), {"channels": 6, "kernel": (3,), "padding": 1, "splits": 3}),
        Node("flat", "flatten", ("mam1",)),
        Node("mam2", "mam_linear", ("flat",), {"features": 12, "splits": 2}),
        Node("act", "leaky_relu", ("mam2",), {"slope": 0.125}),
        Node("head", "linear", ("act",), {"features": 3}),
    )
    return Architecture((2, 8), nodes)


def _low_rank() -> Architecture:
    """Return a convolution cut into three (Tucker-2), and a linear layer cut into two."""
    nodes = (
        Node("conv_in", "conv", (INPUT,), {"channels": 2, "kernel": (1, 1), "bias": False}),
        Node("conv_core", "conv", ("conv_in",), {"channels": 3, "kernel": (3, 3), "bias": False}),
        Node("conv_out", "conv", ("conv_core",), {"channels": 8, "kernel": (1, 1)}),
        Node("mean", "mean_pool", ("conv_out",), {"kernel": (3, 3)}),
        Node("flat", "flatten", ("mean",)),
        Node("fc_in", "linear", ("flat",), {"features": 3, "bias": False}),
        Node("fc_out", "linear", ("fc_in",), {"features": 9}),
    )
    return Architecture((4, 8, 8), nodes)


NETWORKS = {
    "mlp": lambda: named("mlp", (20,), 4, width=24),
    "cnn2d": lambda: named("cnn2d", (1, 12, 12), 3, width=4),
    "cnn1d": lambda: named("cnn1d", (2, 16), 3, width=6),
    "separable": lambda: named("separable", (1, 16), 3, width=4),
    "residual": lambda: named("residual", (1, 8, 8), 3, width=4, depth=2),
    "MAM": _mam,
    "low rank": _low_rank,
}
LAYOUTS = ("packed", "safetensors")
NAMES = tuple(
    f"{network}, {coder}, {layout}"
    for network in NETWORKS
    for coder in (*CODERS, "best")
    for layout in LAYOUTS
)


@dataclass(frozen=True, eq=False)
class Whole:
    """A container, and what it holds."""

    architecture: Architecture
    tensors: dict[str, Stored]
    activations: dict[str, Numbers]
    packed: bool
    data: bytes


@cache
def whole(name: str) -> Whole:
    """Return the container of a name."""
    network, coder, layout = name.split(", ")
    architecture = NETWORKS[network]()
    rng = np.random.default_rng([NAMES.index(name), 5])
    tensors = {
        parameter: _stored(shape, number % 7, rng)
        for number, (parameter, shape) in enumerate(architecture.parameters.items())
    }
    packed, numbers = layout == "packed", Numbers((float(np.float32(rng.uniform(0.01, 1))),), 8, signed=False)
    nodes = [INPUT, *(node.name for node in architecture.nodes)]
    activations = dict.fromkeys(
        nodes[:: NAMES.index(name) % 3 + 1], numbers
    )  # of all, half or a third of the nodes
    data, _ = to_bytes(architecture, tensors, coder, packed, activations)
    return Whole(architecture, tensors, activations, packed, data)


def _stored(shape: tuple[int, ...], form: int, rng: np.random.Generator) -> Stored:
    """Return a tensor that is pruned to 3 in 10, in one of seven forms."""
    values = rng.normal(size=shape) * (rng.random(shape) < 0.3)
    if form == 0:
        table = np.array([0, -0.5, 0.25, 1.5], np.float16)
        return Stored.of_table(shape, rng.choice(4, values.size, p=[0.7, 0.1, 0.1, 0.1]), table)
    if form == 1:
        scale = rng.uniform(0.1, 1, shape[0]).astype(np.float32)
        return Stored.of_integers(rng.integers(-7, 8, shape), scale, 4)
    if form == 2:
        return Stored.of_kept(values.astype(np.float32), "float16")
    if form == 3:
        return Stored.of_integers(rng.integers(-127, 128, shape), np.ones(1, np.float16), 8)
    if form == 4:
        return Stored.of_table(shape, rng.integers(0, 2, values.size), np.array([-1, 1], np.float32))
    return Stored.of_values(values, "float32" if form == 5 else "float16")
