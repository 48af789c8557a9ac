"""Device files: found by name, refused when a field or a source is missing."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from sarto.core.device import Host
from sarto.core.errors import SartoError
from sarto.devices import _files, any_device, device, devices, image_device, microcontrollers, parse_device

GOOD = """
title = "A core"
target = "thumb-freestanding-eabi"
cpu = "cortex_m4"
emulator_cpu = "cortex-m4"

[flash]
origin = 0x08000000
size_b = 65536
source = "a data sheet"

[ram]
origin = 0x20000000
size_b = 8192
source = "a data sheet"

[clock_hz]
value = 80e6
source = "another"

[cycles]
source = "a manual"
assumes = "fast memory"
data = 1
load = [1, 3]
"""


def test_the_devices_of_now() -> None:
    assert {"cortex_m4", "cortex_m0plus"} <= set(devices())
    assert devices() == sorted(devices())


def test_a_file_becomes_a_device() -> None:
    found = image_device(parse_device("mine", GOOD))
    assert (found.name, found.title, found.cpu) == ("mine", "A core", "cortex_m4")
    assert (found.flash.origin, found.flash.size_b, found.flash.source) == (0x08000000, 65536, "a data sheet")
    assert (found.ram.origin, found.ram.size_b) == (0x20000000, 8192)
    assert found.clock_hz is not None
    assert (found.clock_hz.value, found.clock_hz.unit, found.clock_hz.source) == (80e6, "Hz", "another")
    assert found.cycles is not None
    assert found.cycles.entries == (("data", 1, 1), ("load", 1, 3))
    assert (found.cycles.source, found.cycles.assumes) == ("a manual", "fast memory")
    assert (found.cycles.of("data"), found.cycles.of("load")) == ((1, 1), (1, 3))
    assert found.gcc == ""
    assert image_device(parse_device("mine", 'gcc = "gcc -m32"' + GOOD)).gcc == "gcc -m32"
    assert found.energy_per_cycle_j is None


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "A core"\n', "", "title is missing"),
        ('title = "A core"', "title = 3", "title must be text"),
        ('title = "A core"', 'title = " "', "title must be text"),
        ('title = "A core"', 'title = "A core"\nwatts = 3', "watts: no such field"),
        ("[flash]", "[rom]", "flash is missing"),
        ('source = "another"\n', "", "clock_hz.source is missing"),
        ('source = "another"', 'source = ""', "clock_hz.source must be text"),
        ("value = 80e6", "value = 0", "clock_hz.value must lie between"),
        ("value = 80e6", 'value = "80"', "clock_hz.value must lie between"),
        ("value = 80e6", "value = inf", "clock_hz.value must lie between"),
        ("value = 80e6", "value = 1e-320", "clock_hz.value must lie between"),
        ("value = 80e6", "value = 80e6\nunit = 1", "clock_hz.unit: no such field"),
        ("size_b = 8192", "size_b = 8191", "ram must start at"),
        ("size_b = 8192", "size_b = 0", "ram must start at"),
        ("size_b = 8192", "size_b = 8192.0", "ram must start at"),
        ("size_b = 65536", "size_b = 0x100000000", "flash must start at"),
        ("origin = 0x20000000", "origin = 0x20000004", "ram must start at"),
        ("origin = 0x20000000", "origin = 0x200000000", "ram.origin must be an address"),
        ("[ram]", "[ram", "ram"),
        ('source = "a manual"\n', "", "cycles.source is missing"),
        ('assumes = "fast memory"', 'assumes = ""', "cycles.assumes must be text"),
        ("data = 1", "dada = 1", "cycles.dada: no such field"),
        ("data = 1", "data = -1", "cycles.data must be a whole number"),
        ("data = 1", "data = 1.5", "cycles.data must be a whole number"),
        ("load = [1, 3]", "load = [3, 1]", "cycles.load must be a whole number"),
        ("load = [1, 3]", "load = [1, 2, 3]", "cycles.load must be a whole number"),
        ("load = [1, 3]", "load = []", "cycles.load must be a whole number"),
    ],
)
def test_a_wrong_file_is_refused_with_the_field(old: str, new: str, said: str) -> None:
    assert old in GOOD
    with pytest.raises(SartoError, match=r"E112.*mine\.toml") as caught:
        parse_device("mine", GOOD.replace(old, new, 1))
    assert said in caught.value.cause or (new == "[ram" and caught.value.cause)


HOST = 'title = "mine"\ntarget = "native"\ncpu = "baseline"\n'


def test_a_file_for_this_computer_is_a_host() -> None:
    assert parse_device("mine", HOST) == Host("mine", "mine", "baseline")
    assert parse_device("mine", HOST + 'notes = "slow"').notes == "slow"
    assert isinstance(any_device("host"), Host)
    assert set(devices()) - set(microcontrollers()) == {"host"}
    with pytest.raises(
        SartoError, match=r"E112.*no image is built for mine[\s\S]*choose one of cortex_m0plus"
    ):
        image_device(parse_device("mine", HOST))


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ('emulator_cpu = "cortex-m4"', "emulator_cpu: no such field"),
        ('[ram]\norigin = 0\nsize_b = 1024\nsource = "x"', "ram: no such field"),
        ('[clock_hz]\nvalue = 3e9\nsource = "x"', "clock_hz: no such field"),
    ],
)
def test_nothing_of_a_host_is_declared(more: str, said: str) -> None:
    with pytest.raises(SartoError, match="E112") as caught:
        parse_device("mine", f"{HOST}{more}\n")
    assert caught.value.cause == said


def test_a_file_of_the_users_is_given_by_its_path(tmp_path: Path) -> None:
    path = tmp_path / "my board.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert any_device(str(path)) == parse_device("my_board", GOOD)
    assert device(str(path)).name == "my_board"
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(SartoError, match=r"E111[\s\S]*it is no text"):
        any_device(str(path))
    with pytest.raises(SartoError, match=r"E111.*'none\.toml' cannot be read[\s\S]*one of cortex_m0plus"):
        any_device("none.toml")
    (tmp_path / "x.toml").mkdir()
    with pytest.raises(SartoError, match=r"E111.*'.*' cannot be read[\s\S]*directory"):
        any_device(str(tmp_path / "x.toml"))


def test_a_file_of_the_users_may_not_have_a_name_that_is_taken(tmp_path: Path) -> None:
    """Evidence says `flash on NAME`: two devices of one name would be compared as one."""
    path = tmp_path / "cortex_m4.toml"
    path.write_text(GOOD, encoding="utf-8")
    with pytest.raises(SartoError, match=r"E112.*has the name of another device[\s\S]*rename the file"):
        any_device(str(path))


def test_a_wrong_name_is_answered_with_the_nearest() -> None:
    with pytest.raises(SartoError, match=r"E111.*'cortex_m5'[\s\S]*did you mean cortex_m7\?"):
        device("cortex_m5")
    with pytest.raises(SartoError, match=r"E111[\s\S]*known: cortex_m0plus, cortex_m33, cortex_m4"):
        device("zzz")


def test_an_outside_package_admits_its_device(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "sarto_outside_devices"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "theirs.toml").write_text(GOOD, encoding="utf-8")
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])
    entry = EntryPoint("theirs", package.name, "sarto.devices")
    groups = {"sarto.devices": [entry]}

    def entry_points(group: str) -> list[EntryPoint]:
        return groups.get(group, [])

    monkeypatch.setattr(_files, "entry_points", entry_points)
    assert "theirs" in devices()
    assert device("theirs").title == "A core"


def test_devices_are_listed_without_numpy() -> None:
    code = "import sarto.devices, sys; sarto.devices.device('cortex_m4'); print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
