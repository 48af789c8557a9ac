r"""Reads graphs from text tables (CSV, TSV): one of the edges, one of the nodes, and if there is one, of the graphs.

    nodes    node, [graph], [label], and a column of numbers for each feature; without any, each node has the feature 1
    edges    source, target, [graph]; other columns are not read
    graphs   graph, label

Names of nodes and graphs are any texts. Where a file of edges has no column `graph`, a name stands for one node only,
and the edge belongs to the graph of its nodes. What an edge means is told in `sarto.models.graphs.node_graphs`, what a
text table is in `sarto.data.delimited`.

>>> import pathlib, tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     nodes, edges = pathlib.Path(folder, "nodes.csv"), pathlib.Path(folder, "edges.csv")
...     _ = nodes.write_text("node,graph,charge\nC1,m1,0.5\nC2,m1,0\nO1,m2,-1\n")
...     _ = edges.write_text("source,target\nC1,C2\n")
...     table = read_graph_tables(edges, nodes)
>>> table.graphs.ids, table.channels, table.node_names, table.graphs.degrees.tolist(), table.graph_labels
(('m1', 'm2'), ('charge',), ('C1', 'C2', 'O1'), [1, 1, 0], None)
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped

from sarto.data.columns import Column, ColumnTable, Texts
from sarto.data.delimited import read_delimited
from sarto.models.graphs.node_graphs import NodeGraphs, read_node_graphs
from sarto.models.input_error import InputError

NAMES = {"node", "graph", "source", "target"}
"""Columns whose texts are names, though they may be written as numbers."""


@dataclass(frozen=True, eq=False)
class GraphTables:
    """Graphs with what their files call things.

    Attributes:
        graphs: in the order in which the file of nodes first names them, their nodes in its order.
        channels: names of the features.
        node_names: of each node, in the order of `graphs`.
        node_labels: of each node; texts or numbers, None without such a column.
        graph_labels: of each graph; None without such a file.
    """

    graphs: NodeGraphs
    channels: tuple[str, ...]
    node_names: tuple[str, ...]
    node_labels: Shaped[np.ndarray, " node"] | None
    graph_labels: Shaped[np.ndarray, " graph"] | None


def read_graph_tables(
    edges: str | Path, nodes: str | Path, graphs: str | Path | None = None, *, directed: bool = False
) -> GraphTables:
    """Return the graphs of two or three files.

    Raises:
        SartoError: what `read_delimited` and `read_node_graphs` raise; E105 (a feature that is missing), E108 (a column
            that is needed is missing, a node or graph named twice, an edge or label of one that is not there), E116 (a
            feature that is no number). The message names file and line.
    """
    table = _table(Path(nodes), ("node",))
    owner = _texts(table, "graph") if "graph" in table.columns else np.full(len(table), "")
    order = _by_graph(owner)
    names = _texts(table, "node")
    keys = list(zip(owner[order].tolist(), names[order].tolist(), strict=True))
    place = {key: index for index, key in enumerate(keys)}
    if len(place) < len(keys):
        row = _second([(g, n) for g, n in zip(owner.tolist(), names.tolist(), strict=True)])
        raise _wrong(
            f"{table.row(row)}: node '{names[row]}' is listed twice",
            f"it was met above{' in the same graph' if owner[row] else ''}",
            "give each node a name of its own, or say which `graph` it belongs to",
        )
    channels = tuple(name for name in table.columns if name not in {"node", "graph", "label"})
    pairs = _pairs(_table(Path(edges), ("source", "target")), place)
    features = _features(table, channels)[order]
    ids: Any = owner[order] if "graph" in table.columns else None
    read = read_node_graphs(features, pairs, graph=ids, directed=directed, first="node")
    labels = table.columns.get("label")
    return GraphTables(
        read,
        channels or ("1",),
        tuple(names[order].tolist()),
        None if labels is None else _values(labels)[order],
        None if graphs is None else _graph_labels(_table(Path(graphs), ("graph", "label")), read),
    )


def _table(file: Path, needed: tuple[str, ...]) -> ColumnTable:
    if not file.is_file():
        raise InputError(
            "E101", f"there is no file {file.name}", cause="the path leads nowhere", hint="check it"
        )
    table = read_delimited([file], lambda names: NAMES & set(names), fewest=1)
    if missing := [name for name in needed if name not in table.columns]:
        raise _wrong(
            f"'{file.name}' has no column '{missing[0]}'",
            f"it has {', '.join(table.columns) or 'none'}",
            f"name the columns {', '.join(needed)}",
        )
    return table


def _texts(table: ColumnTable, name: str) -> Shaped[np.ndarray, " row"]:
    texts = _values(table.columns[name]).astype(str)
    if (empty := np.flatnonzero(np.char.str_len(texts) == 0)).size:
        raise InputError(
            "E105",
            f"{table.place(int(empty[0]), name)} is empty",
            cause=f"each row names its {name}",
            hint="fill it in, or leave the row out",
        )
    return texts


def _values(column: Column) -> Shaped[np.ndarray, " row"]:
    return column.texts() if isinstance(column, Texts) else column


def _by_graph(owner: Shaped[np.ndarray, " node"]) -> Int[np.ndarray, " node"]:
    """Return the order that puts the nodes of a graph together, graphs as they are first met."""
    _, first, inverse = np.unique(owner, return_index=True, return_inverse=True)
    return np.argsort(first[inverse], kind="stable")


def _second(keys: list[tuple[str, str]]) -> int:
    """Return the row of the first key that was met before."""
    seen: set[tuple[str, str]] = set()
    for row, key in enumerate(keys):
        if key in seen:
            return row
        seen.add(key)
    raise AssertionError("no key comes twice")


def _features(table: ColumnTable, channels: tuple[str, ...]) -> Float[np.ndarray, "node channel"]:
    if not channels:
        return np.ones((len(table), 1))
    columns: list[Float[np.ndarray, " node"]] = []
    for name in channels:
        column = table.columns[name]
        if isinstance(column, Texts):
            raise InputError(
                "E116",
                f"column '{name}' of '{table.name}' holds texts, such as '{column.texts()[0]}'",
                cause="features of nodes are numbers",
                hint="give each kind of node a column of 0 and 1, or leave the column out",
            )
        values = column.astype(np.float64)
        if (bad := np.flatnonzero(~np.isfinite(values))).size:
            raise InputError(
                "E105",
                f"{table.place(int(bad[0]), name)} is missing or infinite",
                cause="one such value would spread through its whole graph",
                hint="fill the gap, or leave the graph out",
            )
        columns.append(values)
    return np.column_stack(columns)


def _pairs(table: ColumnTable, place: dict[tuple[str, str], int]) -> Int[np.ndarray, "edge 2"]:
    """Return the edges as places of nodes, naming the line of one that leads nowhere."""
    if "graph" in table.columns:
        found = place
        owner = _texts(table, "graph").tolist()
    else:
        found = {("", name): index for (_, name), index in place.items()}
        if len(found) < len(place):
            seen: set[str] = set()
            name = next(n for _, n in place if n in seen or seen.add(n))
            raise _wrong(
                f"'{table.name}' has no column 'graph'",
                f"node '{name}' is in more than one graph, so that its edges could be in either",
                "add the column, or give each node a name of its own",
            )
        owner = [""] * len(table)
    pairs = np.empty((len(table), 2), np.int64)
    for column, end in enumerate(("source", "target")):
        for row, key in enumerate(zip(owner, _texts(table, end).tolist(), strict=True)):
            where = found.get(key)
            if where is None:
                raise _wrong(
                    f"{table.place(row, end)}: there is no node '{key[1]}'"
                    + (f" in graph '{key[0]}'" if key[0] else ""),
                    "each end of an edge must be listed among the nodes",
                    "add the node, or leave the edge out",
                )
            pairs[row, column] = where
    return pairs


def _graph_labels(table: ColumnTable, graphs: NodeGraphs) -> Shaped[np.ndarray, " graph"]:
    names, labels = _texts(table, "graph").tolist(), _values(table.columns["label"])
    rows = {name: row for row, name in enumerate(names)}
    if len(rows) < len(names):
        row = _second([("", name) for name in names])
        raise _wrong(
            f"{table.row(row)}: graph '{names[row]}' is listed twice", "it was met above", "keep one"
        )
    known = set(graphs.ids)
    if stranger := [name for name in names if name not in known]:
        raise _wrong(
            f"{table.row(rows[stranger[0]])}: no node belongs to graph '{stranger[0]}'",
            f"the nodes belong to {len(known)} other graphs",
            "add its nodes, or leave it out",
        )
    if missing := [name for name in graphs.ids if name not in rows]:
        raise _wrong(
            f"graph '{missing[0]}' has no label in '{table.name}'",
            f"{len(missing)} graphs have none",
            "add a row, or leave their nodes out",
        )
    return labels[[rows[str(name)] for name in graphs.ids]]


def _wrong(message: str, cause: str, hint: str) -> InputError:
    return InputError("E108", message, cause=cause, hint=hint)
