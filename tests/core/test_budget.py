"""Budget, margins and the verdict."""

import json
from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sarto.core.budget import LIMITS, Budget, Margin, Verdict, better, judge
from sarto.core.evidence import Evidence


def evidence(**values: float) -> dict[str, Evidence]:
    names = {field: name for field, (name, _) in LIMITS.items()}
    units = {field: unit for field, (_, unit) in LIMITS.items()}
    return {names[f]: Evidence(names[f], v, units[f], "measured", "test") for f, v in values.items()}


def test_every_field_of_a_budget_is_a_limit() -> None:
    assert [f.name for f in fields(Budget)] == list(LIMITS)
    assert list(Budget().limits()) == []
    assert list(Budget(flash_b=1, min_accuracy=0.5).limits()) == [
        ("flash", 1.0, "B", False),
        ("test accuracy", 0.5, "1", True),
    ]


def test_a_limit_is_a_least_one_where_more_is_better() -> None:
    least = {name for field, (name, _) in LIMITS.items() if field.startswith("min_")}
    assert {name for name, _ in LIMITS.values() if better(name) == "more"} == least
    assert {name for name, _ in LIMITS.values() if better(name) == "less"} == {
        n for n, _ in LIMITS.values()
    } - least


@pytest.mark.parametrize(
    ("what", "direction"),
    [
        ("flash on cortex_m0plus", "less"),
        ("static ram", "less"),
        ("peak stack", "less"),
        ("instructions per sample", "less"),
        ("validation error", "less"),
        ("validation loss", "less"),
        ("tanh table", "less"),
        ("tanh table error", "less"),
        ("test RMSE of accuracy", "less"),
        ("test MAE of F1 x", "less"),
        ("recall of low energy", "more"),
        ("test macro-F1", "more"),
        ("macro F1", "more"),
        ("test R2", "more"),
        ("test R2 of the mean", ""),
        ("sequences", ""),
        ("programme", ""),
    ],
)
def test_which_direction_is_better(what: str, direction: str) -> None:
    assert better(what) == direction


def test_a_figure_on_its_limit_fits_and_one_beyond_does_not() -> None:
    budget = Budget(flash_b=100, min_accuracy=0.5)
    assert judge(budget, evidence(flash_b=100, min_accuracy=0.5)).fits
    assert not judge(budget, evidence(flash_b=100.5, min_accuracy=0.5)).fits
    assert not judge(budget, evidence(flash_b=100, min_accuracy=0.49)).fits
    assert judge(budget, evidence(flash_b=99, min_accuracy=0.51)).fits


def test_what_nobody_measured_does_not_fit_and_binds() -> None:
    verdict = judge(Budget(flash_b=100, ram_b=100), evidence(flash_b=99.9))
    assert (verdict.fits, verdict.binding) == (False, "ram")
    assert verdict.margins[1].got is None and verdict.margins[1].left is None
    assert str(verdict.margins[1]) == "ram: not measured, limit 100 B"


def test_no_limit_at_all_fits() -> None:
    assert judge(Budget(), {}) == Verdict(True, (), None)


def test_the_binding_limit_has_the_least_relative_room() -> None:
    budget = Budget(flash_b=1000, ram_b=100, min_accuracy=0.8)
    assert judge(budget, evidence(flash_b=950, ram_b=90, min_accuracy=0.9)).binding == "flash"
    assert judge(budget, evidence(flash_b=800, ram_b=90, min_accuracy=0.9)).binding == "ram"
    assert judge(budget, evidence(flash_b=800, ram_b=80, min_accuracy=0.85)).binding == "test accuracy"
    assert judge(budget, evidence(flash_b=1100, ram_b=120, min_accuracy=0.5)).binding == "test accuracy"


@pytest.mark.parametrize(
    ("margin", "text"),
    [
        (Margin("ram", 16000, 21400, "B", False, "emulated"), "21.4 kB of 16 kB, over by 5.4 kB (emulated)"),
        (Margin("ram", 16000, 15000, "B", False, "emulated"), "15 kB of 16 kB, 1 kB left (emulated)"),
        (Margin("ram", 16000, 16000, "B", False, "emulated"), "16 kB of 16 kB, 0 B left (emulated)"),
        (Margin("ram", 0.9, 0.93, "1", True, "measured"), "0.93 (at least 0.9), 0.03 above (measured)"),
        (Margin("ram", 0.9, 0.85, "1", True, "measured"), "0.85 (at least 0.9), short by 0.05 (measured)"),
    ],
)
def test_margins_in_words(margin: Margin, text: str) -> None:
    assert str(margin) == f"ram: {text}"


@given(st.floats(1e-3, 1e6), st.floats(0, 2e6), st.booleans())
def test_left_is_positive_exactly_where_the_limit_is_kept(budget: float, got: float, at_least: bool) -> None:
    margin = Margin("x", budget, got, "1", at_least, "measured")
    assert margin.left is not None
    assert (margin.left >= 0) == (got >= budget if at_least else got <= budget)
    assert margin.relative == pytest.approx(margin.left / budget)


def test_goes_through_json_and_back() -> None:
    verdict = judge(Budget(flash_b=10, ram_b=5), evidence(flash_b=4))
    data = json.loads(json.dumps(verdict.to_json()))
    assert Verdict.from_json(data) == verdict
    assert [row["left"] for row in data["margins"]] == [6, None]
