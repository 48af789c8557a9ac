"""The widths of a nested graph as ONNX files that share their weights: a file for each, and one that all read.

ONNX has no width to be chosen at run time, but a tensor may lie in a file beside, so many bytes from some place on. The
tensors of a width are the first rows of those of the full width (of the last layer, too, whose weights lie by feature),
and therefore its first bytes: each width reads the beginning of what the next one reads. What is not a beginning (heads
of single widths) is added behind. So all widths take the bytes of one, and a small file each. Shapes stay in those
files, since a checker reads no other.

Source: ONNX 1.23, onnx.proto, `TensorProto.external_data` (location, offset, length).

>>> from sarto.core.graph.widths import in_groups
>>> from sarto.core.graph import Op, Tensor
>>> consts = {"w": np.ones((64, 2), np.int8), "v": np.ones((2, 64), np.int8)}
>>> for name in ("w", "v"):
...     size = len(consts[name])
...     consts |= {f"{name}b": np.zeros(size, np.int32), f"{name}m": np.full(size, 9, np.int16)}
...     consts[f"{name}s"] = np.full(size, 14, np.uint8)
>>> tensors = [Tensor(n, str(a.dtype), a.shape, "const", a) for n, a in consts.items()]
>>> tensors += [Tensor("x", "int8", (2,), "input", scale=1.0), Tensor("f", "int8", (64,), "scratch", scale=1.0)]
>>> tensors += [Tensor("y", "int32", (2,), "output", scale=1.0)]
>>> ops = [Op("dense", {"x": x, "weights": w, "bias": f"{w}b", "factor": f"{w}m", "shift": f"{w}s"}, {"y": y},
...        {"low": -127, "high": 127}) for x, w, y in (("x", "w", "f"), ("f", "v", "y"))]
>>> whole = (*ops, Op("argmax", {"x": "y"}, {}))
>>> graph = Graph("net", tuple(tensors), (), (), (), 1, 0, None, ("a", "b"), (), (), whole)
>>> files = width_models(in_groups(graph, 2), (2,))
>>> list(files), len(files["weights.bin"]) < 1500
(['width1.onnx', 'width2.onnx', 'weights.bin'], True)
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from sarto.core.graph import Graph
from sarto.core.graph.widths import cut
from sarto.deploy.onnx.integers import integer_model

WEIGHTS = "weights.bin"
LEAST_B = 32
"""Smaller tensors stay in the files: what says where they lie would be as large."""
ALIGNED_B = 64
"""Tensors begin at multiples of a line of a cache."""


def width_models(
    graph: Graph, shape: tuple[int, ...], limits: tuple[int, int] | None = None
) -> dict[str, bytes]:
    """Return the files by name: `width<k>.onnx` for each width, and what they share.

    Args:
        graph: nested.
        shape: of one item as the network takes it.
        limits: of the input's numbers; None for all that its type has.

    Raises:
        InputError: E134, for an operation that has no counterpart in ONNX here.
        SartoError: E173, when the graph is not nested.
    """
    models = [
        onnx.load_from_string(integer_model(cut(graph, width), shape, limits, by_feature=True))
        for width in range(1, graph.groups + 1)
    ]
    shared = _Shared()
    for model in reversed(models):  # the full width first: others are beginnings of it
        for tensor in model.graph.initializer:
            shared.move(tensor)
    files = {
        f"width{width}.onnx": model.SerializeToString(deterministic=True)
        for width, model in enumerate(models, 1)
    }
    return files | {WEIGHTS: bytes(shared.data)}


class _Shared:
    """The file that all read, as far as it is filled."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.known: dict[str, list[tuple[int, bytes]]] = {}

    def move(self, tensor: TensorProto) -> None:
        """Let a tensor read its numbers from the file, unless they are few."""
        content = np.ascontiguousarray(numpy_helper.to_array(tensor)).tobytes()
        if len(content) < LEAST_B or tensor.data_type == TensorProto.INT64:
            return
        at = self._place(tensor.name, content)
        for name in ("raw_data", "int32_data", "int64_data", "float_data"):
            tensor.ClearField(name)
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in {"location": WEIGHTS, "offset": at, "length": len(content)}.items():
            entry = tensor.external_data.add()
            entry.key, entry.value = key, str(value)

    def _place(self, name: str, content: bytes) -> int:
        """Return where the content begins: in what a tensor of that name had before, or behind all else."""
        for at, before in self.known.get(name, []):
            if before.startswith(content):
                return at
        self.data += bytes(-len(self.data) % ALIGNED_B)
        at = len(self.data)
        self.data += content
        self.known.setdefault(name, []).append((at, content))
        return at
