"""What `sarto adapt` tells beside figures: of a mean energy that was not kept, and which scenario charts are of."""

from __future__ import annotations

from pathlib import Path

import pytest

from sarto.core.units import format_quantity
from tests.cli.stand_in import call
from tests.cli.test_adapt import LADDER


@pytest.fixture(autouse=True)
def ladder(folder: Path) -> None:
    (folder / "ladder.csv").write_text(LADDER)


@pytest.mark.parametrize(("budget", "broken"), [("1mJ", True), ("60mJ", False)])
def test_a_mean_energy_that_cannot_be_kept_is_warned_of(budget: str, broken: bool) -> None:
    words = ("adapt", "ladder.csv", "--platform", "odroid_xu3", "--jobs", "200")
    shown = call(*words, "--policies", "energy_budget", "--mean-energy", budget)
    assert (f"where {format_quantity(1e-3, 'J')} was allowed" in shown.stdout) == broken
    assert shown.exit_code == 0


@pytest.mark.parametrize("scenarios", [1, 2])
def test_the_page_says_which_scenario_its_charts_are_of(scenarios: int) -> None:
    words = ("adapt", "ladder.csv", "--platform", "jetson_nano", "--jobs", "40", "-o", "out")
    assert call(*words, "--scenarios", f"{scenarios}").exit_code == 0
    page = Path("out/adaptation.html").read_text(encoding="utf-8")
    assert ("the jobs of the first scenario alone" in page) == (scenarios > 1)
