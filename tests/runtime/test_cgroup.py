"""Knobs of a control group, on a folder in place of the kernel's."""

from __future__ import annotations

from pathlib import Path

import pytest

from sarto.runtime.cgroup import Cpuset, Quota, own
from sarto.runtime.knobs import Knobs


@pytest.fixture
def group(tmp_path: Path) -> Path:
    """A group without limits."""
    folder = tmp_path / "cgroup/app.slice"
    folder.mkdir(parents=True)
    (folder / "cpu.max").write_text("max 100000\n")
    (folder / "cpuset.cpus").write_text("\n")
    return folder


def test_quota_and_cores_are_set_and_set_back(group: Path) -> None:
    with Knobs([Quota(group), Cpuset(group)], act=True, journal=group / "journal") as held:
        assert held.set("quota", "1.5").state == "set"
        assert (group / "cpu.max").read_text() == "150000 100000"
        assert held.set("cpuset", "0,2-3").state == "set"
        assert (group / "cpuset.cpus").read_text() == "0,2-3\n"
        assert held.set("quota", "1.5").state == "unchanged"
    assert (group / "cpu.max").read_text() == "max 100000"
    assert (group / "cpuset.cpus").read_text() == "\n"


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
