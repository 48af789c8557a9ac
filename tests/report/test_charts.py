from __future__ import annotations

import math
import re
import xml.etree.ElementTree as ET

import pytest

from sarto.report import charts
from sarto.report.charts import MOST_DOTS, search_course, trade_off

COSTS, QUALITIES = [4100.0, 5200, 7000, 9800, 15000], [0.81, 0.9, 0.93, 0.925, 0.951]


def drawing(**change: object) -> str:
    given: dict[str, object] = dict(
        cost="flash", costs=COSTS, qualities=QUALITIES, chosen=2, limit=16384.0, unit="B"
    )
    return trade_off(**{**given, **change})  # pyright: ignore[reportArgumentType]


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter("text")]


def test_a_chart_is_well_formed_with_text_kept_as_text() -> None:
    root = ET.fromstring(drawing())
    assert root.tag == "svg"
    assert root.get("role") == "img"
    assert root.get("aria-label") == "validation accuracy against flash"
    assert {"budget 16.38 kB", "chosen", "validation accuracy, %", "flash, logarithmic", "10 kB"} <= set(
        texts(drawing())
    )


def test_a_chart_has_no_colour_date_font_or_address_of_its_own() -> None:
    svg = drawing() + search_course([0.5, 0.2], [0.5, 0.2])
    assert not re.search(r"#[0-9a-f]{6}\b|rgb|black|white|http|metadata|font-family|<style", svg)
    assert {"var(--ink)", "var(--accent)", "var(--bad)", "var(--muted)"} <= set(
        re.findall(r"var\(--[a-z]+\)", svg)
    )


def test_the_same_figures_give_the_same_bytes_and_other_charts_other_ids() -> None:
    assert drawing() == drawing()
    ids = [set(re.findall(r'\bid="([^"]+)"', svg)) for svg in (drawing(), drawing(cost="RAM"))]
    assert ids[0] and ids[1] and not ids[0] & ids[1]
    for svg, own in zip((drawing(), drawing(cost="RAM")), ids, strict=True):
        assert set(re.findall(r"(?:href=\"|url\()#([^\")]+)", svg)) <= own


def dots(svg: str) -> list[tuple[float, float]]:
    """The places of the points: what is drawn more than once with one shape, besides the ticks."""
    uses = [(float(u.get("x", "nan")), float(u.get("y", "nan"))) for u in ET.fromstring(svg).iter("use")]
    return uses


def test_points_stand_where_their_figures_say() -> None:
    svg = drawing(limit=None, chosen=None)
    low, high = min(COSTS) / 1.35, max(COSTS) * 1.35
    left, right = 37.44, 252.0
    wanted = [left + (right - left) * math.log(c / low) / math.log(high / low) for c in COSTS]
    found = sorted(dots(svg))
    assert all(any(abs(x - w) < 0.02 for x, _ in found) for w in wanted)
    # Higher accuracy stands higher, and lower on the page is a larger y.
    by_cost = [next(y for x, y in found if abs(x - w) < 0.02) for w in wanted]
    order = sorted(range(len(COSTS)), key=lambda i: QUALITIES[i])
    assert [by_cost[i] for i in order] == sorted(by_cost, reverse=True)


def test_without_a_budget_or_a_choice_neither_is_drawn() -> None:
    assert not {"chosen"} & set(texts(drawing(chosen=None)))
    assert not any(t.startswith("budget") for t in texts(drawing(limit=None)))


@pytest.mark.parametrize("limit", [None, 100.0, 5200.0, 1e9])
@pytest.mark.parametrize("count", [1, 2, 200])
def test_any_front_and_budget_give_a_few_round_ticks(limit: float | None, count: int) -> None:
    costs = [5000 + 10.0 * i for i in range(count)]
    svg = drawing(costs=costs, qualities=[0.9] * count, chosen=0, limit=limit)
    ticks = [t for t in texts(svg) if re.fullmatch(r"[\d.]+ [kMG]?B", t)]
    assert 2 <= len(ticks) <= 6
    places = [float(t.get("x", "nan")) for t in ET.fromstring(svg).iter("text") if t.text in ticks]
    assert max(places) < 243  # the page of the chart ends at 259, and half a label is 16 wide at most
    assert len(svg) < 25_000


def test_a_long_search_is_thinned_and_trials_without_a_figure_are_left_out() -> None:
    errors = [0.1 + 0.3 / (1 + i) for i in range(5000)]
    svg = search_course([*errors[:-1], float("nan")], errors)
    assert len(dots(svg)) <= MOST_DOTS + 20
    assert "nan" not in svg.lower()


def test_qualities_below_zero_are_drawn_upright_and_inside() -> None:
    for shares in ([-0.078], [-9.0, -0.2], [-0.3, 0.4]):
        _, axes = charts._canvas()  # pyright: ignore[reportPrivateUsage]
        charts._frame(axes, shares)  # pyright: ignore[reportPrivateUsage]
        low, high = axes.get_ylim()
        assert low < min(shares)
        assert max(shares) < high
    assert "explained variance" in trade_off(
        "flash", [1, 2], [-0.3, -0.1], 1, None, "B", "explained variance"
    )
