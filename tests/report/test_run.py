from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sarto.core.errors import SartoError
from sarto.core.evidence import Ledger
from sarto.report import read_run
from tests.report.records import RECORDED
from tests.report.sample import Sample


def refused(folder: Path) -> SartoError:
    with pytest.raises(SartoError) as caught:
        read_run(folder)
    assert caught.value.code == "E114"
    assert caught.value.exit_code == 2
    assert caught.value.cause and caught.value.hint
    return caught.value


def test_everything_is_read(tmp_path: Path) -> None:
    sample = Sample(findings=(("S07", "warning", "low"),))
    run = read_run(sample.write(tmp_path / "out"))
    assert list(run.evidence) == sample.evidence() == list(Ledger(tmp_path / "out" / "evidence.jsonl"))
    assert list(run.points) == sample.front()
    assert run.chosen in [p.name for p in run.points]
    assert run.verdict.binding == "test accuracy"
    assert run.verdict.fits
    assert set(run.tables) == set(sample.tables)
    assert run.findings == ({"what": "S07", "severity": "warning", "text": "low"},)
    assert [s.method for s in run.recipe.steps] == ["esn", "ridge", "ptq"]
    assert run.latest("flash") is not None and run.latest("latency") is None


def test_the_newest_evidence_wins(tmp_path: Path) -> None:
    folder = Sample().write(tmp_path)
    first = next(iter(Ledger(folder / "evidence.jsonl")))
    Ledger(folder / "evidence.jsonl").append(type(first)("flash", 1.0, "B", "declared", "later"))
    newest = read_run(folder).latest("flash")
    assert newest is not None and newest.tool == "later"


def test_no_such_folder_and_a_file_and_an_empty_folder(tmp_path: Path) -> None:
    assert "no such folder" in refused(tmp_path / "none").cause
    (tmp_path / "file").write_text("x")
    assert "it is a file" in refused(tmp_path / "file").cause
    (tmp_path / "empty").mkdir()
    assert "no artifact.json" in refused(tmp_path / "empty").cause


@pytest.mark.parametrize(
    "name",
    [
        "evidence.jsonl",
        "front.json",
        "verdict.json",
        "recipe.json",
        "tables.json",
        "provenance.json",
        "model.c",
        "graph.npz",
    ],
)
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    folder = Sample().write(tmp_path)
    (folder / name).unlink()
    error = refused(folder)
    assert name in error.message
    assert "missing" in error.cause


@pytest.mark.parametrize("name", RECORDED)
@pytest.mark.parametrize("how", ["cut short", "cut in half", "not UTF-8", "a list", "an object"])
def test_a_damaged_file_is_named(tmp_path: Path, name: str, how: str) -> None:
    folder = Sample().write(tmp_path)
    path = folder / name
    whole = path.read_bytes()
    damaged = {
        "cut short": whole[:-4],
        "cut in half": whole[: len(whole) // 2],
        "not UTF-8": b"\xff" + whole,
        "a list": b"[1]",
        "an object": b'{"a": 1}',
    }
    path.write_bytes(damaged[how])
    assert name in refused(folder).message


def test_findings_may_be_absent_but_not_damaged(tmp_path: Path) -> None:
    folder = Sample().write(tmp_path)
    assert read_run(folder).findings == ()
    (folder / "findings.jsonl").write_text("")
    assert read_run(folder).findings == ()
    (folder / "findings.jsonl").write_text('{"what": "a", "severity": "b", "text": "c"}\n{"what": 1}\n')
    assert "findings.jsonl, line 2" in refused(folder).message


def edit(folder: Path, name: str, change: Callable[[Any], None]) -> None:
    content = json.loads((folder / name).read_text(encoding="utf-8"))
    change(content)
    (folder / name).write_text(json.dumps(content), encoding="utf-8")


def test_the_place_of_a_missing_or_wrong_entry_is_named(tmp_path: Path) -> None:
    folder = Sample().write(tmp_path)
    edit(folder, "provenance.json", lambda c: c["search"].pop("cpu_s"))
    error = refused(folder)
    assert "provenance.json, 'search'" in error.message
    assert "'cpu_s' is missing" in error.cause
    edit(folder, "provenance.json", lambda c: c["search"].update(cpu_s="long"))
    assert "'search', 'cpu_s'" in refused(folder).message


def test_a_foreign_format_and_not_a_number_are_refused(tmp_path: Path) -> None:
    folder = Sample().write(tmp_path)
    edit(folder, "tables.json", lambda c: c[0]["rows"][0].__setitem__(1, float("nan")))
    assert "NaN is not JSON" in refused(folder).cause
    edit(folder, "artifact.json", lambda c: c.update(format="sarto-artifact/9"))
    assert "sarto-artifact/9" in refused(folder).cause


def test_a_changed_file_is_refused_because_the_evidence_is_not_about_it(tmp_path: Path) -> None:
    folder = Sample().write(tmp_path)
    (folder / "model.c").write_text("int y;\n")
    error = refused(folder)
    assert "model.c" in error.message
    assert "hash" in error.cause


def test_reading_needs_neither_torch_nor_numpy_nor_what_draws_the_page() -> None:
    names = "('torch', 'numpy', 'matplotlib', 'jinja2')"
    code = f"import sys, sarto.report; print([m for m in {names} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
