"""A manager that answers others: questions and answers as plain values, and what cannot be understood."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sarto.core.errors import SartoError
from sarto.core.points import OperatingPoint
from sarto.devices.platforms import parse_platform, platform
from sarto.measure.monitors import Thermal
from sarto.runtime.advice import MOST_TICKETS, Advisor
from sarto.runtime.knobs import Call, Knobs
from sarto.runtime.log import Log, sentences
from sarto.runtime.manager import Manager
from sarto.runtime.metrics import metrics
from sarto.runtime.points import Points, Variant, grid
from sarto.runtime.readings import Readings
from sarto.runtime.serving import state
from tests.devices.test_places import PLACE
from tests.devices.test_platforms import GOOD

POINTS = Points.of(
    grid([Variant("half", 0.63, 0.5), Variant("whole", 0.71, 1.0)], parse_platform("m", GOOD + PLACE))
)


def advisor(**more: Any) -> Advisor:
    return Advisor(Manager(POINTS, "min_energy"), more.pop("knobs", Knobs(())), **more)


def high(_point: OperatingPoint) -> dict[str, str]:
    return {"level": "high"}


def test_it_answers_and_learns_and_logs(tmp_path: Path) -> None:
    log = Log(tmp_path / "decisions.jsonl")
    level = ["low"]
    knobs = Knobs([Call("level", lambda: level[0], lambda text: level.__setitem__(0, text))])
    asked = advisor(knobs=knobs, wanted=high, log=log, clock=lambda: 0.0)
    first = asked.decide({"deadline": "300ms", "accuracy": 0.7})
    assert {k: first[k] for k in ("ticket", "variant", "place", "relaxed")} == {
        "ticket": 1, "variant": "whole", "place": "gateway", "relaxed": [],
    }  # fmt: skip
    assert first["knobs"] == [
        {"knob": "level", "wanted": "high", "got": "low", "state": "dry run", "why": ""}
    ]
    assert asked.observe({"ticket": 1, "latency_s": 0.5, "unreached": True}) == {"late": True, "jobs": 1}
    second = asked.decide({"deadline": "300ms", "accuracy": 0.7})
    assert (second["place"], second["cluster"], second["cores"], second["frequency_hz"]) == (
        "",
        "big",
        4,
        1e9,
    )
    assert asked.observe({"ticket": 2, "latency_s": 0.2}) == {"late": False, "jobs": 2}
    assert "gateway did not answer" in next(sentences(log.path))


@pytest.mark.parametrize(
    ("question", "said"),
    [
        ({"deadline": 0.4}, "deadline is 0.4"),
        ({"accuracy": "high"}, "accuracy is 'high'"),
        ({"accuracy": True}, "accuracy is True"),
        ({"dead_line": "4ms"}, "'dead_line' is no limit"),
        ({"relax": "accuracy"}, "relax is no list"),
        ({"relax": ["speed"]}, "may be named once"),
        ({"deadline": "4"}, "the unit is missing"),
        ({"deadline": "0ms"}, "above zero"),
    ],
)
def test_questions_that_cannot_be_answered(question: dict[str, Any], said: str) -> None:
    asked = advisor()
    with pytest.raises(SartoError) as caught:
        asked.decide(question)
    assert said in f"{caught.value}"
    assert asked.decide({})["ticket"] == 1


@pytest.mark.parametrize(
    "told",
    [
        {"ticket": 1}, {"ticket": "1", "latency_s": 1}, {"ticket": 1, "latency_s": float("nan")}, {"latency_s": 1},
        {"ticket": 1, "latency_s": -1}, {"ticket": 9, "latency_s": 1}, {"ticket": 1, "latency_s": 1, "x": 1},
        {"ticket": 1, "latency_s": True}, {"ticket": 1, "unreached": False}, {"unreached": True},
        {"ticket": 1, "latency_s": None, "unreached": True}, {"ticket": 1, "latency_s": 1, "unreached": "yes"},
    ],
)  # fmt: skip
def test_what_is_told_wrongly_is_refused_and_the_ticket_stays(told: dict[str, Any]) -> None:
    asked = advisor()
    asked.decide({})
    with pytest.raises(SartoError, match="E179"):
        asked.observe(told)
    assert asked.observe({"ticket": 1, "latency_s": 0.1})["jobs"] == 1
    with pytest.raises(SartoError, match="E179"):  # a ticket is good once
        asked.observe({"ticket": 1, "latency_s": 0.1})


def test_a_place_that_did_not_answer_is_told_of_by_its_ticket_alone() -> None:
    now = [10.0]
    asked = advisor(clock=lambda: now[0])
    assert asked.decide({"deadline": "300ms"})["place"] == "gateway"
    now[0] += 0.25
    assert asked.observe({"ticket": 1, "unreached": True}) == {"late": True, "jobs": 1}
    assert asked.reach.lost["gateway"].wait_s == pytest.approx(20 * 0.25)  # since the decision


def test_this_device_cannot_be_unreached_and_the_ticket_stays() -> None:
    asked = advisor(clock=lambda: 0.0)
    asked.decide({})
    asked.observe({"ticket": 1, "unreached": True})
    assert asked.decide({})["place"] == ""
    with pytest.raises(SartoError, match="is on this device"):
        asked.observe({"ticket": 2, "unreached": True})
    assert (asked.counts.jobs, asked.counts.late, asked.counts.unreached, asked.tickets) == (1, 1, 1, 1)
    assert asked.observe({"ticket": 2, "latency_s": 0.1})["jobs"] == 2


def test_governors_see_the_load_of_those_who_ask() -> None:
    now = [0.0]
    here = Points.of(grid([Variant("whole", 0.71, 1.0)], platform("odroid_xu3")))
    asked = Advisor(Manager(here, "schedutil"), Knobs(()), clock=lambda: now[0])
    took = {point.name: point["latency"] for point in here.points}
    chosen: list[str] = []
    for job in range(12):
        now[0] = 2.0 * job
        said = asked.decide({})
        chosen.append(said["point"])
        asked.observe({"ticket": said["ticket"], "latency_s": took[said["point"]]})
    assert (chosen[0], chosen[1], chosen[-1]) == (
        "whole on a15 at 1.8 GHz", "whole on a15 at 1.8 GHz", "whole on a15 at 200 MHz",
    )  # fmt: skip


def test_a_point_of_which_a_knob_is_refused_is_not_told_again_until_it_may_be_had() -> None:
    def put(text: str) -> None:
        if hot and text == "2e+09":
            raise PermissionError("too hot")
        level[0] = text

    def wanted(point: OperatingPoint) -> dict[str, str]:
        return {} if "place" in point.settings else {"clock": f"{point.settings['frequency_hz']:g}"}

    now, level, hot = [0.0], ["2e+08"], ["hot"]
    knobs = Knobs([Call("clock", lambda: level[0], put)], act=True)
    here = Points.of(grid([Variant("whole", 0.71, 1.0)], parse_platform("m", GOOD)))
    asked = Advisor(Manager(here, "performance"), knobs, wanted, clock=lambda: now[0])
    for _ in range(3):
        said = asked.decide({})
        assert said["frequency_hz"] == 1e9
        assert said["knobs"][0]["state"] in ("set", "unchanged")
        assert state(asked)["refused"]["clock at 2e+09"]["failures"] == 1
        assert 'sarto_knob_refused{knob="clock",wanted="2e+09"} 1' in metrics(asked)
    hot.clear()
    now[0] += 1.0
    assert asked.decide({})["frequency_hz"] == 2e9
    assert state(asked)["refused"] == {}
    assert "sarto_knob_refused{" not in metrics(asked)


def test_where_all_knobs_are_refused_the_answer_and_the_log_say_so(tmp_path: Path) -> None:
    def put(_text: str) -> None:
        raise PermissionError("only root may")

    log = Log(tmp_path / "decisions.jsonl")
    knobs = Knobs([Call("level", lambda: "low", put)], act=True)
    asked = advisor(knobs=knobs, wanted=high, log=log, clock=lambda: 0.0)
    for ticket in (1, 2):
        said = asked.decide({"deadline": "300ms", "accuracy": 0.7})
        assert (said["ticket"], said["variant"]) == (ticket, "whole")
        assert said["knobs"] == [
            {"knob": "level", "wanted": "high", "got": "low", "state": "refused", "why": "only root may"}
        ]
        asked.observe({"ticket": ticket, "latency_s": 0.1})
    (told,) = sentences(log.path)
    assert "Knobs were refused at every point that was left: they stayed as they were." in told


def test_a_line_of_the_log_says_what_was_known_when_the_ticket_was_given(tmp_path: Path) -> None:
    log = Log(tmp_path / "decisions.jsonl")
    asked = advisor(log=log, clock=lambda: 0.0)
    for _ in range(2):
        asked.decide({"deadline": "300ms"})
    for ticket in (1, 2):
        asked.observe({"ticket": ticket, "latency_s": 5.0})
    asked.decide({"deadline": "300ms"})
    asked.observe({"ticket": 3, "latency_s": 5.0})
    slow = [json.loads(line)["slowdown"] for line in log.path.read_text().splitlines()]
    assert slow[:2] == pytest.approx([1.0, 1.0])
    assert asked.manager.levels().max() > 2


def test_tickets_that_nobody_comes_back_with_do_not_pile_up() -> None:
    asked = advisor()
    for _ in range(MOST_TICKETS + 5):
        asked.decide({})
    assert (asked.tickets, asked.counts.dropped) == (MOST_TICKETS, 5)
    with pytest.raises(SartoError, match="E179"):
        asked.observe({"ticket": 5, "latency_s": 0.1})
    assert asked.observe({"ticket": 6, "latency_s": 0.1})["jobs"] == 1


def test_metrics_say_how_each_reading_was_come_by(tmp_path: Path) -> None:
    asked = advisor(readings=Readings({"thermal": Thermal(tmp_path)}), clock=lambda: 5.0)
    text = metrics(asked)
    assert 'sarto_monitor_state{monitor="thermal",state="unavailable"} 1\n' in text
    assert "sarto_reading{" not in text
    zone = tmp_path / "class/thermal/thermal_zone0/temp"
    zone.parent.mkdir(parents=True)
    zone.write_text("48500")
    asked.clock = lambda: 7.0
    asked.decide({"deadline": "1s"})
    asked.observe({"ticket": 1, "latency_s": 2.0, "unreached": True})
    lines = metrics(asked).splitlines()
    assert 'sarto_reading{monitor="thermal",what="temperature",unit="degC",how="measured"} 48.5' in lines
    for wanted in ("sarto_jobs_total 1", "sarto_jobs_late_total 1", 'sarto_link_lost{place="gateway"} 1'):
        assert wanted in lines
    names = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert all(line.split("{")[0].split()[0] in names for line in lines if not line.startswith("#"))
