"""The rows that a client's statistics give away: those that can be worked out, and what is known of the others.

Of n rows with mean m, in groups (the classes; all rows where targets are numbers) of n_g rows, the statistics have the
mean of every group, since a target is +1 or -1,

    m_g = m + C_xy[:, g] / (2 n_g),         n_g = n (mean_y[g] + 1) / 2

and what is left within the groups, W = C_xx - sum_g n_g (m_g - m)(m_g - m)^T = E^T E. The rows less the means of their
groups are Q E, where Q has orthonormal columns and is otherwise unknown, in q = n - groups dimensions:

    n_g = 1         the row is m_g
    q = 1           one group has two rows, all others one: E is one row e, and the two are m_g + e / sqrt 2 and
                    m_g - e / sqrt 2
    q <= features   all rows are known up to a rotation of q dimensions, q (q - 1) / 2 numbers of n features; they lie
                    in the span of E, and any row that is thought of can be told to be among them or not, if the
                    rows are so few, and not of so few dimensions, that E has q of them
    q > features    an ellipsoid is known, W

Source: the equations of `sarto.learn.moments`, solved for the rows. That statistics of few rows are those rows is noted
for gradients by Zhu, Liu and Han, "Deep leakage from gradients", NeurIPS 2019.

>>> from sarto.learn.payload import packed, received
>>> x = np.array([[3.0, 1.0, 4.0], [1.0, 5.0, 9.0], [2.0, 6.0, 5.0]])
>>> y = np.array(["a", "b", "b"])
>>> found = known_rows(received(packed(x, y, classes=("a", "b"), how="tri-f64")))
>>> found.features.round(4).tolist()
[[3.0, 1.0, 4.0], [1.0, 5.0, 9.0], [2.0, 6.0, 5.0]]
>>> found.targets[:, 0].tolist()
[1.0, -1.0, -1.0]
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Float, Int

from sarto.learn._lapack import semidefinite_eigen
from sarto.learn.statistics import RidgeStatistics

WHOLE = 0.05
"""A class has a whole number of rows, to this and the rounding of single precision; else its rows are weighted."""
SINGLE = float(np.finfo(np.float32).eps)


@dataclass(frozen=True, eq=False)
class KnownRows:
    """Rows, as they were worked out.

    Attributes:
        features: of each row.
        targets: of each row: numbers, or +1 for its class and -1 for the others.
    """

    features: Float[np.ndarray, "row feature"]
    targets: Float[np.ndarray, "row output"]

    def __len__(self) -> int:
        return len(self.features)


@dataclass(frozen=True, eq=False)
class Groups:
    """What statistics have of each group of rows that a target tells from the others.

    Attributes:
        statistics: of all rows.
    """

    statistics: RidgeStatistics

    @cached_property
    def counts(self) -> Int[np.ndarray, " group"]:
        """Rows n_g of each group; of weighted rows 1 where each group has one, and else 0, for unknown.

        Weights that add up to the number of rows, and to whole numbers in every class, are taken for 1 each.
        """
        s = self.statistics
        if s.classes is None:
            return np.array([s.count])
        weights = s.class_weights[self._there]
        if len(weights) == s.count:
            return np.ones(len(weights), np.int64)
        slack = WHOLE + SINGLE * s.weight
        whole = np.rint(weights).astype(np.int64)
        if (
            abs(s.weight - s.count) > slack
            or (np.abs(weights - whole) > slack).any()
            or whole.sum() != s.count
        ):
            return np.zeros(len(weights), np.int64)
        return whole

    @cached_property
    def means(self) -> Float[np.ndarray, "group feature"]:
        """Means m_g of the features."""
        s = self.statistics
        if s.classes is None:
            return s.mean_x[None]
        there = self._there
        return s.mean_x + (s.C_xy[:, there] / (2 * s.class_weights[there])).T

    @cached_property
    def targets(self) -> Float[np.ndarray, "group output"]:
        """Targets of the rows of each group, or their means where targets are numbers."""
        s = self.statistics
        return s.mean_y[None] if s.classes is None else 2 * np.eye(len(s.classes))[self._there] - 1

    @property
    def free(self) -> int:
        """Dimensions q of the rotation up to which the rows are known."""
        return self.statistics.count - len(self.means)

    @cached_property
    def within(self) -> Float[np.ndarray, "direction feature"]:
        """E: as many rows as the spread within groups has directions above the rounding of its form."""
        s = self.statistics
        if not self.free:
            return np.empty((0, len(s.mean_x)))
        spread = s.C_xx
        if s.classes is not None:
            left = (self.means - s.mean_x) * np.sqrt(s.class_weights[self._there])[:, None]
            spread = spread - left.T @ left
        # Rounding of single entries adds up to this in a direction: entries err independently.
        rounded = s.rounding * max(s.scale_x, float(np.trace(s.C_xx))) / np.sqrt(len(spread))
        values, vectors = semidefinite_eigen(spread, rounded)
        values, vectors = values[-self.free :], vectors[:, -self.free :]
        return np.sqrt(values)[:, None] * vectors.T

    @cached_property
    def _there(self) -> Int[np.ndarray, " group"]:
        s = self.statistics
        return np.flatnonzero(s.class_weights > SINGLE * max(s.weight, 1.0))


def known_rows(statistics: RidgeStatistics) -> KnownRows:
    """Return the rows that statistics determine, to the rounding of the form that they were sent in.

    Two rows of one group come in an order of their own; where targets are numbers, each comes with its own.
    """
    s, groups = statistics, Groups(statistics)
    if not s.count:
        return KnownRows(np.empty((0, len(s.mean_x))), np.empty((0, len(s.mean_y))))
    single = groups.counts == 1
    features, targets = [groups.means[single]], [groups.targets[single]]
    if groups.free == 1 and (groups.counts == 2).any() and len(groups.within):
        group = int(np.argmax(groups.counts))
        step = groups.within[0] / np.sqrt(2)
        step = step * np.sign(step[np.argmax(np.abs(step))])
        apart = np.zeros(len(s.mean_y)) if s.classes is not None else step @ s.C_xy / (2 * step @ step)
        features.append(np.stack([groups.means[group] + step, groups.means[group] - step]))
        targets.append(np.stack([groups.targets[group] + apart, groups.targets[group] - apart]))
    return KnownRows(np.concatenate(features), np.concatenate(targets))


def determined(statistics: RidgeStatistics) -> float:
    """Return the share of all numbers in the rows' features that the statistics determine; 1 when every row is known.

    Of the n features numbers, E leaves q (q - 1) / 2 free where q <= features, else q features - features
    (features + 1) / 2. Rows come in no order.
    """
    n, d = statistics.count, len(statistics.mean_x)
    if not n or not d:
        return 1.0
    q = Groups(statistics).free
    free = q * (q - 1) / 2 if q <= d else q * d - d * (d + 1) / 2
    return 1.0 - free / (n * d)


def outside(
    statistics: RidgeStatistics, candidates: Float[np.ndarray, "candidate feature"]
) -> Float[np.ndarray, " candidate"]:
    """Return how far each candidate lies outside the span of the rows: 0 for a row of the client, to rounding.

    The distance of a candidate from the mean of a group, less what E spans, least over the groups, in units of the root
    mean square length of the rows. It is 0 for all, and tells nothing, where E has as many directions as there are
    features.
    """
    s, groups = statistics, Groups(statistics)
    basis = groups.within / np.linalg.norm(groups.within, axis=1, keepdims=True)
    found = np.full(len(candidates), np.inf)
    for mean in groups.means:
        left = candidates - mean
        found = np.minimum(found, np.linalg.norm(left - (left @ basis.T) @ basis, axis=1))
    return found / np.sqrt(np.trace(s.C_xx) / s.weight + s.mean_x @ s.mean_x)
