"""Gates in a search: what points say of held-out items, which are chosen, and what the folder keeps."""

from __future__ import annotations

import json
from concurrent.futures import Executor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.audit.gates import FAILING
from sarto.core.budget import Budget
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.executors import SerialExecutor
from sarto.core.points import OperatingPoint
from sarto.core.progress import Silent
from sarto.core.store import Store
from sarto.search import gating, network_trial
from sarto.search.candidates import Candidate
from sarto.search.failing import fails, failure
from sarto.search.fit import FitRequest, fit
from sarto.search.gated import Gated, columns_of
from sarto.search.gating import Gating
from sarto.search.held_out import held_out
from sarto.search.loop import Trial
from sarto.search.predicted import named
from sarto.search.predicted_rows import folder_predictions
from sarto.search.shrink import shrink
from sarto.search.shrink_folder import ShrinkRequest
from sarto.search.trial import Score, evaluate
from tests.search.planted import FOREST, NETWORK, RING, dataset, problem, save_npz

pytestmark = pytest.mark.usefixtures("small_search")
PLANTED = problem()


@pytest.mark.parametrize("candidate", [RING, FOREST, NETWORK], ids=lambda c: c.family)
def test_what_is_held_out_is_what_the_score_counted(
    candidate: Candidate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network_trial, "MOST_PASSES", 3)
    score = evaluate(PLANTED, candidate)
    said = held_out(PLANTED, candidate, score.ridge)
    assert (said != PLANTED.target).mean() == pytest.approx(score.error)


def trial(number: int) -> Trial:
    return Trial(number, RING, Score(0.1, 0.1, 1.0, 10, 0.0), number, 1)


class Asked:
    """Stands in for the folds: trial by trial, which items it gets wrong."""

    def __init__(self, wrong: dict[float, list[int]]) -> None:
        self.wrong, self.calls = wrong, list[float]()

    def __call__(self, path: str, settings: dict[str, Any], ridge: float) -> list[int]:
        self.calls.append(ridge)
        said = PLANTED.target.copy()
        said[self.wrong[ridge]] = 1 - said[self.wrong[ridge]]
        return said.tolist()


def gated(text: str) -> Gated:
    group = np.where(np.arange(len(PLANTED.target)) < 20, "old", "new")
    return Gated.of([text], {"age": group}, named(PLANTED.classes, PLANTED.target))


def asking(
    monkeypatch: pytest.MonkeyPatch, folder: Path, wrong: dict[float, list[int]]
) -> tuple[Gating, Asked]:
    asked = Asked(wrong)
    monkeypatch.setattr(gating, "held_out_saved", asked)
    executor: Executor = SerialExecutor()
    gates = Gating(gated("accuracy >= 90%"), PLANTED, folder, Store(folder / "gates"), executor, "sarto fit")
    return gates, asked


def with_ridge(number: int, ridge: float) -> Trial:
    base = trial(number)
    return replace(base, score=replace(base.score, ridge=ridge))


def test_finalists_that_pass_go_first_and_others_are_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gates, asked = asking(monkeypatch, tmp_path, {1.0: [0, 1, 2, 3], 2.0: [0], 3.0: [0]})
    finalists = with_ridge(0, 1.0), with_ridge(1, 2.0)
    with Silent().stage("gates", 3) as stage:
        first, rest = gates.ordered(finalists, [with_ridge(2, 3.0)], stage)
    assert [t.number for t in first] == [1, 0]
    assert [t.number for t in rest] == [2]
    assert asked.calls == [1.0, 2.0]
    again, _ = asking(monkeypatch, tmp_path, {})
    with Silent().stage("gates", 3) as stage:
        assert again.ordered(finalists, [], stage)[0] == first, "what was said is kept"


def test_if_no_finalist_passes_the_others_are_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gates, asked = asking(monkeypatch, tmp_path, {1.0: [0, 1, 2], 2.0: [20, 21, 22], 3.0: []})
    with Silent().stage("gates", 3) as stage:
        first, rest = gates.ordered((with_ridge(0, 1.0), with_ridge(1, 2.0)), [with_ridge(2, 3.0)], stage)
    assert [t.number for t in first] == [2, 0, 1]
    assert rest == []
    assert asked.calls == [1.0, 2.0, 3.0]


def test_a_point_says_how_many_gates_it_fails() -> None:
    said = named(PLANTED.classes, np.where(np.arange(40) < 5, 1 - PLANTED.target, PLANTED.target))
    found = gated("accuracy >= 90%").evidence(said, None, "c")
    assert (found.value, found.n) == (1.0, 40)
    assert found.tool.startswith("accuracy >= 90%: 1 of 2 subgroups fail; the worst is age = old: 75.00 %")
    point = OperatingPoint("p", {}, (found,))
    assert fails(point)
    error = failure(point)
    assert error is not None
    assert (error.code, error.message) == ("E502", "no point passes: p fails a gate")
    assert failure(OperatingPoint("p", {}, (Evidence(FAILING, 0.0, "gates", "measured", "t"),))) is None


def test_gates_that_cannot_choose() -> None:
    with pytest.raises(SartoError) as caught:
        gated("gain >= 0pp").evidence(list(PLANTED.classes) * 20, None, "c")
    assert caught.value.code == "E161"


def test_the_true_class_makes_groups_where_nothing_else_does() -> None:
    names = named(PLANTED.classes, PLANTED.target)
    found = Gated.of(["accuracy >= 90%"], {}, names).evidence(names[:20] + ["fast"] * 20, None, "c")
    assert "class = slow" in found.tool


def test_columns_of_data_are_what_is_known_and_what_signals_say() -> None:
    data = dataset(40, groups=4)
    assert list(columns_of(data, None)) == ["who"]


def request(data: str, out: Path, *gates: str) -> FitRequest:
    budget = Budget(flash_b=6000, ram_b=1500)
    return FitRequest(
        data, out, "cortex_m4", budget, trials=3, workers=1, families=("statistics",), gates=gates
    )


def test_a_fit_that_no_point_passes_is_written_and_audited(tmp_path: Path) -> None:
    data = save_npz(tmp_path / "data.npz")
    result = fit(request(data, tmp_path / "out", "divergence >= 90pp"), Silent())
    assert fails(result.chosen)
    front = json.loads((tmp_path / "out" / "front.json").read_text())
    told = [e for p in front["points"] for e in p["evidence"] if e["what"] == FAILING]
    assert told
    assert all(e["value"] == 1.0 for e in told)
    rows = folder_predictions(tmp_path / "out", data)
    assert len(rows) == 12
    assert set(rows.target.tolist()) == {"slow", "fast"}
    assert rows.ids is not None
    assert rows.ids.tolist() == [str(i) for i in range(36) if i % 6 > 3]
    with pytest.raises(SartoError) as caught:
        folder_predictions(tmp_path / "out", save_npz(tmp_path / "other.npz", items=30))
    assert caught.value.code == "E162"
    (tmp_path / "out" / "predictions.csv").unlink()
    with pytest.raises(SartoError) as caught:
        folder_predictions(tmp_path / "out", None)
    assert caught.value.code == "E114"


def test_numbers_have_no_gates_in_a_fit(tmp_path: Path) -> None:
    np.savez(tmp_path / "n.npz", x=np.random.default_rng(0).normal(size=(40, 12, 1)), y=np.arange(40.0))
    wanted = replace(request(str(tmp_path / "n.npz"), tmp_path / "out", "error <= 1%"), task="regression")
    with pytest.raises(SartoError) as caught:
        fit(wanted, Silent())
    assert caught.value.code == "E161"
    assert not (tmp_path / "out").exists()


def test_of_trials_that_shrink_those_that_pass_go_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(200, 6)).astype(np.float32)
    np.savez("items.npz", x=x[:, None, :, None], y=(x[:, 0] > 0).astype(int))
    common: dict[str, Any] = dict(
        recipe="magnitude:auto", max_drop=0.9, trials=3, epochs=4, batch=20, rate=0.02
    )
    free = shrink(ShrinkRequest(model="mlp", data="items.npz", out=Path("free"), **common), Silent())
    gated_ = shrink(
        ShrinkRequest(model="mlp", data="items.npz", out=Path("gated"), gates=("gain >= -1pp",), **common),
        Silent(),
    )
    found = {p.name: p for p in gated_.points}
    chosen = json.loads(Path("gated/front.json").read_text())["chosen"]
    assert {name for name, p in found.items() if any(e.what == FAILING for e in p.evidence)} == set(found)
    assert fails(found[chosen]) == all(fails(p) for p in gated_.points if p.name.startswith("trial"))
    assert not any(e.what == FAILING for p in free.points for e in p.evidence)
    rows = folder_predictions(Path("gated"), None)
    assert rows.original is not None
    assert (rows.original == rows.target).mean() > 0.8
