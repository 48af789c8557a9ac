"""The errors a user can meet: a code, what is wrong, why, and what to do.

Each code has a page in `core/pages/<code>.md`; its first line is the title and its second the exit
code of the command line. `sarto explain E203` prints the page.

>>> error = SartoError("E203", "RAM 21.4 kB > 16 kB on cortex_m4", cause="600 units", hint="fewer units")
>>> print(error)
error[E203]: RAM 21.4 kB > 16 kB on cortex_m4
cause: 600 units
hint: fewer units
>>> error.exit_code
3
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

EXIT_DONE = 0
EXIT_FAILED = 1
EXIT_USAGE = 2
EXIT_BUDGET = 3
EXIT_TOOL = 4
EXIT_GATE = 5
EXIT_INTERRUPTED = 130


@dataclass(frozen=True)
class ErrorPage:
    """One page of the error catalogue: `code`, `title`, `exit_code` and the Markdown `text` below them."""

    code: str
    title: str
    exit_code: int
    text: str


@cache
def error_pages() -> dict[str, ErrorPage]:
    """Return every page of the catalogue by its code, in order of the codes."""
    from importlib.resources import files  # slow to import, and most calls show no page

    pages: dict[str, ErrorPage] = {}
    folder = files("sarto.core") / "pages"
    for entry in sorted(folder.iterdir(), key=lambda e: e.name):
        if not entry.name.endswith(".md"):
            continue
        title, exit_line, text = entry.read_text(encoding="utf-8").split("\n", 2)
        code = entry.name.removesuffix(".md")
        exit_code = int(exit_line.removeprefix("exit code:").strip())
        pages[code] = ErrorPage(code, title.removeprefix("#").strip(), exit_code, text.strip())
    return pages


class NotWrittenError(OSError):
    """A file could not be written; its `filename` is the one that was wanted."""


class SartoError(Exception):
    """A problem that the user can understand and mend.

    Args:
        code: a code of the catalogue, such as `"E105"`.
        message: value and limit, in one line.
        cause: why it happened.
        hint: what to do next.
    """

    def __init__(self, code: str, message: str, *, cause: str = "", hint: str = "") -> None:
        super().__init__(code, message, cause, hint)
        self.code = code
        self.message = message
        self.cause = cause
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (self.code, self.message, self.cause, self.hint)

    @property
    def exit_code(self) -> int:
        """The exit code of the command line for this error."""
        return error_pages()[self.code].exit_code

    def __str__(self) -> str:
        lines = [f"error[{self.code}]: {self.message}"]
        if self.cause:
            lines.append(f"cause: {self.cause}")
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


def _rebuild(code: str, message: str, cause: str, hint: str) -> SartoError:
    return SartoError(code, message, cause=cause, hint=hint)
