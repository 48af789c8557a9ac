"""The estimators on graphs over the rows of a table: each row is a graph of one node, each column a feature of it.

scikit-learn's own checks speak tables. A node without edges has all the arithmetic but the sum over neighbours, so the
whole battery runs on the real estimators, with nothing but the reading of X replaced.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import BaseEstimator

from sarto.learn.graph_readout import GraphESNClassifier, GraphESNRegressor, GraphReservoirTransformer
from sarto.models.graphs.node_graphs import NodeGraphs, read_node_graphs
from tests.learn.oracles import validate_data


class _Rows(BaseEstimator):
    def _graphs(self, X: Any, *, fitting: bool) -> NodeGraphs:
        table = validate_data(self, X, reset=fitting, dtype=[np.float64, np.float32])
        return read_node_graphs(table, [], graph=np.arange(len(table)))

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = True
        return tags


class GraphRowsTransformer(_Rows, GraphReservoirTransformer):
    pass


class GraphRowsClassifier(_Rows, GraphESNClassifier):
    pass


class GraphRowsRegressor(_Rows, GraphESNRegressor):
    pass
