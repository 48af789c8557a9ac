"""A decision tree on quantised features, lowered: `lowered_tree` returns tables that decide the same of every item.

An item has the float32 `q s` where integers q have a scale s, so that a node with threshold t goes left where

    q <= T,      T = the largest integer with q s <= t in float32,

and whole numbers decide as the tree of floats does on quantised items. Of an item as it was before, which is within
half a count of them, it may go another way where a feature is as near to a threshold as that.

>>> from sarto.models.network.branches import branches
>>> tree = lowered_tree(branches((1, 0, 1, 0, 0)), np.array([0.31], np.float32), 0.1, (-127, 127), np.array([0]))
>>> tree.threshold.tolist(), tree.child.tolist(), tree.leaf.tolist()
([3], [-2, -1], [[1, 0], [0, 1]])
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int

from sarto.core.graph.heads import Trees
from sarto.models.network.branches import Branches


def lowered_tree(
    tree: Branches,
    threshold: Float[np.ndarray, " node"],
    scale: float,
    limits: tuple[int, int],
    place: Int[np.ndarray, " feature"],
    outputs: int = 0,
) -> Trees:
    """Return a tree as tables of integers; a leaf adds 1 to its output.

    Args:
        tree: its branches.
        threshold: of its nodes.
        scale: of what it reads.
        limits: of that.
        place: where each feature lies.
        outputs: how many there are; 0 for as many as leaves know.
    """
    actions, leaf = np.unique(np.array(tree.action), return_inverse=True)
    rows = np.zeros((len(actions), outputs or int(actions.max()) + 1), np.int64)
    rows[np.arange(len(actions)), actions] = 1
    child = np.array(tree.child, np.int64).reshape(-1)
    child = np.where(child < 0, ~leaf[np.maximum(~child, 0)], child)
    root = np.zeros(1, np.int64)
    feature = place[np.array(tree.feature, np.int64)]
    return Trees(root, feature, whole_thresholds(threshold, scale, limits), child, rows)


def whole_thresholds(
    threshold: Float[np.ndarray, " node"], scale: float, limits: tuple[int, int]
) -> Int[np.ndarray, " node"]:
    """Return the largest integers q with `q s <= t` in float32, from one below the least that occurs on.

    >>> whole_thresholds(np.array([-9.0, 0.5, 9.0], np.float32), 0.25, (0, 30)).tolist()
    [-1, 2, 30]
    """
    s, t = np.float32(scale), threshold.astype(np.float32)
    low, high = limits
    q = np.floor(t.astype(np.float64) / float(s)).clip(low - 1, high).astype(np.int64)
    for _ in range(2):  # a product is rounded to float32, by less than a count
        q += ((q + 1).astype(np.float32) * s <= t) & (q < high)
        q -= (q.astype(np.float32) * s > t) & (q >= low)
    return q
