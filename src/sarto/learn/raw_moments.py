"""Moments of rows about 0, which add number by number: what clients send and servers sum.

    n,   w = sum w_i,   s_x = sum w_i x_i,   s_y,   A = sum w_i x_i x_i^T,   B = sum w_i x_i y_i^T,   T = sum w_i y_i^2

A is kept as its diagonals (`sarto.learn._diagonals`), in the precision in which it came. Central moments come back with
C_xx = A - w mean mean^T, to rounding relative to the trace of A: features that lie far from 0 for their spread lose
digits, and are best standardised by what all clients know.

`check` refuses what no rows have, as far as every number can be seen with few others: all finite, and

    |A_ij|^2 <= A_ii A_jj,   |s_i|^2 <= w A_ii,   |B_ij|^2 <= A_ii T_j,   |s_yj|^2 <= w T_j,   T_j = w for classes.

That costs a few passes over A, a twentieth of a factorisation. It bounds every number by the diagonal, and so what a
client does to the sum by its trace; that no eigenvalue of A is negative it does not tell (`sarto.learn.moments` does).

Source: Cauchy-Schwarz; the sums A, B are those of FED3R (Fanì et al., ICML 2024).

>>> x, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0.0, 1.0])
>>> moments = RawMoments.of(RidgeStatistics.of(x, y))
>>> moments.check()
>>> moments.body.tolist(), moments.statistics.C_xx.tolist()
([3.0, 4.0, 1.0, 10.0, 20.0, 14.0], [[2.0, 2.0], [2.0, 2.0]])
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

from sarto.learn._diagonals import diagonals_size, from_diagonals, packed_diagonals, strips, turned
from sarto.learn.kind import Kind, Label
from sarto.learn.moments import EPS, ROUNDING, impossible
from sarto.learn.statistics import RidgeStatistics

UNITS = 8.0
"""Rounding allowed to a number beside its row's and column's, in units of its precision: a root and three products."""


@dataclass(frozen=True, eq=False)
class RawMoments:
    """An immutable value.

    Attributes:
        kind: what they are of.
        count: n, rows of positive weight.
        weight: w.
        s_x: weighted sum of the features.
        s_y: weighted sum of the targets.
        body: B row by row, T, and the diagonals of A; in float32 or float64.
        scale_x: what the rounding of features is relative to, as in `Moments`.
        scale_y: the same of targets.
        unit: relative rounding of each number, as it came.
        definite: whether A is a sum of squares, so that it has no negative eigenvalue.
    """

    kind: Kind
    count: int
    weight: float
    s_x: Float[np.ndarray, " feature"]
    s_y: Float[np.ndarray, " output"]
    body: Float[np.ndarray, " value"]
    scale_x: float
    scale_y: float
    unit: float = EPS
    definite: bool = False

    @classmethod
    def of(cls, statistics: RidgeStatistics) -> RawMoments:
        """Return the moments about 0 of statistics, in float64."""
        s, w = statistics, statistics.weight
        A = s.C_xx + w * np.outer(s.mean_x, s.mean_x)
        B = s.C_xy + w * np.outer(s.mean_x, s.mean_y)
        body = np.concatenate([B.reshape(-1), s.C_yy + w * s.mean_y**2, packed_diagonals(A)])
        return cls(s.kind, s.count, w, w * s.mean_x, w * s.mean_y, body, s.scale_x, s.scale_y)

    @property
    def statistics(self) -> RidgeStatistics:
        """The central moments."""
        if not self.count:
            k = self.kind
            return RidgeStatistics.empty(k.features, k.outputs, classes=k.classes, features_id=k.features_id)
        B, T, diagonals = (part.astype(np.float64) for part in self.parts)
        f, w = self.kind.features, self.weight
        mean_x, mean_y = self.s_x / w, self.s_y / w
        C_xx = from_diagonals(diagonals, f)
        scale_x = max(self.scale_x, float(np.trace(C_xx)))
        C_xx -= w * np.outer(mean_x, mean_x)
        return RidgeStatistics(
            count=self.count,
            weight=w,
            mean_x=mean_x,
            mean_y=mean_y,
            C_xx=C_xx,
            C_xy=B - w * np.outer(mean_x, mean_y),
            C_yy=T - w * mean_y**2,
            scale_x=scale_x,
            scale_y=max(self.scale_y, float(T.sum())),
            classes=self.kind.classes,
            features_id=self.kind.features_id,
        )

    @property
    def parts(
        self,
    ) -> tuple[
        Float[np.ndarray, "feature output"], Float[np.ndarray, " output"], Float[np.ndarray, " value"]
    ]:
        """B, T and the diagonals of A."""
        f, o = self.kind.features, self.kind.outputs
        B, T, diagonals = np.split(self.body, [f * o, f * o + o])
        return B.reshape(f, o), T, diagonals

    @property
    def trace(self) -> float:
        """Trace of A: the sum of the squared lengths of the rows, by weight."""
        return float(self.parts[2][: self.kind.features].sum(dtype=np.float64))

    def of_classes(self, classes: tuple[Label, ...]) -> RawMoments:
        """Return the same rows with these classes, which are all of theirs and more: -1 in the outputs of others."""
        if classes == self.kind.classes:
            return self
        assert self.kind.classes is not None
        old = [classes.index(label) for label in self.kind.classes]
        B, T, diagonals = self.parts
        s_y = np.full(len(classes), -self.weight)
        B_all, T_all = np.repeat(-self.s_x[:, None], len(classes), axis=1), np.full(len(classes), self.weight)
        s_y[old], B_all[:, old], T_all[old] = self.s_y, B, T
        body = np.concatenate([B_all.reshape(-1), T_all, diagonals], dtype=self.body.dtype)
        kind = replace(self.kind, outputs=len(classes), classes=classes)
        return replace(self, kind=kind, s_y=s_y, body=body)

    def check(self) -> None:
        """Check what can be seen of a few numbers at a time.

        Raises:
            SartoError: E404, naming what is impossible.
        """
        w, count = self.weight, self.count
        if count < 0 or not 0 <= w < np.inf or (count == 0) != (w == 0):
            raise impossible(f"{count} rows of weight {w:g}")
        B, T, diagonals = self.parts
        f = self.kind.features
        sums = np.concatenate([self.s_x, self.s_y])
        squares = np.concatenate([diagonals[:f], T]).astype(np.float64)
        slack = ROUNDING * EPS * (f + 1) * np.repeat([self.scale_x, self.scale_y], [f, len(T)])
        if not (squares >= -slack).all() or not squares.max(initial=0.0) < np.inf:
            raise impossible("a sum of squares is negative or not finite")
        sizes = np.sqrt(squares.clip(0) + slack)
        within = 1 + UNITS * self.unit
        if not (np.abs(sums) <= sizes * (np.sqrt(w) * within)).all():
            raise impossible("a mean is larger than the squares of its rows allow")
        sizes = (sizes * within).astype(
            self.body.dtype
        )  # in the precision of the body, which takes half the time
        if not (np.abs(B) <= np.multiply.outer(sizes[:f], sizes[f:])).all():
            raise impossible("an entry of the features' products with the targets is larger than both allow")
        if not _within(diagonals, sizes[:f]):
            raise impossible("an entry of the features' products is larger than their squares allow")
        if self.kind.classes is not None and count:
            slack_y = w * UNITS * self.unit + float(slack[-1])
            if not (np.abs(T - w) <= slack_y).all() or not abs(
                self.s_y.sum() - (2 - len(T)) * w
            ) <= slack_y * len(T):
                raise impossible("a row has not exactly one class")


def _within(diagonals: Float[np.ndarray, " value"], sizes: Float[np.ndarray, " feature"]) -> bool:
    """Return whether no number of A exceeds the product of the sizes of its row and column; NaN does."""
    window, buffers = turned(sizes), None
    for place, first, last in strips(len(sizes)):
        others = window(first, last)
        part = diagonals[place].reshape(others.shape)
        if buffers is None or buffers[0].shape != part.shape:
            buffers = np.empty_like(part), np.empty_like(part), np.empty(part.shape, np.bool_)
        bound, size, right = buffers
        np.multiply(others, sizes[: others.shape[1]], out=bound)
        np.abs(part, out=size)
        if not np.less_equal(size, bound, out=right).all():
            return False
    return True


def size_of(kind: Kind) -> int:
    """Return how many numbers a `body` has."""
    return kind.features * kind.outputs + kind.outputs + diagonals_size(kind.features)
