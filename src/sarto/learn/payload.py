"""What a client sends of its rows: bytes that a server adds as they are, in one of several forms.

    tri-f64, tri-f32   w, s_x, s_y, and B, T and A, the moments about 0 of `sarto.learn.raw_moments`, in that precision;
                       of the symmetric A each number once
    tri-f16            the same as A_ij / (d_i d_j) and B likewise in half precision, d^2 the diagonals of A and T, with
                       every d in single: no sum is too large for it
    factor-f64, -f32   w, the means, and the factor R of QR of the rows less their means, [X Y] = Q R: R^T R has their
                       moments about the mean

R has as many rows as there are items, at most features and outputs together, and is the smallest where a client has
few items. Its diagonal is not negative. With `auto` a payload has the form of fewest bytes in its precision. What is
read has the rounding of the form: numbers within eps / 2 of themselves, which move an eigenvalue of C by less than
3 eps trace(A), are what the checks of the statistics allow for. Features that lie far from 0 for their spread lose
digits of that rounding in a triangle: `auto` takes doubles where that is more than two of seven (`FAR`).

R^T R is summed row by row in float64, without BLAS: the same on every machine, so that what one server added another
takes away to the bit.

A factor is the rows up to a rotation among them, and a triangle of one item is that item: no form hides data.

>>> x, y = np.array([[0.0, 1.0], [2.0, 0.0], [1.0, 2.0]]), np.array([0.0, 1.0, 2.0])
>>> sent = packed(x, y, how="factor-f64")
>>> np.allclose(received(sent).C_xx, RidgeStatistics.of(x, y).C_xx), how_of(packed(x[:1], y[:1]))
(True, 'factor-f32')
>>> opened_payload(sent).trace
10.0
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np
from jaxtyping import Float, Num, Shaped

from sarto.learn._diagonals import strips, turned
from sarto.learn._packing import framed, opened
from sarto.learn.kind import Kind, Label
from sarto.learn.moments import EPS, ROUNDING
from sarto.learn.raw_moments import RawMoments, size_of
from sarto.learn.statistics import RidgeStatistics, checked_rows
from sarto.models.input_error import InputError

How: TypeAlias = Literal["tri-f64", "tri-f32", "tri-f16", "factor-f64", "factor-f32"]
HOW: tuple[How, ...] = get_args(How)
MAGIC = b"SARTORPL"
FAR = 100.0
"""Trace about 0 over trace about the mean from which on `auto` sends triangles in double precision."""
ROUNDINGS = 3.0
"""Rounding of what is central, in units of the precision: that of A, of the sums twice and of w, each half a unit."""
MOST = 2**40
"""Rows, features and outputs are fewer."""
_TYPES = {"f64": "<f8", "f32": "<f4", "f16": "<f2"}


@dataclass(frozen=True)
class Limits:
    """What a server takes of one client; None is no limit.

    Attributes:
        rows: at most, and the sum of their weights.
        radius: length of the longest row of features that there can be, so that trace(A) <= w radius^2.
        definite: whether A is factorised, to see that it has no negative eigenvalue: some 30 ms for 1000 features,
            where all other checks take one. A factor has none, and is not.
    """

    rows: int | None = None
    radius: float | None = None
    definite: bool = False

    def check(self, moments: RawMoments) -> None:
        """Check a client's moments.

        Raises:
            InputError: E166, beyond a limit.
            SartoError: E404, with a negative eigenvalue.
        """
        if self.rows is not None and max(moments.count, moments.weight) > self.rows:
            raise _beyond(
                f"{moments.count} rows of weight {moments.weight:g}", f"{self.rows} is the limit of both"
            )
        if self.radius is not None:
            most = moments.weight * self.radius**2
            if moments.trace > most * (1 + len(moments.s_x) * moments.unit):
                raise _beyond(
                    f"squares that come to {moments.trace:.6g}",
                    f"rows no longer than {self.radius:g} have at most {most:.6g}",
                )
        if self.definite and not moments.definite:
            moments.statistics.validate()


def packed(
    features: Num[np.ndarray, "item feature"],
    targets: Shaped[np.ndarray, " item"] | Shaped[np.ndarray, "item output"],
    weights: Num[np.ndarray, " item"] | None = None,
    *,
    classes: Sequence[Label] | None = None,
    features_id: str = "",
    how: How | Literal["auto", "auto-f64"] = "auto",
) -> bytes:
    """Return the payload of rows.

    Args:
        features: one row per item.
        targets: numbers; or labels, when `classes` are given.
        weights: weight of each row; None is 1 each.
        classes: every label there may be.
        features_id: names what computed the features.
        how: the form; `auto` is of `tri-f32` and `factor-f32` the smaller one, `auto-f64` likewise; see the module.

    Raises:
        InputError: as `RidgeStatistics.of`.
    """
    y, w = checked_rows(features, targets, weights, classes)
    named = None if classes is None else tuple(classes)
    kind, count = Kind(features.shape[1], y.shape[1], named, features_id), int(np.count_nonzero(w))
    if how in ("auto", "auto-f64"):
        precision = "f64" if how == "auto-f64" else "f32"
        form = "factor" if _factor_size(count, kind) < size_of(kind) else "tri"
    else:
        form, precision = how.split("-")
    if form == "factor":
        exact, values = _factor(features[w > 0], y[w > 0], w[w > 0])
    else:
        statistics = RidgeStatistics.of_checked(features, y, w, classes=classes, features_id=features_id)
        if how == "auto" and _far(statistics):
            precision = "f64"
        exact, values = _triangle(statistics, halves=precision == "f16")
    header = {
        "how": f"{form}-{precision}",
        "count": count,
        "features": kind.features,
        "outputs": kind.outputs,
        "classes": None if named is None else list(named),
        "features_id": features_id,
    }
    # Means take as many bytes as a row, and are what everything else is about: never in halves.
    of_sums = "<f8" if precision == "f64" else "<f4"
    parts = [exact.astype(of_sums), values.astype(_TYPES[precision])]
    return framed(MAGIC, header, parts, align=8)


def _factor_size(count: int, kind: Kind) -> int:
    """Return the numbers of a factor of so many rows."""
    columns = kind.features + kind.outputs
    rows = min(count, columns)
    return rows * columns - rows * (rows - 1) // 2


def _triangle(
    statistics: RidgeStatistics, *, halves: bool
) -> tuple[Float[np.ndarray, " sum"], Float[np.ndarray, " value"]]:
    """Return what is sent in full precision of a triangle, and the rest."""
    raw, f = RawMoments.of(statistics), len(statistics.mean_x)
    exact, values = [np.array([raw.weight]), raw.s_x, raw.s_y], raw.body
    if halves:
        sizes = (
            np.sqrt(np.concatenate([raw.parts[2][:f], raw.parts[1]])).astype(np.float32).astype(np.float64)
        )
        inverse = np.divide(1.0, sizes, out=np.ones(len(sizes)), where=sizes > 0)
        values = _scaled(values, inverse, statistics.kind)
        exact.append(sizes)
    return np.concatenate(exact), values


def how_of(payload: bytes) -> How:
    """Return the form of a payload.

    Raises:
        InputError: E103, when the bytes are none.
    """
    return _opened(payload)[0]["how"]


def largest_payload(kind: Kind) -> int:
    """Return the most bytes that a payload of this kind can have, but for its header: 64 KiB are allowed to that."""
    columns = kind.features + kind.outputs
    return (1 << 16) + 8 * (1 + columns + columns * (columns + 1) // 2 + kind.outputs)


def received(payload: bytes) -> RidgeStatistics:
    """Return the statistics in a payload, which rows have, to the rounding of its form.

    Raises:
        InputError: E103, when the bytes are no payload, cut short, too long, or changed.
        SartoError: E404, when no rows have such statistics.
    """
    found = opened_payload(payload).statistics
    found.validate()
    return found


def opened_payload(payload: bytes, limits: Limits | None = None, part_of: Kind | None = None) -> RawMoments:
    """Return the moments in a payload, after the checks that cost less than reading it, and those of `limits`.

    Numbers of a triangle in single or double precision are a view of the payload's bytes.

    Args:
        payload: what `packed` returned.
        limits: of one client.
        part_of: what they are to be a part of, which is checked before anything is computed.

    Raises:
        InputError: E103, when the bytes are no payload, cut short, too long, or changed; E108 or E116, when they are no
            part of that kind; E166 beyond the limits.
        SartoError: E404, when no rows have such moments, as far as `RawMoments.check` and the limits see.
    """
    header, body = _opened(payload)
    classes = cast("list[Label] | None", header["classes"])
    kind = Kind(
        header["features"],
        header["outputs"],
        None if classes is None else tuple(classes),
        header["features_id"],
    )
    if part_of is not None:
        part_of.check_part(kind)
    # What is not finite, or becomes so, is refused by the check.
    with np.errstate(over="ignore", invalid="ignore"):
        form, precision = header["how"].split("-")
        sums, values = _numbers(header, body, kind)
        f, o, w = kind.features, kind.outputs, float(sums[0])
        s_x, s_y = sums[1 : 1 + f], sums[1 + f : 1 + f + o]
        if form == "factor":
            s_x, s_y = s_x * w, s_y * w
            values = _squared(values, min(header["count"], f + o), sums, kind)
        elif precision == "f16":
            values = _scaled(values.astype(np.float64), sums[1 + f + o :], kind)
        diagonal, T = values[f * o + o : f * o + o + f], values[f * o : f * o + o]
        unit = float(np.finfo(_TYPES[precision]).eps)
        coarser = max(1.0, ROUNDINGS * unit / (ROUNDING * EPS * (f + 1)))
        scales = [float(part.sum(dtype=np.float64)) * coarser for part in (diagonal, T)]
        found = RawMoments(
            kind, header["count"], w, s_x, s_y, values, *scales, unit=unit, definite=form == "factor"
        )
        found.check()
    if limits is not None:
        limits.check(found)
    return found


def _numbers(
    header: dict[str, Any], body: memoryview, kind: Kind
) -> tuple[Float[np.ndarray, " sum"], Float[np.ndarray, " value"]]:
    """Return what is sent in full precision, in float64, and the rest as it was sent."""
    f, o = kind.features, kind.outputs
    form, precision = header["how"].split("-")
    sums = 1 + f + o + (f + o if precision == "f16" else 0)
    size = _factor_size(header["count"], kind) if form == "factor" else size_of(kind)
    of_sums, of_values = np.dtype("<f8" if precision == "f64" else "<f4"), np.dtype(_TYPES[precision])
    cut = sums * of_sums.itemsize
    if len(body) != cut + size * of_values.itemsize:
        raise _foreign(
            f"{len(body)} B of numbers do not fit {f} features, {o} outputs and {header['count']} items"
        )
    return np.frombuffer(body[:cut], of_sums).astype(np.float64), np.frombuffer(body[cut:], of_values)


def _squared(
    factor: Float[np.ndarray, " entry"], rows: int, sums: Float[np.ndarray, " sum"], kind: Kind
) -> Float[np.ndarray, " value"]:
    """Return B, T and the diagonals of A: w mean mean^T and the rows' squares, in that order, number by number."""
    f, o = kind.features, kind.outputs
    R = np.zeros((rows + 1, f + o))
    R[0] = sums[1:]
    R[1:][np.triu_indices(rows, m=f + o)] = factor
    left = R.copy()
    left[0] *= sums[0]
    body = np.zeros(size_of(kind))
    B, T, A = np.split(body, [f * o, f * o + o])
    for r in range(rows + 1):
        np.add(B, np.multiply.outer(left[r, :f], R[r, f:]).reshape(-1), out=B)
        np.add(T, left[r, f:] * R[r, f:], out=T)
    windows = [turned(row[:f]) for row in R]
    for place, first, last in strips(f):
        strip = A[place]
        product = np.empty_like(strip)
        for r, window in enumerate(windows):
            others = window(first, last)
            np.multiply(others, left[r, : others.shape[1]], out=product.reshape(others.shape))
            strip += product
    return body


def _scaled(
    body: Float[np.ndarray, " value"], sizes: Float[np.ndarray, " size"], kind: Kind
) -> Float[np.ndarray, " value"]:
    """Return B, T and the diagonals of A times the sizes of their row and column."""
    f, o = kind.features, kind.outputs
    x, y = sizes[:f], sizes[f:]
    scaled = np.empty_like(body)
    scaled[: f * o] = body[: f * o] * np.multiply.outer(x, y).reshape(-1)
    scaled[f * o : f * o + o] = body[f * o : f * o + o] * y**2
    old, new, window = body[f * o + o :], scaled[f * o + o :], turned(x)
    for place, first, last in strips(f):
        others = window(first, last)
        new[place] = old[place] * (others * x[: others.shape[1]]).reshape(-1)
    return scaled


def _far(statistics: RidgeStatistics) -> bool:
    """Return whether features and targets lie so far from 0 that a triangle in single precision has few digits."""
    s = statistics
    about_mean = float(np.trace(s.C_xx)) + float(s.C_yy.sum())
    about_0 = about_mean + s.weight * float((s.mean_x**2).sum() + (s.mean_y**2).sum())
    return about_0 > FAR * about_mean


def _factor(
    x: Num[np.ndarray, "item feature"], y: Float[np.ndarray, "item output"], w: Float[np.ndarray, " item"]
) -> tuple[Float[np.ndarray, " sum"], Float[np.ndarray, " value"]]:
    """Return weight and means, and the upper triangle of R, of rows of positive weight.

    Nothing of the size of the features' square is made.
    """
    rows = np.concatenate([x.astype(np.float64), y], axis=1)
    weight = float(w.sum())
    means = w @ rows / weight if len(rows) else np.zeros(rows.shape[1])
    left = (rows - means) * np.sqrt(w)[:, None]
    factor: Float[np.ndarray, "row column"] = np.asarray(np.linalg.qr(left, mode="r"))
    R = factor * np.where(np.diag(factor) < 0, -1.0, 1.0)[:, None]
    return np.concatenate([[weight], means]), R[np.triu_indices(len(R), m=R.shape[1])]


def _opened(payload: bytes) -> tuple[dict[str, Any], memoryview]:
    header, body = opened(MAGIC, payload, _foreign)
    try:
        sizes = [header[name] for name in ("count", "features", "outputs")]
        sound = header["how"] in HOW and isinstance(header["features_id"], str)
        sound = sound and all(
            type(n) is int and least <= n < MOST for n, least in zip(sizes, (0, 1, 1), strict=True)
        )
        if header["classes"] is not None:
            classes = cast("list[Any]", header["classes"] if isinstance(header["classes"], list) else [])
            sound = sound and all(isinstance(label, Label) for label in classes)
            sound = sound and len(classes) == len(set(classes)) == header["outputs"]
    except (KeyError, TypeError) as error:
        raise _foreign(f"their header cannot be read: {error}") from error
    if not sound:
        raise _foreign("their header does not say what a payload is")
    return header, body


def _beyond(what: str, limit: str) -> InputError:
    return InputError(
        "E166",
        f"an upload has {what}",
        cause=limit,
        hint="send fewer or smaller rows, or raise the limits of the federation",
    )


def _foreign(cause: str) -> InputError:
    return InputError(
        "E103",
        "the bytes are no payload of a client",
        cause=cause,
        hint="pass what `packed` returned, unchanged",
    )
