"""The self-test of a folder: it tests the folder's model, and its evidence is of that model."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sarto.audit.faults.graph import GraphSpace
from sarto.audit.selftest import CANDIDATES, LEAST, USUAL, effort_of, selftest_folder
from sarto.audit.testlibrary import LASTING, Chooser, Effort
from sarto.core.artifact import NAME, seal
from sarto.core.device import STORAGE
from sarto.core.errors import SartoError
from sarto.core.store import write_atomic
from sarto.measure.model import RawSequences
from sarto.models.pooling import Pooling
from tests.audit.faults.test_folder import folder
from tests.deploy import models
from tests.deploy.c.chains import chain

SMALL = Effort(faults=150, held_out=200, generations=1, children=4)


def test_a_folder_gets_a_self_test_with_its_evidence(tmp_path: Path) -> None:
    graph, given = folder(tmp_path)
    before = sorted(path.name for path in tmp_path.iterdir())
    made = selftest_folder(tmp_path, 2, effort=SMALL, command="sarto audit out --self-test 2")
    assert sorted(made.sources) == ["selftest.c", "selftest.h"]
    assert len(made.library.inputs) == 2 and len(given) == 5
    assert {row.subject_sha256 for row in made.evidence} == {graph.sha256}
    found, any_, random, flash, instructions = made.evidence
    assert (any_.value, any_.n) == (made.library.coverage.any.share, made.library.coverage.faults[1])
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


def test_the_effort_for_a_reservoir_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    made = models.lowered("esn", units=20, lengths=(12,) * 100)
    graph, given = models.complete(made), RawSequences(made.raw, made.offsets)
    few, effort = effort_of(graph, given)
    assert len(few) == CANDIDATES
    assert (effort.faults, effort.held_out, effort.generations) == (1000, 2000, 0), "a small one costs little"
    monkeypatch.setattr("sarto.audit.selftest.WORK", 1e6)
    assert effort_of(graph, given)[1].faults == LEAST // 3
    monkeypatch.setattr("sarto.audit.selftest.WORK", 1000 * 64 * 12 * 20 * (20 + 3))
    assert effort_of(graph, given)[1].faults == 333
    assert effort_of(chain(3, 2), given) == (given, USUAL)


def test_a_reservoir_tests_itself() -> None:
    made = models.lowered("esn", units=6, lengths=(9,) * 8, pooling=Pooling("last"))
    graph = models.complete(made)
    space = GraphSpace(graph, made.raw, made.offsets, LASTING)
    chooser = Chooser(space, None, Effort(150, 200, generations=0))
    library = chooser.evolved(3)
    assert not library.made.any()
    assert library.coverage.critical.share >= np.median(chooser.at_random(3)[:, 0])
    assert "selftest.c" in library.sources()
