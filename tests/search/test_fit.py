"""The whole fit on a small generated file: what it writes, how it resumes, what it refuses, and what it never sees."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from sarto.core.artifact import read_manifest
from sarto.core.budget import Budget
from sarto.core.errors import SartoError
from sarto.core.evidence import Ledger
from sarto.core.graph import interpret, load_graph
from sarto.core.progress import Silent
from sarto.core.recipe import Recipe
from sarto.core.store import write_atomic
from sarto.measure.placement import place_folder
from sarto.report import html, read_run
from sarto.search import claimed, folder
from sarto.search import fit as entry
from sarto.search.deployment import Deployment, Workshop
from sarto.search.fit import FitRequest, FitResult, check, finished, fit
from sarto.search.loop import Trial
from tests.search.planted import save_npz

FILES = {
    "artifact.json",
    "findings.jsonl",
    "records.json",
    "board.c",
    "board.h",
    "evidence.jsonl",
    "front.json",
    "graph.npz",
    "link.ld",
    "main.c",
    "model.c",
    "model.h",
    *("pinned.npz", "predictions.csv"),
    "provenance.json",
    "recipe.json",
    "request.json",
    "startup.c",
    "tables.json",
    "verdict.json",
}
pytestmark = pytest.mark.usefixtures("small_search")
GENERATED = {
    "board.c",
    "board.h",
    "graph.npz",
    "link.ld",
    "main.c",
    "model.c",
    "model.h",
    "pinned.npz",
    "startup.c",
}


def request_for(data: str, out: Path, **changes: Any) -> FitRequest:
    budget = Budget(flash_b=6000, ram_b=1500)
    return replace(
        FitRequest(data, out, "cortex_m4", budget, trials=3, workers=1, cells=("ring",), command="sarto fit"),
        **changes,
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fit")


@pytest.fixture(scope="module")
def data(place: Path) -> str:
    return save_npz(place / "data.npz")


@pytest.fixture(scope="module")
def base(place: Path, data: str) -> FitResult:
    """The undisturbed run; its built images are kept in `images`, to save the others the time."""
    patch = pytest.MonkeyPatch()

    def keep(path: Path, ignore_errors: bool) -> None:
        path.rename(place / "work")

    patch.setattr(entry, "shutil", SimpleNamespace(rmtree=keep))
    result = fit(request_for(data, place / "out"), Silent())
    patch.undo()
    return result


def with_images(place: Path, request: FitRequest) -> FitRequest:
    """Put the images that are built already where `request` looks for them."""
    shutil.copytree(place / "work" / "images", request.out / ".work" / "images")
    claimed.claim(request.out, request.identity())
    return request


def artifact(out: Path) -> str:
    return read_manifest(out)["sha256"]


def test_the_folder_is_whole(base: FitResult) -> None:
    assert {p.name for p in base.out.iterdir()} == FILES
    manifest = read_manifest(base.out)
    assert set(manifest["files"]) == GENERATED
    assert manifest["classes"] == ["slow", "fast"]
    assert [c["name"] for c in manifest["input"]["channels"]] == ["a", "b"]
    assert manifest["device"] == "cortex_m4"
    scales = [c["scale"] for c in manifest["input"]["channels"]]
    said = f" * Raw words: a in counts of {scales[0]:.9g}, b in counts of {scales[1]:.9g}."
    assert said in (base.out / "model.h").read_text()
    assert not base.already_done and base.verdict.fits and base.nearest == ()
    settings = base.chosen.settings
    assert manifest["model"] == {k: v for k, v in settings.items() if k != "seed"} | {
        "model_seed": settings["seed"]
    }


def test_the_evidence_is_about_the_model_in_the_folder(base: FitResult, data: str) -> None:
    graph = load_graph(base.out / "graph.npz")
    evidence = {e.what: e for e in Ledger(base.out / "evidence.jsonl")}
    assert {e.subject_sha256 for e in evidence.values()} == {graph.sha256}
    assert {what: evidence[what].how for what in ("flash", "ram", "test accuracy", "validation error")} == {
        "flash": "measured",
        "ram": "emulated",
        "test accuracy": "measured",
        "validation error": "measured",
    }
    with np.load(data) as file:
        test = file["split"] == "test"
        x, y = file["x"][test], file["y"][test]
    scale = [c["scale"] for c in read_manifest(base.out)["input"]["channels"]]
    raw = np.floor(x.reshape(-1, 2) / scale + 0.5).astype(np.int16)
    guess = interpret(graph, raw, np.arange(len(y) + 1) * x.shape[1]).classes
    assert evidence["test accuracy"].value == (guess == y).mean() >= 0.9
    assert evidence["test accuracy"].n == len(y) == 12
    margins = {m.limit: m for m in base.verdict.margins}
    assert margins["flash"].got == evidence["flash"].value <= 6000
    assert evidence["flash"].command == "sarto fit"


def test_front_recipe_tables_and_provenance_are_of_this_run(base: FitResult, data: str) -> None:
    front = json.loads((base.out / "front.json").read_text())
    names = [p["name"] for p in front["points"]]
    assert front["chosen"] in names and len(set(names)) == len(names)
    recipe = Recipe.from_json(json.loads((base.out / "recipe.json").read_text()))
    assert [s.method for s in recipe.steps] == ["standardise", "reservoir", "pool", "ridge", "ptq", "lower"]
    tables = {t["name"]: t for t in json.loads((base.out / "tables.json").read_text())}
    assert {"confusion", "classes", "flash map", "ram map", "trials", "cost"} <= set(tables)
    assert sum(sum(row[1:]) for row in tables["confusion"]["rows"]) == 12
    provenance = json.loads((base.out / "provenance.json").read_text())
    assert provenance["split"]["train"] == 24 and provenance["split"]["test"] == 12
    assert provenance["search"]["trials"] + provenance["search"]["dropped"] == 3
    assert data not in (base.out / "provenance.json").read_text(), "no path of a machine"


def test_the_memory_maps_name_every_byte(base: FitResult) -> None:
    tables = {t["name"]: t for t in json.loads((base.out / "tables.json").read_text())}
    for table, figure in (("flash map", "flash"), ("ram map", "ram")):
        assert sum(row[1] for row in tables[table]["rows"]) == base.chosen[figure]
    parts = {row[0] for row in tables["ram map"]["rows"]}
    assert {"h", "sums", "scores", "x", "stack, at its deepest"} <= parts, "the arena is shown by tensor"


def test_a_second_call_says_already_done(base: FitResult, data: str) -> None:
    before = {p.name: p.read_bytes() for p in base.out.iterdir()}
    again = fit(request_for(data, base.out, workers=2, command="other words"), Silent())
    assert again.already_done
    assert (again.verdict, again.chosen) == (base.verdict, base.chosen)
    assert {p.name: p.read_bytes() for p in base.out.iterdir()} == before


@pytest.mark.parametrize(
    "name", ["model.c", "evidence.jsonl", "verdict.json", "tables.json", "recipe.json", "front.json"]
)
def test_a_finished_folder_that_was_changed_is_not_passed_off_as_done(
    base: FitResult, data: str, tmp_path: Path, name: str
) -> None:
    out = tmp_path / "out"
    shutil.copytree(base.out, out)
    text = (out / name).read_text()
    (out / name).write_text(text.replace("1", "2"))
    with pytest.raises(SartoError) as caught:
        fit(request_for(data, out), Silent())
    assert (caught.value.code, caught.value.cause) == ("E114", f"{name} is changed")


def test_an_image_that_turns_out_too_large_for_the_device_is_passed_over(
    base: FitResult, place: Path, data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Estimates are made before building; one that errs by bytes must not end the search."""
    deploy = Workshop.deploy

    def too_large(self: Workshop, trial: Trial, *rest: Any) -> Deployment:
        if trial.name == base.chosen.name:
            raise SartoError("E203", "the RAM of the device does not hold the stack")
        return deploy(self, trial, *rest)

    monkeypatch.setattr(Workshop, "deploy", too_large)
    result = fit(with_images(place, request_for(data, tmp_path / "out")), Silent())
    assert result.verdict.fits
    assert result.chosen.name != base.chosen.name
    names = [p["name"] for p in json.loads((result.out / "front.json").read_text())["points"]]
    assert base.chosen.name not in names


def test_a_model_no_better_than_guessing_is_a_finding(
    base: FitResult, place: Path, data: str, tmp_path: Path
) -> None:
    assert (base.out / "findings.jsonl").read_text() == ""
    wrong = save_npz(tmp_path / "data.npz", test_flipped=True)
    result = fit(with_images(place, request_for(wrong, tmp_path / "out")), Silent())
    (finding,) = map(json.loads, (result.out / "findings.jsonl").read_text().splitlines())
    assert finding["what"] == "no better than guessing"
    assert finding["severity"] == "warning"


@pytest.mark.parametrize(
    "change",
    [
        {"seed": 1},
        {"trials": 4},
        {"device": "cortex_m0plus"},
        {"budget": Budget(flash_b=6001, ram_b=1500)},
        {"cells": ("esn",)},
        {"hop": 4},
        {"sensor_bits": 8},
    ],
)
def test_another_request_is_refused_and_named(base: FitResult, data: str, change: dict[str, Any]) -> None:
    with pytest.raises(SartoError, match="belongs to another request") as caught:
        fit(request_for(data, base.out, **change), Silent())
    assert (caught.value.code, caught.value.cause) == ("E113", f"it differs in: {next(iter(change))}")


def test_other_data_are_another_request(base: FitResult, place: Path) -> None:
    other = save_npz(place / "other.npz", items=42)
    with pytest.raises(SartoError, match="it differs in: source") as caught:
        fit(request_for(other, base.out), Silent())
    assert caught.value.code == "E113"


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_what_is_not_ours_is_left_alone(tmp_path: Path, data: str, kind: str) -> None:
    out = tmp_path / "out"
    mine = out if kind == "file" else out / "letter.txt"
    mine.parent.mkdir(exist_ok=True)
    mine.write_text("mine")
    with pytest.raises(SartoError) as caught:
        fit(request_for(data, out), Silent())
    assert caught.value.code == "E113"
    assert mine.read_text() == "mine"


def test_a_kill_while_the_folder_was_claimed_leaves_it_ours(tmp_path: Path, data: str) -> None:
    (tmp_path / ".request.json.123.abcdef01").write_text("{")
    assert finished(request_for(data, tmp_path)) is None


class Interrupts(Silent):
    """Interrupts when the stage `name` is opened, or at its first advance."""

    def __init__(self, name: str, inside: bool) -> None:
        self.name, self.inside, self.now = name, inside, ""

    def stage(self, name: str, total: int) -> Silent:
        self.now = name
        if name == self.name and not self.inside:
            raise KeyboardInterrupt
        return self

    def advance(self, steps: int = 1, note: str = "") -> None:
        if self.now == self.name and self.inside:
            raise KeyboardInterrupt


def test_an_interrupted_fit_goes_on_to_the_same_artifact(
    base: FitResult, place: Path, data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = request_for(data, tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        fit(request, Interrupts("data", False))
    assert not request.out.exists(), "nothing is written before the data are known to be good"
    with_images(place, request)
    for stage, inside in (("data", True), ("search", True), ("finalists", False), ("front", False)):
        with pytest.raises(KeyboardInterrupt):
            fit(request, Interrupts(stage, inside))
        assert finished(request) is None
    written: list[str] = []
    real = write_atomic

    def some(path: Path, content: Any) -> None:
        if len(written) == 12:
            raise KeyboardInterrupt
        written.append(path.name)
        real(path, content)

    monkeypatch.setattr(folder, "write_atomic", some)
    with pytest.raises(KeyboardInterrupt):
        fit(request, Silent())
    assert finished(request) is None
    monkeypatch.undo()
    assert fit(request, Silent()).chosen.settings == base.chosen.settings
    assert artifact(request.out) == artifact(base.out)
    assert {p.name for p in request.out.iterdir()} == FILES


def test_the_classes_of_test_items_change_nothing_but_the_score(
    base: FitResult, place: Path, tmp_path: Path
) -> None:
    wrong = save_npz(tmp_path / "data.npz", test_flipped=True)
    result = fit(with_images(place, request_for(wrong, tmp_path / "out")), Silent())
    assert artifact(result.out) == artifact(base.out)
    accuracy = [
        next(e.value for e in Ledger(out / "evidence.jsonl") if e.what == "test accuracy")
        for out in (base.out, result.out)
    ]
    assert accuracy[1] == pytest.approx(1 - accuracy[0])


@pytest.mark.parametrize(
    ("budget", "binding"),
    [(Budget(flash_b=900, min_accuracy=0.5), "flash"), (Budget(ram_b=100), "ram")],
)
def test_an_impossible_budget_does_not_fit_and_shows_the_nearest(
    base: FitResult, place: Path, data: str, tmp_path: Path, budget: Budget, binding: str
) -> None:
    result = fit(with_images(place, request_for(data, tmp_path / "out", budget=budget)), Silent())
    assert not result.verdict.fits
    assert result.verdict.binding == binding
    assert result.chosen in result.nearest
    over = [p["ram" if binding == "ram" else "flash"] for p in result.nearest]
    assert over == sorted(over)
    assert {p.name for p in result.out.iterdir()} == FILES
    assert result.chosen.settings["units"] == 4
    again = fit(request_for(data, tmp_path / "out", budget=budget), Silent())
    assert again.already_done and again.nearest == result.nearest


@pytest.mark.parametrize("budget", [Budget(flash_b=2**20), Budget(ram_b=65537)])
def test_limits_beyond_the_device_are_refused(data: str, tmp_path: Path, budget: Budget) -> None:
    with pytest.raises(SartoError) as caught:
        fit(request_for(data, tmp_path / "out", budget=budget), Silent())
    assert caught.value.code == "E112"
    assert "all that cortex_m4 has" in caught.value.message
    assert not (tmp_path / "out").exists()


def test_windows_of_a_stream_are_fitted_and_measured(data: str, tmp_path: Path) -> None:
    """A hop that does not divide the window; every interpreter agrees on each window."""
    with np.load(data) as arrays:
        np.savez(tmp_path / "rated.npz", **arrays, rate_hz=70.0)
    result = fit(request_for(str(tmp_path / "rated.npz"), tmp_path / "out", hop=7), Silent())
    graph = load_graph(result.out / "graph.npz")
    assert graph.window is not None and (graph.window.length, graph.window.hop) == (16, 7)
    assert read_manifest(result.out)["window"] == {"length_steps": 16, "hop_steps": 7, "banks": 3}
    places = place_folder(result.out, ["ble_1m"], None)
    assert places.case.per_day == 10 * 86400
    assert places.case.raw_b.tolist() == [7 * 2 * len(graph.channels)]
    assert places.case.energy is not None and places.case.latency is not None
    assert "Where to compute" in html(read_run(result.out))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"trials": 0}, "E112"),
        ({"device": "cortex_m99"}, "E111"),
        ({"budget": Budget(energy_j=1e-3), "device": "cortex_m7"}, "E112"),
    ],
)
def test_requests_that_nothing_can_be_judged_by_are_refused_before_anything_is_written(
    data: str, tmp_path: Path, change: dict[str, Any], code: str
) -> None:
    request = request_for(data, tmp_path / "out", **change)
    for ask in (lambda: check(request), lambda: fit(request, Silent())):
        refused(ask, code)
    assert not request.out.exists()


@pytest.mark.parametrize("change", [{"hop": 0}, {"hop": 17}, {"sensor_bits": 12}, {"sensor_scale": 1e9}])
def test_bad_options_of_the_data_are_refused(data: str, tmp_path: Path, change: dict[str, Any]) -> None:
    refused(lambda: fit(request_for(data, tmp_path / "out", **change), Silent()), "E112")


def refused(call: Callable[[], object], code: str) -> None:
    manager: AbstractContextManager[Any] = pytest.raises(SartoError)
    with manager as caught:
        call()
    assert caught.value.code == code
