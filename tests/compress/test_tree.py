"""Small trees and tables that copy a policy: what they cost, and that their bytes are all there is."""

from typing import Any

import numpy as np
import pytest

from sarto.compress.tree import Chooser, Lookup, Tree, from_bytes, front, grow, tabulate
from sarto.models.input_error import InputError

RNG = np.random.default_rng(0)
X = RNG.uniform(-1, 1, (800, 3)).astype(np.float32)


def steps(x: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """Costs of three actions that a tree of four leaves has for nothing."""
    best = np.where(x[:, 0] > 0.2, np.where(x[:, 1] > -0.3, 2, 0), np.where(x[:, 2] > 0.5, 1, 0))
    return 1.0 - np.eye(3)[best]


def test_a_policy_that_is_a_tree_is_found() -> None:
    tree = grow(X, steps(X), leaves=4)
    assert tree.leaves == 4
    held = RNG.uniform(-1, 1, (500, 3)).astype(np.float32)
    assert tree.cost(held, steps(held)) < 0.02


def test_leaves_choose_by_cost_and_not_by_count() -> None:
    """Nine of ten items want action 0 by a hair; the tenth loses much by it."""
    x = np.zeros((10, 1), np.float32)
    costs = np.array([[0.0, 0.1]] * 9 + [[5.0, 0.0]])
    assert grow(x, costs, leaves=4).choose(x).tolist() == [1] * 10
    assert tabulate(x, costs, bins=2).choose(x).tolist() == [1] * 10


def test_items_weigh_what_a_mistake_costs() -> None:
    """With one split only, the one that saves most is taken, not the one that is right most often."""
    x = np.array([[0, 0]] * 50 + [[0, 1]] * 40 + [[1, 0]] * 10, np.float32)
    costs = np.array([[0.0, 0.1]] * 50 + [[0.1, 0.0]] * 40 + [[9.0, 0.0]] * 10)
    assert grow(x, costs, leaves=2).feature.tolist() == [0]
    assert grow(x, np.minimum(costs, 0.1), leaves=2).feature.tolist() == [1]


@pytest.mark.parametrize("leaves", [1, 2, 7, 40])
def test_bytes_are_all_of_a_tree(leaves: int) -> None:
    noisy = steps(X) + RNG.normal(0, 0.2, (800, 3))
    tree = grow(X, noisy, leaves)
    back = from_bytes(tree.to_bytes())
    assert isinstance(back, Tree)
    assert np.array_equal(back.choose(X), tree.choose(X))
    assert (back.leaves, back.size_b) == (tree.leaves, tree.size_b)
    assert tree.leaves <= leaves


def test_bytes_are_all_of_a_table() -> None:
    table = tabulate(X, steps(X), bins=4)
    back = from_bytes(table.to_bytes())
    assert isinstance(back, Lookup)
    assert np.array_equal(back.choose(X), table.choose(X))
    assert (table.leaves, table.size_b) == (64, 1 + 1 + 3 * (1 + 12) + 64)


def test_edges_belong_to_the_part_below() -> None:
    x = np.array([[0.0], [1.0], [2.0], [3.0]], np.float32)
    table = tabulate(x, np.array([[0.0, 1], [0, 1], [1, 0], [1, 0]]), bins=2)
    assert table.edges[0].tolist() == [1.5]
    tree = Tree(np.array([0]), np.array([1.5], np.float32), np.array([[-1, -2]]), np.array([0, 1]))
    at = np.array([[1.5], [np.nextafter(np.float32(1.5), np.float32(2))]], np.float32)
    assert table.choose(at).tolist() == tree.choose(at).tolist() == [0, 1]


def test_thresholds_between_two_floats_cut_as_in_double_precision() -> None:
    low = np.float32(2)
    for _ in range(4):
        high = np.nextafter(low, np.float32(3))
        x = np.array([[low], [high]], np.float32)
        tree = grow(x, np.array([[0.0, 1.0], [1.0, 0.0]]), leaves=2)
        assert tree.choose(x).tolist() == [0, 1]
        low = high


def test_nodes_whose_leaves_agree_are_merged() -> None:
    tree = grow(X, steps(X), leaves=60)
    assert tree.leaves == len({tuple(row) for row in tree.child.tolist()}) + 1
    for left, right in tree.child:
        assert not (left < 0 and right < 0 and tree.action[~left] == tree.action[~right])


def test_the_front_holds_what_nothing_beats() -> None:
    noisy = steps(X) + RNG.normal(0, 0.3, (800, 3))
    points = front(X[:500], noisy[:500], X[500:], noisy[500:])
    assert points[0].leaves == 1
    assert [p.size_b for p in points] == sorted({p.size_b for p in points})
    assert [p.cost for p in points] == sorted((p.cost for p in points), reverse=True)
    assert min(p.cost for p in points) < points[0].cost - 0.2


def test_a_network_becomes_a_tree() -> None:
    """A classifier's costs are 1 minus its probabilities."""
    logits = X @ RNG.normal(size=(3, 4))
    share = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    tree = grow(X, 1 - share, leaves=32)
    assert (tree.choose(X) == share.argmax(axis=1)).mean() > 0.85


@pytest.mark.parametrize(
    "data",
    [b"", b"X", b"T", b"T\x01\x00", b"T\x00\x00\x00", b"L\x01", b"L\x03" + b"\xff\x7f" * 9, b"L\x01\x00"],
)
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(InputError, match="E131"):
        from_bytes(data)


def test_what_cannot_be_copied() -> None:
    with pytest.raises(InputError, match="E116"):
        grow(X[:0], steps(X)[:0], 4)
    with pytest.raises(InputError, match="E116"):
        grow(np.full((2, 1), np.nan, np.float32), np.ones((2, 2)), 4)
    with pytest.raises(InputError, match=r"a table of 40\^3 cells"):
        tabulate(X, steps(X), bins=40)
    with pytest.raises(NotImplementedError):
        Chooser().choose(X)
