"""Shrinking for a device: the network's integers become an image that is built, run and judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.core.graph import infer, load_graph
from sarto.core.progress import Silent
from sarto.measure.model import measure_folder, read_pinned
from sarto.report import read_run
from sarto.report.card import card
from sarto.report.page import html
from sarto.search.shrink import shrink
from sarto.search.shrink_folder import ShrinkRequest

Make = Callable[..., ShrinkRequest]


@pytest.fixture
def make(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Make:
    """What makes a request for a Cortex-M4 on items that a small network learns, with a few quick passes."""
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(0)
    x = rng.normal(size=(120, 1, 3, 2)).astype(np.float32)
    np.savez("items.npz", x=x, y=(x.sum(axis=(1, 2, 3)) > 0).astype(int))

    def request(out: str, **given: Any) -> ShrinkRequest:
        settings: dict[str, Any] = {
            "recipe": "ptq:8",
            "device": "cortex_m4",
            "epochs": 3,
            "batch": 20,
            "rate": 0.02,
        }
        return ShrinkRequest(model="mlp", data="items.npz", out=Path(out), **(settings | given))

    return request


def test_the_folder_is_one_of_a_device(make: Make) -> None:
    result = shrink(make("out", recipe="magnitude:0.3,ptq:8", flash_b=64000.0, ram_b=16000.0), Silent())
    run = read_run(Path("out"))
    assert (run.kind, run.artifact["device"], result.verdict.fits) == ("network", "cortex_m4", True)
    assert {m.limit for m in run.verdict.margins} == {"flash", "ram"}
    assert [p.name for p in run.points] == ["ptq:8"]  # the step before it leaves floats, which have no image
    told = {e.what: e for e in run.evidence}
    assert told["flash"].value > told["file"].value and told["flash"].tool.startswith("ELF")
    assert told["instructions per inference"].how == "emulated"
    for region in ("flash", "ram"):
        rows = run.tables[f"{region} map"].rows
        assert sum(int(row[1]) for row in rows) == told[region].value
    assert any("the arena is largest at" in text for text in result.remarks)
    graph, pinned = load_graph(Path("out/graph.npz")), read_pinned(Path("out"))
    (given,) = graph.kind("input")
    assert pinned.raw.shape[1] == 2 and given.shape == (3, 2, 1)
    guess = infer(graph, pinned.raw.reshape(len(pinned), *given.shape)).classes
    assert set(guess.tolist()) <= {0, 1}
    page = html(run)
    assert "<code>network.sarto</code> is the same network as a file" in page
    assert page.count("Bytes of the file by tensor") == 1 and page.count("RAM by part") > 0
    assert "3 lines of 2 numbers" in card(run)
    again = measure_folder(Path("out"), None, Silent())
    assert {e.what: e.value for e in again}["flash"] == told["flash"].value
    assert shrink(
        make("out", recipe="magnitude:0.3,ptq:8", flash_b=64000.0, ram_b=16000.0), Silent()
    ).already_done


def test_a_search_is_by_what_images_take(make: Make) -> None:
    result = shrink(make("out", recipe="channels:auto,ptq:8", ram_b=900.0, trials=3), Silent())
    assert len(result.points) > 1
    for point in result.points:
        assert point["ram"] > 0 and point["flash"] > point["file"]
    front = json.loads(Path("out/front.json").read_text(encoding="utf-8"))
    assert front["objectives"] == ["validation error", "flash", "ram"]


def test_a_recipe_that_ends_in_floats_is_refused_before_anything_is_trained(make: Make) -> None:
    with pytest.raises(SartoError, match=r"computes in floats at the end of 'magnitude:0\.5'") as caught:
        shrink(make("out", recipe="magnitude:0.5"), Silent())
    assert caught.value.code == "E133" and "ptq" in str(caught.value.hint)
    assert not Path("out").exists()


def test_what_the_device_does_not_hold_is_said_with_how_much(make: Make) -> None:
    small = Path("small.toml")
    text = (Path(__file__).parents[2] / "src/sarto/devices/cortex_m0plus.toml").read_text(encoding="utf-8")
    small.write_text(text, encoding="utf-8")
    result = shrink(make("out", device="small.toml", flash_b=500.0), Silent())
    assert not result.verdict.fits and result.verdict.binding == "flash"
    assert Path("out/device.toml").is_file()


def test_weights_lie_as_takes_least_or_plain_where_that_is_asked(make: Make) -> None:
    sizes = {}
    for weights in ("smallest", "plain"):
        result = shrink(make(weights, recipe="magnitude:0.95,ptq:8", weights=weights), Silent())
        sizes[weights] = {e.what: e.value for e in result.evidence}["flash"]
        graph = load_graph(Path(weights) / "graph.npz")
        assert any("storage" in op.attributes for op in graph.whole) == (weights == "smallest")
    assert sizes["smallest"] < sizes["plain"]
