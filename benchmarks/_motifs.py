"""Counts of small motifs in undirected graphs, as the rows of a table for a linear readout.

    degrees   nodes, edges, and the nodes of degree 0, 1, ..., 7, and more
    motifs    these, and how often each connected graph of 3 and 4 nodes is contained: path and triangle; path, star,
              ring, triangle with a tail, ring with a diagonal, and all joined
    walks     nodes, and walks of 1 to 8 edges: the sum of the entries of A^k

Containment need not be induced: a triangle contains 3 paths of 3 nodes. With degrees d, A the adjacency matrix and
c = A^2: paths sum C(d, 2); triangles t = sum_edges c / 3; paths of 4 nodes sum_edges (d_a - 1)(d_b - 1) - 3 t;
stars sum C(d, 3); rings (tr A^4 - 2 edges - 4 paths) / 8; tails sum_nodes t_v (d_v - 2); diagonals sum_edges C(c, 2).

Source: Alon, Yuster and Zwick, "Finding and counting given length cycles", Algorithmica 17 (1997), for rings;
the others count each motif by its middle.

>>> from sarto.models.graphs.node_graphs import read_node_graphs
>>> square = read_node_graphs(np.ones((4, 1)), np.array([[0, 1], [1, 2], [2, 3], [3, 0]]))
>>> dict(zip(MOTIFS, counts("motifs", square)[0, -8:].astype(int).tolist()))
{'path 3': 4, 'triangle': 0, 'path 4': 4, 'star': 0, 'ring': 1, 'tail': 0, 'diagonal': 0, 'complete 4': 0}
>>> counts("walks", square)[0, :4].astype(int).tolist()
[4, 8, 16, 32]
"""

from __future__ import annotations

from typing import Literal

import numpy as np
from jaxtyping import Float

from sarto.models.graphs.node_graphs import NodeGraphs

Group = Literal["degrees", "motifs", "walks"]
MOTIFS = ("path 3", "triangle", "path 4", "star", "ring", "tail", "diagonal", "complete 4")
MANY = 8
"""Degrees from here on are counted together."""
LONGEST = 8
"""Edges of a walk."""


def counts(group: Group, graphs: NodeGraphs) -> Float[np.ndarray, "graph count"]:
    """Return the counts of one group, one row per graph."""
    rows = {"degrees": _degrees, "motifs": _motifs, "walks": _walks}[group]
    return np.array([rows(_dense(one)) for one in graphs], np.float64)


def _dense(one: NodeGraphs) -> Float[np.ndarray, "node node"]:
    A = np.zeros((one.nodes, one.nodes))
    A[np.repeat(np.arange(one.nodes), one.degrees), one.sources] = 1
    return A


def _degrees(A: Float[np.ndarray, "node node"]) -> list[float]:
    d = A.sum(axis=1).astype(int)
    return [len(A), d.sum() / 2, *np.bincount(np.minimum(d, MANY), minlength=MANY + 1).tolist()]


def _motifs(A: Float[np.ndarray, "node node"]) -> list[float]:
    d, common = A.sum(axis=1), A @ A
    edges, wedges = d.sum() / 2, (d * (d - 1)).sum() / 2
    corners = (A * common).sum(axis=1) / 2
    triangles = corners.sum() / 3
    paths = (A * np.outer(d - 1, d - 1)).sum() / 2 - 3 * triangles
    rings = ((common**2).sum() - 2 * edges - 4 * wedges) / 8
    complete = 0.0
    for a, b in np.argwhere(np.triu(A)):
        both = np.flatnonzero(A[a] * A[b])
        complete += A[np.ix_(both, both)].sum() / 2
    return [
        *_degrees(A),
        wedges,
        triangles,
        paths,
        (d * (d - 1) * (d - 2)).sum() / 6,
        rings,
        (corners * (d - 2)).sum(),
        (A * common * (common - 1)).sum() / 4,
        complete / 6,
    ]


def _walks(A: Float[np.ndarray, "node node"]) -> list[float]:
    ends, found = np.ones(len(A)), [float(len(A))]
    for _ in range(LONGEST):
        ends = A @ ends
        found.append(float(ends.sum()))
    return found
