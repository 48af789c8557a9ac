"""A head of one's own: ridge shrunk towards the head of all, from one's own rows.

    minimise over W, b:   sum_i |y_i - W x_i - b|^2 + ridge |W - W_g|^2

with the general head W_g, b_g and targets y of 1 in a row's own class and 0 in the others, as in `ridge_head`. It is
the ridge readout V, v of what the general head leaves of the targets, r = y - W_g x: W = W_g + V, b = v, whose
equations follow from the statistics of the rows,

    C_xr = C_xy - C_xx W_g^T,   mean_r = mean_y - W_g mean_x

A large ridge leaves W_g with an intercept of one's own, a small one forgets W_g. `personal_head` takes the ridge whose
leave-one-out answers (`leave_one_out`, here on the residuals) are best on one's own rows, unless the general head's are
as good: then it stays as it is. Fewest mistakes win, then the least squared error. The general head is judged by its
answers as they are: it favours the general head when its rows were learned from.

Source: Evgeniou and Pontil, "Regularized multi-task learning", KDD 2004, for readouts near a common one;
leave-one-out: see `sarto.learn.leave_one_out`.

>>> rng = np.random.default_rng(0)
>>> x = rng.normal(size=(40, 3))
>>> general = LinearHead(np.array([[-0.4, 0.0, 0.0], [0.4, 0.0, 0.0]]), np.array([0.5, 0.5]), ("left", "right"))
>>> y = np.where(x[:, 0] + x[:, 1] > 0, "right", "left")  # here the second feature counts as well
>>> own = personal_head(general, x[:20], y[:20])
>>> [float((head.predict(x[20:]) == y[20:]).mean()) for head in (general, own.head)]
[0.85, 0.9]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Num, Shaped

from sarto.learn._lapack import symmetric_eigen
from sarto.learn.heads.linear import LinearHead
from sarto.learn.leave_one_out import SEEN
from sarto.learn.ridge import NormalEquations, check_ridge, solve
from sarto.learn.statistics import RidgeStatistics, coded_targets
from sarto.models.input_error import InputError

PER_DECADE, BELOW, ABOVE = 2, 8, 3
"""Ridges tried, and decades below and above the largest eigenvalue of C_xx that they reach."""


@dataclass(frozen=True, eq=False)
class Personal:
    """A head and how it was chosen.

    Attributes:
        head: to use.
        ridge: the penalty, sum form; infinite where the general head stays as it is.
        wrong: mistakes of the head on its rows, each left out.
        general_wrong: mistakes of the general head on them.
    """

    head: LinearHead
    ridge: float
    wrong: int
    general_wrong: int


def towards(statistics: RidgeStatistics, general: LinearHead, ridge: float) -> LinearHead:
    """Return the head for a ridge, from statistics alone.

    Args:
        statistics: of one's own rows, of the classes of the general head.
        general: W_g.
        ridge: sum form.

    Raises:
        InputError: E104 without rows; E116 for a ridge that cannot be used; E168, when the classes differ.
    """
    check_ridge(ridge)
    if statistics.classes != general.classes:
        raise InputError(
            "E168",
            f"statistics of {statistics.classes} for a head of {general.classes}",
            cause="a head and its own rows have the same classes in the same order",
            hint="make the statistics with classes=head.classes",
        )
    W, C_xx, C_xy = general.weights, statistics.C_xx, statistics.C_xy / 2
    left = NormalEquations(
        C_xx,
        C_xy - C_xx @ W.T,
        statistics.C_yy / 4 + ((W @ C_xx) * W - 2 * W * C_xy.T).sum(axis=1),
        statistics.mean_x,
        (statistics.mean_y + 1) / 2 - W @ statistics.mean_x,
        statistics.count,
    )
    found = solve(left, ridge)
    return LinearHead(W + found.weights, found.intercept, general.classes)


def personal_head(
    general: LinearHead, features: Num[np.ndarray, "item feature"], labels: Shaped[np.ndarray, " item"]
) -> Personal:
    """Return the head of one's own rows, or the general one.

    Args:
        general: of all, a `ridge_head`.
        features: one's own rows.
        labels: of the rows, among the classes of the general head.

    Raises:
        InputError: E105, E108 or E116 for rows that cannot be used; E104 for none.
    """
    statistics = RidgeStatistics.of(features, labels, classes=general.classes)
    if not statistics.count:
        raise InputError("E104", "0 rows of one's own", cause="there is nothing to learn", hint="give some")
    y = (coded_targets(labels, general.classes) + 1) / 2
    truth, scores = y.argmax(axis=1), general.scores(features)
    general_wrong = int(np.count_nonzero(scores.argmax(axis=1) != truth))
    least, chosen = (general_wrong, float(((y - scores) ** 2).sum())), math.inf
    for ridge, outputs in _left_out(statistics, features, y - features @ general.weights.T):
        guess = outputs + features @ general.weights.T
        judged = int(np.count_nonzero(guess.argmax(axis=1) != truth)), float(((y - guess) ** 2).sum())
        if judged < least:
            least, chosen = judged, ridge
    head = general if math.isinf(chosen) else towards(statistics, general, chosen)
    return Personal(head, chosen, least[0], general_wrong)


def _left_out(
    statistics: RidgeStatistics,
    features: Num[np.ndarray, "item feature"],
    r: Float[np.ndarray, "item output"],
) -> list[tuple[float, Float[np.ndarray, "item output"]]]:
    """Return for each ridge, the largest first, what readouts of all rows but one say of its residual."""
    values, vectors = symmetric_eigen(statistics.C_xx)
    top = float(values.max(initial=0.0))
    if len(r) < 2 or top <= 0:
        return []
    ridges = top * 10.0 ** (-np.arange(-ABOVE * PER_DECADE, BELOW * PER_DECADE + 1) / PER_DECADE)
    d = (features - statistics.mean_x) @ vectors
    mean, found = r.mean(axis=0), list[tuple[float, Float[np.ndarray, "item output"]]]()
    for ridge in ridges.tolist():
        shrunk = d / (np.maximum(values, 0.0) + ridge)
        h = 1 / len(r) + (shrunk * d).sum(axis=1)
        if (h > SEEN).any():
            break
        outputs = mean + shrunk @ (d.T @ (r - mean))
        found.append((ridge, r - (r - outputs) / (1 - h)[:, None]))
    return found
