"""Inputs that no weight reads are left out: the same outputs, files and integers, with fewer weights."""

import numpy as np
import pytest
import torch

from sarto.compress.container import from_bytes
from sarto.compress.dead_inputs import remove_dead_inputs
from sarto.compress.dead_units import remove_dead_units
from sarto.compress.quantize import codebook, ptq
from sarto.compress.state import Evaluation, State, restored
from sarto.core.graph import infer
from sarto.data.examples import of_arrays
from sarto.deploy.lower.network import lower_network
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.named import named
from sarto.models.network.operations import places_of, runs_of


def pruned() -> Network:
    """A network on images that looks at every third pixel, in two layers that read the inputs."""
    nodes = (
        Node("flat", "flatten", ("input",)),
        Node("a", "linear", ("flat",), {"features": 6}),
        Node("bend", "relu", ("a",)),
        Node("b", "linear", ("flat",), {"features": 6}),
        Node("sum", "add", ("bend", "b")),
        Node("out", "linear", ("sum",), {"features": 3}),
    )
    network = Network(Architecture((2, 3, 4), nodes), seed=0)
    keep = torch.arange(24) % 3 == 1
    network.layer("a").prune(keep.expand(6, 24) & (torch.arange(24) > 5))
    network.layer("b").prune(keep.expand(6, 24))
    return network


def test_outputs_stay_and_weights_go() -> None:
    network, x = pruned(), torch.randn(7, 2, 3, 4)
    smaller = remove_dead_inputs(network)
    assert (
        smaller.architecture.parameters["a.weight"] == smaller.architecture.parameters["b.weight"] == (6, 8)
    )
    torch.testing.assert_close(smaller(x), network(x))
    mask = smaller.layer("a").mask
    assert mask is not None
    assert int(mask.sum()) == 6 * 6
    assert network.architecture.parameters["a.weight"] == (6, 24)


def test_units_can_go_before_and_after() -> None:
    network, x = pruned(), torch.randn(7, 2, 3, 4)
    with torch.no_grad():
        network.layer("out").weight[:, 2] = 0
    one = remove_dead_inputs(remove_dead_units(network))
    other = remove_dead_units(remove_dead_inputs(network))
    assert one.architecture == other.architecture
    assert one.architecture.parameters["a.weight"] == (5, 8)
    torch.testing.assert_close(one(x), network(x))
    torch.testing.assert_close(other(x), network(x))


def test_shared_values_and_files_come_back() -> None:
    x = torch.randn(7, 2, 3, 4)
    evaluation = Evaluation(examples := of_arrays(x.numpy(), np.arange(7) % 3), examples)
    state = codebook.quantise(State(pruned()), evaluation, bits=2, tuned=False)
    small = State(remove_dead_inputs(state.network))
    data, _ = small.packed()
    assert small.stored()["a.weight"].shape == (6, 8)
    torch.testing.assert_close(restored(data)(x), state.network(x))
    assert from_bytes(data).architecture == small.network.architecture


def test_integers_are_those_of_the_network_with_all_its_inputs() -> None:
    x = torch.rand(40, 2, 3, 4)
    examples = of_arrays(x.numpy(), np.arange(40) % 3)
    evaluation = Evaluation(examples, examples)
    whole, small = (
        ptq.quantise(State(network), evaluation).network
        for network in (pruned(), remove_dead_inputs(pruned()))
    )
    found = [
        infer(lowered.graph, lowered.items(examples.x)) for lowered in map(lower_network, (whole, small))
    ]
    assert (found[0].scores == found[1].scores).all()


@pytest.mark.parametrize("name", ["cnn2d", "residual"])
def test_networks_that_begin_with_convolutions_stay_as_they_are(name: str) -> None:
    network = Network(named(name, (1, 8, 8), 2), seed=0)
    same = remove_dead_inputs(network)
    assert same.architecture == network.architecture
    assert same is not network


def test_runs_and_places_are_each_others_inverse() -> None:
    kept = [bool(bit) for bit in np.random.default_rng(0).integers(0, 2, 50)]
    assert places_of(runs_of(kept)) == tuple(i for i, keep in enumerate(kept) if keep)


@pytest.mark.parametrize("runs", [(1, 2), (2, 0, 2), (-1, 5), ()])
def test_runs_that_do_not_fit_are_refused(runs: tuple[int, ...]) -> None:
    with pytest.raises(InputError) as caught:
        Architecture((4,), (Node("some", "take", ("input",), {"runs": runs}),))
    assert caught.value.code == "E121"
