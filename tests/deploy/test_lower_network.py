"""Networks as integer graphs: bit for bit as told one number at a time, and as close to the floats as rounding lets."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from sarto.compress.quantize import ptq
from sarto.compress.quantize._weights import nearest
from sarto.compress.state import Evaluation, State, restored
from sarto.compress.stored import Stored
from sarto.compress.uniform import Uniform, quantiser, quantization, set_quantization
from sarto.core.graph import Graph, infer, load_graph, save_graph
from sarto.core.graph.whole import tensors
from sarto.core.quantization import Quantization
from sarto.data.examples import Examples, of_arrays
from sarto.deploy.c.emit import emit
from sarto.deploy.lower.network import Lowered, integer_accuracy, lower_network
from sarto.deploy.lower.weights import integer_weights
from sarto.learn.loop import accuracy
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network, predict
from sarto.models.network.operations import Value
from sarto.models.network.weights import LinearLayer
from tests.core.graph.slow_network import slow
from tests.deploy.random_networks import mixed
from tests.deploy.random_networks import quantised as drawn

PLAIN = range(10)
SEEDS = range(22)
"""The first ones without tables, joins and MAM."""


@lru_cache(maxsize=22)
def _drawn(seed: int) -> tuple[Network, Network, Examples]:
    return drawn(seed, None if seed in PLAIN else mixed(seed))


def quantised(seed: int) -> tuple[Network, Network, Examples]:
    """Nothing here changes them, so that one is enough."""
    return _drawn(seed)


def node(name: str, op: str, *inputs: str, **attributes: Value) -> Node:
    return Node(name, op, inputs, attributes)


def scores(lowered: Lowered, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return infer(lowered.graph, lowered.items(x)).scores * lowered.score_scale


@pytest.mark.parametrize("seed", SEEDS)
def test_every_tensor_equals_one_number_at_a_time(seed: int) -> None:
    _, net, data = quantised(seed)
    lowered = lower_network(net)
    given = lowered.items(data.x[:1])
    fast = tensors(lowered.graph, given)
    for name, values in slow(lowered.graph, given[0]).items():
        np.testing.assert_array_equal(fast[name][0], values, err_msg=name)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_operation_rounds_to_the_nearest(seed: int) -> None:
    """Each node is given the integers of those before it: what it then says in floats is rounded, and no more.

    Half a count is the rounding; multipliers have 15 bits (2^-15 of 255 at the most), biases are rounded to a count of
    the sum, and so are scores: half a count each.
    """
    _, net, data = quantised(seed)
    lowered = lower_network(net)
    fast = tensors(lowered.graph, lowered.items(data.x))
    seen = 0

    def look(name: str, y: Tensor) -> Tensor | None:
        nonlocal seen
        form = quantiser(net, name)
        if form is None:
            return None
        q = fast[name].astype(np.float32)
        q = np.moveaxis(q, -1, 1).reshape(tuple(y.shape))
        wanted = (y / form.scale).clamp(form.low, form.high).detach().numpy()
        assert np.abs(q - wanted).max() < 0.5 + 255 * 2**-15 + 0.01, name
        seen += 1
        return torch.as_tensor(q) * form.scale

    with torch.no_grad():
        out = net.run(torch.as_tensor(data.x), look).numpy()
    assert seen == len(net.quantisers) - 1
    found = scores(lowered, data.x)
    np.testing.assert_allclose(found, out, atol=2**-14 * np.abs(out).max() + lowered.score_scale)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_integers_say_what_the_quantised_network_says(seed: int) -> None:
    """Where a number lies halfway a rounding may go the other way: a count or two, on few outputs."""
    floats, net, data = quantised(seed)
    found, wanted = scores(lower_network(net), data.x), predict(net, data.x)
    assert np.median(np.abs(found - wanted)) < 2e-3 * np.abs(wanted).max()
    assert np.abs(found - wanted).max() < 0.05 * np.abs(wanted).max()
    decided = np.sort(wanted, axis=1)
    clear = decided[:, -1] - decided[:, -2] > 0.05 * np.abs(wanted).max()
    np.testing.assert_array_equal(found.argmax(1)[clear], wanted.argmax(1)[clear])
    of_floats = predict(floats, data.x)
    assert np.abs(found - of_floats).max() < 0.1 * np.abs(of_floats).max()


def test_the_accuracy_is_that_of_the_integers() -> None:
    _, net, data = quantised(3)
    classes = infer((lowered := lower_network(net)).graph, lowered.items(data.x)).classes
    assert integer_accuracy(net, data) == np.mean(classes == data.y)
    assert accuracy(net, data) == pytest.approx(integer_accuracy(net, data), abs=0.1)


def small(*nodes: Node, shape: tuple[int, ...] = (4,), bits: int = 8) -> Network:
    net = Network(Architecture(shape, nodes), 0).eval()
    rng = np.random.default_rng(0)
    net.load_arrays({n: rng.uniform(-1, 1, a.shape).astype(np.float32) for n, a in net.arrays().items()})
    data = of_arrays(rng.normal(size=(30, *shape)), np.arange(30) % 2)
    return ptq.quantise(State(net), Evaluation(data, data), bits=bits).network


def agrees(net: Network, seed: int = 1) -> Graph:
    x = np.random.default_rng(seed).normal(size=(20, *net.architecture.input_shape)).astype(np.float32)
    lowered, wanted = lower_network(net), predict(net, x)
    np.testing.assert_allclose(scores(lowered, x), wanted.reshape(20, -1), atol=0.02 * np.abs(wanted).max())
    return lowered.graph


def test_numbers_are_moved_only_where_their_order_matters() -> None:
    conv = node("c", "conv", "input", channels=3, kernel=(2, 2))
    flat = (conv, node("f", "flatten", "c"), node("l", "linear", "f", features=2))
    assert "permute" not in {op.kind for op in agrees(small(*flat, shape=(2, 4, 5))).whole}
    back = (
        conv,
        node("v", "reshape", "c", shape=(9, 3)),
        node("d", "conv", "v", channels=2, kernel=(3,)),
        node("m", "global_mean_pool", "d"),
    )
    assert "permute" in {op.kind for op in agrees(small(*back, shape=(2, 4, 4))).whole}
    ends = (conv, node("f", "flatten", "c"))
    assert [op.kind for op in agrees(small(*ends, shape=(2, 4, 5))).whole] == [
        "conv",
        "reshape",
        "permute",
        "argmax",
    ]


def test_vectors_in_another_order_are_added_place_by_place() -> None:
    nodes = (
        node("c", "conv", "input", channels=3, kernel=(1, 1)),
        node("f", "flatten", "c"),
        node("g", "linear", "f", features=12),
        node("s", "add", "g", "f"),
        node("t", "add", "f", "s", "g"),
        node("r", "relu", "t"),
        node("l", "linear", "r", features=2),
    )
    agrees(small(*nodes, shape=(2, 2, 2)))


def test_an_activation_on_its_own_and_a_slope_below_0() -> None:
    nodes = (
        node("a", "linear", "input", features=5),
        node("r", "relu6", "a"),
        node("s", "add", "a", "r"),
        node("b", "linear", "s", features=5),
        node("k", "leaky_relu", "b", slope=0.3),
        node("l", "linear", "k", features=2),
    )
    agrees(small(*nodes))


def test_a_norm_that_no_layer_can_take_is_lowered_too() -> None:
    nodes = (node("r", "relu", "input"), node("n", "batch_norm", "r"), node("l", "linear", "n", features=2))
    net = Network(Architecture((4,), nodes), 0)
    arrays = net.arrays()
    arrays["n.mean"][:], arrays["n.variance"][:] = [1, 2, -1, 0], [1, 2, 3, 4]
    net.load_arrays(arrays)
    data = of_arrays(np.random.default_rng(0).normal(size=(30, 4)), np.arange(30) % 2)
    agrees(ptq.quantise(State(net.eval()), Evaluation(data, data)).network)


def test_a_norm_that_was_not_folded_is_refused_by_name() -> None:
    done = small(node("a", "linear", "input", features=2), node("b", "linear", "a", features=2))
    nodes = (done.architecture.nodes[0], node("n", "batch_norm", "a"), done.architecture.nodes[1])
    net = Network(Architecture((4,), nodes))
    net.quantisers = done.quantisers
    with pytest.raises(InputError, match="'n' is batch_norm") as caught:
        lower_network(net)
    assert (caught.value.code, "fold it first" in caught.value.hint) == ("E126", True)


def test_a_network_of_floats_is_refused() -> None:
    net = Network(Architecture((4,), (node("l", "linear", "input", features=2),)))
    with pytest.raises(InputError, match="computes in floats") as caught:
        lower_network(net)
    assert (caught.value.code, "ptq" in caught.value.hint) == ("E126", True)
    done = small(
        node("l", "linear", "input", features=2), node("r", "relu", "l"), node("m", "linear", "r", features=2)
    )
    del done.quantisers["r"]
    with pytest.raises(InputError, match="'r' has no scale"):
        lower_network(done)
    with pytest.raises(InputError, match="3 classes are named"):
        lower_network(small(node("l", "linear", "input", features=2)), ("a", "b", "c"))


@pytest.mark.parametrize(("count", "fits"), [(66_300, True), (66_320, False)])
def test_sums_are_proven_to_stay_in_32_bits(count: int, fits: bool) -> None:
    """127 times 255 in each place reach 2^31 at 66,312 of them."""
    net = Network(Architecture((count,), (node("l", "linear", "input", features=1, bias=False),)))
    net.quantisers["input"] = Uniform(torch.tensor([1.0]), 8, signed=False)
    net.layer("l").weight.data.fill_(1.0)
    if fits:
        lowered = lower_network(net)
        most = infer(lowered.graph, np.full((1, count), 255)).scores
        assert most[0, 0] * lowered.score_scale == pytest.approx(255 * count, rel=1e-4)
        return
    with pytest.raises(InputError, match="'l' has sums that could leave 32 bits") as caught:
        lower_network(net)
    assert caught.value.code == "E126"


def test_a_bias_beside_which_weights_are_nothing_fits_too() -> None:
    net = small(node("l", "linear", "input", features=2))
    layer = net.layer("l")
    with torch.no_grad():
        layer.weight[1] *= 1e-12
        assert layer.bias is not None
        layer.bias[1] = 5.0
    layer.form = None
    nearest(layer, 8, "channel")
    lowered = lower_network(net)
    assert scores(lowered, np.zeros((1, 4), np.float32))[0, 1] == pytest.approx(5.0, rel=1e-4)
    assert lowered.weight_error["l"] < 1e-9


@pytest.mark.parametrize("bits", [3, 8])
def test_values_and_what_they_stand_for_make_the_same_graph_again(bits: int) -> None:
    _, net, _ = drawn(5, bits=bits)
    kept = json.loads(json.dumps(quantization(net).to_json()))
    again = Network(net.architecture)
    again.load_arrays(net.arrays())
    set_quantization(again, Quantization.from_json(kept))
    assert lower_network(again.eval()).graph.sha256 == lower_network(net).graph.sha256


def test_a_file_has_all_that_the_integer_graph_is_made_of() -> None:
    _, net, items = drawn(5, bits=4)
    again = restored(State(net).packed()[0]).eval()
    assert list(again.quantisers) == list(net.quantisers)
    assert lower_network(again).graph.sha256 == lower_network(net).graph.sha256
    x = torch.as_tensor(items.x)
    assert torch.equal(again(x), net(x))


class Table(nn.Module):
    """A form with a table of values."""

    def __init__(self, values: list[float]) -> None:
        super().__init__()
        self.table = torch.tensor([0.0, *values], dtype=torch.float16).float()

    def _symbols(self, weight: Tensor) -> Tensor:
        return (weight[..., None] - self.table).abs().argmin(-1)

    def forward(self, weight: Tensor) -> Tensor:
        return self.table[self._symbols(weight)]

    def stored(self, weight: Tensor) -> Stored:
        symbols = self._symbols(weight).numpy().reshape(-1)
        return Stored.of_table(tuple(weight.shape), symbols, self.table.half().numpy())


@pytest.mark.parametrize(
    ("values", "exact", "largest"),
    [
        ([0.37, -0.37], True, 1),
        ([0.375, -0.25, 0.125], True, 3),
        ([0.5, -0.499], False, 127),
        ([0.9404, -0.9746], False, 127),
    ],
)
def test_a_table_of_multiples_is_lowered_exactly(values: list[float], exact: bool, largest: int) -> None:
    layer = LinearLayer(9, 4)
    layer.weight.data = torch.linspace(-0.6, 0.6, 36).reshape(9, 4).T.contiguous()
    layer.form = Table(values)
    found = integer_weights(layer)
    used = layer.effective.detach().numpy()
    stands_for = (found.values * found.scale[:, None]).astype(np.float32)
    assert (found.error == 0) == exact
    assert np.array_equal(stands_for, used) == exact
    assert np.abs(found.values).max() == largest
    if not exact:
        assert np.abs(found.values * found.scale[:, None] - used).max() == found.error < 0.5 / 127


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_integers_are_lowered_as_they_are(bits: int) -> None:
    net = small(node("l", "linear", "input", features=3), bits=bits)
    lowered, form = lower_network(net), net.layer("l").form
    assert isinstance(form, Uniform)
    np.testing.assert_array_equal(lowered.graph.const("l_weights"), form.integers(net.layer("l").weight))
    assert lowered.weight_error["l"] == 0


def test_a_lowered_network_goes_through_a_file(tmp_path: Any) -> None:
    _, net, data = quantised(0)
    lowered = lower_network(net, ("a", "b", "c"), name="digits")
    save_graph(lowered.graph, tmp_path / "graph.npz")
    again = load_graph(tmp_path / "graph.npz")
    assert (again.sha256, again.outputs) == (lowered.graph.sha256, ("a", "b", "c"))
    given = lowered.items(data.x)
    np.testing.assert_array_equal(infer(again, given).scores, infer(lowered.graph, given).scores)
    assert sorted(emit(again)) == ["digits.c", "digits.h"]
