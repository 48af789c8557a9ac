"""Discriminants of statistics against scikit-learn on the rows, and against densities written out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.learn.heads.discriminant import lda, naive_bayes, nearest_mean, oas, within_classes
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError
from tests.learn.heads.oracles import LinearDiscriminantAnalysis, NearestCentroid, log_softmax, norm
from tests.learn.heads.oracles import oas as oracle_oas

RANDOM = np.random.default_rng(0)
CLASSES = ("a", "b", "c")
Y = RANDOM.choice(CLASSES, 80, p=[0.5, 0.3, 0.2])
X = RANDOM.normal(size=(80, 5)) @ RANDOM.normal(size=(5, 5)) + 3 + 2 * (Y == "b")[:, None] * np.arange(5)
STATISTICS = RidgeStatistics.of(X, Y, classes=CLASSES)


def centred() -> Any:
    left = X.copy()
    for label in CLASSES:
        left[label == Y] -= X[label == Y].mean(axis=0)
    return left


@pytest.mark.parametrize("solver", ["lsqr", "eigen"])
@pytest.mark.parametrize("shrinkage", [0.0, 0.3, 1.0])
def test_lda_has_the_posteriors_of_scikit_learn(solver: str, shrinkage: float) -> None:
    oracle = LinearDiscriminantAnalysis(solver=solver, shrinkage=shrinkage).fit(X, Y)
    head = lda(STATISTICS, shrinkage)
    np.testing.assert_allclose(log_softmax(head.scores(X), axis=1), oracle.predict_log_proba(X), atol=1e-8)
    assert (head.predict(X) == oracle.predict(X)).all()


def test_means_and_scatter_within_classes_are_those_of_the_rows() -> None:
    found = within_classes(STATISTICS)
    np.testing.assert_allclose(found.scatter, centred().T @ centred(), atol=1e-10)
    means = [X[label == Y].mean(axis=0) - X.mean(axis=0) for label in CLASSES]
    np.testing.assert_allclose(found.delta, means, atol=1e-12)


def test_the_chosen_shrinkage_is_scikit_learns() -> None:
    covariance = centred().T @ centred() / len(X)
    assert oas(covariance, len(X)) == pytest.approx(oracle_oas(centred(), assume_centered=True)[1], rel=1e-12)
    few = RANDOM.normal(size=(6, 40))
    assert oas(few.T @ few / 6, 6) == pytest.approx(oracle_oas(few, assume_centered=True)[1], rel=1e-12)
    shrunk = lda(STATISTICS, oas(covariance, len(X)))
    np.testing.assert_allclose(lda(STATISTICS, "oas").weights, shrunk.weights, rtol=1e-9)


def test_naive_bayes_is_the_product_of_normal_densities() -> None:
    deviation = np.sqrt((centred() ** 2).mean(axis=0) + 1e-9 * X.var(axis=0).max())
    joint: list[Any] = []
    for label in CLASSES:
        own = X[label == Y]
        joint.append(norm.logpdf(X, own.mean(axis=0), deviation).sum(axis=1) + np.log(len(own) / len(X)))
    np.testing.assert_allclose(
        log_softmax(naive_bayes(STATISTICS).scores(X), axis=1),
        log_softmax(np.array(joint).T, axis=1),
        atol=1e-9,
    )


def test_the_nearest_mean_is_scikit_learns() -> None:
    assert (nearest_mean(STATISTICS).predict(X) == NearestCentroid().fit(X, Y).predict(X)).all()
    distances = ((X[:, None] - np.array([X[label == Y].mean(axis=0) for label in CLASSES])) ** 2).sum(axis=2)
    scores = nearest_mean(STATISTICS).scores(X)
    np.testing.assert_allclose(scores[:, :1] - scores, (distances - distances[:, :1]) / 2, atol=1e-9)


def test_weights_of_rows_count_as_copies() -> None:
    copies = RANDOM.integers(1, 4, 80)
    weighted = RidgeStatistics.of(X, Y, copies, classes=CLASSES)
    oracle = LinearDiscriminantAnalysis(solver="lsqr").fit(np.repeat(X, copies, axis=0), np.repeat(Y, copies))
    np.testing.assert_allclose(
        log_softmax(lda(weighted).scores(X), axis=1), oracle.predict_log_proba(X), atol=1e-8
    )


@pytest.mark.parametrize("make", [lda, naive_bayes, nearest_mean])
def test_heads_do_not_depend_on_how_rows_are_split_nor_on_classes_without_rows(make: Any) -> None:
    order = RANDOM.permutation(80)
    parts = [
        RidgeStatistics.of(X[part], Y[part], classes=(*CLASSES, "d")) for part in np.array_split(order, 7)
    ]
    whole, joined = make(STATISTICS), make(RidgeStatistics.merge(parts))
    assert joined.classes == CLASSES
    np.testing.assert_allclose(joined.weights, whole.weights, rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(joined.intercept, whole.intercept, rtol=1e-8, atol=1e-9)


@pytest.mark.parametrize("make", [lda, naive_bayes])
def test_a_column_that_does_not_vary_within_classes_does_no_harm(make: Any) -> None:
    wide = np.c_[X, np.full(80, 7.0)]
    head = make(RidgeStatistics.of(wide, Y, classes=CLASSES))
    assert np.isfinite(head.weights).all()
    assert (head.predict(wide) == make(STATISTICS).predict(X)).all()


def test_what_has_no_classes_or_rows_or_an_impossible_shrinkage_is_refused() -> None:
    calls: list[tuple[Any, str]] = [
        (lambda: lda(RidgeStatistics.of(X, X[:, :1])), "E168"),
        (lambda: nearest_mean(RidgeStatistics.empty(2, 2, classes=("a", "b"))), "E104"),
        (lambda: lda(STATISTICS, 1.5), "E168"),
        (lambda: lda(STATISTICS, float("nan")), "E168"),
    ]
    for call, code in calls:
        with pytest.raises(InputError) as caught:
            call()
        assert caught.value.code == code
