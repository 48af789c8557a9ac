"""Joins and activations as tables: what their integers are, and that the network of integers says what it did."""

from __future__ import annotations

from collections.abc import Callable
from math import erf, exp, tanh

import numpy as np
import pytest
import torch

from sarto.compress.places import by_table, in_full, places, positive, reach
from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.compress.uniform import quantiser
from sarto.core.graph import infer
from sarto.core.graph.network import concat, looked_up
from sarto.core.graph.operations import requantise
from sarto.core.graph.whole import tensors
from sarto.data.examples import of_arrays
from sarto.deploy.lower.rescaling import rescaling
from sarto.deploy.lower.table import FUNCTIONS, entries
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from sarto.models.network.operations import SMOOTH, Value
from tests.deploy.agreement import agrees


def node(name: str, op: str, *inputs: str, **attributes: Value) -> Node:
    return Node(name, op, inputs, attributes)


def small(*nodes: Node, shape: tuple[int, ...] = (4,), peak: float = 1.0) -> Network:
    torch.set_num_threads(1)
    net = Network(Architecture(shape, nodes), 0).eval()
    rng = np.random.default_rng(0)
    net.load_arrays(
        {n: rng.uniform(-peak, peak, a.shape).astype(np.float32) for n, a in net.arrays().items()}
    )
    data = of_arrays(rng.normal(size=(30, *shape)), np.arange(30) % 2)
    return ptq.quantise(State(net), Evaluation(data, data)).network


@pytest.mark.parametrize("ratio", [0.5, 0.9, 3.0, 1e4])
def test_a_ratio_of_a_half_or_more_has_a_short_shift(ratio: float) -> None:
    m, s = rescaling(ratio)
    assert 1 <= s < 16 and 2**14 <= m < 2**15
    assert m * 2.0**-s == pytest.approx(ratio, rel=2**-15)


def test_every_smaller_ratio_is_the_upper_half_of_one_product() -> None:
    rng = np.random.default_rng(0)
    acc = rng.integers(-(2**31), 2**31, 400)
    for ratio in (*np.exp(rng.uniform(np.log(2.0**-40), np.log(0.5), 300)), 2.0**-18, 0.0):
        m, s = rescaling(float(ratio))
        assert 16 <= s <= 32 and 0 <= m < 2**15 and m << (32 - s) < 2**31
        found = requantise(acc, m, s)
        np.testing.assert_array_equal(found, (acc * (m << (32 - s)) + 2**31) >> 32)
        exact = acc * ratio
        assert (np.abs(found - exact) <= 0.5 + np.maximum(0.25, np.abs(exact) * 2.0**-15) + 1e-6).all()


def test_a_ratio_that_no_shift_has_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be written"):
        rescaling(2.0**16)
    with pytest.raises(ValueError, match="positive and finite"):
        rescaling(float("nan"))


def test_a_join_rescales_and_clamps_each_input_but_copies_what_has_the_scale() -> None:
    x, y = np.array([[[-100, 3]]], np.int8), np.array([[[250]]], np.uint8)
    assert concat([x, y], [(3, 1), (1, 1)], (-120, 120)).tolist() == [[[-120, 5, 120]]]
    assert concat([x, y], [(1, 0), (3, 2)], (-127, 127)).tolist() == [[[-100, 3, 127]]]


def test_entries_are_found_by_the_number() -> None:
    table = np.arange(256).astype(np.uint8)
    assert looked_up(np.array([-128, -1, 0, 127], np.int8), table).tolist() == [0, 127, 128, 255]
    assert looked_up(np.array([0, 255], np.uint8), table).tolist() == [0, 255]


FORMULAS: dict[str, Callable[[float], float]] = {
    "sigmoid": lambda x: 1 / (1 + exp(-x)),
    "tanh": tanh,
    "gelu": lambda x: x * (1 + erf(x / 2**0.5)) / 2,
    "silu": lambda x: x / (1 + exp(-x)),
    "hard_swish": lambda x: x * min(max(x + 3, 0), 6) / 6,
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_table_is_the_function_rounded(name: str) -> None:
    assert set(FORMULAS) == set(FUNCTIONS) == set(SMOOTH)
    of, scale = 0.037, 0.011
    table = entries(FUNCTIONS[name], of, signed=True, scale=scale, limits=(-20, 100))
    for place, q in enumerate(range(-128, 128)):
        assert table[place] == min(max(round(FORMULAS[name](q * of) / scale), -20), 100)
    unsigned = entries(FUNCTIONS[name], of, signed=False, scale=scale, limits=(-20, 100))
    assert unsigned[:128].tolist() == table[128:].tolist() and len(unsigned) == 256


@pytest.mark.parametrize("op", ["tanh", "sigmoid", "gelu", "silu", "hard_swish", "leaky_relu"])
def test_an_activation_is_what_the_quantised_network_has(op: str) -> None:
    """Given the same number of 8 bits, it is the same number of 8 bits, behind a layer, a sum and the input."""
    net = small(
        node("at_once", op, "input"),
        node("a", "linear", "at_once", features=6),
        node("bent", op, "a"),
        node("s", "add", "bent", "a"),
        node("again", op, "s"),
        node("l", "linear", "again", features=2),
    )
    lowered = agrees(net)
    assert [o.kind for o in lowered.graph.whole].count("table") == 3
    assert lowered.graph.by_name["again_table"].shape == (256,)
    x = np.random.default_rng(2).normal(size=(50, 4)).astype(np.float32)
    held = tensors(lowered.graph, lowered.items(x))
    for name, before in (("at_once", "input"), ("bent", "a"), ("again", "s")):
        read, form = quantiser(net, before), quantiser(net, name)
        assert read is not None and form is not None
        q = torch.as_tensor(held[before].astype(np.float32)) * read.scale
        wanted = form.integers(net.apply_node(net.architecture.by_name[name], [q]))
        np.testing.assert_array_equal(held[name], wanted)


def test_a_leaky_relu_behind_a_layer_needs_no_table() -> None:
    net = small(
        node("a", "linear", "input", features=5),
        node("k", "leaky_relu", "a", slope=0.2),
        node("l", "linear", "k", features=2),
    )
    assert [o.kind for o in agrees(net).graph.whole] == ["dense", "dense", "argmax"]


@pytest.mark.parametrize("op", ["sigmoid", "relu6", "relu", "gelu"])
def test_an_activation_at_the_end_gives_scores_of_32_bits(op: str) -> None:
    net = small(node("l", "linear", "input", features=5), node("end", op, "l"), peak=2.0)
    lowered, form = agrees(net), quantiser(net, "end")
    if op == "relu":
        assert form is None
        return
    assert form is not None and lowered.score_scale == form.numbers.scale[0]
    scores = infer(lowered.graph, lowered.items(np.full((1, 4), 1, np.float32))).scores
    assert form.low <= scores.min() < scores.max() <= form.high


def test_what_is_read_by_a_saturating_function_alone_keeps_to_where_it_changes() -> None:
    nodes = (
        node("a", "linear", "input", features=5),
        node("t", "tanh", "a"),
        node("b", "linear", "t", features=5),
        node("g", "sigmoid", "b"),
        node("c", "linear", "g", features=5),
        node("u", "tanh", "c"),
        node("s", "add", "u", "c"),
        node("l", "linear", "s", features=2),
    )
    net = small(*nodes, peak=9.0)
    scales = {name: form.numbers.scale[0] * 127 for name in "abc" if (form := quantiser(net, name))}
    assert scales["a"] == pytest.approx(np.arctanh(126.5 / 127))
    assert scales["b"] == pytest.approx(np.log(254.5 / 0.5))
    assert scales["c"] > 9
    assert reach(net.architecture, "c") == reach(net.architecture, "l") == np.inf
    agrees(net)


def test_where_integers_are_made_around_tables() -> None:
    arch = Architecture(
        (3,),
        (
            node("a", "linear", "input", features=2),
            node("t", "tanh", "a"),
            node("j", "concat", "t", "input"),
            node("r", "relu", "j"),
            node("k", "leaky_relu", "r"),
            node("l", "linear", "k", features=2),
            node("g", "sigmoid", "l"),
            node("f", "flatten", "g"),
        ),
    )
    assert places(arch) == ("input", "a", "t", "r", "k", "l", "g")
    assert in_full(arch) == {"f"}
    assert [n.name for n in arch.nodes if by_table(arch, n)] == ["t", "k", "g"]
    assert positive(arch, False) == {"r", "k", "g", "f"}


def test_images_are_joined_on_their_channels() -> None:
    net = small(
        node("a", "conv", "input", channels=3, kernel=(3, 3), padding=1),
        node("r", "relu", "a"),
        node("b", "conv", "input", channels=2, kernel=(1, 1)),
        node("p", "max_pool", "r", kernel=(3, 3), stride=1, padding=1),
        node("j", "concat", "r", "b", "p"),
        node("k", "relu6", "j"),
        node("c", "conv", "k", channels=4, kernel=(3, 3), groups=4),
        node("f", "flatten", "c"),
        node("l", "linear", "f", features=3),
        shape=(2, 5, 6),
    )
    lowered = agrees(net)
    (join,) = (op for op in lowered.graph.whole if op.kind == "concat")
    assert lowered.graph.by_name["k"].shape == (5, 6, 8) and join.attributes["low"] == 0
    assert join.attributes["factor_0"] == join.attributes["factor_2"] != join.attributes["factor_1"]


def test_what_has_the_scale_of_the_join_is_copied() -> None:
    net = small(
        node("a", "conv", "input", channels=3, kernel=(2,)),
        node("p", "max_pool", "a", kernel=(3,), stride=1, padding=1),
        node("j", "concat", "p", "a"),
        node("c", "conv", "j", channels=2, kernel=(2,)),
        node("m", "global_mean_pool", "c"),
        shape=(2, 9),
    )
    form = quantiser(net, "a")
    assert form is not None
    net.quantisers["j"] = form
    lowered = agrees(net)
    (join,) = (op for op in lowered.graph.whole if op.kind == "concat")
    assert {k: v for k, v in join.attributes.items() if "_" in k} == {
        "factor_0": 1, "shift_0": 0, "factor_1": 1, "shift_1": 0,
    }  # fmt: skip


def test_vectors_in_another_order_are_joined_as_they_lie() -> None:
    net = small(
        node("c", "conv", "input", channels=3, kernel=(1, 1)),
        node("f", "flatten", "c"),
        node("g", "linear", "f", features=5),
        node("j", "concat", "g", "f", "f"),
        node("l", "linear", "j", features=2),
        shape=(2, 2, 3),
    )
    lowered = agrees(net)
    assert "permute" not in {op.kind for op in lowered.graph.whole}
    moved = (
        node("c", "conv", "input", channels=3, kernel=(1, 1)),
        node("f", "flatten", "c"),
        node("t", "tanh", "f"),
    )
    agrees(small(*moved, node("l", "linear", "t", features=2), shape=(2, 2, 3)))
    agrees(small(*moved, shape=(2, 2, 3)))
    ends = small(
        node("c", "conv", "input", channels=3, kernel=(1, 1)),
        node("f", "flatten", "c"),
        node("g", "linear", "f", features=5),
        node("j", "concat", "g", "f"),
        shape=(2, 2, 3),
    )
    assert [op.kind for op in agrees(ends).graph.whole][-2:] == ["permute", "argmax"]
