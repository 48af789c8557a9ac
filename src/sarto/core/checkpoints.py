"""Checkpoints of a long job, whole or not at all, on one level or two, at the interval that costs the least.

A checkpoint is bytes behind a header: a mark, a SHA-256 of all that follows, and a number that only grows. It is
written beside its place and renamed, so that a kill at any moment leaves the one before. What survives what:

| level | where | survives |
|---|---|---|
| memory | a folder of this user in `/dev/shm` | an exception, kill -9 |
| disk, with fsync | the job's file, and the one before beside it | a restart of the machine too |

The newest that is whole is taken, wherever it is; one that is damaged is told of, and the next older one serves. How
often each level is written follows from the mean time between the failures that it is there for, and from what writing
took so far: see `checkpoint_interval`. The first is written at once, so that its cost is known. A checkpoint is due
when the work since the last one, and one more step as long as the longest since the one before that, would be over the
interval: then no more than an interval is ever lost, but for a step that takes longer than any before it.

Source: Vaidya, "A case for two-level distributed recovery schemes", SIGMETRICS 1995: a frequent cheap level against
frequent failures and a rare dear one against rare ones.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     file = Path(folder) / "job"
...     Checkpoints(file).write(lambda: b"step 3")
...     Checkpoints(file).newest(lambda content: content.decode())
'step 3'
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeVar

from sarto.core.checkpoint_interval import Failures, young
from sarto.core.errors import NotWrittenError
from sarto.core.store import sweep, write_atomic

SHARED = Path("/dev/shm")
MARK = b"sarto checkpoint 1\n"
NUMBER_B = 8

T = TypeVar("T")


@dataclass
class Level:
    """A place for checkpoints.

    Attributes:
        kind: of place.
        file: newest checkpoint.
        mttf_s: mean time between the failures that it is there for, or None where it is written when asked alone.
        cost_s: mean time that writing took.
        written: how often.
        last_s: clock when it was written last, or a level above it.
    """

    kind: Literal["memory", "disk"]
    file: Path
    mttf_s: float | None
    cost_s: float = 0.0
    written: int = 0
    last_s: float = 0.0

    @property
    def older(self) -> Path:
        """The one before, on disk."""
        return self.file.with_name(f"{self.file.name}.older")

    @property
    def interval_s(self) -> float | None:
        """Time of work between two, or None while nothing is known of it."""
        return None if self.mttf_s is None or not self.written else young(self.cost_s, self.mttf_s)

    def due(self, now: float, step_s: float) -> bool:
        """Return whether the next step would be one too many."""
        interval = self.interval_s
        if interval is None:
            return self.mttf_s is not None
        return now + step_s - self.last_s > interval

    def write(self, content: bytes) -> None:
        """Write a checkpoint, and on disk keep the one before."""
        if self.kind == "disk":
            with suppress(OSError):
                os.replace(self.file, self.older)
        write_atomic(self.file, content)
        if self.kind == "disk":
            _settle(self.file.parent)


class Checkpoints:
    """The checkpoints of one job.

    Args:
        file: of the newest one on disk.
        failures: that are to be expected; None writes when asked alone, on disk.
        tell: hears what is damaged or missing.
        clock: in s.
    """

    def __init__(
        self,
        file: Path,
        failures: Failures | None = None,
        tell: Callable[[str], None] = lambda _: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.disk = Level("disk", file, None if failures is None else failures.together_s)
        self.levels = [self.disk]
        self._tell, self._clock = tell, clock
        self._number, self._before, self._steps_s = 0, clock(), (0.0, 0.0)
        if failures is not None and failures.machine_s is not None:
            folder = memory_folder() if failures.memory is None else failures.memory
            if folder is None:
                tell(f"no folder in memory for checkpoints ({SHARED} is not there for this user): disk alone")
            else:
                name = hashlib.sha256(str(file.absolute()).encode()).hexdigest()[:32]
                self.levels.append(Level("memory", folder / name, failures.process_s))
                self.disk.mttf_s = failures.machine_s
        self._together_s = None if failures is None else failures.together_s

    def newest(self, taken: Callable[[bytes], T | None]) -> T | None:
        """Return what `taken` makes of the newest whole checkpoint that it takes; None where there is none.

        Args:
            taken: content of a checkpoint -> what it holds, or None for that of another job.
        """
        found: list[tuple[int, bytes]] = []
        for file in (path for level in self.levels for path in (level.file, level.older)):
            sweep(file)
            try:
                found.append(opened(file.read_bytes()))
            except FileNotFoundError:
                continue
            except (OSError, ValueError) as error:
                self._tell(f"checkpoint {file} is damaged ({error}): an older one is looked for")
        self._number = max((number for number, _ in found), default=0)
        newest_first = (content for _, content in sorted(found, reverse=True, key=lambda pair: pair[0]))
        held = next((held for content in newest_first if (held := taken(content)) is not None), None)
        self._before = self._clock()
        return held

    def due(self) -> bool:
        """Return whether to write one now; asked after every step, of which it takes the time."""
        now = self._clock()
        earlier, longest = self._steps_s
        self._steps_s = earlier, max(longest, now - self._before)
        self._before = now
        return any(level.due(now, max(self._steps_s)) for level in self.levels)

    def write(self, content: Callable[[], bytes]) -> None:
        """Write one on the levels that are due, or on disk if none is, and learn what it takes.

        Raises:
            NotWrittenError: the disk refuses it. Where memory does, it is given up and told of.
        """
        begun = self._clock()
        due = [level for level in self.levels if level.due(begun, max(self._steps_s))]
        self._steps_s = self._steps_s[1], 0.0
        level = due[0] if due else self.disk  # the disk comes first, and is there for a kill as well
        self._number += 1
        try:
            level.write(sealed(content(), self._number))
        except NotWrittenError as error:
            if level is self.disk:
                raise
            self._tell(f"no checkpoint in memory ({error}): disk alone")
            self.levels.remove(level)
            self.disk.mttf_s = self._together_s
            return
        now = self._clock()
        level.cost_s = (level.cost_s * level.written + now - begun) / (level.written + 1)
        level.written += 1
        for each in self.levels if level is self.disk else [level]:
            each.last_s = now
        self._before = now

    def finish(self, content: bytes) -> None:
        """Write the last one, on disk, and remove all others."""
        self._number += 1
        self.disk.write(sealed(content, self._number))
        for level in self.levels:
            level.older.unlink(missing_ok=True)
            if level is not self.disk:
                level.file.unlink(missing_ok=True)


def sealed(content: bytes, number: int) -> bytes:
    """Return a checkpoint of `content`, which is later than those of lower numbers."""
    behind = number.to_bytes(NUMBER_B, "little") + content
    return MARK + hashlib.sha256(behind).digest() + behind


def opened(data: bytes) -> tuple[int, bytes]:
    """Return number and content of a checkpoint.

    Raises:
        ValueError: when a byte of it is missing or another.
    """
    digest, behind = data[len(MARK) : len(MARK) + 32], data[len(MARK) + 32 :]
    if not data.startswith(MARK):
        raise ValueError("it does not begin as one")
    if hashlib.sha256(behind).digest() != digest:
        raise ValueError(f"its {len(data)} B do not have their checksum")
    return int.from_bytes(behind[:NUMBER_B], "little"), behind[NUMBER_B:]


def memory_folder(shared: Path = SHARED) -> Path | None:
    """Return this user's folder in memory, which nobody else can write to; None where there is none."""
    folder = shared / f"sarto-{os.getuid()}" if hasattr(os, "getuid") else shared
    try:
        if not shared.is_dir():
            return None
        folder.mkdir(mode=0o700, exist_ok=True)
        found = folder.lstat()
    except OSError:
        return None
    own = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077
    return folder if own else None


def _settle(folder: Path) -> None:
    """Have the names in a folder on disk, where the system can do that."""
    with suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
