"""MAM operations against one product at a time, weights in full and kept ones, at the limits of their numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.core.graph import Graph, Op, Tensor, infer
from sarto.core.graph.mam import Kept, extremes, rows_under
from sarto.core.graph.network import Slide
from sarto.core.graph.whole import tensors
from sarto.deploy.lower.mam import in_rows, kept, stored
from tests.core.graph.slow_network import slow


def weights(seed: int, outputs: int, inputs: int, density: float) -> np.ndarray[Any, Any]:
    rng = np.random.default_rng(seed)
    found = rng.integers(-127, 128, (outputs, inputs))
    return np.where(rng.random(found.shape) < density, found, 0)


@pytest.mark.parametrize("density", [0.0, 0.01, 0.3, 1.0])
@pytest.mark.parametrize(("inputs", "splits"), [(12, 1), (12, 4), (12, 12), (900, 1), (900, 3), (900, 900)])
def test_kept_weights_say_what_all_of_them_say(inputs: int, splits: int, density: float) -> None:
    rows = weights(inputs, 3, inputs, density)
    x = np.random.default_rng(1).integers(0, 256, (5, inputs))
    for given in (x, x - 128):
        wanted = [
            [sum(max(part) + min(part) for part in np.split(row * w, splits)) for w in rows] for row in given
        ]
        assert extremes(given, rows.astype(np.int8), splits).tolist() == wanted
        found = kept(rows, splits)
        assert found.skip.max(initial=0) <= 255
        assert found.extremes(given, splits).tolist() == wanted


def test_kept_weights_of_groups_lie_one_after_the_other() -> None:
    rows = weights(0, 6, 8, 0.4)
    parts, x = kept(rows, 2).of_groups(3), np.random.default_rng(0).integers(-128, 128, (4, 8))
    for group, part in enumerate(parts):
        np.testing.assert_array_equal(part.extremes(x, 2), extremes(x, rows[2 * group : 2 * group + 2], 2))


def test_products_at_their_limits() -> None:
    rows = np.array([[127, -127]])
    assert extremes(np.array([[255, 255]]), rows, 2).tolist() == [[0]]
    assert extremes(np.array([[255, 255]]), abs(rows), 2).tolist() == [[4 * 255 * 127]]
    assert kept(-abs(rows), 1).extremes(np.array([[255, 0]]), 1).tolist() == [[-255 * 127]]


def test_weights_are_stored_in_the_way_that_takes_fewer_bytes() -> None:
    for density in (0.01, 0.2, 0.45, 0.55, 1.0):
        rows = weights(3, 7, 300, density)
        found = stored(rows, 1)
        size_b = sum(np.dtype(kind).itemsize * data.size for data, kind in found.values())
        sparse_b = 2 * np.count_nonzero(rows) + len(rows)
        assert ("skip" in found) == (density < 0.5)
        assert size_b <= min(rows.size, sparse_b + 2 * 7)
    many = np.zeros((1, 1000), np.int64)
    many[0, :300] = 1
    assert stored(many, 1)["count"][1] == "uint16"
    assert stored(many, 2)["count"][1] == "uint16"
    many[0, 255:300] = 0
    assert stored(many, 1)["count"][1] == "uint8"


def test_nothing_kept_is_a_graph_too() -> None:
    found = stored(np.zeros((2, 4), np.int64), 2)
    given = Kept(*(found[role][0] for role in ("weights", "skip", "count")))
    assert given.extremes(np.full((1, 4), 9), 2).tolist() == [[0, 0]]


def test_a_row_is_split_after_split_place_after_place() -> None:
    image = np.arange(2 * 3 * 4).reshape(1, 2, 3, 4)
    (left, right) = rows_under(image, Slide((1, 2)), 2, 2)
    assert left[0].tolist() == [0, 4, 1, 5]
    assert right[0].tolist() == [2, 6, 3, 7]
    (whole,) = rows_under(image, Slide((1, 2)), 1, 1)
    assert whole[0].tolist() == list(range(8))
    kernel = np.arange(8).reshape(1, 4, 1, 2)
    assert in_rows(kernel, 2).tolist() == [[0, 2, 1, 3, 4, 6, 5, 7]]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("density", [0.35, 1.0])
def test_a_convolution_equals_one_number_at_a_time(seed: int, density: float) -> None:
    rng = np.random.default_rng(seed)
    groups, splits = int(rng.choice([1, 2])), int(rng.choice([1, 2]))
    attributes = {"low": -127, "high": 127, "groups": groups, "splits": splits}
    for axis in ("row", "column"):
        attributes |= {f"kernel_{axis}": int(rng.integers(1, 4)), f"stride_{axis}": int(rng.integers(1, 3))}
        attributes |= {f"padding_{axis}": int(rng.integers(2)), f"dilation_{axis}": int(rng.integers(1, 3))}
    kernel = attributes["kernel_row"], attributes["kernel_column"]
    rows = weights(seed, 4, kernel[0] * kernel[1] * 4 // groups, density)
    consts = {role: data.astype(kind) for role, (data, kind) in stored(rows, splits).items()} | {
        "bias": rng.integers(-9000, 9000, 4).astype(np.int32),
        "factor": rng.integers(2**14, 2**15, 4).astype(np.int16),
        "shift": rng.integers(20, 23, 4).astype(np.uint8),
    }
    held = [Tensor(n, str(a.dtype), a.shape, "const", a) for n, a in consts.items()]
    out = (*Slide.of(kernel, attributes).size(6, 7), 4)
    held += [Tensor("item", "uint8", (6, 7, 4), "input"), Tensor("y", "int8", out, "output")]
    op = Op("mam_conv", {"x": "item", **{n: n for n in consts}}, {"y": "y"}, attributes)
    names = tuple(map(str, range(int(np.prod(out)))))
    graph = Graph(
        "net", tuple(held), (), (), (), 1, 0, None, names, (), (), (op, Op("argmax", {"x": "y"}, {}))
    )
    given = rng.integers(0, 256, (3, 6, 7, 4))
    fast = tensors(graph, given)["y"]
    for number, item in enumerate(given):
        np.testing.assert_array_equal(fast[number], slow(graph, item)["y"])
    assert len(np.unique(fast)) > 3
    np.testing.assert_array_equal(infer(graph, given).scores, fast.reshape(3, -1))
