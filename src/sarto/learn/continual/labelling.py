"""Which items to label next: those of which the statistics know least, by their leverage.

    h(x) = 1 / w + (x - mean)^T (C_xx + ridge I)^-1 (x - mean)

is, up to the variance of the targets, the variance of what a ridge readout says of x. The item of largest h is taken,
put among the rows without its label, which h does not need, and the next one follows: greedy D-optimal design. With
z = [1, x] and P the inverse of the penalised moments of z about the mean, h = z^T P z, and an item q that was taken
changes all by one product each,

    g = P z_q,   h_i <- h_i - (z_i^T g)^2 / (1 + h_q),   P <- P - g g^T / (1 + h_q)

Where nothing is labelled yet, one row at the mean of the pool stands in for what is known. Outliers have a large
leverage: where the pool has broken items, random choice may serve better.

Source: Fedorov, "Theory of optimal experiments" (1972); Sherman and Morrison, Annals of Mathematical Statistics 21
(1950), for P.

>>> pool = np.array([[0.0], [0.1], [5.0], [5.1], [-4.0]])
>>> next_to_label(RidgeStatistics.empty(1, 1), pool, count=3, ridge=0.1).tolist()
[4, 3, 2]
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int, Num

from sarto.learn._lapack import cholesky_solve
from sarto.learn.ridge import check_ridge
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError


def next_to_label(
    statistics: RidgeStatistics, pool: Num[np.ndarray, "item feature"], *, count: int, ridge: float
) -> Int[np.ndarray, " chosen"]:
    """Return `count` items of a pool in the order in which to label them.

    Args:
        statistics: of what is labelled; may be of no rows.
        pool: features of unlabelled items.
        count: items to choose.
        ridge: above 0, sum form.

    Raises:
        InputError: E108, when the features differ; E116, for a ridge that is not above 0; E168, for too many items.
    """
    check_ridge(ridge)
    if ridge == 0:
        check_ridge(-1.0)
    if not 0 <= count <= len(pool):
        raise InputError(
            "E168",
            f"{count} items of a pool of {len(pool)}",
            cause="each can be labelled once",
            hint="ask for fewer",
        )
    if pool.shape[1] != len(statistics.mean_x):
        raise InputError(
            "E108",
            f"items of {pool.shape[1]} features for statistics of {len(statistics.mean_x)}",
            cause="they must be the same features",
            hint="compute both with the same transformer",
        )
    x = pool.astype(np.float64)
    known = statistics.weight > 0
    mean, weight = (statistics.mean_x, statistics.weight) if known else (x.mean(axis=0), 1.0)
    return _greedy(x - mean, statistics.C_xx + ridge * np.eye(x.shape[1]), weight, count)


def _greedy(
    d: Float[np.ndarray, "item feature"],
    moments: Float[np.ndarray, "feature feature"],
    weight: float,
    count: int,
) -> Int[np.ndarray, " chosen"]:
    """Return the items of largest leverage, in view of those before; d is about the mean, where P is two blocks."""
    solved, _ = cholesky_solve(moments, np.ascontiguousarray(d.T))
    assert solved is not None, "a ridge above 0 leaves it positive definite"
    seen = np.concatenate([np.full((1, len(d)), 1 / weight), solved])  # P z of every item
    z = np.concatenate([np.ones((len(d), 1)), d], axis=1)
    h: Float[np.ndarray, " item"] = np.einsum("iz,zi->i", z, seen)
    taken: list[int] = []
    for _ in range(count):
        open_ = np.where(np.isin(np.arange(len(d)), taken), -np.inf, h)
        q = int(open_.argmax())
        taken.append(q)
        g, share = seen[:, q].copy(), 1 + h[q]
        along = z @ g
        seen -= np.outer(g, along) / share
        h = h - along**2 / share
    return np.array(taken, np.int64)
