"""A network as a tree: the step, its integers, and the C of them, bit for bit."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from jaxtyping import Float

from sarto.compress.recipe import apply, parse
from sarto.compress.state import Evaluation, State, restored
from sarto.compress.tree_copy import TreeCopy, counts_of
from sarto.core.graph import infer
from sarto.data.examples import Examples
from sarto.deploy.c.emit import emit
from sarto.deploy.lower.network import Lowered, lower_network
from sarto.deploy.lower.tree import whole_thresholds
from sarto.deploy.onnx.integers import integer_model
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.host import run_on_host
from sarto.measure.model import of_items, outputs
from sarto.measure.outputs import check_equal
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network, predict

SHAPE = (2, 3, 4)


def items(seed: int, bytes_: bool = False) -> Float[np.ndarray, "item 2 3 4"]:
    rng = np.random.default_rng(seed)
    if bytes_:
        return (rng.integers(0, 256, (300, *SHAPE)) / 255).astype(np.float32)
    return rng.normal(0, 3, (300, *SHAPE)).astype(np.float32)


def evaluation(bytes_: bool = False) -> Evaluation:
    train, held = (Examples(items(seed, bytes_), np.arange(300) % 3, ("a", "b", "c")) for seed in (0, 1))
    return Evaluation(train, held)


@cache
def teacher() -> Network:
    """Says which of three numbers of an item is the largest."""
    torch.set_num_threads(1)
    nodes = (Node("flat", "flatten", ("input",)), Node("head", "linear", ("flat",), {"features": 3}))
    network = Network(Architecture(SHAPE, nodes))
    weight = np.zeros((3, 24), np.float32)
    weight[[0, 1, 2], [3, 13, 22]] = 5
    network.load_arrays({"head.weight": weight, "head.bias": np.zeros(3, np.float32)})
    return network


@cache
def tree(bytes_: bool = False) -> Network:
    (order,) = parse("tree:20")
    return apply(order, State(teacher()), evaluation(bytes_)).network


@cache
def lowered(bytes_: bool = False) -> Lowered:
    return lower_network(tree(bytes_), ("a", "b", "c"))


@pytest.mark.parametrize("bytes_", [False, True])
def test_a_tree_agrees_with_the_network_that_it_copies(bytes_: bool) -> None:
    x = items(2, bytes_)
    scores = predict(tree(bytes_), x)
    assert set(scores.sum(axis=1).tolist()) == {1.0} and set(np.unique(scores).tolist()) == {0.0, 1.0}
    same = scores.argmax(axis=1) == predict(teacher(), x).argmax(axis=1)
    assert same.mean() > 0.7  # by chance a third
    assert {int(f) for f in lowered().graph.const("tree_feature")} <= set(range(24))


@pytest.mark.parametrize("bytes_", [False, True])
def test_whole_numbers_decide_as_floats(bytes_: bool) -> None:
    x = np.concatenate([items(2, bytes_), items(0, bytes_)])
    found = lowered(bytes_)
    (given,) = found.graph.kind("input")
    assert given.dtype == ("uint8" if bytes_ else "int16")
    scores = infer(found.graph, found.items(x)).scores
    np.testing.assert_array_equal(scores, predict(tree(bytes_), x))


def test_thresholds_are_the_last_count_that_goes_left() -> None:
    rng = np.random.default_rng(0)
    scale = float(np.float32(0.0137))
    q = rng.integers(-32767, 32768, 500)
    on = (q.astype(np.float32) * np.float32(scale)).astype(np.float32)
    below, above = np.nextafter(on, np.float32(-np.inf)), np.nextafter(on, np.float32(np.inf))
    for given, wanted in ((on, q), (below, q - 1), (above, q)):
        found = whole_thresholds(given, scale, (-32767, 32767))
        np.testing.assert_array_equal(found, wanted)


def test_a_file_gives_the_same_tree_back() -> None:
    data, table = State(tree()).packed()
    back = restored(data)
    assert back.architecture == tree().architecture and len(data) == sum(int(row[2]) for row in table.rows)
    np.testing.assert_array_equal(predict(back, items(2)), predict(tree(), items(2)))
    assert lower_network(back, ("a", "b", "c")).graph.sha256 == lowered().graph.sha256


@pytest.mark.parametrize(
    ("preorder", "why"),
    [
        ((1, 0, 0), "it ends before"),
        ((1, 0, 0, 0, 1, 0), "left over"),
        ((0, 1), "one leaf"),
        ((25, 0, 0, 0, 1), "more than 24 features"),
        ((1, 0, 0, 0, 3), "more than 3 outputs"),
    ],
)
def test_what_is_no_tree_is_refused(preorder: tuple[int, ...], why: str) -> None:
    node = Node("tree", "tree", ("input",), {"outputs": 3, "preorder": preorder})
    with pytest.raises(InputError, match="node 'tree' cannot be made") as caught:
        Architecture((24,), (node,))
    assert why in str(caught.value.cause)


@pytest.mark.parametrize("bytes_", [False, True])
def test_host(bytes_: bool) -> None:
    found, given = lowered(bytes_), of_items(lowered(bytes_).items(items(2, bytes_)[:60]))
    truth = outputs(found.graph, given)
    assert len(set(truth.classes.tolist())) == 3
    check_equal(truth, run_on_host(emit(found.graph), given.listed(), sanitize=True), "NumPy", "C")


def test_cortex_m4() -> None:
    found, given = lowered(), of_items(lowered().items(items(2)[:20]))
    built = build(emit(found.graph), device("cortex_m4"))
    check_equal(outputs(found.graph, given), emulate(built, given.listed()).outputs, "NumPy", "cortex_m4")
    assert not built.diagnostics


def test_what_cannot_be_a_tree_is_refused() -> None:
    with pytest.raises(InputError, match="cannot follow 'tree'") as caught:
        parse("tree:16,ptq:8")
    assert caught.value.code == "E133"
    assert [str(order) for order in parse("tree:16,rans")] == ["tree:16", "rans"]
    for leaves in ("1", "2.5"):
        with pytest.raises(InputError, match="at least 2") as caught:
            parse(f"tree:{leaves}")
        assert caught.value.code == "E136"
    same = Network(teacher().architecture)
    same.load_arrays(
        {"head.weight": np.zeros((3, 24), np.float32), "head.bias": np.eye(3, dtype=np.float32)[1]}
    )
    with pytest.raises(InputError, match="it says 'b'") as caught:
        TreeCopy(4)(State(same), evaluation())
    assert caught.value.code == "E136"
    nothing = Examples(np.zeros((3, *SHAPE), np.float32), np.arange(3), ("a", "b", "c"), input_scale=0.5)
    assert counts_of(nothing).bits == 8
    with pytest.raises(InputError, match="'tree' is forest, which has no counterpart in ONNX here"):
        integer_model(lowered().graph, SHAPE)
