"""`sarto label`: the answer on a terminal and as JSON, the files, checks and their exit code, and what it refuses."""

import json
from pathlib import Path

import pytest

from tests.audit.labels.compas import SLIDE, rows
from tests.cli.stand_in import call
from tests.cli.test_terminal import plain, screen

ASKED = ("label", "compas.csv", "--protected", "race", "--target", "recid")


@pytest.fixture
def compas(folder: Path) -> Path:
    """A working folder with the rows of COMPAS and the slide about them."""
    data = rows()
    lines = [f"{race},{y}" for race, y in zip(data["race"], data["recid"], strict=True)]
    (folder / "compas.csv").write_text("race,recid\n" + "\n".join(lines) + "\n", encoding="utf-8")
    (folder / "slide.json").write_text(SLIDE, encoding="utf-8")
    return folder


@pytest.mark.usefixtures("compas")
def test_the_answer_has_figures_shares_findings_and_checks() -> None:
    result = call(*ASKED)
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "compas.csv: 6,172 rows, race and the target recid"
    assert "contingency coefficient C    0.141  0.114 to 0.163    measured" in lines
    assert "Black            3,175  0.514   0.245   0.477   0.450   0.269   0.523   0.591" in lines, (
        result.stdout
    )
    assert any(line.startswith("warning: few rows of race: Native American has 11") for line in lines)
    assert lines[-1].startswith("7 of 7 checks passed")


def test_on_a_terminal_of_80_columns_tables_stand_unbroken(compas: Path) -> None:
    text, code = screen(*ASKED, cwd=compas, columns=80)
    assert code == 0
    lines = plain(text)
    assert max(map(len, lines)) <= 80
    black = ["Black", "3,175", "0.514", "0.245", "0.477", "0.450", "0.269", "0.523", "0.591"]
    assert black in [line.split() for line in lines]


@pytest.mark.usefixtures("compas")
def test_json_is_one_document_that_passes_its_own_check() -> None:
    result = call(*ASKED, "--json")
    made = json.loads(result.stdout)
    assert made["format"] == "sarto-label/1"
    assert made["parts"][0]["dependence"]["w"]["value"] == pytest.approx(0.14268, abs=1e-5)
    assert len(made["data"]["sha256"]) == 64
    Path("again.json").write_text(result.stdout, encoding="utf-8")
    again = call("label", "--check", "again.json", "--json")
    assert (again.exit_code, json.loads(again.stdout)["passed"]) == (0, True)


@pytest.mark.usefixtures("compas")
def test_the_files_are_written_and_said() -> None:
    Path("about.json").write_text('{"license": "https://example.org/l"}', encoding="utf-8")
    result = call(*ASKED, "-o", "out", "--html", "page.html", "--about", "about.json")
    assert result.exit_code == 0, result.stderr
    assert {path.name for path in Path("out").iterdir()} == {"label.html", "label.json", "croissant.json"}
    assert Path("page.html").read_text(encoding="utf-8") == Path("out/label.html").read_text(encoding="utf-8")
    croissant = json.loads(Path("out/croissant.json").read_text(encoding="utf-8"))
    assert croissant["license"] == "https://example.org/l"
    assert croissant["distribution"][0]["contentSize"] == f"{Path('compas.csv').stat().st_size} B"
    assert "Croissant with its RAI fields: out/croissant.json" in result.stdout


@pytest.mark.usefixtures("compas")
def test_a_wrong_label_ends_with_5_and_says_why() -> None:
    result = call("label", "--check", "slide.json")
    assert result.exit_code == 5
    assert "counts were divided by 10,000, not by the 6,172 rows" in result.stdout
    assert result.stderr.startswith(
        "error[E501]: 3 of 8 checks failed on 'slide.json'\ncause: each share is given once"
    )
    with_data = call(*ASKED, "--check", "slide.json")
    assert "shares are those of the data: 11 of 24 differ" in with_data.stdout


REFUSED = [
    ((), "E112", "sarto label needs DATA, --protected, --target"),
    (("compas.csv", "--target", "recid"), "E112", "sarto label needs --protected"),
    ((*ASKED[1:], "--bins", "age"), "E112", "--bins: 'age' names no column"),
    ((*ASKED[1:], "--missing", "drop"), "E112", "--missing: 'drop' is not one of the choices"),
    ((*ASKED[1:], "--about", "slide.json"), "E112", "--about goes with --croissant or -o"),
    ((*ASKED[1:], "--check", "slide.json", "-o", "x"), "E112", "--check and -o exclude each other"),
    (("--check", "slide.json", "--html", "x"), "E112", "--html goes with DATA"),
    (("--check", "compas.csv"), "E156", "'compas.csv' is no label that can be checked"),
    (("--check", "gone.json"), "E101", "there is no file 'gone.json'"),
    ((*ASKED[1:], "--croissant", "x", "--about", "compas.csv"), "E112", "--about: 'compas.csv' is no JSON"),
    ((*ASKED[1:], "--html", "."), "E112", "--html: '.' is a folder"),
    (("gone.csv", "--protected", "race", "--target", "recid"), "E101", "there is no file 'gone.csv'"),
]  # fmt: skip


@pytest.mark.usefixtures("compas")
@pytest.mark.parametrize(("words", "code", "message"), REFUSED)
def test_what_cannot_be_done_is_refused(words: tuple[str, ...], code: str, message: str) -> None:
    result = call("label", *words)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert result.stderr.startswith(f"error[{code}]: {message}"), result.stderr
