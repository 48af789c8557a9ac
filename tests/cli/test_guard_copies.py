"""`--guard copy:BYTES`: the tables that were chosen are those that are copied, and both tell what they found."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sarto.audit.faults import copies
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.deploy.guard import Copies, FlashSum, Guards
from sarto.measure import guard
from tests.cli.stand_in import call
from tests.report.records import recorded
from tests.report.sample import Sample

TOLD = Evidence(copies.COVERED, 0.8, "1", "emulated", "faults")


@pytest.fixture(autouse=True)
def out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    recorded(Sample().write(Path("out")))


def test_chosen_tables_are_copied_and_told(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def choose(_: Path, found: Copies, **__: Any) -> tuple[Copies, list[Evidence]]:
        return replace(found, tables=("scale_1",)), [TOLD]

    def guarded(_: Path, guards: Guards, **options: Any) -> tuple[dict[str, str], list[Evidence]]:
        asked.append((guards, options["command"]))
        return {"model.c": "/* guarded */"}, [Evidence("copied tables", 64, "B", "measured", "1 of 3 tables")]

    monkeypatch.setattr(copies, "choose_folder", choose)
    monkeypatch.setattr(guard, "guard_folder", guarded)
    result = call("deploy", "out", "--to", "c", "--guard", "copy:2kB,flash", "-o", "x", "--json")
    assert result.exit_code == 0, result.stderr
    command = "sarto deploy out --to c --guard flash,copy:2000B"
    assert asked == [(Guards(FlashSum(), copy=Copies(2000, ("scale_1",))), command)]
    told = {e["what"]: e["value"] for e in json.loads(result.stdout)["evidence"]}
    assert told == {"copied tables": 64, copies.COVERED: 0.8}


def test_a_budget_that_fits_nothing_is_refused_and_nothing_is_written(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def choose(*_: Any, **__: Any) -> None:
        raise SartoError("E150", "no table fits a copy of 8 B", cause="", hint="allow copy:32B at least")

    monkeypatch.setattr(copies, "choose_folder", choose)
    result = call("deploy", "out", "--to", "c", "--guard", "copy:8B", "-o", "x")
    assert result.exit_code == 2 and "copy:32B" in result.stderr and not Path("x").exists()
