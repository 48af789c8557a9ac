"""Recursive least squares in integers is the ridge solution, whatever the order, from nothing or from a readout."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Float, Int

from sarto.learn.integer_rls import (
    CONSTANT_BITS,
    FEATURE_BITS,
    LIMIT,
    SCORE_SHIFT,
    SHIFT,
    SUM_LIMIT,
    Beginning,
    IntegerRLS,
    prior_of,
)
from sarto.learn.statistics import RidgeStatistics

COUNT = 2.0**-14


def samples(
    seed: int, count: int, features: int, classes: int
) -> tuple[Int[np.ndarray, "item feature"], Int[np.ndarray, " item"]]:
    """Vectors with correlated features, of sizes far apart, about a mean, and labels that depend on them."""
    rng = np.random.default_rng(seed)
    mixed = rng.normal(size=(count, features)) @ rng.normal(size=(features, features))
    size = 2.0 ** rng.uniform(5, 10, features)
    vectors = np.rint(mixed / mixed.std(axis=0) * size + rng.uniform(-3, 3, features) * size).clip(
        -8191, 8191
    )
    labels = (mixed @ rng.normal(size=(features, classes)) + rng.normal(size=(count, classes))).argmax(axis=1)
    return vectors.astype(np.int64), labels


def learned(
    beginning: Beginning, vectors: Int[np.ndarray, "item feature"], labels: Int[np.ndarray, " item"]
) -> IntegerRLS:
    learner = IntegerRLS(beginning)
    for vector, label in zip(vectors, labels.tolist(), strict=True):
        learner.learn(vector, label)
    return learner


def solved(
    beginning: Beginning,
    vectors: Int[np.ndarray, "item feature"],
    labels: Int[np.ndarray, " item"],
    tested: Int[np.ndarray, "item feature"],
) -> Float[np.ndarray, "item class"]:
    """Outputs of the least squares that the module states, in float64, by the rows of all samples at once."""
    classes = beginning.classes
    centre = np.zeros(beginning.features) if beginning.centre is None else beginning.centre
    root = np.sqrt(
        np.array([beginning.prior_constant] + [beginning.prior] * beginning.features)
        * 2.0 ** (SHIFT - 2 * FEATURE_BITS)
    )
    known = np.zeros((beginning.columns, classes))
    if beginning.weights is not None:
        assert beginning.constant is not None and beginning.unit is not None
        known = np.vstack([beginning.constant, beginning.weights * beginning.unit]).astype(np.float64)
        known *= 2.0 ** (FEATURE_BITS - SHIFT - SCORE_SHIFT - 14)

    def columns(v: Int[np.ndarray, "item feature"]) -> Float[np.ndarray, "item column"]:
        return np.column_stack([np.full(len(v), 2.0**CONSTANT_BITS), v - centre])

    targets = 2.0 * np.eye(classes)[labels] - 1
    rows = np.vstack([columns(vectors), np.diag(root)])
    wanted = np.vstack([targets, root[:, None] * known])
    return columns(tested) @ np.linalg.lstsq(rows, wanted, rcond=None)[0]


def fitted(vectors: Int[np.ndarray, "item feature"], classes: int, count: float) -> Beginning:
    rng = np.random.default_rng(5)
    return Beginning.fitted(
        np.rint(vectors.mean(axis=0)).astype(np.int64),
        float(np.sqrt(vectors.var(axis=0).mean())),
        count,
        rng.integers(-127, 128, (vectors.shape[1], classes)),
        rng.integers(1, 1000, classes),
        rng.integers(-(2**21), 2**21, classes),
    )


@pytest.mark.parametrize("known", [False, True], ids=["from nothing", "from a readout"])
@pytest.mark.parametrize(("count", "features", "classes"), [(0, 3, 2), (4, 9, 3), (300, 12, 4)])
def test_it_is_the_ridge_solution_after_every_sample(
    known: bool, count: int, features: int, classes: int
) -> None:
    vectors, labels = samples(1, 400, features, classes)
    beginning = fitted(vectors, classes, 20) if known else Beginning.blank(features, classes, 500)
    learner = learned(beginning, vectors[:count], labels[:count])
    wanted = solved(beginning, vectors[:count], labels[:count], vectors)
    assert np.abs(learner.scores(vectors) * COUNT - wanted).max() < 2e-3
    if count:
        assert np.abs(wanted).max() > 0.3


def test_from_nothing_it_is_the_ridge_that_statistics_solve() -> None:
    vectors, labels = samples(2, 500, 10, 3)
    spread = 400.0
    learner = learned(Beginning.blank(10, 3, spread, samples=2), vectors, labels)
    statistics = RidgeStatistics.of(vectors.astype(np.float64), 2.0 * np.eye(3)[labels] - 1)
    wanted = statistics.solve(2 * spread**2).predict(vectors.astype(np.float64))
    assert np.abs(learner.scores(vectors) * COUNT - wanted).max() < 5e-3


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_the_order_of_samples_is_lost_in_rounding(seed: int) -> None:
    vectors, labels = samples(seed, 60, 6, 3)
    order = np.random.default_rng(seed).permutation(60)
    beginning = Beginning.blank(6, 3, 300)
    one, other = learned(beginning, vectors, labels), learned(beginning, vectors[order], labels[order])
    assert np.abs(one.scores(vectors) - other.scores(vectors)).max() * COUNT < 2e-3


def test_a_known_readout_answers_as_it_did_before_the_first_sample() -> None:
    vectors, _ = samples(3, 50, 8, 3)
    beginning = fitted(vectors, 3, 30)
    assert beginning.weights is not None and beginning.unit is not None and beginning.constant is not None
    centred = vectors - beginning.centre
    up = 2.0 ** (FEATURE_BITS - SHIFT - SCORE_SHIFT)
    wanted = (centred @ (beginning.weights * beginning.unit) + 2**CONSTANT_BITS * beginning.constant) * up
    assert np.abs(IntegerRLS(beginning).scores(vectors) - wanted).max() < 1


def test_full_sums_forget_the_oldest_and_go_on_learning() -> None:
    beginning = Beginning.blank(2, 2, 8191, samples=1)
    learner = IntegerRLS(beginning)
    vector = np.array([8191, -8191])
    words = learner.words.copy()
    words[beginning.starts[:-1]] = SUM_LIMIT
    learner.put_back(words)
    before = learner.scores(vector[None])
    for _ in range(200):
        learner.learn(vector, 1)
    after = learner.scores(vector[None])
    assert (learner.words[beginning.starts[:-1]] == SUM_LIMIT).all()
    assert (before == 0).all() and after[0, 1] > -after[0, 0] - 2 and after[0, 1] > 100


def test_values_at_their_ends_stay_within_their_bits() -> None:
    rng = np.random.default_rng(4)
    learner = IntegerRLS(Beginning(5, 3, 16, 16))
    for _ in range(100):
        learner.learn(rng.choice([-8191, 8191, -1, 1, 0], 5), int(rng.integers(3)))
        words = learner.words.astype(np.int64)
        assert np.abs(words).max() <= SUM_LIMIT
        sums = np.isin(np.arange(len(words)), learner.beginning.starts[:-1])
        assert np.abs(words[~sums]).max() <= LIMIT
        assert (words[sums] > 0).all()


def test_what_it_keeps_is_counted() -> None:
    beginning = Beginning.blank(4, 3, 100)
    assert beginning.words == len(IntegerRLS(beginning).words) == 5 * 6 // 2 + 5 * 3
    assert prior_of(256, 8) == 8 * prior_of(256, 1) == 2 * prior_of(512, 1)
