"""Executors: anything that fans out takes a `concurrent.futures.Executor`; results never depend on which.

>>> with open_executor(1) as executor:
...     list(executor.map(abs, [-1, 2]))
[1, 2]
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Generator
from concurrent.futures import Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from types import TracebackType
from typing import Any

WATCH_S = 1.0
"""How often a worker looks whether its parent still lives: it costs nothing, and ends soon enough."""


class SerialExecutor(Executor):
    """Runs each call at once in this process; an exception is kept in the future, as executors do."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Run `fn` now and return its finished future; an interrupt is raised through."""
        future: Future[Any] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except Exception as error:
            future.set_exception(error)
        return future


def available_workers() -> int:
    """Return how many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def open_executor(workers: int) -> Executor:
    """Return an executor with `workers` processes (this process itself for 1).

    Processes are spawned, not forked, since threads of a BLAS do not survive a fork.
    """
    if workers <= 1:
        return SerialExecutor()
    pool = _Workers(
        workers,
        mp_context=multiprocessing.get_context("spawn"),
        initializer=_end_with,
        initargs=(os.getpid(),),
    )
    with _interrupts_ignored():
        for _ in range(workers):
            pool.submit(int)
    return pool


class _Workers(ProcessPoolExecutor):
    """A pool that drops what has not begun when its block ends by an exception, such as an interrupt."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.shutdown(wait=True, cancel_futures=kind is not None)


@contextmanager
def _interrupts_ignored() -> Generator[None, None, None]:
    """Let processes that start within the block ignore interrupts at the terminal: they are for this one to handle."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end_with(parent: int) -> None:
    """End this worker once its parent is gone: one that is killed cannot tell its workers to stop."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(WATCH_S)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
