"""What may follow the outputs of classes at the end of an ONNX file: it leaves the largest of them the largest.

>>> answered(["Softmax", "ArgMax"], np.array([[1.0, 3.0, 2.0]])).tolist()
[1]
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from jaxtyping import Shaped
from scipy.special import expit, log_softmax, softmax

ENDS: dict[str, Callable[[Any], Any]] = {
    "Softmax": lambda y: softmax(y, axis=1),
    "LogSoftmax": lambda y: log_softmax(y, axis=1),
    "Sigmoid": expit,
    "ArgMax": lambda y: np.argmax(y, axis=1),
}
UNCHANGED = ("Identity", "Dropout", "Cast", "QuantizeLinear", "DequantizeLinear")
"""Operations that hand on what they are given."""


def answered(ends: list[str], y: Shaped[np.ndarray, "item ..."]) -> Shaped[np.ndarray, "item ..."]:
    """Return what `ends` make of outputs, one after the other."""
    for kind in ends:
        y = np.asarray(ENDS[kind](y))
    return y


def is_end(model: onnx.ModelProto, value: str) -> bool:
    """Return whether a value is the output, or nothing but ends lead from it to there."""
    readers = [node for node in model.graph.node if value in node.input]
    if value == model.graph.output[0].name:
        return not readers
    if len(readers) != 1 or readers[0].op_type not in (*ENDS, *UNCHANGED):
        return False
    return is_end(model, readers[0].output[0])


def misplaced(model: onnx.ModelProto, node: onnx.NodeProto, axis: int, shape: tuple[int, ...]) -> str | None:
    """Return why a node that goes along an axis of `shape` is no end, or None."""
    if not is_end(model, node.output[0]):
        return f"{node.op_type} is read only as the last operation"
    if len(shape) != 2 or axis % 2 != 1:
        return f"it goes along axis {axis} of {shape}, not along the outputs of an item"
    return None
