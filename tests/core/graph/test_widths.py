"""Every width of a nested graph is a part of the full one: its integers, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from sarto.core.errors import SartoError
from sarto.core.graph import Graph, Op, infer, load_graph, save_graph
from sarto.core.graph.whole import tensors
from sarto.core.graph.widths import blocks, cut, in_groups, part
from tests.deploy.nested import CLASSES, GROUPS, nested

torch.set_num_threads(1)
CASES = ("shared", "own heads", "bent", "bent, own heads")


@pytest.mark.parametrize("name", CASES)
def test_integers_of_a_group_do_not_depend_on_the_width(name: str) -> None:
    lowered, _, data = nested(name)
    graph, items = lowered.graph, lowered.items(data.x[:3])
    full, found = tensors(graph, items), blocks(graph)
    assert found.channels
    for width in range(1, GROUPS):
        narrow = tensors(cut(graph, width), items)
        for tensor, channels in found.channels.items():
            by_channel = full[tensor].reshape(3, -1, channels)
            first = by_channel[:, :, : channels // GROUPS * width]
            np.testing.assert_array_equal(narrow[tensor].reshape(first.shape), first, err_msg=tensor)


@pytest.mark.parametrize("name", CASES)
def test_every_width_says_what_its_floats_say(name: str) -> None:
    lowered, network, data = nested(name)
    items = lowered.items(data.x)
    for width in range(1, GROUPS + 1):
        network.width = width
        with torch.no_grad():
            wanted = network(torch.as_tensor(data.x)).numpy()
        found = infer(cut(lowered.graph, width), items).scores * lowered.score_scale
        np.testing.assert_allclose(found, wanted, atol=0.06 * np.abs(wanted).max())
        assert np.mean(found.argmax(1) == wanted.argmax(1)) > 0.8


def sums(graph: Graph, items: np.ndarray) -> np.ndarray:
    """What the head of an ordinary graph adds up, without its bias."""
    head = graph.whole[-2]
    read = tensors(graph, items)[head.inputs["x"]].reshape(len(items), -1).astype(np.int64)
    return read @ graph.const(head.inputs["weights"]).astype(np.int64).T


@pytest.mark.parametrize("name", ["shared", "bent"])
def test_a_wider_run_is_the_narrower_one_and_what_its_group_adds(name: str) -> None:
    lowered, _, data = nested(name)
    graph, items = lowered.graph, lowered.items(data.x[:4])
    total = np.zeros((4, CLASSES), np.int64)
    for width in range(1, GROUPS + 1):
        share = sums(part(graph, width - 1, width), items)
        assert share.any()
        total += share
        np.testing.assert_array_equal(total, sums(cut(graph, width), items))


def test_the_groups_are_kept_in_a_file(tmp_path: Path) -> None:
    graph = nested("shared")[0].graph
    save_graph(graph, tmp_path / "graph.npz")
    again = load_graph(tmp_path / "graph.npz")
    assert (again.groups, again.sha256) == (GROUPS, graph.sha256)
    assert graph.sha256 != replace(graph, groups=2).sha256 != replace(graph, groups=1).sha256
    assert "groups" not in cut(graph, 2).describe()


@pytest.mark.parametrize("width", [0, 5, -1])
def test_a_width_that_is_not_there(width: int) -> None:
    with pytest.raises(SartoError, match=f"a width of {width} groups") as caught:
        cut(nested("shared")[0].graph, width)
    assert caught.value.code == "E173" and "take 1 to 4" in caught.value.hint


def changed(graph: Graph, kind: str, **attributes: int) -> Graph:
    """The same graph with other attributes of its last operation of a kind."""
    at = max(i for i, op in enumerate(graph.whole) if op.kind == kind)
    ops = list(graph.whole)
    ops[at] = replace(ops[at], attributes={**ops[at].attributes, **attributes})
    return replace(graph, whole=tuple(ops), groups=1)


def test_what_is_not_nested_is_refused() -> None:
    graph = nested("shared")[0].graph
    mixed = changed(graph, "conv", groups=1)
    cases: list[tuple[Graph, int, str]] = [
        (mixed, GROUPS, "'conv2_relu'"),
        (replace(graph, groups=1), 3, "channels cannot be cut into 3"),
        (replace(graph, whole=graph.whole[:-1], groups=1), GROUPS, "'the end'"),
        (
            replace(
                graph,
                whole=(
                    *graph.whole[:-2],
                    Op("add", {"x0": "input"}, graph.whole[-2].outputs),
                    graph.whole[-1],
                ),
            ),
            GROUPS,
            "linear layer",
        ),
    ]
    for one, groups, said in cases:
        with pytest.raises(SartoError) as caught:
            in_groups(one, groups)
        assert caught.value.code == "E173"
        assert said in f"{caught.value.message} {caught.value.cause}"


def test_any_chain_is_nested_in_one_group() -> None:
    graph = replace(nested("one layer")[0].graph, groups=1)
    assert cut(in_groups(graph, 1), 1).sha256 == graph.sha256
