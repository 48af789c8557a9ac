"""The log of decisions: what has a line, what the lines say, and that the disk does not fill."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sarto.core.errors import SartoError
from sarto.devices.platforms import platform
from sarto.runtime.goal import Goal
from sarto.runtime.log import Job, Log, entry, sentence, sentences
from sarto.runtime.manager import Manager
from sarto.runtime.points import Points, Variant, grid

POINTS = Points.of(grid([Variant("half", 0.63, 0.5), Variant("full", 0.71, 1.0)], platform("odroid_xu3")))


def ran(manager: Manager, goal: Goal, log: Log, job: int, slow: float = 1.0) -> None:
    decision = manager.decide(goal)
    took = slow * decision.expected_s
    log.heard(manager, decision, Job(job, took))
    manager.observe(decision, took)


def test_what_is_as_before_has_no_line_and_what_is_late_has_one(tmp_path: Path) -> None:
    manager, log = Manager(POINTS, "min_energy"), Log(tmp_path / "log.jsonl")
    for job in range(1, 6):
        ran(manager, Goal(0.6, 0.7), log, job)
    ran(manager, Goal(0.6, 0.6), log, 6)
    ran(manager, Goal(0.6, 0.6), log, 7, slow=3.0)
    lines = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert [(line["job"], line["late"]) for line in lines] == [(1, False), (6, False), (7, True)]
    assert [line.get("was") for line in lines] == [None, "full on a7 at 700 MHz", None]
    assert lines[0]["asked"] == {"deadline_s": 0.6, "accuracy": 0.7}


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        (Goal(0.6, 0.7), "which is less accurate than the 0.7 asked for."),
        (Goal(0.2, 0.5), "which is too slow for that."),
        (Goal(0.2, 0.7), "which is too slow for that and is less accurate than the 0.7 asked for."),
        (Goal(power_w=0.1), "which draws more than the 100 mW allowed."),
        (Goal(0.05, 0.7), "No point met all limits: deadline and accuracy gave way."),
        (Goal(), "expected to take 252 ms."),
    ],
)
def test_the_reason_is_told(goal: Goal, said: str) -> None:
    manager = Manager(POINTS, "min_energy")
    decision = manager.decide(goal)
    assert said in sentence(entry(manager, decision, Job(1, decision.expected_s)))


def test_what_was_learned_is_told() -> None:
    manager = Manager(POINTS, "min_energy")
    first = manager.decide(Goal(2.0))
    assert "as slow as stated" not in sentence(entry(manager, first, Job(1, 0.1)))
    manager.observe(first, 2 * first.expected_s)
    assert "Jobs there are expected to take 2 times as long as stated." in sentence(
        entry(manager, manager.decide(Goal(2.0)), Job(2, 0.1))
    )


def test_a_full_file_is_renamed_and_only_one_is_kept(tmp_path: Path) -> None:
    manager = Manager(POINTS, "min_energy")
    for start in range(0, 40, 10):  # also when a process goes on with the file of another
        log = Log(tmp_path / "log.jsonl", longest=12)
        for job in range(start, start + 10):
            ran(manager, Goal(1.0 + job), log, job)
    kept = {path.name: len(path.read_text().splitlines()) for path in tmp_path.iterdir()}
    assert kept == {"log.jsonl": 4, "log.jsonl.1": 12}


def test_sentences_of_a_file_and_a_line_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log, manager = Log(path), Manager(POINTS, "min_energy")
    ran(manager, Goal(0.6), log, 1)
    ran(manager, Goal(0.5), log, 2)
    whole = path.read_text()
    assert [text.split()[1] for text in sentences(path)] == ["1", "2"]
    path.write_text(whole[:-20])
    assert [text.split()[1] for text in sentences(path)] == ["1"]
    path.write_text('{"job": 1}\n' + whole)
    with pytest.raises(SartoError, match=r"line 1 of .* is no decision"):
        list(sentences(path))
    with pytest.raises(SartoError, match="E101"):
        list(sentences(tmp_path / "none.jsonl"))
