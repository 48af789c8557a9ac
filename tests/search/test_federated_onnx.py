"""A federated network as ONNX: ONNX Runtime answers as the model does."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from sarto.data.examples import Examples
from sarto.learn.federation.course import run
from sarto.learn.federation.file import parsed
from sarto.learn.federation.setting import set_up
from sarto.measure.session import Session
from sarto.search.federated_onnx import onnx_of


def course(model: dict[str, Any]) -> Any:
    found = parsed(
        {
            "data": {"source": "BasicMotions"},
            "split": {"clients": 4},
            "model": model,
            "method": [{"name": "fed_readout" if model["kind"] == "reservoir" else "fed3r"}],
        },
        "demo",
    )
    setting = set_up(found)
    return setting.test, run(found, setting, found.chains[0])


@pytest.mark.parametrize("model", [{"kind": "linear"}, {"kind": "network", "name": "mlp", "width": 8}])
def test_onnx_runtime_answers_as_the_model(model: dict[str, Any]) -> None:
    test, found = course(model)
    file = onnx_of(found)
    assert file is not None and isinstance(test, Examples)
    said = Session(file).scores(test.x)
    np.testing.assert_array_equal(said.argmax(axis=1), found.answers)
    seen = test if found.front is None else found.front.of(test)
    np.testing.assert_allclose(said, found.model.scores(seen), atol=1e-4)


@pytest.mark.parametrize(
    "model", [{"kind": "random_features", "units": 20}, {"kind": "reservoir", "units": 10}]
)
def test_what_is_no_network_has_no_file(model: dict[str, Any]) -> None:
    assert onnx_of(course(model)[1]) is None
