"""Numbers to be predicted: trials, the final integer model, and a whole fit with its folder and report."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from sarto.core.artifact import read_manifest
from sarto.core.budget import Budget
from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.core.evidence import Ledger
from sarto.core.graph import (
    decide,
    features,
    infer,
    interpret,
    items_of,
    load_graph,
    numbers,
    save_graph,
    trace,
)
from sarto.core.progress import Silent
from sarto.deploy.c.emit import emit
from sarto.deploy.lower import feature_exponents, quantum
from sarto.deploy.lower.readout import REACH
from sarto.deploy.sensor import SensorFormat
from sarto.learn.statistics import RidgeStatistics
from sarto.measure.host import run_on_host
from sarto.measure.model import RawSequences, measure_folder, outputs
from sarto.measure.onnx import onnx_of_folder
from sarto.measure.outputs import check_equal
from sarto.report import html, read_run
from sarto.report.card import card
from sarto.search.families._candidate import Candidate
from sarto.search.fit import FitRequest, check, finished, fit
from sarto.search.problem import Problem, load_problem, prepare
from sarto.search.trial import (
    _parts,  # pyright: ignore[reportPrivateUsage]
    evaluate,
    final,
    lowered,
    readout,
    see,
)
from tests.cli.stand_in import call
from tests.search.planted import EVERY, FOREST, NETWORK, dataset
from tests.search.planted import RING as SMALL

pytestmark = pytest.mark.usefixtures("small_search")
RING = replace(SMALL, units=12)
STEPS = 20


def waves(items: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Noisy oscillations; the numbers are their frequency and 1000 + their amplitude."""
    rng = np.random.default_rng(seed)
    speed, size = rng.uniform(0.3, 1.6, items), rng.uniform(0.5, 2.0, items)
    wave = size[:, None] * np.sin(np.arange(STEPS) * speed[:, None] + rng.uniform(0, 6, (items, 1)))
    x = np.stack([wave, np.roll(wave, 3, axis=1)], axis=2) + 0.02 * rng.normal(size=(items, STEPS, 2))
    return x, np.stack([speed, 1000 + size], axis=1)


def problem(items: int = 60) -> Problem:
    x, goals = waves(items)
    data = replace(
        dataset(items),
        values=x.reshape(-1, 2),
        offsets=np.arange(items + 1) * STEPS,
        target=np.zeros(items, np.int64),
        classes=(),
        goals=goals,
        outputs=("speed", "size"),
    )
    return prepare(data, SensorFormat.calibrate(data.values), None, 0)


def test_the_error_of_a_trial_is_what_its_integer_models_leave_unexplained() -> None:
    planted = problem()
    assert planted.goals is not None
    score = evaluate(planted, RING)
    body = lowered(planted, RING)
    means = trace(body, planted.raw, planted.offsets)
    exponent = feature_exponents(means)
    pooled = features(means, exponent).reshape(60, -1).astype(float)
    mean, std = planted.goals.mean(axis=0), planted.goals.std(axis=0)
    wanted = (planted.goals - mean) / std
    said = np.empty_like(wanted)
    for fold in range(5):
        held = planted.fold[0] == fold
        rest = RidgeStatistics.of(pooled[~held], wanted[~held])
        graph = readout(see(planted, RING), rest, score.ridge, planted)
        said[held] = numbers(graph, decide(graph, means[held]))
    unexplained = np.square((said - planted.goals) / std).mean()
    assert score.error == pytest.approx(unexplained, rel=1e-9)
    assert score.squared == pytest.approx(score.error, rel=0.1)  # the 8-bit readout costs little
    assert score.error < 0.5
    assert score.items == 60


@pytest.mark.parametrize("candidate", EVERY, ids=lambda c: c.family)
def test_every_family_predicts_numbers(candidate: Candidate) -> None:
    planted = problem()
    score = evaluate(planted, candidate)
    assert score.error < 1, "better than the mean"
    graph = final(planted, candidate, score.ridge)
    assert (graph.outputs, graph.finish[-1].kind) == (("speed", "size"), "values")


def test_a_network_predicts_numbers_in_integers_and_in_c(tmp_path: Path) -> None:
    planted = problem()
    assert planted.goals is not None
    score = evaluate(planted, NETWORK)
    assert score.error == score.squared < 0.6, "better than the mean"
    graph = final(planted, NETWORK, 0.0)
    outcome = infer(graph, items_of(graph, planted.raw, planted.offsets))
    said = numbers(graph, outcome)
    assert np.square((said - planted.goals) / planted.goals.std(axis=0)).mean() < 0.3
    assert np.abs(said.mean(axis=0) - planted.goals.mean(axis=0)).max() < 0.2, (
        "1000 and .43 keep their places"
    )
    assert not outcome.classes.any() and graph.outputs == ("speed", "size")
    few = RawSequences(planted.raw, planted.offsets).pinned(5)
    check_equal(outputs(graph, few), run_on_host(emit(graph), few.listed(), sanitize=True), "NumPy", "C")
    save_graph(graph, tmp_path / "graph.npz")
    with pytest.raises(SartoError, match="predicts numbers") as caught:
        onnx_of_folder(tmp_path, {"files": {}, "input": {}}, "")
    assert caught.value.code == "E134"


def test_a_forest_of_numbers_is_scored_by_the_items_it_has_not_seen() -> None:
    """One leaf per item: perfect on what was seen, and not on what was not."""
    planted = problem()
    assert planted.goals is not None
    deep = replace(FOREST, trees=1, units=200, share=1.0)
    graph = final(planted, deep, 0.0)
    said = numbers(graph, decide(graph, trace(graph, planted.raw, planted.offsets)))
    seen = np.square((said - planted.goals) / planted.goals.std(axis=0)).mean()
    assert seen < 0.001 < 0.05 < evaluate(planted, deep).error


def test_a_final_model_predicts_in_units() -> None:
    planted = problem()
    assert planted.goals is not None
    graph = final(planted, RING, 1e-5)
    said = numbers(graph, decide(graph, trace(graph, planted.raw, planted.offsets)))
    assert (np.abs(said - planted.goals).mean(axis=0) < 0.5 * planted.goals.std(axis=0)).all()
    assert (graph.outputs, graph.finish[0].kind) == (("speed", "size"), "values")
    assert all(q < s / 2**12 for q, s in zip(graph.quanta, planted.goals.std(axis=0), strict=True))


@pytest.mark.parametrize(
    ("mean", "std"), [(0, 1), (1000, 0.3), (-1e6, 1.0), (5, 1e-6), (1e-9, 1e-9), (3e5, 2e5)]
)
def test_a_quantum_is_fine_and_reaches_far(mean: float, std: float) -> None:
    found = quantum(mean, std)
    assert np.log2(found) == round(np.log2(found))
    assert abs(mean) + REACH * std <= found * 2**30
    assert found <= std / 2**14 or abs(mean) + REACH * std > found / 2 * (2**30 - 1)


def test_a_problem_of_numbers_survives_its_file(tmp_path: Path) -> None:
    planted = problem()
    planted.save(tmp_path / "p.npz")
    again = load_problem(tmp_path / "p.npz")
    assert again.sha256 == planted.sha256
    assert again.goals is not None
    assert again.outputs == ("speed", "size")
    assert planted.sha256 != replace(planted, goals=again.goals + 1).sha256


def series(steps: int = 600) -> Dataset:
    """Windows of two random walks, and both walks three steps after each window."""
    walk = np.cumsum(np.random.default_rng(5).normal(size=(steps, 2)) * [1, 30], axis=0) + np.array([0, 900])
    first = np.arange(0, steps - STEPS - 3, 4)
    rows = (first[:, None] + np.arange(STEPS)).ravel()
    return replace(
        dataset(len(first)),
        values=walk[rows],
        offsets=np.arange(len(first) + 1) * STEPS,
        target=np.zeros(len(first), np.int64),
        classes=(),
        goals=walk[first + STEPS - 1 + 3][:, ::-1],
        outputs=("large later", "small later"),
        last=walk[first + STEPS - 1][:, ::-1],
        latest=("large", "small"),
    )


def test_a_forecast_is_the_last_value_and_a_predicted_change() -> None:
    data = series()
    planted = prepare(data, SensorFormat.calibrate(data.values), None, 0)
    assert planted.latest == (1, 0)
    assert data.goals is not None
    assert data.last is not None
    score = evaluate(planted, RING)
    persistence = np.square((data.last - data.goals) / data.goals.std(axis=0)).mean()
    assert score.error < 1.3 * persistence  # of a random walk nothing is better
    graph = final(planted, RING, 10.0)  # a ridge that leaves the mean change
    said = numbers(graph, interpret(graph, planted.raw, planted.offsets))
    change = (data.goals - data.last).mean(axis=0)
    np.testing.assert_allclose(said, data.last + change, atol=float(data.goals.std(axis=0).max() * 0.2))
    assert np.corrcoef((said - data.last)[:, 0], data.last[:, 0])[0, 1] ** 2 < 0.9
    without = prepare(replace(data, latest=("large", "gone")), SensorFormat.calibrate(data.values), None, 0)
    assert without.latest == ()
    assert evaluate(without, RING).error > score.error


def request_for(folder: Path, name: str = "out", **changes: object) -> FitRequest:
    x, goals = waves(80)
    np.savez(folder / "waves.npz", x=x, speed=goals[:, 0], size=goals[:, 1], who=np.arange(80) % 8)
    given: dict[str, object] = dict(task="regression", target="speed,size", group="who", trials=6, workers=1)
    source, budget = str(folder / "waves.npz"), Budget(flash_b=8000, ram_b=2000, min_r2=0.5)
    given |= dict(cells=("ring",), command="sarto fit") | changes
    return FitRequest(source, folder / name, "cortex_m4", budget, **given)  # pyright: ignore[reportArgumentType]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("numbers")
    result = fit(request_for(folder), Silent())
    assert result.verdict.fits
    return result.out


def test_the_evidence_is_about_the_model_in_the_folder(out: Path) -> None:
    graph = load_graph(out / "graph.npz")
    evidence = {e.what: e for e in Ledger(out / "evidence.jsonl")}
    manifest = read_manifest(out)
    assert manifest["task"] == "regression"
    assert [o["name"] for o in manifest["outputs"]] == ["speed", "size"]
    assert tuple(o["count"] for o in manifest["outputs"]) == graph.quanta
    x, goals = waves(80)
    provenance = json.loads((out / "provenance.json").read_text())
    assert provenance["split"]["how"].startswith("by who")
    with np.load(out / "pinned.npz") as pinned:
        said = numbers(graph, interpret(graph, pinned["raw"], pinned["offsets"]))
        scale = [c["scale"] for c in manifest["input"]["channels"]]
        raw = np.floor(x / scale + 0.5).astype(np.int16)
        test = [i for i in range(80) if any((raw[i] == p).all() for p in pinned["raw"].reshape(-1, STEPS, 2))]
    assert len(test) == provenance["split"]["test"] == len(said)
    true = goals[test]
    left = np.square(said - true).sum(axis=0) / np.square(true - true.mean(axis=0)).sum(axis=0)
    assert evidence["test R2"].value == pytest.approx(1 - float(left.mean()))
    assert left.mean() < 0.5
    assert evidence["test RMSE of speed"].value == pytest.approx(np.sqrt(np.square(said - true)[:, 0].mean()))
    assert abs(evidence["test R2 of the mean"].value) < 0.2
    assert "test accuracy" not in evidence
    header = (out / "model.h").read_text()
    assert "#define MODEL_OUTPUTS 2" in header
    assert f"#define MODEL_EXPONENT_0 ({round(np.log2(graph.quanta[0]))})" in header
    assert "Outputs: 0 speed in counts of 2^" in header


def test_it_can_be_measured_again_on_another_device(out: Path) -> None:
    assert {e.what for e in measure_folder(out, "cortex_m0plus", Silent())} >= {"flash on cortex_m0plus"}


def test_the_folder_deploys_as_a_project_for_a_board(out: Path, tmp_path: Path) -> None:
    result = call("deploy", str(out), "--to", "cmake", "-o", str(tmp_path / "x"))
    assert result.exit_code == 0, result.stderr
    written = {str(p.relative_to(tmp_path / "x")) for p in (tmp_path / "x").rglob("*") if p.is_file()}
    assert written >= {"CMakeLists.txt", "toolchain.cmake", "harness.ld", "harness/inputs.c", "deployed.json"}
    assert load_graph(out / "graph.npz").sha256 in (tmp_path / "x/harness/inputs.h").read_text()
    (tmp_path / "log").write_text("Booting...\n")
    refused = call("measure", str(out), "--from-board", str(tmp_path / "log"))
    assert (refused.exit_code, refused.stderr[:11]) == (2, "error[E103]")


def test_the_report_speaks_of_numbers(out: Path) -> None:
    run = read_run(out)
    page, text = html(run), card(run)
    for part in ("Explained variance", "Predicted against true", "Test R2", "Explained variance by who"):
        assert part in page
    assert "Confusion" not in page
    assert "predicts: speed, one count is" in text
    assert "It always gives a number" in text
    assert "classes" not in text


def test_a_finished_request_is_found_again_and_another_task_is_another(out: Path) -> None:
    request = request_for(out.parent)
    assert finished(request) is not None
    with pytest.raises(SartoError, match=r"E113(.|\n)*it differs in: target"):
        finished(replace(request, target="speed"))


def test_a_model_that_is_no_better_than_the_mean_says_so(tmp_path: Path) -> None:
    x, _ = waves(60, seed=3)
    noise = np.random.default_rng(0).normal(size=60)
    np.savez(tmp_path / "noise.npz", x=x, y=noise)
    request = replace(
        request_for(tmp_path), source=str(tmp_path / "noise.npz"), target=None, group=None, trials=3
    )
    result = fit(replace(request, budget=Budget(flash_b=8000, ram_b=2000)), Silent())
    (finding,) = [json.loads(line) for line in (result.out / "findings.jsonl").read_text().splitlines()]
    assert finding["what"] == "no better than guessing"
    assert "that of the mean is" in finding["text"]


@pytest.mark.parametrize(
    ("task", "limit", "words"),
    [
        ("regression", {"min_accuracy": 0.5}, "--min-accuracy cannot"),
        ("classification", {"min_r2": 0.5}, "--min-r2 cannot"),
    ],
)
def test_a_limit_of_another_task_is_refused(
    tmp_path: Path, task: str, limit: dict[str, float], words: str
) -> None:
    request = replace(request_for(tmp_path), task=task, target=None, budget=Budget(**limit))
    with pytest.raises(SartoError, match=words) as caught:
        check(request)
    assert caught.value.code == "E112"


def test_a_forecast_runs_on_the_device_as_in_numpy(tmp_path: Path) -> None:
    lines = [f"{i},{np.sin(i / 5) * 20:.3f},{i % 7}" for i in range(500)]
    (tmp_path / "s.csv").write_text("time_s,temp,load\n" + "\n".join(lines) + "\n")
    request = replace(
        request_for(tmp_path),
        source=str(tmp_path / "s.csv"),
        task="forecasting",
        target="temp",
        horizon=3,
        group=None,
    )
    request = replace(request, window=24, hop=8, budget=Budget(flash_b=8000, ram_b=2000))
    result = fit(request, Silent())
    evidence = {e.what: e.value for e in Ledger(result.out / "evidence.jsonl")}
    assert evidence["test R2"] > evidence["test R2 of the last value"] > 0.5
    assert "latest" in load_graph(result.out / "graph.npz").by_name
    assert not (result.out / "findings.jsonl").read_text()
    assert "temp, 3 steps later" in html(read_run(result.out))


def test_windows_that_overlap_are_not_learned_from_beside_those_held_out() -> None:
    data = replace(series(), overlap=4)
    planted = prepare(data, SensorFormat.calibrate(data.values), None, 0)
    assert planted.gap == 3
    assert [len(np.unique(fold)) for fold in planted.fold] == [5, 6, 7]
    assert all(np.count_nonzero(np.diff(fold)) == len(np.unique(fold)) - 1 for fold in planted.fold)  # runs
    seen = see(planted, RING)
    held = planted.fold[0] == 2
    first, last = np.flatnonzero(held)[[0, -1]]
    mine = _parts(seen, planted.fold[0], planted.gap)[2][1]
    beside = np.zeros(len(data), bool)
    beside[[*range(first - 3, first), *range(last + 1, last + 4)]] = True
    wanted = RidgeStatistics.of(seen.pooled[~held & ~beside], seen.wanted[~held & ~beside])
    np.testing.assert_allclose(mine.C_xx, wanted.C_xx, rtol=1e-6, atol=1e-6 * np.abs(wanted.C_xx).max())
    np.testing.assert_allclose(mine.mean_y, wanted.mean_y, atol=1e-9)
    grouped = replace(data, metadata={"who": np.arange(len(data)) // 30}, group_name="who")
    assert prepare(grouped, SensorFormat.calibrate(data.values), None, 0).gap == 0
