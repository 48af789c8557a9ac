"""Counts, means and co-moments of rows (x, y), that merge and un-merge without losing digits.

    n, w = sum_i w_i,  mean_x,  mean_y,
    C_xx = sum_i w_i (x_i - mean_x)(x_i - mean_x)^T,  C_xy likewise,  diagonal of C_yy

    C_(a+b) = C_a + C_b + (w_a w_b / w) delta delta^T,   delta = mean_b - mean_a,   w = w_a + w_b

A sum of squares less n mean mean^T, which cancels, is never formed.

Source: Chan, Golub and LeVeque, "Updating formulae and a pairwise algorithm for computing sample variances",
COMPSTAT 1982, eq. 2.1, here with weights and for co-moments.

>>> x, y, w = np.array([[0.0], [1.0], [5.0]]), np.zeros((3, 1)), np.ones(3)
>>> both = Moments.of_rows(x[:2], y[:2], w[:2]).merged(Moments.of_rows(x[2:], y[2:], w[2:]))
>>> both.mean_x.tolist(), both.C_xx.tolist()
([2.0], [[14.0]])
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Self

import numpy as np
from jaxtyping import Float, Num

from sarto.core.errors import SartoError
from sarto.learn._lapack import is_above

EPS = float(np.finfo(np.float64).eps)
ROUNDING = 16.0
"""Rounding allowed to a co-moment, in units of features * eps * the largest sum that it came from. Products of
thousands of rows and hundreds of merges stay within it; below it, what is impossible cannot be told from rounding."""


@dataclass(frozen=True, eq=False)
class Moments:
    """An immutable value: its arrays are read-only.

    Attributes:
        count: n, rows of positive weight.
        weight: w, sum of their weights (n without weights).
        mean_x: weighted mean of the features.
        mean_y: weighted mean of the targets.
        C_xx: co-moments of the features, symmetric.
        C_xy: co-moments of features and targets.
        C_yy: diagonal of the co-moments of the targets.
        scale_x: the largest trace of C_xx that entered the sums: rounding is relative to it, also after un-merging.
        scale_y: the same of C_yy.
    """

    count: int
    weight: float
    mean_x: Float[np.ndarray, " feature"]
    mean_y: Float[np.ndarray, " output"]
    C_xx: Float[np.ndarray, "feature feature"]
    C_xy: Float[np.ndarray, "feature output"]
    C_yy: Float[np.ndarray, " output"]
    scale_x: float
    scale_y: float

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                value.flags.writeable = False

    @classmethod
    def of_none(cls, features: int, outputs: int) -> Self:
        """Return the moments of no rows."""
        square, cross = np.zeros((features, features)), np.zeros((features, outputs))
        return cls(0, 0.0, np.zeros(features), np.zeros(outputs), square, cross, np.zeros(outputs), 0.0, 0.0)

    @classmethod
    def of_rows(
        cls,
        x: Num[np.ndarray, "item feature"],
        y: Float[np.ndarray, "item output"],
        w: Float[np.ndarray, " item"],
    ) -> Self:
        """Return the moments of rows of weights at least 0, in two passes: means, then products of what is left.

        All of it is in float64, also of features in float32.
        """
        weight = float(w.sum())
        if weight == 0:
            return cls.of_none(x.shape[1], y.shape[1])
        x_left = x.astype(np.float64)
        mean_x, mean_y = w @ x_left / weight, w @ y / weight
        x_left -= mean_x
        y_left = y - mean_y
        if (w != 1).any():
            root = np.sqrt(w)[:, None]
            x_left *= root
            y_left *= root
        C_xx, C_yy = x_left.T @ x_left, (y_left**2).sum(axis=0)
        return cls(
            int(np.count_nonzero(w)),
            weight,
            mean_x,
            mean_y,
            (C_xx + C_xx.T) / 2,
            x_left.T @ y_left,
            C_yy,
            float(np.trace(C_xx)),
            float(C_yy.sum()),
        )

    def merged(self, other: Moments) -> Self:
        """Return the moments of the rows of both."""
        if other.weight == 0:
            return self
        if self.weight == 0:
            return self._with(other)
        weight = self.weight + other.weight
        dx, dy = other.mean_x - self.mean_x, other.mean_y - self.mean_y
        between = self.weight * other.weight / weight
        C_xx = self.C_xx + other.C_xx + between * np.outer(dx, dx)
        C_yy = self.C_yy + other.C_yy + between * dy**2
        return replace(
            self,
            count=self.count + other.count,
            weight=weight,
            mean_x=self.mean_x + dx * (other.weight / weight),
            mean_y=self.mean_y + dy * (other.weight / weight),
            C_xx=C_xx,
            C_xy=self.C_xy + other.C_xy + between * np.outer(dx, dy),
            C_yy=C_yy,
            scale_x=_scale(self.scale_x, other.scale_x, float(np.trace(C_xx)), between, dx, self.mean_x),
            scale_y=_scale(self.scale_y, other.scale_y, float(C_yy.sum()), between, dy, self.mean_y),
        )

    def unmerged(self, part: Moments) -> Self:
        """Return the moments of the rows that are not in `part`, as if those had never been added, to rounding.

        Raises:
            SartoError: E404, when `part` has more rows or weight than there are. `check` tells about the rest.
        """
        count, weight = self.count - part.count, self.weight - part.weight
        slack = ROUNDING * EPS * self.weight
        if count < 0 or weight < -slack or (count == 0) != (weight <= slack):
            whole = f"{self.count} rows of weight {self.weight:g}"
            raise impossible(f"{part.count} rows of weight {part.weight:g} taken from {whole}")
        if count == 0:
            return self.emptied()
        mean_x = self.mean_x + (self.mean_x - part.mean_x) * (part.weight / weight)
        mean_y = self.mean_y + (self.mean_y - part.mean_y) * (part.weight / weight)
        dx, dy = part.mean_x - mean_x, part.mean_y - mean_y
        between = weight * part.weight / self.weight
        return replace(
            self,
            count=count,
            weight=weight,
            mean_x=mean_x,
            mean_y=mean_y,
            C_xx=self.C_xx - part.C_xx - between * np.outer(dx, dx),
            C_xy=self.C_xy - part.C_xy - between * np.outer(dx, dy),
            C_yy=self.C_yy - part.C_yy - between * dy**2,
            scale_x=_scale(self.scale_x, part.scale_x, 0.0, between, dx, mean_x),
            scale_y=_scale(self.scale_y, part.scale_y, 0.0, between, dy, mean_y),
        )

    def _with(self, moments: Moments) -> Self:
        return replace(self, **{field.name: getattr(moments, field.name) for field in fields(Moments)})

    def emptied(self) -> Self:
        """Return the same without any row."""
        return self._with(Moments.of_none(len(self.mean_x), len(self.mean_y)))

    def check(self) -> None:
        """Check that rows exist which have these moments, to rounding.

        Counts and weights are not negative, all numbers are finite, C_xx is symmetric and positive semi-definite, no
        variance is negative, and no C_xy exceeds what its variances allow.

        Raises:
            SartoError: E404, naming what is impossible.
        """
        if self.count < 0 or self.weight < 0 or (self.count == 0) != (self.weight == 0):
            raise impossible(f"{self.count} rows of weight {self.weight:g}")
        if not all(np.isfinite(a).all() for a in (self.mean_x, self.mean_y, self.C_xx, self.C_xy, self.C_yy)):
            raise impossible("a mean or co-moment is not finite")
        if not np.array_equal(self.C_xx, self.C_xx.T):
            raise impossible("C_xx is not symmetric")
        slack_x, slack_y = self.rounding * self.scale_x, self.rounding * self.scale_y
        if not is_above(self.C_xx, -slack_x):
            least = float(np.linalg.eigvalsh(self.C_xx)[0])
            raise impossible(f"C_xx has the eigenvalue {least:.3g}, below rounding ({-slack_x:.1g})")
        if (least := float(self.C_yy.min(initial=0.0))) < -slack_y:
            raise impossible(f"C_yy has the entry {least:.3g}, below rounding ({-slack_y:.1g})")
        largest = np.sqrt((np.diag(self.C_xx).clip(0) + slack_x)[:, None] * (self.C_yy.clip(0) + slack_y))
        if (np.abs(self.C_xy) > largest * (1 + self.rounding)).any():
            raise impossible("an entry of C_xy is larger than the variances of its feature and target allow")

    @property
    def rounding(self) -> float:
        """Relative rounding allowed to the co-moments."""
        return ROUNDING * EPS * (len(self.mean_x) + 1)


def impossible(what: str) -> SartoError:
    """Return the error (E404) for moments that no rows have."""
    return SartoError(
        "E404",
        f"impossible statistics: {what}",
        cause="no set of rows has them; for a subtraction: those rows were never a part, or were taken away before",
        hint="subtract exactly what was added, once",
    )


def _scale(
    a: float,
    b: float,
    trace: float,
    between: float,
    delta: Float[np.ndarray, " value"],
    mean: Float[np.ndarray, " value"],
) -> float:
    """Return what rounding is relative to: means are known to eps |mean|, delta^2 to eps |mean delta|."""
    size = float(np.linalg.norm(delta))
    return max(a, b, trace, between * size * (size + float(np.linalg.norm(mean))))
