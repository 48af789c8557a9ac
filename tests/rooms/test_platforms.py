"""The suite that every platform file passes: sourced numbers that agree with each other, and can be run on."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from sarto.devices.platforms import TOLERANCE, platform, platforms
from sarto.runtime.points import Points, Variant, between, grid
from sarto.runtime.scenarios import Limits, drawn
from sarto.runtime.simulate import simulate

pytestmark = pytest.mark.parametrize("name", platforms())


def test_every_number_has_a_source(name: str) -> None:
    found = platform(name)
    assert (found.name, bool(found.title), bool(found.job), bool(found.notes)) == (name, True, True, True)
    for cost, unit in ((found.idle_w, "W"), (found.frequency_change_s, "s"), (found.move_s, "s")):
        assert cost.unit == unit
        assert len(cost.source) > 20
    for cluster in found.clusters:
        assert len(cluster.source) > 20
        assert cluster.cores >= 1
        assert {setting.cores <= cluster.cores for setting in cluster.settings} == {True}


def test_a_higher_clock_is_faster_and_draws_more(name: str) -> None:
    for cluster in platform(name).clusters:
        for low, high in pairwise(cluster.settings):
            assert low.frequency_hz < high.frequency_hz
            assert low.latency_s > high.latency_s
            assert low.power_w < high.power_w


def test_what_does_not_agree_is_told(name: str) -> None:
    for finding in platform(name).findings:
        assert finding.severity == "warning"
        shown = re.search(r"\(([+-][\d.]+) %\)", finding.text)
        assert shown
        assert abs(float(shown[1])) > 100 * TOLERANCE


def test_clocks_in_between_lie_between_those_that_are_stated(name: str) -> None:
    stated = platform(name)
    filled = between(stated, 100e6)
    assert len(filled.settings) > len(stated.settings)
    for before, after in zip(stated.clusters, filled.clusters, strict=True):
        assert set(before.settings) <= set(after.settings)
        assert {one.how for one in set(after.settings) - set(before.settings)} == {"estimated"}
        ends = before.settings[0], before.settings[-1]
        assert all(ends[0].frequency_hz <= one.frequency_hz <= ends[1].frequency_hz for one in after.settings)
        for low, high in pairwise(after.settings):
            assert low.power_w < high.power_w
            # Estimates are not forced through what is stated; no clock is out of order by more than their error.
            assert high.latency_s < 1.015 * low.latency_s


def test_jobs_run_on_it(name: str) -> None:
    device = platform(name)
    points = Points.of(grid([Variant("half", 0.6, 0.5), Variant("whole", 0.7, 1.0)], device))
    scenario = drawn(60, Limits.of(points), clusters=len(points.clusters), seed=1)
    run = simulate(points, device, scenario, "min_energy", oracle=True)
    assert run.summary().jobs == 60
    assert (run.energy_j > 0).all()
