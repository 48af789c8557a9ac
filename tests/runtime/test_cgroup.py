"""Knobs of a control group, on a folder in place of the kernel's."""

from __future__ import annotations

import json
import re
from pathlib import Path
from unittest.mock import Mock

import pytest

from sarto.runtime.cgroup import Cpuset, Quota, own
from sarto.runtime.knobs import Knobs


@pytest.fixture
def group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A group without limits, whose files print what was written as the kernel does."""
    write = Path.write_text

    def printed(path: Path, text: str, encoding: str | None = None) -> int:
        if path.name == "cpuset.cpus":  # as a bitmap is printed: by rising number, neighbours as a range
            spans = [(part + "-" + part).split("-")[:2] for part in text.strip().split(",") if part]
            bits = sum(1 << core for core in {c for a, b in spans for c in range(int(a), int(b) + 1)})
            runs = [(m.start(), m.end() - 1) for m in re.finditer("1+", f"{bits:b}"[::-1])]
            text = ",".join(f"{a}-{b}" if b > a else f"{a}" for a, b in runs) + "\n"
        if path.name == "cpu.max":
            text = " ".join([*text.split(), "100000"][:2]) + "\n"
        return write(path, text, encoding)

    monkeypatch.setattr(Path, "write_text", printed)
    folder = tmp_path / "cgroup/app.slice"
    folder.mkdir(parents=True)
    (folder / "cpu.max").write_text("max 100000\n")
    (folder / "cpuset.cpus").write_text("\n")
    return folder


def test_quota_and_cores_are_set_and_set_back(group: Path) -> None:
    with Knobs([Quota(group), Cpuset(group)], act=True, journal=group / "journal") as held:
        assert held.set("quota", "1.5").state == "set"
        assert (group / "cpu.max").read_text() == "150000 100000\n"
        assert held.set("cpuset", "0,2-3").state == "set"
        assert (group / "cpuset.cpus").read_text() == "0,2-3\n"
        assert held.set("quota", "1.5").state == "unchanged"
    assert (group / "cpu.max").read_text() == "max 100000\n"
    assert (group / "cpuset.cpus").read_text() == "\n"


@pytest.mark.parametrize("value", ["0,1", "1,0", "0-1", "1,0-1"])
def test_a_list_is_set_however_it_is_written(group: Path, value: str) -> None:
    with Knobs([Cpuset(group)], act=True) as held:
        assert held.set("cpuset", value).state == "set"
        assert (group / "cpuset.cpus").read_text() == "0-1\n"
        assert held.set("cpuset", "0,1").state == "unchanged"


@pytest.mark.parametrize("before", ["50000 20000", "1234567 100000", "max 50000"])
def test_a_quota_is_put_back_with_its_period_and_to_the_microsecond(group: Path, before: str) -> None:
    (group / "cpu.max").write_text(before)
    with Knobs([Quota(group)], act=True, journal=group / "journal") as held:
        assert held.set("quota", "1").state == "set"
        assert (group / "cpu.max").read_text() == "100000 100000\n"
        assert json.loads((group / "journal").read_text())["first"] == {"quota": before}
    assert (group / "cpu.max").read_text() == f"{before}\n"
    assert held.failed == {}


def test_a_quota_is_set_to_the_microsecond_of_its_period(group: Path) -> None:
    with Knobs([Quota(group)], act=True) as held:
        assert held.set("quota", "12.345678").got == "12.34568"
        assert (group / "cpu.max").read_text() == "1234568 100000\n"
        assert held.set("quota", "12.34567").state == "set"
        assert held.set("quota", "12.34567").state == "unchanged"


def test_a_quota_that_is_overruled_when_it_is_put_back_is_told(
    group: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Knobs([Quota(group)], act=True) as held:
        held.set("quota", "1")
        monkeypatch.setattr(Path, "write_text", Mock())
    assert held.failed == {"quota": "100000 100000 was read back in place of max 100000"}
    with pytest.raises(ValueError, match="is no quota with its period"):
        Quota(group).put_back("1.5")


@pytest.mark.parametrize(
    ("knob", "value"),
    [("quota", v) for v in ("", "fast", "0", "-1", "0.001", "nan", "inf", "1e9")]
    + [("cpuset", v) for v in ("x", "0-", "1;2", "-1")],
)
def test_values_that_cannot_be_are_refused(group: Path, knob: str, value: str) -> None:
    with Knobs([Quota(group), Cpuset(group)], act=True) as held:
        assert held.set(knob, value).state == "refused"
    assert (group / "cpu.max").read_text().split()[0] == "max"
    assert (group / "cpuset.cpus").read_text().strip() == ""


def test_a_period_of_its_own_is_read(group: Path) -> None:
    (group / "cpu.max").write_text("25000 50000\n")
    assert Quota(group).read() == "0.5"


def test_a_group_that_is_not_delegated_has_no_knob(tmp_path: Path) -> None:
    with Knobs([Quota(tmp_path / "none")], act=True) as held:
        assert held.set("quota", "1").state == "gone"


def test_the_group_of_this_process(tmp_path: Path) -> None:
    (tmp_path / "self").mkdir()
    (tmp_path / "self/cgroup").write_text("1:cpuset:/old\n0::/user.slice/app\n")
    assert own(Path("/root"), tmp_path) == Path("/root/user.slice/app")
    (tmp_path / "self/cgroup").write_text("1:cpuset:/old\n")
    with pytest.raises(OSError, match="no control groups of version 2"):
        own(Path("/root"), tmp_path)
