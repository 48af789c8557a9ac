"""How long work talks to whoever waits for it.

>>> talk = Silent()
>>> with talk.stage("search", 3) as stage:
...     stage.advance(1)
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from types import TracebackType
from typing import Protocol, runtime_checkable


@runtime_checkable
class Stage(Protocol):
    """One stage of work with a known number of steps."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Say that `steps` more are done; `note` replaces the words shown beside the bar."""
        ...


@runtime_checkable
class Talk(Protocol):
    """Where progress goes: a bar on a terminal, lines in a log, or nowhere."""

    def stage(self, name: str, total: int) -> AbstractContextManager[Stage]:
        """Open a stage of `total` steps; leaving the context ends it."""
        ...

    def note(self, text: str) -> None:
        """Say one line."""
        ...


class Silent:
    """A talk, and its own stage, that says nothing."""

    def stage(self, name: str, total: int) -> Silent:
        """Return itself."""
        return self

    def note(self, text: str) -> None:
        """Say nothing."""

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Say nothing."""

    def __enter__(self) -> Silent:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None
