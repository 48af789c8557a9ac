"""MAM layers as integers: what quantisation makes of them, how they are stored, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from sarto.compress.fold import fold
from sarto.compress.quantize import ptq, qat
from sarto.compress.state import Evaluation, State
from sarto.compress.uniform import Uniform
from sarto.data.examples import Examples, of_arrays
from sarto.deploy.lower.network import lower_network
from sarto.learn.loop import Training
from sarto.models.input_error import InputError
from sarto.models.mam.layers import MamLayer
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.operations import Value
from tests.deploy.agreement import agrees


def node(name: str, op: str, *inputs: str, **attributes: Value) -> Node:
    return Node(name, op, inputs, attributes)


def problem(*nodes: Node, shape: tuple[int, ...] = (8,), kept: float = 1.0) -> tuple[State, Examples]:
    torch.set_num_threads(1)
    net, rng = Network(Architecture(shape, nodes), 0).eval(), np.random.default_rng(0)
    net.load_arrays({n: rng.uniform(-1, 1, a.shape).astype(np.float32) for n, a in net.arrays().items()})
    for _, layer in net.weighted():
        if isinstance(layer, MamLayer) and kept < 1:
            layer.prune(torch.as_tensor(rng.random(tuple(layer.weight.shape)) < kept).float())
    return State(net), of_arrays(rng.normal(size=(40, *shape)), np.arange(40) % 2)


VECTOR = (
    node("a", "mam_linear", "input", features=6, splits=2),
    node("k", "leaky_relu", "a", slope=0.3),
    node("b", "mam_linear", "k", features=4),
    node("r", "relu", "b"),
    node("l", "linear", "r", features=2),
)


@pytest.mark.parametrize("kept", [1.0, 0.3])
@pytest.mark.parametrize("rounding", ["nearest", "optq"])
def test_layers_on_vectors(kept: float, rounding: str) -> None:
    state, data = problem(*VECTOR, shape=(40,), kept=kept)
    net = ptq.quantise(state, Evaluation(data, data), rounding=rounding).network  # pyright: ignore[reportArgumentType]
    lowered = agrees(net)
    assert [op.kind for op in lowered.graph.whole] == ["mam", "mam", "dense", "argmax"]
    first = lowered.graph.whole[0]
    assert ("skip" in first.inputs) == (kept < 1) and first.attributes["splits"] == 2
    assert "factor_below" in first.inputs


def test_layers_are_trained_as_integers_too() -> None:
    state, data = problem(*VECTOR, kept=0.5)
    training = Training(epochs=2, batch=10)
    net = qat.quantise(state, Evaluation(data, data, training=training), bits=4).network
    lowered, form = agrees(net), net.layer("b").form
    assert isinstance(form, Uniform)
    assert [op.kind for op in lowered.graph.whole] == ["mam", "mam", "dense", "argmax"]
    assert 5 <= np.abs(lowered.graph.const("b_weights")).max() <= 7


@pytest.mark.parametrize(("splits", "groups"), [(1, 1), (1, 2), (2, 1), (2, 2), (4, 1)])
def test_layers_on_images_with_their_norms(splits: int, groups: int) -> None:
    attributes = {"channels": 4, "kernel": (3, 2), "stride": (2, 1), "padding": (1, 0), "dilation": (1, 2)}
    state, data = problem(
        node("a", "mam_conv", "input", splits=splits, groups=groups, **attributes),
        node("n", "batch_norm", "a"),
        node("r", "relu6", "n"),
        node("f", "flatten", "r"),
        node("m", "mam_linear", "f", features=3, splits=3),
        shape=(4, 6, 6),
    )
    arrays = state.network.arrays()
    arrays["n.variance"][:] = [1, 2, 0.5, 1]
    state.network.load_arrays(arrays)
    lowered = agrees(ptq.quantise(state, Evaluation(data, data)).network)
    kinds = [op.kind for op in lowered.graph.whole]
    assert kinds == ["mam_conv", "reshape", "permute", "mam", "argmax"], "splits keep the order of the vector"


def test_layers_on_sequences_with_few_weights() -> None:
    state, data = problem(
        node("a", "mam_conv", "input", channels=5, kernel=(7,), padding=3),
        node("m", "global_mean_pool", "a"),
        shape=(3, 12),
        kept=0.1,
    )
    lowered = agrees(ptq.quantise(state, Evaluation(data, data)).network)
    assert "skip" in lowered.graph.whole[0].inputs


def test_splits_through_a_kernel_are_refused() -> None:
    state, data = problem(
        node("a", "mam_conv", "input", channels=2, kernel=(2, 2), splits=4),
        node("m", "global_mean_pool", "a"),
        shape=(2, 4, 4),
    )
    with pytest.raises(InputError, match="'a' has 4 splits, which cut through its kernel") as caught:
        lower_network(ptq.quantise(state, Evaluation(data, data)).network)
    assert caught.value.code == "E126"


def test_a_layer_that_still_has_its_sum_is_refused_by_name() -> None:
    state, data = problem(*VECTOR)
    done = ptq.quantise(state, Evaluation(data, data)).network
    for net in (state.network, done):
        layer = net.layer("b")
        assert isinstance(layer, MamLayer)
        layer.beta.fill_(0.25)
    for act in (lambda: fold(state.network), lambda: ptq.quantise(state, Evaluation(data, data))):
        with pytest.raises(InputError, match="layer 'b' is not settled") as caught:
            act()
        assert caught.value.code == "E129"
    with pytest.raises(InputError, match="'b' is not settled") as caught:
        lower_network(done)
    assert (caught.value.code, "settle" in caught.value.hint) == ("E126", True)
