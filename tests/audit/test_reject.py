"""Measures of a reject option: the curve on known answers and ties, groups, findings, and broken sensors."""

import math

import numpy as np
import pytest

from sarto.audit.reject import (
    FAULTS,
    Rejection,
    by_group,
    evidence,
    findings,
    rejection,
    risk_coverage,
    unplugged,
)


def test_the_curve_of_a_perfect_order_is_the_least_and_of_a_reversed_one_the_largest() -> None:
    wrong = np.array([False] * 90 + [True] * 10)
    best = risk_coverage(np.arange(100)[::-1], wrong)
    assert best.aurc == pytest.approx(best.least_aurc)
    assert best.least_aurc == pytest.approx(0.1 + 0.9 * math.log(0.9), abs=1e-3)
    worst = risk_coverage(np.arange(100), wrong)
    assert worst.risk[9] == 1 and worst.risk[-1] == pytest.approx(0.1)
    assert (best.coverage_at(0.0), worst.coverage_at(0.05), best.coverage_at(0.1)) == (0.9, 0.0, 1.0)


def test_items_of_equal_score_count_as_their_mean() -> None:
    curve = risk_coverage(np.array([5, 5, 1]), np.array([True, False, False]))
    assert curve.risk.tolist() == pytest.approx([0.5, 0.5, 1 / 3])
    flat = risk_coverage(np.zeros(50), np.arange(50) % 5 == 0)
    assert flat.aurc == pytest.approx(0.2)


def test_coverage_and_risk_by_group_and_what_is_said_of_them() -> None:
    target = np.array([0] * 200 + [1] * 200)
    classes = target.copy()
    groups = np.array(["a"] * 200 + ["b"] * 200)
    classes[:120] = 2  # rejected, of a
    classes[200:240] = 0  # wrong, of b
    found = rejection(classes, target, 2)
    assert (found.items, found.answered, found.wrong) == (400, 280, 40)
    assert found.coverage == pytest.approx(0.7) and found.risk == pytest.approx(1 / 7)
    table = by_group(classes, target, 2, groups)
    assert [row[0] for row in table.rows] == ["a", "b"]
    assert table.rows[0][2] == pytest.approx(0.4) and table.rows[1][5] == pytest.approx(0.2)
    texts = {finding.what: finding.text for finding in findings(found, table, 0.05)}
    assert texts["reject option"].startswith("40 of 280 answers are wrong (14.3 %), where 5 % was asked for")
    assert texts["coverage by group"].endswith("a (40 %)")
    assert texts["risk by group"].endswith("b (20 %)")
    assert not findings(Rejection(400, 280, 10), by_group(target, target, 2, groups), 0.05)
    silent = rejection(np.full(4, 2), np.zeros(4, int), 2)
    assert math.isnan(silent.risk)
    curve = risk_coverage(np.arange(400), classes != target)
    assert [e.what for e in evidence(found, curve, "LTT")] == ["coverage", "AURC", "error of answers"]
    assert [e.what for e in evidence(silent, curve, "LTT")] == ["coverage", "AURC"]


@pytest.mark.parametrize("fault", FAULTS)
def test_an_unplugged_sensor_changes_its_channels_and_no_others(fault: str) -> None:
    raw = np.random.default_rng(0).integers(-90, 100, (500, 3)).astype(np.int16)
    broken = unplugged(raw, [1], fault)  # pyright: ignore[reportArgumentType]
    assert (broken[:, [0, 2]] == raw[:, [0, 2]]).all() and broken.dtype == raw.dtype
    values = np.unique(broken[:, 1])
    if fault == "noise":
        assert len(values) > 100 and raw[:, 1].min() <= values[0] and values[-1] <= raw[:, 1].max()
        assert (broken == unplugged(raw, [1], "noise")).all()
    else:
        assert values.tolist() == [0 if fault == "zeros" else raw[:, 1].max()]
