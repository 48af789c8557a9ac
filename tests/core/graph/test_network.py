"""Operations of integer networks against one number at a time, at their limits too."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.core.graph import Graph, Op, Tensor, infer, load_graph, save_graph
from sarto.core.graph.network import Slide, dense, exact_float
from sarto.core.graph.whole import tensors
from tests.core.graph.graphs import small_graph
from tests.core.graph.slow_network import slow


def one_layer(seed: int, kind: str, **chosen: Any) -> Graph:
    """A graph of one layer with random constants."""
    rng = np.random.default_rng(seed)
    unsigned, below = bool(rng.integers(2)), bool(rng.integers(2))
    groups, channels = int(rng.choice([1, 2, 4])), 4
    shape = (5, 6, channels) if kind == "conv" else (7,)
    attributes = {"low": -127, "high": 127}
    if kind == "conv":
        outputs = groups * int(rng.integers(1, 3))
        weights = rng.integers(-127, 128, (outputs, *rng.integers(1, 4, 2), channels // groups))
        for axis in ("row", "column"):
            attributes |= {
                f"stride_{axis}": int(rng.integers(1, 3)),
                f"padding_{axis}": int(rng.integers(0, 3)),
            }
            attributes[f"dilation_{axis}"] = int(rng.integers(1, 3))
        attributes["groups"] = groups
        out = (*Slide.of((weights.shape[1], weights.shape[2]), attributes).size(5, 6), outputs)
    else:
        weights, outputs, out = rng.integers(-127, 128, (3, 7)), 3, (3,)
    consts: dict[str, np.ndarray[Any, Any]] = {
        "weights": weights.astype(np.int8),
        "bias": rng.integers(-40000, 40000, outputs).astype(np.int32),
        "factor": rng.integers(2**14, 2**15, outputs).astype(np.int16),
        "shift": rng.integers(22, 25, outputs).astype(np.uint8),
    }
    if below:
        consts |= {
            "factor_below": consts["factor"][::-1].copy(),
            "shift_below": consts["shift"] + np.uint8(2),
        }
    held = [Tensor(n, str(a.dtype), a.shape, "const", a) for n, a in consts.items()]
    held += [
        Tensor("item", "uint8" if unsigned else "int8", shape, "input"),
        Tensor("y", "int8", out, "output"),
    ]
    op = Op(kind, {"x": "item", **{n: n for n in consts}}, {"y": "y"}, attributes | chosen)
    names = tuple(map(str, range(int(np.prod(out)))))
    return Graph(
        "net", tuple(held), (), (), (), 1, 0, None, names, (), (), (op, Op("argmax", {"x": "y"}, {}))
    )


def items(graph: Graph, seed: int, count: int = 3) -> np.ndarray[Any, Any]:
    (given,) = graph.kind("input")
    low, high = (0, 255) if given.dtype == "uint8" else (-127, 127)
    return np.random.default_rng(seed).integers(low, high + 1, (count, *given.shape))


@pytest.mark.parametrize("kind", ["conv", "dense"])
@pytest.mark.parametrize("seed", range(12))
def test_a_layer_equals_one_number_at_a_time(kind: str, seed: int) -> None:
    graph = one_layer(seed, kind)
    given = items(graph, seed)
    fast = tensors(graph, given)
    for number, item in enumerate(given):
        np.testing.assert_array_equal(fast["y"][number], slow(graph, item)["y"])
    assert len(np.unique(fast["y"])) > 3, "the test says nothing where everything is clamped"
    assert (fast["y"] < 0).any() and (fast["y"] > 0).any(), "both signs"


def test_sums_at_the_limit_of_each_float_are_exact() -> None:
    """Above 2^24 float32 would lose the last count."""
    for count, kind in ((518, np.float32), (519, np.float64), (60_000, np.float64)):
        weights = np.full((1, count), 127, np.int8)
        assert exact_float(weights, 255) is kind
        x = np.full((1, count), 255, np.uint8)
        x[0, -1] = 254
        assert dense(x, weights, 255)[0, 0] == 127 * (255 * count - 1)


def test_items_in_parts_say_what_they_say_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = one_layer(0, "conv")
    given = items(graph, 0, 9)
    whole = infer(graph, given)
    monkeypatch.setattr("sarto.core.graph.whole.MOST_VALUES", 1)
    parts = infer(graph, given)
    np.testing.assert_array_equal(parts.scores, whole.scores)
    np.testing.assert_array_equal(parts.classes, whole.scores.argmax(1))
    assert infer(graph, given[:0]).scores.shape == (0, len(graph.outputs))


def test_items_that_do_not_fit_are_refused() -> None:
    graph = one_layer(1, "dense")
    with pytest.raises(AssertionError, match="shape"):
        infer(graph, np.zeros((2, 8), np.int64))
    with pytest.raises(AssertionError, match="beyond"):
        infer(graph, np.full((2, 7), 256))


def test_a_graph_of_items_goes_through_a_file(tmp_path: Path) -> None:
    graph = one_layer(3, "conv")
    save_graph(graph, tmp_path / "a.npz")
    again = load_graph(tmp_path / "a.npz")
    assert (again.sha256, again.describe(), again.whole) == (graph.sha256, graph.describe(), graph.whole)
    given = items(graph, 3)
    np.testing.assert_array_equal(infer(again, given).scores, infer(graph, given).scores)
    (conv, last) = graph.whole
    other = replace(graph, whole=(replace(conv, attributes={**conv.attributes, "high": 126}), last))
    assert other.sha256 != graph.sha256
    assert "whole" not in small_graph().describe()["programs"]


def test_a_graph_runs_on_a_stream_or_on_whole_items() -> None:
    with pytest.raises(AssertionError, match="a stream or on whole items"):
        replace(small_graph(), whole=one_layer(0, "dense").whole)


def test_a_file_with_other_programs_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = one_layer(3, "dense")
    described = graph.describe()
    described["programs"] = {"whole": described["programs"]["whole"], "step": []}

    def spoilt(_graph: Graph) -> dict[str, Any]:
        return described

    monkeypatch.setattr(Graph, "describe", spoilt)
    save_graph(graph, tmp_path / "a.npz")
    monkeypatch.undo()
    with pytest.raises(SartoError, match="not a graph") as caught:
        load_graph(tmp_path / "a.npz")
    assert caught.value.code == "E114"
