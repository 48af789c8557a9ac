"""Checkpoints: whole or not taken, on two levels, and no more work lost than an interval."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sarto.core import checkpoints
from sarto.core.checkpoint_interval import Failures, young
from sarto.core.checkpoints import Checkpoints, Level, memory_folder, opened, sealed
from sarto.core.errors import NotWrittenError


class Clock:
    """A clock that stands still but where it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def text(content: bytes) -> str:
    """Take any content."""
    return content.decode()


def kept(folder: Path, failures: Failures | None = None, clock: Clock | None = None) -> Checkpoints:
    """Checkpoints of a job in a folder, with memory beside it."""
    return Checkpoints(folder / "job", failures, SAID.append, clock or Clock())


SAID: list[str] = []


@pytest.fixture(autouse=True)
def nothing_said() -> None:
    SAID.clear()


def test_a_byte_that_is_missing_or_another_is_found_wherever_it_is() -> None:
    whole = sealed(b"where it stands", 7)
    assert opened(whole) == (7, b"where it stands")
    for at in range(len(whole)):
        with pytest.raises(ValueError, match=r"checksum|begin"):
            opened(whole[:at])
        with pytest.raises(ValueError, match=r"checksum|begin"):
            opened(whole[:at] + bytes([whole[at] ^ 0x10]) + whole[at + 1 :])


def two_levels(tmp_path: Path) -> tuple[Checkpoints, Clock, Failures]:
    """A job that writes in 1 s on disk, where 200 s are between failures, and in memory, where 50 s are."""
    clock, failures = Clock(), Failures(50.0, 200.0, tmp_path / "memory")
    job = kept(tmp_path, failures, clock)
    for name in ("disk", "memory"):
        assert job.due(), f"the first on {name}"
        job.write(lambda name=name: slow(clock, f"first on {name}"))
    assert not job.due()
    return job, clock, failures


def slow(clock: Clock, content: str) -> bytes:
    clock.now += 1.0
    return content.encode()


def test_each_level_is_written_at_its_own_interval_and_the_newest_is_taken(tmp_path: Path) -> None:
    job, clock, failures = two_levels(tmp_path)
    assert [level.interval_s for level in job.levels] == [young(1.0, 200.0), young(1.0, 50.0)] == [20.0, 10.0]
    written = list[tuple[float, str]]()
    for step in range(60):
        clock.now += 1.0
        if job.due():
            before = [level.written for level in job.levels]
            job.write(lambda step=step: slow(clock, str(step)))
            number = next(i for i, level in enumerate(job.levels) if level.written > before[i])
            written.append((step, job.levels[number].kind))
    # A step takes 1 s, and a checkpoint may not come later than 10 s of work after the one before.
    assert written == [
        (9, "memory"),
        (17, "disk"),
        (27, "memory"),
        (36, "disk"),
        (46, "memory"),
        (55, "disk"),
    ]
    again = kept(tmp_path, failures)
    assert again.newest(text) == "55"
    assert again.newest(lambda content: "mine" if content == b"46" else None) == "mine", "55 is another job's"
    assert not SAID


def test_no_more_work_is_lost_than_an_interval_however_long_steps_are(tmp_path: Path) -> None:
    clock, rng = Clock(), np.random.default_rng(0)
    job = kept(tmp_path, Failures(50.0), clock)
    job.write(lambda: slow(clock, "0"))
    since, lost = 0.0, list[float]()
    for steps in (rng.uniform(0.1, 0.2, 300), rng.uniform(1.0, 1.5, 100), np.full(40, 12.0)):
        for number, step in enumerate(steps.tolist()):
            clock.now, since = clock.now + step, since + step
            if number and step < 10.0:  # the first of a slower kind was not to be foreseen
                lost.append(since)
            if job.due():
                job.write(lambda: slow(clock, "x"))
                since = 0.0
        assert since == 0.0 or steps[0] < 10.0, "a step that is longer than an interval is kept at once"
    over = [since for since in lost if since > 10.0]
    assert 9.0 < max(lost) < 10.3 and len(over) < 0.01 * len(lost)


def test_what_is_damaged_is_told_and_an_older_one_taken(tmp_path: Path) -> None:
    job, clock, failures = two_levels(tmp_path)
    clock.now += 30.0
    job.write(lambda: slow(clock, "second on disk"))
    clock.now += 11.0
    job.write(lambda: slow(clock, "second in memory"))
    memory, disk = job.levels[1].file, job.levels[0].file
    for damaged, left in ((memory, "second on disk"), (disk, "first on disk"), (job.levels[0].older, None)):
        damaged.write_bytes(damaged.read_bytes()[:-1])
        assert kept(tmp_path, failures).newest(text) == left
        assert str(damaged) in SAID[-1] or any(str(damaged) in said for said in SAID)
    assert "damaged (its " in SAID[0] and "do not have their checksum" in SAID[0]


def test_numbers_only_grow_also_after_what_was_damaged(tmp_path: Path) -> None:
    for content in ("a", "b", "c"):
        job = kept(tmp_path)
        job.newest(text)
        job.write(content.encode)
    assert opened((tmp_path / "job").read_bytes()) == (3, b"c")
    assert opened((tmp_path / "job.older").read_bytes()) == (2, b"b")


def test_without_failures_it_is_written_when_asked(tmp_path: Path) -> None:
    clock = Clock()
    job = kept(tmp_path, None, clock)
    assert job.newest(text) is None
    clock.now = 1e9
    assert not job.due()
    job.write(lambda: b"pass 1")
    assert not job.due() and kept(tmp_path).newest(text) == "pass 1"


def test_the_end_leaves_one_file(tmp_path: Path) -> None:
    job, clock, failures = two_levels(tmp_path)
    clock.now += 30.0
    job.write(lambda: slow(clock, "second on disk"))
    job.finish(b"done")
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["job"]
    assert kept(tmp_path, failures).newest(text) == "done"


def test_memory_that_is_full_is_given_up_and_the_disk_stands_for_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    job, clock, _ = two_levels(tmp_path)
    write = Level.write

    def full(level: Level, content: bytes) -> None:
        if level.kind == "memory":
            raise NotWrittenError(28, "No space left on device", str(level.file))
        write(level, content)

    monkeypatch.setattr(Level, "write", full)
    while not job.due():
        clock.now += 1.0
    job.write(lambda: slow(clock, "lost"))
    assert "no checkpoint in memory" in SAID[-1] and "No space left" in SAID[-1]
    assert [level.kind for level in job.levels] == ["disk"]
    assert job.disk.mttf_s == pytest.approx(40.0)
    assert job.disk.interval_s == young(1.0, 40.0)

    def full_again(_level: Level, content: bytes) -> None:
        full(Level("memory", tmp_path, None), content)

    monkeypatch.setattr(Level, "write", full_again)
    with pytest.raises(NotWrittenError):
        job.write(lambda: slow(clock, "lost"))


def test_a_folder_in_memory_is_this_users_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = memory_folder(tmp_path)
    assert folder is not None and folder.stat().st_mode & 0o777 == 0o700
    assert memory_folder(tmp_path) == folder
    folder.chmod(0o777)
    assert memory_folder(tmp_path) is None
    folder.rmdir()
    folder.symlink_to(tmp_path)
    assert memory_folder(tmp_path) is None
    assert memory_folder(tmp_path / "none") is None
    monkeypatch.setattr(checkpoints, "memory_folder", lambda: None)
    job = kept(tmp_path, Failures(50.0, 200.0))
    assert [level.mttf_s for level in job.levels] == [40.0] and "disk alone" in SAID[-1]


WRITER = """
import sys
from pathlib import Path
from sarto.core.checkpoint_interval import Failures
from sarto.core.checkpoints import Checkpoints
folder = Path(sys.argv[1])
job, number = Checkpoints(folder / "job", Failures(1e-12, 1e-9, folder / "memory")), 0
while True:
    number += 1
    job.write(lambda: str(number).encode() + b"." * 1_000_000)
    print(number, flush=True)
"""


def test_a_kill_while_it_writes_leaves_the_last_one_that_was_said_and_no_litter(tmp_path: Path) -> None:
    writer = subprocess.Popen([sys.executable, "-c", WRITER, str(tmp_path)], stdout=subprocess.PIPE)
    assert writer.stdout is not None
    said = 0
    for _ in range(20):
        said = int(writer.stdout.readline())
    os.kill(writer.pid, signal.SIGKILL)
    said = max([said, *(int(line) for line in writer.stdout.read().split())])
    writer.stdout.close()
    writer.wait()
    failures = Failures(1.0, 1.0, tmp_path / "memory")
    (tmp_path / f".job.{writer.pid}.0123abcd").write_bytes(b"half")
    newest = kept(tmp_path, failures).newest(lambda content: int(content.strip(b".")))
    assert newest in (said, said + 1) and not SAID
    assert not [path for path in tmp_path.rglob(".*") if path.is_file()]
