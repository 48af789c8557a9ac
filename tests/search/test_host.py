"""A fit for this computer: its folder, what is measured, and that no noise of a time reaches what it need not reach."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sarto.core.artifact import read_manifest
from sarto.core.budget import Budget
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence, Ledger
from sarto.core.progress import Silent
from sarto.measure.model import RawSequences, measure_folder
from sarto.measure.native import Program
from sarto.report import html, read_run
from sarto.search import flow
from sarto.search.deployment import Deployment, Workshop
from sarto.search.fit import FitRequest, FitResult, check, fit
from sarto.search.loop import SearchResult, Trial
from sarto.search.trial import Score
from tests.devices.test_devices import GOOD
from tests.search.planted import RING, save_npz
from tests.search.test_fit import FILES, Interrupts, artifact, refused, request_for

pytestmark = pytest.mark.usefixtures("small_search")
GENERATED = {"board.c", "board.h", "graph.npz", "main.c", "model.c", "model.h", "pinned.npz"}


def host_request(data: str, out: Path, **changes: Any) -> FitRequest:
    return request_for(data, out, **{"device": "host", "budget": Budget(flash_b=9000, ram_b=2500), **changes})


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("host")


@pytest.fixture(scope="module")
def data(place: Path) -> str:
    return save_npz(place / "data.npz")


@pytest.fixture(scope="module")
def base(place: Path, data: str) -> FitResult:
    """The undisturbed run."""
    return fit(host_request(data, place / "out"), Silent())


def ledger(out: Path) -> dict[str, Evidence]:
    return {e.what: e for e in Ledger(out / "evidence.jsonl")}


def tables(out: Path) -> dict[str, Any]:
    return {t["name"]: t for t in json.loads((out / "tables.json").read_text())}


def trials(out: Path) -> list[Any]:
    return tables(out)["trials"]["rows"]


def test_the_folder_is_whole_and_all_of_it_is_measured(base: FitResult) -> None:
    assert {p.name for p in base.out.iterdir()} == FILES - {"link.ld", "startup.c"}
    manifest = read_manifest(base.out)
    assert set(manifest["files"]) == GENERATED
    assert (manifest["device"], manifest["target"]) == ("host", "native")
    assert base.verdict.fits
    assert {m.limit: m.how for m in base.verdict.margins} == {"flash": "measured", "ram": "measured"}
    evidence = ledger(base.out)
    assert {e.how for e in evidence.values()} == {"measured"}
    assert evidence["latency"].n == evidence["test accuracy"].n == 12
    assert not [what for what in evidence if "instructions" in what or "cycles" in what or "energy" in what]
    assert "unicorn" not in json.loads((base.out / "provenance.json").read_text())["versions"]
    assert evidence["test accuracy"].value >= 0.9


def test_the_maps_name_every_byte_and_say_how(base: FitResult) -> None:
    for table, figure in (("flash map", "flash"), ("ram map", "ram")):
        found = tables(base.out)[table]
        assert sum(row[1] for row in found["rows"]) == base.chosen[figure]
        assert found["how"] == ["", "measured", ""]
    assert {"h", "stack, at its deepest"} <= {row[0] for row in tables(base.out)["ram map"]["rows"]}
    assert tables(base.out)["families"]["how"][3:] == ["measured"] * 4


def test_the_estimate_of_the_search_is_what_is_measured(base: FitResult) -> None:
    """The search takes the sizes of a sample for those of its models: what a limit is kept by must be near."""
    points = json.loads((base.out / "front.json").read_text())["points"]
    assert points
    for point in points:
        got = {e["what"]: e["value"] for e in point["evidence"]}
        assert got["static ram"] + got["peak stack"] == got["ram"] <= 2500
        assert got["flash"] <= 9000


def test_the_report_shows_the_time_and_says_what_is_not_counted(base: FitResult) -> None:
    page = html(read_run(base.out))
    assert "not measured: run <code>sarto devices host</code>" in page
    assert "sarto measure OUT --device host" not in page
    assert "emulated" not in {m.how for m in base.verdict.margins}


def test_without_limits_nothing_is_judged_and_nothing_is_timed_beside_something_else(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every point is built by this process, one after the other: what a worker builds is not noted here."""
    here: list[str] = []
    deploy = Workshop.deploy

    def noted(shop: Workshop, trial: Trial, sequences: RawSequences, on_device: int) -> Deployment:
        here.append(trial.name)
        return deploy(shop, trial, sequences, on_device)

    monkeypatch.setattr(Workshop, "deploy", noted)
    families = {"families": ("forest", "statistics"), "cells": (), "workers": 2}
    result = fit(host_request(data, tmp_path / "out", budget=Budget(), **families), Silent())
    assert result.verdict.fits and result.verdict.margins == ()
    points = [p["name"] for p in json.loads((result.out / "front.json").read_text())["points"]]
    assert len(points) > 1
    assert set(points) <= set(here)


@pytest.mark.parametrize(
    "budget", [Budget(instructions=1000), Budget(energy_j=1e-3), Budget(latency_s=1.0, instructions=10)]
)
def test_what_is_not_measured_on_a_host_is_no_limit_there(data: str, tmp_path: Path, budget: Budget) -> None:
    request = host_request(data, tmp_path / "out", budget=budget)
    refused(lambda: check(request), "E112")
    refused(lambda: fit(request, Silent()), "E112")
    assert not request.out.exists()


def test_a_limit_that_nothing_meets_shows_the_nearest(data: str, tmp_path: Path) -> None:
    """With a limit of RAM alone, the flash plays no part in what is nearest."""
    result = fit(host_request(data, tmp_path / "out", budget=Budget(ram_b=40)), Silent())
    assert (result.verdict.fits, result.verdict.binding) == (False, "ram")
    over = [point["ram"] for point in result.nearest]
    assert over == sorted(over)
    assert result.chosen.settings["units"] == RING.least


@pytest.mark.parametrize(
    ("limits", "first"),
    [(Budget(ram_b=100), 1), (Budget(flash_b=100), 0), (Budget(flash_b=100, ram_b=100), 0), (Budget(), 0)],
)
def test_the_nearest_are_those_that_are_least_over(limits: Budget, first: int) -> None:
    score = Score(0.5, 0.5, 0.0, 10, 0.0)
    sizes = [(200, 400), (500, 300)]
    tried = [Trial(i, RING, score, *size) for i, size in enumerate(sizes)]
    found = flow._nearest(tried, limits)  # pyright: ignore[reportPrivateUsage]
    wanted = first if limits != Budget(flash_b=100, ram_b=100) else 0
    assert found.finalists[0].number == wanted


class Clock:
    """Times that are never twice the same: each program is said to take a little longer than the last."""

    def __init__(self, start_s: float, step_s: float) -> None:
        self.next_s, self.step_s = start_s, step_s

    def __call__(self, runs: Sequence[object]) -> list[float]:
        self.next_s += self.step_s
        return [self.next_s] * len(runs)

    def install(self, patch: pytest.MonkeyPatch) -> Clock:
        patch.setattr(Program, "_times_s", staticmethod(self))
        return self


def test_a_time_is_kept_over_an_interruption(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model that met the limit meets it after an interruption too, though the computer has become slow."""
    request = host_request(data, tmp_path / "out", budget=Budget(latency_s=0.01))
    Clock(0.001, 0.0001).install(monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        fit(request, Interrupts("front", False))
    Clock(5.0, 1.0).install(monkeypatch)
    result = fit(request, Silent())
    assert result.verdict.fits
    assert ledger(request.out)["latency"].value == pytest.approx(0.0011)
    Clock(0.001, 0.0001).install(monkeypatch)
    whole = fit(replace(request, out=tmp_path / "whole"), Silent())
    assert artifact(whole.out) == artifact(result.out)


def test_the_search_is_the_same_with_and_without_a_limit_of_time(
    data: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    free, bound, slow = (tmp_path / name for name in ("free", "bound", "slow"))
    fit(host_request(data, free, budget=Budget()), Silent())
    Clock(0.0, 0.001).install(monkeypatch)
    met = fit(host_request(data, bound, budget=Budget(latency_s=0.0015)), Silent())
    Clock(1.0, 0.001).install(monkeypatch)
    missed = fit(host_request(data, slow, budget=Budget(latency_s=0.0015)), Silent())
    assert trials(free) == trials(bound)[: len(trials(free))]
    assert trials(bound) == trials(slow)
    assert len(trials(bound)) > len(trials(free)), "the smallest models are tried too"
    assert met.verdict.fits
    assert artifact(free) == artifact(bound), "the best model was the first to be timed"
    assert (missed.verdict.fits, missed.verdict.binding) == (False, "latency")
    assert missed.chosen["latency"] == min(p["latency"] for p in missed.nearest)


def test_another_processor_is_another_request(
    base: FitResult, data: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fit(host_request(data, base.out), Silent()).already_done
    monkeypatch.setattr("sarto.measure.processor.processor", lambda: "another")
    with pytest.raises(SartoError, match=r"E113.*another request[\s\S]*it differs in: processor"):
        fit(host_request(data, base.out), Silent())


def test_a_finished_folder_is_measured_again_here_and_on_a_core(base: FitResult) -> None:
    before = ledger(base.out)
    again = {e.what: e for e in measure_folder(base.out, None, Silent())}
    for what in ("flash", "static ram", "peak stack", "ram"):
        assert again[what].value == before[what].value
    there = {e.what: e.how for e in measure_folder(base.out, "cortex_m4", Silent())}
    assert there["flash on cortex_m4"] == "measured"
    assert there["instructions per inference on cortex_m4"] == "emulated"


def test_a_device_of_the_users_goes_with_its_folder(data: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    text = GOOD.partition("[cycles]")[0]
    path.write_text(text, encoding="utf-8")
    request = request_for(data, tmp_path / "out", device=str(path))
    result = fit(request, Silent())
    assert {p.name for p in result.out.iterdir()} == FILES | {"device.toml"}
    assert read_manifest(result.out)["device"] == "mine"
    (tmp_path / "elsewhere").mkdir()
    moved = path.rename(tmp_path / "elsewhere" / "mine.toml")
    request = replace(request, device=str(moved))
    assert fit(request, Silent()).already_done, "what it says counts, not where it lies"
    moved.write_text(text.replace("80e6", "40e6"), encoding="utf-8")
    with pytest.raises(SartoError, match=r"E113[\s\S]*it differs in: device_file"):
        fit(request, Silent())
    with pytest.raises(SartoError, match=r"E112.*is not the mine that .* was made for"):
        measure_folder(result.out, str(moved), Silent())
    moved.unlink()
    flash = ledger(result.out)["flash"].value
    assert {e.what: e.value for e in measure_folder(result.out, None, Silent())}["flash"] == flash


def test_the_smallest_models_must_fit_the_other_limits() -> None:
    score = Score(0.5, 0.5, 0.0, 10, 0.0)
    found = SearchResult((Trial(0, RING, score, 50, 50),), 0, 1, ())
    more = [Trial(1, RING, score, 90, 90), Trial(2, RING, score, 110, 10)]
    both = flow._with(more, found, Budget(flash_b=100))  # pyright: ignore[reportPrivateUsage]
    assert [t.number for t in both.trials] == [0, 1]
