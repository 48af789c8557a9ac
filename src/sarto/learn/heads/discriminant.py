"""Discriminants of one `RidgeStatistics`: LDA, Gaussian naive Bayes with tied variances, and the nearest class mean.

The targets are +1 in a row's own class c and -1 in the others, so that with w_c the weight of a class and m the mean of
all, C_xy is 2 w_c (mu_c - m) in its column c. Hence, without another look at the data,

    delta_c = mu_c - m = C_xy,c / (2 w_c),   S_W = C_xx - sum_c w_c delta_c delta_c^T,   S = S_W / w,   p_c = w_c / w

and every head here has the scores of Gaussian classes of one covariance V, less what all classes share:

    s_c(x) = delta_c^T V^-1 (x - m) - delta_c^T V^-1 delta_c / 2 + log p_c

    LDA:             V = (1 - k) S + k tr(S) / d I          with the shrinkage k
    naive Bayes:     V = diag(S) + eps largest variance     one variance for all classes
    nearest mean:    V = I, without log p_c                 the class whose mean is nearest

Classes without rows have no mean: they are not among the classes of the head. S_W loses digits where classes lie far
apart for their spread; a direction in which they do not vary gets weight 0 (the least norm) without shrinkage.

`oas` shrinks by as much as brings the least expected error for Gaussian rows, from the numbers there are, with n rows:

    k = min(1, (tr(S^2) / d^2 + q^2) / ((n + 1) (tr(S^2) / d^2 - q^2 / d))),   q = tr(S) / d

Source: Hastie, Tibshirani and Friedman, "The elements of statistical learning" (2009), section 4.3; shrinkage: Chen,
Wiesel, Eldar and Hero, "Shrinkage algorithms for MMSE covariance estimation", IEEE Trans. Signal Processing 58 (2010),
eq. 23, in the form of scikit-learn's `oas`; heads from such sums: GH-OFL (arXiv 2602.01186).

>>> x, y = np.array([[0.0], [2.0], [8.0], [10.0]]), np.array([0, 0, 1, 1])
>>> head = lda(RidgeStatistics.of(x, y, classes=(0, 1)))
>>> head.weights.tolist(), head.predict(np.array([[4.9], [5.1]])).tolist()
([[-4.0], [4.0]], [0, 1])
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from sarto.learn.heads.linear import LinearHead, classes_of
from sarto.learn.kind import Label
from sarto.learn.ridge import NormalEquations, check_rows, solve
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError

SMOOTHING = 1e-9
"""Of the largest variance, added to every variance of naive Bayes, as in scikit-learn's `GaussianNB`."""


@dataclass(frozen=True, eq=False)
class Within:
    """What statistics tell of the classes that have rows.

    Attributes:
        classes: their labels.
        share: p_c.
        delta: mu_c - m.
        scatter: S_W.
    """

    classes: tuple[Label, ...]
    share: Float[np.ndarray, " class"]
    delta: Float[np.ndarray, "class feature"]
    scatter: Float[np.ndarray, "feature feature"]


def within_classes(statistics: RidgeStatistics) -> Within:
    """Return means and scatter within classes.

    Raises:
        InputError: E104 without rows, E168 without classes.
    """
    labels = classes_of(statistics)
    check_rows(statistics.equations)
    weight = statistics.class_weights
    there = weight > statistics.rounding * statistics.weight
    delta = statistics.C_xy.T[there] / (2 * weight[there, None])
    between = (delta * weight[there, None]).T @ delta
    scatter = statistics.C_xx - (between + between.T) / 2
    share = weight[there] / statistics.weight
    return Within(
        tuple(label for label, kept in zip(labels, there.tolist(), strict=True) if kept),
        share,
        delta,
        scatter,
    )


def lda(statistics: RidgeStatistics, shrinkage: Literal["oas"] | float = 0.0) -> LinearHead:
    """Return the linear discriminant.

    Args:
        statistics: of labelled rows.
        shrinkage: k in [0, 1], or `oas`.

    Raises:
        InputError: E104 without rows; E168, without classes or for another shrinkage.
    """
    found = within_classes(statistics)
    k = oas(found.scatter / statistics.weight, statistics.count) if shrinkage == "oas" else shrinkage
    if not 0 <= k <= 1:
        raise InputError("E168", f"shrinkage = {k}", cause="it must be 'oas' or 0 to 1", hint="use 'oas'")
    features = len(found.scatter)
    sphere = float(np.trace(found.scatter)) / features
    if k == 1:
        if sphere <= 0:
            return _head(statistics, found, np.zeros_like(found.delta))
        return _head(statistics, found, found.delta * (statistics.weight / sphere))
    # V = (1 - k) / w (S_W + ridge I): the penalised equations of `ridge`, which know what to do when S_W is singular.
    right = found.delta.T * (statistics.weight / (1 - k))
    zeros = np.zeros(len(found.delta))
    equations = NormalEquations(found.scatter, right, zeros, np.zeros(features), zeros, statistics.count)
    return _head(statistics, found, solve(equations, k / (1 - k) * max(sphere, 0.0)).weights)


def naive_bayes(statistics: RidgeStatistics) -> LinearHead:
    """Return Gaussian naive Bayes with one variance of each feature for all classes.

    Raises:
        InputError: E104 without rows, E168 without classes.
    """
    found = within_classes(statistics)
    total = float(np.diag(statistics.C_xx).max(initial=0.0)) / statistics.weight
    variance = np.diag(found.scatter).clip(0) / statistics.weight + SMOOTHING * total
    inverse = np.divide(1.0, variance, out=np.zeros_like(variance), where=variance > 0)
    return _head(statistics, found, found.delta * inverse)


def nearest_mean(statistics: RidgeStatistics) -> LinearHead:
    """Return the head whose winner is the class of the nearest mean.

    Raises:
        InputError: E104 without rows, E168 without classes.
    """
    found = within_classes(statistics)
    offset = -(found.delta**2).sum(axis=1) / 2 - found.delta @ statistics.mean_x
    return LinearHead(found.delta, offset, found.classes)


def oas(covariance: Float[np.ndarray, "feature feature"], rows: int) -> float:
    """Return the shrinkage k of a covariance of `rows` rows."""
    features = len(covariance)
    q, square = float(np.trace(covariance)) / features, float((covariance**2).mean())
    below = (rows + 1) * (square - q * q / features)
    return 1.0 if below <= 0 else min(1.0, (square + q * q) / below)


def _head(
    statistics: RidgeStatistics, found: Within, weights: Float[np.ndarray, "class feature"]
) -> LinearHead:
    offset = np.log(found.share) - (weights * found.delta).sum(axis=1) / 2 - weights @ statistics.mean_x
    return LinearHead(weights, offset, found.classes)
