"""Gates of faults in a search: what is built is made faulty, and what fails is not chosen where another passes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.audit.faults.folder import DEFAULT
from sarto.audit.gates import FAILING
from sarto.compress.recipe import parse
from sarto.compress.state import Evaluation, State
from sarto.core.budget import Budget
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.executors import SerialExecutor
from sarto.core.graph import Graph, infer
from sarto.core.points import OperatingPoint
from sarto.core.progress import Silent
from sarto.core.store import Store
from sarto.core.table import Table
from sarto.data.examples import of_arrays
from sarto.deploy.c.emit import emit
from sarto.devices import device
from sarto.measure.model import Measured, RawSequences, of_items
from sarto.models.network.module import Network
from sarto.models.network.named import named
from sarto.search import faulty
from sarto.search.auto import Goal
from sarto.search.deployment import Deployment
from sarto.search.failing import also, fails
from sarto.search.faulty import FaultGates, made_faulty, parted
from sarto.search.fit import FitRequest, fit
from sarto.search.gating import Gating
from sarto.search.loop import Trial
from sarto.search.shrink_trials import Trials
from sarto.search.trial import Score
from tests.deploy.c.chains import chain, items
from tests.search.planted import RING, problem, save_npz

pytestmark = pytest.mark.usefixtures("small_search")


class Asked:
    """Stands in for campaigns: how many gates the models fail, one after the other."""

    def __init__(self, *values: float) -> None:
        self.values, self.graphs = list(values), list[Graph]()

    def __call__(self, graph: Graph, sources: Mapping[str, str], given: RawSequences) -> tuple[Evidence, ...]:
        assert "model.c" in sources
        assert len(given)
        self.graphs.append(graph)
        share = Evidence("critical faults, graph", 0.1, "1", "measured", "campaign")
        value = self.values.pop(0)
        return share, Evidence(
            FAILING, value, "gates", "measured", "critical <= 1%: 10 %" if value else "every gate holds"
        )


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Any:
    def of(*values: float) -> Asked:
        made = Asked(*values)

        def evidence(
            self: FaultGates, graph: Graph, sources: Mapping[str, str], given: RawSequences
        ) -> tuple[Evidence, ...]:
            return made(graph, sources, given)

        monkeypatch.setattr(FaultGates, "evidence", evidence)
        return made

    return of


def request(folder: Path, *gates: str) -> FitRequest:
    budget = Budget(flash_b=6000, ram_b=1500)
    data, families = save_npz(folder / "data.npz"), ("statistics",)
    return FitRequest(
        data, folder / "out", "cortex_m4", budget, trials=3, workers=1, families=families, gates=gates
    )


def points(folder: Path) -> tuple[dict[str, dict[str, Any]], str]:
    front = json.loads((folder / "front.json").read_text())
    return {p["name"]: {e["what"]: e for e in p["evidence"]} for p in front["points"]}, front["chosen"]


def test_a_fit_chooses_the_first_that_passes(tmp_path: Path, asked: Any) -> None:
    campaigns = asked(1.0, 0.0)
    result = fit(request(tmp_path, "critical <= 1%", "accuracy >= 0%"), Silent())
    assert len({graph.sha256 for graph in campaigns.graphs}) == 2
    assert not fails(result.chosen)
    found = {e.what: e for e in result.chosen.evidence}
    assert found["critical faults, graph"].value == 0.1
    assert found[FAILING].subject_sha256 == campaigns.graphs[1].sha256
    shown, chosen = points(tmp_path / "out")
    assert chosen == result.chosen.name
    assert shown[chosen][FAILING]["value"] == 0
    assert sum(name != chosen and e[FAILING]["value"] == 1 for name, e in shown.items()) <= 1


def deployment(number: int) -> Deployment:
    graph = chain(3, 2)
    trial = Trial(number, RING, Score(0.1, 0.1, 1.0, 10, 0.0), number, 1)
    point = OperatingPoint(trial.name, {}, (Evidence("flash", 1.0, "B", "measured", "file"),))
    outcome = infer(graph, items(graph, 2))
    measured = Measured(outcome, (), Table("memory", (), (), (), ()), 0, {})
    return Deployment(trial, graph, {"model.c": ""}, measured, point)


def gating(folder: Path, *values: float) -> tuple[Gating, list[float]]:
    left = list(values)

    def faults(_graph: Graph, _sources: Mapping[str, str]) -> tuple[Evidence, ...]:
        return (Evidence(FAILING, left.pop(0), "gates", "measured", "critical <= 1%"),)

    made = Gating(None, problem(), folder, Store(folder / "gates"), SerialExecutor(), "sarto fit", faults)
    return made, left


def test_a_search_ends_with_what_passes_or_when_enough_was_asked(tmp_path: Path) -> None:
    gates, left = gating(tmp_path, 1.0, 0.0)
    assert not gates.settles(deployment(0))
    assert gates.settles(deployment(1))
    assert [fails(gates.told(deployment(i)).point) for i in range(3)] == [True, False, False]
    assert FAILING not in {e.what for e in gates.told(deployment(2)).point.evidence}, "nobody asked"
    gates, left = gating(tmp_path, *[1.0] * 9)
    assert [gates.settles(deployment(i)) for i in range(faulty.MOST)] == [False] * (faulty.MOST - 1) + [True]
    assert len(left) == 9 - faulty.MOST


def test_what_fails_gates_of_groups_is_not_made_faulty(tmp_path: Path) -> None:
    gates, left = gating(tmp_path, 0.0)
    gates._found[0] = Evidence(FAILING, 2.0, "gates", "measured", "gain >= 0pp")  # pyright: ignore[reportPrivateUsage]
    assert gates.settles(deployment(0))
    assert left == [0.0]
    told = gates.told(deployment(0)).point
    assert (told[FAILING], told.evidence[-1].tool) == (2.0, "gain >= 0pp")


def test_failing_gates_of_both_kinds_are_added_up() -> None:
    point = OperatingPoint("p", {}, (Evidence(FAILING, 1.0, "gates", "measured", "gain >= 0pp"),))
    more = Evidence("critical faults, image", 0.2, "1", "emulated", "campaign")
    both = also(point, (more, Evidence(FAILING, 1.0, "gates", "measured", "critical <= 1%")))
    assert [(e.what, e.value, e.tool) for e in both.evidence] == [
        (FAILING, 2.0, "gain >= 0pp; critical <= 1%"),
        ("critical faults, image", 0.2, "campaign"),
    ]
    fine = also(point, (Evidence(FAILING, 0.0, "gates", "measured", "every gate holds"),))
    assert (fine[FAILING], fine.evidence[0].tool) == (1.0, "gain >= 0pp")


def test_of_trials_that_shrink_the_first_that_passes_is_chosen(tmp_path: Path) -> None:
    data = of_arrays(np.random.default_rng(1).normal(size=(4, 4)).astype(np.float32), np.arange(4) % 2)
    state = State(Network(named("mlp", (4,), 2, width=3, depth=1), 0))
    left, asked = [1.0, 0.0], list[str]()

    def point(name: str, _state: State, packed: bytes) -> OperatingPoint:
        size = Evidence("flash", float(len(packed)), "B", "measured", "file")
        return OperatingPoint(name, {}, (size, Evidence("validation error", 0.1, "1", "measured", "t")))

    def ask(of: OperatingPoint, packed: bytes) -> OperatingPoint:
        assert of["flash"] == len(packed)
        asked.append(of.name)
        return also(of, (Evidence(FAILING, left.pop(0), "gates", "measured", "critical <= 1%"),))

    recipes = [parse(f"ptq:{bits}") for bits in (8, 6, 4)]
    trials = Trials(
        recipes,
        state,
        Evaluation(data, data),
        Goal(error=0.5),
        point,
        tmp_path,
        lambda p: p["flash"],
        ask=ask,
    )
    found = trials.run(3, Silent())
    assert len(asked) == 2
    assert found.name == asked[1]
    told = {p.name: {e.what: e.value for e in p.evidence}.get(FAILING) for p in found.points}
    assert [told[name] for name in asked] == [1.0, 0.0]
    left = [1.0, 1.0, 1.0]
    asked.clear()
    assert trials.run(3, Silent()).name == asked[0], "none passes: the best is chosen"
    assert len(asked) == len(found.points)


def test_the_integers_and_the_image_are_made_faulty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faulty, "DEFAULT", replace(DEFAULT, error=0.2))
    graph = chain(3, 2)
    _, gates = parted(["critical <= 100%", "due <= 15%"])
    asking = FaultGates(gates, device("cortex_m4"), "-O2", "sarto fit", tmp_path, Silent())
    given = of_items(items(graph, 4))
    found = {e.what: e for e in asking.evidence(graph, emit(graph), given)}
    assert set(found) == {
        *(f"{what} faults, {of}" for what in ("critical", "due") for of in ("graph", "image")),
        FAILING,
    }
    assert found["due faults, image"].how == "emulated"
    assert found["due faults, image"].value > 0.15
    assert found[FAILING].value == 1
    assert found[FAILING].tool.startswith("due <= 15%: graph: 0 %; image: ")


def test_gates_are_parted_and_those_of_a_raw_rate_refused() -> None:
    others, of_faults = parted(["accuracy >= 90%", "critical <= 1%", "agreement >= 90%"])
    assert others == ("accuracy >= 90%", "agreement >= 90%")
    assert [gate.figure for gate in of_faults] == ["critical"]
    for text in ("mttf >= 1h", "mttf_ratio >= 5"):
        with pytest.raises(SartoError) as caught:
            parted([text])
        assert caught.value.code == "E161"
        assert "sarto audit OUT --faults --" in (caught.value.hint or "")
    with pytest.raises(SartoError) as caught:
        made_faulty(of_faults, None, Path("c"), Silent())
    assert caught.value.code == "E161"
    assert faulty.MOST >= 1


def test_a_reject_option_and_gates_of_faults_exclude_each_other(tmp_path: Path) -> None:
    with pytest.raises(SartoError) as caught:
        fit(replace(request(tmp_path, "critical <= 1%"), reject=0.1), Silent())
    assert caught.value.code == "E112"
    assert not (tmp_path / "out").exists()
