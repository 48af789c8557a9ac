from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from sarto.models.graphs import states
from sarto.models.graphs.node_graphs import NodeGraphs, joined, read_node_graphs
from sarto.models.graphs.reservoir import FixedPoint, FixedSteps, Iteration, build
from sarto.models.graphs.states import POOLINGS, GraphPooling, blocks, encode
from sarto.models.input_error import InputError
from sarto.models.states import Precision
from tests.models.graphs.drawn import complete, graph, random_graph, random_graphs, ring, scalar, slow

TIGHT = FixedPoint(tolerance=1e-13, most=500)
ITERATIONS = pytest.mark.parametrize("iteration", [FixedPoint(1e-7), FixedSteps(3, 0.4)])


def test_two_steps_by_hand() -> None:
    """u = 1 and 0, W = 1/2, W_in = 1, a = 1/2: x1 = a tanh(u), x2 = (1 - a) x1 + a tanh(u + x1(other) / 2)."""
    pair = read_node_graphs(np.array([[1.0], [0.0]]), [[0, 1]])
    got = encode(scalar(0.5, FixedSteps(2, 0.5)), pair, None, dtype="float64").values
    first = 0.5 * np.tanh(1.0)
    wanted = [0.5 * first + 0.5 * np.tanh(1.0), 0.5 * np.tanh(first / 2)]
    np.testing.assert_allclose(got[:, 0], wanted, rtol=1e-15)
    np.testing.assert_allclose(got[:, 0], [0.571195617, 0.094065334], atol=1e-9)


def test_the_fixed_point_of_two_equal_nodes() -> None:
    """x = tanh(1 + x / 2) has the solution 0.8952..., found here by halving."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.tanh(1 + middle / 2) > middle else (low, middle)
    found = encode(scalar(0.5, TIGHT), read_node_graphs(np.ones((2, 1)), [[0, 1]]), "mean", dtype="float64")
    np.testing.assert_allclose(found.values, [[low]], rtol=1e-12)
    assert low == pytest.approx(0.89522, abs=1e-5)


@pytest.mark.parametrize("directed", [False, True])
def test_a_faint_input_gives_the_solution_of_the_linear_equations(directed: bool) -> None:
    """Where tanh z is z: x = (I - A (x) W)^-1 U, all nodes at once as one dense system."""
    one = random_graph(9, 3, directed=directed)
    faint = one.with_features(one.features * 1e-7)
    cell = build(5, 2, seed=1, iteration=FixedPoint(1e-20, 900), norm=0.15, bias_scaling=0.0)
    A = np.zeros((9, 9))
    for v in range(9):
        A[v, one.neighbours_of(v)] = 1
    layer = cell.layers[0]
    drive = (faint.features @ layer.inputs.T).ravel()
    wanted = np.linalg.solve(np.eye(45) - np.kron(A, layer.recurrent), drive).reshape(9, 5)
    np.testing.assert_allclose(encode(cell, faint, None, dtype="float64").values, wanted, rtol=1e-9)


@ITERATIONS
@pytest.mark.parametrize("directed", [False, True])
def test_every_number_is_that_of_plain_python(iteration: Iteration, directed: bool) -> None:
    graphs = random_graphs(6, seed=5, directed=directed)
    cell = build(4, 2, seed=2, iteration=iteration, layers=2, norm=0.2)
    nodes = encode(cell, graphs, None, dtype="float64", readout_layers="all")
    pooled = {kind: encode(cell, graphs, kind, dtype="float64") for kind in POOLINGS}
    for index, one in enumerate(graphs):
        found, sweeps = slow(cell, one)
        first, last = (np.array(x) for x in found)
        rows = slice(graphs.offsets[index], graphs.offsets[index + 1])
        np.testing.assert_allclose(nodes.values[rows], np.hstack([first, last]), rtol=1e-12, atol=1e-14)
        assert nodes.sweeps[index].tolist() == sweeps
        for kind, wanted in (
            ("sum", last.sum(axis=0)),
            ("mean", last.mean(axis=0)),
            ("max", last.max(axis=0)),
        ):
            np.testing.assert_allclose(pooled[kind].values[index], wanted, rtol=1e-12, atol=1e-14)


@ITERATIONS
@pytest.mark.parametrize("pooling", POOLINGS)
def test_names_of_nodes_do_not_matter(iteration: Iteration, pooling: GraphPooling) -> None:
    rng = np.random.default_rng(0)
    features, pairs = rng.normal(size=(12, 2)), np.argwhere(np.triu(rng.random((12, 12)) < 0.3, 1))
    order = rng.permutation(12)
    renamed = np.argsort(order)[pairs]
    cell = build(6, 2, seed=0, iteration=iteration, layers=2, norm=0.2)
    a = encode(cell, read_node_graphs(features, pairs), pooling, dtype="float64").values
    b = encode(cell, read_node_graphs(features[order], renamed), pooling, dtype="float64").values
    np.testing.assert_allclose(a, b, rtol=1e-12)


@pytest.mark.parametrize("iteration", [TIGHT, FixedSteps(3, 0.4)])
def test_the_sum_over_two_graphs_as_one_is_the_sum_of_their_sums(iteration: Iteration) -> None:
    parts = joined([random_graph(7, 1), random_graph(5, 2)])
    whole = NodeGraphs(
        parts.features, np.array([0, parts.nodes]), parts.starts, parts.sources, False, ("both",)
    )
    cell = build(6, 2, seed=0, iteration=iteration, norm=0.2)
    apart = encode(cell, parts, "sum", dtype="float64").values
    np.testing.assert_allclose(
        encode(cell, whole, "sum", dtype="float64").values[0], apart.sum(axis=0), rtol=1e-11
    )


@pytest.mark.parametrize("iteration", [FixedPoint(1e-5), FixedSteps(3, 0.4)])
@pytest.mark.parametrize(("dtype", "rounding"), [("float32", 3e-6), ("float64", 1e-13)])
def test_company_changes_the_rounding_only(
    iteration: Iteration, dtype: Precision, rounding: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs = random_graphs(40, seed=1)
    cell = build(8, 2, seed=0, iteration=iteration, layers=2, norm=0.15)
    together = encode(cell, graphs, "sum", dtype=dtype)
    alone = [encode(cell, one, "sum", dtype=dtype) for one in graphs]
    np.testing.assert_allclose(together.values, np.concatenate([a.values for a in alone]), atol=rounding)
    np.testing.assert_array_equal(together.sweeps, np.concatenate([a.sweeps for a in alone]))
    monkeypatch.setattr(states, "BLOCK_NODES", 30)
    assert len(blocks(graphs)) > 5
    cut = encode(cell, graphs, "sum", dtype=dtype)
    np.testing.assert_allclose(together.values, cut.values, atol=rounding)
    for threads in (2, 3):
        np.testing.assert_array_equal(
            encode(cell, graphs, "sum", dtype=dtype, n_jobs=threads).values, cut.values
        )


def test_graphs_leave_when_they_stand_still_and_the_rest_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    graphs = joined([graph(2, [[0, 1]]), graph(6, complete(6)), graph(4, []), graph(9, ring(9))])
    cell = build(5, 2, seed=0, iteration=FixedPoint(1e-9, 400), norm=0.19)
    shrunk = encode(cell, graphs, None, dtype="float64")
    assert len(set(shrunk.sweeps[:, 0].tolist())) == 4
    assert shrunk.sweeps[2, 0] == 2, "without edges the second sweep moves nothing"
    assert (shrunk.change <= 1e-9).all() and shrunk.converged.all()
    monkeypatch.setattr(states, "LEAVE", 2.0)
    kept = encode(cell, graphs, None, dtype="float64")
    np.testing.assert_allclose(shrunk.values, kept.values, rtol=1e-13)
    np.testing.assert_array_equal(shrunk.sweeps, kept.sweeps)


def test_blocks_hold_whole_graphs_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(states, "BLOCK_NODES", 10)
    graphs = joined([graph(n, []) for n in (4, 6, 1, 25, 3, 3, 3, 3)])
    cut = blocks(graphs)
    assert [part.tolist() for part in cut] == [[0, 1], [2], [3], [4, 5, 6], [7]]


def test_what_does_not_come_to_rest_is_said() -> None:
    """x -> tanh(0.1 - 2 x) on a triangle flips for ever; on a single edge, with -1/2 k, it settles."""
    graphs = joined(
        [
            read_node_graphs(np.full((3, 1), 0.1), complete(3), graph=["flips"] * 3),
            read_node_graphs(np.full((2, 1), 0.1), [[0, 1]], graph=["rests"] * 2),
        ]
    )
    found = encode(scalar(-0.9, FixedPoint(1e-6, 200)), graphs, "mean", dtype="float64")
    assert found.unsettled() == ("flips",)
    assert found.sweeps[0, 0] == 200 and found.change[0, 0] > 0.1
    assert found.sweeps[1, 0] < 200 and found.converged.tolist() == [False, True]


def test_too_few_sweeps_are_said_and_the_states_are_those_after_the_last() -> None:
    one = random_graph(8, 4)
    cut = encode(build(5, 2, seed=0, iteration=FixedPoint(1e-9, 3), norm=0.2), one, None, dtype="float64")
    assert cut.unsettled() == (0,) and cut.sweeps.tolist() == [[3]]
    same = encode(build(5, 2, seed=0, iteration=FixedSteps(3, 1.0), norm=0.2), one, None, dtype="float64")
    np.testing.assert_allclose(cut.values, same.values, rtol=1e-14)
    assert same.converged.all()


def test_without_a_cycle_the_sweeps_end_after_the_longest_path() -> None:
    path = graph(6, list(pairwise(range(6))), directed=True)
    cell = build(4, 2, seed=0, iteration=FixedPoint(1e-12, 100), norm=50.0)
    found = encode(cell, path, None, dtype="float64")
    assert found.converged.all() and found.sweeps[0, 0] == 7, "6 nodes, and a sweep that moves nothing"


def test_float32_is_near_float64() -> None:
    graphs = random_graphs(20)
    cell = build(20, 2, seed=0, iteration=FixedPoint(1e-6), layers=3, norm=0.15)
    single, double = (encode(cell, graphs, "mean", dtype=d).values for d in ("float32", "float64"))
    assert (single.dtype, double.dtype) == (np.float32, np.float64)
    np.testing.assert_allclose(single, double, atol=2e-6)


def shrikhande_and_rook() -> tuple[list[tuple[int, int]], list[tuple[int, int]]]:
    """The two strongly regular graphs with parameters (16, 6, 2, 2)."""
    places = [(a, b) for a in range(4) for b in range(4)]
    steps = {(0, 1), (0, 3), (1, 0), (3, 0), (1, 1), (3, 3)}
    pairs = [(i, j) for i in range(16) for j in range(i)]
    shrikhande = [
        (i, j)
        for i, j in pairs
        if ((places[i][0] - places[j][0]) % 4, (places[i][1] - places[j][1]) % 4) in steps
    ]
    rook = [(i, j) for i, j in pairs if (places[i][0] == places[j][0]) != (places[i][1] == places[j][1])]
    return shrikhande, rook


@ITERATIONS
def test_what_weisfeiler_and_leman_do_not_tell_apart_stays_equal(iteration: Iteration) -> None:
    """The limit that the documents state; with node features that differ, the tie is broken."""
    shrikhande, rook = shrikhande_and_rook()
    assert (len(shrikhande), len(rook)) == (48, 48)
    triangles = [(0, 1), (1, 2), (2, 0), (3, 4), (4, 5), (5, 3)]
    for nodes, first, second in ((6, ring(6), triangles), (16, shrikhande, rook)):
        cell = build(10, 1, seed=0, iteration=iteration, layers=2, norm=0.12)
        same = [
            encode(cell, read_node_graphs(np.ones((nodes, 1)), e), "sum", dtype="float64")
            for e in (first, second)
        ]
        np.testing.assert_allclose(same[0].values, same[1].values, rtol=1e-12)
    cell = build(10, 1, seed=0, iteration=iteration, layers=2, norm=0.4)
    marked = [read_node_graphs(np.eye(6, 1), e) for e in (ring(6), triangles)]
    told = [encode(cell, one, "sum", dtype="float64").values for one in marked]
    assert np.abs(told[0] - told[1]).max() > 1e-5, "one node of the six is marked"


def test_what_the_reservoir_was_not_built_for_is_refused() -> None:
    cell = build(3, 1, seed=0, iteration=FixedSteps(), norm=0.5)
    with pytest.raises(InputError, match="nodes have 2 features, the reservoir was built for 1"):
        encode(cell, graph(2, []), "sum")


@pytest.mark.usefixtures("unchecked_types")
@pytest.mark.parametrize("name", ["pooling", "dtype", "readout_layers"])
def test_no_such_choice(name: str) -> None:
    cell = build(3, 2, seed=0, iteration=FixedSteps(), norm=0.5)
    settings = {"pooling": "sum", name: "no"}
    with pytest.raises(InputError, match=f"{name} = 'no'"):
        encode(cell, graph(2, []), settings.pop("pooling"), **settings)  # pyright: ignore[reportArgumentType]
