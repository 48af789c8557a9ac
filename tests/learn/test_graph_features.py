from __future__ import annotations

from dataclasses import replace

import numpy as np

from sarto.learn.graph_features import GraphFeatureMap, node_scaling
from sarto.models.graphs.node_graphs import read_node_graphs
from sarto.models.graphs.reservoir import FixedSteps, build

GRAPHS = read_node_graphs(
    np.array([[1.0, 0.1, 5.0], [3.0, 0.1, 5.0], [5.0, 0.1, 5.0]]), [[0, 1]], graph=[0, 0, 1]
)


def made(seed: int = 0) -> GraphFeatureMap:
    mean, scale = node_scaling(GRAPHS)
    cell = build(4, 3, seed=seed, iteration=FixedSteps(), layers=2, norm=0.5)
    return GraphFeatureMap(mean, scale, cell, "sum", "last", "float64", False)


def test_scaling_is_over_all_nodes_and_leaves_constant_channels_as_they_are() -> None:
    """0.1 three times has a mean that is rounded, and a deviation that is not 0 but rounding."""
    mean, scale = node_scaling(GRAPHS)
    np.testing.assert_allclose(mean, [3, 0, 0])
    np.testing.assert_allclose(scale, [np.sqrt(8 / 3), 1, 1])
    scaled = made().scaled(GRAPHS).features
    np.testing.assert_allclose(scaled[:, 0], [-np.sqrt(1.5), 0, np.sqrt(1.5)])
    np.testing.assert_array_equal(scaled[:, 1:], GRAPHS.features[:, 1:])


def test_width_and_readout_layers() -> None:
    one = made()
    both = replace(one, readout_layers="all")
    assert (one.width, both.width) == (4, 8)
    a, b = one.encode(GRAPHS).values, both.encode(GRAPHS).values
    np.testing.assert_array_equal(a, b[:, 4:])


def test_the_id_is_of_all_that_features_depend_on() -> None:
    one = made()
    others = [
        made(1),
        replace(one, mean=one.mean + 1),
        replace(one, scale=one.scale * 2),
        replace(one, pooling="mean"),
        replace(one, pooling=None),
        replace(one, readout_layers="all"),
        replace(one, dtype="float32"),
        replace(one, directed=True),
    ]
    assert len({other.features_id for other in (one, *others)}) == 9
    assert made().features_id == one.features_id
