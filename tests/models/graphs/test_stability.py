from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sarto.models.graphs import stability as module
from sarto.models.graphs.node_graphs import NodeGraphs, joined, read_node_graphs
from sarto.models.graphs.reservoir import FixedPoint, build
from sarto.models.graphs.stability import adjacency_norms, breaking, largest_degrees, stability
from sarto.models.graphs.states import encode
from tests.models.graphs.drawn import complete, graph, random_graph, random_graphs, ring, scalar


def dense(one: NodeGraphs) -> np.ndarray:
    A = np.zeros((one.nodes, one.nodes))
    for v in range(one.nodes):
        A[v, one.neighbours_of(v)] = 1
    return A


def test_the_sizes_of_graphs_that_are_known() -> None:
    """Star of n leaves sqrt(n), complete graph n - 1, ring 2, path of n nodes 2 cos(pi / (n + 1)), no edges 0."""
    star = [(0, i) for i in range(1, 10)]
    graphs = joined(
        [graph(10, star), graph(7, complete(7)), graph(9, ring(9)), graph(5, ring(5)[:-1]), graph(3, [])]
    )
    norms, radii = adjacency_norms(graphs)
    np.testing.assert_allclose(norms, [3, 6, 2, 2 * np.cos(np.pi / 6), 0], rtol=1e-11)
    np.testing.assert_array_equal(norms, radii)
    np.testing.assert_array_equal(largest_degrees(graphs), [9, 6, 2, 2, 0])


def test_the_sizes_of_directed_graphs_that_are_known() -> None:
    """A directed path has the norm 1 and the radius 0, a directed ring 1 and 1, an inward star sqrt(n) and 0."""
    path, inward = list(pairwise(range(6))), [(i, 0) for i in range(1, 5)]
    graphs = joined([graph(n, e, directed=True) for n, e in ((6, path), (6, ring(6)), (5, inward))])
    norms, radii = adjacency_norms(graphs)
    np.testing.assert_allclose(norms, [1, 1, 2], rtol=1e-11)
    np.testing.assert_allclose(radii, [0, 1, 0], rtol=1e-11)
    np.testing.assert_allclose(largest_degrees(graphs), [1, 1, 2], rtol=1e-11)


@pytest.mark.parametrize("directed", [False, True])
@pytest.mark.parametrize("dense_nodes", [256, 0])
def test_sizes_are_those_of_the_dense_matrices(
    directed: bool, dense_nodes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With 0, every graph is one of the large ones."""
    monkeypatch.setattr(module, "DENSE_NODES", dense_nodes)
    monkeypatch.setattr(module, "TOGETHER", 900)
    graphs = joined([random_graph(n, n, directed=directed, share=0.15) for n in (20, 25, 20, 31, 20)])
    norms, radii = adjacency_norms(graphs)
    for index, one in enumerate(graphs):
        A = dense(one)
        assert norms[index] == pytest.approx(np.linalg.norm(A, 2), rel=1e-10)
        assert radii[index] == pytest.approx(np.abs(np.linalg.eigvals(A)).max(), rel=1e-8)
    assert (norms <= largest_degrees(graphs) * (1 + 1e-11)).all()


def test_a_large_graph_without_edges_or_of_equal_parts() -> None:
    one = graph(600, [e for k in range(0, 600, 6) for e in np.array(complete(6)) + k])
    assert adjacency_norms(one)[0][0] == pytest.approx(5, rel=1e-10)
    assert adjacency_norms(graph(300, []))[0].tolist() == [0]


def test_the_products_and_what_is_reported() -> None:
    names = ["triangle"] * 3 + ["pair"] * 2 + ["five"] * 5
    edges = [*complete(3), (3, 4), *(np.array(complete(5)) + 5).tolist()]
    graphs = read_node_graphs(np.ones((10, 1)), edges, graph=names)
    cell = build(6, 1, seed=0, iteration=FixedPoint(), layers=2, norm=0.4)
    got = stability(cell, graphs)
    radius = max(layer.radius for layer in cell.layers)
    np.testing.assert_allclose(got.sufficient, [0.8, 0.4, 1.6], rtol=1e-10)
    np.testing.assert_allclose(got.necessary, radius * np.array([2, 1, 4]), rtol=1e-10)
    np.testing.assert_allclose(got.by_degree, got.sufficient, rtol=1e-10)
    assert got.not_certain() == breaking(cell, graphs, "norm") == ("five",)
    assert got.unstable() == breaking(cell, graphs, "radius") == (("five",) if radius * 4 >= 1 else ())
    large = build(6, 1, seed=0, iteration=FixedPoint(), radius=0.6)
    assert stability(large, graphs).unstable() == breaking(large, graphs, "radius") == ("triangle", "five")


def test_degrees_alone_do_not_condemn_a_graph() -> None:
    """A star of 9 leaves has k = 9 and the norm 3."""
    star = graph(10, [(0, i) for i in range(1, 10)])
    cell = build(4, 2, seed=0, iteration=FixedPoint(), norm=0.3)
    assert stability(cell, star).by_degree[0] == pytest.approx(2.7)
    assert breaking(cell, star, "norm") == ()
    assert encode(cell, star, "sum").converged.all()


@pytest.mark.parametrize(("product", "leaves"), [(0.98, False), (1.02, True)])
def test_the_bound_is_tight(product: float, leaves: bool) -> None:
    """One neuron on a complete graph: below 1 the state answers a faint input faintly, above it runs away from 0."""
    one = read_node_graphs(np.full((5, 1), 1e-9), complete(5))
    cell = scalar(product / 4, FixedPoint(1e-14, 3000))
    assert stability(cell, one).sufficient[0] == pytest.approx(product)
    assert stability(cell, one).necessary[0] == pytest.approx(product)
    state = abs(float(encode(cell, one, "max", dtype="float64").values[0, 0]))
    if leaves:  # to the solution of x = tanh(1.02 x), near sqrt(3 * 0.02)
        assert state == pytest.approx(np.tanh(product * state), rel=1e-6)
        assert state > 0.2
    else:
        assert state == pytest.approx(1e-9 / (1 - product), rel=1e-4)


def test_a_sweep_shrinks_what_is_left_by_the_product_and_no_more() -> None:
    """Where tanh z is z and W is symmetric, changes fall by sigma_max(W) sigma_max(A) exactly, in the end."""
    one = read_node_graphs(np.full((6, 1), 1e-8), ring(6))
    products = stability(scalar(0.35, FixedPoint()), one).sufficient
    moves = [
        float(encode(scalar(0.35, FixedPoint(1e-30, k)), one, "sum", dtype="float64").change[0, 0])
        for k in (20, 21)
    ]
    assert moves[1] / moves[0] == pytest.approx(products[0], rel=1e-9)


@pytest.mark.parametrize("directed", [False, True])
def test_what_is_certain_does_come_to_rest_and_as_near_as_stated(directed: bool) -> None:
    graphs = random_graphs(30, seed=3, directed=directed)
    limit = 0.9 / adjacency_norms(graphs)[0].max()
    rough = build(8, 2, seed=0, iteration=FixedPoint(1e-3, 200), norm=limit, input_scaling=1.0)
    fine = build(8, 2, seed=0, iteration=FixedPoint(1e-13, 2000), norm=limit, input_scaling=1.0)
    q = stability(rough, graphs).sufficient
    assert q.max() == pytest.approx(0.9) and not stability(rough, graphs).not_certain()
    near, exact = (encode(cell, graphs, None, dtype="float64") for cell in (rough, fine))
    assert near.converged.all() and exact.converged.all()
    off = np.sqrt(np.add.reduceat(((near.values - exact.values) ** 2).sum(axis=1), graphs.offsets[:-1]))
    assert (off <= q / (1 - q) * np.sqrt(graphs.sizes) * near.change[:, 0] + 1e-12).all()
    assert off.max() > 1e-5, "the bound is of something"
