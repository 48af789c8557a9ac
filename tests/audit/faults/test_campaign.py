"""Campaigns: the same figures however they are run, estimates that hold, and what is said of layers, bits, groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from jaxtyping import Int64

from sarto.audit.faults.campaign import Plan, run
from sarto.audit.faults.report import Report
from sarto.audit.faults.sample import Cell
from sarto.audit.faults.verdicts import Judged
from sarto.core.errors import SartoError
from sarto.core.evidence import How
from sarto.core.executors import open_executor
from sarto.core.store import content_hash


@dataclass
class Known:
    """Faults whose verdicts are known: of layer a bit 1 is critical where the number divides by 4, of b never.

    A critical fault makes input 0 wrong, and where its number divides by 8, inputs 0 to 4 of 10; layer c comes at 50
    moments, and all of its faults leave every input without an answer.
    """

    cells: Sequence[Cell] = (
        Cell("a", "weights", 0, 4000),
        Cell("a", "weights", 1, 4000),
        Cell("b", "bias", 0, 2000),
        Cell("c", "state", 0, 100_000, 50),
    )
    judgements: int = 0
    stop_after: int = 10**9
    name: str = "known"
    how: How = "measured"

    @property
    def sha256(self) -> str:
        return content_hash("known")

    def __len__(self) -> int:
        return 10

    def judge(self, places: Int64[np.ndarray, "fault 2"]) -> Judged:
        self.judgements += 1
        if self.judgements > self.stop_after:
            raise KeyboardInterrupt
        cell, number = places[:, 0], places[:, 1]
        bad = (cell == 1) & (number % 4 == 0)
        wrong = np.where(bad, np.where(number % 8 == 0, 5, 1), 0)
        by_input = np.array([int((wrong > i).sum()) for i in range(10)])
        return Judged(10, wrong, wrong, np.where(cell == 3, 10, 0), by_input)


PLAN = Plan(by="layer", error=0.02, confidence=0.95)


def same(a: Report, b: Report) -> bool:
    return a.evidence == b.evidence and a.tables == b.tables


def test_estimates_hold_and_bits_weigh_alike() -> None:
    found = run(Known(), PLAN)
    # 12,000 bits: 1,000 of layer a critical, the 2,000 of c without an answer.
    critical, due = found.rates.critical, found.rates.kinds["due"]
    assert critical.low <= 1000 / 12_000 <= critical.high
    assert critical.high - critical.low < 0.04
    assert due.share == pytest.approx(1 / 6)
    assert found.bits == 12_000
    assert found.rates.misclassified.low <= (500 * 0.1 + 500 * 0.5) / 12_000 <= found.rates.misclassified.high
    assert found.rates.hurt.low <= 500 / 12_000 <= found.rates.hurt.high


def test_a_stratum_is_left_when_it_is_sure_enough() -> None:
    found = run(Known(), PLAN)
    seen = {s.stratum.name: len(s.judged) for s in found.sampled}
    assert seen["b"] < 500 < 1000 < seen["a"]
    capped = run(Known(), Plan(by="layer", error=0.02, confidence=0.95, most=100))
    assert {len(s.judged) for s in capped.sampled} == {100}


def test_a_table_by_bit_tells_them_apart_though_strata_are_layers() -> None:
    layers, bits, _ = run(Known(), PLAN).tables
    of = {(row[0], row[1]): dict(zip(bits.columns, row, strict=True)) for row in bits.rows}
    assert of["weights", 0]["critical"] == 0
    low, high = float(of["weights", 1]["critical low"]), float(of["weights", 1]["critical high"])
    assert low <= 0.25 <= high and low > 0.2
    assert of["weights", 1]["bits"] == 4000 and of["state", 0]["bits"] == 2000
    assert layers.column("layer") == ("a", "b", "c") and layers.column("due") == (0.0, 0.0, 1.0)


@pytest.mark.parametrize("by", ["network", "bit", "layer and bit"])
def test_other_strata_say_the_same_within_their_bounds(by: str) -> None:
    plan = Plan(by="network" if by == "network" else "bit" if by == "bit" else "layer and bit", error=0.02)
    found = run(Known(), plan)
    assert found.rates.critical.low <= 1 / 12 <= found.rates.critical.high


def test_workers_and_interruptions_change_nothing(tmp_path: Path) -> None:
    plain = run(Known(), PLAN)
    with open_executor(2) as executor:
        assert same(run(Known(), PLAN, executor=executor), plain)
    broken = Known(stop_after=9)
    with pytest.raises(KeyboardInterrupt):
        run(broken, PLAN, cache=tmp_path)
    again = Known()
    assert same(run(again, PLAN, cache=tmp_path), plain)
    pieces = sum(len(s.pieces) for s in plain.sampled)
    assert again.judgements < pieces
    third = Known()
    assert same(run(third, PLAN, cache=tmp_path), plain) and third.judgements == 0
    assert not same(run(Known(), Plan(by="layer", error=0.02, confidence=0.95, seed=1)), plain)


def test_groups_that_critical_faults_hit() -> None:
    found = run(Known(), PLAN)
    table = found.groups(np.array(["p"] + ["q"] * 9), "who")
    # Input 0 has (500 + 500) of 500 + 5 * 500 errors, and is a tenth of the inputs.
    p = dict(zip(table.columns, table.rows[0], strict=True))
    assert p["who"] == "p" and p["share of inputs"] == 0.1
    assert float(p["low"]) < 1 / 3 < float(p["high"]) < 0.45
    assert float(p["ratio"]) == pytest.approx(10 * float(p["share of errors"]))
    assert float(p["low"]) > 0.25


def test_failures_in_time_are_those_of_all_bits() -> None:
    found = run(Known(), PLAN, raw_fit_per_mbit=500.0)
    evidence = {e.what: e for e in found.evidence}
    each = evidence["FIT, known"]
    assert each.value == pytest.approx(500e-6 * 12_000 * found.rates.critical.share)
    assert evidence["MTTF, known"].value == pytest.approx(1e9 / each.value)
    assert each.how == "estimated" and "500 FIT" in each.tool


def test_the_finding_names_where_most_critical_faults_sit() -> None:
    (finding,) = run(Known(), PLAN).findings
    assert "weights of a" in finding.text and "100.0%" in finding.text


def test_a_campaign_of_nothing_and_shares_that_are_none_are_refused() -> None:
    for make, code in (
        (lambda: run(Known(cells=()), PLAN), "E148"),
        (lambda: Plan(error=1.0), "E149"),
        (lambda: Plan(confidence=0.0), "E149"),
    ):
        with pytest.raises(SartoError) as caught:
            make()
        assert caught.value.code == code
