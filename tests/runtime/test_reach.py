"""Places elsewhere: chosen, lost, fallen back from, and tried again at a limited rate."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sarto.devices.platforms import parse_platform
from sarto.runtime.files import read_trace
from sarto.runtime.goal import Goal
from sarto.runtime.log import Log, sentences
from sarto.runtime.manager import Changes, Manager
from sarto.runtime.points import Points, Variant, grid
from sarto.runtime.reach import Reach
from sarto.runtime.scenarios import Limits, Scenario, drawn
from sarto.runtime.simulate import simulate
from tests.devices.test_places import PLACE
from tests.devices.test_platforms import GOOD

BOARD = parse_platform("mine", GOOD + PLACE)
POINTS = Points.of(grid([Variant("half", 0.63, 0.5), Variant("whole", 0.71, 1.0)], BOARD))
THERE = POINTS.clusters.index("gateway")


def scenario(up: list[bool], deadline: float = 1.0) -> Scenario:
    n = len(up)
    ones = np.ones(n)
    reached = np.ones((n, 2), bool)
    reached[:, THERE] = up
    return Scenario(
        "plain", deadline * ones, 0.7 * ones, np.inf * ones, np.ones((n, 2)), ones, np.inf * ones, np.full(n, -1),
        0 * ones, reached,
    )  # fmt: skip


def places(run_index: np.ndarray) -> list[str]:
    return [POINTS.clusters[int(POINTS.cluster[i])] for i in run_index]


def test_every_variant_can_run_at_every_place() -> None:
    names = [p.name for p in POINTS.points if "place" in p.settings]
    assert names == ["half at gateway over ble_1m", "whole at gateway over ble_1m"]
    assert POINTS.places == {THERE: "gateway"}
    assert POINTS.remote.sum() == 2
    assert {p.find("energy").how for p in POINTS.points if "place" in p.settings} == {"estimated"}


def test_the_manager_goes_where_least_is_spent_and_back_when_the_link_is_lost(tmp_path: Path) -> None:
    log = Log(tmp_path / "decisions.jsonl")
    run = simulate(POINTS, BOARD, scenario([True] * 3 + [False] * 24 + [True] * 12), "min_energy", log=log)
    where = places(run.index)
    assert where[:3] == ["gateway"] * 3
    assert where[3:27] == ["big"] * 24
    assert where[-1] == "gateway"
    # 20 times the timeout of .5 s lie between the first two tries, 40 times between the next.
    assert np.flatnonzero(run.unanswered).tolist() == [3, 14]
    whole = {name: i for i, name in enumerate(p.name for p in POINTS.points)}["whole on big at 1 GHz"]
    assert run.latency_s[3] == pytest.approx(0.5 + POINTS.latency_s[whole])
    assert run.energy_j[3] > 0.5 * POINTS.power_w[POINTS.remote].min()
    told = list(sentences(log.path))
    assert "Before it gateway did not answer: the link is taken for lost for a while." in told[1]
    assert json.loads(log.path.read_text().splitlines()[1])["unanswered"] == ["gateway"]


def test_an_oracle_knows_of_the_link() -> None:
    run = simulate(POINTS, BOARD, scenario([True, False, True]), "min_energy", oracle=True)
    assert places(run.index) == ["gateway", "big", "gateway"]
    assert run.unanswered.sum() == 0


def test_a_slow_place_says_nothing_of_this_device() -> None:
    manager = Manager(POINTS, "min_energy", changes=Changes.of(BOARD))
    first = manager.decide(Goal(1.0, 0.7))
    assert first.point.settings["place"] == "gateway"
    for _ in range(40):
        manager.observe(first, 30 * first.point["latency"])
    assert manager.levels()[THERE] == pytest.approx(30)
    assert manager.levels()[1 - THERE] == 1.0
    there = manager.decide(Goal(0.3, 0.7))
    assert "place" not in there.point.settings
    # What is known of a place fades while jobs run here, so that it is looked at again.
    for _ in range(200):
        manager.observe(there, there.point["latency"])
    assert manager.levels()[THERE] == pytest.approx(30 ** (0.98**200), rel=1e-6)
    assert manager.decide(Goal(0.3, 0.7)).point.settings["place"] == "gateway"


def test_waits_double_and_end_when_a_place_answers() -> None:
    reach = Reach(POINTS)
    for failures in range(1, 9):
        reach.failed("gateway", 100.0, 0.5)
        lost = reach.lost["gateway"]
        assert (lost.failures, lost.wait_s) == (failures, 10.0 * 2 ** min(failures - 1, 2))
    left = reach.available(139.0)
    assert left is not None
    assert (left == ~POINTS.remote).all()
    assert reach.available(140.0) is None
    reach.answered("gateway")
    assert reach.lost == {}


@pytest.mark.parametrize("cost", [float("nan"), -3.0, 0.0])
def test_a_clock_that_jumps_neither_shuts_a_place_for_ever_nor_opens_it_at_once(cost: float) -> None:
    reach = Reach(POINTS)
    reach.failed("gateway", 1e6, cost)
    assert reach.lost["gateway"].wait_s == pytest.approx(0.02)
    assert reach.available(0.0) is not None  # the clock went back
    assert reach.available(0.021) is None


def test_links_of_a_drawn_scenario_work_for_the_share_that_is_stated_and_change_nothing_else() -> None:
    limits = Limits.of(POINTS)
    plain, linked = (drawn(20000, limits, clusters=2, seed=3, elsewhere=e) for e in ({}, {THERE: 0.7}))
    assert linked.up is not None
    assert linked.up[:, THERE].mean() == pytest.approx(0.7, abs=0.1)
    assert linked.up[:, 1 - THERE].all()
    for name in ("deadline_s", "accuracy", "power_w", "noise", "highest_hz"):
        assert (getattr(plain, name) == getattr(linked, name)).all()
    assert (plain.slowdown[:, 1 - THERE] == linked.slowdown[:, 1 - THERE]).all()


def test_a_trace_names_the_place_that_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "trace.csv"
    path.write_text("jobs,deadline_s,lost\n2,0.5,\n1,0.5,gateway\n")
    found = read_trace(path, POINTS.clusters)
    assert found.up is not None
    assert found.up[:, THERE].tolist() == [True, True, False]
