"""Shrinking for a device: the network's integers become an image that is built, run and judged."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from jaxtyping import Int8

from sarto.core.errors import SartoError
from sarto.core.graph import Graph, Op, Tensor, infer, load_graph
from sarto.core.progress import Silent
from sarto.data.examples import of_arrays
from sarto.deploy.c.storage import storage_of
from sarto.deploy.lower.network import Lowered
from sarto.measure.model import measure_folder, read_pinned
from sarto.measure.onnx import onnx_of_folder
from sarto.report import read_run
from sarto.report.card import card
from sarto.report.page import html
from sarto.search.shrink import shrink
from sarto.search.shrink_folder import ShrinkRequest
from sarto.search.shrink_image import images_of

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
    limits = {"flash_b": 64000.0, "ram_b": 16000.0, "instructions": 1e6, "latency_s": 0.1, "energy_j": 0.1}
    result = shrink(make("out", recipe="magnitude:0.3,ptq:8", **limits), Silent())
    run = read_run(Path("out"))
    assert (run.kind, run.artifact["device"], result.verdict.fits) == ("network", "cortex_m4", True)
    assert {m.limit: m.how for m in run.verdict.margins} == {
        "flash": "measured",
        "ram": "emulated",
        "instructions per inference": "emulated",
        "latency": "estimated",
        "energy": "estimated",
    }
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
    assert shrink(make("out", recipe="magnitude:0.3,ptq:8", **limits), Silent()).already_done


def test_a_search_is_by_what_images_take(make: Make) -> None:
    result = shrink(make("out", recipe="channels:auto,ptq:8", ram_b=900.0, trials=3), Silent())
    assert len(result.points) > 1
    for point in result.points:
        assert point["ram"] > 0 and point["flash"] > point["file"]
    front = json.loads(Path("out/front.json").read_text(encoding="utf-8"))
    assert front["objectives"] == ["validation error", "flash", "ram"]


def test_floats_and_limits_that_nobody_can_judge_are_refused_before_anything_is_trained(make: Make) -> None:
    with pytest.raises(SartoError, match=r"computes in floats at the end of 'magnitude:0\.5'") as caught:
        shrink(make("out", recipe="magnitude:0.5"), Silent())
    assert caught.value.code == "E133" and "ptq" in str(caught.value.hint)
    with pytest.raises(SartoError, match="--energy cannot be judged on cortex_m7") as caught:
        shrink(make("out", device="cortex_m7", energy_j=1.0), Silent())
    assert caught.value.code == "E112"
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


def test_a_tree_is_an_image_like_a_network(make: Make) -> None:
    result = shrink(make("out", recipe="tree:4,rans", flash_b=4000.0), Silent())
    assert result.verdict.fits and result.points[0].name == "tree:4"
    graph = load_graph(Path("out/graph.npz"))
    assert [op.kind for op in graph.whole] == ["reshape", "forest", "argmax"]
    assert "sample" in Path("out/model.h").read_text(encoding="utf-8")
    told = {e.what: e.value for e in result.evidence}
    assert {e.what: e.value for e in measure_folder(Path("out"), None, Silent())}["flash"] == told["flash"]
    assert read_run(Path("out")).kind == "network" and told["test accuracy"] > 0.5


def test_a_limit_of_instructions_takes_as_few_layers_as_it_must_out_of_their_streams(make: Make) -> None:
    rng = np.random.default_rng(0)
    weights = rng.integers(-2, 3, (2, 40, 40)) * (rng.random((2, 40, 40)) < 0.6)
    lowered = Lowered(two_layers(weights.astype(np.int8)), 1 / 127, (-127, 127), 1.0, {})
    examples = of_arrays(rng.uniform(-1, 1, (4, 40)), np.arange(4) % 2)

    def point(**limits: Any) -> tuple[list[str], dict[str, float]]:
        images = images_of(make("out", **limits), "two layers", Path("images"))
        assert images is not None
        found, measured = images.point(lowered, examples)
        return [storage_of(op) for op in found.graph.whole[:2]], {e.what: e.value for e in measured.evidence}

    smallest, takes = point()
    assert smallest == ["coded", "coded"]
    slow, size = takes["instructions per inference"], takes["flash"]
    one, took = point(instructions=0.7 * slow)
    assert sorted(one) == ["coded", "plain"] and took["instructions per inference"] <= 0.7 * slow
    both, took = point(latency_s=takes["latency"] / 3)
    assert both == ["plain", "plain"] and took["latency"] <= takes["latency"] / 3
    assert point(instructions=0.99 * slow, flash_b=size)[0] == smallest, "what comes nearest"
    assert point(energy_j=takes["energy"])[0] == smallest


def two_layers(weights: Int8[np.ndarray, "layer 40 40"]) -> Graph:
    """Return a graph of two dense layers of 40 numbers."""
    consts = {
        "w0": weights[0],
        "w1": weights[1],
        "bias": np.zeros(40, np.int32),
        "factor": np.full(40, 1 << 14, np.int16),
        "shift": np.full(40, 18, np.uint8),
    }
    tensors = [Tensor(name, str(data.dtype), data.shape, "const", data) for name, data in consts.items()]
    tensors += [Tensor("x", "int8", (40,), "input"), Tensor("h", "int8", (40,), "scratch")]
    tensors += [Tensor("y", "int32", (40,), "output")]
    same = {role: role for role in ("bias", "factor", "shift")}
    limits = {"low": -127, "high": 127}
    ops = [
        Op("dense", {"x": "x", "weights": "w0", **same}, {"y": "h"}, limits),
        Op("dense", {"x": "h", "weights": "w1", **same}, {"y": "y"}, limits),
        Op("argmax", {"x": "y"}, {}),
    ]
    outputs = tuple(map(str, range(40)))
    return Graph("model", tuple(tensors), (), (), (), 1, 0, None, outputs, (), (), tuple(ops))


NESTED = """
from sarto.models.dynamic.named import grouped
from sarto.models.network.module import Network

def net():
    return Network(grouped("cnn2d", (1, 3, 2), 2, groups=2, width=4, depth=1), seed=0)
"""


def test_a_nested_network_runs_at_any_of_its_widths(make: Make) -> None:
    Path("nested.py").write_text(NESTED, encoding="utf-8")
    result = shrink(replace(make("out", widths=2), model="nested.py:net"), Silent())
    graph = load_graph(Path("out/graph.npz"))
    found = {e.what: e.value for e in result.evidence}
    assert graph.groups == 2 and found["arena at width 1"] == found["arena at width 2"]
    assert (
        found["instructions per inference at width 1"] < 0.8 * found["instructions per inference at width 2"]
    )
    assert found["test accuracy at width 2"] == found["test accuracy"]
    assert found["instructions per inference at width 2"] == found["instructions per inference"]
    again = {e.what: e.value for e in measure_folder(Path("out"), None, Silent())}
    assert again["flash at width 1"] == found["flash at width 1"] == found["flash"]
    manifest = json.loads(Path("out/artifact.json").read_text(encoding="utf-8"))
    made = onnx_of_folder(Path("out"), manifest, "")
    assert set(made.beside) == {"width1.onnx", "weights.bin"}
    shares = [e for e in made.evidence if e.what.startswith("share of the same class")]
    assert [e.what[-7:] for e in shares] == ["width 1", "width 2"] and min(e.value for e in shares) > 0.9
    assert "int model_run(model_arena *arena, int width);" in Path("out/model.h").read_text(encoding="utf-8")


def test_a_network_that_is_not_nested_has_no_widths(make: Make) -> None:
    with pytest.raises(SartoError, match="not nested in 2 groups") as caught:
        shrink(make("out", widths=2), Silent())
    assert caught.value.code == "E121" and not Path("out").exists()
