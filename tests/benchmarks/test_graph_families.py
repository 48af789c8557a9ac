from __future__ import annotations

import numpy as np
import pytest

from benchmarks._graph_families import FAMILIES, LAG, family, pooled_features, rewired, without_edges


@pytest.mark.parametrize("name", FAMILIES)
def test_a_seed_gives_the_same_graphs_and_another_gives_others(name: str) -> None:
    (a, y), (b, _), (c, _) = (family(name, 6, seed) for seed in (0, 0, 1))
    assert y.tolist() == [0, 1, 0, 1, 0, 1]
    np.testing.assert_array_equal(a.features, b.features)
    np.testing.assert_array_equal(a.sources, b.sources)
    assert a.nodes != c.nodes or not np.array_equal(a.sources, c.sources)


def test_rewiring_keeps_every_degree_and_makes_no_edge_twice() -> None:
    rng = np.random.default_rng(0)
    edges = np.argwhere(np.triu(rng.random((20, 20)) < 0.2, 1))
    moved = rewired(rng, edges, 500, lambda a, b, c, d: 0.0)
    np.testing.assert_array_equal(np.bincount(moved.ravel()), np.bincount(edges.ravel()))
    assert len({frozenset(pair) for pair in moved.tolist()}) == len(edges)
    assert all(a != b for a, b in moved.tolist())
    assert (
        len({frozenset(p) for p in moved.tolist()} & {frozenset(p) for p in edges.tolist()}) < len(edges) / 2
    )


def test_the_spaced_classes_differ_at_the_stated_distance_and_not_before() -> None:
    graphs, classes = family("spaced", 60, seed=3)
    agreement = np.zeros((60, LAG))
    for index, one in enumerate(graphs):
        ring = one.nodes * 2 // 3
        bears = one.degrees[:ring] == 3
        assert bears.sum() == ring // 2 == np.count_nonzero(one.degrees == 1)
        for lag in range(1, LAG + 1):
            agreement[index, lag - 1] = np.mean(bears == np.roll(bears, lag)) - 0.5
    means = np.array([agreement[classes == label].mean(axis=0) for label in (0, 1)])
    assert np.abs(means[:, : LAG - 1]).max() < 0.03
    assert means[0, LAG - 1] < -0.1
    assert means[1, LAG - 1] > 0.1


def test_the_assortative_classes_join_unlike_and_like() -> None:
    graphs, classes = family("assortative", 60, seed=3)
    found: list[float] = []
    for one in graphs:
        ends = np.repeat(np.arange(one.nodes), one.degrees)
        found.append(float(np.corrcoef(one.degrees[ends], one.degrees[one.sources])[0, 1]))
    unlike, like = (np.mean(np.array(found)[classes == label]) for label in (0, 1))
    assert unlike < -0.2
    assert like > 0.1


def test_nothing_is_left_without_edges_and_pooled_features_know_of_none() -> None:
    graphs, _ = family("clustered", 4, seed=0)
    assert without_edges(graphs).degrees.sum() == 0
    np.testing.assert_array_equal(pooled_features(graphs), pooled_features(without_edges(graphs)))
    assert pooled_features(graphs).shape == (4, 1 + 3 * graphs.channels)
