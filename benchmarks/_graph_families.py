"""Families of generated graphs with two classes that differ in how nodes are joined and in nothing else.

    assortative  a random graph, rewired so that nodes of like degree (class 1) or unlike degree (class 0) are joined
    spaced       a ring, of whose nodes half bear a leaf: those 3 apart tend to agree (class 1) or to differ (class 0),
                 while those 1 and 2 apart agree about as often as they differ
    clustered    a ring whose nodes know the two next to them, thinned (class 1), or that rewired at random (class 0)

Each node has 3 features, drawn from N(0, 1) whatever the graph, so that features alone say nothing. The number of
nodes and the degrees say nothing either: sizes are drawn alike, and rewiring keeps every degree (two edges a-b, c-d
become a-d, c-b); in a spaced graph of 2k ring nodes, k have the degree 3, k have 2, and k leaves have 1.

Classes of the first two overlap: they are drawn by Metropolis steps at a temperature, so that some graphs of one class
look like the other. The first is seen by motifs of 4 nodes; the second only by what reaches 3 edges far between nodes
of degree 3, hence by none of 4 nodes; the third is the control that speaks against reservoirs: triangles tell its
classes, and sums of neighbours do not see triangles (see `sarto.learn.graph_readout` on Weisfeiler and Leman), only
that in a thinned ring neighbours have somewhat like degrees.

>>> graphs, classes = family("spaced", 4, seed=0)
>>> len(graphs), classes.tolist(), sorted(set(graphs.degrees.tolist())), graphs.channels
(4, [0, 1, 0, 1], [1, 2, 3], 3)
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from jaxtyping import Float, Int

from sarto.core.seed import generator
from sarto.models.graphs.node_graphs import NodeGraphs, joined, read_node_graphs

FEATURES = 3
NODES = (16, 31)
"""Of assortative and clustered graphs, and of rings."""
SHARE = 0.15
"""Of all pairs of nodes that are joined, in an assortative graph."""
ATTRACTION = 0.25
"""Of like degrees: a step that changes the sum of products of joined degrees by d has the odds exp(+-ATTRACTION d)."""
STEPS_PER_EDGE = 10
RINGS = (8, 16)
"""Half the nodes of a ring."""
LAG = 3
COUPLING = 0.5
"""The same odds for a change of agreements at distance `LAG` by d."""
NEARER = 1.0
"""Cost of each agreement too many or too few at a smaller distance."""
KEPT = 0.85
"""Of the edges of a clustered graph."""

Edges = Int[np.ndarray, "edge 2"]


def family(name: str, graphs: int, seed: int) -> tuple[NodeGraphs, Int[np.ndarray, " graph"]]:
    """Return `graphs` graphs, classes in turn, with their classes; another seed gives other ones."""
    rng = generator(seed, "graph family", name)
    classes = np.arange(graphs) % 2
    made: list[NodeGraphs] = []
    for label in classes.tolist():
        edges, nodes = FAMILIES[name](rng, bool(label))
        made.append(read_node_graphs(rng.normal(size=(nodes, FEATURES)), edges))
    return joined(made), classes


def assortative(rng: np.random.Generator, like: bool) -> tuple[Edges, int]:
    """Return a random graph in which like, or unlike, degrees are joined, and its number of nodes."""
    nodes = int(rng.integers(*NODES))
    edges = np.argwhere(np.triu(rng.random((nodes, nodes)) < SHARE, 1))
    degree = np.bincount(edges.ravel(), minlength=nodes)

    def gain(a: int, b: int, c: int, d: int) -> float:
        change = degree[a] * degree[d] + degree[c] * degree[b] - degree[a] * degree[b] - degree[c] * degree[d]
        return ATTRACTION * float(change if like else -change)

    return rewired(rng, edges, STEPS_PER_EDGE * len(edges), gain), nodes


def clustered(rng: np.random.Generator, local: bool) -> tuple[Edges, int]:
    """Return a thinned ring of neighbourhoods, or the same rewired at random."""
    nodes = int(rng.integers(*NODES))
    node = np.arange(nodes)
    edges = np.array([(v, (v + step) % nodes) for step in (1, 2) for v in node])
    edges = edges[rng.random(len(edges)) < KEPT]
    return (edges if local else rewired(rng, edges, STEPS_PER_EDGE * len(edges), _indifferent)), nodes


def spaced(rng: np.random.Generator, agree: bool) -> tuple[Edges, int]:
    """Return a ring with leaves that agree, or differ, at distance `LAG`."""
    half = int(rng.integers(*RINGS))
    size = 2 * half
    sign = rng.permutation(np.repeat([-1, 1], half)).tolist()
    agreements = [sum(sign[i] * sign[i - lag] for i in range(size)) for lag in range(1, LAG + 1)]

    def flip(place: int) -> None:
        for lag in range(1, LAG + 1):
            beside = sign[place - lag] + sign[(place + lag) % size]
            agreements[lag - 1] -= 2 * sign[place] * beside
        sign[place] = -sign[place]

    def energy() -> float:
        return NEARER * sum(map(abs, agreements[:-1])) - COUPLING * agreements[-1] * (1 if agree else -1)

    for _ in range(STEPS_PER_EDGE * size):
        i, j = rng.integers(size, size=2).tolist()
        if sign[i] == sign[j]:
            continue
        before = energy()
        flip(i)
        flip(j)
        if np.log(rng.random()) >= before - energy():
            flip(i)
            flip(j)
    bearing = np.flatnonzero(np.array(sign) > 0)
    ring = np.column_stack([np.arange(size), np.roll(np.arange(size), -1)])
    leaves = np.column_stack([bearing, size + np.arange(half)])
    return np.concatenate([ring, leaves]), size + half


def _indifferent(a: int, b: int, c: int, d: int) -> float:
    """Return even odds for any swap."""
    return 0.0


def rewired(
    rng: np.random.Generator, edges: Edges, steps: int, gain: Callable[[int, int, int, int], float]
) -> Edges:
    """Return edges after Metropolis steps that swap ends, so that every node keeps its degree.

    Args:
        rng: of the steps.
        edges: each once.
        steps: that are tried.
        gain: logarithm of the odds of turning a-b and c-d into a-d and c-b.
    """
    pairs = [(int(a), int(b)) for a, b in edges]
    there = {frozenset(pair) for pair in pairs}
    for _ in range(steps):
        i, j = (int(place) for place in rng.integers(len(pairs), size=2))
        (a, b), (c, d) = pairs[i], pairs[j]
        if rng.random() < 0.5:
            c, d = d, c
        new = {frozenset((a, d)), frozenset((c, b))}
        if len({a, b, c, d}) < 4 or new & there:
            continue
        if np.log(rng.random()) < gain(a, b, c, d):
            there = (there - {frozenset((a, b)), frozenset((c, d))}) | new
            pairs[i], pairs[j] = (a, d), (c, b)
    return np.array(pairs)


FAMILIES: dict[str, Callable[[np.random.Generator, bool], tuple[Edges, int]]] = {
    "assortative": assortative,
    "spaced": spaced,
    "clustered": clustered,
}


def without_edges(graphs: NodeGraphs) -> NodeGraphs:
    """Return the same nodes with nothing between them."""
    starts, sources = np.zeros(graphs.nodes + 1, np.int64), np.zeros(0, np.int64)
    return NodeGraphs(graphs.features, graphs.offsets, starts, sources, graphs.directed, graphs.ids)


def pooled_features(graphs: NodeGraphs) -> Float[np.ndarray, "graph feature"]:
    """Return what node features say without edges: number of nodes, and per channel mean, mean square and largest."""
    parts = np.split(graphs.features, graphs.offsets[1:-1])
    rows = [np.concatenate([[len(x)], x.mean(0), (x**2).mean(0), x.max(0)]) for x in parts]
    return np.array(rows, np.float64)
