from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.models.graphs.node_graphs import NodeGraphs, as_node_graphs, joined, read_node_graphs
from sarto.models.input_error import InputError
from tests.models.graphs.drawn import random_graphs

ONES = np.ones((4, 1))
PATH = np.array([[0, 1], [1, 2], [2, 3]])


def refused(code: str, words: str, *arguments: Any, **more: Any) -> None:
    with pytest.raises(InputError, match=words) as caught:
        read_node_graphs(*arguments, **more)
    assert caught.value.code == code
    assert caught.value.cause and caught.value.hint


def heard(graphs: NodeGraphs) -> list[list[int]]:
    return [graphs.neighbours_of(v).tolist() for v in range(graphs.nodes)]


def test_an_undirected_edge_is_heard_at_both_ends_and_a_directed_one_at_its_second() -> None:
    assert heard(read_node_graphs(ONES, PATH)) == [[1], [0, 2], [1, 3], [2]]
    assert heard(read_node_graphs(ONES, PATH, directed=True)) == [[], [0], [1], [2]]


def test_an_undirected_edge_may_be_listed_in_one_direction_or_in_both() -> None:
    both = np.concatenate([PATH, PATH[:2, ::-1]])
    assert heard(read_node_graphs(ONES, both)) == heard(read_node_graphs(ONES, PATH))
    assert heard(read_node_graphs(ONES, both, directed=True)) == [[1], [0, 2], [1], [2]]


def test_graphs_stand_one_after_the_other_with_their_ids() -> None:
    read = read_node_graphs(ONES, [[3, 2]], graph=["b", "b", "a", "a"])
    assert (read.ids, read.sizes.tolist(), read.degrees.tolist()) == (("b", "a"), [2, 2], [0, 0, 1, 1])
    assert read.owners.tolist() == [0, 0, 1, 1]


def test_no_edges_and_nodes_without_edges_are_allowed() -> None:
    read = read_node_graphs(ONES, [])
    assert heard(read) == [[], [], [], []]
    assert read.sources.dtype == np.int64


@pytest.mark.parametrize(
    ("code", "words", "features", "edges", "more"),
    [
        ("E108", "2 edges lead to nodes .* not there, the first is edge 1: 1 - 4", ONES, [[0, 1], [1, 4], [9, 0]], {}),
        ("E108", "edge 0: -1 - 0", ONES, [[-1, 0]], {}),
        ("E116", "1 edges join a node with itself, the first is edge 1: node 2", ONES, [[0, 1], [2, 2]], {}),
        ("E116", "1 edges come more than once, such as 0 - 1", ONES, [[0, 1], [2, 3], [0, 1]], {}),
        ("E108", "graph 5 and node 2 of graph 6", ONES, [[0, 1], [1, 2]], {"graph": [5, 5, 6, 6]}),
        ("E108", "graph 5 is taken up again", ONES, [], {"graph": [5, 6, 5, 6]}),
        ("E108", r"4 nodes, graph labels of the shape \(3,\)", ONES, [], {"graph": [5, 5, 6]}),
        ("E108", r"features have the shape \(4,\)", np.ones(4), [], {}),
        ("E108", r"features have the shape \(4, 0\)", np.ones((4, 0)), [], {}),
        ("E104", "no nodes", np.ones((0, 1)), [], {}),
        ("E108", r"edges have the shape \(2, 3\)", ONES, PATH.T, {}),
        ("E116", "edges hold float64", ONES, PATH / 2, {}),
        ("E116", "features hold <U1", np.array([["C"], ["N"]]), [], {}),
        ("E105", "1 missing or infinite values .* at node 2, channel 0", np.array([[0.0], [1], [np.nan]]), [], {}),
    ],
)  # fmt: skip
def test_what_is_no_set_of_graphs_is_refused_in_words(
    code: str, words: str, features: Any, edges: Any, more: dict[str, Any]
) -> None:
    refused(code, words, features, edges, **more)


def test_a_directed_edge_and_its_reverse_are_two() -> None:
    read = read_node_graphs(ONES, [[0, 1], [1, 0]], directed=True)
    assert len(read.sources) == 2
    refused("E116", "come more than once", ONES, [[0, 1], [0, 1]], directed=True)


def test_a_transposed_list_gets_the_hint() -> None:
    with pytest.raises(InputError) as caught:
        read_node_graphs(ONES, PATH.T)
    assert caught.value.hint == "pass edges.T"


def test_parts_joined_again_are_the_whole() -> None:
    whole = random_graphs(9)
    again = joined([whole.span(0, 4), whole.span(4, 5), whole.span(5, 99)])
    for name in ("features", "offsets", "starts", "sources"):
        np.testing.assert_array_equal(getattr(again, name), getattr(whole, name))
    assert again.ids == tuple(range(9))
    assert heard(whole.select([7, 2])) == heard(whole[7]) + [
        [w + whole[7].nodes for w in row] for row in heard(whole[2])
    ]


def test_a_value_is_a_list_of_graphs_and_a_list_is_a_value() -> None:
    whole = random_graphs(5)
    assert len(whole) == len(list(whole)) == 5
    assert whole[-1].ids == (0,) or whole[-1].nodes == whole[4].nodes
    np.testing.assert_array_equal(as_node_graphs([whole[i] for i in range(5)]).sources, whole.sources)
    with pytest.raises(IndexError):
        whole[5]


def test_pairs_are_graphs_and_ids_that_come_twice_are_replaced() -> None:
    read = as_node_graphs([(ONES, PATH), (ONES[:2], [[0, 1]])])
    assert (read.ids, read.sizes.tolist()) == ((0, 1), [4, 2])
    assert heard(read)[4:] == [[5], [4]]
    named = read_node_graphs(ONES, [], graph=["x", "x", "y", "y"])
    assert as_node_graphs([named[1], named[0]]).ids == ("y", "x")
    assert as_node_graphs([named[1], named[1]]).ids == (0, 1)


@pytest.mark.parametrize(
    ("code", "words", "X"),
    [
        ("E108", "X is a ndarray", np.ones((3, 2))),
        ("E108", "item 1 of X is a int", [(ONES, PATH), 3]),
        ("E108", "graph 1: edges have the shape", [(ONES, PATH), (ONES, PATH.T)]),
        ("E108", "part 1 has 2 channels", [(ONES, PATH), (np.ones((2, 2)), PATH[:1])]),
        ("E104", "no graphs", []),
    ],
)
def test_what_is_no_list_of_graphs_is_refused_in_words(code: str, words: str, X: Any) -> None:
    with pytest.raises(InputError, match=words) as caught:
        as_node_graphs(X)
    assert caught.value.code == code


def test_directed_and_undirected_do_not_mix() -> None:
    with pytest.raises(InputError, match="directed=True"):
        joined([read_node_graphs(ONES, PATH), read_node_graphs(ONES, PATH, directed=True)])
