"""A network as the model of a federation: its steps are torch's, and its head is a linear one on its features."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch.nn import functional

from sarto.core.errors import SartoError
from sarto.data.examples import Examples
from sarto.learn.federated._contract import Local
from sarto.learn.federated._linear import LinearModel
from sarto.learn.federated._network import NetworkModel
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.named import named

RNG = np.random.default_rng(0)
DATA = Examples(RNG.normal(size=(24, 2, 16)).astype(np.float32), RNG.integers(0, 3, 24), ("a", "b", "c"))
MODEL = NetworkModel.of(named("cnn1d", (2, 16), 3, width=4, depth=2), DATA.classes, seed=1)


def test_its_steps_are_those_of_torchs_sgd() -> None:
    network = MODEL.network()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    x, y = torch.as_tensor(DATA.x), torch.as_tensor(DATA.y)
    for _ in range(3):
        optimiser.zero_grad()
        functional.cross_entropy(network(x), y).backward()  # pyright: ignore[reportUnknownMemberType]
        optimiser.step()  # pyright: ignore[reportUnknownMemberType]
    found = MODEL.with_vector(MODEL.trained(DATA, Local(rate=0.1, steps=3, batch=24), seed=0))
    arrays = network.arrays()
    for name, array in found.arrays.items():
        np.testing.assert_allclose(array, arrays[name], atol=1e-6)


def test_its_head_alone_learns_as_a_linear_model_on_its_features() -> None:
    local = Local(rate=0.2, epochs=2, batch=8, part="head")
    after = MODEL.trained(DATA, local, seed=3)
    head = MODEL.mask("head")
    weights, intercept = (MODEL.arrays[f"{MODEL.head}.{own}"] for own in ("weight", "bias"))
    alone = LinearModel(weights, intercept, DATA.classes)
    seen = replace(DATA, x=MODEL.features(DATA))
    np.testing.assert_array_equal(after[head], alone.trained(seen, local, 3))
    np.testing.assert_array_equal(after[~head], MODEL.vector[~head])
    np.testing.assert_allclose(alone.scores(seen), MODEL.scores(DATA), atol=1e-6)


def test_features_alone_learn_with_the_head_as_it_is() -> None:
    after = MODEL.trained(DATA, Local(rate=0.2, steps=2, part="features"), seed=3)
    head = MODEL.mask("head")
    np.testing.assert_array_equal(after[head], MODEL.vector[head])
    assert (after[~head] != MODEL.vector[~head]).mean() > 0.5
    changed = MODEL.with_vector(after)
    assert changed.features_id != MODEL.features_id
    other_head = MODEL.with_head(np.ones((3, MODEL.features(DATA).shape[1])), np.zeros(3))
    assert other_head.features_id == MODEL.features_id
    np.testing.assert_array_equal(other_head.features(DATA), MODEL.features(DATA))


def test_a_network_without_a_linear_head_is_refused() -> None:
    architecture = Architecture(
        (4,), (Node("a", "linear", ("input",), {"features": 2}), Node("b", "relu", ("a",)))
    )
    with pytest.raises(SartoError) as refused:
        NetworkModel.of(architecture, ("a", "b"), 0)
    assert refused.value.code == "E171"


def test_computations_are_counted_by_what_learns() -> None:
    forward = MODEL.macs(DATA, None) // 24
    head = 3 * MODEL.features(DATA).shape[1]
    once = Local(rate=0.1, epochs=1)
    assert MODEL.macs(DATA, once) == 24 * 3 * (forward + head)
    assert MODEL.macs(DATA, replace(once, epochs=5, part="head")) == 24 * (forward + 5 * 2 * head)
