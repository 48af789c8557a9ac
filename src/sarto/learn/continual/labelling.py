"""Which items to label next: those that lower most what a readout does not know of a pool, told by leverages.

    h(x) = 1 / w + (x - mean)^T (C_xx + ridge I)^-1 (x - mean)

is, up to the variance of the targets, the variance of what a ridge readout says of x. It needs no label, so that items
can be chosen one after the other, each in view of those before it. With z = [1, x] and P the inverse of the penalised
moments of z about the mean, h = z^T P z, and an item q that is taken changes all by one product each,

    g = P z_q,   h_i <- h_i - (z_i^T g)^2 / (1 + h_q),   P <- P - g g^T / (1 + h_q)

    pool        takes the q that lowers sum_i h_i over the pool most: sum_i (z_i^T g)^2 / (1 + h_q)
    leverage    takes the q of largest h, which lowers the volume of P most (greedy D-optimal design)

The items of largest leverage are those at the edges, few of which resemble what is to be told apart; with few labels
they serve worse than random ones. Those that lower the leverage of all lie where many are.

The ridge says how much is thought to be known before: mean eigenvalue of the covariance of one row, times the number of
rows that this is worth. Where nothing is labelled yet, one row at the mean of the pool stands in for what is known.

Source: Fedorov, "Theory of optimal experiments" (1972); Yu, Bi and Tresp, "Active learning via transductive
experimental design", ICML 2006, for `pool`; Sherman and Morrison, Annals of Mathematical Statistics 21 (1950), for P.

>>> pool = np.array([[1.0, 0.0], [-1.0, 0.0]] * 10 + [[0.0, 3.0]])  # many to the left and right, one far above
>>> nothing = RidgeStatistics.empty(2, 1)
>>> [next_to_label(nothing, pool, count=2, ridge=1.0, by=by).tolist() for by in ("pool", "leverage")]
[[0, 1], [20, 0]]
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int, Num

from sarto.learn._lapack import cholesky_solve
from sarto.learn.ridge import check_ridge
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError

BY = ("pool", "leverage")


def next_to_label(
    statistics: RidgeStatistics,
    pool: Num[np.ndarray, "item feature"],
    *,
    count: int,
    ridge: float,
    by: str = "pool",
) -> Int[np.ndarray, " chosen"]:
    """Return `count` items of a pool in the order in which to label them.

    Args:
        statistics: of what is labelled; may be of no rows.
        pool: features of unlabelled items.
        count: items to choose.
        ridge: above 0, sum form.
        by: `pool` or `leverage`.

    Raises:
        InputError: E108, when the features differ; E116, for a ridge that is not above 0; E168, for too many items, or
            another criterion.
    """
    check_ridge(ridge)
    if ridge == 0:
        check_ridge(-1.0)
    if by not in BY:
        raise InputError("E168", f"by = {by!r}", cause="no such criterion", hint=f"use {' or '.join(BY)}")
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
    return _greedy(x - mean, statistics.C_xx + ridge * np.eye(x.shape[1]), weight, count, by)


def _greedy(
    d: Float[np.ndarray, "item feature"],
    moments: Float[np.ndarray, "feature feature"],
    weight: float,
    count: int,
    by: str,
) -> Int[np.ndarray, " chosen"]:
    """Return the items that the criterion takes, in view of those before; d is about the mean."""
    solved, _ = cholesky_solve(moments, np.ascontiguousarray(d.T))
    assert solved is not None, "a ridge above 0 leaves it positive definite"
    seen = np.concatenate([np.full((1, len(d)), 1 / weight), solved])  # P z of every item
    z = np.concatenate([np.ones((len(d), 1)), d], axis=1)
    h: Float[np.ndarray, " item"] = np.einsum("iz,zi->i", z, seen)
    moments_of_pool = z.T @ z
    lowers: Float[np.ndarray, " item"] = np.einsum("zi,zi->i", seen, moments_of_pool @ seen)
    taken: list[int] = []
    for _ in range(count):
        worth = lowers / (1 + h) if by == "pool" else h.copy()
        worth[taken] = -np.inf
        q = int(worth.argmax())
        taken.append(q)
        g, share = seen[:, q].copy(), 1 + h[q]
        along = z @ g
        part, over_pool = along / share, moments_of_pool @ g
        lowers = lowers - 2 * part * (over_pool @ seen) + part**2 * float(g @ over_pool)
        seen -= np.outer(g, part)
        h = h - along * part
    return np.array(taken, np.int64)
