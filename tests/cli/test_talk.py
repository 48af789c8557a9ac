"""Progress: lines in a log, bars on a terminal, silence."""

import io
import re
import sys

import pytest
from rich.console import Console

from sarto.cli._talk import Bars, Lines, open_talk, rate
from sarto.core.progress import Silent


def lines(*times: float) -> tuple[Lines, io.StringIO]:
    stream = io.StringIO()
    return Lines(stream.write, clock=iter(times).__next__), stream


def test_a_stage_is_one_line() -> None:
    talk, stream = lines(10.0, 14.0)
    with talk.stage("search", 96) as stage:
        assert stream.getvalue() == "search: "
        for _ in range(96):
            stage.advance(note="best 0.93")
    assert stream.getvalue() == "search: 96 of 96 in 4.0 s (24/s), best 0.93\n"


def test_a_stage_of_one_step_has_no_rate() -> None:
    talk, stream = lines(0.0, 0.25)
    with talk.stage("data", 1) as stage:
        stage.advance(1, "80 items")
    assert stream.getvalue() == "data: done in 0.2 s, 80 items\n"


def test_a_note_within_a_stage_does_not_break_its_line() -> None:
    talk, stream = lines(0.0, 2.0)
    with talk.stage("search", 2) as stage:
        talk.note("nothing of 900 units fits")
        talk.note("another")
        stage.advance(2)
    assert (
        stream.getvalue() == "search: \nnothing of 900 units fits\nanother\nsearch: 2 of 2 in 2.0 s (1/s)\n"
    )


def test_stages_in_stages_and_one_after_the_other() -> None:
    talk, stream = lines(0.0, 1.0, 3.0, 4.0, 5.0, 6.0)
    with talk.stage("outer", 1) as outer:
        with talk.stage("inner", 2) as inner:
            inner.advance(2)
        outer.advance()
    with talk.stage("next", 1) as stage:
        stage.advance()
    assert (
        stream.getvalue()
        == "outer: \ninner: 2 of 2 in 2.0 s (1/s)\nouter: done in 4.0 s\nnext: done in 1.0 s\n"
    )


def test_a_stage_that_stops_says_where() -> None:
    talk, stream = lines(0.0, 2.0, 5.0, 6.0)

    def interrupted(name: str, total: int, done: int) -> None:
        with talk.stage(name, total) as stage:
            stage.advance(done)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted("search", 96, 4)
    with pytest.raises(KeyboardInterrupt):
        interrupted("build", 1, 0)
    assert stream.getvalue() == "search: 4 of 96 in 2.0 s (2/s)\nbuild: stopped in 1.0 s\n"


@pytest.mark.parametrize(
    ("done", "seconds", "words"),
    [
        (0, 5.0, ""),
        (5, 0.0, ""),
        (3, 60.0, "20 s each"),
        (1, 10.0, "0.1/s"),
        (7, 2.0, "3.5/s"),
        (5000, 2.0, "2,500/s"),
    ],
)
def test_rate(done: int, seconds: float, words: str) -> None:
    assert rate(done, seconds) == words


def drawn(width: int) -> str:
    console = Console(file=io.StringIO(), force_terminal=True, width=width, color_system=None)
    talk = Bars(console)
    with talk.stage("search [x]", 4) as stage:
        stage.advance(2, "best [0.93]")
        talk.note("a note [b]")
        stage.advance(2)
    assert isinstance(console.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue()).replace("\r", "\n")


def test_a_wide_bar_has_stage_count_rate_time_and_note() -> None:
    text = drawn(100)
    last = text.rstrip().splitlines()[-1]
    assert last.startswith("search [x] ━")
    assert "4/4" in last
    assert "/s" in last
    assert re.search(r"\d:\d\d:\d\d", last), "a stage that is done says how long it took"
    assert last.rstrip().endswith("best [0.93]")
    assert "a note [b]" in text, "what people name is not markup"


def test_a_narrow_bar_fits_its_terminal() -> None:
    for line in drawn(40).splitlines():
        assert len(line) <= 40
    assert "4/4" in drawn(40)


def test_who_hears(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(open_talk(True), Silent)
    assert isinstance(open_talk(False), Lines)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(open_talk(False), Bars)
    monkeypatch.setenv("TERM", "dumb")
    assert isinstance(open_talk(False), Lines)
