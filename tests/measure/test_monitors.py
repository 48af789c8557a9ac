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


def zones(root: Path, **energies: int) -> None:
    """Write a zone of RAPL for each name; a double underscore in it is a dash."""
    for number, (name, energy) in enumerate(energies.items()):
        put(root, **{f"class__powercap__RAPL{number}__energy_uj": str(energy)})
        put(root, **{f"class__powercap__RAPL{number}__name": name.replace("__", "-") + "\n"})


def test_the_platform_holds_the_packages_and_is_read_only_without_them(tmp_path: Path) -> None:
    both, alone = tmp_path / "both", tmp_path / "alone"
    zones(both, package__0=0, psys=0, package__1=0)
    zones(alone, psys=0, dram=0)
    meters = [Rapl(root, ticking(0.0, 2.0)) for root in (both, alone)]
    assert [meter.read().value for meter in meters] == [None, None]
    zones(both, package__0=20_000_000, psys=50_000_000, package__1=10_000_000)
    zones(alone, psys=8_000_000, dram=1_000_000)
    found = [meter.read() for meter in meters]
    assert [one.value for one in found] == [15.0, 4.0]
    assert [one.source for one in found] == [
        "intel-rapl, the whole package",
        "intel-rapl psys, the whole platform",
    ]


def sensors(root: Path, number: int, chip: str, **files: object) -> None:
    """Write the files of a chip of hwmon."""
    named = {f"class__hwmon__hwmon{number}__{name}": f"{value}\n" for name, value in files.items()}
    put(root, **{f"class__hwmon__hwmon{number}__name": f"{chip}\n"}, **named)


def test_sensors_of_a_board_are_added_up(tmp_path: Path) -> None:
    sensors(tmp_path, 0, "ina219", power1_input=2500000, in1_input=5000, curr1_input=500)
    sensors(tmp_path, 1, "ina226", power1_input=500000, power1_label="camera")
    # Nothing says that in1 and curr1 of any chip belong together.
    sensors(tmp_path, 2, "another", in1_input=5000, curr1_input=300)
    found = Hwmon(tmp_path).read()
    assert found.value == pytest.approx(3.0)
    assert found.source == "hwmon, ina219 power1 (hwmon0) + camera (hwmon1)"


def test_only_the_channels_of_an_ina3221_are_power_and_not_their_sum_or_shunts(tmp_path: Path) -> None:
    # As the kernel lists it: three rails of 5 V and 0.5 A over 10 mOhm; in4 to in6 in uV, curr4 the sum.
    volts = {f"in{n}_input": 5000 for n in range(1, 8)}
    amperes = {f"curr{n}_input": 500 for n in (1, 2, 3)}
    sensors(tmp_path, 0, "ina3221", **volts, **amperes, curr4_input=1500)
    assert Hwmon(tmp_path).read().value == pytest.approx(7.5)
    sensors(tmp_path, 0, "ina3221", in2_label="NC")
    (tmp_path / "class/hwmon/hwmon0/curr3_input").write_text("")  # as where a channel is off
    found = Hwmon(tmp_path).read()
    assert (found.value, found.source) == (pytest.approx(2.5), "hwmon, ina3221 1 (hwmon0)")


def test_the_supply_of_a_whole_jetson_is_read_alone(tmp_path: Path) -> None:
    rails = {"VDD_CPU_GPU_CV": 400, "VDD_IN": 1000, "VDD_SOC": 200}
    for n, (label, current) in enumerate(rails.items(), 1):
        files = {f"in{n}_label": label, f"in{n}_input": 5000, f"curr{n}_input": current}
        sensors(tmp_path, 3, "ina3221", **files)
    found = Hwmon(tmp_path).read()
    assert (found.value, found.source) == (pytest.approx(5.0), "hwmon, VDD_IN")
    (tmp_path / "class/hwmon/hwmon3/curr2_input").unlink()
    found = Hwmon(tmp_path).read()
    assert (found.value, found.source) == (None, "the sensor of VDD_IN holds no number")


def test_a_jetson_with_jetpack_4_is_read(tmp_path: Path) -> None:
    folder = "bus__i2c__drivers__ina3221x__6-0040__iio:device0__"
    for n, milliwatts in enumerate((2500, 400, 900)):
        put(tmp_path, **{f"{folder}in_power{n}_input": f"{milliwatts}\n"})
    found = Hwmon(tmp_path).read()
    assert (found.value, found.source) == (pytest.approx(3.8), "hwmon, 6-0040 0 + 6-0040 1 + 6-0040 2")
    for n, rail in enumerate(("POM_5V_IN", "POM_5V_GPU", "POM_5V_CPU")):
        put(tmp_path, **{f"{folder}rail_name_{n}": f"{rail}\n"})
    found = Hwmon(tmp_path).read()
    assert (found.value, found.source) == (2.5, "hwmon, POM_5V_IN")


def test_the_hottest_zone_and_the_emptiest_battery(tmp_path: Path) -> None:
    put(
        tmp_path, class__thermal__thermal_zone0__temp="41000\n", class__thermal__thermal_zone1__temp="67500\n"
    )
    put(tmp_path, class__power_supply__BAT0__capacity="80", class__power_supply__BAT1__capacity="35")
    assert str(Thermal(tmp_path).read()) == "temperature 67.5 degC (measured)"
    assert Thermal(tmp_path).read().source == "thermal_zone1"
    assert (Battery(tmp_path).read().value, Battery(tmp_path).read().source) == (35, "BAT1")


def test_the_battery_of_a_mouse_is_none_of_the_machine(tmp_path: Path) -> None:
    mouse = "class__power_supply__hidpp_battery_0__"
    put(tmp_path, **{f"{mouse}capacity": "5", f"{mouse}scope": "Device\n"})
    assert str(Battery(tmp_path).read()) == "charge unavailable: no battery"
    put(tmp_path, class__power_supply__BAT0__capacity="90", class__power_supply__BAT0__scope="System\n")
    assert Battery(tmp_path).read().value == 90


def test_a_zone_that_always_says_100_degrees_is_left_out(tmp_path: Path) -> None:
    put(
        tmp_path,
        class__thermal__thermal_zone1__temp="41000",
        class__thermal__thermal_zone1__type="CPU-therm\n",
    )
    put(
        tmp_path,
        class__thermal__thermal_zone4__temp="100000",
        class__thermal__thermal_zone4__type="PMIC-Die\n",
    )
    assert Thermal(tmp_path).read().value == 41.0


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
