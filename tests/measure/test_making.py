"""Energy and carbon of making a model: counters that are added up, estimates with their source, and nothing else."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from sarto.core.budget import better
from sarto.core.errors import SartoError
from sarto.core.units import parse_intensity
from sarto.devices.platforms import platform
from sarto.measure.making import Assumed, Meter, Spent, cost_rows, making_evidence
from sarto.measure.monitors import Hwmon, Rapl, Reading
from sarto.measure.power_model import ModelPower


class Watts:
    """A sensor that reads one power after another."""

    def __init__(self, *watts: float | None) -> None:
        self.left: Iterator[float | None] = iter(watts)

    def read(self) -> Reading:
        value = next(self.left)
        how = "measured" if value is not None else "unavailable"
        return Reading("power", value, "W", how, "a board" if value is not None else "it is gone")


def clock(*times: float) -> Iterator[float]:
    """Return times one after the other."""
    return iter(times)


def test_energy_is_power_times_the_time_between_readings() -> None:
    meter = Meter([Watts(100.0, 10.0, 20.0)], period_s=1e6, clock=clock(0.0, 0.0, 3.0, 5.0).__next__)
    meter.sample()
    joules, source = meter.taken()
    assert joules == 10.0 * 3.0 + 20.0 * 2.0
    assert source == "a board, and all that ran on it"


def test_a_counter_is_read_often_enough_not_to_start_again_twice(tmp_path: Path) -> None:
    zone = tmp_path / "class/powercap/intel-rapl:0"
    zone.mkdir(parents=True)
    (zone / "max_energy_range_uj").write_text("100000000")
    (zone / "energy_uj").write_text("90000000")
    times = clock(0.0, 0.0, 10.0, 20.0)
    ticks = clock(0.0, 10.0, 20.0)
    meter = Meter([Rapl(tmp_path, ticks.__next__), Hwmon(tmp_path)], 1e6, times.__next__)
    (zone / "energy_uj").write_text("30000000")
    meter.sample()
    (zone / "energy_uj").write_text("70000000")
    assert meter.taken() == (pytest.approx(80.0), "intel-rapl, the whole package, and all that ran on it")


def test_a_sensor_that_was_missing_once_gives_no_energy() -> None:
    meter = Meter([Watts(1.0, None, 1.0)], period_s=1e6, clock=clock(0.0, 0.0, 1.0, 2.0).__next__)
    meter.sample()
    assert meter.taken() == (None, "it is gone")


def test_power_by_a_model_is_no_measured_energy() -> None:
    model = ModelPower(platform("odroid_xu3"), clock(*[0.0] * 9).__next__)
    meter = Meter([model, Watts(2.0, 2.0)], period_s=1e6, clock=clock(0.0, 0.0, 3.0).__next__)
    assert meter.taken() == (6.0, "a board, and all that ran on it")
    alone = Meter([ModelPower(platform("odroid_xu3"))], period_s=1e6)
    joules, why = alone.taken()
    assert joules is None
    assert why.startswith("not measured: power model of Odroid XU3")


def test_nothing_watches_where_there_is_nothing_to_read_or_nobody_who_asks(tmp_path: Path) -> None:
    before = threading.active_count()
    assert Meter([Rapl(tmp_path), Hwmon(tmp_path)]).taken() == (None, "no counter of energy")
    assert threading.active_count() == before
    meter = Meter([Watts(*[1.0] * 1000)], period_s=0.01)
    threads = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    del meter
    gc.collect()
    for thread in threads:
        thread.join(5.0)
    assert threading.active_count() == before


def test_what_is_measured_goes_before_what_is_assumed_and_nothing_is_made_up() -> None:
    stated = Assumed.of("4 W, the data sheet", "250g/kWh, the operator, 2026")
    measured = {e.what: e for e in making_evidence(Spent(10.0, 5.0, 7.2e6, "rapl"), stated)}
    assert (measured["training energy"].value, measured["training energy"].how) == (7.2e6, "measured")
    assert (measured["training carbon"].value, measured["training carbon"].how) == (500.0, "estimated")
    assert "the operator, 2026" in measured["training carbon"].tool
    nothing = Spent(10.0, 5.0, None, "no counter of energy")
    estimated = {e.what: e for e in making_evidence(nothing, stated)}
    assert (estimated["training energy"].value, estimated["training energy"].how) == (20.0, "estimated")
    assert "the data sheet" in estimated["training energy"].tool
    assert [row[0] for row in cost_rows(tuple(estimated.values()))] == ["training energy", "training carbon"]
    only_grid = making_evidence(nothing, Assumed.of(None, "250g/kWh, the operator"))
    assert [e.what for e in only_grid] == ["training time", "training processor time"]


def test_what_making_took_is_no_figure_of_the_model() -> None:
    rows = making_evidence(Spent(1.0, 1.0, 1.0, ""), Assumed.of(None, "1g/kWh, x"))
    assert [better(e.what) for e in rows] == [""] * 4


@pytest.mark.parametrize(
    ("power", "carbon"),
    [
        ("15W", None),
        (None, "300g/kWh"),
        ("15, x", None),
        (None, "300, x"),
        (None, "0g/kWh, x"),
        (None, "3g, x"),
    ],
)
def test_a_figure_without_unit_or_source_is_refused(power: str | None, carbon: str | None) -> None:
    with pytest.raises(SartoError) as caught:
        Assumed.of(power, carbon)
    assert caught.value.code == "E110"


def test_an_intensity_is_of_grams_to_a_kilowatt_hour() -> None:
    assert parse_intensity("0.25 kg/kWh") == 250.0
