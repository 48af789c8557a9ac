"""Moments about 0: exact to their formulas, and what no rows have is seen from few numbers at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.learn._diagonals import packed_diagonals
from sarto.learn.raw_moments import RawMoments
from sarto.learn.statistics import RidgeStatistics

CLASSES = ("a", "b", "c")


def rows(seed: int = 0, count: int = 30) -> tuple[Any, Any, Any]:
    rng = np.random.default_rng(seed)
    return rng.normal(size=(count, 4)) + 1, rng.normal(size=(count, 2)) - 2, rng.uniform(0, 2, count)


def test_they_are_the_sums_that_the_formulas_say() -> None:
    x, y, w = rows()
    found = RawMoments.of(RidgeStatistics.of(x, y, w))
    B, T, diagonals = found.parts
    for mine, formula in (
        (found.s_x, w @ x),
        (found.s_y, w @ y),
        (B, x.T @ (w[:, None] * y)),
        (T, w @ y**2),
        (diagonals, packed_diagonals(x.T @ (w[:, None] * x))),
    ):
        np.testing.assert_allclose(mine, formula, rtol=1e-12, atol=1e-12)
    assert found.trace == pytest.approx((w[:, None] * x**2).sum())


def test_central_moments_come_back() -> None:
    exact = RidgeStatistics.of(*rows(1))
    found = RawMoments.of(exact).statistics
    for name in ("weight", "mean_x", "mean_y", "C_xx", "C_xy", "C_yy"):
        np.testing.assert_allclose(getattr(found, name), getattr(exact, name), rtol=1e-12, atol=1e-12)
    assert RawMoments.of(exact - exact).statistics.count == 0


def test_more_classes_are_those_of_no_row() -> None:
    x, _, w = rows(2)
    y = np.array(["a", "c"])[np.arange(30) % 2]
    few = RawMoments.of(RidgeStatistics.of(x, y, w, classes=("c", "a"))).of_classes(CLASSES)
    all_ = RawMoments.of(RidgeStatistics.of(x, y, w, classes=CLASSES))
    np.testing.assert_allclose(few.body, all_.body, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(few.s_y, all_.s_y, rtol=1e-12)
    few.check()


def with_body(moments: RawMoments, place: int, value: float) -> RawMoments:
    body = moments.body.copy()
    body[place] = value
    return replace(moments, body=body)


def test_what_no_rows_have_is_named() -> None:
    x, y, w = rows(3)
    m = RawMoments.of(RidgeStatistics.of(x, y, w))
    labels = RawMoments.of(RidgeStatistics.of(x, np.array(CLASSES)[np.arange(30) % 3], classes=CLASSES))
    m.check()
    labels.check()
    B, _, diagonals = m.parts
    most_B = float(np.sqrt(diagonals[1] * m.parts[1][0]))
    most_A = float(np.sqrt(diagonals[0] * diagonals[1]))
    cases = [
        (replace(m, weight=-1.0), "rows of weight"),
        (replace(m, count=0), "rows of weight"),
        (with_body(m, B.size, -1.0), "negative or not finite"),
        (with_body(m, B.size + 2, np.nan), "negative or not finite"),
        (with_body(m, B.size + 3, np.inf), "negative or not finite"),
        (replace(m, s_x=m.s_x * 10), "a mean is larger"),
        (replace(m, s_y=m.s_y * np.nan), "a mean is larger"),
        (with_body(m, 2, 1.001 * most_B), "products with the targets"),
        (with_body(m, B.size + 2 + 4, -1.001 * most_A), "features' products is larger"),
        (with_body(m, B.size + 2 + 9, np.nan), "features' products is larger"),
        (with_body(labels, 12, 31.0), "exactly one class"),
        (replace(labels, s_y=labels.s_y + 0.5), "exactly one class"),
    ]
    for bad, words in cases:
        with pytest.raises(SartoError, match=words) as caught:
            bad.check()
        assert caught.value.code == "E404"
    with_body(m, B.size + 2 + 4, -most_A).check()
