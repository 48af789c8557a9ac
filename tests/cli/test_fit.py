"""`sarto fit`: the request it makes, its last screen, and its endings; the search is a stand-in."""

import json
import os
import resource
import shlex
from dataclasses import replace
from pathlib import Path

import pytest

from sarto.core.budget import Budget
from sarto.core.errors import SartoError
from sarto.search.fit import FitRequest
from tests.cli.stand_in import FIT, Search, call, run
from tests.report.sample import Sample


@pytest.mark.usefixtures("folder")
def test_every_option_reaches_the_request(search: Search) -> None:
    words = shlex.split(
        "--flash 64kB --ram 16KiB --instructions 1000000 --latency 20ms --energy 2mJ --min-accuracy 85% "
        "--group subject --target activity --channels watch*,phone* --channels x --where purity>=0.6 --where a!=b "
        "--trials 12 --time 60s --workers 2 --seed 7 --hop 25 --sensor-bits 8 --sensor-scale 0.5 --optimise o2 "
        "--name watch --cells esn,ring --sequence run --window 50"
    )
    result = call(*FIT, *words)
    assert search.requests, result.stderr
    assert search.requests[0] == FitRequest(
        source="BasicMotions",
        out=Path("out"),
        device="cortex_m4",
        budget=Budget(64_000, 16384, 1_000_000, 0.02, 0.002, 0.85),
        trials=12,
        time_s=60.0,
        workers=2,
        seed=7,
        group="subject",
        target="activity",
        channels=("watch*", "phone*", "x"),
        where=("purity>=0.6", "a!=b"),
        sequence="run",
        window=50,
        hop=25,
        sensor_bits=8,
        sensor_scale=0.5,
        optimise="-O2",
        name="watch",
        cells=("esn", "ring"),
        command=search.requests[0].command,
    )


@pytest.mark.usefixtures("folder")
def test_without_options_the_request_has_the_defaults_of_fit(search: Search) -> None:
    assert call(*FIT).exit_code == 0
    bare = FitRequest(source="BasicMotions", out=Path("out"), device="cortex_m4", budget=Budget())
    assert search.requests[0] == replace(bare, command=shlex.join(("sarto", *FIT)))


def test_the_last_screen(folder: Path, search: Search) -> None:
    result = call(*FIT, "--flash", "32KiB", "--ram", "4KiB", "--min-accuracy", "0.9")
    assert result.exit_code == 0, result.stderr
    lines = result.stdout.splitlines()
    assert lines[0].split() == ["limit", "budget", "got", "margin", "how"]
    names = ["flash", "RAM", "test accuracy", "instructions per inference"]
    assert [line.split("  ")[0] for line in lines[1:5]] == names
    assert all(line.split()[-1] in ("measured", "emulated") for line in lines[1:5])
    assert " none " in lines[4], "no limit was set for the instructions"
    assert lines[6].startswith("Fits cortex_m4: ")
    assert "test accuracy" in lines[6]
    assert lines[8] == "model: A leaky echo state network of 62 units for 5 activities of a watch."
    assert lines[9] == "files: out/, and the report in out/report.html"
    assert "\u00a0" not in result.stdout
    assert (folder / "out" / "report.html").read_text().startswith("<!doctype html>")
    assert (folder / "out" / "card.md").read_text().startswith("# ")


@pytest.mark.usefixtures("folder", "search")
def test_progress_is_lines_on_stderr_and_quiet_is_silence() -> None:
    loud, quiet = call(*FIT), call(*FIT[:-1], "other", "--quiet")
    assert loud.stderr.startswith("search: 4 of 4 in ")
    assert loud.stderr.endswith(", best validation error 0.070\n")
    assert loud.stderr.count("\n") == 1
    assert (quiet.exit_code, quiet.stderr) == (0, "")


@pytest.mark.usefixtures("folder", "search")
def test_json_is_one_document_on_stdout() -> None:
    result = call(*FIT, "--flash", "32KiB", "--json")
    document = json.loads(result.stdout)
    assert result.exit_code == 0
    assert set(document) == {
        "out",
        "already_done",
        "device",
        "model",
        "artifact_sha256",
        "verdict",
        "chosen",
        "nearest",
    }
    assert document["out"] == "out"
    assert document["verdict"]["fits"] is True
    assert document["verdict"]["binding"] == "flash"
    assert document["nearest"] == []
    assert document["chosen"]["name"]
    assert result.stderr.startswith("search: ")


@pytest.mark.usefixtures("folder", "search")
@pytest.mark.parametrize("again", [False, True])
def test_a_budget_that_is_not_met_exits_3_with_what_binds(again: bool) -> None:
    words = (*FIT, "--ram", "2kB", "--flash", "11kB")
    if again:
        call(*words)
    result = call(*words)
    assert result.exit_code == 3
    assert "Does not fit cortex_m4: RAM is 2.712 kB, 712 B over the limit of 2 kB" in result.stdout
    assert "The points that came nearest:" in result.stdout
    assert [line.split()[0] for line in result.stdout.splitlines() if line.startswith("t0")] == [
        "t003",
        "t010",
    ]
    assert "error[E203]: RAM 2.712 kB > 2 kB on cortex_m4 (over by 712 B)\ncause: " in result.stderr
    assert "flash is not met either\nhint: raise --ram to 2712B" in result.stderr
    assert Path("out/report.html").exists()


@pytest.mark.usefixtures("folder", "search")
def test_json_of_a_budget_that_is_not_met_is_the_result_not_the_error() -> None:
    result = call(*FIT, "--ram", "2kB", "--json")
    assert result.exit_code == 3
    document = json.loads(result.stdout)
    assert document["verdict"]["fits"] is False
    assert len(document["nearest"]) == 2
    assert result.stderr.splitlines()[1].startswith("error[E203]")


def test_a_finished_folder_says_so_and_writes_nothing(folder: Path, search: Search) -> None:
    assert call(*FIT).exit_code == 0
    before = {path: path.stat().st_mtime_ns for path in (folder / "out").iterdir()}
    result = call(*FIT)
    assert result.exit_code == 0
    assert result.stdout.startswith("out/ holds the finished result of this request; nothing was run.\n")
    assert "search" not in result.stderr
    assert {path: path.stat().st_mtime_ns for path in (folder / "out").iterdir()} == before


def test_a_finished_folder_without_its_report_gets_it(folder: Path, search: Search) -> None:
    call(*FIT)
    (folder / "out" / "report.html").unlink()
    assert call(*FIT).exit_code == 0
    assert (folder / "out" / "report.html").exists()


def test_a_finished_folder_answers_within_two_seconds(folder: Path) -> None:
    """Of processor time: other processes of this machine are not its matter."""
    assert run(*FIT, cwd=folder, fake="quick").returncode == 0
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run(*FIT, cwd=folder, fake="quick").returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime < 2


@pytest.mark.usefixtures("search")
def test_a_folder_that_is_a_file_is_refused(folder: Path) -> None:
    (folder / "out").write_text("mine")
    result = call(*FIT)
    assert result.exit_code == 2
    assert result.stderr.startswith("error[E113]: 'out' is a file\n")
    assert (folder / "out").read_text() == "mine"


@pytest.mark.usefixtures("search")
@pytest.mark.parametrize(("out", "said"), [("notes/out", "'notes' is a file"), ("x" * 300, "cannot be made")])
def test_a_folder_that_can_never_be_is_refused(folder: Path, out: str, said: str) -> None:
    (folder / "notes").write_text("mine")
    result = call(*FIT[:-1], out)
    assert result.exit_code == 2
    assert result.stderr.startswith("error[E113]")
    assert said in result.stderr.splitlines()[0]
    assert [entry.name for entry in folder.iterdir()] == ["notes"]


@pytest.mark.usefixtures("search")
def test_a_folder_that_may_not_be_written_is_refused(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(path: object, mode: int) -> bool:
        return False

    monkeypatch.setattr(os, "access", denied)
    result = call(*FIT)
    assert result.exit_code == 2
    assert result.stderr.startswith("error[E113]: the folder 'out' cannot be made\n")
    assert not (folder / "out").exists()


@pytest.mark.usefixtures("search")
@pytest.mark.parametrize(
    ("source", "code"), [("none.npz", "E101"), ("BasicMotoins", "E102"), ("notes.txt", "E103")]
)
def test_a_source_that_is_not_there_is_refused_before_anything_is_written(
    folder: Path, source: str, code: str
) -> None:
    (folder / "notes.txt").write_text("x")
    result = call("fit", source, *FIT[2:])
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error[{code}]: ")
    assert not (folder / "out").exists()


def test_errors_of_the_search_are_passed_on(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(talk: object) -> None:
        raise SartoError("E301", "zig is not installed", hint="pip install 'sarto[mcu]'")

    Search(act=fail).install(monkeypatch.setattr)
    result = call(*FIT)
    assert result.exit_code == 4
    assert result.stderr.endswith("error[E301]: zig is not installed\nhint: pip install 'sarto[mcu]'\n")


def test_without_a_budget_nothing_is_judged(folder: Path, search: Search) -> None:
    result = call(*FIT)
    assert result.stdout.splitlines()[0].split() == ["limit", "budget", "got", "margin", "how"]
    assert "No budget was set for cortex_m4" in result.stdout


def test_the_folder_is_shown_as_it_was_typed(folder: Path, search: Search) -> None:
    Sample(budget=Budget()).write(folder / "deep" / "out")
    result = call(*FIT[:-1], "deep/../deep/out")
    assert "files: deep/../deep/out/, and the report in deep/../deep/out/report.html" in result.stdout
