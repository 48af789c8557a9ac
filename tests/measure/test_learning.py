"""Learning on emulated devices: every bit as NumPy defines it, on both cores, and what it takes."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from sarto.core.artifact import NAME, read_manifest, seal
from sarto.core.errors import SartoError
from sarto.core.graph import Window
from sarto.deploy.c.learn import Learning, emit_learning
from sarto.devices import device
from sarto.learn.integer_rls import Beginning
from sarto.measure.build import build
from sarto.measure.image import Image
from sarto.measure.learning import learn_emulated, learn_folder, too_large
from sarto.measure.model import RawSequences
from tests.core.graph.graphs import small_graph
from tests.deploy.c.test_learn import problem
from tests.measure.test_from_board import finished

GRAPH = small_graph(2, units=6, channels=3, segments=2, segment_steps=4)
STREAM = small_graph(4, units=5, window=Window(6, 2), kind="mean")
RUNS = {"cortex_m0plus": (GRAPH, "rls:3"), "cortex_m4": (STREAM, "rls:blank")}


@cache
def image(core: str) -> Image:
    graph, way = RUNS[core]
    return build(emit_learning(graph, problem(graph, way)[0]), device(core), optimise="-Os")


@pytest.mark.parametrize("core", RUNS)
def test_a_device_learns_what_the_definition_does(core: str) -> None:
    graph, way = RUNS[core]
    beginning, given, labels = problem(graph, way)
    seen = learn_emulated(image(core), graph, beginning, given, labels)
    assert not image(core).diagnostics
    whole = np.full(len(given), True) if graph.window is None else np.diff(given.offsets) == 6
    assert seen.updates == (whole & (labels >= 0)).sum() > 15
    assert len(seen.rows) == len(given) + (0 if graph.window is None else whole.sum())
    coefficients = beginning.words - beginning.columns
    assert 20 * coefficients < seen.update_instructions < 400 * coefficients
    assert seen.peak_stack_b % 4 == 0 and 0 < seen.peak_stack_b < 400


def test_a_bit_that_differs_is_told() -> None:
    beginning, given, labels = problem(GRAPH, "rls:3")
    other = replace(beginning, prior=beginning.prior + 50)
    with pytest.raises(SartoError) as caught:
        learn_emulated(image("cortex_m0plus"), GRAPH, other, given, labels)
    assert caught.value.code == "E403" and f"of {len(given)} answers" in (caught.value.cause or "")
    few = RawSequences(given.raw, given.offsets[:4])
    with pytest.raises(SartoError) as caught:
        learn_emulated(image("cortex_m0plus"), GRAPH, other, few, np.full(3, -1))
    assert f"of {beginning.words} words of the learner" in (caught.value.cause or "")


def test_a_finished_folder_learns_and_tells_what_it_takes(tmp_path: Path) -> None:
    finished(tmp_path / "out", "cortex_m4")
    sources, evidence = learn_folder(tmp_path / "out", Learning(None), command="sarto deploy")
    assert set(sources) == {"model.c", "model.h", "learn.c", "learn.h", "main.c", "link.ld"}
    found = {item.what: item for item in evidence}
    parts = [found[what].value for what in ("flash", "static ram", "peak stack")]
    assert found["flash, static ram and peak stack"].value == sum(parts)
    assert found["instructions per update"].value > found["instructions per answer"].value > 100
    assert all(item.command == "sarto deploy" for item in evidence)


def test_a_learner_that_the_ram_does_not_hold_is_told_with_what_would_fit() -> None:
    error = SartoError("E203", "RAM 219 kB > 66 kB", cause="the image needs 219 kB")
    told = too_large(error, Beginning.blank(324, 3, 100.0), 65536)
    assert (told.code, told.message) == ("E203", "RAM 219 kB > 66 kB")
    assert "219 kB; 215800 B of RAM are what is learned of 324 features" in (told.cause or "")
    # 2 (F + 1) (F + 8) bytes: 65,136 of 176 features, 65,860 of 177.
    assert "what 176 need" in (told.hint or "")
    other = SartoError("E401", "no")
    assert too_large(other, Beginning.blank(324, 3, 100.0), 65536) is other


def test_a_model_that_is_not_flashed_does_not_learn(tmp_path: Path) -> None:
    out = finished(tmp_path / "out", "cortex_m4")
    manifest = {k: v for k, v in read_manifest(out).items() if k != "sha256"}
    for other, cause in (
        ({"device": "host"}, "not for one to flash"),
        ({"target": "storage"}, "for storage"),
    ):
        (out / NAME).write_text(json.dumps(seal({**manifest, **other})), encoding="utf-8")
        with pytest.raises(SartoError) as caught:
            learn_folder(out, Learning())
        assert caught.value.code == "E167" and cause in (caught.value.cause or "")
