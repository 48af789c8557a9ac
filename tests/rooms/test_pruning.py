"""The generic suite of `sarto.compress.prune`: what every method that scores weights does, on every named network."""

# pyright: reportUnknownMemberType=false

from __future__ import annotations

import copy

import pytest
import torch

from sarto.compress.connected import connected_density, density, layer_densities
from sarto.compress.prune._copy import masks
from sarto.compress.pruning import ROOM, prune
from sarto.core.rooms import load_method, methods
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.named import NAMED, named

METHODS = [name for name in methods(ROOM) if hasattr(load_method(ROOM, name), "score")]
SHAPES = {1: (6,), 2: (2, 12), 3: (1, 12, 12)}
SMALL = {
    "mlp": {"width": 6},
    "cnn1d": {"width": 3},
    "cnn2d": {"width": 3},
    "separable": {"width": 3},
    "residual": {"width": 3},
}
NETWORKS = [
    (name, n) for name, (_, sizes) in NAMED.items() for n in sizes if name not in ("lenet300", "lenet5")
]
SOFT = ("px",)


def small(name: str, dimensions: int) -> Network:
    """A named network with few channels."""
    return Network(named(name, SHAPES[dimensions], 3, **SMALL.get(name, {})), seed=1)


def examples(network: Network) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Two batches of drawn items."""
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(8, *network.architecture.input_shape, generator=generator)
    return [(x[:5], torch.tensor([0, 1, 2, 0, 1])), (x[5:], torch.tensor([2, 1, 0]))]


def kept(network: Network) -> int:
    """Weights that are left."""
    return sum(int(mask.count_nonzero()) for mask in masks(network).values())


@pytest.fixture(params=METHODS)
def method(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.mark.parametrize(("name", "dimensions"), NETWORKS)
def test_every_named_network_is_pruned_to_the_weight(method: str, name: str, dimensions: int) -> None:
    network = small(name, dimensions)
    total = sum(layer.weight.numel() for _, layer in network.weighted())
    smaller = prune(network, method, 0.4, batches=examples(network), rounds=2, floor=4, seed=0)
    assert kept(smaller) == round(0.4 * total)
    assert density(smaller) == kept(smaller) / total >= connected_density(smaller) > 0
    assert all(layer.mask is None for _, layer in network.weighted())
    layers = prune(network, method, 0.5, batches=examples(network), rounds=1, scope="local", seed=0)
    for layer, share in layer_densities(layers).items():
        assert share == round(0.5 * (n := network.layer(layer).weight.numel())) / n


def test_scores_are_a_number_for_every_weight_and_the_seed_decides(method: str) -> None:
    network, module = small("residual", 3), load_method(ROOM, method)
    before = {k: v.clone() for k, v in network.state_dict().items()}
    torch.manual_seed(1)
    first = module.score(network, examples(network), 5)
    torch.manual_seed(2)
    again = module.score(network, examples(network), 5)
    assert list(first) == [name for name, _ in network.weighted()]
    for name, layer in network.weighted():
        assert first[name].shape == layer.weight.shape and bool(first[name].isfinite().all())
        assert not first[name].requires_grad and torch.equal(first[name], again[name])
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert isinstance(module.ROUNDS, int) and isinstance(module.EXAMPLES, bool)


def test_masks_only_shrink(method: str) -> None:
    network = small("cnn2d", 3)
    first = prune(network, method, 0.6, batches=examples(network), rounds=1, floor=1)
    second = prune(first, method, 0.3, batches=examples(network), rounds=2, floor=1)
    for name, mask in masks(second).items():
        assert bool((mask <= masks(first)[name]).all())
    assert kept(second) < kept(first)


def test_masks_survive_copies_states_and_momentum(method: str) -> None:
    network = small("mlp", 1)
    network = prune(network, method, 0.5, batches=examples(network), rounds=1, floor=2)
    wanted = masks(network)
    fresh = small("mlp", 1)
    fresh.load_state_dict(network.state_dict())
    x, y = examples(network)[0]
    trained = copy.deepcopy(network).train()
    optimiser = torch.optim.SGD(trained.parameters(), lr=0.1, momentum=0.9, weight_decay=0.1)
    for _ in range(3):
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(trained(x), y).backward()
        optimiser.step()
    for own in (copy.deepcopy(network), fresh, trained):
        for name, layer in own.weighted():
            assert torch.equal(masks(own)[name], wanted[name])
            assert bool((layer.effective[wanted[name] == 0] == 0).all())
    assert not torch.equal(trained.layer("fc1").weight, network.layer("fc1").weight)


def test_a_method_that_needs_examples_says_so(method: str) -> None:
    network = small("mlp", 1)
    if load_method(ROOM, method).EXAMPLES:
        with pytest.raises(InputError, match=f"{method} was given no examples"):
            prune(network, method, 0.5)
    else:
        assert kept(prune(network, method, 0.5, rounds=1, floor=1)) > 0


@pytest.mark.parametrize("op", ["gelu", "hard_swish"])
def test_smooth_activations_are_scored_or_refused_by_name(method: str, op: str) -> None:
    nodes = (Node("a", "linear", ("input",), {"features": 4}), Node("bend", op, ("a",)))
    network = Network(Architecture((6,), (*nodes, Node("out", "linear", ("bend",), {"features": 3}))))
    if method in SOFT:
        with pytest.raises(InputError, match=f"'bend', a {op}"):
            prune(network, method, 0.5, batches=examples(network), rounds=1)
    else:
        assert kept(prune(network, method, 0.5, batches=examples(network), rounds=1, floor=1)) == 18


def test_a_layer_that_collapses_is_named(method: str) -> None:
    network = small("mlp", 1)
    with pytest.raises(InputError, match=r"layer 'fc[123]' collapses: .* keeps none of its") as caught:
        prune(network, method, 2 / 90, batches=examples(network), rounds=1)
    assert caught.value.code == "E124" and "floor" in str(caught.value)
