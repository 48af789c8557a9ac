"""Any model or policy as a small decision tree, or as a table: the front of cost, leaves and bytes.

What is copied is a matrix of costs (item, action): what each action would cost on each item. A classifier's are 1 minus
its probabilities, a policy's its own costs. A tree of at most L leaves is grown best first on the cheapest action of
each item, which weighs as much as a mistake there can cost (Bastani et al.'s weight, the spread of the costs):

    action_i = argmin_a c_ia,        weight_i = max_a c_ia - min_a c_ia,

and each leaf then takes the action that is cheapest for the items in it, so its items may disagree with it where that
costs little. A table cuts every feature at quantiles and takes the cheapest action of each cell; a cell without items
takes the action that is cheapest over all. Thresholds are stored, and items compared, in float32.

Source: Bastani, Pu and Solar-Lezama, "Verifiable reinforcement learning via policy extraction", NeurIPS 2018, sec. 3.1.

>>> x = np.random.default_rng(0).uniform(size=(500, 2)).astype(np.float32)
>>> costs = np.stack([x[:, 0] > 0.5, x[:, 0] <= 0.5], axis=1) * 1.0
>>> tree = grow(x, costs, leaves=2)
>>> tree.leaves, tree.size_b, tree.cost(x, costs)
(2, 10, 0.0)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int, UInt

from sarto.compress._packing import Packer, Unpacker, damaged
from sarto.core.points import unbeaten
from sarto.models.input_error import InputError
from sarto.models.network.branches import branches, preorder

SIZES = (2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96, 128)
"""Numbers of leaves that `front` tries."""
CELLS = 4096
"""A table has at most so many cells."""


class Chooser:
    """What chooses an action from features; both kinds have `choose` and `to_bytes`."""

    def choose(self, x: Float[np.ndarray, "item feature"]) -> Int[np.ndarray, " item"]:
        """Return the action for each item."""
        raise NotImplementedError

    def to_bytes(self) -> bytes:
        """Return all there is to know, as `from_bytes` reads it."""
        raise NotImplementedError

    @property
    def size_b(self) -> int:
        """Bytes of `to_bytes`."""
        return len(self.to_bytes())

    @property
    def leaves(self) -> int:
        """How many leaves or cells."""
        raise NotImplementedError

    def cost(self, x: Float[np.ndarray, "item feature"], costs: Float[np.ndarray, "item action"]) -> float:
        """Return the mean cost of the chosen actions."""
        return float(np.take_along_axis(costs, self.choose(x)[:, None], axis=1).mean())


@dataclass(frozen=True, eq=False)
class Tree(Chooser):
    """A decision tree: at node n go left, to `child[n, 0]`, where `x[feature[n]] <= threshold[n]`.

    A child below 0 is the leaf `~child`, and `action` says what a leaf does. A tree without nodes is one leaf.
    """

    feature: Int[np.ndarray, " node"]
    threshold: Float[np.ndarray, " node"]
    child: Int[np.ndarray, "node 2"]
    action: Int[np.ndarray, " leaf"]

    def choose(self, x: Float[np.ndarray, "item feature"]) -> Int[np.ndarray, " item"]:
        """Return the action for each item."""
        return self.action[self.place(x)]

    def place(self, x: Float[np.ndarray, "item feature"]) -> Int[np.ndarray, " item"]:
        """Return the leaf that each item ends in."""
        at = np.full(len(x), 0 if len(self.feature) else -1)
        items = np.arange(len(x))
        while len(live := items[at >= 0]):
            node = at[live]
            right = x[live, self.feature[node]].astype(np.float32) > self.threshold[node]
            at[live] = self.child[node, right.astype(np.int64)]
        return ~at

    @property
    def leaves(self) -> int:
        """How many leaves."""
        return len(self.action)

    def to_bytes(self) -> bytes:
        """Return the tree in preorder: feature + 1 and threshold of a node, 0 and the action of a leaf."""
        out, (words, thresholds) = Packer(), self.preorder
        at, node = 0, 0
        while at < len(words):
            out.whole(words[at])
            if words[at]:
                out.raw(thresholds[node : node + 1].astype("<f4").tobytes())
                at, node = at + 1, node + 1
            else:
                out.whole(words[at + 1])
                at += 2
        return b"T" + bytes(out.data)

    @property
    def preorder(self) -> tuple[tuple[int, ...], Float[np.ndarray, " node"]]:
        """The tree as `models/network/branches` has it, and the thresholds of its nodes in that order."""
        words, nodes = preorder(self.feature.tolist(), self.child.tolist(), self.action.tolist())
        return words, np.asarray(self.threshold, np.float32)[list(nodes)]


@dataclass(frozen=True, eq=False)
class Lookup(Chooser):
    """A table of actions: `action[b_1, b_2, ...]` with b_j the number of `edges[j]` that are below feature j."""

    edges: tuple[Float[np.ndarray, " edge"], ...]
    action: UInt[np.ndarray, "..."]

    def choose(self, x: Float[np.ndarray, "item feature"]) -> Int[np.ndarray, " item"]:
        """Return the action for each item."""
        bins = (np.searchsorted(e, x[:, j].astype(np.float32), side="left") for j, e in enumerate(self.edges))
        return self.action[tuple(bins)].astype(np.int64)

    @property
    def leaves(self) -> int:
        """How many cells."""
        return self.action.size

    def to_bytes(self) -> bytes:
        """Return the edges of every feature and the actions of all cells, one byte each."""
        out = Packer()
        out.whole(len(self.edges))
        for edges in self.edges:
            out.whole(len(edges))
            out.raw(edges.astype("<f4").tobytes())
        out.raw(self.action.astype(np.uint8).tobytes())
        return b"L" + bytes(out.data)


@dataclass(frozen=True, eq=False)
class Point:
    """One chooser with its mean cost on items that it was not made of."""

    chooser: Chooser
    cost: float
    leaves: int
    size_b: int


def grow(
    x: Float[np.ndarray, "item feature"], costs: Float[np.ndarray, "item action"], leaves: int, seed: int = 0
) -> Tree:
    """Return a tree of at most `leaves` leaves.

    Raises:
        InputError: E116, when there are no items, or a feature or cost is not finite.
    """
    _check(x, costs)
    from sklearn.tree import DecisionTreeClassifier

    small = np.asarray(x, np.float32)
    best, spread = costs.argmin(axis=1), costs.max(axis=1) - costs.min(axis=1)
    if leaves < 2 or not spread.any() or len(np.unique(best)) == 1:
        return _one_leaf(costs)
    fitted: Any = DecisionTreeClassifier(max_leaf_nodes=leaves, random_state=seed)
    kept = spread > 0
    found = fitted.fit(small[kept], best[kept], sample_weight=spread[kept] / spread.max()).tree_
    inner = np.flatnonzero(found.children_left >= 0)
    outer = np.flatnonzero(found.children_left < 0)
    number = np.empty(found.node_count, np.int64)
    number[inner], number[outer] = np.arange(len(inner)), ~np.arange(len(outer))
    child = np.stack([number[found.children_left[inner]], number[found.children_right[inner]]], axis=1)
    tree = Tree(
        found.feature[inner].astype(np.int64),
        _below(found.threshold[inner]),
        child,
        np.zeros(len(outer), np.int64),
    )
    return _merged(
        Tree(tree.feature, tree.threshold, tree.child, _cheapest(tree.place(small), costs, len(outer)))
    )


def tabulate(
    x: Float[np.ndarray, "item feature"], costs: Float[np.ndarray, "item action"], bins: int
) -> Lookup:
    """Return a table that cuts every feature at the quantiles of its values into at most `bins` parts.

    Raises:
        InputError: E116, as `grow`, or when the table would have more than `CELLS` cells or more than 256 actions.
    """
    _check(x, costs)
    if bins < 1 or bins ** x.shape[1] > CELLS or costs.shape[1] > 256:
        raise InputError(
            "E116",
            f"a table of {bins}^{x.shape[1]} cells and {costs.shape[1]} actions",
            cause=f"it has 1 to {CELLS} cells and at most 256 actions",
            hint="take fewer bins or features, or a tree",
        )
    small = np.asarray(x, np.float32)
    places = np.linspace(0, 1, bins + 1)[1:-1]
    edges = tuple(_edges(column, places) for column in small.T)
    shape = tuple(len(e) + 1 for e in edges)
    indices = tuple(np.searchsorted(e, small[:, j], side="left") for j, e in enumerate(edges))
    cells = np.ravel_multi_index(indices, shape)
    action = _cheapest(np.asarray(cells, np.int64), costs, math.prod(shape))
    return Lookup(edges, action.reshape(shape).astype(np.uint8))


def _edges(
    column: Float[np.ndarray, " item"], places: Float[np.ndarray, " place"]
) -> Float[np.ndarray, " edge"]:
    return np.unique(np.quantile(column, places).astype(np.float32))


def front(
    x: Float[np.ndarray, "item feature"],
    costs: Float[np.ndarray, "item action"],
    held_x: Float[np.ndarray, "held feature"],
    held_costs: Float[np.ndarray, "held action"],
    seed: int = 0,
) -> list[Point]:
    """Return the trees and tables that none beats in cost on the held items, leaves and bytes, the smallest first."""
    made: list[Chooser] = [_one_leaf(costs), *(grow(x, costs, leaves, seed) for leaves in SIZES)]
    bins = 2
    while bins ** x.shape[1] <= CELLS and costs.shape[1] <= 256 and bins <= 16:
        made.append(tabulate(x, costs, bins))
        bins *= 2
    points = [Point(c, c.cost(held_x, held_costs), c.leaves, c.size_b) for c in made]
    chosen = [points[i] for i in unbeaten([(p.cost, p.leaves, p.size_b) for p in points])]
    return sorted(chosen, key=lambda p: (p.size_b, p.leaves))


def from_bytes(data: bytes) -> Chooser:
    """Return the tree or table that `to_bytes` wrote.

    Raises:
        InputError: E131, when the bytes are neither.
    """
    kind, rest = data[:1], Unpacker(data[1:])
    found = _read_tree(rest) if kind == b"T" else _read_table(rest) if kind == b"L" else None
    if found is None or rest.at != len(rest.data):
        raise damaged("these bytes are no tree and no table")
    return found


def _read_tree(data: Unpacker) -> Tree:
    words, threshold, missing = list[int](), list[float](), 1
    while missing:
        words.append(data.whole())
        if words[-1]:
            threshold.append(float(np.frombuffer(data.raw(4), "<f4")[0]))
            missing += 1
        else:
            words.append(data.whole())
            missing -= 1
    found = branches(tuple(words))
    return Tree(
        np.array(found.feature, np.int64),
        np.array(threshold, np.float32),
        np.array(found.child, np.int64).reshape(-1, 2),
        np.array(found.action, np.int64),
    )


def _read_table(data: Unpacker) -> Lookup:
    edges: list[Float[np.ndarray, " edge"]] = []
    cells = 1
    for _ in range(data.whole()):
        edges.append(np.frombuffer(data.raw(4 * data.whole()), "<f4").astype(np.float32))
        cells *= len(edges[-1]) + 1
        if cells > CELLS:
            raise damaged(f"a table of more than {CELLS} cells")
    action = np.frombuffer(data.raw(cells), np.uint8).reshape([len(e) + 1 for e in edges])
    return Lookup(tuple(edges), action)


def _check(x: Float[np.ndarray, "item feature"], costs: Float[np.ndarray, "row action"]) -> None:
    if not len(x) or len(x) != len(costs) or not (np.isfinite(x).all() and np.isfinite(costs).all()):
        raise InputError(
            "E116",
            f"{len(x)} items and the costs of {len(costs)} cannot be copied",
            cause="items and finite costs, one row for each, are needed",
        )


def _one_leaf(costs: Float[np.ndarray, "item action"]) -> Tree:
    none = np.zeros(0, np.int64)
    return Tree(none, np.zeros(0, np.float32), none.reshape(0, 2), costs.mean(axis=0).argmin(keepdims=True))


def _cheapest(
    place: Int[np.ndarray, " item"], costs: Float[np.ndarray, "item action"], count: int
) -> Int[np.ndarray, " place"]:
    """Return the action that is cheapest over the items of each place; over all items where a place has none."""
    total = np.zeros((count, costs.shape[1]))
    np.add.at(total, place, costs)
    total[np.bincount(place, minlength=count) == 0] = costs.sum(axis=0)
    return total.argmin(axis=1)


def _below(threshold: Float[np.ndarray, " node"]) -> Float[np.ndarray, " node"]:
    """Return the largest float32 that is not above each threshold: the same comparison for float32 items."""
    rounded = threshold.astype(np.float32)
    return np.where(rounded > threshold, np.nextafter(rounded, np.float32(-np.inf)), rounded)


def _merged(tree: Tree) -> Tree:
    """Return the same choices without nodes whose two leaves agree."""
    if not len(tree.child):
        return tree
    child, action = tree.child.copy(), tree.action
    gone: dict[int, int] = {}
    for node in range(len(child) - 1, -1, -1):
        child[node] = [gone.get(int(c), int(c)) for c in child[node]]
        left, right = (int(c) for c in child[node])
        if left < 0 and right < 0 and action[~left] == action[~right]:
            gone[node] = left
    if 0 in gone:
        one = np.array([action[~gone[0]]])
        return Tree(tree.feature[:0], tree.threshold[:0], child[:0], one)
    nodes = [n for n in range(len(child)) if n not in gone]
    leaves = sorted({~int(c) for n in nodes for c in child[n] if c < 0})
    place = {n: i for i, n in enumerate(nodes)} | {~old: ~new for new, old in enumerate(leaves)}
    renamed = np.array([[place[int(c)] for c in child[n]] for n in nodes], np.int64)
    return Tree(tree.feature[nodes], tree.threshold[nodes], renamed, action[leaves])
