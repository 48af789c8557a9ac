"""Readings: monitors that fail mid-run, values that are no numbers, clocks that jump."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sarto.measure.monitors import Monitor, Reading, Thermal
from sarto.runtime.readings import Readings


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


def test_nothing_is_read_without_monitors() -> None:
    assert Readings({}).now(0.0) == {}
    with pytest.raises(KeyError):
        Readings({}).now(0.0)["power"]
