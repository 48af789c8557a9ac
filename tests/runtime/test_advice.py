"""A manager that answers others: questions and answers as plain values, and what cannot be understood."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sarto.core.errors import SartoError
from sarto.core.points import OperatingPoint
from sarto.devices.platforms import parse_platform
from sarto.measure.monitors import Thermal
from sarto.runtime.advice import MOST_TICKETS, Advisor
from sarto.runtime.knobs import Call, Knobs
from sarto.runtime.log import Log, sentences
from sarto.runtime.manager import Manager
from sarto.runtime.metrics import metrics
from sarto.runtime.points import Points, Variant, grid
from sarto.runtime.readings import Readings
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
        {"ticket": 1, "latency_s": True}, {"ticket": 1, "latency_s": 1, "unreached": "yes"},
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
