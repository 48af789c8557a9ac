"""Spoilt data of every kind that can be read end in a worded error: no traceback, nothing half-written.

For each kind of data a small valid set is written and spoilt at random: cut off, bytes and values replaced, lines
swapped, arrays of other types, headers changed, files removed, and so on. `sarto doctor` then says whether the data can
still be read; if not, `sarto fit` is asked too. A refusal counts as right when both end with exit status 2, name the
same error of the codes E101 to E116 with a cause or a hint, and leave the folder byte for byte as it was. Of those data
that can still be read, some are fitted; a fit must end with a model, or with a worded error.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from click.testing import CliRunner

from benchmarks._bench import Bench
from benchmarks._malformed import KINDS
from benchmarks._outcome import Figure, Outcome, at_least, at_most
from benchmarks._spoilt import snapshot, spoil
from sarto.cli._program import PROGRAM

MINUTES = 10
REFUSED, FITTED = 30, 3
"""Spoilt sets of each kind that must be refused, and that are fitted of those which can be read."""
_ERROR = re.compile(r"^error\[(E\d+)\]: \S", re.MULTILINE)


@dataclass(frozen=True)
class Answer:
    """What a call of the command line did: exit status, code of its error, and what is wrong with that answer."""

    status: int
    code: str
    faults: tuple[str, ...]


def run(bench: Bench) -> Outcome:
    """Return how many spoilt sets of each kind were refused, and how many answers were wrong."""
    figures: dict[str, Figure] = {}
    refused, faults = 0, Counter[str]()
    for kind in KINDS:
        codes, accepted, wrong = tried(bench, kind)
        refused += sum(codes.values())
        faults += wrong
        bench.say(
            f"{kind}: {dict(sorted(codes.items()))}, {accepted} still readable, {wrong.total()} wrong answers"
        )
        figures[f"{kind}: spoilt sets that are refused"] = Figure(sum(codes.values()), "sets", "measured")
        figures[f"{kind}: spoilt sets that can still be read"] = Figure(accepted, "sets", "measured")
        figures[f"{kind}: different errors"] = Figure(len(codes), "codes", "measured")
    kinds = ("traceback", "something written", "no cause or hint", "another answer", "path of this machine")
    figures |= {f"answers with {name}": Figure(faults[name], "answers", "measured") for name in kinds}
    bars = (
        at_least("spoilt sets that are refused", refused, 300),
        at_most("answers with a traceback or an unforeseen failure", faults["traceback"], 0),
        at_most("answers that left something written", faults["something written"], 0),
        at_most("other wrong answers", faults.total() - faults["traceback"] - faults["something written"], 0),
    )
    return Outcome(figures, () if bench.quick else bars)


def tried(bench: Bench, kind: str) -> tuple[Counter[str], int, Counter[str]]:
    """Return the codes by which sets of a kind were refused, how many were not, and what was wrong."""
    wanted = 5 if bench.quick else REFUSED
    random = np.random.default_rng([list(KINDS).index(kind), 7])
    codes, faults, accepted, fits = Counter[str](), Counter[str](), 0, 0
    while codes.total() < wanted:
        assert accepted < 20 * wanted, "spoiling spoils"
        with tempfile.TemporaryDirectory(prefix="sarto-") as name:
            folder = Path(name)
            source = KINDS[kind](folder)
            what = spoil(source, random)
            first = answered(folder, ["doctor", str(source)])
            answers = [first]
            if first.status == 2:
                codes[first.code] += 1
                answers.append(answered(folder, [*_fit(source), "-o", str(folder / "out")]))
                answers[1:] = [_same(answers[1], first)]
            else:
                accepted += 1
                if fits < (1 if bench.quick else FITTED):
                    fits += 1
                    with tempfile.TemporaryDirectory(prefix="sarto-") as out:
                        answers.append(answered(folder, [*_fit(source), "-o", f"{out}/out"], (0, 2, 3)))
            for answer in answers:
                for fault in answer.faults:
                    bench.say(f"{kind}, {what}: {fault}, exit status {answer.status}, {answer.code}")
                    faults[fault] += 1
    return codes, accepted, faults


def answered(folder: Path, words: Sequence[str], right: tuple[int, ...] = (0, 2)) -> Answer:
    """Call `sarto words`, which may end with the statuses `right` and must leave `folder` as it is."""
    before = snapshot(folder)
    result = CliRunner(env={"SARTO_QUIET": "1"}).invoke(PROGRAM, words)
    said = result.stdout + result.stderr
    error = _ERROR.search(result.stderr)
    code = error[1] if error else ""
    faults: list[str] = []
    if result.exit_code not in right or "Traceback" in said or code == "E000":
        faults.append("traceback")
    if snapshot(folder) != before or (folder / "out").exists():
        faults.append("something written")
    if result.exit_code == 2 and not (
        code.startswith("E1") and re.search(r"^(cause|hint): \S", said, re.MULTILINE)
    ):
        faults.append("no cause or hint")
    if result.exit_code == 2 and f"{folder}{os.sep}" in said.replace(str(words[1]), ""):
        faults.append("path of this machine")
    return Answer(result.exit_code, code, tuple(faults))


def _fit(source: Path) -> list[str]:
    return ["fit", str(source), "--device", "cortex_m4", "--trials", "1"]


def _same(answer: Answer, first: Answer) -> Answer:
    """Return `answer`, with a fault if it is another one than `first`."""
    other = (answer.status, answer.code) != (first.status, first.code)
    return Answer(answer.status, answer.code, answer.faults + ("another answer",) * other)
