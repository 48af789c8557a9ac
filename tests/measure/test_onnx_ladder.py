"""Ladders of ONNX files: timed at several numbers of threads, run by a session, and refused where they cannot be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.deploy.onnx.floats import float_model
from sarto.measure.onnx_ladder import onnx_ladder
from sarto.models.network.named import named
from sarto.runtime.manager import Manager
from sarto.runtime.points import Points
from sarto.runtime.session import session


def written(folder: Path, name: str, inputs: int, width: int) -> Path:
    net = named("mlp", (inputs,), 2, width=width, depth=1)
    values = {key: np.ones(shape, np.float32) for key, shape in net.parameters.items()}
    (path := folder / f"{name}.onnx").write_bytes(float_model(net, values))
    return path


def test_files_of_different_inputs_are_points_and_run_under_a_manager(tmp_path: Path) -> None:
    files = {"small": written(tmp_path, "small", 4, 3), "large": written(tmp_path, "large", 4, 64)}
    points, run = onnx_ladder(files, {"small": 0.8, "large": 0.9}, threads=(1, 2), repeats=3)
    assert [p.name for p in points] == [
        f"{m} on {t}" for m in ("small", "large") for t in ("1 thread", "2 threads")
    ]
    assert [p.settings["cores"] for p in points] == [1, 2, 1, 2]
    assert {(p.find("latency").how, p.find("latency").n) for p in points} == {("measured", 9)}
    assert all(p["latency"] > 0 for p in points)
    with session(Manager(Points.of(points), "max_accuracy"), run) as s:
        s.require(accuracy=0.85)
        assert s.infer(np.ones((1, 4), np.float32))[0].shape == (1, 2)
        assert s.last is not None
        assert s.last.point.settings["model"] == "large"


def test_what_cannot_be_run_is_refused_with_its_file(tmp_path: Path) -> None:
    (tmp_path / "broken.onnx").write_bytes(b"no model")
    for name in ("broken", "none"):
        with pytest.raises(SartoError, match=rf"E181.*{name}\.onnx"):
            onnx_ladder({"m": tmp_path / f"{name}.onnx"}, {"m": 0.5}, threads=(1,))
    good = written(tmp_path, "good", 4, 3)
    for files in (dict[str, Path](), {"m": good}):
        with pytest.raises(SartoError, match="E116"):
            onnx_ladder(files, {}, threads=(1,))
