"""Many graphs with node features as one value: nodes and edges one graph after the other; `read_node_graphs` makes it.

    N(v) = {w : there is an edge w -> v}     what node v hears; an undirected edge is one in both directions

Edges have no weights. An edge from a node to itself is refused: what a node keeps of itself is the leak of the
reservoir. An edge listed twice is refused, since it would count twice or once; of an undirected graph, a-b and b-a are
the same edge, and a list may have either or both. Nodes without edges are allowed.

>>> pair = read_node_graphs(np.ones((5, 1)), np.array([[0, 1], [1, 2], [3, 4]]), graph=[7, 7, 7, 8, 8])
>>> len(pair), pair.ids, pair.sizes.tolist(), pair.degrees.tolist(), pair.neighbours_of(1).tolist()
(2, (7, 8), [3, 2], [1, 2, 1, 1, 1], [0, 2])
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, SupportsIndex, TypeAlias, cast

import numpy as np
from jaxtyping import Bool, Float, Int

from sarto.models.input_error import InputError

AnyArray: TypeAlias = np.ndarray[Any, np.dtype[Any]]
GraphId: TypeAlias = str | int


@dataclass(frozen=True, eq=False)
class NodeGraphs:
    """Graph g has the nodes `offsets[g]` to `offsets[g + 1] - 1`, of which there is at least one.

    Attributes:
        features: of each node.
        offsets: see above.
        starts: N(v) is `sources[starts[v]:starts[v + 1]]`, ascending.
        sources: nodes that are heard, by their row in `features`.
        directed: whether w in N(v) can be without v in N(w).
        ids: what each graph is called; all different.
    """

    features: Float[np.ndarray, "node channel"]
    offsets: Int[np.ndarray, " graph_plus_1"]
    starts: Int[np.ndarray, " node_plus_1"]
    sources: Int[np.ndarray, " edge"]
    directed: bool
    ids: tuple[GraphId, ...]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: SupportsIndex) -> NodeGraphs:
        """Return one graph, as a value of its own; so that `len` and `[]` are those of a list of graphs."""
        place = index.__index__()
        if not -len(self) <= place < len(self):
            raise IndexError(place)
        place %= len(self)
        return self.span(place, place + 1)

    def __iter__(self) -> Iterator[NodeGraphs]:
        return (self[index] for index in range(len(self)))

    @property
    def nodes(self) -> int:
        """Number of nodes of all graphs."""
        return len(self.features)

    @property
    def channels(self) -> int:
        """Number of features of a node, D."""
        return self.features.shape[1]

    @property
    def sizes(self) -> Int[np.ndarray, " graph"]:
        """Number of nodes of each graph."""
        return np.diff(self.offsets)

    @property
    def degrees(self) -> Int[np.ndarray, " node"]:
        """|N(v)| of each node."""
        return np.diff(self.starts)

    @cached_property
    def owners(self) -> Int[np.ndarray, " node"]:
        """The graph that each node belongs to."""
        return np.repeat(np.arange(len(self)), self.sizes)

    def neighbours_of(self, node: int) -> Int[np.ndarray, " neighbour"]:
        """Return N(v)."""
        return self.sources[self.starts[node] : self.starts[node + 1]]

    def span(self, start: int, stop: int) -> NodeGraphs:
        """Return graphs start..stop-1; the features are a view."""
        stop = min(stop, len(self))
        first, last = int(self.offsets[start]), int(self.offsets[stop])
        edges = slice(int(self.starts[first]), int(self.starts[last]))
        return NodeGraphs(
            self.features[first:last],
            self.offsets[start : stop + 1] - first,
            self.starts[first : last + 1] - edges.start,
            self.sources[edges] - first,
            self.directed,
            self.ids[start:stop],
        )

    def select(self, chosen: Int[np.ndarray, " chosen"] | Sequence[int]) -> NodeGraphs:
        """Return the chosen graphs, in that order, each at most once."""
        return joined([self[int(index)] for index in chosen])

    def with_features(self, features: Float[np.ndarray, "node feature"]) -> NodeGraphs:
        """Return the same graphs with other node features."""
        assert len(features) == self.nodes, "one row per node"
        return NodeGraphs(features, self.offsets, self.starts, self.sources, self.directed, self.ids)


def read_node_graphs(
    features: Any, edges: Any, *, graph: Any = None, directed: bool = False, first: str = "node"
) -> NodeGraphs:
    """Return graphs made of arrays.

    Args:
        features: numbers, (node, channel); `np.ones((nodes, 1))` for graphs whose nodes have none.
        edges: whole numbers, (edge, 2): rows of `features`; in a directed graph the first is heard by the second.
        graph: which graph each node belongs to, any label; nodes of one graph stand together. None is one graph.
        directed: whether edges have a direction.
        first: what the rows of `edges` are counted in, for the messages.

    Raises:
        InputError: E104 (no nodes), E105 (a missing or infinite feature), E108 (shapes that disagree, an edge to a
            node that is not there or between two graphs, a graph that is taken up again), E116 (an edge of a node
            with itself, or twice; not numbers).
    """
    values = _features(features)
    ids, offsets = _owners(graph, len(values))
    pairs = _edges(edges, len(values))
    _check_edges(pairs, offsets, ids, directed, first)
    if not directed:
        pairs = np.unique(np.concatenate([pairs, pairs[:, ::-1]]), axis=0)
    order = np.lexsort((pairs[:, 0], pairs[:, 1]))
    starts = np.concatenate([[0], np.cumsum(np.bincount(pairs[:, 1], minlength=len(values)))])
    return NodeGraphs(values, offsets, starts.astype(np.int64), pairs[order, 0], bool(directed), ids)


def picked(ids: tuple[GraphId, ...], chosen: Bool[np.ndarray, " graph"]) -> tuple[GraphId, ...]:
    """Return the ids of the chosen graphs."""
    return tuple(name for name, wanted in zip(ids, chosen.tolist(), strict=True) if wanted)


def as_node_graphs(X: Any) -> NodeGraphs:
    """Return `X` as graphs: `NodeGraphs`, a list of them, or a list of pairs (features, edges), undirected.

    The edges of a pair count the nodes of their own graph from 0. Ids that come twice in a list are replaced by places
    in it.

    Raises:
        InputError: as `read_node_graphs`; E108, when X is something else.
    """
    if isinstance(X, NodeGraphs):
        return X
    if not isinstance(X, list | tuple):
        raise InputError(
            "E108",
            f"X is a {type(X).__name__}",
            cause="graphs are needed",
            hint="give what read_node_graphs returns, or a list of pairs (features, edges)",
        )
    return joined([_one(index, item) for index, item in enumerate(cast("Iterable[Any]", X))])


def _one(index: int, item: Any) -> NodeGraphs:
    if isinstance(item, NodeGraphs):
        return item
    kind = type(item).__name__
    pair = cast("Sequence[Any]", item) if isinstance(item, list | tuple) else ()
    if len(pair) != 2:
        raise InputError(
            "E108",
            f"item {index} of X is a {kind}",
            cause="each graph is NodeGraphs or a pair (features, edges)",
            hint="for directed graphs use read_node_graphs(..., directed=True)",
        )
    features, edges = pair
    try:
        return read_node_graphs(features, edges, graph=None)
    except InputError as error:
        raise InputError(
            error.code, f"graph {index}: {error.message}", cause=error.cause, hint=error.hint
        ) from error


def joined(parts: Sequence[NodeGraphs]) -> NodeGraphs:
    """Return the graphs of all parts, one after the other.

    Raises:
        InputError: E104 (no graphs), E108 (other channels, or directed graphs beside undirected ones).
    """
    if not parts:
        raise InputError("E104", "X has no graphs", cause="0 were given", hint="give at least 1 graph")
    for index, part in enumerate(parts):
        if (part.channels, part.directed) != (parts[0].channels, parts[0].directed):
            raise InputError(
                "E108",
                f"part {index} has {part.channels} channels, directed={part.directed}; part 0 has "
                f"{parts[0].channels}, directed={parts[0].directed}",
                cause="graphs of one batch have the same node features and the same kind of edges",
                hint="check how they were read",
            )
    nodes = np.cumsum([0, *(part.nodes for part in parts)])
    edges = np.cumsum([0, *(len(part.sources) for part in parts)])
    ids = tuple(name for part in parts for name in part.ids)
    return NodeGraphs(
        np.concatenate([part.features for part in parts]),
        np.concatenate([[0], *(part.offsets[1:] + n for part, n in zip(parts, nodes, strict=False))]),
        np.concatenate([[0], *(part.starts[1:] + e for part, e in zip(parts, edges, strict=False))]),
        np.concatenate([part.sources + n for part, n in zip(parts, nodes, strict=False)]),
        parts[0].directed,
        ids if len(set(ids)) == len(ids) else tuple(range(len(ids))),
    )


def _features(features: Any) -> Float[np.ndarray, "node channel"]:
    values: AnyArray = np.asarray(features)
    if values.ndim != 2 or values.shape[1] < 1:
        raise InputError(
            "E108",
            f"features have the shape {values.shape}",
            cause="the shape must be (node, channel), with 1 channel at least",
            hint="write features[:, None] for one channel, np.ones((nodes, 1)) for nodes without features",
        )
    if len(values) == 0:
        raise InputError("E104", "the graphs have no nodes", cause="0 were given", hint="give at least 1")
    if values.dtype.kind not in "biuf":
        raise InputError(
            "E116",
            f"features hold {values.dtype}",
            cause="real numbers are needed",
            hint="turn kinds of nodes into columns of 0 and 1",
        )
    values = values if values.dtype.str in ("<f4", "<f8") else values.astype(np.float64)
    if (bad := np.argwhere(~np.isfinite(values))).size:
        raise InputError(
            "E105",
            f"features have {len(bad)} missing or infinite values (NaN or inf), the first at node {bad[0][0]}, "
            f"channel {bad[0][1]}",
            cause="one such value would spread through its whole graph",
            hint="fill the gap, or leave the graph out",
        )
    return values


def _owners(graph: Any, nodes: int) -> tuple[tuple[GraphId, ...], Int[np.ndarray, " graph_plus_1"]]:
    if graph is None:
        return (0,), np.array([0, nodes])
    labels: AnyArray = np.asarray(graph)
    if labels.shape != (nodes,):
        raise InputError(
            "E108",
            f"{nodes} nodes, graph labels of the shape {labels.shape}",
            cause="each node belongs to one graph",
            hint="give one label per row of features",
        )
    begins = np.flatnonzero(np.concatenate([[True], labels[1:] != labels[:-1]]))
    ids = tuple(labels[begins].tolist())
    if len(set(ids)) < len(ids):
        again = next(name for index, name in enumerate(ids) if name in ids[:index])
        raise InputError(
            "E108",
            f"graph {again!r} is taken up again after another one",
            cause="the nodes of a graph must stand together",
            hint="sort the nodes by graph, and count the edges in the new order",
        )
    return ids, np.append(begins, nodes).astype(np.int64)


def _edges(edges: Any, nodes: int) -> Int[np.ndarray, "edge 2"]:
    pairs: AnyArray = np.asarray(edges)
    if pairs.size == 0:
        return np.zeros((0, 2), np.int64)
    if pairs.ndim != 2 or pairs.shape[1] != 2:
        turned = pairs.ndim == 2 and pairs.shape[0] == 2
        raise InputError(
            "E108",
            f"edges have the shape {pairs.shape}",
            cause="the shape must be (edge, 2): one pair of nodes per row",
            hint="pass edges.T" if turned else "give pairs of nodes",
        )
    if pairs.dtype.kind not in "iu":
        raise InputError(
            "E116",
            f"edges hold {pairs.dtype}",
            cause="they count rows of features, in whole numbers",
            hint="edges have no weights here; names of nodes are for read_graph_tables",
        )
    pairs = pairs.astype(np.int64)
    if (bad := np.flatnonzero(((pairs < 0) | (pairs >= nodes)).any(axis=1))).size:
        raise InputError(
            "E108",
            f"{bad.size} edges lead to nodes that are not there, the first is edge {bad[0]}: "
            f"{pairs[bad[0], 0]} - {pairs[bad[0], 1]}",
            cause=f"there are {nodes} nodes, counted from 0",
            hint="check whether the nodes were counted from 1, or in each graph anew",
        )
    return pairs


def _check_edges(
    pairs: Int[np.ndarray, "edge 2"],
    offsets: Int[np.ndarray, " graph_plus_1"],
    ids: tuple[GraphId, ...],
    directed: bool,
    first: str,
) -> None:
    """Refuse edges between graphs, of a node with itself, and those that come twice in the same order."""
    owners = np.searchsorted(offsets, pairs, side="right") - 1
    if (bad := np.flatnonzero(owners[:, 0] != owners[:, 1])).size:
        raise InputError(
            "E108",
            f"{bad.size} edges join two graphs, the first is edge {bad[0]}: node {pairs[bad[0], 0]} of graph "
            f"{ids[owners[bad[0], 0]]!r} and node {pairs[bad[0], 1]} of graph {ids[owners[bad[0], 1]]!r}",
            cause="an edge belongs to one graph",
            hint="check the labels of the graphs, or make the two one graph",
        )
    if (bad := np.flatnonzero(pairs[:, 0] == pairs[:, 1])).size:
        raise InputError(
            "E116",
            f"{bad.size} edges join a node with itself, the first is edge {bad[0]}: {first} {pairs[bad[0], 0]}",
            cause="what a node keeps of itself is the leak of the reservoir, not an edge",
            hint="leave them out: edges[edges[:, 0] != edges[:, 1]]",
        )
    kinds, counts = np.unique(pairs, axis=0, return_counts=True)
    if (twice := np.flatnonzero(counts > 1)).size:
        a, b = kinds[twice[0]]
        raise InputError(
            "E116",
            f"{twice.size} edges come more than once, such as {a} - {b}",
            cause="edges have no weights, so it is not clear whether they count once or more often",
            hint="np.unique(edges, axis=0) keeps each once"
            + ("" if directed else "; both a - b and b - a is fine"),
        )
