"""The self-test of a folder: it tests the folder's model, and its evidence is of that model."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sarto.audit.selftest import selftest_folder
from sarto.audit.testlibrary import Effort
from sarto.core.artifact import NAME, seal
from sarto.core.device import STORAGE
from sarto.core.errors import SartoError
from sarto.core.store import write_atomic
from tests.audit.faults.test_folder import folder

SMALL = Effort(faults=150, held_out=200, generations=1, children=4)


def test_a_folder_gets_a_self_test_with_its_evidence(tmp_path: Path) -> None:
    graph, given = folder(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    made = selftest_folder(tmp_path, 2, effort=SMALL, command="sarto audit out --self-test 2")
    assert sorted(made.sources) == ["selftest.c", "selftest.h"]
    assert len(made.library.inputs) == 2 and len(given) == 5
    assert {row.subject_sha256 for row in made.evidence} == {graph.sha256}
    found, random, flash, instructions = made.evidence
    assert found.value == made.library.coverage.critical.share and found.n == made.library.coverage.faults[0]
    assert random.interval is not None and random.interval[0] <= random.value <= random.interval[1]
    assert flash.value > 2 * given.raw[: given.offsets[1]].size and instructions.value > 1000
    assert sorted(path.name for path in tmp_path.iterdir()) == before


def test_more_inputs_than_there_are_and_a_stored_network_are_refused(tmp_path: Path) -> None:
    folder(tmp_path)
    with pytest.raises(SartoError) as caught:
        selftest_folder(tmp_path, 6, effort=SMALL)
    assert caught.value.code == "E165"
    manifest = json.loads((tmp_path / NAME).read_text(encoding="utf-8"))
    del manifest["sha256"]
    write_atomic(tmp_path / NAME, json.dumps(seal({**manifest, "target": STORAGE})))
    with pytest.raises(SartoError) as caught:
        selftest_folder(tmp_path, 2, effort=SMALL)
    assert caught.value.code == "E165" and "stored network" in caught.value.cause
