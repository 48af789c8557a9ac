"""Monitors on folders that stand in for the kernel's: what is read, in which unit, and why something is not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from sarto.measure.monitors import Battery, Hwmon, Pressure, ProcessTime, Rapl, Thermal, monitors


def put(root: Path, **files: str) -> Path:
    """Write files; a double underscore in a name is a slash."""
    for name, text in files.items():
        path = root / name.replace("__", "/").replace("RAPL", "intel-rapl:")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


def test_what_a_machine_lacks_is_a_state_and_no_number(tmp_path: Path) -> None:
    for name, monitor in monitors(tmp_path, tmp_path).items():
        found = monitor.read()
        assert (found.value, found.how) == (None, "unavailable"), name
        assert found.source
        assert "unavailable" in str(found)


def ticking(*times: float) -> Callable[[], float]:
    return iter(times).__next__


def test_power_is_energy_over_time_of_all_packages_and_of_no_part(tmp_path: Path) -> None:
    zones = {"class__powercap__RAPL0__energy_uj": "1000000", "class__powercap__RAPL1__energy_uj": "5000000"}
    put(tmp_path, **zones, **{"class__powercap__RAPL0:0__energy_uj": "7"})
    rapl = Rapl(tmp_path, ticking(10.0, 12.0))
    assert rapl.read().source == "a counter of energy has to be read twice"
    put(tmp_path, class__powercap__RAPL0__energy_uj="7000000", class__powercap__RAPL1__energy_uj="9000000")
    found = rapl.read()
    assert (found.value, found.unit, found.how) == (5.0, "W", "measured")


def test_a_counter_that_began_again_is_understood(tmp_path: Path) -> None:
    put(
        tmp_path,
        class__powercap__RAPL0__energy_uj="99000000",
        class__powercap__RAPL0__max_energy_range_uj="100000000",
    )
    rapl = Rapl(tmp_path, ticking(0.0, 1.0, 2.0))
    rapl.read()
    put(tmp_path, class__powercap__RAPL0__energy_uj="3000000")
    assert rapl.read().value == pytest.approx(4.0)
    (tmp_path / "class/powercap/intel-rapl:0/max_energy_range_uj").unlink()
    put(tmp_path, class__powercap__RAPL0__energy_uj="1000000")
    assert rapl.read().source == "a counter of energy went back"


def test_a_clock_that_does_not_move_or_a_package_that_vanishes_is_no_power(tmp_path: Path) -> None:
    put(tmp_path, class__powercap__RAPL0__energy_uj="1", class__powercap__RAPL1__energy_uj="1")
    rapl = Rapl(tmp_path, ticking(5.0, 5.0, 4.0, 6.0, 7.0))
    assert [rapl.read().value for _ in range(3)] == [None] * 3
    (tmp_path / "class/powercap/intel-rapl:1/energy_uj").unlink()
    assert rapl.read().value is None
    assert rapl.read().value == 0.0


def test_what_may_not_be_read_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, class__powercap__RAPL0__energy_uj="1")
    read = Path.read_text

    def refused(path: Path, *args: str, **more: str) -> str:
        if path.name == "energy_uj":
            raise PermissionError(13, "Permission denied")
        return read(path, *args, **more)

    monkeypatch.setattr(Path, "read_text", refused)
    assert "may not be read by this user" in Rapl(tmp_path).read().source


def test_sensors_of_a_board_are_added_up(tmp_path: Path) -> None:
    put(tmp_path, class__hwmon__hwmon0__power1_input="2500000", class__hwmon__hwmon0__power2_input="500000")
    put(tmp_path, class__hwmon__hwmon1__in1_input="5000", class__hwmon__hwmon1__curr1_input="300")
    put(tmp_path, class__hwmon__hwmon2__temp1_input="40000", class__hwmon__hwmon2__curr1_input="300")
    assert Hwmon(tmp_path).read().value == pytest.approx(3.0 + 1.5)


def test_the_hottest_zone_and_the_emptiest_battery(tmp_path: Path) -> None:
    put(
        tmp_path, class__thermal__thermal_zone0__temp="41000\n", class__thermal__thermal_zone1__temp="67500\n"
    )
    put(tmp_path, class__power_supply__BAT0__capacity="80", class__power_supply__BAT1__capacity="35")
    assert str(Thermal(tmp_path).read()) == "temperature 67.5 degC (measured)"
    assert Thermal(tmp_path).read().source == "thermal_zone1"
    assert (Battery(tmp_path).read().value, Battery(tmp_path).read().source) == (35, "BAT1")


@pytest.mark.parametrize("text", ["", "nan", "hot", "\n"])
def test_a_file_without_a_number_is_no_reading(tmp_path: Path, text: str) -> None:
    put(tmp_path, class__thermal__thermal_zone0__temp=text, class__power_supply__BAT0__capacity=text)
    assert "holds no number" in Thermal(tmp_path).read().source
    assert Battery(tmp_path).read().value is None


def test_a_charge_beyond_reason_is_none(tmp_path: Path) -> None:
    put(tmp_path, class__power_supply__BAT0__capacity="255")
    assert Battery(tmp_path).read().value is None


def test_pressure_is_that_of_some(tmp_path: Path) -> None:
    put(
        tmp_path,
        pressure__cpu="some avg10=12.50 avg60=1.00 avg300=0.20 total=1\nfull avg10=3.00 avg60=0 avg300=0 total=1\n",
    )
    found = Pressure(tmp_path).read()
    assert (found.value, found.how) == (0.125, "measured")
    put(tmp_path, pressure__cpu="nothing")
    assert "is not understood" in Pressure(tmp_path).read().source


def test_cores_in_use() -> None:
    monitor = ProcessTime(ticking(1.0, 3.0, 3.0), ticking(0.0, 3.0, 4.0))
    assert monitor.read().value is None
    assert monitor.read().value == pytest.approx(1.5)
    assert monitor.read().value is None
