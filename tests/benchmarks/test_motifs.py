from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest

from benchmarks._motifs import LONGEST, MANY, MOTIFS, counts
from sarto.models.graphs.node_graphs import read_node_graphs

SHAPES = {
    "path 3": [(0, 1), (1, 2)],
    "triangle": [(0, 1), (1, 2), (2, 0)],
    "path 4": [(0, 1), (1, 2), (2, 3)],
    "star": [(0, 1), (0, 2), (0, 3)],
    "ring": [(0, 1), (1, 2), (2, 3), (3, 0)],
    "tail": [(0, 1), (1, 2), (2, 0), (0, 3)],
    "diagonal": [(0, 1), (1, 2), (2, 3), (3, 0), (0, 2)],
    "complete 4": list(combinations(range(4), 2)),
}


def contained(shape: list[tuple[int, int]], edges: set[frozenset[int]], nodes: int) -> int:
    """Try every way to lay the shape into the graph, and count the different sets of edges."""
    size = 1 + max(max(pair) for pair in shape)
    laid = (
        frozenset(frozenset((places[a], places[b])) for a, b in shape)
        for places in permutations(range(nodes), size)
    )
    return len({found for found in laid if found <= edges})


@pytest.mark.parametrize("seed", range(3))
def test_motifs_are_counted_as_by_trying_all_places(seed: int) -> None:
    pairs = np.argwhere(np.triu(np.random.default_rng(seed).random((9, 9)) < 0.8, 1))
    graph = read_node_graphs(np.ones((9, 1)), pairs)
    edges = {frozenset(pair) for pair in pairs.tolist()}
    row = counts("motifs", graph)[0]
    wanted = [contained(SHAPES[name], edges, 9) for name in MOTIFS]
    assert row[-len(MOTIFS) :].tolist() == wanted
    assert min(wanted) > 0
    assert row[: -len(MOTIFS)].tolist() == counts("degrees", graph)[0].tolist()


def test_degrees_and_walks() -> None:
    """From the middle of a star of 10 leaves: 10 walks of one edge, and from each leaf one."""
    star = read_node_graphs(np.ones((11, 1)), [(0, v) for v in range(1, 11)])
    assert counts("degrees", star)[0].tolist() == [11, 10, 0, 10, *[0] * (MANY - 2), 1]
    wanted = [11.0, 20.0]
    while len(wanted) <= LONGEST:
        wanted.append(wanted[-2] * 10)
    assert counts("walks", star)[0].tolist() == wanted
