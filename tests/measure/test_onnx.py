"""ONNX files of finished folders: compared on what items there are, refused when they differ, timed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from sarto.compress.state import State
from sarto.core.errors import SartoError
from sarto.core.graph import save_graph
from sarto.data.examples import read_examples
from sarto.data.source import source_sha256
from sarto.deploy.lower.network import lower_network
from sarto.measure import onnx
from sarto.measure.onnx import agreement, onnx_of_folder
from sarto.measure.session import PRECISE, Session
from sarto.models.network.architecture import Architecture, Node
from sarto.models.network.module import Network
from tests.deploy.models import lowered as lowered_reservoir
from tests.deploy.random_networks import quantised, shaken

ARCH = Architecture(
    (1, 4, 4),
    (
        Node("c", "conv", ("input",), {"channels": 4, "kernel": (3, 3)}),
        Node("r", "relu", ("c",)),
        Node("f", "flatten", ("r",)),
        Node("l", "linear", ("f",), {"features": 3}),
    ),
)


def folder(out: Path, net: Network, source: Path | None = None) -> dict[str, Any]:
    """What of a folder of `sarto compress` is read, and its manifest."""
    out.mkdir()
    (out / "network.sarto").write_bytes(State(net).packed()[0])
    if source is not None:
        data = {"source": str(source), "sha256": source_sha256(str(source))}
        split = {"test_sha256": read_examples(str(source)).test.sha256}
        (out / "provenance.json").write_text(json.dumps({"data": data, "seed": 0, "split": split}))
    return {"files": {"network.sarto": ""}, "classes": ["a", "b", "c"], "input": {"shape": [1, 4, 4]}}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path / "items.npz"
    np.savez(path, x=rng.integers(0, 256, (80, 4, 4)).astype(np.uint8), y=np.arange(80) % 3)
    return path


@pytest.fixture
def floats() -> Network:
    torch.set_num_threads(1)
    return shaken(ARCH, 0)


@pytest.fixture
def integers() -> Network:
    return quantised(0, ARCH)[1]


@pytest.mark.parametrize("kind", ["floats", "integers"])
def test_a_file_agrees_on_the_test_items_and_is_timed(
    kind: str, source: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    net = request.getfixturevalue(kind)
    manifest = folder(tmp_path / "out", net, source)
    made = onnx_of_folder(tmp_path / "out", manifest, "sarto deploy")
    assert (made.integers, made.items) == (kind == "integers", "20 of the 20 items it was tested on")
    same, error, latency = made.evidence
    assert same.value == 1 and same.n == 20 and error.value < (0.01 if made.integers else 1e-5)
    assert latency.interval is not None and 0 < latency.interval[0] <= latency.value <= latency.interval[1]
    assert latency.how == "measured" and "onnxruntime" in latency.tool and "one thread" in latency.tool
    assert len({item.subject_sha256 for item in made.evidence}) == 1
    x = read_examples(str(source)).test.x
    with torch.no_grad():
        wanted = net(torch.as_tensor(x)).numpy()
    np.testing.assert_allclose(Session(made.data).scores(x), wanted, atol=0.03 * np.abs(wanted).max())


def test_without_the_data_items_are_random_and_said_to_be(
    integers: Network, source: Path, tmp_path: Path
) -> None:
    manifest = folder(tmp_path / "out", integers, source)
    np.savez(source, x=np.zeros((80, 4, 4), np.uint8), y=np.arange(80) % 3)
    assert onnx_of_folder(tmp_path / "out", manifest, "").items == "256 random items from 0 to 1"
    source.unlink()
    assert onnx_of_folder(tmp_path / "out", manifest, "").items.startswith("256 random items")


def test_a_file_that_says_something_else_is_refused(
    integers: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = folder(tmp_path / "out", integers)
    monkeypatch.setattr(Session, "scores", lambda _self, x: np.ones((len(x), 3), np.float32))  # pyright: ignore
    with pytest.raises(SartoError, match="says something else than the model") as error:
        onnx_of_folder(tmp_path / "out", manifest, "")
    assert error.value.code == "E403" and "0.03 is allowed, on 256 random items" in str(error.value)


def test_a_processor_that_needs_the_option_is_told_of(
    integers: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What saturates depends on the processor: here sums without the option are wrong everywhere."""
    manifest, right = folder(tmp_path / "out", integers), Session.scores

    def scores(self: Session, x: Any) -> Any:
        return right(self, x) if self.precise else -right(self, x)

    monkeypatch.setattr(Session, "scores", scores)
    (remark,) = onnx_of_folder(tmp_path / "out", manifest, "").remarks
    assert f"needs the option {PRECISE}=1" in remark


def test_a_folder_of_a_graph_alone(integers: Network, tmp_path: Path) -> None:
    save_graph(lower_network(integers, ("a", "b", "c")).graph, tmp_path / "graph.npz")
    manifest: dict[str, Any] = {"files": {"graph.npz": ""}, "classes": [], "input": {"shape": [1, 4, 4]}}
    assert onnx_of_folder(tmp_path, manifest, "").integers
    with pytest.raises(SartoError, match="does not say what its items are") as error:
        onnx_of_folder(tmp_path, manifest | {"input": {}}, "")
    assert error.value.code == "E114"


def test_a_reservoir_is_refused_in_words(tmp_path: Path) -> None:
    save_graph(lowered_reservoir(units=3, lengths=(4,) * 4).graph, tmp_path / "graph.npz")
    manifest: dict[str, Any] = {"files": {"graph.npz": ""}, "classes": [], "input": {"channels": ["x"]}}
    with pytest.raises(SartoError, match="the model runs on a stream") as error:
        onnx_of_folder(tmp_path, manifest, "")
    assert error.value.code == "E134"


def test_what_agreement_asks_for() -> None:
    ours = np.array([[100.0, 50.0], [10.0, 9.0]])
    assert agreement(ours, ours + 2.9, onnx.INTEGER_TOLERANCE).holds
    assert not agreement(ours, ours + 3.1, onnx.INTEGER_TOLERANCE).holds
    turned = np.array([[100.0, 50.0], [9.0, 10.0]])
    found = agreement(ours, turned, onnx.INTEGER_TOLERANCE)
    assert (found.same_class, found.most, found.holds) == (1, 0.01, True), "there was no clear lead"
    assert not agreement(ours, np.full((2, 2), np.nan), onnx.INTEGER_TOLERANCE).holds
