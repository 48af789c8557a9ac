"""Int8 networks on scikit-learn's digits (8x8) for a board: a small CNN, and a dense network of 32 hidden units.

The CNN has 3x3 convolutions to 8 and 16 channels, ReLU and a maximum over 2x2. 1,198 digits are learned from by a seed,
int8 comes by post-training quantisation, and the others are test items.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from jaxtyping import Integer
from sklearn.datasets import load_digits

from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.core.graph import Graph, infer
from sarto.data.examples import of_arrays
from sarto.deploy.lower.network import lower_network
from sarto.learn.loop import Training, torch_threads, train
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network

TRAINED = 1198
SHAPE = (1, 8, 8)
CONVOLUTIONS = Architecture(
    SHAPE,
    (
        Node("c1", "conv", ("input",), {"channels": 8, "kernel": (3, 3), "padding": 1}),
        Node("r1", "relu", ("c1",), {}),
        Node("c2", "conv", ("r1",), {"channels": 16, "kernel": (3, 3), "padding": 1}),
        Node("r2", "relu", ("c2",), {}),
        Node("pool", "max_pool", ("r2",), {"kernel": (2, 2), "stride": 2}),
        Node("flat", "flatten", ("pool",), {}),
        Node("out", "linear", ("flat",), {"features": 10}),
    ),
)
DENSE = Architecture(
    SHAPE,
    (
        Node("flat", "flatten", ("input",), {}),
        Node("h", "linear", ("flat",), {"features": 32}),
        Node("r", "relu", ("h",), {}),
        Node("out", "linear", ("r",), {"features": 10}),
    ),
)
NETWORKS = {"convolutions": CONVOLUTIONS, "dense": DENSE}


@dataclass(frozen=True, eq=False)
class Made:
    """A network that was trained.

    Attributes:
        graph: in integers.
        learned: items that it learned from.
        tested: test items.
        accuracy: on these.
    """

    graph: Graph
    learned: Integer[np.ndarray, "item ..."]
    tested: Integer[np.ndarray, "item ..."]
    accuracy: float


@cache
def made(name: str, seed: int) -> Made:
    """Return one of `NETWORKS`, trained by a seed, which also says what is learned from."""
    x, y = map(np.asarray, load_digits(return_X_y=True))
    pixels = np.rint(x * 255 / 16).astype(np.uint8).reshape(-1, *SHAPE)
    order = np.random.default_rng(seed).permutation(len(y))
    learned, tested = (of_arrays(pixels[rows], y[rows]) for rows in (order[:TRAINED], order[TRAINED:]))
    network = Network(NETWORKS[name], seed)
    with torch_threads(1):
        train(network, learned, Training(epochs=40, batch=64, rate=3e-3, seed=seed))
        state = ptq.quantise(State(network.eval()), Evaluation(learned, learned))
        lowered = lower_network(state.network, tested.classes)
    items = lowered.items(tested.x)
    right = float((infer(lowered.graph, items).classes == tested.y).mean())
    return Made(lowered.graph, lowered.items(learned.x), items, right)
