"""`sarto report`: the same folder as a page, a card or a document."""

import json
from pathlib import Path

import pytest

from sarto.report import as_json, card, html, read_run
from tests.cli.stand_in import call
from tests.report.sample import Sample


@pytest.fixture
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A finished output folder."""
    monkeypatch.chdir(tmp_path)
    return Sample().write(Path("out"))


def test_page_and_card_are_written_again(out: Path) -> None:
    (out / "card.md").write_text("old")
    result = call("report", "out")
    assert result.exit_code == 0, result.stderr
    assert (out / "report.html").read_text(encoding="utf-8") == html(read_run(out))
    assert (out / "card.md").read_text(encoding="utf-8") == card(read_run(out))
    sentence, files = result.stdout.splitlines()
    assert sentence.startswith("Fits cortex_m4: ")
    assert files == "report: out/report.html, out/card.md"


def test_the_page_goes_where_it_is_wanted(out: Path) -> None:
    result = call("report", "out", "--html", "pages/watch.html")
    assert result.exit_code == 0
    assert Path("pages/watch.html").read_text(encoding="utf-8") == html(read_run(out))
    assert not (out / "report.html").exists()


def test_json_and_markdown_are_the_answer_alone(out: Path) -> None:
    document = call("report", "out", "--json")
    assert json.loads(document.stdout) == json.loads(json.dumps(as_json(read_run(out))))
    assert call("report", "out", "--markdown").stdout == card(read_run(out)).rstrip("\n") + "\n"
    assert not (out / "report.html").exists()


@pytest.mark.usefixtures("out")
def test_one_form_at_a_time() -> None:
    result = call("report", "out", "--json", "--markdown")
    assert result.exit_code == 2
    assert result.stderr.startswith("error[E112]: --json and --markdown exclude each other\n")


@pytest.mark.usefixtures("out")
def test_a_folder_is_no_page() -> None:
    result = call("report", "out", "--html", "out")
    assert result.exit_code == 2
    assert result.stderr.startswith("error[E112]: --html: 'out' is a folder\n")


def test_a_damaged_folder_is_not_reported_on(out: Path) -> None:
    (out / "verdict.json").write_text("{")
    result = call("report", "out")
    assert result.exit_code == 2
    assert result.stderr.startswith("error[E114]: verdict.json: the output folder is damaged\n")
