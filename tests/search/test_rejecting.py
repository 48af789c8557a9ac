"""A fit with a reject option: how it is calibrated, what the folder says, and what is refused."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sarto.core.budget import Budget
from sarto.core.errors import SartoError
from sarto.core.evidence import Ledger
from sarto.core.graph import interpret, load_graph
from sarto.core.graph.reject import said
from sarto.core.progress import Silent
from sarto.measure.model import read_pinned
from sarto.search.fit import FitRequest, fit
from sarto.search.held_out import held_out_scores
from sarto.search.loop import Trial
from sarto.search.rejecting import rule_of
from sarto.search.trial import evaluate
from tests.search.planted import RING, problem, save_npz

pytestmark = pytest.mark.usefixtures("small_search")


@pytest.mark.parametrize("groups", [None, np.arange(80) // 8])
def test_the_share_of_wrong_answers_is_kept_on_what_was_held_out(groups: np.ndarray | None) -> None:
    planted = problem(80, shuffled=True)
    wrong = np.arange(80) % 5 == 0
    true = problem(80)
    mixed = replace(true, target=np.where(wrong, 1 - true.target, true.target))
    score = evaluate(mixed, RING)
    trial = Trial(0, RING, score, 1, 1)
    rule = rule_of(mixed, trial, groups, 0.4)
    scores = held_out_scores(mixed, RING, score.ridge)
    answers = said(scores, rule)
    answered = answers < 2
    assert answered.mean() > 0.2
    assert (answers[answered] != mixed.target[answered]).mean() <= 0.4
    with pytest.raises(SartoError) as caught:
        rule_of(planted, Trial(0, RING, evaluate(planted, RING), 1, 1), groups, 0.05)
    assert caught.value.code == "E157"


def request(data: str, out: Path, risk: float) -> FitRequest:
    budget = Budget(flash_b=8000, ram_b=1500)
    cells = ("ring",)
    return FitRequest(
        data, out, "cortex_m4", budget, trials=2, workers=1, families=("reservoir",), cells=cells, reject=risk
    )


def test_the_folder_has_the_option_in_its_c_and_says_what_it_does(tmp_path: Path) -> None:
    data = save_npz(tmp_path / "data.npz", items=90)
    result = fit(request(data, tmp_path / "out", 0.4), Silent())
    told = {e.what: e for e in Ledger(result.out / "evidence.jsonl")}
    assert {"coverage", "AURC", "error of answers", "test accuracy"} <= set(told)
    assert "2 rejected" in (result.out / "model.h").read_text()
    with (result.out / "predictions.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert told["coverage"].value == pytest.approx(np.mean([r["answer"] != "rejected" for r in rows]))
    assert all(r["answer"] in (r["prediction"], "rejected") for r in rows)
    right = np.mean([r["prediction"] == r["target"] for r in rows])
    assert told["test accuracy"].value == pytest.approx(right), "of the class that it would say"
    pinned = read_pinned(result.out)
    answers = interpret(load_graph(result.out / "graph.npz"), pinned.raw, pinned.offsets).classes
    names = ("slow", "fast", "rejected")
    assert [names[i] for i in answers] == [r["answer"] for r in rows]


@pytest.mark.parametrize(
    ("changes", "code"), [({"families": ("network",)}, "E112"), ({"task": "regression"}, "E112")]
)
def test_what_has_no_reject_option(changes: dict[str, object], code: str, tmp_path: Path) -> None:
    data = save_npz(tmp_path / "data.npz")
    with pytest.raises(SartoError) as caught:
        fit(replace(request(data, tmp_path / "out", 0.4), **changes), Silent())  # pyright: ignore[reportArgumentType]
    assert caught.value.code == code
    assert not (tmp_path / "out").exists()
