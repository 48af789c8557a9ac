from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from sarto.core.errors import SartoError
from sarto.learn.moments import Moments

FIELDS = ("weight", "mean_x", "mean_y", "C_xx", "C_xy", "C_yy")


def of(x: NDArray[Any], y: NDArray[Any], w: NDArray[Any] | None = None) -> Moments:
    return Moments.of_rows(x, y, np.ones(len(x)) if w is None else w)


def close(a: Moments, b: Moments, rtol: float = 1e-12) -> None:
    assert a.count == b.count
    for name in FIELDS:
        left, right = np.asarray(getattr(a, name)), np.asarray(getattr(b, name))
        np.testing.assert_allclose(
            left, right, rtol=rtol, atol=rtol * max(1.0, np.abs(right).max()), err_msg=name
        )


def rows(n: int, seed: int = 0, offset: float = 0.0) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(n, 4)) + offset, rng.normal(size=(n, 2)) - offset, rng.uniform(0, 3, n)


def test_moments_by_their_definition() -> None:
    x, y, w = rows(50)
    m = of(x, y, w)
    mean_x, mean_y = np.average(x, axis=0, weights=w), np.average(y, axis=0, weights=w)
    np.testing.assert_allclose(m.mean_x, mean_x, rtol=1e-13)
    np.testing.assert_allclose(m.mean_y, mean_y, rtol=1e-13)
    np.testing.assert_allclose(m.C_xx, np.cov(x.T, aweights=w, ddof=0) * w.sum(), rtol=1e-12)
    np.testing.assert_allclose(m.C_xy, (x - mean_x).T @ ((y - mean_y) * w[:, None]), rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(m.C_yy, (w[:, None] * (y - mean_y) ** 2).sum(axis=0), rtol=1e-12)
    assert (m.count, m.weight) == (50, pytest.approx(w.sum()))


@given(cuts=st.lists(st.integers(0, 60), min_size=0, max_size=5), offset=st.sampled_from([0.0, 1e3, -1e6]))
def test_parts_merge_to_the_whole_and_come_apart_again(cuts: list[int], offset: float) -> None:
    x, y, w = rows(60, offset=offset)
    edges = [0, *sorted(cuts), 60]
    parts = [of(x[a:b], y[a:b], w[a:b]) for a, b in pairwise(edges)]
    whole = of(x, y, w)
    total = parts[0]
    for part in parts[1:]:
        total = total.merged(part)
    tolerance = 1e-12 * max(1.0, abs(offset))  # a mean of 1e6 is known to 1e-10
    close(total, whole, tolerance)
    total.check()
    for part in parts[:0:-1]:
        total = total.unmerged(part)
        total.check()
    close(total, parts[0], 100 * tolerance)


def test_a_large_mean_costs_no_digits() -> None:
    """Around 1e8 a sum of squares less n mean^2 keeps no digit of a variance of 2/3: exact arithmetic says so."""
    x = np.array([[1e8], [1e8 + 1], [1e8 + 2]])
    y = np.zeros((3, 1))
    merged = of(x[:1], y[:1]).merged(of(x[1:2], y[1:2])).merged(of(x[2:], y[2:]))
    mean = Fraction(10**8) + 1
    exact = sum((Fraction(float(v)) - mean) ** 2 for v in x[:, 0])
    assert merged.C_xx[0, 0] == pytest.approx(float(exact), rel=1e-12)
    naive = (x[:, 0] ** 2).sum() - 3 * x.mean() ** 2
    assert naive != pytest.approx(float(exact), rel=0.01)


def test_a_row_of_weight_zero_is_no_row() -> None:
    x, y, w = rows(10)
    w[3] = 0
    keep = np.arange(10) != 3
    close(of(x, y, w), of(x[keep], y[keep], w[keep]))
    assert of(x, y, 0 * w).count == 0


def test_a_weight_counts_as_so_many_rows() -> None:
    x, y, _ = rows(5)
    times = np.array([1, 2, 1, 3, 1])
    twice = of(np.repeat(x, times, axis=0), np.repeat(y, times, axis=0))
    weighted = of(x, y, times.astype(float))
    np.testing.assert_allclose(weighted.C_xx, twice.C_xx, rtol=1e-12)
    np.testing.assert_allclose(weighted.C_xy, twice.C_xy, rtol=1e-12, atol=1e-14)


def test_nothing_is_neutral_and_all_minus_all_is_nothing() -> None:
    m = of(*rows(7))
    nothing = Moments.of_none(4, 2)
    for same in (m.merged(nothing), nothing.merged(m), m.unmerged(nothing)):
        close(same, m, 1e-15)
    gone = m.unmerged(m)
    assert (gone.count, gone.weight, gone.C_xx.any(), gone.mean_x.any()) == (0, 0, False, False)


def test_the_arrays_cannot_be_written() -> None:
    with pytest.raises(ValueError, match="read-only"):
        of(*rows(3)).C_xx[0, 0] = 1


def test_more_rows_cannot_be_taken_than_there_are() -> None:
    small, large = of(*rows(3)), of(*rows(4))
    with pytest.raises(SartoError, match="4 rows of weight") as caught:
        small.unmerged(large)
    assert caught.value.code == "E404"


@pytest.mark.parametrize("strange", ["other rows", "the same rows twice", "scaled rows"])
def test_what_was_never_a_part_is_noticed(strange: str) -> None:
    x, y, _ = rows(40)
    whole = of(x, y)
    taken = {
        "other rows": of(*(10 * a for a in rows(20, seed=5)[:2])),
        "the same rows twice": of(x[:20], y[:20]),
        "scaled rows": of(3 * x[:20], y[:20]),
    }[strange]
    rest = whole.unmerged(taken)
    if strange == "the same rows twice":
        rest.check()
        rest = rest.unmerged(of(x[:15], y[:15]))
    with pytest.raises(SartoError, match="impossible statistics") as caught:
        rest.check()
    assert caught.value.code == "E404"


@pytest.mark.parametrize("field", ["C_xx", "C_xy", "C_yy", "mean_x", "asymmetric", "weight", "count"])
def test_each_impossible_number_is_named(field: str) -> None:
    m = of(*rows(30))
    values = {name: np.array(getattr(m, name)) for name in FIELDS[1:]}
    count, weight = m.count, m.weight
    if field == "C_xx":
        # By 1e-10 of the trace: far above rounding, far below what an eye would see.
        values["C_xx"] = m.C_xx - (np.linalg.eigvalsh(m.C_xx)[0] + 1e-10 * np.trace(m.C_xx)) * np.eye(4)
    elif field == "C_xy":
        values["C_xy"][1, 0] = 1.001 * np.sqrt(m.C_xx[1, 1] * m.C_yy[0])
    elif field == "C_yy":
        values["C_yy"][1] = -1e-6
        values["C_xy"][:, 1] = 0
    elif field == "mean_x":
        values["mean_x"][0] = np.nan
    elif field == "asymmetric":
        values["C_xx"][0, 1] += 1e-9
    elif field == "weight":
        weight = -1.0
    else:
        count = -1
    bad = Moments(count=count, weight=weight, scale_x=m.scale_x, scale_y=m.scale_y, **values)
    words = {
        "asymmetric": "not symmetric",
        "mean_x": "not finite",
        "weight": "rows of weight",
        "count": "rows of weight",
    }
    with pytest.raises(SartoError, match=words.get(field, field)) as caught:
        bad.check()
    assert caught.value.code == "E404"
