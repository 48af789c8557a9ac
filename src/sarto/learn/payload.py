"""What a client sends of its rows: bytes that a server reads as `RidgeStatistics`, in one of several forms.

    tri-f64, tri-f32   means, the triangle of C_xx, C_xy and C_yy in that precision
    tri-f16            the same as correlations, C_ij / (s_i s_j) in half precision, with every s in single: no sum is
                       too large for it
    factor-f64, -f32   the factor R of QR of the rows less their means, [X Y] = Q R, of which C = R^T R has all moments

R has as many rows as there are items, at most features and outputs together, and is the smallest where a client has
few items. Its diagonal is not negative. With `auto` a payload has the form of fewest bytes in its precision. What is
read has the rounding of the form: numbers C_ij within eps / 2 of themselves, which moves an eigenvalue by less than
eps trace(C), are what the checks of the statistics allow for.

A factor is the rows up to a rotation among them, and a triangle of one item is that item: no form hides data.

>>> x, y = np.array([[0.0, 1.0], [2.0, 0.0], [1.0, 2.0]]), np.array([0.0, 1.0, 2.0])
>>> sent = packed(x, y, how="factor-f64")
>>> np.allclose(received(sent).C_xx, RidgeStatistics.of(x, y).C_xx), how_of(packed(x[:1], y[:1]))
(True, 'factor-f32')
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias, cast, get_args

import numpy as np
from jaxtyping import Float, Num, Shaped

from sarto.learn._packing import framed, opened, symmetric
from sarto.learn.moments import EPS, ROUNDING
from sarto.learn.statistics import Label, RidgeStatistics, coded_targets
from sarto.models.input_error import InputError

How: TypeAlias = Literal["tri-f64", "tri-f32", "tri-f16", "factor-f64", "factor-f32"]
HOW: tuple[How, ...] = get_args(How)
MAGIC = b"SARTORPL"
_TYPES = {"f64": "<f8", "f32": "<f4", "f16": "<f2"}


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
        how: the form; `auto` is of `tri-f32` and `factor-f32` the smaller one, `auto-f64` likewise.

    Raises:
        InputError: as `RidgeStatistics.of`.
    """
    statistics = RidgeStatistics.of(features, targets, weights, classes=classes, features_id=features_id)
    f, o = len(statistics.mean_x), len(statistics.mean_y)
    if how in ("auto", "auto-f64"):
        ending = "f64" if how == "auto-f64" else "f32"
        rows = min(statistics.count, f + o)
        factor = rows * (f + o) - rows * (rows - 1) // 2
        how = f"factor-{ending}" if factor < f * (f + 1) // 2 + f * o + o else f"tri-{ending}"  # pyright: ignore[reportAssignmentType]
    form, precision = how.split("-")
    exact = [np.array([statistics.weight]), statistics.mean_x, statistics.mean_y]
    if form == "factor":
        w = np.ones(len(features)) if weights is None else weights.astype(np.float64)
        values = [_factor(features, coded_targets(targets, classes), w, statistics)]
    else:
        triangle = np.triu_indices(f)
        parts = [statistics.C_xx[triangle], statistics.C_xy.reshape(-1), statistics.C_yy]
        if precision == "f16":
            s_x, s_y = (
                np.sqrt(c).astype(np.float32).astype(np.float64)
                for c in (np.diag(statistics.C_xx), statistics.C_yy)
            )
            by_x, by_y = (np.where(s > 0, s, 1.0) for s in (s_x, s_y))
            parts = [
                (statistics.C_xx / np.outer(by_x, by_x))[triangle],
                (statistics.C_xy / np.outer(by_x, by_y)).reshape(-1),
            ]
            exact += [s_x, s_y]
        values = parts
    header = {
        "how": how,
        "count": statistics.count,
        "features": f,
        "outputs": o,
        "classes": None if statistics.classes is None else list(statistics.classes),
        "features_id": features_id,
    }
    # Means take as many bytes as a row, and are what everything else is about: never in halves.
    of_means = "<f8" if precision == "f64" else "<f4"
    body = b"".join(a.astype(of_means).tobytes() for a in exact)
    body += b"".join(a.astype(_TYPES[precision]).tobytes() for a in values)
    return framed(MAGIC, header, body)


def how_of(payload: bytes) -> How:
    """Return the form of a payload.

    Raises:
        InputError: E103, when the bytes are none.
    """
    return _opened(payload)[0]["how"]


def received(payload: bytes) -> RidgeStatistics:
    """Return the statistics in a payload, which rows have, to the rounding of its form.

    Raises:
        InputError: E103, when the bytes are no payload, cut short, too long, or changed.
        SartoError: E404, when no rows have such statistics.
    """
    header, body = _opened(payload)
    f, o, count = header["features"], header["outputs"], header["count"]
    form, precision = header["how"].split("-")
    rows = min(count, f + o)
    of_means = np.dtype("<f8" if precision == "f64" else "<f4")
    exact_sizes = [1, f, o, *([f, o] if precision == "f16" else [])]
    sizes = [f * (f + 1) // 2, f * o, *([o] if precision != "f16" else [])]
    if form == "factor":
        sizes = [rows * (f + o) - rows * (rows - 1) // 2]
    of_values = np.dtype(_TYPES[precision])
    cut = sum(exact_sizes) * of_means.itemsize
    if len(body) != cut + sum(sizes) * of_values.itemsize:
        raise _foreign(f"{len(body)} B of numbers do not fit {f} features, {o} outputs and {count} items")
    exact = np.split(np.frombuffer(body[:cut], of_means).astype(np.float64), np.cumsum(exact_sizes)[:-1])
    values = np.split(np.frombuffer(body[cut:], of_values).astype(np.float64), np.cumsum(sizes)[:-1])
    if form == "factor":
        R = np.zeros((rows, f + o))
        R[np.triu_indices(rows, m=f + o)] = values[0]
        C_xx, C_xy, C_yy = R[:, :f].T @ R[:, :f], R[:, :f].T @ R[:, f:], (R[:, f:] ** 2).sum(axis=0)
        C_xx = (C_xx + C_xx.T) / 2
    else:
        C_xx = symmetric(values[0], f)
        C_xy = values[1].reshape(f, o)
        if precision == "f16":
            s_x, s_y = exact[3], exact[4]
            C_xx, C_xy, C_yy = C_xx * np.outer(s_x, s_x), C_xy * np.outer(s_x, s_y), s_y**2
        else:
            C_yy = values[2]
    coarser = max(1.0, float(np.finfo(of_values).eps) / (ROUNDING * EPS * (f + 1)))
    found = RidgeStatistics(
        count=count,
        weight=float(exact[0][0]),
        mean_x=exact[1],
        mean_y=exact[2],
        C_xx=C_xx,
        C_xy=C_xy,
        C_yy=C_yy,
        scale_x=float(np.trace(C_xx)) * coarser,
        scale_y=float(C_yy.sum()) * coarser,
        classes=None if header["classes"] is None else tuple(header["classes"]),
        features_id=header["features_id"],
    )
    found.validate()
    return found


def _factor(
    features: Num[np.ndarray, "item feature"],
    y: Float[np.ndarray, "item output"],
    w: Float[np.ndarray, " item"],
    statistics: RidgeStatistics,
) -> Float[np.ndarray, " value"]:
    """Return the upper triangle of R, of the rows of positive weight, padded to as many rows as there are items."""
    there = w > 0
    left = np.concatenate([features[there] - statistics.mean_x, y[there] - statistics.mean_y], axis=1)
    factor: Float[np.ndarray, "row column"] = np.asarray(
        np.linalg.qr(left * np.sqrt(w[there])[:, None], mode="r")
    )
    R = factor * np.where(np.diag(factor) < 0, -1.0, 1.0)[:, None]
    return R[np.triu_indices(len(R), m=R.shape[1])]


def _opened(payload: bytes) -> tuple[dict[str, Any], bytes]:
    header, body = opened(MAGIC, payload, _foreign)
    try:
        sizes = [header[name] for name in ("count", "features", "outputs")]
        sound = header["how"] in HOW and all(type(n) is int and n >= 0 for n in sizes)
        sound = (
            sound and isinstance(header["features_id"], str) and isinstance(header["classes"], list | None)
        )
    except (KeyError, TypeError) as error:
        raise _foreign(f"their header cannot be read: {error}") from error
    classes = cast("list[Any] | None", header["classes"])
    if not sound or (classes is not None and len(classes) != header["outputs"]):
        raise _foreign("their header does not say what a payload is")
    return header, body


def _foreign(cause: str) -> InputError:
    return InputError(
        "E103",
        "the bytes are no payload of a client",
        cause=cause,
        hint="pass what `packed` returned, unchanged",
    )
