"""How far the table of a graph's activation is from the function that it stands for."""

from __future__ import annotations

import numpy as np

from sarto.core.graph import Graph
from sarto.core.graph.heads import HALF_TURN, cosine_lookup
from sarto.core.graph.operations import FEATURE_LIMIT
from sarto.deploy.lower.tanh import table_error


def activation_error(graph: Graph) -> tuple[str, float]:
    """Return the name of the activation, and its largest error over every argument of the device, full scale 1."""
    attributes = graph.step[1].attributes
    if "linear" in attributes:
        return ("identity", "relu")[attributes["linear"] - 1], 0.0
    table = graph.const("table")
    if attributes.get("lift"):
        return "sigmoid", table_error(table) / 2
    if graph.head.kind != "random_features":
        return "tanh", table_error(table)
    if not graph.head.attributes["cosine"]:
        return "tanh", table_error(table, FEATURE_LIMIT)
    argument = np.arange(2 * HALF_TURN, dtype=np.int64)
    exact = np.cos(argument * (np.pi / HALF_TURN))
    return "cosine", float(np.abs(cosine_lookup(argument, table) / FEATURE_LIMIT - exact).max())
