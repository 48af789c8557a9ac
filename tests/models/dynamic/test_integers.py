"""Every width is an ordinary network: it is quantised and lowered to integers as any other."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.core.graph import infer
from sarto.data.examples import of_arrays
from sarto.deploy.lower.network import lower_network
from sarto.learn.incremental import train_incrementally
from sarto.learn.loop import Training
from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.dynamic.named import grouped
from sarto.models.network.module import predict

torch.set_num_threads(1)


@pytest.mark.parametrize("width", [1, 4])
def test_a_width_in_integers_answers_as_in_floats(width: int) -> None:
    rng = np.random.default_rng(0)
    x = rng.normal(size=(64, 1, 8, 8))
    data = of_arrays(x, (x[:, 0, :4].sum((1, 2)) > 0).astype(int))
    network = DynamicNetwork(grouped("cnn2d", (1, 8, 8), 2, groups=4, width=16, depth=2), 4)
    train_incrementally(network, data, Training(epochs=2, batch=16, rate=0.02))
    narrow = network.network(width)
    state = ptq.quantise(State(narrow), Evaluation(data, data))
    lowered = lower_network(state.network, data.classes)
    answers = infer(lowered.graph, lowered.items(data.x)).classes
    assert np.mean(answers == predict(narrow, data.x).argmax(1)) > 0.95
