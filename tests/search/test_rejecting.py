"""A fit with a reject option: how it is calibrated, what the folder says, and what is refused."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.budget import Budget
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence, Ledger
from sarto.core.graph import interpret, load_graph
from sarto.core.graph.reject import Rule, margins
from sarto.core.points import OperatingPoint
from sarto.core.progress import Silent
from sarto.core.table import Table
from sarto.data.splits import split
from sarto.deploy.reject import with_reject
from sarto.devices import device
from sarto.measure.model import Measured, RawSequences, interpreted, read_pinned
from sarto.search import network_trial
from sarto.search.deployment import Deployment, Workshop
from sarto.search.families._candidate import Candidate
from sarto.search.fit import OPTIMISE, FitRequest, fit
from sarto.search.loop import Trial
from sarto.search.rejecting import Items, rule_of, set_aside, with_option
from sarto.search.trial import evaluate, final
from tests.search.planted import FEATURES, FOREST, NETWORK, RING, dataset, problem, save_npz

pytestmark = pytest.mark.usefixtures("small_search")


@pytest.mark.parametrize("candidate", [RING, FEATURES, FOREST, NETWORK], ids=lambda c: c.family)
def test_a_model_of_every_family_is_calibrated_on_its_own_integers(
    candidate: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_trial, "MOST_PASSES", 15)
    learned, true = problem(80), dataset(120, seed=1)
    graph = final(learned, candidate, 1e-3)
    own, right = Items.of(dataset(80), learned.sensor), Items.of(true, learned.sensor)
    scores = interpreted(graph, right.given).scores
    wrong = 12 if candidate is FOREST else 60  # half of the items; the margins of a forest are mostly equal
    unsure = np.argsort(margins(scores), kind="stable")[:wrong]
    best = scores.argmax(axis=1)
    aside = Items(right.given, np.where(np.isin(np.arange(120), unsure), 1 - best, best))
    rule = rule_of(graph, own, aside, 0.3, 2)
    made = with_reject(graph, rule)
    answers = interpreted(made, aside.given)
    assert (answers.scores == scores).all()
    answered = answers.classes < 2
    assert answered.mean() > 0.3 and (answers.classes != aside.target)[answered].mean() <= 0.3
    assert rule.centre is not None and (rule.rows is None) == (candidate is FOREST)
    noise = RawSequences(np.random.default_rng(0).permuted(aside.given.raw), aside.given.offsets)
    assert (interpreted(made, noise).classes == 2).mean() > 0.5
    plain = rule_of(graph, own, Items.of(true.select(np.arange(18)), learned.sensor), 0.5, 2)
    assert plain.centre is None, "too few items for a box"
    with pytest.raises(SartoError) as caught:
        rule_of(graph, own, Items(aside.given, 1 - best), 0.3, 2)
    assert caught.value.code == "E157"


def test_people_are_set_aside_whole_and_too_few_are_refused_before_anything_is_learned() -> None:
    data = dataset(240, groups=12)
    parts = split(data, 0)
    rest, aside = set_aside(data, parts, 0.3, 0)
    assert aside.groups is not None and data.groups is not None
    assert not set(aside.groups) & (set(data.groups[rest.train]) | set(data.groups[rest.test]))
    assert len(rest.train) + len(aside) == len(parts.train) and (rest.test == parts.test).all()
    assert (
        rest.how == "by who: 9 train, 3 test; 60 training items of 3 by who set aside for the reject option"
    )
    with pytest.raises(SartoError) as caught:
        set_aside(data, parts, 0.05, 0)
    assert (caught.value.code, caught.value.cause) == (
        "E157",
        "60 of 180 training items are set aside, and without one wrong it takes 67",
    )


@pytest.mark.parametrize(("flash_b", "beside"), [(1080, 8), (1079, 4), (1039, 0), (999, 0), (900, 8)])
def test_outputs_beside_the_scores_are_as_many_as_the_budget_has_room_for(flash_b: int, beside: int) -> None:
    """Each takes 10 bytes here, and the model 950, or 1,000 with its option. What breaks it alone has all."""
    learned, true = problem(80), dataset(120, seed=1)

    def deployed(taken_b: int) -> Deployment:
        evidence = Evidence("flash", taken_b, "B", "measured", "made up", "")
        return Deployment(trial, graph, {}, measured, OperatingPoint("p", {}, (evidence,)))

    class Shop(Workshop):
        def again(
            self, found: Deployment, sequences: Any, on_device: int, rule: Rule | None = None
        ) -> Deployment:
            assert rule is not None
            return deployed(1000 + 10 * (0 if rule.rows is None else len(rule.rows)))

    graph, trial = final(learned, RING, 1e-3), Trial(0, RING, evaluate(learned, RING), 1, 1)
    shop = Shop(learned, device("cortex_m4"), OPTIMISE, "", "", 0, Path())
    aside = Items.of(true, learned.sensor)
    measured = Measured(interpreted(graph, aside.given), (), Table("memory", (), (), (), ()), 0, {})
    _, rule = with_option(shop, deployed(950), aside, aside.given, 0.3, Budget(flash_b=flash_b))
    assert (0 if rule.rows is None else len(rule.rows)) == beside


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


@pytest.mark.parametrize(("changes", "code"), [({"reject": 0.05}, "E157"), ({"task": "regression"}, "E112")])
def test_what_has_no_reject_option(changes: dict[str, object], code: str, tmp_path: Path) -> None:
    data = save_npz(tmp_path / "data.npz")
    with pytest.raises(SartoError) as caught:
        fit(replace(request(data, tmp_path / "out", 0.4), **changes), Silent())  # pyright: ignore[reportArgumentType]
    assert caught.value.code == code
    assert not (tmp_path / "out").exists()
