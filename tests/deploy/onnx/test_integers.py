"""Integer networks as QDQ files: ONNX Runtime says of an item what the integer network says, but for rounding."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from sarto.compress.uniform import Uniform, quantiser
from sarto.core.graph import Graph, Op, infer
from sarto.core.graph.reject import Rule
from sarto.deploy.lower.network import Lowered, lower_network
from sarto.deploy.onnx.integers import integer_model
from sarto.deploy.reject import with_reject
from sarto.measure.onnx import INTEGER_TOLERANCE, agreement
from sarto.measure.session import Session
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.operations import Value
from tests.deploy.models import lowered as lowered_reservoir
from tests.deploy.random_networks import quantised

HALF = 0.51
"""Of a count: the rounding of a score, which the file leaves away."""


def node(name: str, op: str, *inputs: str, **attributes: Value) -> Node:
    return Node(name, op, inputs, attributes)


def counts(low: Lowered, data: bytes, x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return Session(data).scores(x) / low.score_scale


def exported(
    *nodes: Node, shape: tuple[int, ...], seed: int = 1, **settings: Any
) -> tuple[bytes, list[float]]:
    """The file of a small network, and by how many counts its scores differ at most, item by item."""
    _, net, examples = quantised(seed, Architecture(shape, nodes), **settings)
    low = lower_network(net)
    data = integer_model(low.graph, shape, low.limits)
    ours = infer(low.graph, low.items(examples.x)).scores
    return data, np.abs(counts(low, data, examples.x) - ours).max(axis=1).tolist()


def kinds(data: bytes) -> Counter[str]:
    return Counter(n.op_type for n in onnx.load_from_string(data).graph.node)


@pytest.mark.parametrize("seed", range(12))
def test_a_random_network_says_the_same(seed: int) -> None:
    """Most items agree but for the rounding of scores; no score is beyond the tolerance that is stated."""
    _, net, examples = quantised(seed, bits=4 if seed % 4 == 0 else 8)
    low = lower_network(net)
    ours = infer(low.graph, low.items(examples.x)).scores
    theirs = counts(low, integer_model(low.graph, net.architecture.input_shape, low.limits), examples.x)
    found = agreement(ours.astype(np.float64), theirs, INTEGER_TOLERANCE)
    assert found.holds, found
    exact = np.abs(theirs - ours).max(axis=1) < HALF
    assert exact.mean() > 0.6, exact.mean()


CONV = node("c", "conv", "input", channels=3, kernel=(2, 3), stride=(1, 2), padding=(1, 0))
FLAT = (CONV, node("r", "relu", "c"), node("f", "flatten", "r"))


def test_the_weights_behind_a_flattening_follow_the_order_and_no_number_moves() -> None:
    data, apart = exported(*FLAT, node("l", "linear", "f", features=4), shape=(2, 4, 5))
    assert np.median(apart) < HALF
    assert not {"Transpose", "Gather"} & set(kinds(data))
    assert kinds(data)["QuantizeLinear"] == 2 and kinds(data)["Relu"] == 1


def test_scores_that_are_flattened_come_in_the_networks_order() -> None:
    data, apart = exported(CONV, node("f", "flatten", "c"), shape=(2, 4, 5))
    assert max(apart) < HALF
    assert not {"Transpose", "Gather"} & set(kinds(data))


def test_numbers_move_where_two_orders_meet_and_where_some_are_taken() -> None:
    nodes = (
        node("c", "conv", "input", channels=3, kernel=(1, 1)),
        node("f", "flatten", "c"),
        node("g", "linear", "f", features=12),
        node("s", "add", "g", "f"),
        node("t", "take", "s", runs=(2, 7, 3)),
        node("v", "reshape", "s", shape=(6, 2)),
        node("d", "conv", "v", channels=2, kernel=(2,)),
        node("m", "global_mean_pool", "d"),
        node("k", "linear", "t", features=2),
        node("l", "add", "m", "k"),
    )
    data, apart = exported(*nodes, shape=(3, 2, 2))
    assert np.median(apart) < 20 and "Gather" in kinds(data)


@pytest.mark.parametrize("op", ["tanh", "sigmoid", "gelu", "silu", "hard_swish", "leaky_relu"])
def test_a_table_is_an_activation_or_its_entries(op: str) -> None:
    nodes = (*FLAT[:1], node("t", op, "c"), node("f", "flatten", "t"), node("l", "linear", "f", features=3))
    other = (node("a", "linear", "input", features=5), node("s", "add", "a", "input"), node("t", op, "s"))
    data, apart = exported(*nodes, shape=(2, 4, 5))
    assert np.median(apart) < HALF
    named = {"tanh": "Tanh", "sigmoid": "Sigmoid", "leaky_relu": "PRelu"}
    assert kinds(data)[named.get(op, "Gather")] == 1
    data, apart = exported(*other, node("l", "linear", "t", features=3), shape=(5,))
    assert np.median(apart) < HALF
    assert kinds(data)[named.get(op, "Gather") if op != "leaky_relu" else "Gather"] == 1


@pytest.mark.parametrize("shape", [(3, 4, 4), (5,)])
def test_joins_of_images_and_of_vectors(shape: tuple[int, ...]) -> None:
    if len(shape) == 1:
        parts = [node(n, "linear", "input", features=k) for n, k in (("a", 4), ("b", 3))]
        end = ()
    else:
        parts = [
            node("a", "conv", "input", channels=4, kernel=(1, 1)),
            node("b", "max_pool", "input", kernel=(1, 1)),
        ]
        end = (node("f", "flatten", "j"), node("g", "flatten", "b"), node("h", "concat", "f", "g"))
    join = node("j", "concat", "a", "b", "a")
    last = end[-1].name if end else "j"
    data, apart = exported(*parts, join, *end, node("l", "linear", last, features=3), shape=shape)
    assert np.median(apart) < 20 and kinds(data)["Concat"] == 1 + bool(end)


def test_fewer_bits_are_clipped_and_eight_are_not() -> None:
    nodes = (*FLAT, node("l", "linear", "f", features=4))
    _, net, examples = quantised(1, Architecture((2, 4, 5), nodes))
    assert "Clip" not in kinds(exported(*nodes, shape=(2, 4, 5))[0])
    for name, signed in (("input", True), ("r", False)):
        scale = quantiser(net, name)
        assert scale is not None
        net.quantisers[name] = Uniform(scale.scale.detach() * 6, 5, signed=signed)
    low = lower_network(net)
    data = integer_model(low.graph, (2, 4, 5), low.limits)
    ours = infer(low.graph, low.items(examples.x)).scores
    assert np.abs(counts(low, data, examples.x) - ours).max() < HALF
    assert kinds(data)["Clip"] == 2 and (low.limits, low.graph.by_name["r"].dtype) == ((-15, 15), "uint8")
    assert abs(low.items(examples.x)).max() == 15, "the limits are reached"


def test_what_stands_in_the_file() -> None:
    _, net, _ = quantised(3, Architecture((2, 4, 5), (*FLAT, node("l", "linear", "f", features=4))))
    low = lower_network(net, ("a", "b", 'c"', "ü"))
    data = integer_model(low.graph, (2, 4, 5), low.limits)
    assert data == integer_model(low.graph, (2, 4, 5), low.limits), "the same graph gives the same bytes"
    model = onnx.load_from_string(data)
    assert {p.key: p.value for p in model.metadata_props} == {
        "classes": json.dumps(["a", "b", 'c"', "ü"]),
        "graph_sha256": low.graph.sha256,
    }
    dims = [d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim]
    assert dims[1:] == [2, 4, 5] and [o.name for o in model.graph.output] == ["scores"]
    stored = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    assert all(not value.any() for name, value in stored.items() if name.rstrip("_").endswith("zero"))
    for layer in ("c", "l"):
        op = next(o for o in low.graph.whole if o.inputs.get("weights") == f"{layer}_weights")
        given, made = (low.graph.by_name[n].scale for n in (op.inputs["x"], op.outputs["y"]))
        assert given and made
        ratio = low.graph.const(op.inputs["factor"]) * 2.0 ** -low.graph.const(op.inputs["shift"]).astype(
            float
        )
        name = f"{op.outputs['y']}_weights_scale"
        np.testing.assert_allclose(stored[name], ratio * made / given, rtol=1e-7)
        assert stored[f"{op.outputs['y']}_weights_integers"].dtype == np.int8
        assert stored[f"{op.outputs['y']}_bias_integers"].dtype == np.int32


def test_an_unknown_operation_is_named_with_its_place() -> None:
    _, net, _ = quantised(3, Architecture((4,), (node("a", "linear", "input", features=3),)))
    graph = lower_network(net).graph
    (op, _) = graph.whole
    strange = Graph(
        graph.name,
        graph.tensors,
        (),
        (),
        (),
        1,
        0,
        None,
        graph.outputs,
        (),
        (),
        (Op("fourier", op.inputs, op.outputs),),
    )
    with pytest.raises(InputError, match=r"'a' is fourier, which has no counterpart in ONNX here") as error:
        integer_model(strange, (4,))
    assert error.value.code == "E134" and "it follows 'input'" in str(error.value)


def test_a_reject_option_is_refused_which_no_node_stands_for() -> None:
    _, net, _ = quantised(3, Architecture((4,), (node("a", "linear", "input", features=3),)))
    graph = with_reject(lower_network(net).graph, Rule(np.array([1, 2, 3])))
    with pytest.raises(InputError, match="the reject option has no counterpart") as error:
        integer_model(graph, (4,))
    assert error.value.code == "E134" and "--to c" in error.value.hint


def test_a_stream_is_refused() -> None:
    with pytest.raises(InputError, match="the model runs on a stream") as error:
        integer_model(lowered_reservoir(units=3, lengths=(4,) * 4).graph, (3,))
    assert error.value.code == "E134" and "--to c" in str(error.value)


def test_the_input_has_the_networks_shape_also_for_sequences() -> None:
    nodes = (
        node("c", "conv", "input", channels=3, kernel=(3,), padding=1, dilation=2, groups=1),
        node("m", "mean_pool", "c", kernel=(3,), stride=2, padding=1),
        node("x", "max_pool", "m", kernel=(2,)),
        node("f", "flatten", "x"),
    )
    data, apart = exported(*nodes, shape=(2, 12))
    assert max(apart) <= 1.5 and math.isfinite(max(apart))
    dims = onnx.load_from_string(data).graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_value for d in dims][1:] == [2, 12]
