"""The rival: a random forest on seven statistics of each channel, tuned by as many configurations and as hard.

Statistics of a window, per channel: mean, standard deviation, minimum, maximum, median, mean absolute difference of
neighbouring samples, and mean square. Configurations are drawn at random; each is scored by the same group-wise
cross-validation on the same folds, and by the same loss, as a trial of `sarto fit`: the first partition for all, all
partitions for the best few.

Source: Breiman, "Random forests", Machine Learning 45 (2001); ranges after Probst, Wright and Boulesteix,
"Hyperparameters and tuning strategies for random forest", WIREs (2019), section 2.1, and 4.3 for random search.
"""

# scikit-learn is typed loosely.
# pyright: basic

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.ensemble import RandomForestClassifier

from benchmarks._fitted import Answers
from sarto.core.dataset import Dataset
from sarto.core.seed import generator
from sarto.data.splits import split
from sarto.deploy.sensor import SensorFormat
from sarto.search.loop import FINALISTS
from sarto.search.problem import REPEATS, prepare
from sarto.search.trial import Score

STATISTICS = 7
TREES, TUNING_TREES = 500, 100
"""In the final forest and while tuning. More trees never hurt a forest but by time, so their number is set and not
tuned (Probst et al., 2.1.6)."""

Configuration = dict[str, Any]


def statistics(data: Dataset) -> Float[np.ndarray, "item statistic"]:
    """Return the seven statistics of each channel, for every item."""
    rows = []
    for index in range(len(data)):
        x = data.item(index).astype(np.float64)
        moved = np.abs(np.diff(x, axis=0)).mean(axis=0)
        rows.append(
            [x.mean(0), x.std(0), x.min(0), x.max(0), np.median(x, axis=0), moved, np.square(x).mean(0)]
        )
    return np.array(rows).reshape(len(data), -1)


def configurations(count: int, seed: int) -> list[Configuration]:
    """Return `count` configurations drawn at random; the first is that of scikit-learn's defaults."""
    random = generator(seed, "forest")
    drawn: list[Configuration] = [{}]
    while len(drawn) < count:
        drawn.append(
            {
                "max_features": float(random.uniform(0.05, 1.0)),
                "min_samples_leaf": int(random.integers(1, 11)),
                "max_samples": float(random.uniform(0.3, 1.0)),
                "max_depth": [None, 8, 16][random.integers(3)],
                "criterion": ["gini", "entropy"][random.integers(2)],
                "class_weight": [None, "balanced_subsample"][random.integers(2)],
            }
        )
    return drawn[:count]


def forest(
    x: Float[np.ndarray, "item statistic"],
    y: Int[np.ndarray, " item"],
    settings: Configuration,
    seed: int,
    trees: int,
) -> RandomForestClassifier:
    """Return a fitted forest of so many `trees`."""
    return RandomForestClassifier(trees, random_state=seed, n_jobs=1, **settings).fit(x, y)


def loss(
    x: Float[np.ndarray, "item statistic"],
    y: Int[np.ndarray, " item"],
    parts: list[Int[np.ndarray, " item"]],
    settings: Configuration,
    seed: int,
) -> float:
    """Return the loss by which `sarto fit` judges a trial, over `parts`, each of which says the fold of every item."""
    onehot = np.eye(int(y.max()) + 1)[y]
    wrong, square = 0, 0.0
    for part in parts:
        for fold in range(int(part.max()) + 1):
            held = part == fold
            fitted = forest(x[~held], y[~held], settings, seed, TUNING_TREES)
            share = np.zeros((int(held.sum()), onehot.shape[1]))
            share[:, fitted.classes_] = fitted.predict_proba(x[held])
            wrong += int(np.count_nonzero(share.argmax(axis=1) != y[held]))
            square += float(np.square(share - onehot[held]).sum())
    items = len(parts) * len(y)
    spread = len(parts) * float(np.square(onehot - onehot.mean(axis=0)).sum())
    return Score(wrong / items, square / spread, 0.0, items, 0.0).loss


def tuned(data: Dataset, count: int, seed: int, executor: Executor) -> tuple[Answers, Configuration, float]:
    """Return the answers of the tuned forest on the test items, its configuration, and its loss in validation.

    Args:
        data: with a split of its own and groups.
        count: configurations to try.
        seed: of the configurations, the folds (as in `sarto fit` of the same seed) and the trees.
        executor: runs the configurations.
    """
    parts = split(data, seed)
    train, test = data.select(parts.train), data.select(parts.test)
    x, y = statistics(train), train.target
    partitions = list(prepare(train, SensorFormat.calibrate(train.values, 16, None), None, seed).fold)

    def losses(chosen: list[Configuration], repeats: int) -> list[float]:
        running = [executor.submit(loss, x, y, partitions[:repeats], c, seed) for c in chosen]
        return [future.result() for future in running]

    drawn = configurations(count, seed)
    first = losses(drawn, 1)
    best = [drawn[i] for i in np.argsort(first, kind="stable")[:FINALISTS]]
    again = losses(best, REPEATS)
    chosen = best[int(np.argmin(again))]
    guess = [int(label) for label in forest(x, y, chosen, seed, TREES).predict(statistics(test))]
    groups = [str(g) for g in test.groups] if test.groups is not None else []
    return Answers(test.target.tolist(), guess, groups), chosen, float(min(again))
