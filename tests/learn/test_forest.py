"""Integer forests decide as the trees that scikit-learn trained, on every integer input."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)

from sarto.core.graph.heads import forest
from sarto.learn.forest import ForestSettings, grow

RNG = np.random.default_rng(0)
Z = RNG.integers(-8191, 8192, (300, 5))
TARGET = np.clip((Z[:, 0] > 100).astype(int) + 2 * (Z[:, 1] + Z[:, 2] > -500) - (Z[:, 3] > 4000), 0, 3)
ONEHOT = np.eye(4)[TARGET]


def like(kind: Any, settings: ForestSettings, bootstrap: bool) -> Any:
    return kind(
        n_estimators=settings.trees,
        max_leaf_nodes=settings.leaves,
        max_features=settings.share,
        bootstrap=bootstrap,
        random_state=7,
    )


@pytest.mark.parametrize(("trees", "random"), [(1, False), (6, False), (6, True)])
def test_shares_are_those_of_the_trained_trees(trees: int, random: bool) -> None:
    settings = ForestSettings(trees, 20, 0.5, random)
    grown = grow(Z, ONEHOT, settings, seed=7, classes=True)
    kind = ExtraTreesClassifier if random else RandomForestClassifier
    model = like(kind, settings, trees > 1 and not random).fit(Z, TARGET)
    anywhere = RNG.integers(-8191, 8192, (2000, 5))
    shares = forest(anywhere, grown.trees) * grown.scale
    np.testing.assert_allclose(shares, model.predict_proba(anywhere), rtol=0, atol=0.5 / 127 + 1e-9)
    assert grown.trees.leaf.max() == 127 and grown.trees.leaf.min() == 0


@pytest.mark.parametrize("outputs", [1, 2])
@pytest.mark.parametrize("random", [False, True])
def test_numbers_are_those_of_the_trained_trees(outputs: int, random: bool) -> None:
    wanted = np.stack([Z[:, 0] / 900, -Z[:, 1] * Z[:, 2] / 1e7], axis=1)[:, :outputs]
    settings = ForestSettings(5, 30, 1.0, random)
    grown = grow(Z, wanted, settings, seed=7, classes=False)
    kind = ExtraTreesRegressor if random else RandomForestRegressor
    model = like(kind, settings, not random).fit(Z, wanted if outputs > 1 else wanted[:, 0])
    anywhere = RNG.integers(-8191, 8192, (500, 5))
    said = forest(anywhere, grown.trees) * grown.scale
    count = np.abs(wanted).max(axis=0) / 127
    assert (np.abs(said - model.predict(anywhere).reshape(500, outputs)) <= 0.5 * count + 1e-9).all()


def test_integers_on_a_threshold_go_left() -> None:
    """scikit-learn means `z <= t`; on small integers, thresholds at whole numbers are what `<` gets wrong."""
    z = np.array([[0, 0], [1, 0], [2, 0], [3, 0], [4, 1], [5, 1]])
    target = np.array([0, 0, 0, 1, 1, 1])
    grown = grow(z, np.eye(2)[target], ForestSettings(1, 2), seed=0, classes=True)
    assert (grown.trees.feature.tolist(), grown.trees.threshold.tolist()) == ([0], [2])
    assert forest(z, grown.trees).argmax(axis=1).tolist() == target.tolist()
    odd = z * 2 - 1  # thresholds lie at even numbers, on none of these
    again = grow(odd, np.eye(2)[target], ForestSettings(1, 2), seed=0, classes=True)
    assert again.trees.threshold.tolist() == [4]
    assert forest(np.array([[4, 0], [5, 0]]), again.trees).argmax(axis=1).tolist() == [0, 1]


def test_hard_votes_are_whole_and_kept_once() -> None:
    settings = ForestSettings(9, 40, 0.5, hard=True)
    grown = grow(Z, ONEHOT, settings, seed=1, classes=True)
    kept: list[list[int]] = grown.trees.leaf.tolist()
    assert sorted(kept) == [[127 * (column == 3 - row) for column in range(4)] for row in range(4)]
    votes = forest(Z, grown.trees) * grown.scale * 9
    np.testing.assert_allclose(votes, votes.round(), atol=1e-9)
    assert votes.sum(axis=1).round(6).tolist() == [9.0] * len(Z)


def test_a_class_that_is_not_there_gets_nothing() -> None:
    some = TARGET != 2
    grown = grow(Z[some], ONEHOT[some], ForestSettings(3, 10), seed=0, classes=True)
    assert grown.trees.leaf.shape[1] == 4
    assert not grown.trees.leaf[:, 2].any()


def test_one_class_alone_is_a_leaf_without_a_tree() -> None:
    grown = grow(Z, np.eye(2)[np.zeros(len(Z), int)], ForestSettings(2, 10), seed=0, classes=True)
    assert grown.trees.root.tolist() == [-1, -1]
    assert len(grown.trees.feature) == 1, "a table of C cannot be empty"
    assert forest(Z[:3], grown.trees).tolist() == [[254, 0]] * 3
    np.testing.assert_allclose(forest(Z[:3], grown.trees) * grown.scale, [[1, 0]] * 3)


def test_leaves_are_bounded_and_the_seed_decides() -> None:
    grown = [grow(Z, ONEHOT, ForestSettings(4, 12, 0.4), seed=s, classes=True) for s in (3, 3, 4)]
    assert all(len(g.trees.feature) == 4 * 11 for g in grown)
    assert grown[0].trees.threshold.tolist() == grown[1].trees.threshold.tolist()
    assert grown[0].trees.threshold.tolist() != grown[2].trees.threshold.tolist()
