"""What can be set on a machine, and is always set back: clocks, or anything by two functions.

`Knobs` holds several of them. It only says what it would do unless told to act; reads back what it wrote; and sets all
back to what they were when it is left, also by an exception or a signal. Given a journal, it writes there what they
were before the first of them is touched, so that after a kill -9 the next start sets them back.

| knob | sets | value |
|---|---|---|
| `Frequency` | `scaling_min_freq` and `scaling_max_freq` of a cpufreq policy, so that its clock stays | Hz |
| `Call` | whatever a function sets, such as a number of threads | text |

`sarto.runtime` has more of them in `affinity`, `cgroup` and `threads`. A value is refused if the machine does not have
it, or if something else is read back, as where thermal management overrules a clock without a word: then the knob is
put back to what it was before.

Source: Linux, Documentation/admin-guide/pm/cpufreq.rst.

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
SIGNALS = (signal.SIGTERM, signal.SIGHUP)
"""That end a process without an exception; SIGINT raises one."""


@runtime_checkable
class Knob(Protocol):
    """Something that can be read and set; what either raises is held against this knob alone."""

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


@runtime_checkable
class Normal(Protocol):
    """A knob of which several texts mean the same value."""

    def normal(self, value: str) -> str:
        """Return the text that is read back for a value; what cannot be one stays as it is."""
        ...


@runtime_checkable
class Exact(Protocol):
    """A knob whose state is more than what `read` says."""

    def keep(self) -> str:
        """Return all of it."""
        ...

    def put_back(self, kept: str) -> None:
        """Make it so again."""
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

    def normal(self, value: str) -> str:
        """Return a value in whole kHz, which the kernel counts in."""
        least, _, most = value.partition("-")
        try:
            first, last = (int(clock) // 1000 * 1000 for clock in (least, most or least))
        except ValueError:
            return value
        return f"{first}" if first == last else f"{first}-{last}"

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
class Call:
    """A knob of two functions.

    Attributes:
        name: of it.
        get: returns the value; it becomes text.
        put: sets the value of a text.
        local: whether it ends with this process, so that the next start has nothing to set back.
    """

    name: str
    get: Callable[[], object]
    put: Callable[[str], object]
    local: bool = False

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
        except Exception as error:  # whatever a user's function raises
            return Applied(name, value, "", "gone", f"it cannot be read: {_said(error)}")
        if _same(knob, before, value):
            return Applied(name, value, before, "unchanged")
        if not self.act:
            return Applied(name, value, before, "dry run")
        try:
            kept = _kept(knob)
        except Exception as error:  # whatever a user's function raises
            return Applied(name, value, "", "gone", f"it cannot be read: {_said(error)}")
        if name not in self._first:
            self._first[name] = kept
            self._write_journal()
        try:
            knob.write(value)
            got = knob.read()
            why = "" if _same(knob, got, value) else f"{got} was read back"
        except Exception as error:
            got, why = before, _said(error)
        if not why:
            return Applied(name, value, got, "set")
        with contextlib.suppress(Exception):
            _put_back(knob, kept)
        return Applied(name, value, got, "refused", why)

    def restore(self) -> dict[str, str]:
        """Set all back to what they were; return what could not be, by name, with why."""
        failed: dict[str, str] = {}
        for name, kept in reversed(list(self._first.items())):
            try:
                if not _is(self._known[name], kept):
                    _put_back(self._known[name], kept)
            except Exception as error:  # of one knob: the others are set back
                failed[name] = _said(error)
        self._first = {name: kept for name, kept in self._first.items() if name in failed}
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
        try:
            self.restore()
        finally:
            signal.signal(number, self._handlers.get(signal.Signals(number)) or signal.SIG_DFL)
            os.kill(os.getpid(), number)

    def _write_journal(self) -> None:
        if self.journal is None:
            return
        # What ends with this process is not for the next one to set back.
        first = {n: kept for n, kept in self._first.items() if not getattr(self._known[n], "local", False)}
        if not first:
            self.journal.unlink(missing_ok=True)
            return
        told = {"process": os.getpid(), "started": _started(os.getpid()), "first": first}
        write_atomic(self.journal, json.dumps(told))


def _said(error: Exception) -> str:
    """Return what an error says, or its kind where it says nothing."""
    return str(error) or type(error).__name__


def _same(knob: Knob, one: str, other: str) -> bool:
    """Return whether two texts are one value."""
    return one == other or (isinstance(knob, Normal) and knob.normal(one) == knob.normal(other))


def _kept(knob: Knob) -> str:
    """Return what is needed to put a knob back."""
    return knob.keep() if isinstance(knob, Exact) else knob.read()


def _is(knob: Knob, kept: str) -> bool:
    """Return whether a knob is what it was."""
    try:
        return _kept(knob) == kept
    except Exception:  # what cannot be read may still be written
        return False


def _put_back(knob: Knob, kept: str) -> None:
    """Make a knob what it was.

    Raises:
        OSError: when it is not so then; whatever the knob raises.
    """
    if isinstance(knob, Exact):
        knob.put_back(kept)
        return
    knob.write(kept)
    if not _same(knob, got := knob.read(), kept):
        raise OSError(f"{got} was read back in place of {kept}")


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
