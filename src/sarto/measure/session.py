"""Runs an ONNX file in ONNX Runtime, on one thread of this computer. The one file that measures with onnxruntime.

On x86 without VNNI its fast products of 8 bits add pairs in 16 bits that saturate, so that scores are wrong and nothing
says so. `session.x64quantprecision` asks for exact ones there and changes nothing elsewhere; it is on here, unless a
caller wants to see what happens without it.

Source: onnxruntime, include/onnxruntime/core/session/onnxruntime_session_options_config_keys.h,
kOrtSessionOptionsAvx2PrecisionMode.

>>> from sarto.models.network.named import named
>>> from sarto.deploy.onnx.floats import float_model
>>> net = named("mlp", (4,), 2, width=3, depth=1)
>>> data = float_model(net, {name: np.ones(shape, np.float32) for name, shape in net.parameters.items()})
>>> Session(data).scores(np.ones((1, 4), np.float32)).tolist()
[[16.0, 16.0]]
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import onnxruntime
from jaxtyping import Float

from sarto.deploy.onnx.building import GIVEN
from sarto.measure.processor import processor

PRECISE = "session.x64quantprecision"
BATCH = 256
"""Items that go through at once."""


class Session:
    """An ONNX file that is ready to run.

    Args:
        model: the file, or where it lies, if what it reads lies beside it.
        precise: whether sums of 8-bit products are exact on every processor; see the module.
    """

    def __init__(self, model: bytes | Path, *, precise: bool = True) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        options.log_severity_level = 4
        options.add_session_config_entry(PRECISE, "1" if precise else "0")
        given = model if isinstance(model, bytes) else str(model)
        self._session = onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
        self.precise = precise

    @property
    def tool(self) -> str:
        """What runs it, and where."""
        option = f", {PRECISE}=1" if self.precise else ""
        return f"onnxruntime {onnxruntime.__version__} on {processor()}, one thread{option}"

    def scores(self, x: Float[np.ndarray, "item ..."]) -> Float[np.ndarray, "item score"]:
        """Return the scores of every item."""
        parts = [
            np.asarray(self._session.run(None, {GIVEN: x[first : first + BATCH]})[0], np.float32)
            for first in range(0, len(x), BATCH)
        ]
        return np.concatenate(parts)

    def latencies(
        self, x: Float[np.ndarray, "item ..."], runs: int, warm_up: int = 20
    ) -> Float[np.ndarray, " run"]:
        """Return seconds of each of so many runs of a single item, one after the other, after some to warm up."""
        found = np.zeros(runs)
        for number in range(-warm_up, runs):
            item = {GIVEN: x[number % len(x)][None]}
            began = time.perf_counter()
            self._session.run(None, item)
            if number >= 0:
                found[number] = time.perf_counter() - began
        return found
