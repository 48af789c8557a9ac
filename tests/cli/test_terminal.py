"""What a person sees on a terminal, wide and narrow; read from a pseudo-terminal."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from sarto.cli import _answer
from tests.cli.stand_in import FIT, environment

CODES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def screen(*words: str, cwd: Path, columns: int, fake: str = "quick", **more: str) -> tuple[str, int]:
    """Everything that `sarto words` writes to a terminal of so many columns, and its exit code."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    program = f"from tests.cli import stand_in; stand_in.{fake}(); from sarto.cli import main; main()"
    variables = environment(TERM="xterm-256color", **more)
    for name in ("COLUMNS", "LINES", "FORCE_COLOR"):
        variables.pop(name, None)
    process = subprocess.Popen(
        [sys.executable, "-c", program, *words],
        cwd=cwd,
        env=variables,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
    )
    os.close(theirs)
    seen, end = b"", time.monotonic() + 60
    while time.monotonic() < end:
        if not select.select([ours], [], [], 0.5)[0]:
            continue
        try:
            block = os.read(ours, 65536)
        except OSError:  # the other end is closed
            break
        if not block:
            break
        seen += block
    os.close(ours)
    return seen.decode().replace("\r\n", "\n"), process.wait(10)


def plain(text: str) -> list[str]:
    """The lines without control codes; what a bar overwrote counts as lines of its own."""
    return CODES.sub("", text).replace("\r", "\n").splitlines()


@pytest.mark.parametrize("columns", [110, 60])
def test_the_last_screen_fits_the_terminal(tmp_path: Path, columns: int) -> None:
    words = (*FIT, "--flash", "32KiB", "--ram", "4KiB", "--min-accuracy", "0.9")
    text, code = screen(*words, cwd=tmp_path, columns=columns, fake="unhurried")
    assert code == 0, text
    lines = plain(text)
    table = next(
        i for i, line in enumerate(lines) if line.split() == ["limit", "budget", "got", "margin", "how"]
    )
    assert set(lines[table + 1].strip()) == {"─"}
    assert all(len(line) <= columns for line in lines[: table + 6])
    assert "\x1b[32m" in text or "\x1b[38;5;2m" in text, "a limit that is kept is green"
    assert any(line.startswith("search") and "4/4" in line for line in lines)
    assert any(" left" in line for line in lines[:table]), "a bar says how long it still takes"
    assert any("/s" in line for line in lines[:table]) == (columns == 110)


def test_a_limit_that_is_broken_is_red_and_so_is_its_error(tmp_path: Path) -> None:
    text, code = screen(*FIT, "--ram", "2kB", cwd=tmp_path, columns=100)
    assert code == 3
    assert "\x1b[31m RAM" in text or "\x1b[31mRAM" in text
    assert "\x1b[31m\x1b[1merror[E203]\x1b[0m: RAM" in text


def test_no_color_is_heeded(tmp_path: Path) -> None:
    text, _ = screen(*FIT, "--ram", "2kB", cwd=tmp_path, columns=100, NO_COLOR="1")
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]m", text)
    assert "\nerror[E203]: RAM" in text


def test_a_dumb_terminal_gets_plain_lines(tmp_path: Path) -> None:
    text, code = screen(*FIT, "--ram", "2kB", "--debug", cwd=tmp_path, columns=100, fake="dumb")
    assert code == 3
    assert "\x1b" not in text
    assert "search: 4 of 4 in " in text


def test_a_page_is_set_to_the_width(tmp_path: Path) -> None:
    text, code = screen("explain", "E203", cwd=tmp_path, columns=60)
    assert code == 0
    lines = plain(text)
    assert lines[0].startswith("E203: ")
    assert max(map(len, lines[1:])) <= 60


FINDING = (
    "note: echo-state gap: after 100 steps states that began differently are 3.36 % apart; 141 steps would do"
)


def test_a_finding_is_broken_between_words_and_its_further_lines_are_indented(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(_answer, "on_terminal", lambda: True)
    monkeypatch.setenv("COLUMNS", "45")
    _answer.remark(FINDING)
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3 and all(len(line) <= 45 for line in lines)
    assert [line.startswith("  ") for line in lines] == [False, True, True]
    assert " ".join(line.strip() for line in lines) == FINDING


def test_elsewhere_a_finding_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """So that a filter such as grep sees it whole."""
    _answer.remark(FINDING)
    assert capsys.readouterr().out == FINDING + "\n"
