"""What scenarios are drawn between: limits that points can meet and cannot, however much alike they are."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from sarto.devices.platforms import parse_platform, platform
from sarto.runtime.points import Points, Variant, between, grid
from sarto.runtime.scenarios import Limits, drawn
from sarto.runtime.simulate import simulate
from tests.devices.test_places import PLACE
from tests.devices.test_platforms import GOOD

LADDER = [Variant("quarter", 0.56, 0.25), Variant("half", 0.63, 0.5), Variant("whole", 0.71, 1.0)]


def test_the_limits_of_a_wide_ladder_go_by_its_points() -> None:
    limits = Limits.of(Points.of(grid(LADDER, between(platform("odroid_xu3"), 100e6))))
    assert limits.accuracy == (0.56, 0.71)
    assert limits.deadline_s == pytest.approx((1.25 * 0.117, 0.5 * 1.78))
    assert limits.highest_hz == (math.inf, math.inf, 1e9)


@pytest.mark.parametrize(
    "times", [("latency_s = 0.21", "latency_s = 0.11"), ("  { frequency_hz = 1e9", "# {")]
)
def test_points_that_are_nearly_alike_have_deadlines_that_they_meet(times: tuple[str, str]) -> None:
    board = parse_platform("board", GOOD.replace(*times))
    points = Points.of(grid([Variant("one", 0.70, 0.95), Variant("other", 0.71, 1.0)], board))
    limits = Limits.of(points)
    assert limits.deadline_s == pytest.approx((0.125, 0.5))
    scenario = drawn(2000, limits, seed=0)
    assert len(set(scenario.deadline_s)) > 10
    run = simulate(points, board, scenario, "max_accuracy", oracle=True).summary()
    assert run.late < 0.2


def test_heat_takes_clocks_of_this_device_where_a_place_is_the_fastest() -> None:
    fast = PLACE.replace("latency_s = 0.004", "latency_s = 1e-4")
    points = Points.of(grid(LADDER, parse_platform("board", GOOD + fast)))
    assert Limits.of(points).highest_hz[-1] == 1e9
    unset = replace(points, frequency_hz=0 * points.frequency_hz)
    assert Limits.of(unset).highest_hz == (math.inf,) * 3
