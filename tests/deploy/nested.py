"""Nested networks in integers, without training: random weights do as well where integers are compared."""

from __future__ import annotations

from functools import cache

import numpy as np
import torch

from sarto.compress.state import Evaluation
from sarto.data.examples import Examples, of_arrays
from sarto.deploy.lower.dynamic import lower_dynamic, quantised
from sarto.deploy.lower.network import Lowered
from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.dynamic.named import grouped
from sarto.models.network.architecture import Architecture, Node

GROUPS, CLASSES = 4, 5


def bent() -> Architecture:
    """Channels that are bent below 0, added to what they were made of, and flattened, so that they lie in turn."""
    nodes = [
        Node("conv1", "conv", ("input",), {"channels": 12, "kernel": (3,), "padding": (1,)}),
        Node("leaky1", "leaky_relu", ("conv1",), {"slope": 0.2}),
        Node(
            "conv2", "conv", ("leaky1",), {"channels": 12, "kernel": (3,), "padding": (1,), "groups": GROUPS}
        ),
        Node("sum", "add", ("conv2", "leaky1")),
        Node("tanh", "tanh", ("sum",)),
        Node("pool", "mean_pool", ("tanh",), {"kernel": (2,)}),
        Node("flat", "flatten", ("pool",)),
        Node("head", "linear", ("flat",), {"features": CLASSES}),
    ]
    return Architecture((3, 18), tuple(nodes))


CASES: dict[str, tuple[Architecture, bool]] = {
    "shared": (grouped("cnn2d", (1, 8, 8), CLASSES, groups=GROUPS, width=16, depth=2), False),
    "flattened": (grouped("alexnet", (3, 16, 16), CLASSES, groups=GROUPS, width=8), False),
    "own heads": (grouped("cnn1d", (2, 24), CLASSES, groups=GROUPS, width=20, depth=2), True),
    "bent": (bent(), False),
    "bent, own heads": (bent(), True),
    "one layer": (grouped("cnn1d", (2, 16), CLASSES, groups=GROUPS, width=8, depth=1), False),
}
"""Name -> the network, and whether it has a head for each width."""


@cache
def nested(name: str) -> tuple[Lowered, DynamicNetwork, Examples]:
    """Return a nested network in integers and in floats, and the items it was calibrated on."""
    architecture, own = CASES[name]
    rng = np.random.default_rng(0)
    x = rng.normal(size=(40, *architecture.input_shape))
    data = of_arrays(x, np.arange(40) % CLASSES)
    network = DynamicNetwork(architecture, GROUPS, seed=3).eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.mul_(1.5)
    if own:
        size = network.nested.features
        network.take_heads(
            [(rng.normal(size=(CLASSES, k * size)), rng.normal(size=CLASSES)) for k in range(1, GROUPS + 1)]
        )
    return lower_dynamic(network, quantised(network, Evaluation(data, data))), network, data
