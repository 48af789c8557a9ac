"""`sarto devices`, `methods` and `explain`: what there is, and where it comes from."""

import json
from pathlib import Path
from typing import Any

import pytest

from sarto.core.device import Assumption, CycleTable, Device
from sarto.core.errors import error_pages
from sarto.core.rooms import methods
from sarto.devices import any_device, device, devices
from sarto.devices.platforms import platforms
from tests.cli.stand_in import call
from tests.devices.test_devices import GOOD


def test_devices_are_a_table() -> None:
    lines = call("devices").stdout.splitlines()
    assert lines[0].split()[0] == "device"
    assert [line.split()[0] for line in lines[1:]] == devices()
    assert all(any_device(name).title in line for name, line in zip(devices(), lines[1:], strict=True))
    (host,) = (line.split() for line in lines if line.startswith("host "))
    assert host == ["host", "this", "computer", "no", "limit", "no", "limit", "time", "(measured)"]


def test_this_computer_shows_what_is_measured_and_what_is_not() -> None:
    text = call("devices", "host").stdout
    assert text.startswith("host: this computer\ncompiled for native, -mcpu=native; run on ")
    assert [line.split("  ")[0] for line in text.splitlines()[4:8]] == [
        "flash, RAM",
        "time",
        "instructions",
        "energy",
    ]
    assert "not counted" in text and "not measured" in text
    assert json.loads(call("devices", "host", "--json").stdout)["ram"] is None


def test_a_device_of_the_users_is_shown_as_ours_are(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert call("devices", str(path)).stdout.startswith("mine: A core\n")
    wrong = call("devices", str(tmp_path / "none.toml"))
    assert (wrong.exit_code, wrong.stderr[:11]) == (2, "error[E111]")


def test_one_device_shows_the_source_of_each_number() -> None:
    text = call("devices", "cortex_m4").stdout
    shown = device("cortex_m4")
    assert text.startswith(f"cortex_m4: {shown.title}\n")
    for known in (shown.flash, shown.ram, shown.clock_hz, shown.energy_per_cycle_j, shown.cycles):
        assert known is not None and known.source in text
    assert "load multiple     1 to 2 cycles" in text
    assert "no source was opened" not in text
    assert call("devices", "rv32imc").stdout.count("no source was opened") == 2


def test_an_assumption_is_declared_with_its_source(monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    clock = Assumption(168e6, "Hz", "a data sheet, table 1")
    cycles = CycleTable((("data", 1, 1), ("load", 1, 3)), "a manual, p. 7", "fast memory")
    known = replace(device("cortex_m4"), clock_hz=clock, cycles=cycles, energy_per_cycle_j=None)

    def only(name: str) -> Device:
        return known

    monkeypatch.setattr("sarto.devices.any_device", only)
    text = call("devices", "cortex_m4").stdout
    assert "clock             168 MHz" in text
    assert "declared  a data sheet, table 1" in text
    assert "declared  a manual, p. 7; fast memory" in text
    assert "1 to 3 cycles" in text
    assert text.count("no source was opened") == 1
    assert "time (estimated)" in call("devices").stdout
    assert "energy (estimated)" not in call("devices").stdout


def test_devices_as_json() -> None:
    assert [d["name"] for d in json.loads(call("devices", "--json").stdout)] == devices()
    one = json.loads(call("devices", "cortex_m4", "--json").stdout)
    assert one["flash"]["size_b"] == device("cortex_m4").flash.size_b
    assert one["flash"]["source"]


def test_methods_of_every_room() -> None:
    found = json.loads(call("methods", "--json").stdout)
    assert list(found["models/reservoir"]) == methods("sarto.models.reservoir")
    assert list(found["cli"]) == methods("sarto.cli")
    assert list(found["devices"]) == devices()
    assert found["cli"]["explain"] == "Explain an error code, or the decisions in a manager's log."
    assert all(line for methods_of in found.values() for line in methods_of.values()), (
        "every method says what it is"
    )
    assert list(found["runtime/policies"]) == methods("sarto.runtime.policies")
    assert list(found["devices/platforms"]) == platforms()


@pytest.mark.parametrize("name", ["models/reservoir", "reservoir", "sarto.models.reservoir"])
def test_methods_of_one_room(name: str) -> None:
    lines = call("methods", name).stdout.splitlines()
    assert lines[0].split()[:2] == ["room", "method"]
    assert {line.split()[0] for line in lines[1:]} == {"models/reservoir"}
    assert [line.split()[1] for line in lines[1:]] == methods("sarto.models.reservoir")


def test_an_unknown_room() -> None:
    result = call("methods", "modls/reservoir")
    assert result.exit_code == 2
    assert "error[E111]: 'modls/reservoir' is not a room with methods" in result.stderr
    assert "did you mean models/reservoir?" in result.stderr


def test_explain_prints_the_page() -> None:
    page = error_pages()["E203"]
    assert call("explain", "e203").stdout == f"E203: {page.title} (exit code 3)\n\n{page.text}\n"
    assert json.loads(call("explain", "E203", "--json").stdout)["text"] == page.text


def test_a_log_without_decisions_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "decisions.jsonl").touch()
    assert call("explain", str(tmp_path / "decisions.jsonl")).stdout == "no decision is logged there\n"
    assert json.loads(call("explain", str(tmp_path / "decisions.jsonl"), "--json").stdout) == []


def test_explain_lists_all_pages() -> None:
    lines = call("explain").stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == list(error_pages())
    assert len(json.loads(call("explain", "--json").stdout)) == len(error_pages())


def test_a_file_is_a_log_whatever_its_name_or_told_not_to_be_one(tmp_path: Path) -> None:
    line: dict[str, Any] = {
        "job": 1, "point": "whole", "expected_s": 0.28, "asked": {}, "relaxed": [], "slowdown": 1.0, "took_s": 0.3,
        "late": False,
    }  # fmt: skip
    (tmp_path / "copy.log").write_text(json.dumps(line) + "\n")
    (tmp_path / "fit.log").write_text("error[E203]: x")
    told = call("explain", str(tmp_path / "copy.log"))
    assert (told.exit_code, told.stdout) == (0, "Job 1 ran as whole, expected to take 280 ms.\n")
    other = call("explain", str(tmp_path / "fit.log"))
    assert other.exit_code == 2
    assert other.stderr.startswith("error[E114]: line 1 of '")
    assert call("explain", "none.log").stderr.startswith("error[E111]: 'none.log' is not an error code\n")


def test_an_unknown_code() -> None:
    assert "hint: did you mean E203?" in call("explain", "E2O3").stderr
    assert "hint: `sarto explain` lists all codes" in call("explain", "xyzzy").stderr
