"""Every error code: it has a page, and those a user can provoke end the program with its exit code."""

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sarto.core.errors import SartoError, error_pages
from tests.cli.stand_in import FIT, ROOT, Search, call
from tests.report.sample import Sample

EXIT = {"E0": 1, "E1": 2, "E2": 3, "E3": 4, "E4": 1, "E5": 5}


def used() -> set[str]:
    """Every code that stands in the sources."""
    files = (ROOT / "src" / "sarto").rglob("*.py")
    return {
        code for path in files for code in re.findall(r'"(E[0-5]\d\d)"', path.read_text(encoding="utf-8"))
    }


def test_every_code_in_the_sources_has_a_page_and_every_page_a_use() -> None:
    assert used() == set(error_pages())


@pytest.mark.parametrize("code", error_pages())
def test_a_page_says_what_to_do(code: str) -> None:
    page = error_pages()[code]
    assert page.exit_code == EXIT[code[:2]]
    assert len(page.text) > 100
    assert page.title[0].isupper()
    assert not page.title.endswith(".")
    assert all(len(line) <= 160 for line in page.text.splitlines())


def saved(x: np.ndarray | None = None, y: np.ndarray | None = None) -> Callable[[], tuple[str, ...]]:
    """A call of doctor on a small data set that could be learned from, but for what is given."""
    good = np.random.default_rng(0).normal(size=(40, 20, 2))

    def prepare() -> tuple[str, ...]:
        np.savez("data.npz", x=good if x is None else x, y=np.arange(40) % 2 if y is None else y)
        return ("doctor", "data.npz")

    return prepare


def holed() -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(40, 20, 2))
    x[3, 4, 1] = np.nan
    return x


def flat() -> np.ndarray:
    x = np.random.default_rng(0).normal(size=(40, 20, 2))
    x[..., 0] = 1
    return x


def sample(change: Callable[[Path], object], *words: str) -> Callable[[], tuple[str, ...]]:
    """A call on a finished folder that is changed."""

    def prepare() -> tuple[str, ...]:
        change(Sample().write(Path("out")))
        return words

    return prepare


CALLS: dict[str, Callable[[], tuple[str, ...]]] = {
    "E101": lambda: ("doctor", "none.npz"),
    "E102": lambda: ("doctor", "BasicMotoins"),
    "E103": lambda: (Path("data.npz").write_text("x"), ("doctor", "data.npz"))[1],
    "E104": lambda: (*saved()(), "--where", "class==0", "--where", "class==1"),
    "E105": saved(x=holed()),
    "E106": saved(x=flat()),
    "E107": saved(y=np.zeros(40, int)),
    "E108": saved(y=np.arange(39) % 2),
    "E109": saved(y=np.array([0] * 39 + [1])),
    "E110": lambda: (*FIT, "--flash", "64"),
    "E111": lambda: ("devices", "cortexm4"),
    "E112": lambda: (*FIT, "--trials", "0"),
    "E113": lambda: (Path("out").write_text("mine"), FIT)[1],
    "E114": sample(lambda out: (out / "model.c").write_text("x"), "report", "out"),
}


@pytest.mark.parametrize("code", CALLS)
def test_mistakes_of_a_user(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = CALLS[code]()
    before = {path.name for path in tmp_path.iterdir()}
    result = call(*words)
    assert result.exit_code == error_pages()[code].exit_code, result.stderr
    assert result.stderr.startswith(f"error[{code}]: ")
    assert "Traceback" not in result.stderr
    assert {path.name for path in tmp_path.iterdir()} == before, "nothing is written"


def test_every_code_for_input_is_provoked_here_or_in_its_room() -> None:
    """E116 is of the estimators, which have no verb; E117 of what a board said about a real model (tests/measure).

    E121 and above are of networks and audits: the tests of their rooms name them.
    """
    others = {code for code in error_pages() if code.startswith("E1")} - set(CALLS)
    networks = {code for code in others if code > "E120"}
    assert others - networks <= {"E115", "E116", "E117"}
    rooms = [
        file
        for room in (
            "audit",
            "cli",
            "core",
            "data",
            "learn",
            "measure",
            "models",
            "compress",
            "deploy",
            "rooms",
            "runtime",
            "search",
        )
        for file in (ROOT / "tests" / room).rglob("*.py")
    ]
    named = {code for file in rooms for code in re.findall(r"E1\d\d", file.read_text(encoding="utf-8"))}
    assert networks <= named


BUDGETS = {
    "E202": ("--flash", "1kB"),
    "E203": ("--ram", "1kB"),
    "E204": ("--instructions", "1000"),
    "E206": ("--energy", "1uJ"),
    "E207": ("--min-accuracy", "99%"),
    "E201": ("--latency", "1ms"),
}


@pytest.mark.parametrize("code", BUDGETS)
def test_budgets_that_are_not_met(code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Search().install(monkeypatch.setattr)
    result = call(*FIT, *BUDGETS[code], "--quiet")
    assert result.exit_code == 3
    assert result.stderr.startswith(f"error[{code}]: ")
    assert "\nhint: " in result.stderr


@pytest.mark.parametrize("code", [code for code in error_pages() if code[:2] in ("E3", "E4")])
def test_failures_of_tools_keep_their_exit_code(
    code: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    def fail(talk: object) -> None:
        raise SartoError(code, "it failed", cause="a cause", hint="a hint")

    Search(act=fail).install(monkeypatch.setattr)
    result = call(*FIT, "--quiet")
    assert result.exit_code == error_pages()[code].exit_code
    assert result.stderr == f"error[{code}]: it failed\ncause: a cause\nhint: a hint\n"
