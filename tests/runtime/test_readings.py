"""Readings: monitors that fail mid-run, values that are no numbers, clocks that jump."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sarto.devices.platforms import platform
from sarto.measure.monitors import Monitor, Reading, Thermal
from sarto.measure.power_model import ModelPower
from sarto.runtime.advice import Advisor
from sarto.runtime.knobs import Knobs
from sarto.runtime.manager import Manager
from sarto.runtime.metrics import metrics
from sarto.runtime.points import Points, Variant, grid
from sarto.runtime.readings import Readings
from sarto.runtime.session import session


@dataclass
class Meter:
    """Says one value after the other; an exception is raised."""

    values: list[float | Exception] = field(default_factory=list[float | Exception])

    def read(self) -> Reading:
        value = self.values.pop(0)
        if isinstance(value, Exception):
            raise value
        return Reading("power", value, "W", "measured", "meter")


def test_a_monitor_that_fails_is_unavailable_with_the_reason_and_comes_back() -> None:
    meter: Monitor = Meter([1.5, OSError("unplugged"), float("nan"), KeyError(), 2.5])
    found = Readings({"meter": meter})
    told = [found.now(float(second))["meter"] for second in range(5)]
    assert [one.value for one in told] == [1.5, None, None, None, 2.5]
    assert [one.source for one in told[1:4]] == ["unplugged", "nan was read", "KeyError"]


def test_a_file_that_vanishes_is_a_state(tmp_path: Path) -> None:
    zone = tmp_path / "class/thermal/thermal_zone0/temp"
    zone.parent.mkdir(parents=True)
    zone.write_text("50000")
    found = Readings({"thermal": Thermal(tmp_path)})
    assert found.now(0.0)["thermal"].value == 50.0
    zone.unlink()
    assert str(found.now(2.0)["thermal"]) == "temperature unavailable: no thermal zone"


def test_it_is_read_no_more_often_than_it_says_whatever_the_clock_does() -> None:
    found = Readings({"meter": Meter([1.0, 2.0, 3.0])}, every_s=1.0)
    assert [found.now(t)["meter"].value for t in (10.0, 10.9, 11.0, 5.0, 5.5)] == [1.0, 1.0, 2.0, 3.0, 3.0]


def test_power_by_a_model_is_estimated_in_a_session_and_in_metrics() -> None:
    board = platform("odroid_xu3")
    points = Points.of(grid([Variant("half", 0.63, 0.5), Variant("whole", 0.71, 1.0)], board))
    now = [0.0]
    model = ModelPower(board, clock=lambda: now[0])

    def work(seconds: float) -> None:
        now[0] += seconds

    ladder = {name: model.over(work) for name in ("half", "whole")}
    manager = Manager(points, "min_energy")
    with session(manager, ladder, wanted=model.at, monitors={"model": model}) as s:
        s.clock = lambda: now[0]
        s.require(deadline="400ms", accuracy=0.65)
        s.infer(0.3)
        assert s.last is not None
        now[0] += 0.7
        found = s.readings["model"]
    assert found.value == pytest.approx(0.3 * s.last.point["power"])
    asked = Advisor(manager, Knobs(()), readings=Readings({"model": model}), wanted=model.at)
    asked.clock = lambda: now[0]
    asked.decide({"deadline": "400ms", "accuracy": 0.65})
    ladder["whole"](0.4)
    assert asked.last is not None
    lines = metrics(asked).splitlines()
    assert 'sarto_monitor_state{monitor="model",state="estimated"} 1' in lines
    assert 'sarto_monitor_state{monitor="model",state="measured"} 0' in lines
    watts = f"{asked.last.point['power']:.9g}"
    assert f'sarto_reading{{monitor="model",what="power",unit="W",how="estimated"}} {watts}' in lines


def test_nothing_is_read_without_monitors() -> None:
    assert Readings({}).now(0.0) == {}
    with pytest.raises(KeyError):
        Readings({}).now(0.0)["power"]
