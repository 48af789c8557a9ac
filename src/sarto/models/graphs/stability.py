"""Whether a reservoir comes to rest on a graph: two conditions, in the sizes of its weights and of the graph.

    sufficient:  sigma_max(W) sigma_max(A) < 1     every sweep brings any two states nearer, so there is one fixed
                                                   point and every start reaches it
    necessary:   rho(W) rho(A) < 1                 else the state 0 of a graph without input and bias is left

for each layer, with A the adjacency matrix of the graph, A[v, w] = 1 for w in N(v). All nodes together are swept by
x -> tanh(U + A x W^T), whose derivative is a contraction (tanh' <= 1) times A (x) W, the Kronecker product; its norm is
sigma_max(A) sigma_max(W) and its spectral radius rho(A) rho(W), neither of which can be improved without more about
the input. Of an undirected graph sigma_max(A) = rho(A) <= k, its largest degree, with equality when all degrees are k:
so the conditions are weaker than sigma_max(W) k < 1 and the older rho(W) k < 1, which they replace. Of a directed graph
sigma_max(A) <= sqrt(k_in k_out), and rho(A) = 0 when it has no cycle: it then rests after as many sweeps as its longest
path has nodes, whatever W. As for sequences, neither condition is the last word under a strong input.

From the sufficient condition with product q, a graph whose n nodes moved by d at most in the last sweep is at most
q / (1 - q) sqrt(n) d away from its fixed point (Banach), and a sweep shrinks what is left by q at least.

Source: Gallicchio and Micheli, "Fast and deep graph neural networks", AAAI 2020 (both conditions with k); Tortorella,
Gallicchio and Micheli, "Spectral bounds for graph echo state network stability", IJCNN 2022 (the spectrum of A).

>>> from sarto.models.graphs.node_graphs import read_node_graphs
>>> star = read_node_graphs(np.ones((5, 1)), np.array([[0, 1], [0, 2], [0, 3], [0, 4]]))
>>> adjacency_norms(star)[0].tolist(), largest_degrees(star).tolist()
([2.0], [4.0])
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from sarto.models.graphs._sparse import (
    adjacency,
    largest_eigenvalue,
    largest_singular_value,
    strong_components,
)
from sarto.models.graphs.node_graphs import GraphId, NodeGraphs, picked
from sarto.models.graphs.reservoir import GraphReservoir
from sarto.models.reservoir._weights import RADIUS_DIGITS

DENSE_NODES = 256
"""Graphs up to here are decomposed as dense matrices, those of one size together; larger ones by Lanczos' method."""
TOGETHER = 4_000_000
"""Entries of dense matrices that are held at once (32 MB)."""


@dataclass(frozen=True, eq=False)
class Stability:
    """The conditions for each graph.

    Attributes:
        ids: of the graphs.
        norms: sigma_max(A).
        radii: rho(A).
        degrees: k, in a directed graph sqrt(k_in k_out).
        sufficient: max over layers of sigma_max(W) sigma_max(A); below 1 the graph comes to rest.
        necessary: max over layers of rho(W) rho(A).
        by_degree: max over layers of sigma_max(W) k, the published condition; at least `sufficient`.
    """

    ids: tuple[GraphId, ...]
    norms: Float[np.ndarray, " graph"]
    radii: Float[np.ndarray, " graph"]
    degrees: Float[np.ndarray, " graph"]
    sufficient: Float[np.ndarray, " graph"]
    necessary: Float[np.ndarray, " graph"]
    by_degree: Float[np.ndarray, " graph"]

    def not_certain(self) -> tuple[GraphId, ...]:
        """Return the graphs that break the sufficient condition: whether they come to rest depends on the input."""
        return picked(self.ids, self.sufficient >= 1)

    def unstable(self) -> tuple[GraphId, ...]:
        """Return the graphs that break the necessary condition."""
        return picked(self.ids, self.necessary >= 1)


def stability(reservoir: GraphReservoir, graphs: NodeGraphs) -> Stability:
    """Return the conditions for `reservoir` on each of `graphs`."""
    norms, radii = adjacency_norms(graphs)
    degrees = largest_degrees(graphs)
    norm = max(layer.norm for layer in reservoir.layers)
    radius = max(layer.radius for layer in reservoir.layers)
    return Stability(graphs.ids, norms, radii, degrees, norm * norms, radius * radii, norm * degrees)


def breaking(
    reservoir: GraphReservoir, graphs: NodeGraphs, by: Literal["norm", "radius"]
) -> tuple[GraphId, ...]:
    """Return the graphs that break the sufficient (`norm`) or the necessary condition (`radius`).

    Those whose degrees are low enough for either are not decomposed.
    """
    size = max(layer.norm if by == "norm" else layer.radius for layer in reservoir.layers)
    if not (doubtful := np.flatnonzero(size * largest_degrees(graphs) >= 1)).size:
        return ()
    some = graphs.select(doubtful)
    sizes = adjacency_norms(some)[0 if by == "norm" else 1]
    return picked(some.ids, size * sizes >= 1)


def largest_degrees(graphs: NodeGraphs) -> Float[np.ndarray, " graph"]:
    """Return sqrt(k_in k_out) of each graph, which is the largest degree k of an undirected one."""
    heard = np.bincount(graphs.sources, minlength=graphs.nodes)
    inward, outward = (np.maximum.reduceat(d, graphs.offsets[:-1]) for d in (graphs.degrees, heard))
    return np.sqrt(inward * outward.astype(np.float64))


def adjacency_norms(
    graphs: NodeGraphs,
) -> tuple[Float[np.ndarray, " graph"], Float[np.ndarray, " graph"]]:
    """Return sigma_max(A) and rho(A) of each graph, to `RADIUS_DIGITS` digits.

    Where Lanczos' method does not end, the bound by the degrees stands for both.
    """
    A = adjacency(graphs.starts, graphs.sources, np.dtype(np.float64))
    parts = np.split(np.arange(graphs.nodes), graphs.offsets[1:-1])
    bounds = largest_degrees(graphs)
    dense = _singular if graphs.directed else _symmetric
    norms = _each(A, parts, bounds, dense, lambda part: largest_singular_value(part, not graphs.directed))
    if not graphs.directed:
        return norms, norms
    component = strong_components(A)
    order = np.argsort(component, kind="stable")
    cycles = np.split(order, np.flatnonzero(np.diff(component[order])) + 1)
    cycles = [np.sort(nodes) for nodes in cycles if len(nodes) > 1]
    owners = graphs.owners[[int(nodes[0]) for nodes in cycles]] if cycles else np.zeros(0, np.int64)
    found = _each(A, cycles, bounds[owners], _eigen, largest_eigenvalue)
    radii = np.zeros(len(graphs))
    np.maximum.at(radii, owners, found)
    return norms, radii


def _singular(stack: Float[np.ndarray, "part node node"]) -> Float[np.ndarray, " part"]:
    return np.linalg.svd(stack, compute_uv=False)[:, 0]


def _symmetric(stack: Float[np.ndarray, "part node node"]) -> Float[np.ndarray, " part"]:
    """Without negative entries, the largest eigenvalue is the largest in size (Perron and Frobenius)."""
    return np.linalg.eigvalsh(stack)[:, -1]


def _eigen(stack: Float[np.ndarray, "part node node"]) -> Float[np.ndarray, " part"]:
    return np.abs(np.linalg.eigvals(stack)).max(axis=1)


def _each(
    A: Any,
    parts: list[Int[np.ndarray, "_"]],
    bounds: Float[np.ndarray, " part"],
    dense: Callable[[Float[np.ndarray, "part node node"]], Float[np.ndarray, " part"]],
    sparse: Callable[[Any], float | None],
) -> Float[np.ndarray, " part"]:
    """Return the size of each diagonal part of A: of small ones in stacks of one size, of large ones singly."""
    found = bounds.copy()
    sizes = np.array([len(part) for part in parts], np.int64)
    for size in np.unique(sizes[sizes <= DENSE_NODES]):
        same = np.flatnonzero(sizes == size)
        at_once = max(1, TOGETHER // int(size) ** 2)
        for chunk in (same[i : i + at_once] for i in range(0, len(same), at_once)):
            found[chunk] = dense(_stack(A, [parts[index] for index in chunk]))
    for index in np.flatnonzero(sizes > DENSE_NODES):
        size = sparse(A[parts[index]][:, parts[index]])
        found[index] = bounds[index] if size is None else size
    return np.array([float(f"{value:.{RADIUS_DIGITS}g}") for value in found])


def _stack(A: Any, parts: list[Int[np.ndarray, "_"]]) -> Float[np.ndarray, "part node node"]:
    """Return the parts of A as dense matrices."""
    nodes = np.concatenate(parts)
    rows = A[nodes]
    size = len(parts[0])
    place = np.full(A.shape[0], -1)
    stack = np.zeros((len(parts), size, size))
    row = np.repeat(np.arange(len(nodes)), np.diff(rows.indptr))
    # A node is in one part, so its place within it is known without naming the part.
    place[nodes] = np.tile(np.arange(size), len(parts))
    home = np.full(A.shape[0], -1)
    home[nodes] = np.repeat(np.arange(len(parts)), size)
    within = home[rows.indices] == row // size
    stack[row[within] // size, row[within] % size, place[rows.indices[within]]] = 1.0
    return stack
