"""A forest of decision trees, trained by scikit-learn on integer features, as tables of integers.

Nodes go left where `z <= t`; with integer z that is `z <= floor(t)`, so the tables decide as the trained trees do, on
every input. The answer is the mean over the trees of their leaves: class shares, or real numbers. Leaves are rounded
to 8 bits, with one scale per forest for shares and per output for numbers, and equal leaves are kept once. With `hard`
votes a leaf is 1 for its most frequent class (the first of equals) and 0 for the others.

Source: Breiman, "Random forests", Machine Learning 45 (2001); Geurts, Ernst and Wehenkel, "Extremely randomized
trees", Machine Learning 63 (2006), for `random_thresholds`. Growth is best first, up to `leaves` leaves.

>>> z = np.array([[0, 3], [1, 3], [4, 3], [5, 3]])
>>> grown = grow(z, np.eye(2)[[0, 0, 1, 1]], ForestSettings(trees=1, leaves=2), seed=0, classes=True)
>>> grown.trees.feature.tolist(), grown.trees.threshold.tolist(), grown.trees.leaf.tolist()
([0], [2], [[0, 127], [127, 0]])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int

from sarto.core.graph.heads import Trees

LEAF_LIMIT = 127


@dataclass(frozen=True)
class ForestSettings:
    """How a forest is grown.

    Attributes:
        trees: how many.
        leaves: most leaves of a tree.
        share: of the features that each split may choose from; at least one.
        random_thresholds: draw thresholds at random and take the best of those; all items are seen by every tree then.
        hard: leaves are votes for one class, not shares.
    """

    trees: int
    leaves: int
    share: float = 1.0
    random_thresholds: bool = False
    hard: bool = False


@dataclass(frozen=True, eq=False)
class Forest:
    """Integer trees, and what one count of the sum of their leaves is worth, per output."""

    trees: Trees
    scale: Float[np.ndarray, " output"]


def grow(
    z: Int[np.ndarray, "item feature"],
    wanted: Float[np.ndarray, "item output"],
    settings: ForestSettings,
    *,
    seed: int,
    classes: bool,
) -> Forest:
    """Return a forest grown on features `z`.

    Args:
        z: integers of 16 bits.
        wanted: one for an item's class and zero for others, or real numbers.
        settings: see `ForestSettings`.
        seed: of everything that is drawn.
        classes: whether `wanted` are classes.
    """
    from sklearn import ensemble  # takes seconds, and settings are read where nothing is grown

    kinds: tuple[Any, Any] = (
        (ensemble.ExtraTreesClassifier, ensemble.ExtraTreesRegressor)
        if settings.random_thresholds
        else (ensemble.RandomForestClassifier, ensemble.RandomForestRegressor)
    )
    model = kinds[0 if classes else 1](
        n_estimators=settings.trees,
        max_leaf_nodes=max(2, settings.leaves),
        max_features=settings.share,
        bootstrap=settings.trees > 1 and not settings.random_thresholds,
        random_state=seed % 2**32,
        n_jobs=1,
    )
    outputs = wanted.shape[1]
    if classes:
        model.fit(z, wanted.argmax(axis=1))
        columns = np.asarray(model.classes_, np.int64)
    else:
        model.fit(z, wanted[:, 0] if outputs == 1 else wanted)
        columns = np.arange(outputs)
    leaves: list[Float[np.ndarray, "leaf output"]] = []
    parts: list[tuple[int, Any, Any, Any]] = []
    for estimator in model.estimators_:
        tree = estimator.tree_
        values = np.zeros((tree.node_count, outputs))
        values[:, columns] = tree.value[:, 0, :] if classes else tree.value[:, :, 0]
        if classes:
            values = _shares(values, settings.hard)
        parts.append(_tables(tree, sum(map(len, leaves)), sum(len(p[1]) for p in parts)))
        leaves.append(values[tree.children_left < 0])
    every = np.concatenate(leaves)
    peak = np.full(outputs, every.max()) if classes else np.abs(every).max(axis=0)
    unit = np.maximum(peak, np.finfo(np.float64).tiny * 2.0**60) / LEAF_LIMIT
    rows, place = np.unique(np.rint(every / unit).astype(np.int64), axis=0, return_inverse=True)
    place = place.reshape(-1)

    def kept(child: Int[np.ndarray, " node"]) -> Int[np.ndarray, " node"]:
        return np.where(child < 0, ~place[np.where(child < 0, ~child, 0)], child)

    root = kept(np.array([p[0] for p in parts]))
    if sum(len(p[1]) for p in parts) == 0:
        # Nothing to split by. Tables of C cannot be empty: one node, which none uses.
        parts.append((-1, np.zeros(1, np.int64), np.zeros(1, np.int64), np.full(2, -1)))
    feature, threshold, child = (np.concatenate([p[i] for p in parts]) for i in (1, 2, 3))
    return Forest(
        Trees(root, feature.astype(np.int64), threshold.astype(np.int64), kept(child.astype(np.int64)), rows),
        unit / settings.trees,
    )


def _shares(values: Float[np.ndarray, "node output"], hard: bool) -> Float[np.ndarray, "node output"]:
    if hard:
        return np.eye(values.shape[1])[values.argmax(axis=1)]
    return values / values.sum(axis=1, keepdims=True)


def _tables(
    tree: Any, leaf: int, node: int
) -> tuple[int, Int[np.ndarray, " node"], Int[np.ndarray, " node"], Int[np.ndarray, " two_nodes"]]:
    """Return root, features, thresholds and children of one tree whose first leaf is `leaf` and first node `node`."""
    is_leaf = tree.children_left < 0
    number = np.where(is_leaf, ~(np.cumsum(is_leaf) - 1 + leaf), np.cumsum(~is_leaf) - 1 + node)
    inner = ~is_leaf
    child = np.stack([number[tree.children_left[inner]], number[tree.children_right[inner]]], axis=1)
    threshold = np.floor(tree.threshold[inner]).astype(np.int64)
    return int(number[0]), tree.feature[inner].astype(np.int64), threshold, child.reshape(-1)
