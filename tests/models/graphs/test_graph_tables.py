from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.models.graphs.graph_tables import GraphTables, read_graph_tables

NODES = "node,graph,charge,mass,label\n1,b,0.5,12,x\n2,b,0,16,y\n1,a,-1,12,x\n2,a,1,1,y\n3,b,0,1,z\n"
EDGES = "source,target,graph,weight\n1,2,b,9\n3,1,b,9\n2,1,a,9\n"
GRAPHS = "graph,label\na,0.5\nb,2\n"


def read(
    folder: Path, nodes: str = NODES, edges: str = EDGES, graphs: str | None = GRAPHS, **more: Any
) -> GraphTables:
    files = {"nodes.csv": nodes, "edges.csv": edges, "graphs.csv": graphs}
    for name, text in files.items():
        if text is not None:
            (folder / name).write_text(text)
    return read_graph_tables(
        folder / "edges.csv", folder / "nodes.csv", folder / "graphs.csv" if graphs else None, **more
    )


def test_three_tables_make_graphs(tmp_path: Path) -> None:
    """The nodes of `b` stand apart in the file; names are texts, though written as numbers."""
    table = read(tmp_path)
    assert (table.graphs.ids, table.graphs.sizes.tolist()) == (("b", "a"), [3, 2])
    assert table.node_names == ("1", "2", "3", "1", "2")
    assert table.channels == ("charge", "mass")
    np.testing.assert_array_equal(table.graphs.features, [[0.5, 12], [0, 16], [0, 1], [-1, 12], [1, 1]])
    assert [table.graphs.neighbours_of(v).tolist() for v in range(5)] == [[1, 2], [0], [0], [4], [3]]
    assert table.node_labels is not None and table.node_labels.tolist() == ["x", "y", "z", "x", "y"]
    assert table.graph_labels is not None and table.graph_labels.tolist() == [2.0, 0.5]


def test_directed_edges_lead_from_source_to_target(tmp_path: Path) -> None:
    graphs = read(tmp_path, directed=True).graphs
    assert [graphs.neighbours_of(v).tolist() for v in range(5)] == [[2], [0], [], [4], []]


def test_one_graph_without_features_or_labels(tmp_path: Path) -> None:
    table = read(tmp_path, "node\nC\nN\nO\n", "source,target\nO,C\n", None)
    assert (table.graphs.ids, table.channels, table.node_labels, table.graph_labels) == (
        (0,),
        ("1",),
        None,
        None,
    )
    assert table.graphs.features.tolist() == [[1], [1], [1]]
    assert table.graphs.degrees.tolist() == [1, 0, 1]


def test_edges_find_their_graph_by_names_that_stand_for_one_node(tmp_path: Path) -> None:
    table = read(tmp_path, "node,graph\nC1,a\nC2,b\nC3,b\n", "source,target\nC3,C2\n", None)
    assert table.graphs.degrees.tolist() == [0, 1, 1]


@pytest.mark.parametrize(
    ("code", "words", "settings"),
    [
        ("E108", r"edges.csv, line 3, column 'target': there is no node '7' in graph 'b'",
         {"edges": "source,target,graph\n1,2,b\n1,7,b\n"}),
        ("E108", "no column 'graph'", {"edges": "source,target\n1,2\n"}),
        ("E108", "'edges.csv' has no column 'source'", {"edges": "from,to\n1,2\n"}),
        ("E108", "'nodes.csv' has no column 'node'", {"nodes": "name,graph\n1,b\n"}),
        ("E108", "nodes.csv, line 3: node '1' is listed twice", {"nodes": "node,graph\n1,b\n1,b\n"}),
        ("E105", "nodes.csv, line 3, column 'charge' is missing",
         {"nodes": "node,graph,charge\n1,b,1\n2,b,\n3,b,1\n1,a,0\n2,a,0\n"}),
        ("E116", "column 'element' of 'nodes.csv' holds texts, such as 'C'",
         {"nodes": "node,graph,element\n1,b,C\n2,b,N\n3,b,O\n1,a,C\n2,a,C\n"}),
        ("E116", "join a node with itself", {"edges": "source,target,graph\n1,1,b\n"}),
        ("E116", "come more than once", {"edges": "source,target,graph\n1,2,b\n1,2,b\n"}),
        ("E108", "graphs.csv, line 4: graph 'b' is listed twice", {"graphs": "graph,label\na,1\nb,2\nb,2\n"}),
        ("E108", "graphs.csv, line 4: no node belongs to graph 'c'", {"graphs": "graph,label\na,1\nb,2\nc,2\n"}),
        ("E108", "graph 'b' has no label in 'graphs.csv'", {"graphs": "graph,label\na,1\n"}),
        ("E105", "edges.csv, line 2, column 'target' is empty", {"edges": "source,target,graph\n1,,b\n"}),
        ("E104", "'edges.csv' holds no rows", {"edges": "source,target,graph\n"}),
    ],
)  # fmt: skip
def test_what_is_wrong_is_told_with_its_place(
    code: str, words: str, settings: dict[str, str], tmp_path: Path
) -> None:
    with pytest.raises(SartoError, match=words) as caught:
        read(tmp_path, **settings)
    assert caught.value.code == code


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SartoError, match=r"there is no file none.csv") as caught:
        read_graph_tables(tmp_path / "edges.csv", tmp_path / "none.csv")
    assert caught.value.code == "E101"
