"""A knob: the cores on which all threads of this process may run; and lists of cores, as the kernel writes them.

A thread keeps its cores when others change, so that every one of them is set; and each is set back to its own. Where
threads differ, `read` says what there is.

Source: sched_setaffinity(2); cpuset(7), list format.

>>> cores_of("0,2-3,1"), core_list({5, 0, 1, 2})
(frozenset({0, 1, 2, 3}), '0-2,5')
>>> Affinity().normal("1,0"), Affinity().normal("all")
('0-1', 'all')
"""

from __future__ import annotations

import contextlib
import json
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

TASKS = Path("/proc/self/task")
MOST = 65536
"""Numbers of cores are below it; Linux has 8192 at most."""


def cores_of(text: str) -> frozenset[int]:
    """Return the cores of a list such as `0,2-3`.

    Raises:
        ValueError: when it is none.
    """
    cores: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", part.strip())
        first, last = (int(found[1]), int(found[2] or found[1])) if found else (1, 0)
        if not first <= last < MOST:
            raise ValueError(f"'{text}' is no list of cores, such as 0,2-3")
        cores.update(range(first, last + 1))
    return frozenset(cores)


def core_list(cores: Iterable[int]) -> str:
    """Return a list of cores with ranges, by rising number."""
    runs: list[list[int]] = []
    for core in sorted(cores):
        if runs and core == runs[-1][1] + 1:
            runs[-1][1] = core
        else:
            runs.append([core, core])
    return ",".join(f"{first}" if first == last else f"{first}-{last}" for first, last in runs)


def normal(text: str) -> str:
    """Return a list of cores as the kernel writes it; what is none stays as it is."""
    try:
        return core_list(cores_of(text))
    except ValueError:
        return text


@dataclass(frozen=True)
class Affinity:
    """Cores of every thread of this process."""

    name: str = "affinity"
    local: bool = True

    def read(self) -> str:
        """Return the cores of all threads; where they differ, each list that there is."""
        return "; ".join(sorted({core_list(cores) for _, cores in _threads()}))

    def normal(self, value: str) -> str:
        """Return a list as the kernel writes it."""
        return normal(value)

    def write(self, value: str) -> None:
        """Set them for all threads, since pools that were started before keep their own.

        Raises:
            ValueError: when it is no list of cores.
        """
        cores = cores_of(value)
        os.sched_setaffinity(0, cores)
        for thread, _ in _threads():
            _set(thread, cores)

    def keep(self) -> str:
        """Return the cores of each thread, by its number."""
        return json.dumps({thread: core_list(cores) for thread, cores in _threads()})

    def put_back(self, kept: str) -> None:
        """Set each thread back; one that came later gets what the process had, which its main thread stands for.

        Raises:
            OSError: when a thread has other cores then.
        """
        found = {int(thread): cores_of(text) for thread, text in json.loads(kept).items()}
        main = found.get(os.getpid()) or next(iter(found.values()))
        for thread, _ in _threads():
            cores = found.get(thread, main)
            if (got := _set(thread, cores)) != cores:
                raise OSError(f"thread {thread} has {core_list(got)} in place of {core_list(cores)}")


def _threads() -> Iterator[tuple[int, frozenset[int]]]:
    """Yield the threads that there are, and their cores."""
    for task in os.listdir(TASKS):
        with contextlib.suppress(ProcessLookupError):  # a thread that has just ended
            yield int(task), frozenset(os.sched_getaffinity(int(task)))


def _set(thread: int, cores: frozenset[int]) -> frozenset[int]:
    """Set the cores of a thread, and return those that it has then; one that has ended needs none."""
    try:
        os.sched_setaffinity(thread, cores)
        return frozenset(os.sched_getaffinity(thread))
    except ProcessLookupError:
        return cores
