"""A network through a whole fit, in windows of a stream that overlap, as C and as ONNX."""

from __future__ import annotations

import json

import numpy as np
import pytest

from sarto.core.artifact import read_manifest
from sarto.core.budget import Budget
from sarto.core.graph import infer, items_of, load_graph
from sarto.core.points import OperatingPoint
from sarto.core.progress import Silent
from sarto.measure.model import measure_folder, read_pinned
from sarto.measure.onnx import onnx_of_folder
from sarto.measure.placement import place_folder
from sarto.report import card, html, read_run
from sarto.search import network_trial
from sarto.search.families import network
from sarto.search.fit import FitRequest, FitResult, fit
from tests.search.planted import save_npz

pytestmark = pytest.mark.usefixtures("small_search")


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory, small_search: None) -> FitResult:
    """A search of one network."""
    place, patch = tmp_path_factory.mktemp("network"), pytest.MonkeyPatch()
    patch.setattr(network_trial, "MOST_PASSES", 10)
    patch.setattr(network, "MOST_WIDTH", 8)
    data = save_npz(place / "data.npz")
    with np.load(data) as arrays:
        np.savez(data, **arrays, rate_hz=70.0)
    budget, alone = Budget(flash_b=20000, ram_b=4000), ("network",)
    request = FitRequest(
        data, place / "out", "cortex_m4", budget, 1, workers=1, families=alone, hop=7, command="sarto fit"
    )
    found = fit(request, Silent())
    patch.undo()
    return found


def test_the_folder_tells_what_was_tried_and_chosen(result: FitResult) -> None:
    front = json.loads((result.out / "front.json").read_text())
    points = [OperatingPoint.from_json(p) for p in front["points"]]
    assert {p.settings["family"] for p in points} == {"network"}
    tables = {t["name"]: t for t in json.loads((result.out / "tables.json").read_text())}
    assert {(row[0], row[2]) for row in tables["families"]["rows"]} == {("network", 1)}
    assert result.chosen.settings["family"] == read_manifest(result.out)["model"]["family"] == "network"
    recipe = json.loads((result.out / "recipe.json").read_text())
    assert [step["method"] for step in recipe] == ["standardise", "network", "train", "ptq", "lower"]


def test_every_byte_has_a_name_and_the_pages_are_written(result: FitResult) -> None:
    tables = {t["name"]: t for t in json.loads((result.out / "tables.json").read_text())}
    for table, figure in (("flash map", "flash"), ("ram map", "ram")):
        assert sum(row[1] for row in tables[table]["rows"]) == result.chosen[figure]
    assert "weights of head" in {row[0] for row in tables["flash map"]["rows"]}, (
        "a table says which layer it is of"
    )
    run = read_run(result.out)
    assert "cnn1d of width" in html(run) or "residual of width" in html(run)
    assert read_manifest(result.out)["summary"] in card(run)


def test_it_is_measured_placed_and_exported_like_any_other(result: FitResult) -> None:
    again = {e.what: e.value for e in measure_folder(result.out, None, Silent())}
    assert again["flash"] == result.chosen["flash"] and again["ram"] == result.chosen["ram"]
    places = place_folder(result.out, ["ble_1m"], None)
    assert places.case.raw_b.tolist() == [7 * 2 * 2]
    manifest, pinned = read_manifest(result.out), read_pinned(result.out)
    graph = load_graph(result.out / "graph.npz")
    assert graph.window is not None and (graph.window.length, graph.window.hop) == (16, 7)
    assert len(infer(graph, items_of(graph, pinned.raw, pinned.offsets)).classes) == 12
    made = onnx_of_folder(result.out, manifest, "sarto deploy")
    assert made.items == "the 12 items that the folder keeps" and made.evidence[0].value == 1
