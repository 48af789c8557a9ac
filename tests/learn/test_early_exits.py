"""Heads of exits learn; nothing else changes by a bit."""

from __future__ import annotations

import numpy as np
import torch

from sarto.data.examples import Examples, of_arrays
from sarto.learn.early_exits import train_exits
from sarto.learn.incremental import train_incrementally
from sarto.learn.loop import Training, accuracy
from sarto.models.dynamic.exits import EarlyExits
from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.dynamic.named import grouped
from sarto.models.network.module import predict

torch.set_num_threads(1)


def data() -> Examples:
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 150)
    x = rng.normal(size=(150, 1, 12)) + np.sin(np.arange(12) * (1 + y[:, None]))[:, None] * 2
    return of_arrays(x, y)


def trained() -> tuple[EarlyExits, Examples]:
    examples = data()
    network = DynamicNetwork(grouped("cnn1d", (1, 12), 3, groups=2, width=8), 2, seed=0)
    train_incrementally(network, examples, Training(epochs=4, batch=30, rate=0.02))
    return EarlyExits(network, ["pool1"]), examples


def test_exits_learn_and_the_network_stays_to_the_bit() -> None:
    early, examples = trained()
    before, arrays = predict(early.network, examples.x), early.network.arrays()
    untrained = accuracy(early.exit(0), examples)
    (history,) = train_exits(early, examples, Training(epochs=30, batch=30, rate=0.02))
    assert history.loss[-1] < history.loss[0]
    assert accuracy(early.exit(0), examples) > max(0.8, untrained)
    assert np.array_equal(predict(early.network, examples.x), before)
    assert all(np.array_equal(a, arrays[name]) for name, a in early.network.arrays().items())


def test_a_taught_exit_answers_more_like_the_last() -> None:
    apart: list[float] = []
    for share in (0.0, 1.0):
        early, examples = trained()
        train_exits(early, examples, Training(epochs=30, batch=30, rate=0.02), share=share)
        early.width = 2
        first, last = (torch.softmax(torch.as_tensor(predict(early.exit(e), examples.x)), 1) for e in (0, 1))
        apart.append(float((last * (last / first).log()).sum(1).mean()))
    assert apart[1] < apart[0]
