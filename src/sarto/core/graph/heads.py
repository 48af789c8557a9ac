"""What decides from a vector of features: random features with a linear readout, and a forest of decision trees.

Random features, with an activation g from a table:

    sums = W_out g(requantise(W z + (b << bias_shift), factor, shift))

`tanh` takes 13 fractional bits; `cosine` takes a turn as 2^16, so that the argument's overflow is its period.

A forest: from the root of each tree, `node = child[2 node + (z[feature] > threshold)]` until node < 0, and then row
`~node` of the leaves is added. With integer features `z <= t` and `z <= floor(t)` are the same, so that thresholds
between two integers lose nothing.

>>> vector = np.array([[4], [5]])
>>> one = Trees(root=np.array([0]), feature=np.array([0]), threshold=np.array([4]), child=np.array([-1, -2]),
...             leaf=np.array([[3, 0], [0, 7]]))
>>> forest(vector, one).tolist()
[[3, 0], [0, 7]]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.graph.operations import interpolated, requantise, tanh_lookup

HALF_TURN = 1 << 15


class EndlessTreeError(ValueError):
    """A tree leads back to a node that it came from, which no tree does unless it was damaged."""


@dataclass(frozen=True, eq=False)
class Trees:
    """Decision trees as tables.

    Attributes:
        root: first node of each tree, or ~row of its only leaf.
        feature: that each node looks at.
        threshold: the largest value with which a node goes left.
        child: of node n, left at 2 n and right at 2 n + 1: a node, or ~row of a leaf.
        leaf: what a leaf adds to the sums.
    """

    root: Integer[np.ndarray, " tree"]
    feature: Integer[np.ndarray, " node"]
    threshold: Integer[np.ndarray, " node"]
    child: Integer[np.ndarray, " two_nodes"]
    leaf: Integer[np.ndarray, "row output"]


def forest(vector: Integer[np.ndarray, "item feature"], trees: Trees) -> Int[np.ndarray, "item output"]:
    """Return the sums over all trees of the leaf that each item ends in.

    Raises:
        EndlessTreeError: when an item ends in none.
    """
    sums = np.zeros((len(vector), trees.leaf.shape[1]), np.int64)
    items = np.arange(len(vector))
    for root in trees.root.tolist():
        node = np.full(len(vector), root, np.int64)
        depth = 0
        while len(live := items[node >= 0]):
            if depth > len(trees.feature):
                raise EndlessTreeError(f"the tree from node {root} does not end")
            at = node[live]
            right = vector[live, trees.feature[at]] > trees.threshold[at]
            node[live] = trees.child[2 * at + right]
            depth += 1
        sums += trees.leaf[~node]
    return sums


def activations(
    vector: Integer[np.ndarray, "item feature"],
    consts: dict[str, Integer[np.ndarray, "..."]],
    attributes: dict[str, int],
) -> Int[np.ndarray, "item hidden"]:
    """Return the random features g(...) of `vector`."""
    acc = (vector.astype(np.float64) @ consts["weights_hidden"].T.astype(np.float64)).astype(np.int64)
    acc += consts["bias_hidden"].astype(np.int64) << attributes["bias_shift"]
    argument = requantise(acc, consts["factor_hidden"], attributes["shift"])
    return (cosine_lookup if attributes["cosine"] else tanh_lookup)(argument, consts["table"])


def cosine_lookup(
    phase: Integer[np.ndarray, "..."], table: Integer[np.ndarray, " entry"]
) -> Int[np.ndarray, "..."]:
    """Return the cosine of `phase`, of which 2^16 are one turn, from a table over half a turn.

    The table has 2^k + 1 entries and is interpolated linearly (rounded half up). At exactly half a turn the argument
    before it is taken.

    >>> table = np.rint(8191 * np.cos(np.arange(129) * np.pi / 128)).astype(np.int16)
    >>> cosine_lookup(np.array([0, 16384, 32768, -16384, 65536 + 100]), table).tolist()
    [8191, 0, -8191, 0, 8190]
    """
    phase = phase & (2 * HALF_TURN - 1)
    return interpolated(np.minimum(np.minimum(phase, 2 * HALF_TURN - phase), HALF_TURN - 1), table)
