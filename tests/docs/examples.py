"""Runs the examples on a page of the documentation, and says where they give something else than the page states.

A page is read from top to bottom in one folder of its own and one Python namespace:

- `python`: runs; what it prints must be the `text` block that follows, if one follows at once.
- `pycon`: a session with `>>>`, as in doctest.
- `console`: commands after `$ `, each with what it prints on stdout. A command that fails must be followed by
  `$ echo $?` and the code.

`...` in what is stated stands for anything. A comment right before a block, `<!-- not run: WHY -->`, keeps it from
being run; `<!-- needs: PROGRAM ... -->` anywhere on a page says which programs it takes. Other blocks (`text`, `c`) are
not examples. `python -m tests.docs.examples PAGE --write` puts what came out in the place of what was stated.
"""

from __future__ import annotations

import argparse
import contextlib
import doctest
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DOCS = Path(__file__).resolve().parents[2] / "docs"
FLAGS = doctest.ELLIPSIS | doctest.REPORT_UDIFF
TIMEOUT_S = 300
_FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", flags=re.DOTALL | re.MULTILINE)
_NOT_RUN = re.compile(r"<!-- not run: \S[^\n]* -->\n\Z")
_NEEDS = re.compile(r"<!-- needs: ([^\n]+) -->")
RUN = ("python", "pycon", "console")


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its text, and where the text stands on the page."""

    language: str
    text: str
    start: int
    line: int


@dataclass
class Outcome:
    """What came of a page: how many blocks were run, what differed, and the page as it would have been right."""

    ran: int = 0
    wrong: list[str] = field(default_factory=list[str])
    text: str = ""


def pages() -> list[Path]:
    """Return every page, sorted."""
    return sorted(DOCS.rglob("*.md"))


def programs(page: str) -> list[str]:
    """Return the programs that the page says its examples need."""
    return [name for found in _NEEDS.findall(page) for name in found.split()]


def blocks(page: str) -> Iterator[Block]:
    """Yield the blocks that are to be run, and the `text` right after one of Python."""
    previous, end = "", -1
    for found in _FENCE.finditer(page):
        language = found[1]
        shown = language == "text" and previous == "python" and page[end : found.start()].strip() == ""
        previous, end = "", found.end()
        if (language in RUN and not _NOT_RUN.search(page[: found.start()])) or shown:
            previous = language
            yield Block(language, found[2], found.start(2), page.count("\n", 0, found.start(2)) + 1)


def run_page(page: str, folder: Path) -> Outcome:
    """Run the examples of a page in `folder`.

    Args:
        page: its Markdown.
        folder: an empty folder, which becomes the working folder meanwhile.
    """
    outcome, shell, names = Outcome(), _Shell(folder), dict[str, Any](__name__="__main__")
    pieces, at, printed = list[str](), 0, ""
    with contextlib.chdir(folder):
        for block in blocks(page):
            try:
                if block.language == "python":
                    got, printed = block.text, _python(block, names)
                elif block.language == "text":
                    got = _compared(block.text, printed)
                elif block.language == "pycon":
                    got = _session(block, names)
                else:
                    got = shell.run(block)
            except Exception as error:
                outcome.wrong.append(f"line {block.line}: {type(error).__name__}: {error}")
                got = block.text
            outcome.ran += 1
            if got != block.text:
                outcome.wrong.append(f"line {block.line}: stated:\n{block.text}came out:\n{got}")
            pieces += [page[at : block.start], got]
            at = block.start + len(block.text)
    outcome.text = "".join([*pieces, page[at:]])
    return outcome


def _compared(stated: str, got: str) -> str:
    """Return what was stated if `got` is that, else `got`."""
    return stated if doctest.OutputChecker().check_output(stated, got, FLAGS) else got


def _python(block: Block, names: dict[str, Any]) -> str:
    with contextlib.redirect_stdout(io.StringIO()) as said:
        exec(compile("\n" * (block.line - 1) + block.text, "<page>", "exec"), names)
    return said.getvalue()


def _session(block: Block, names: dict[str, Any]) -> str:
    """Return the session with what was printed, and what was stated where that is the same."""
    written: list[str] = []
    for part in doctest.DocTestParser().parse(block.text):
        if isinstance(part, str):
            written.append(part)
            continue
        written.append(_prompted(part.source))
        with contextlib.redirect_stdout(io.StringIO()) as said:
            try:
                exec(compile(part.source, "<page>", "single"), names)
            except Exception as error:
                if part.exc_msg is None:
                    raise
                message = f"{type(error).__name__}: {error}\n"
                if doctest.OutputChecker().check_output(part.exc_msg, message, FLAGS):
                    written.append(part.want)
                else:
                    written.append(f"Traceback (most recent call last):\n{message}")
                continue
        written.append(_compared(part.want, said.getvalue()))
    return "".join(written)


def _prompted(source: str) -> str:
    first, *rest = source.splitlines()
    return "".join([f">>> {first}\n", *(f"... {line}".rstrip() + "\n" for line in rest)])


class _Shell:
    """Runs the commands of a page, one after the other."""

    def __init__(self, folder: Path) -> None:
        own = {name: value for name, value in os.environ.items() if not name.startswith("SARTO_")}
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', '')}"
        self._environment = own | {"PATH": path, "COLUMNS": "100", "NO_COLOR": "1", "PYTHONWARNINGS": "error"}
        self._folder, self._code, self._said = folder, 0, ""

    def run(self, block: Block) -> str:
        """Return the block with what each command printed, and what was stated where that is the same.

        Raises:
            RuntimeError: when a command fails and `echo $?` does not follow.
        """
        written: list[str] = []
        commands = re.findall(
            r"^\$ ((?:[^\n]*\\\n)*[^\n]*)\n((?:(?!\$ )[^\n]*\n)*)", block.text, flags=re.MULTILINE
        )
        for command, stated in commands:
            if self._code and command != "echo $?":
                raise RuntimeError(f"the command before '{command}' ended with {self._code}")
            printed = self._ended(command)
            written.append(f"$ {command}\n{_compared(stated, printed)}")
        if self._code:
            raise RuntimeError(f"'{commands[-1][0]}' ended with {self._code}: {self._said[-2000:]}")
        return "".join(written)

    def _ended(self, command: str) -> str:
        """Run a command, with all that it starts, to its end or that of its time; return what it printed."""
        words = ["bash", "-c", f"(exit {self._code}); {command}"]
        with subprocess.Popen(
            words, cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True, start_new_session=True,
        ) as running:  # fmt: skip
            try:
                printed, self._said = running.communicate(timeout=TIMEOUT_S)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                raise
        self._code = running.returncode
        return printed


def main() -> int:
    """Run the examples of the pages that are named, and say or write what differs."""
    parser = argparse.ArgumentParser(prog="python -m tests.docs.examples", description=main.__doc__)
    parser.add_argument("pages", nargs="*", type=Path, help="Markdown files (default: every page)")
    parser.add_argument("--write", action="store_true", help="write what came out into the page")
    chosen = parser.parse_args()
    wrong = 0
    for page in chosen.pages or pages():
        with tempfile.TemporaryDirectory() as folder:
            outcome = run_page(page.read_text(encoding="utf-8"), Path(folder))
        wrong += len(outcome.wrong)
        print(f"{page}: {outcome.ran} blocks, {len(outcome.wrong)} differ")
        print(*outcome.wrong, sep="\n")
        if chosen.write:
            page.write_text(outcome.text, encoding="utf-8")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
