"""The folder of a shrunk network, storage only: what works on it, and what says why it does not."""

import json
from pathlib import Path

import pytest

from tests.cli.stand_in import call
from tests.report.stored import Stored


@pytest.fixture
def small(folder: Path) -> Path:
    """A finished folder of `sarto compress`."""
    return Stored().write(folder / "small")


@pytest.mark.parametrize(
    "words",
    [
        ("measure", "small"),
        ("measure", "small", "--placement", "ble_1m"),
        ("measure", "small", "--from-board", "small/card.md"),
        ("deploy", "small", "--to", "cmake", "-o", "project"),
    ],
)
def test_what_needs_code_for_a_device_says_that_there_is_none(small: Path, words: tuple[str, ...]) -> None:
    for name in ("report.html", "card.md"):
        (small / name).write_text("there already")
    result = call(*words)
    assert result.exit_code == 2
    assert "error[E112]: small holds a network in a file, storage only\n" in result.stderr
    assert "Traceback" not in result.stderr
    assert not Path("project").exists()


def test_it_is_reported_on_in_every_form(small: Path) -> None:
    result = call("report", "small")
    assert result.exit_code == 0, result.stderr
    assert result.stdout.startswith("The file fits, storage only: the binding limit is test accuracy, ")
    assert (small / "report.html").is_file() and (small / "card.md").is_file()
    assert json.loads(call("report", "small", "--json").stdout)["artifact"]["target"] == "storage"
    assert "### Bytes by tensor" in call("report", "small", "--markdown").stdout


@pytest.mark.usefixtures("small")
def test_a_gate_holds_two_files_against_each_other(folder: Path) -> None:
    Stored(file_b=3400).write(folder / "b")
    result = call("compare", "small", "b", "--gate", "flash:2%", "--gate", "test accuracy")
    assert result.exit_code == 5
    assert result.stderr.startswith("error[E501]: flash: worse by 147 B (4.519 %), 3.253 kB to 3.4 kB")
    assert call("compare", "small", "b", "--gate", "flash:5%", "--gate", "test accuracy").exit_code == 0
