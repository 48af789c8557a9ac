"""Regret against an oracle: by hand, in words, and of which policies there is none."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import sarto.runtime.policies as policies
from sarto.cli._regret import GOVERNORS, in_words, over
from sarto.devices.platforms import platform
from sarto.report.adapted import MORE
from sarto.runtime.points import Points, Variant, grid
from sarto.runtime.scenarios import Limits, drawn
from sarto.runtime.simulate import Summary, simulate

MINE = Summary(100, 0.075, 0.03, 0.02, 0.62, 0.10, 0.5)
BEST = Summary(100, 0.060, 0.01, 0.005, 0.64, 0.04, 0.1)


def test_regret_is_what_is_taken_and_missed_over_the_oracle() -> None:
    assert dict(zip(MORE, over(MINE, BEST), strict=True)) == pytest.approx(
        {
            "more_energy": 0.25,
            "more_late": 0.02,
            "more_over": 0.015,
            "more_accuracy": -0.02,
            "more_below": 0.06,
        }
    )
    assert in_words(MINE, BEST) == (
        "+25.0 % energy, -2.00 points of accuracy, +2.00 points late, +1.50 points over power and "
        "+6.00 points below accuracy"
    )


@pytest.mark.parametrize("mine", [math.nan, 0.075])
def test_without_energies_there_is_no_regret_of_energy(mine: float) -> None:
    unknown = replace(BEST, energy_j=math.nan)
    assert math.isnan(over(replace(MINE, energy_j=mine), unknown)[0])
    assert in_words(unknown, unknown) == "nothing"
    assert in_words(replace(unknown, late=0.02), unknown) == "+1.00 points late"


def test_there_is_no_oracle_of_governors_since_foresight_changes_nothing_for_them() -> None:
    room = Path(policies.__file__).parent
    built_on = [file.stem for file in room.glob("[a-z]*.py") if "policies._governor" in file.read_text()]
    assert sorted(built_on) == sorted(GOVERNORS)
    board = platform("odroid_xu3")
    points = Points.of(grid([Variant("half", 0.63, 0.5), Variant("whole", 0.71, 1.0)], board))
    scenario = drawn(300, Limits((0.6, 0.71), (0.3, 1.5)), clusters=2, seed=3)
    same: dict[str, bool] = {}
    for name in (*GOVERNORS, "min_energy"):
        blind, told = (
            simulate(points, board, scenario, name, oracle=oracle).index for oracle in (False, True)
        )
        same[name] = bool(np.array_equal(blind, told))
    assert same == {name: name != "min_energy" for name in same}
