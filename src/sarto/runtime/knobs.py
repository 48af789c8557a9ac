"""What can be set on a machine, and is always set back: clocks, the cores of a process, or anything by two functions.

`Knobs` holds several of them. It only says what it would do unless told to act; reads back what it wrote; and sets all
back to what they were when it is left, also by an exception or a signal. What they were lies in a journal on disk
before the first of them is touched, so that after a kill -9 the next start sets them back.

| knob | sets | value |
|---|---|---|
| `Frequency` | `scaling_min_freq` and `scaling_max_freq` of a cpufreq policy, so that its clock stays | Hz |
| `Affinity` | the cores on which all threads of this process may run | 0,1 |
| `Call` | whatever a function sets, such as a number of threads | text |

A value is refused if the machine does not have it, or if something else is read back: thermal management may overrule a
clock without a word.

Source: Linux, Documentation/admin-guide/pm/cpufreq.rst; sched_setaffinity(2).

>>> level = ["low"]
>>> with Knobs([Call("level", lambda: level[0], lambda text: level.__setitem__(0, text))], act=True) as knobs:
...     print(knobs.set("level", "high").state, level)
set ['high']
>>> level
['low']
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, Literal, Protocol, Self, runtime_checkable

from sarto.core.errors import SartoError
from sarto.core.store import write_atomic

CPUFREQ = Path("/sys/devices/system/cpu/cpufreq")
TASKS = Path("/proc/self/task")
SIGNALS = (signal.SIGTERM, signal.SIGHUP)
"""That end a process without an exception; SIGINT raises one."""


@runtime_checkable
class Knob(Protocol):
    """Something that can be read and set; both may raise OSError or ValueError."""

    @property
    def name(self) -> str:
        """Name of it."""
        ...

    def read(self) -> str:
        """Return what it is set to."""
        ...

    def write(self, value: str) -> None:
        """Set it."""
        ...


@dataclass(frozen=True)
class Frequency:
    """The clock of a cpufreq policy: the least and the most are set to the same; text is `least-most` or one, in Hz."""

    name: str = "policy0"
    root: Path = CPUFREQ

    def read(self) -> str:
        """Return the least and the most."""
        least, most = (int(self._file(which).read_text(encoding="ascii")) * 1000 for which in ("min", "max"))
        return f"{least}" if least == most else f"{least}-{most}"

    def write(self, value: str) -> None:
        """Set both; in between the least is never above the most, which the kernel would refuse."""
        least, _, most = value.partition("-")
        wanted = {"min": int(least) // 1000, "max": int(most or least) // 1000}
        if not 0 < wanted["min"] <= wanted["max"]:
            raise ValueError(f"'{value}' is no clock")
        most = self._file("max").read_text(encoding="ascii").strip()
        rising = not most or wanted["min"] > int(most)  # it is empty where a write was cut off by a kill
        for which in ("max", "min") if rising else ("min", "max"):
            self._file(which).write_text(f"{wanted[which]}\n", encoding="ascii")

    def _file(self, which: str) -> Path:
        return self.root / self.name / f"scaling_{which}_freq"


@dataclass(frozen=True)
class Affinity:
    """Cores of every thread of this process."""

    name: str = "affinity"

    def read(self) -> str:
        """Return the cores of the thread that asks."""
        return ",".join(map(str, sorted(os.sched_getaffinity(0))))

    def write(self, value: str) -> None:
        """Set them for all threads, since pools that were started before keep their own."""
        cores = {int(core) for core in value.split(",")}
        os.sched_setaffinity(0, cores)
        for task in TASKS.iterdir():
            with contextlib.suppress(ProcessLookupError):  # a thread that has just ended
                os.sched_setaffinity(int(task.name), cores)


@dataclass(frozen=True)
class Call:
    """A knob of two functions.

    Attributes:
        name: of it.
        get: returns the value; it becomes text.
        put: sets the value of a text.
    """

    name: str
    get: Callable[[], object]
    put: Callable[[str], object]

    def read(self) -> str:
        """Return the value."""
        return str(self.get())

    def write(self, value: str) -> None:
        """Set it."""
        self.put(value)


@dataclass(frozen=True)
class Applied:
    """What became of a value: `set`; `unchanged`, it was so; `dry run`; `refused`, or `gone` (unreadable), and why."""

    knob: str
    wanted: str
    got: str
    state: Literal["set", "unchanged", "dry run", "refused", "gone"]
    why: str = ""


@dataclass
class Knobs:
    """Several knobs that are set back.

    Args:
        knobs: them.
        act: whether they are really set.
        journal: file for what they were, which must outlive a kill; without one, a killed process sets nothing back.

    Attributes:
        failed: what could not be set back when it was left, by name, with why; the journal keeps it.

    Raises:
        SartoError: E116, when two have one name.
    """

    knobs: Iterable[Knob]
    act: bool = False
    journal: Path | None = None
    failed: dict[str, str] = field(default_factory=dict[str, str], init=False)
    _known: dict[str, Knob] = field(default_factory=dict[str, Knob], init=False)
    _first: dict[str, str] = field(default_factory=dict[str, str], init=False)
    _handlers: dict[signal.Signals, Any] = field(default_factory=dict[signal.Signals, Any], init=False)

    def __post_init__(self) -> None:
        listed = list(self.knobs)
        self._known = {knob.name: knob for knob in listed}
        if len(self._known) < len(listed):
            names = ", ".join(knob.name for knob in listed)
            raise SartoError("E116", f"knobs {names}", cause="two have one name", hint="name each once")

    def set(self, name: str, value: str) -> Applied:
        """Set a knob, and read it back.

        Raises:
            KeyError: when there is none of that name.
        """
        knob = self._known[name]
        try:
            before = knob.read()
        except (OSError, ValueError) as error:
            return Applied(name, value, "", "gone", f"it cannot be read: {error}")
        if before == value:
            return Applied(name, value, before, "unchanged")
        if not self.act:
            return Applied(name, value, before, "dry run")
        if name not in self._first:
            self._first[name] = before
            self._write_journal()
        try:
            knob.write(value)
            got = knob.read()
        except (OSError, ValueError, OverflowError) as error:
            with contextlib.suppress(OSError, ValueError):
                knob.write(before)
            return Applied(name, value, before, "refused", str(error))
        if got != value:
            return Applied(name, value, got, "refused", f"{got} was read back")
        return Applied(name, value, got, "set")

    def restore(self) -> dict[str, str]:
        """Set all back to what they were; return what could not be, by name, with why."""
        failed: dict[str, str] = {}
        for name, value in reversed(list(self._first.items())):
            try:
                self._known[name].write(value)
                got = self._known[name].read()
                if got != value:
                    failed[name] = f"{got} was read back in place of {value}"
            except (OSError, ValueError) as error:
                failed[name] = str(error)
        self._first = {name: value for name, value in self._first.items() if name in failed}
        self._write_journal()
        return failed

    def recover(self) -> dict[str, str]:
        """Set back what a process left that was killed; return what could not be, by name, with why.

        Raises:
            SartoError: E116, when the journal is of a process that still runs, or cannot be read.
        """
        if self.journal is None or not self.journal.exists():
            return {}
        try:
            left = json.loads(self.journal.read_text(encoding="utf-8"))
            process, first = int(left["process"]), {str(k): str(v) for k, v in left["first"].items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise SartoError(
                "E116",
                f"the journal '{self.journal}' cannot be read",
                cause=str(error),
                hint="set the knobs back by hand, then remove it",
            ) from error
        if process != os.getpid() and _runs(process, str(left.get("started", ""))):
            raise SartoError(
                "E116",
                f"the journal '{self.journal}' is in use",
                cause=f"process {process} has set knobs and still runs",
                hint="end it first: it sets them back",
            )
        unknown = {name: "there is no such knob now" for name in first if name not in self._known}
        self._first = {name: value for name, value in first.items() if name in self._known}
        return self.restore() | unknown

    def __enter__(self) -> Self:
        """Recover what a killed process left, and watch for signals."""
        self.recover()
        if threading.current_thread() is threading.main_thread():
            self._handlers = {one: signal.signal(one, self._signalled) for one in SIGNALS}
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Set all back."""
        try:
            self.failed = self.restore()
        finally:
            for one, handler in self._handlers.items():
                signal.signal(one, handler)
            self._handlers = {}

    def _signalled(self, number: int, _frame: FrameType | None) -> None:
        """Set all back, then end as the signal would have ended the process."""
        self.restore()
        signal.signal(number, self._handlers.get(signal.Signals(number)) or signal.SIG_DFL)
        os.kill(os.getpid(), number)

    def _write_journal(self) -> None:
        if self.journal is None:
            return
        if not self._first:
            self.journal.unlink(missing_ok=True)
            return
        told = {"process": os.getpid(), "started": _started(os.getpid()), "first": self._first}
        write_atomic(self.journal, json.dumps(told))


def _started(process: int) -> str:
    """Return when a process started, in ticks, so that another of the same number is told apart."""
    try:
        return (
            (Path("/proc") / str(process) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[19]
        )
    except (OSError, IndexError):
        return ""


def _runs(process: int, started: str) -> bool:
    found = _started(process)
    return bool(found) and (not started or found == started)
