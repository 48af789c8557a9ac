"""Networks of several widths by name: an image with a point for every width, and what is refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.core.graph import infer, load_graph
from sarto.core.graph.widths import cut
from sarto.core.points import OperatingPoint
from sarto.core.progress import Silent
from sarto.runtime.files import read_ladder
from sarto.search.shrink import shrink
from sarto.search.shrink_folder import GRAPH, ShrinkRequest, ShrinkResult

pytestmark = pytest.mark.filterwarnings("error")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[ShrinkRequest, ShrinkResult]:
    """A network of two widths, taught, as an image for a Cortex-M0+."""
    folder = tmp_path_factory.mktemp("widths")
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 160)
    x = rng.normal(size=(160, 1, 12)).astype(np.float32) + 2 * np.sin(np.arange(12) * (1 + y[:, None, None]))
    np.savez(folder / "items.npz", x=x.astype(np.float32), y=y)
    request = ShrinkRequest(
        model="cnn1d",
        data=str(folder / "items.npz"),
        out=folder / "out",
        recipe="ptq:8",
        device="cortex_m0plus",
        widths=2,
        taught=True,
        epochs=4,
        batch=20,
        rate=0.02,
    )
    return request, shrink(request, Silent())


def test_every_width_is_a_point_with_its_own_cost_and_the_memory_of_all(
    made: tuple[ShrinkRequest, ShrinkResult],
) -> None:
    points = {p.name: p for p in made[1].points}
    full, narrow = points["ptq:8"], points["ptq:8, 1 of 2 groups"]
    assert narrow.settings["width"] == 1
    assert 0.4 < narrow["instructions per inference"] / full["instructions per inference"] < 0.6
    assert narrow["flash"] == full["flash"]
    assert {e.what: e.how for e in narrow.evidence}["instructions per inference"] == "emulated"
    assert made[1].remarks[0].startswith("cnn1d was trained first, group by group, after a network")


def test_a_point_is_as_right_as_the_graph_of_its_width(made: tuple[ShrinkRequest, ShrinkResult]) -> None:
    evidence = {e.what: e.value for e in made[1].evidence}
    graph = load_graph(made[0].out / GRAPH)
    assert graph.groups == 2
    pinned = np.load(made[0].out / "pinned.npz")
    items = pinned["raw"].reshape(-1, *graph.kind("input")[0].shape)
    wide, narrow = infer(graph, items).scores, infer(cut(graph, 1), items).scores
    assert wide.shape == narrow.shape
    assert not np.array_equal(wide, narrow)
    assert evidence["test accuracy at width 2"] == evidence["test accuracy"]
    assert 0.5 < evidence["test accuracy at width 1"] <= 1


def test_the_folder_is_a_ladder_for_the_manager(made: tuple[ShrinkRequest, ShrinkResult]) -> None:
    ladder = {v.name: v for v in read_ladder(made[0].out)}
    assert ladder["ptq:8"].work == 1
    assert 0.4 < ladder["ptq:8, 1 of 2 groups"].work < 0.6
    front = json.loads((made[0].out / "front.json").read_text())
    assert front["objectives"] == ["validation error", "instructions per inference"]
    assert all(OperatingPoint.from_json(p)["validation error"] <= 0.5 for p in front["points"])


@pytest.mark.parametrize(
    ("changed", "code", "said"),
    [
        ({"model": "mlp"}, "E112", "--taught for 'mlp'"),
        ({"model": "alexnet", "widths": 1, "taught": False}, "E130", "no network 'alexnet'"),
        ({"model": "cnn1d", "widths": 5}, "E121", "32 channels in and 32 out cannot be cut into 5 groups"),
        ({"model": "mlp", "taught": False}, "E121", "not nested in 2 groups"),
    ],
)
def test_what_has_no_widths_is_refused(
    made: tuple[ShrinkRequest, ShrinkResult], tmp_path: Path, changed: dict[str, Any], code: str, said: str
) -> None:
    with pytest.raises(SartoError, match=said) as caught:
        shrink(replace(made[0], out=tmp_path / "none", **changed), Silent())
    assert caught.value.code == code
    assert not (tmp_path / "none").exists()
