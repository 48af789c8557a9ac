"""Errors: their text, their way through a process border, and the catalogue behind them."""

import pickle
import re
from pathlib import Path

import pytest

import sarto
from sarto.core.errors import SartoError, error_pages

SOURCES = Path(sarto.__file__).parent
EXIT = {"E0": 1, "E1": 2, "E2": 3, "E3": 4, "E4": 1, "E5": 5}


def test_text_has_message_cause_and_hint_and_leaves_out_what_is_empty() -> None:
    assert str(SartoError("E203", "RAM", cause="why", hint="do")) == "error[E203]: RAM\ncause: why\nhint: do"
    assert str(SartoError("E203", "RAM", hint="do")) == "error[E203]: RAM\nhint: do"
    assert str(SartoError("E203", "RAM")) == "error[E203]: RAM"


def test_survives_a_process_border() -> None:
    error = SartoError("E404", "a", cause="b", hint="c")
    again = pickle.loads(pickle.dumps(error))
    assert isinstance(again, SartoError)
    assert (again.code, again.message, again.cause, again.hint) == ("E404", "a", "b", "c")
    assert str(again) == str(error)


@pytest.mark.parametrize(
    ("code", "status"), [("E000", 1), ("E101", 2), ("E203", 3), ("E301", 4), ("E404", 1), ("E501", 5)]
)
def test_exit_code_is_that_of_the_page(code: str, status: int) -> None:
    assert SartoError(code, "").exit_code == status


def test_every_code_raised_has_a_page_and_every_page_a_place_that_raises_it() -> None:
    raised = re.compile(r'"(E[0-9]{3})"')
    used = {
        code
        for path in SOURCES.rglob("*.py")
        if path.name != "errors.py"
        for code in raised.findall(path.read_text(encoding="utf-8"))
    }
    assert used == set(error_pages())


@pytest.mark.parametrize("path", sorted((SOURCES / "core" / "pages").iterdir()), ids=lambda p: p.stem)
def test_page_has_the_format_of_the_catalogue(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").split("\n")
    assert re.fullmatch(r"E\d{3}\.md", path.name)
    assert re.fullmatch(r"# [A-Z][^.]*", lines[0])
    assert lines[1] == f"exit code: {EXIT[path.name[:2]]}"
    assert lines[2] == ""
    assert lines[3].strip()
    assert lines[-1] == "" and lines[-2].strip(), "ends with one newline"
    page = error_pages()[path.stem]
    assert (page.code, page.title) == (path.stem, lines[0][2:])
    assert page.text.startswith(lines[3].strip())


def test_pages_are_in_order_of_their_codes() -> None:
    assert list(error_pages()) == sorted(error_pages())
