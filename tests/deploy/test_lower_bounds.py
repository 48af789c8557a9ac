"""Bounds in integers: limits of the operation before them, so that a bounded network has the operations it had."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.compress.uniform import quantiser
from sarto.core.graph import infer
from sarto.deploy.c.emit import emit
from sarto.deploy.lower.network import Lowered, lower_network
from sarto.deploy.lower.target import Target
from sarto.deploy.onnx.integers import integer_model
from sarto.learn.harden import restrict_ranges
from sarto.learn.harden._seen import Per
from sarto.measure.host import run_on_host
from sarto.measure.model import of_items, outputs
from sarto.measure.outputs import check_equal
from sarto.measure.session import Session
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network, predict
from sarto.models.network.rebuilt import rebuilt
from tests.deploy.agreement import agrees
from tests.deploy.random_networks import architecture, items, mixed, shaken


def lowered(net: Network, seed: int) -> Lowered:
    data = items(net.architecture, seed)
    state = ptq.quantise(State(net), Evaluation(data, data), observer="min_max", correct_bias=False)
    return lower_network(state.network, data.classes)


@pytest.mark.parametrize("per", ["layer", "channel"])
@pytest.mark.parametrize("arch", [architecture(1), mixed(2)], ids=["some", "mixed"])
def test_bounds_take_no_operation_no_constant_and_no_byte(arch: Architecture, per: Per) -> None:
    """All activations are among these: the leaky one of `mixed(2)` ends it, where its bounds are those of scores."""
    torch.set_num_threads(1)
    net, x = shaken(arch, 7), items(arch, 7).x
    plain, bounded = lowered(net, 7), lowered(restrict_ranges(net, x, per=per), 7)
    assert [op.kind for op in bounded.graph.whole] == [op.kind for op in plain.graph.whole]
    sizes = [[(t.dtype, t.shape) for t in one.graph.tensors] for one in (plain, bounded)]
    assert sizes[0] == sizes[1]
    for before, after in zip(plain.graph.tensors, bounded.graph.tensors, strict=True):
        if before.kind == "const" and not before.name.endswith("_table"):
            np.testing.assert_array_equal(before.data, after.data)
    for before, after in zip(plain.graph.whole, bounded.graph.whole, strict=True):
        if "low" in before.attributes:
            low, high = before.attributes["low"], before.attributes["high"]
            assert low <= after.attributes["low"] <= after.attributes["high"] <= high
    found, wanted = (infer(one.graph, one.items(x)).scores * one.score_scale for one in (bounded, plain))
    assert np.mean(np.abs(found - wanted) < 0.02 * np.abs(wanted).max()) > 0.98
    far = bounded.items(200 * x)
    most = predict(net, x).max() + bounded.score_scale
    assert (infer(bounded.graph, far).scores * bounded.score_scale).max() <= most


def chain(*nodes: Node, low: float, high: float) -> Network:
    """A small quantised network, of which each `clip` has these bounds."""
    torch.set_num_threads(1)
    net = shaken(Architecture((4,), nodes), 3)
    given = {
        f"{n.name}.{end}": v for n in nodes if n.op == "clip" for end, v in (("low", low), ("high", high))
    }
    net.load_arrays({k: np.full_like(v, given[k]) if k in given else 3 * v for k, v in net.arrays().items()})
    data = items(net.architecture, 1)
    return ptq.quantise(State(net), Evaluation(data, data)).network


def node(name: str, op: str, *inputs: str, **attributes: int | float) -> Node:
    return Node(name, op, inputs, attributes)


def test_bounds_are_counts_of_the_scale() -> None:
    net = chain(
        node("a", "linear", "input", features=6),
        node("k", "clip", "a"),
        node("l", "linear", "k", features=3),
        node("end", "clip", "l"),
        low=-0.4,
        high=0.9,
    )
    found, form = agrees(net), quantiser(net, "k")
    assert form is not None and [op.kind for op in found.graph.whole] == ["dense", "dense", "argmax"]
    first, last, _ = found.graph.whole
    scale = form.numbers.scale[0]
    assert (first.attributes["low"], first.attributes["high"]) == (round(-0.4 / scale), round(0.9 / scale))
    limits = (round(-0.4 / found.score_scale), round(0.9 / found.score_scale))
    assert (last.attributes["low"], last.attributes["high"]) == limits
    assert found.graph.by_name["end"].dtype == "int32"
    x = np.random.default_rng(4).normal(size=(30, 4)).astype(np.float32)
    ours = infer(found.graph, found.items(x)).scores
    theirs = Session(integer_model(found.graph, (4,), found.limits)).scores(x) / found.score_scale
    assert {*limits} <= set(ours.ravel().tolist())
    np.testing.assert_allclose(theirs, ours, atol=0.02 * limits[1])


def test_bounds_are_part_of_tables_and_of_a_slope_and_stand_alone_behind_a_pool() -> None:
    nodes = (
        node("a", "linear", "input", features=6),
        node("s", "leaky_relu", "a", slope=0.25),
        node("t", "clip", "s", by_channel=False),
        node("u", "tanh", "t"),
        node("v", "clip", "u"),
        Node("r", "reshape", ("v",), {"shape": (2, 3)}),
        Node("p", "max_pool", ("r",), {"kernel": (2,), "stride": (1,)}),
        node("w", "clip", "p"),
        node("f", "flatten", "w"),
        node("l", "linear", "f", features=3),
    )
    net = chain(*nodes, low=-0.1, high=0.5)
    found = agrees(net)
    kinds = [op.kind for op in found.graph.whole if op.kind not in ("reshape", "permute")]
    assert kinds == ["dense", "table", "max", "add", "dense", "argmax"]
    form = quantiser(net, "v")
    assert form is not None
    table = found.graph.by_name["u_table"].data
    scale = form.numbers.scale[0]
    assert table is not None and (table.min(), table.max()) == (
        round(-0.1 / scale),
        min(127, round(0.5 / scale)),
    )


def test_bounds_of_channels_are_lowered_as_those_of_all_or_refused() -> None:
    net = chain(node("a", "linear", "input", features=3), node("k", "clip", "a"), low=-1, high=1)
    assert net.architecture.nodes[1].attributes["by_channel"] is False
    wide = replace(net.architecture.nodes[1], attributes={"by_channel": True})
    again = rebuilt(net, Architecture((4,), (net.architecture.nodes[0], wide)), {})
    again.quantisers = net.quantisers
    with pytest.raises(InputError, match="'k' has bounds of channels") as error:
        lower_network(again)
    assert error.value.code == "E126"


def test_there_is_always_a_number_within_limits_and_bounds() -> None:
    assert Target("x", 1.0, (0, 255), bounds=(-5.0, -3.0)).within(1.0) == (0, 0)
    assert Target("x", 1.0, (-127, 127), bounds=(300.0, 400.0)).within(1.0) == (127, 127)
    assert Target("x", 0.0, (-9, 9), bounds=(-1.0, 0.5)).within(0.25) == (-4, 2)


def test_the_c_of_a_bounded_network_says_what_the_graph_says() -> None:
    torch.set_num_threads(1)
    arch = mixed(2, mam=False)
    net = shaken(arch, 2)
    found = lowered(restrict_ranges(net, items(arch, 2).x), 2)
    sequences = of_items(found.items(5 * items(arch, 2).x[:6]))
    said = run_on_host(emit(found.graph), sequences.listed(), sanitize=True)
    check_equal(outputs(found.graph, sequences), said, "NumPy", "C")
