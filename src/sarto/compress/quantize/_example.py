"""A small trained network for the examples of the methods: two rings of points, of which one lies within the other.

>>> state, evaluation = trained()
>>> bool(evaluation.accuracy(state.network) > 0.95)
True
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from sarto.compress.state import Evaluation, State
from sarto.core.seed import generator
from sarto.data.examples import Examples, of_arrays
from sarto.learn.loop import Training, train
from sarto.models.network.module import Network
from sarto.models.network.named import named


def _rings(items: int, seed: int) -> Examples:
    draw = generator(seed, "rings")
    y = draw.integers(0, 2, items)
    radius, angle = 1 + y + 0.2 * draw.normal(size=items), draw.uniform(0, 2 * np.pi, items)
    return of_arrays(np.stack([radius * np.cos(angle), radius * np.sin(angle)], 1), y)


@lru_cache(maxsize=1)
def _network() -> Network:
    network = Network(named("mlp", (2,), 2, width=16), seed=0)
    train(network, _rings(400, 0), Training(epochs=25, batch=20, rate=0.01))
    return network


def trained() -> tuple[State, Evaluation]:
    """Return a state with a trained network, and what it is judged on."""
    training = Training(epochs=3, batch=20, rate=0.003)
    return State(State(_network()).copy()), Evaluation(_rings(400, 0), _rings(400, 1), training)
