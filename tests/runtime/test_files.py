"""Ladders and traces that users bring: what is read, what is taken for what they leave out, what is refused where."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint
from sarto.devices.platforms import parse_platform
from sarto.measure.ladder import timed_points
from sarto.runtime.files import ladder_files, read_ladder, read_trace, write_trace
from sarto.runtime.points import Points, Variant, grid
from sarto.runtime.scenarios import Limits, Scenario, drawn
from tests.devices.test_places import PLACE
from tests.devices.test_platforms import GOOD

CLUSTERS = ("a15", "a7")


def written(folder: Path, text: str) -> Path:
    path = folder / "table.csv"
    path.write_text(text)
    return path


def test_a_ladder(tmp_path: Path) -> None:
    found = read_ladder(written(tmp_path, 'work, accuracy ,variant\n0.25,0,small\n\n1,0.7,"large, wide"\n'))
    assert [(v.name, v.accuracy, v.work, v.how) for v in found] == [
        ("small", 0.0, 0.25, "declared"),
        ("large, wide", 0.7, 1.0, "declared"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("variant,accuracy\na,1\n", "there is no column 'work'"),
        ("variant,accuracy,work,size\na,1,1,1\n", "'size' is no column"),
        ("variant,accuracy,work,work\na,1,1,1\n", "name each column once"),
        ("variant,accuracy,work\n", "there is no variant"),
        ("variant,accuracy,work\n,1,1\n", "variant has no name"),
        ("variant,accuracy,work\na,1,1\nb,1,1\na,0.9,0.5\n", "variant 'a' is there twice"),
        ("variant,accuracy,work\na,1,1\nb,high,1\n", "accuracy is 'high'"),
        ("variant,accuracy,work\na,-1,1\n", "accuracy is '-1'"),
        ("variant,accuracy,work\na,0.5,1\nb,56,1\n", "accuracy is '56'"),
        ("variant,accuracy,work\na,56 %,1\n", "accuracy is '56 %'"),
        ("variant,accuracy,work\na,1,0\n", "work is '0'"),
        ("variant,accuracy,work\na,1,inf\n", "work is 'inf'"),
        ("variant,accuracy,work\na,1\n", "it has 2 values for 3 columns"),
        ("", "there is no column 'variant'"),
    ],
)
def test_ladders_that_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SartoError, match="E116") as caught:
        read_ladder(written(tmp_path, text))
    assert said in caught.value.cause


def test_percentages_are_told_how_they_are_written(tmp_path: Path) -> None:
    with pytest.raises(SartoError) as caught:
        read_ladder(written(tmp_path, "variant,accuracy,work\na,71.2,1\n"))
    assert "0.56 for 56 %" in caught.value.hint
    (tmp_path / "net.onnx").write_bytes(b"")
    with pytest.raises(SartoError) as caught:
        ladder_files(written(tmp_path, "variant,accuracy,file\na,71.2,net.onnx\n"))
    assert "0.56 for 56 %" in caught.value.hint


def test_the_line_is_told(tmp_path: Path) -> None:
    with pytest.raises(SartoError, match="line 4"):
        read_ladder(written(tmp_path, "variant,accuracy,work\na,1,1\n\nb,high,1\n"))


def test_what_is_no_file_is_told(tmp_path: Path) -> None:
    with pytest.raises(SartoError, match="E101"):
        read_ladder(tmp_path / "nothing.csv")
    (tmp_path / "image.png").write_bytes(b"\x89PNG\xff\xfe")
    with pytest.raises(SartoError, match="E101") as caught:
        read_trace(tmp_path / "image.png", CLUSTERS)
    assert caught.value.cause == "it is no table of text"


def folder_of(path: Path, points: list[dict[str, float]]) -> Path:
    listed = [
        OperatingPoint(
            f"trial {i}", {}, tuple(Evidence(w, v, "1", "measured", "t") for w, v in p.items())
        ).to_json()
        for i, p in enumerate(points)
    ]
    (path / "front.json").write_text(json.dumps({"points": listed}))
    return path


def test_points_of_a_folder_are_variants_by_their_instructions(tmp_path: Path) -> None:
    work = "instructions per inference"
    points = [{"validation error": 0.2, work: 500.0}, {"validation error": 0.1, work: 2e3}, {"flash": 9.0}]
    found = read_ladder(folder_of(tmp_path, points))
    assert [(v.name, v.accuracy, v.work) for v in found] == [("trial 0", 0.8, 0.25), ("trial 1", 0.9, 1.0)]


def test_the_largest_model_of_a_folder_may_be_a_share_of_the_job(tmp_path: Path) -> None:
    work = "instructions per inference"
    found = read_ladder(
        folder_of(tmp_path, [{"validation error": 0.2, work: 500.0}, {"validation error": 0.1, work: 2e3}]),
        0.01,
    )
    assert [v.work for v in found] == [0.0025, 0.01]


def test_folders_without_such_points_are_refused(tmp_path: Path) -> None:
    with pytest.raises(SartoError, match=r"E114.*has no operating points"):
        read_ladder(tmp_path)
    with pytest.raises(SartoError, match=r"E114.*both an accuracy and a count"):
        read_ladder(folder_of(tmp_path, [{"flash": 9.0}]))


def test_what_a_trace_leaves_out_is_no_limit(tmp_path: Path) -> None:
    found = read_trace(written(tmp_path, "slowdown,slowdown_a7\n2,\n2,3\n"), CLUSTERS)
    assert found.slowdown.tolist() == [[2, 2], [2, 3]]
    assert found.deadline_s.tolist() == [1, 1]
    assert np.isinf(found.power_w).all()
    assert found.second.tolist() == [-1, -1]


def came_back(before: Scenario, path: Path, clusters: tuple[str, ...]) -> None:
    write_trace(path, before, clusters)
    after = read_trace(path, clusters)
    for name in (
        "deadline_s",
        "accuracy",
        "power_w",
        "slowdown",
        "noise",
        "highest_hz",
        "second",
        "second_w",
        "up",
    ):
        assert np.array_equal(getattr(before, name), getattr(after, name)), name


def test_a_scenario_comes_back_from_its_trace(tmp_path: Path) -> None:
    clusters, places = (*CLUSTERS, "gateway", "server"), {2: 0.3, 3: 0.4}
    before = drawn(2000, Limits((0.5, 0.7)), clusters=4, seed=3, second=1, elsewhere=places)
    assert before.up is not None
    assert set(before.up.sum(1)) == {2, 3, 4}
    came_back(before, tmp_path / "trace.csv", clusters)


LADDER = [Variant("half", 0.6, 0.5), Variant("whole", 0.7, 1.0)]
CLOCKS = "frequency_hz = 2e9, ", "frequency_hz = 1e9, "
KINDS = {
    "clocks and powers": GOOD,
    "a place that is fastest": GOOD + PLACE.replace("latency_s = 0.004", "latency_s = 1e-4"),
    "no clock": GOOD.replace(CLOCKS[0], "cores = 2, ").replace(CLOCKS[1], ""),
    "no power": GOOD.replace(", power_w = 0.8", "").replace(", power_w = 2.0, energy_j = 0.2", ""),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_drawn_for_any_platform_comes_back(kind: str, tmp_path: Path) -> None:
    board = parse_platform("board", KINDS[kind])
    points = Points.of(grid(LADDER, board))
    limits, works = Limits.of(points), dict.fromkeys(points.places, 0.5)
    before = drawn(1000, limits, clusters=len(points.clusters), seed=1, elsewhere=works)
    assert before.highest_hz.min() == (math.inf if kind == "no clock" else 1e9)
    came_back(before, tmp_path / "trace.csv", points.clusters)


def test_what_is_drawn_for_functions_that_are_timed_comes_back(tmp_path: Path) -> None:
    points = Points.of(timed_points({"a": lambda x: x, "b": lambda x: x}, [1], {"a": 0.8, "b": 0.9}))
    before = drawn(1000, Limits.of(points), seed=1)
    assert np.isinf(before.highest_hz).all()
    came_back(before, tmp_path / "trace.csv", points.clusters)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("deadline\n1\n", "'deadline' is no column"),
        ("deadline_s\n0\n", "deadline_s is '0'"),
        ("accuracy\n65\n", "accuracy is '65'"),
        ("accuracy\ninf\n", "accuracy is 'inf'"),
        ("deadline_s\ninf\n", "deadline_s is 'inf'"),
        ("jobs,deadline_s\n0,1\n", "jobs is '0'"),
        ("jobs,deadline_s\n1.5,1\n", "jobs is '1.5'"),
        ("jobs,deadline_s\n10000000,1\n1,1\n", "more than 10,000,000 jobs"),
        ("second\na53\n", "there is no cluster 'a53'"),
        ("deadline_s\n", "there is no job"),
        ("slowdown_a53\n1\n", "'slowdown_a53' is no column"),
    ],
)
def test_traces_that_are_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(SartoError, match="E116") as caught:
        read_trace(written(tmp_path, text), CLUSTERS)
    assert said in caught.value.cause


def test_a_row_of_too_many_jobs_is_told_how_many_there_may_be(tmp_path: Path) -> None:
    with pytest.raises(SartoError, match="jobs is '10000001'") as caught:
        read_trace(written(tmp_path, "jobs,deadline_s\n10000001,1\n"), CLUSTERS)
    assert "from 1 to 10,000,000" in caught.value.hint


@pytest.mark.parametrize(
    ("named", "places", "hint"),
    [
        ("a15", ("a7",), "places are a7"),
        ("a7;a53", ("a7",), "places are a7"),
        ("a7", (), "the platform has none"),
    ],
)
def test_what_is_lost_is_a_place(tmp_path: Path, named: str, places: tuple[str, ...], hint: str) -> None:
    path = written(tmp_path, f"deadline_s,lost\n1,\n1,{named}\n")
    with pytest.raises(SartoError, match=r"line 3[^$]*lost names places") as caught:
        read_trace(path, CLUSTERS, places)
    assert hint in caught.value.hint
    found = read_trace(written(tmp_path, "lost\na7\n"), CLUSTERS, ("a7",))
    assert found.up is not None
    assert found.up.tolist() == [[True, False]]
