"""Calibration: what a made-up machine says of itself, and that the file loads and can be run on."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sarto.core.errors import SartoError
from sarto.core.threads import blas_threads
from sarto.devices.platforms import parse_platform
from sarto.measure.monitors import Reading
from sarto.runtime.calibrate import Calibration, Group, Products, Timed, groups, toml
from sarto.runtime.manager import Manager
from sarto.runtime.points import Points, Variant, grid
from sarto.runtime.scenarios import Limits, drawn
from sarto.runtime.simulate import simulate


@dataclass
class Machine:
    """A clock and a job that takes 0.1 s over the threads and the clock in GHz, and 1 ms more after a change."""

    policy: Path
    now: float = 0.0
    before: str = ""
    seen: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])

    def job(self) -> None:
        clock = int((self.policy / "scaling_max_freq").read_text()) / 1e6
        threads, cores = blas_threads(), len(os.sched_getaffinity(0))
        self.seen.append((threads, cores))
        changed = f"{threads} at {clock}"
        self.now += 0.1 / threads / clock + (0.001 if changed != self.before else 0.0)
        self.before = changed

    def read(self) -> Reading:
        clock = int((self.policy / "scaling_max_freq").read_text()) / 1e6
        return Reading("power", 0.5 * blas_threads() * clock**3 + 0.2, "W", "measured", "a meter")


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    """A machine whose usable cores share one clock of .5 or 1 GHz."""
    folder = tmp_path / "devices/system/cpu/cpufreq/policy0"
    folder.mkdir(parents=True)
    files = {
        "related_cpus": " ".join(map(str, sorted(os.sched_getaffinity(0)))),
        "scaling_available_frequencies": "1000000 500000 ",
        "scaling_min_freq": "500000", "scaling_max_freq": "1000000",
    }  # fmt: skip
    for name, text in files.items():
        (folder / name).write_text(f"{text}\n")
    return Machine(folder)


def calibration(machine: Machine, tmp_path: Path, **more: object) -> Calibration:
    return Calibration(tmp_path, 3, machine.job, "a job", clock=lambda: machine.now, **more)  # pyright: ignore[reportArgumentType]


def test_power_that_a_model_says_does_not_stand_in_the_file(machine: Machine, tmp_path: Path) -> None:
    class Model:
        def read(self) -> Reading:
            return Reading("power", 2.0, "W", "estimated", "a model")

    text = calibration(machine, tmp_path, power=[Model()]).run()
    assert "power_w" not in text
    assert "idle_w" not in text


def test_threads_cores_and_clocks_are_really_set_and_set_back(machine: Machine, tmp_path: Path) -> None:
    cores, threads = os.sched_getaffinity(0), blas_threads()
    text = calibration(machine, tmp_path, power=[machine]).run(tmp_path / "journal")
    assert {a for a, b in machine.seen if a != b} == set()
    assert {a for a, _ in machine.seen} >= {1, len(cores)}
    assert (os.sched_getaffinity(0), blas_threads()) == (cores, threads)
    assert (machine.policy / "scaling_min_freq").read_text() == "500000\n"
    assert not (tmp_path / "journal").exists()
    found = parse_platform("mine", text)
    (cluster,) = found.clusters
    assert (cluster.cores, cluster.policy) == (len(cores), "policy0")
    assert [finding.what for finding in found.findings] == [
        "idle power"
    ]  # the meter does not see whether a job runs
    for setting in cluster.settings:
        clock = setting.frequency_hz / 1e9
        assert setting.latency_s == pytest.approx(0.1 / setting.cores / clock, rel=1e-3)
        assert setting.power_w == pytest.approx(0.5 * setting.cores * clock**3 + 0.2, rel=1e-3)
        assert setting.how == "measured"
    assert found.frequency_change_s.value == pytest.approx(0.001, rel=1e-3)
    assert "while nothing ran, a meter" in found.idle_w.source


def test_without_a_monitor_of_power_the_file_has_none_and_says_so(machine: Machine, tmp_path: Path) -> None:
    told: list[str] = []
    text = calibration(machine, tmp_path, power=[], say=told.append).run()
    assert told[0] == "power: unavailable, so that the file has none"
    assert "power_w" not in text
    found = parse_platform("mine", text)
    assert [str(f) for f in found.findings] == [
        "note: power: power of no setting is known: what limits power or a mean energy, or goes by energy, is refused"
    ]
    assert math.isnan(found.idle_w.value)
    points = Points.of(grid([Variant("half", 0.6, 0.5), Variant("whole", 0.7, 1.0)], found))
    with pytest.raises(SartoError, match="E180"):
        Manager(points, "min_energy")
    run = simulate(points, found, drawn(50, Limits.of(points), seed=1), "max_accuracy")
    assert math.isnan(run.summary().energy_j)
    assert run.summary().accuracy > 0.6


def test_without_clocks_to_set_there_is_one_group_of_all_cores(tmp_path: Path) -> None:
    (group,) = groups(tmp_path)
    assert (group.name, set(group.cores), group.policy) == ("cpu", os.sched_getaffinity(0), "")
    text = toml("m", "j", [group], [Timed("cpu", 0.0, 1, (0.3, 0.1, 0.2))])
    assert 'latency_s = 0.2, how = "measured" },  # 100 ms to 300 ms' in text
    assert parse_platform("m", text).settings[0].frequency_hz == 0


def test_the_job_is_as_long_as_it_should_be() -> None:
    times = iter([float(t) for n in range(8) for t in (n, n + (0.005 if n == 3 else 0.02))])
    assert Products().sized(lambda: next(times)).count == 10


def test_a_machine_that_is_not_quiet_is_told(machine: Machine, tmp_path: Path) -> None:
    told: list[str] = []
    slow = iter([0.0] * 9 + [0.5] + [0.0] * 999)

    def job() -> None:
        machine.job()
        machine.now += next(slow)

    Calibration(tmp_path, 3, job, "a job", [], lambda: machine.now, told.append).run()
    assert "something else ran" in told[-1]
    quiet: list[str] = []
    calibration(machine, tmp_path, power=[], say=quiet.append).run()
    assert not any("something else" in line for line in quiet)


def test_titles_with_quotes_are_kept() -> None:
    text = toml('a "board"', "j\\", [Group("cpu", 'an "A7"', (0,))], [Timed("cpu", 0.0, 1, (0.1,))])
    found = parse_platform("m", text)
    assert (found.title, found.job, found.cluster("cpu").title) == ('a "board"', "j\\", 'an "A7"')


def test_what_cannot_be_set_is_left_out_and_told(
    machine: Machine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr("sarto.runtime.threads.MOST", 1)
    text = calibration(machine, tmp_path, power=[], say=told.append).run()
    assert {s.cores for s in parse_platform("mine", text).settings} == {1}
    assert any("left out, threads cannot be 2" in line for line in told)

    def refuse(_process: int, _cores: set[int]) -> None:
        raise PermissionError("not here")

    monkeypatch.setattr(os, "sched_setaffinity", refuse)
    with pytest.raises(SartoError, match="no setting of this machine can be measured"):
        calibration(machine, tmp_path, power=[]).run()
