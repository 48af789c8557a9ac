"""Readouts over the first features, the first and a few more, and so on, from one set of statistics.

The normal equations of some features are rows and columns of those of all: nothing is summed again, and the answer is
that of a fit to these features alone, to rounding. So a reservoir has a readout for each number of its first units, of
which a device reads as many as it has time for; the units themselves run all, since each of them feeds on any other.

    C_xx[S, S],  C_xy[S],  mean_x[S]        of the features S

>>> x = np.array([[0.0, 1.0, 2.0], [1.0, 0.0, 1.0], [2.0, 2.0, 0.0], [3.0, 1.0, 5.0]])
>>> y = np.array([0.0, 1.0, 3.0, 2.0])
>>> two, three = nested_readouts(RidgeStatistics.of(x, y), [2, 3], ridge=1.0)
>>> alone = RidgeStatistics.of(x[:, :2], y).solve(1.0)
>>> bool(np.allclose(two.weights, alone.weights, rtol=1e-12)), three.weights.shape
(True, (1, 3))
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

import numpy as np
from jaxtyping import Int

from sarto.learn.ridge import RidgeSolution
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError


def of_features(statistics: RidgeStatistics, chosen: Int[np.ndarray, " chosen"]) -> RidgeStatistics:
    """Return the statistics of some of the features, in the order given.

    Args:
        statistics: of all.
        chosen: their places, each once.

    Raises:
        InputError: E108, when a place is not there or is there twice, or none is given.
    """
    features = len(statistics.mean_x)
    good = len(chosen) and chosen.min() >= 0 and chosen.max() < features
    if not good or len(np.unique(chosen)) != len(chosen):
        raise InputError(
            "E108",
            f"{len(chosen)} of {features} features",
            cause=f"places are chosen once each, from 0 to {features - 1}, and at least one",
        )
    name = statistics.features_id
    if name:
        name += f"[{hashlib.sha256(np.ascontiguousarray(chosen, '<i8').tobytes()).hexdigest()[:16]}]"
    return replace(
        statistics,
        mean_x=statistics.mean_x[chosen],
        C_xx=statistics.C_xx[np.ix_(chosen, chosen)],
        C_xy=statistics.C_xy[chosen],
        features_id=name,
    )


def nested_readouts(
    statistics: RidgeStatistics,
    sizes: Sequence[int],
    ridge: Literal["gcv"] | float = "gcv",
    *,
    units: int | None = None,
) -> list[RidgeSolution]:
    """Return the readout over the first of the features for each of `sizes`.

    Args:
        statistics: of all features.
        sizes: how many are read.
        ridge: penalty in the sum form, of all; or `gcv`, which chooses one for each.
        units: where features are several numbers of each unit, all units' first, then all units' second, and so on (as
            segments and kinds of pooling are): the number of units. A size is then one of units.

    Raises:
        InputError: E108, when there are not so many features, or they are no multiple of the units.
    """
    features = len(statistics.mean_x)
    period = features if units is None else units
    if period < 1 or features % period or any(not 1 <= size <= period for size in sizes):
        raise InputError(
            "E108",
            f"readouts over the first {', '.join(map(str, sizes))} of {period} in {features} features",
            cause="a readout reads at least 1 of them and at most all, and each has equally many numbers",
        )
    starts = np.arange(0, features, period)[:, None]
    return [of_features(statistics, (starts + np.arange(size)).reshape(-1)).solve(ridge) for size in sizes]
