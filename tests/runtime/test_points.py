"""Operating points of variants on a platform, and clocks between those that are stated."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint
from sarto.devices.platforms import Setting, platform
from sarto.runtime.goal import Goal
from sarto.runtime.points import Points, Variant, between, grid

XU3 = platform("odroid_xu3")
LADDER = [Variant("quarter", 0.56, 0.25), Variant("whole", 0.712, 1.0)]


def test_a_share_of_the_work_takes_that_share_of_the_time_at_the_same_power() -> None:
    found = {p.name: p for p in grid(LADDER, XU3)}
    small, large = found["quarter on a7 at 1.3 GHz"], found["whole on a7 at 1.3 GHz"]
    assert small["latency"] == pytest.approx(0.07)
    assert (small["power"], large["latency"], large["power"]) == (0.329, 0.280, 0.329)
    assert small["energy"] == pytest.approx(0.25 * 0.280 * 0.329)
    assert [small.find(what).how for what in ("latency", "power", "energy")] == [
        "estimated",
        "declared",
        "estimated",
    ]
    assert {large.find(what).how for what in ("latency", "power", "energy")} == {"declared"}
    assert "in proportion to work, 0.25 of the job" in small.find("latency").tool


def test_one_ladder_on_several_platforms() -> None:
    counts = {name: len(grid(LADDER, platform(name))) for name in ("odroid_xu3", "jetson_nano")}
    assert counts == {"odroid_xu3": 12, "jetson_nano": 8}


@pytest.mark.parametrize("bad", [[], [LADDER[0], LADDER[0]]])
def test_a_ladder_needs_a_variant_and_names(bad: list[Variant]) -> None:
    with pytest.raises(SartoError, match="E116"):
        grid(bad, XU3)


@pytest.mark.parametrize(
    ("accuracy", "work"), [(math.nan, 1), (0.5, 0), (0.5, -1), (0.5, math.inf), (0.5, 1e300)]
)
def test_a_variant_has_finite_numbers(accuracy: float, work: float) -> None:
    with pytest.raises(SartoError, match="variant odd has accuracy"):
        Variant("odd", accuracy, work)


def test_power_between_the_stated_clocks_is_the_cubic_through_them() -> None:
    filled = {s.frequency_hz: s for s in between(XU3, 100e6).cluster("a15").settings}
    f = 1.4
    # The three published powers give these coefficients; see the fit of the same table elsewhere.
    assert filled[1.4e9].power_w == pytest.approx(0.2431 + 0.4065 * f + 0.1964 * f**3, rel=1e-3)
    assert filled[1.4e9].latency_s == pytest.approx((202.1 / f + 4.1) / 1e3, rel=5e-3)
    assert [filled[clock].how for clock in (1e9, 1.4e9)] == ["declared", "estimated"]


def test_two_stated_clocks_give_a_line_of_power() -> None:
    filled = between(platform("jetson_nano"), 100e6).cluster("a57").settings
    inside = next(s for s in filled if s.frequency_hz == 1.1e9)
    assert inside.power_w == pytest.approx(0.878 + (1.490 - 0.878) * (1100 - 921) / (1430 - 921))


def test_what_says_nothing_of_other_clocks_stays_alone() -> None:
    one = replace(XU3.clusters[0], settings=XU3.clusters[0].settings[:1])
    no_clock = replace(
        XU3.clusters[1], settings=(Setting("a7", 0.0, 2, 2.0, 0.6), Setting("a7", 0.0, 4, 1.0, 1.0))
    )
    same = replace(XU3, clusters=(one, no_clock))
    assert between(same, 100e6) == same
    with pytest.raises(SartoError, match="E116"):
        between(XU3, 0)


@pytest.mark.parametrize(
    ("step", "count"), [(1.0, "2,700,000,004"), (1e3, "2,700,004"), (27e3, "100,006"), (1e-300, "")]
)
def test_too_many_clocks_are_counted_and_not_laid_out(step: float, count: str) -> None:
    with pytest.raises(SartoError, match="E116") as caught:
        between(XU3, step)
    assert count in caught.value.cause
    assert "100 MHz" in caught.value.hint


def test_as_many_points_as_were_counted() -> None:
    filled = between(XU3, 1e6)
    # 200 MHz to 1.8 GHz, and 200 MHz to 1.3 GHz, both ends included
    assert len(filled.settings) == 1601 + 1101
    with pytest.raises(SartoError, match="E116") as caught:
        between(XU3, 1e6, variants=38)
    # what is counted are all multiples between the ends, the two stated ones (1 GHz, 700 MHz) among them
    assert "that gives some 102,752 points" in caught.value.cause
    variants = [Variant(str(number), 0.5, 1.0) for number in range(38)]
    with pytest.raises(SartoError, match="E116") as caught:
        grid(variants, filled)
    assert "longer step" in caught.value.hint


def point(**figures: float) -> OperatingPoint:
    return OperatingPoint(
        "p", {}, tuple(Evidence(what, v, "1", "measured", "t") for what, v in figures.items())
    )


def test_columns_of_points_that_a_user_brings() -> None:
    known = Points.of(
        [point(latency=0.1, accuracy=0.0), point(latency=0.2, accuracy=0.9, power=1.0, energy=0.2)]
    )
    assert known.clusters == ("",)
    assert not known.knows_power
    assert known.best == 0.9
    assert np.isnan(known.power_w[0])
    # What is not known does not matter until it is limited.
    both = np.ones(2, bool)
    assert known.lasting(Goal(accuracy=0.5), both).within.tolist() == [1]
    assert known.lasting(Goal(), both).within.tolist() == [0, 1]
    assert known.lasting(Goal(power_w=2.0), both).within.tolist() == [1]


def test_what_lasts_is_kept_until_goal_or_availability_change() -> None:
    known = Points.of([point(latency=0.1, accuracy=0.3), point(latency=0.2, accuracy=0.9)])
    goal, there = Goal(accuracy=0.5), np.ones(2, bool)
    first = known.lasting(goal, there)
    assert known.lasting(goal, there.copy()) is first
    there[1] = False  # in place
    assert not len(known.lasting(goal, there).within)
    assert known.lasting(Goal(accuracy=0.2), there).within.tolist() == [0]


@pytest.mark.parametrize(
    ("figures", "said"),
    [
        ({"latency": 0.1}, "no usable accuracy"),
        ({"accuracy": 0.1}, "no usable latency"),
        ({"latency": 0.0, "accuracy": 0.1}, "no usable latency"),
        ({"latency": math.inf, "accuracy": 0.1}, "no usable latency"),
        ({"latency": 1, "accuracy": 0.1, "power": -1}, "no usable power"),
    ],
)
def test_points_without_the_figures_that_decide_are_refused(figures: dict[str, float], said: str) -> None:
    with pytest.raises(SartoError, match=said):
        Points.of([point(**figures)])
    with pytest.raises(SartoError, match="no operating point"):
        Points.of([])
