"""Runs an ONNX file in ONNX Runtime, on this computer. The one file that measures with onnxruntime.

On x86 without VNNI its fast products of 8 bits add pairs in 16 bits that saturate, so that scores are wrong and nothing
says so. `session.x64quantprecision` asks for exact ones there and changes nothing elsewhere; it is on here, unless a
caller wants to see what happens without it. Threads that wait do not spin: they would take cores from whatever is timed
beside them.

Source: onnxruntime, include/onnxruntime/core/session/onnxruntime_session_options_config_keys.h,
kOrtSessionOptionsAvx2PrecisionMode, kOrtSessionOptionsConfigAllowIntraOpSpinning.

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
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from jaxtyping import Float, Num

from sarto.deploy.onnx.building import GIVEN
from sarto.measure.processor import processor

PRECISE = "session.x64quantprecision"
SPINNING = "session.intra_op.allow_spinning"
TYPES = {
    "tensor(float)": "float32", "tensor(double)": "float64", "tensor(float16)": "float16", "tensor(int8)": "int8",
    "tensor(uint8)": "uint8", "tensor(int16)": "int16", "tensor(int32)": "int32", "tensor(int64)": "int64",
}  # fmt: skip
BATCH = 256
"""Items that go through at once."""


class Session:
    """An ONNX file that is ready to run.

    Args:
        model: the file, or where it lies, if what it reads lies beside it.
        precise: whether sums of 8-bit products are exact on every processor; see the module.
        threads: that one operation is spread over.
    """

    def __init__(self, model: bytes | Path, *, precise: bool = True, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.add_session_config_entry(SPINNING, "0")
        options.log_severity_level = 4
        options.add_session_config_entry(PRECISE, "1" if precise else "0")
        given = model if isinstance(model, bytes) else str(model)
        self._session = onnxruntime.InferenceSession(given, options, providers=["CPUExecutionProvider"])
        self.precise, self.threads = precise, threads

    @property
    def tool(self) -> str:
        """What runs it, and where."""
        option = f", {PRECISE}=1" if self.precise else ""
        threads = "one thread" if self.threads == 1 else f"{self.threads} threads"
        return f"onnxruntime {onnxruntime.__version__} on {processor()}, {threads}{option}"

    def given(self) -> dict[str, tuple[tuple[int, ...], np.dtype[Any]]]:
        """Return shape and type of each input by its name; a size that the file leaves open is 1.

        Raises:
            ValueError: for an input that is no tensor of numbers.
        """
        found: dict[str, tuple[tuple[int, ...], np.dtype[Any]]] = {}
        for one in self._session.get_inputs():
            if one.type not in TYPES:
                raise ValueError(f"its input {one.name} is of {one.type}")
            shape = tuple(size if isinstance(size, int) and size > 0 else 1 for size in one.shape)
            found[str(one.name)] = (shape, np.dtype(TYPES[one.type]))
        return found

    def run(self, inputs: Mapping[str, Num[np.ndarray, "..."]]) -> list[Num[np.ndarray, "..."]]:
        """Return all outputs for inputs by their names."""
        return [np.asarray(value) for value in self._session.run(None, dict(inputs))]

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
