"""`sarto compare`: the answer in three forms, the gate's exit code, and which of the two folders is damaged."""

import json
from pathlib import Path

import pytest

from sarto.core.evidence import Evidence
from sarto.report.compare import Comparison, read_side
from tests.cli.stand_in import call
from tests.cli.test_terminal import plain, screen
from tests.report.finished import finished
from tests.report.sample import Sample


@pytest.fixture
def pair(folder: Path) -> Path:
    """A working folder with a base `a` and a candidate `b`, which has more flash and less RAM."""
    finished(Path("a"))
    later = Evidence("test accuracy", 0.92, "1", "measured", "t", n=470, interval=(0.89, 0.94))
    finished(Path("b"), Sample(flash_b=11936, ram_b=2700), later=(later,))
    return folder


def cells(text: str, first: str) -> list[str]:
    """The cells of the line that begins with `first`."""
    line = next(line for line in text.splitlines() if line.startswith(first))
    return [cell.strip() for cell in line.split("  ") if cell.strip()]


@pytest.mark.usefixtures("pair")
def test_figures_stand_side_by_side_and_no_gate_is_no_failure() -> None:
    result = call("compare", "a", "b")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0].startswith("A, a/: A leaky echo state network of 62 units ")
    assert lines[2].startswith("B, b/: ")
    assert "Fits cortex_m4: " in lines[2]
    assert cells(result.stdout, "figure") == ["figure", "A", "B", "change", "of A", "outcome", "how"]
    assert cells(result.stdout, "flash") == [
        "flash",
        "11.44 kB",
        "11.94 kB",
        "+500 B",
        "+4.37 %",
        "worse",
        "measured",
    ]
    assert cells(result.stdout, "RAM") == [
        "RAM",
        "2.712 kB",
        "2.7 kB",
        "-12 B",
        "-0.442 %",
        "better",
        "emulated",
    ]
    accuracy = ["test accuracy", "93.62 %", "92 %", "-1.62 points", "-1.73 %", "worse", "measured"]
    assert cells(result.stdout, "test accuracy") == accuracy
    assert cells(result.stdout, "peak stack") == ["peak stack", "212 B", "212 B", "same", "emulated"]
    assert "They overlap: the change may be chance." in result.stdout
    assert "\u00a0" not in result.stdout


@pytest.mark.usefixtures("folder")
def test_a_folder_and_itself() -> None:
    finished(Path("a"))
    result = call("compare", "a", "a", "--gate", "all")
    assert result.exit_code == 0, result.stderr
    assert "\nNothing else differs: the same request, data, tools and model.\n" in result.stdout
    assert " worse  measured" not in result.stdout
    assert "failed" not in result.stdout


@pytest.mark.parametrize(
    ("gates", "code", "error"),
    [
        (("ram",), 0, ""),
        (("flash:5%", "test accuracy:0.02"), 0, ""),
        (("flash:500B",), 0, ""),
        (
            ("flash:499B",),
            5,
            "error[E501]: flash: worse by 500 B (4.372 %), 11.44 kB to 11.94 kB; allowed: 499 B\n",
        ),
        (
            ("flash",),
            5,
            "error[E501]: flash: worse by 500 B (4.372 %), 11.44 kB to 11.94 kB; allowed: nothing\n",
        ),
        (("all",), 5, "error[E501]: 2 of 8 gates failed: test accuracy, flash\n"),
        (
            ("all:2%",),
            5,
            "error[E501]: flash: worse by 500 B (4.372 %), 11.44 kB to 11.94 kB; allowed: 2 %\n",
        ),
        (("all:2%", "flash:1kB"), 0, ""),
    ],
)
@pytest.mark.usefixtures("pair")
def test_a_gate_decides_the_exit_code(gates: tuple[str, ...], code: int, error: str) -> None:
    words = [word for gate in gates for word in ("--gate", gate)]
    for form in ((), ("--json",), ("--markdown",)):
        result = call("compare", "a", "b", *words, *form)
        assert result.exit_code == code
        assert result.stderr.startswith(error) and bool(result.stderr) == bool(error)


@pytest.mark.usefixtures("pair")
def test_a_failed_gate_says_why_and_what_would_be_allowed() -> None:
    result = call("compare", "a", "b", "--gate", "flash", "--gate", "ram", "--gate", "test accuracy:1%")
    first, cause, hint = result.stderr.splitlines()
    assert first == "error[E501]: 2 of 3 gates failed: test accuracy, flash"
    assert cause.startswith(
        "cause: test accuracy: worse by 1.62 points (1.73 %), 93.62 % to 92 %; flash: worse by "
    )
    assert hint == "hint: if that is wanted, allow it by --gate 'test accuracy:1.7%' --gate 'flash:4.4%'"
    table = result.stdout[result.stdout.index("gate ") :]
    assert cells(table, "RAM") == ["RAM", "nothing", "passed"]
    assert cells(table, "test accuracy")[1:] == [
        "1 point",
        "failed: worse by 1.62 points (1.73 %), 93.62 % to 92 %",
    ]


def test_what_cannot_be_judged_does_not_pass(pair: Path) -> None:
    finished(pair / "c", Sample(ram_b=10), later=(Evidence("ram", 10, "B", "estimated", "memory plan"),))
    result = call("compare", "a", "c", "--gate", "ram:50%")
    assert result.exit_code == 5
    assert "\nNot like with like. RAM is emulated in A and estimated in B.\n" in result.stdout
    assert cells(result.stdout, "RAM")[-2:] == ["unlike", "emulated -> estimated"]
    reason = "error[E501]: RAM: estimated in B, emulated in A; allowed: 50 %"
    assert result.stderr.splitlines() == [reason, "hint: `sarto explain E501` says what a gate judges"]
    finished(pair / "d", later=(Evidence("latency", 0.02, "s", "estimated", "cycles"),))
    result = call("compare", "d", "a", "--gate", "latency")
    assert (result.exit_code, "latency: B has no such figure" in result.stderr) == (5, True)
    result = call("compare", "a", "d", "--gate", "latency")
    assert (result.exit_code, "latency: A has no such figure" in result.stderr) == (5, True)
    assert call("compare", "a", "d", "--gate", "all").exit_code == 0


@pytest.mark.usefixtures("pair")
def test_one_document() -> None:
    result = call("compare", "a", "b", "--json", "--gate", "flash:2%", "--gate", "ram")
    document = json.loads(result.stdout)
    expected = Comparison(read_side(Path("a")), read_side(Path("b"))).to_json()
    assert {k: v for k, v in document.items() if k not in ("gates", "passed")} == json.loads(
        json.dumps(expected)
    )
    assert [(g["what"], g["passed"]) for g in document["gates"]] == [("flash", False), ("ram", True)]
    assert document["passed"] is False
    assert json.loads(call("compare", "a", "b", "--json", "--gate", "ram").stdout)["passed"] is True
    assert json.loads(call("compare", "a", "b", "--json").stdout)["passed"] is None


def test_markdown_is_tables_whose_cells_hold_any_text(pair: Path) -> None:
    finished(pair / "c", Sample(classes=("a|b", "<i>")))
    text = call("compare", "a", "c", "--markdown", "--gate", "flash").stdout
    assert (
        "\n| figure | A | B | change | of A | outcome | how |\n| --- | ---: | ---: | ---: | ---: | --- | --- |\n"
        in text
    )
    assert "\n| flash | 11.44 kB | 11.44 kB |  |  | same | measured |\n" in text
    assert "a\\|b, \\<i\\>" in text
    assert "\n| flash | nothing | passed |\n" in text
    rows = [line for line in text.splitlines() if line.startswith("|")]
    assert {line.replace("\\|", "").count("|") for line in rows} == {8, 4}


@pytest.mark.usefixtures("pair")
def test_gates_may_stand_in_the_settings() -> None:
    Path("sarto.toml").write_text('gate = ["flash:1%", "ram"]\nquiet = true\n')
    assert call("compare", "a", "b").exit_code == 5
    assert call("compare", "a", "b", "--gate", "ram").exit_code == 0
    assert call("compare", "a", "b", SARTO_GATE="ram; flash:9%").exit_code == 0
    Path("sarto.toml").write_text('gate = "flsh"\n')
    assert call("compare", "a", "b").stderr.startswith(
        "error[E111]: gate in sarto.toml: 'flsh' is not a figure of "
    )


@pytest.mark.parametrize(
    ("words", "message", "hint"),
    [
        (
            ("a",),
            "error[E112]: sarto compare needs OUT_B",
            "as in: sarto compare base/ out/ --gate flash:2% ",
        ),
        (
            ("a", "b", "--gate", "accuracy"),
            "error[E111]: --gate: 'accuracy' is not a figure",
            "did you mean 'test accuracy'?",
        ),
        (
            ("a", "b", "--gate", "flash:12"),
            "error[E110]: --gate: 'flash:12' is not a figure and an allow",
            "use one of B, ",
        ),
        (("a", "b", "--gate", ":2%"), "error[E112]: --gate: ':2%' names no figure", "as in flash:2%"),
        (
            ("a", "b", "--json", "--markdown"),
            "error[E112]: --json and --markdown exclude",
            "call it once for each",
        ),
        (
            ("x", "b"),
            "error[E114]: OUT_A (x): 'x' is not an output folder",
            "give the folder that `sarto fit ",
        ),
        (
            ("a", "x"),
            "error[E114]: OUT_B (x): 'x' is not an output folder",
            "give the folder that `sarto fit ",
        ),
    ],
)
@pytest.mark.usefixtures("pair")
def test_usage(words: tuple[str, ...], message: str, hint: str) -> None:
    result = call("compare", *words)
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert lines[0].startswith(message)
    assert lines[-1].startswith(f"hint: {hint}")


@pytest.mark.parametrize(
    "name", ["model.c", "verdict.json", "evidence.jsonl", "request.json", "records.json"]
)
@pytest.mark.parametrize("which", ["a", "b"])
def test_the_damaged_one_is_named(pair: Path, which: str, name: str) -> None:
    (pair / which / name).write_text("{")
    result = call("compare", "a", "b", "--gate", "flash")
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.startswith(f"error[E114]: OUT_{which.upper()} ({which}): ")
    assert name in result.stderr


@pytest.mark.parametrize("columns", [120, 80])
def test_the_screen_fits_the_terminal(pair: Path, columns: int) -> None:
    text, code = screen("compare", "a", "b", "--gate", "all", cwd=pair, columns=columns)
    assert code == 5
    lines = plain(text)
    assert max(map(len, lines)) <= columns
    assert any(line.split()[:4] == ["flash", "11.44", "kB", "11.94"] for line in lines)
    assert "\x1b[31m" in text and "\x1b[32m" in text, "worse is red and better green"


@pytest.mark.parametrize("words", [("compare", "a", "b"), ("report", "a")])
def test_markdown_is_not_broken_to_the_width_of_a_terminal(pair: Path, words: tuple[str, ...]) -> None:
    text, code = screen(*words, "--markdown", cwd=pair, columns=60)
    assert code == 0
    assert text.rstrip("\n") == call(*words, "--markdown").stdout.rstrip("\n")
