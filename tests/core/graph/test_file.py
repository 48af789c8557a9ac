"""Graphs in files: the same bytes for the same graph, and every damage refused."""

import json
import zipfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.core.graph import Window, interpret, load_graph, save_arrays, save_graph
from tests.core.graph.graphs import raw_words, small_graph


@pytest.mark.parametrize("window", [None, Window(6, 4)])
def test_goes_through_a_file_and_back(tmp_path: Path, window: Window | None) -> None:
    graph = small_graph(3, segments=2, segment_steps=3, window=window)
    first, *rest = graph.tensors
    graph = replace(graph, tensors=(replace(first, scale=np.float64(0.1)), *rest))
    save_graph(graph, tmp_path / "a.npz")
    again = load_graph(tmp_path / "a.npz")
    assert again.sha256 == graph.sha256
    assert again.describe() == graph.describe()
    raw, offsets = raw_words(0, [5, 6])
    np.testing.assert_array_equal(
        interpret(again, raw, offsets).scores, interpret(graph, raw, offsets).scores
    )
    save_graph(again, tmp_path / "b.npz")
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_of_generated_weights_the_start_alone_is_kept(tmp_path: Path) -> None:
    graph = small_graph(3, units=40, start=2463534242)
    save_graph(graph, tmp_path / "a.npz")
    again = load_graph(tmp_path / "a.npz")
    assert (again.sha256, again.step[1].attributes["start"]) == (graph.sha256, 2463534242)
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert not {"const/weights", "const/inputs", "const/bias"} & set(file.files)
    raw, offsets = raw_words(0, [5, 6])
    np.testing.assert_array_equal(
        interpret(again, raw, offsets).scores, interpret(graph, raw, offsets).scores
    )
    other = small_graph(3, units=40, start=2463534243)
    assert other.sha256 != graph.sha256
    assert (interpret(other, raw, offsets).scores != interpret(graph, raw, offsets).scores).any()


@pytest.mark.parametrize("start", [0, -1, 2**32, 1.5, True, "7", None])
def test_a_start_that_cannot_be_is_refused(tmp_path: Path, start: Any) -> None:
    path = tmp_path / "graph.npz"
    save_graph(small_graph(start=1), path)
    rewritten(lambda f: f["programs"]["step"][1][3].update(start=start))(path)
    with pytest.raises(SartoError, match="cannot start at") as caught:
        load_graph(path)
    assert caught.value.code == "E114"


def test_arrays_keep_no_time(tmp_path: Path) -> None:
    save_arrays({"raw": np.arange(6, dtype=np.int16).reshape(3, 2)}, tmp_path / "a.npz")
    with zipfile.ZipFile(tmp_path / "a.npz") as archive:
        assert {i.date_time for i in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}
    with np.load(tmp_path / "a.npz", allow_pickle=False) as file:
        assert file["raw"].dtype == np.int16
        assert file["raw"].tolist() == [[0, 1], [2, 3], [4, 5]]


def rewritten(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    """Change the graph's words."""

    def edit(path: Path) -> None:
        with np.load(path) as file:
            arrays = dict(file)
        fields: Any = json.loads(arrays["graph"].tobytes())
        other = change(fields)
        words = json.dumps(other if isinstance(other, list) else fields)
        arrays["graph"] = np.frombuffer(words.encode(), np.uint8)
        save_arrays(arrays, path)

    return edit


def without(name: str) -> Callable[[Path], object]:
    def edit(path: Path) -> None:
        with np.load(path) as file:
            arrays = {k: v for k, v in file.items() if k != name}
        save_arrays(arrays, path)

    return edit


DAMAGE: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(),
    "empty": lambda path: path.write_bytes(b""),
    "text": lambda path: path.write_text("not a graph"),
    "cut": lambda path: path.write_bytes(path.read_bytes()[:-40]),
    "one array": lambda path: (
        np.save(path.with_suffix(".npy"), np.zeros(3)),
        path.with_suffix(".npy").rename(path),
    ),
    "no graph": without("graph"),
    "no constant": without("const/weights"),
    "words are no JSON": lambda path: save_arrays({"graph": np.zeros(3, np.uint8)}, path),
    "words are a list": rewritten(lambda f: [1]),
    "other format": rewritten(lambda f: f.update(format="sarto-graph/2")),
    "no format": rewritten(lambda f: f.pop("format")),
    "no programs": rewritten(lambda f: f.pop("programs")),
    "short tensor": rewritten(lambda f: f["tensors"][0].pop()),
    "short operation": rewritten(lambda f: f["programs"]["step"][0].clear()),
    "unknown tensor": rewritten(lambda f: f["programs"]["finish"][0][1].update(sums="none")),
    "weights twice": rewritten(lambda f: f["programs"]["step"][1][3].update(start=7)),
    "no weights": rewritten(lambda f: f["programs"]["step"][1][1].pop("weights")),
    "other shape": rewritten(lambda f: f["tensors"][4][2].append(1)),
    "window": rewritten(lambda f: f.update(window=[3])),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "graph.npz"
    save_graph(small_graph(), path)
    DAMAGE[kind](path)
    with pytest.raises(SartoError, match=r"graph\.npz is not a graph that Sarto can read") as caught:
        load_graph(path)
    assert caught.value.code == "E114"
    assert caught.value.hint


def test_no_flipped_byte_goes_unnoticed(tmp_path: Path) -> None:
    """A flip is refused, or falls where a zip file keeps nothing of the graph."""
    path = tmp_path / "graph.npz"
    graph = small_graph()
    save_graph(graph, path)
    good = path.read_bytes()
    refused = 0
    for place in range(0, len(good), 23):
        path.write_bytes(good[:place] + bytes([good[place] ^ 0x55]) + good[place + 1 :])
        with suppress(SartoError):
            refused += 1
            assert load_graph(path).sha256 == graph.sha256
            refused -= 1
    assert refused > len(good) / 23 / 2
