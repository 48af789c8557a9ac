"""A watchdog: notices a job that does not end, while it has not ended.

A thread of its own waits beside each job. When the job is not over after its limit, the watchdog says so (`overrun`)
and calls a function, once. That is all that can be done from within: Python cannot interrupt a thread, and a call into
C that keeps the interpreter's lock stops the watchdog too. What can end such a job is a function that takes away what
it waits for (a child process, a connection), or the end of the process: whoever starts it anew finds the journal, which
sets its knobs back.

>>> import time
>>> with Watchdog(0.01) as dog:
...     with dog.over("a job"):
...         time.sleep(0.2)
...     print(dog.overruns, dog.overrun)
1 None
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from sarto.core.errors import SartoError


@dataclass(frozen=True)
class Overrun:
    """A job that has not ended: what it is, and the limit that it passed, in s."""

    what: str
    limit_s: float


class Watchdog:
    """Watches jobs, one at a time.

    Args:
        limit_s: that a job may take before it is held to hang.
        act: is called once for each job that does not end, in the watchdog's thread; what it raises is in `failed`.

    Attributes:
        overrun: the job that hangs now, or None.
        overruns: how many there were.
        failed: what `act` raised last.

    Raises:
        SartoError: E178, when the limit is no time above 0.
    """

    def __init__(self, limit_s: float, act: Callable[[Overrun], object] = lambda _overrun: None) -> None:
        if not 0 < limit_s < threading.TIMEOUT_MAX:
            raise SartoError(
                "E178",
                f"a watchdog of {limit_s:g} s",
                cause="a job is held to hang after a time above 0",
                hint="such as ten times the longest deadline",
            )
        self.limit_s, self._act = limit_s, act
        self.overrun: Overrun | None = None
        self.overruns = 0
        self.failed: Exception | None = None
        self._changed = threading.Condition()
        self._due: tuple[float, str] | None = None
        self._closed = False
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def over(self, what: str) -> Generator[None]:
        """Watch what happens within."""
        with self._changed:
            self._due = (time.monotonic() + self.limit_s, what)
            if self._thread is None:
                self._thread = threading.Thread(target=self._watch, name="sarto-watchdog", daemon=True)
                self._thread.start()
            self._changed.notify()
        try:
            yield
        finally:
            with self._changed:
                self._due, self.overrun = None, None

    def close(self) -> None:
        """End the thread."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join()
            self._thread = None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End the thread."""
        self.close()

    def _watch(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                if self._due is None:
                    self._changed.wait()
                    continue
                left = self._due[0] - time.monotonic()
                if left > 0:
                    self._changed.wait(left)
                    continue
                self.overrun = found = Overrun(self._due[1], self.limit_s)
                self.overruns += 1
                self._due = None
            try:
                self._act(found)
            except Exception as error:  # a watchdog outlives what it calls
                self.failed = error
