"""Progress on stderr: a bar on a terminal, one line for each stage elsewhere, nothing when quiet.

`open_talk` returns a `core.progress.Talk`. In a log the line of a stage begins when it does and ends with its figures:

>>> talk = Lines(sys.stdout.write, clock=iter([0.0, 8.0]).__next__)
>>> with talk.stage("search", 4) as stage:
...     stage.advance(4, "best 0.93")
search: 4 of 4 in 8.0 s (0.5/s), best 0.93
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import click

from sarto.core.progress import Silent, Stage, Talk

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

_WIDE = 76
"""Columns from which a bar has room for rate and note: the name, 20 for the bar, and the figures at their longest."""


def open_talk(quiet: bool) -> Talk:
    """Return where progress goes: nowhere if `quiet`, to bars if stderr is a terminal that can draw, else to lines."""
    if quiet:
        return Silent()
    if sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
        return Bars()
    return Lines(lambda text: click.echo(text, err=True, nl=False))


@dataclass
class _Count:
    """A stage that counts."""

    done: int = 0
    words: str = ""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Count `steps`, and keep the newest note."""
        self.done += steps
        self.words = note or self.words


@dataclass
class Lines:
    """One line for each stage and each note; `write` gets their text and `clock` gives seconds."""

    write: Callable[[str], object]
    clock: Callable[[], float] = time.monotonic
    _open: bool = field(default=False, init=False)

    def note(self, text: str) -> None:
        """Say one line."""
        self._write(text + "\n")

    @contextmanager
    def stage(self, name: str, total: int) -> Generator[Stage, None, None]:
        """Say `name` now, and how it went when it ends."""
        start, count = self.clock(), _Count()
        self._write(f"{name}: ")
        self._open = True
        try:
            yield count
        finally:
            seconds = self.clock() - start
            repeated = "" if self._open else f"{name}: "
            self._open = False
            figures = (
                f"{count.done} of {total}" if total > 1 else "done" if count.done >= total else "stopped"
            )
            speed = f" ({rate(count.done, seconds)})" if total > 1 and rate(count.done, seconds) else ""
            words = f", {count.words}" if count.words else ""
            self._write(f"{repeated}{figures} in {seconds:.1f} s{speed}{words}\n")

    def _write(self, text: str) -> None:
        if self._open:
            text, self._open = "\n" + text, False
        self.write(text)


def rate(done: int, seconds: float) -> str:
    """Return steps per second in words, or seconds per step when they are slow.

    >>> rate(120, 10), rate(3, 60)
    ('12/s', '20 s each')
    """
    if seconds <= 0 or not done:
        return ""
    speed = done / seconds
    if speed < 0.1:
        return f"{1 / speed:.0f} s each"
    return f"{speed:,.0f}/s" if speed >= 100 else f"{speed:.2g}/s"


class _Bar(_Count):
    """A stage that moves a bar."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        super().__init__()
        self._progress = progress
        self._task = task

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Move the bar; the note stands beside it."""
        super().advance(steps, note)
        self._progress.update(self._task, advance=steps, words=self.words)


class Bars:
    """A bar for each stage, with rate and time left; a stage that ended stays as a line."""

    def __init__(self, console: Console | None = None) -> None:
        from rich.console import Console

        self._console = console or Console(stderr=True, highlight=False)

    def note(self, text: str) -> None:
        """Say one line, above a bar that moves."""
        self._console.print(text, markup=False)

    @contextmanager
    def stage(self, name: str, total: int) -> Generator[Stage, None, None]:
        """Show a bar of `total` steps until the stage ends."""
        from rich.progress import (
            BarColumn,
            Progress,
            ProgressColumn,
            Task,
            TextColumn,
            TimeElapsedColumn,
            TimeRemainingColumn,
        )
        from rich.text import Text

        class Rate(ProgressColumn):
            """Steps per second since the start."""

            def render(self, task: Task) -> Text:
                return Text(rate(int(task.completed), task.elapsed or 0.0), style="dim")

        class Left(TimeRemainingColumn):
            """Time left while it runs, time taken when it is done."""

            def render(self, task: Task) -> Text:
                return (
                    TimeElapsedColumn().render(task)
                    if task.finished
                    else super().render(task) + Text(" left")
                )

        wide = self._console.width >= _WIDE
        columns: list[ProgressColumn] = [
            TextColumn("{task.description}", markup=False),
            BarColumn(20 if wide else 10),
            TextColumn("{task.completed:.0f}/{task.total:.0f}"),
            *([Rate()] if wide else []),
            Left(compact=True),
            *([TextColumn("{task.fields[words]}", markup=False, style="dim")] if wide else []),
        ]
        with Progress(*columns, console=self._console) as progress:
            yield _Bar(progress, progress.add_task(name, total=total, words=""))
