"""PX is what one finds by writing down every path."""

# pyright: reportUnknownMemberType=false

import math

import pytest
import torch

from sarto.compress.prune._paths import path_activity, path_values, squared_weights
from sarto.compress.prune.px import score
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from tests.compress.prune.networks import drawn, items
from tests.compress.prune.paths import Path, paths

CASES = [("image", True), ("image", False), ("sequence", True), ("vector", False)]


def weight_products(network: Network, path: Path) -> float:
    return math.prod(
        float(network.layer(name).weight.detach().flatten()[place]) for name, place in path.weights
    )


@pytest.mark.parametrize(("name", "biased"), CASES)
def test_sums_over_paths_are_those_over_every_single_path(name: str, biased: bool) -> None:
    network = drawn(name, 2, biased=biased)
    x = items(network, 2, 0)
    outputs, activity = network(x).detach(), path_activity(network, x)
    values = path_values(network, squared_weights(network)).detach()
    scores = {n: torch.zeros(w.weight.numel(), dtype=torch.float64) for n, w in network.weighted()}
    for number, item in enumerate(x):
        found = paths(network, item)
        assert len(found) > 20
        for k in range(2):
            own = [p for p in found if p.output == k]
            value = [p.c * weight_products(network, p) for p in own]
            total = sum(v * p.g * p.x for v, p in zip(value, own, strict=True))
            assert total == pytest.approx(float(outputs[number, k]), rel=1e-9)
            z = sum((p.g * p.x) ** 2 for p in own)
            assert float(activity[number, k]) == pytest.approx(z, rel=1e-9)
            assert float(values[k]) == pytest.approx(sum(v * v for v in value), rel=1e-9)
            for v, p in zip(value, own, strict=True):
                for layer, place in p.weights:
                    scores[layer][place] += z * v * v
    given = score(network, [(x[:1], torch.zeros(1)), (x[1:], torch.zeros(1))], 0)
    for layer, wanted in scores.items():
        torch.testing.assert_close(given[layer].flatten(), wanted, rtol=1e-9, atol=1e-300)
        assert wanted.any()


@pytest.mark.parametrize("op", ["gelu", "sigmoid", "relu6"])
def test_smooth_activations_are_refused_by_name(op: str) -> None:
    nodes = (Node("a", "linear", ("input",), {"features": 2}), Node("bend", op, ("a",)))
    network = Network(Architecture((2,), (*nodes, Node("out", "linear", ("bend",), {"features": 2}))))
    with pytest.raises(InputError, match=f"px does not understand 'bend', a {op}") as caught:
        score(network, [(torch.ones(1, 2), torch.zeros(1))], 0)
    assert caught.value.code == "E125"


def test_the_network_that_is_scored_is_left_as_it_was() -> None:
    network = drawn("image", 0)
    network.train()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    score(network, [(items(network, 3, 0), torch.zeros(3))], 0)
    assert network.training
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
