"""What a linear readout needs to know of its data, in O(features^2) memory: moments that add, subtract and travel.

`RidgeStatistics` are the moments of `sarto.learn.moments` with the labels and the name of the features they are of.
Readouts come from `solve`; the penalty is no part of the statistics (`sarto.learn.ridge` states its one convention).

>>> x, y = np.array([[0.0], [1.0], [2.0], [3.0]]), np.array([0.0, 1.0, 2.0, 3.0])
>>> whole = RidgeStatistics.of(x, y)
>>> parts = RidgeStatistics.of(x[:1], y[:1]) + RidgeStatistics.of(x[1:], y[1:])
>>> whole.count, parts.C_xx.tolist(), (whole - RidgeStatistics.of(x[:2], y[:2])).mean_x.tolist()
(4, [[5.0]], [2.5])
>>> whole.solve(5.0).weights.tolist()
[[0.5]]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Literal

import numpy as np
from jaxtyping import Float, Num, Shaped

from sarto.learn._packing import pack_arrays, symmetric, unpack_arrays
from sarto.learn.kind import Kind, Label
from sarto.learn.moments import Moments, impossible
from sarto.learn.ridge import NormalEquations, RidgeSolution, solve, solve_all
from sarto.models.input_error import InputError

MAGIC = b"SARTORDG"
CHUNK_ROWS = 4096
"""Rows turned into float64 at once, so that memory does not grow with the number of rows."""


@dataclass(frozen=True, eq=False)
class RidgeStatistics(Moments):
    """An immutable value; equal when every number in it is the same.

    Attributes:
        classes: labels in the order of the outputs; a label's target is +1 in its own output and -1 in the others, as
            in scikit-learn's `RidgeClassifier`. None for numeric targets.
        features_id: names what computed the features; statistics of different features never mix.
    """

    classes: tuple[Label, ...] | None = None
    features_id: str = ""

    @staticmethod
    def empty(
        features: int, outputs: int, *, classes: Sequence[Label] | None = None, features_id: str = ""
    ) -> RidgeStatistics:
        """Return the statistics of no rows."""
        named = None if classes is None else tuple(classes)
        assert named is None or len(named) == outputs, "one output per class"
        return replace(RidgeStatistics.of_none(features, outputs), classes=named, features_id=features_id)

    @staticmethod
    def of(
        features: Num[np.ndarray, "item feature"],
        targets: Shaped[np.ndarray, " item"] | Shaped[np.ndarray, "item output"],
        weights: Num[np.ndarray, " item"] | None = None,
        *,
        classes: Sequence[Label] | None = None,
        features_id: str = "",
    ) -> RidgeStatistics:
        """Return the statistics of rows.

        Args:
            features: one row per item.
            targets: numbers; or labels, when `classes` are given.
            weights: weight of each row, finite and at least 0; None is 1 each. Weight 0 is as if the row were absent.
            classes: every label there may be, in the order of the outputs.
            features_id: see the class.

        Raises:
            InputError: E105 (NaN or infinite), E108 (shapes disagree), E116 (negative weights, or a label that is not
                in `classes`).
        """
        y, w = checked_rows(features, targets, weights, classes)
        return RidgeStatistics.of_checked(features, y, w, classes=classes, features_id=features_id)

    @staticmethod
    def of_checked(
        features: Num[np.ndarray, "item feature"],
        y: Float[np.ndarray, "item output"],
        w: Float[np.ndarray, " item"],
        *,
        classes: Sequence[Label] | None,
        features_id: str,
    ) -> RidgeStatistics:
        """Return the statistics of rows whose targets and weights `checked_rows` returned; see `of`."""
        total = RidgeStatistics.empty(features.shape[1], y.shape[1], classes=classes, features_id=features_id)
        for start in range(0, len(y), CHUNK_ROWS):
            part = slice(start, start + CHUNK_ROWS)
            total = total.merged(Moments.of_rows(features[part], y[part], w[part]))
        return total

    def update(
        self,
        features: Num[np.ndarray, "item feature"],
        targets: Shaped[np.ndarray, " item"] | Shaped[np.ndarray, "item output"],
        weights: Num[np.ndarray, " item"] | None = None,
    ) -> RidgeStatistics:
        """Return these statistics with more rows; targets are labels when these statistics have classes. As `of`."""
        return self + RidgeStatistics.of(
            features, targets, weights, classes=self.classes, features_id=self.features_id
        )

    def __add__(self, other: RidgeStatistics) -> RidgeStatistics:
        """Return the statistics of both sets of rows; a + b and b + a have the same bits.

        Classes that only one side has are added to the other: none of its rows is of them.

        Raises:
            InputError: E108 or E116, when the features or the kinds of target differ.
        """
        first, second = _aligned(self, other)
        if (second.weight, second.mean_x.tobytes()) > (first.weight, first.mean_x.tobytes()):
            first, second = second, first
        return first.merged(second)

    def __sub__(self, other: RidgeStatistics) -> RidgeStatistics:
        """Return the statistics without the rows of `other`, as if they had never been added, to rounding.

        Raises:
            SartoError: E404, when `other` cannot have been a part of these statistics.
            InputError: E108 or E116, when the features or the kinds of target differ.
        """
        whole, part = _aligned(self, other)
        rest = whole.unmerged(part)
        rest.validate()
        return rest

    @staticmethod
    def merge(parts: Sequence[RidgeStatistics]) -> RidgeStatistics:
        """Return the statistics of all parts; the bits do not depend on their order.

        The parts are sorted by the hash of their bytes and added in pairs, then pairs of pairs.

        Raises:
            InputError: E104 without parts; E108 or E116, when their features or kinds of target differ.
        """
        if not parts:
            raise InputError(
                "E104", "0 statistics to merge", cause="the list is empty", hint="give at least 1"
            )
        level = sorted(parts, key=lambda part: sha256(part.pack()).digest())
        while len(level) > 1:
            paired = [a + b for a, b in zip(level[::2], level[1::2], strict=False)]
            level = paired + level[len(paired) * 2 :]
        return level[0]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RidgeStatistics) and self.pack() == other.pack()

    def __hash__(self) -> int:
        return hash(self.pack())

    def validate(self) -> None:
        """Check that rows exist which have these statistics, to rounding: `Moments.check`, and one class per row.

        Raises:
            SartoError: E404, naming what is impossible.
        """
        self.check()
        if self.classes is not None and self.count:
            slack = self.rounding * max(1.0, self.scale_y / self.weight)
            wrong_sum = abs(float(self.mean_y.sum()) - (2 - len(self.classes))) > slack * len(self.classes)
            if (np.abs(self.mean_y) > 1 + slack).any() or wrong_sum:
                raise impossible("a class has fewer than 0 rows, or a row has not exactly one class")

    @property
    def kind(self) -> Kind:
        """What these statistics are of."""
        return Kind(len(self.mean_x), len(self.mean_y), self.classes, self.features_id)

    @property
    def class_weights(self) -> Float[np.ndarray, " class"]:
        """Sum of the weights of each class's rows (their number, without weights)."""
        assert self.classes is not None, "numeric targets have no classes"
        return self.weight * (self.mean_y + 1) / 2

    @property
    def equations(self) -> NormalEquations:
        """The normal equations of these statistics."""
        return NormalEquations(self.C_xx, self.C_xy, self.C_yy, self.mean_x, self.mean_y, self.count)

    def solve(self, ridge: Literal["gcv"] | float = "gcv") -> RidgeSolution:
        """Return the readout for `ridge` (sum form), or for the ridge that GCV chooses; see `sarto.learn.ridge`."""
        return solve(self.equations, ridge)

    def path(self, ridges: Sequence[float]) -> list[RidgeSolution]:
        """Return the readout for each of `ridges` (sum form), all from one eigendecomposition."""
        return solve_all(self.equations, ridges)

    def ridge_from_mean(self, ridge: float) -> float:
        """Return the sum form of `ridge` in the mean form, (1/w) sum_i |.|^2 + ridge |W|^2: times w."""
        return ridge * self.weight

    def ridge_to_mean(self, ridge: float) -> float:
        """Return the mean form of `ridge` in the sum form."""
        return ridge / self.weight

    def ridge_from_relative(self, ridge: float) -> float:
        """Return the sum form of `ridge` in units of the mean eigenvalue of C_xx: times trace(C_xx) / features."""
        return ridge * float(np.trace(self.C_xx)) / len(self.mean_x)

    def ridge_to_relative(self, ridge: float) -> float:
        """Return `ridge`, in the sum form, in units of the mean eigenvalue of C_xx."""
        return ridge * len(self.mean_x) / float(np.trace(self.C_xx))

    def pack(self) -> bytes:
        """Return the statistics as bytes: a versioned header, C_xx as its upper triangle, the rest, a checksum."""
        header = {
            "count": self.count,
            "weight": self.weight,
            "features": len(self.mean_x),
            "outputs": len(self.mean_y),
            "classes": None if self.classes is None else list(self.classes),
            "features_id": self.features_id,
            "scale_x": self.scale_x,
            "scale_y": self.scale_y,
        }
        triangle = self.C_xx[np.triu_indices(len(self.mean_x))]
        return pack_arrays(MAGIC, header, [self.mean_x, self.mean_y, triangle, self.C_xy, self.C_yy])

    @staticmethod
    def unpack(data: bytes) -> RidgeStatistics:
        """Return the statistics that `pack` wrote.

        Raises:
            InputError: E103, when the bytes are of another kind or version, cut short or changed.
        """
        header, values = unpack_arrays(MAGIC, data)
        f, o = header["features"], header["outputs"]
        sizes = [f, o, f * (f + 1) // 2, f * o, o]
        mean_x, mean_y, triangle, C_xy, C_yy = np.split(values, np.cumsum(sizes)[:-1])
        return RidgeStatistics(
            count=header["count"],
            weight=header["weight"],
            mean_x=mean_x,
            mean_y=mean_y,
            C_xx=symmetric(triangle, f),
            C_xy=C_xy.reshape(f, o),
            C_yy=C_yy,
            scale_x=header["scale_x"],
            scale_y=header["scale_y"],
            classes=None if header["classes"] is None else tuple(header["classes"]),
            features_id=header["features_id"],
        )


def coded_targets(
    targets: Shaped[np.ndarray, " item"] | Shaped[np.ndarray, "item output"], classes: Sequence[Label] | None
) -> Float[np.ndarray, "item output"]:
    """Return numbers as columns, or labels as +1 and -1."""
    if classes is None:
        if targets.dtype.kind not in "biuf":
            raise InputError(
                "E116",
                f"targets hold {targets.dtype}",
                cause="numbers are needed",
                hint="give classes=... when the targets are labels",
            )
        return targets.astype(np.float64).reshape(len(targets), -1)
    coded = np.where(targets[:, None] == np.array(classes), 1.0, -1.0)
    known = (coded > 0).sum(axis=1) == 1
    if not known.all():
        raise InputError(
            "E116",
            f"label {targets[~known][0]!r} is not one of the classes",
            cause=f"the classes are {', '.join(map(str, classes))}",
            hint="name every label in classes",
        )
    return coded


def checked_rows(
    features: Num[np.ndarray, "item feature"],
    targets: Shaped[np.ndarray, " item"] | Shaped[np.ndarray, "item output"],
    weights: Num[np.ndarray, " item"] | None,
    classes: Sequence[Label] | None,
) -> tuple[Float[np.ndarray, "item output"], Float[np.ndarray, " item"]]:
    """Return targets and weights in float64, after the checks of `RidgeStatistics.of`, whose arguments these are."""
    y = coded_targets(targets, classes)
    w = np.ones(len(y)) if weights is None else weights.astype(np.float64)
    for what, length in (("rows of targets", len(y)), ("weights", len(w))):
        if length != len(features):
            raise InputError(
                "E108",
                f"{len(features)} rows of features, {length} {what}",
                cause="each row needs its own",
                hint="check which rows were left out",
            )
    for name, array in (("features", features), ("targets", y), ("weights", w)):
        good = np.isfinite(array)
        if not good.all():
            raise InputError(
                "E105",
                f"{name} have {good.size - np.count_nonzero(good)} missing or infinite values (NaN or inf), "
                f"the first in row {np.argwhere(~good)[0][0]}",
                cause="one such value would spoil every sum",
                hint="leave such rows out or fill them",
            )
    if (w < 0).any():
        raise InputError(
            "E116", f"weight {w.min():g}", cause="a weight must be at least 0", hint="use 0 to leave out"
        )
    return y, w


def nothing_yet() -> InputError:
    """Return the refusal of a running sum that is asked before anything has arrived."""
    return InputError("E104", "0 statistics so far", cause="nothing has arrived", hint="add some")


def _aligned(a: RidgeStatistics, b: RidgeStatistics) -> tuple[RidgeStatistics, RidgeStatistics]:
    """Return both with the same outputs, or refuse."""
    joined = a.kind.joined(b.kind)
    if a.classes == b.classes:
        return a, b
    assert joined.classes is not None, "else they would have been the same"
    return _with_classes(a, joined.classes), _with_classes(b, joined.classes)


def _with_classes(statistics: RidgeStatistics, classes: tuple[Label, ...]) -> RidgeStatistics:
    """Return the same rows with more classes: every row's target in a new output is -1, so its variance is 0."""
    assert statistics.classes is not None
    old = [classes.index(label) for label in statistics.classes]
    mean_y = np.full(len(classes), -1.0 if statistics.count else 0.0)
    C_xy, C_yy = np.zeros((len(statistics.mean_x), len(classes))), np.zeros(len(classes))
    mean_y[old], C_xy[:, old], C_yy[old] = statistics.mean_y, statistics.C_xy, statistics.C_yy
    return replace(statistics, mean_y=mean_y, C_xy=C_xy, C_yy=C_yy, classes=classes)
