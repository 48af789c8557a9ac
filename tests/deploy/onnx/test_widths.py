"""Widths as ONNX files with one copy of weights: what they say, and what they take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from sarto.core.graph import infer
from sarto.core.graph.widths import blocks, cut
from sarto.deploy.onnx.integers import integer_model
from sarto.deploy.onnx.widths import WEIGHTS, width_models
from sarto.measure.onnx import INTEGER_TOLERANCE, agreement
from sarto.measure.session import Session
from tests.deploy.nested import GROUPS, nested

torch.set_num_threads(1)


@pytest.mark.parametrize("name", ["flattened", "own heads"])
def test_every_width_says_what_its_integers_say(name: str, tmp_path: Path) -> None:
    lowered, _, data = nested(name)
    graph, items = lowered.graph, lowered.items(data.x)
    files = width_models(graph, data.shape, lowered.limits)
    assert list(files) == [*(f"width{width}.onnx" for width in range(1, GROUPS + 1)), WEIGHTS]
    for file, content in files.items():
        (tmp_path / file).write_bytes(content)
    for width in range(1, GROUPS + 1):
        path = tmp_path / f"width{width}.onnx"
        onnx.checker.check_model(str(path), full_check=True)  # pyright: ignore[reportUnknownMemberType]
        ours = infer(cut(graph, width), items).scores * lowered.score_scale
        assert agreement(ours, Session(path).scores(data.x.astype(np.float32)), INTEGER_TOLERANCE).holds


@pytest.mark.parametrize("name", ["flattened", "own heads"])
def test_the_bytes_are_those_of_one_width(name: str) -> None:
    lowered, _, data = nested(name)
    graph = lowered.graph
    shared = width_models(graph, data.shape, lowered.limits)[WEIGHTS]
    full = onnx.load_from_string(integer_model(graph, data.shape, lowered.limits, by_feature=True))
    numbers = [np.asarray(onnx.numpy_helper.to_array(tensor)) for tensor in full.graph.initializer]
    one = sum(-(-each.nbytes // 64) * 64 for each in numbers if each.nbytes >= 32 and each.dtype != np.int64)
    found = blocks(graph)
    heads = 0
    if found.has_own_heads:
        heads = sum(found.features * width * len(graph.outputs) + 64 for width in range(1, GROUPS))
        assert len(shared) > one
    assert len(shared) <= one + heads
