"""Spoilt data: sets are whole before they are spoilt, some of each kind are refused in words, and a fault is seen."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks._malformed import CLASSES, KINDS, RUNS
from benchmarks._spoilt import snapshot, spoil
from benchmarks.malformed_data import answered
from sarto.core.errors import SartoError
from sarto.data.load import load


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_can_be_read_before_it_is_spoilt(tmp_path: Path, kind: str) -> None:
    data = load(KINDS[kind](tmp_path))
    assert (len(data), set(data.classes)) == (RUNS, set(CLASSES))
    assert data.values.shape[1] in (1, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_spoilt_data_are_refused_in_words(tmp_path: Path, kind: str) -> None:
    random = np.random.default_rng([list(KINDS).index(kind), 3])
    refused = 0
    for number in range(8):
        folder = tmp_path / str(number)
        folder.mkdir()
        source = KINDS[kind](folder)
        what = spoil(source, random)
        answer = answered(folder, ["doctor", str(source)])
        assert not answer.faults, f"{what}: {answer}"
        refused += answer.status == 2
    assert refused


def test_faults_are_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = KINDS["ts"](tmp_path)

    def unforeseen(*_: object, **__: object) -> None:
        raise RuntimeError

    def silent(*_: object, **__: object) -> None:
        (source.parent / "left.txt").write_text("x")
        raise SartoError("E103", f"cannot read {tmp_path}/other")

    monkeypatch.setattr("sarto.cli._inspection.load", unforeseen)
    assert answered(tmp_path, ["doctor", str(source)]).faults == ("traceback",)
    monkeypatch.setattr("sarto.cli._inspection.load", silent)
    faults = answered(tmp_path, ["doctor", str(source)]).faults
    assert faults == ("something written", "no cause or hint", "path of this machine")


@pytest.mark.parametrize("kind", KINDS)
def test_spoiling_changes_something(tmp_path: Path, kind: str) -> None:
    random = np.random.default_rng(0)
    changed = 0
    for number in range(10):
        folder = tmp_path / str(number)
        folder.mkdir()
        source = KINDS[kind](folder)
        before = snapshot(folder)
        spoil(source, random)
        changed += snapshot(folder) != before
    assert changed >= 6
