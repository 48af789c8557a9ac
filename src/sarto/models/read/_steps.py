"""Quantisation steps of activations in an ONNX file: `span` returns what one lets through.

A step `q = clip(round(x / s) + z, q_lo, q_hi)` gives back values from `(q_lo - z) s` to `(q_hi - z) s`. Where
`z = q_lo` it sets what is below 0 to 0 as a ReLU does, and quantisers leave the ReLU away then: ONNX Runtime's does,
and a Clip at 6 as well.

>>> span(np.float32(0.5), np.int8(-128))
(0.0, 127.5)
>>> span(np.float32(0.5), np.int8(28))
(-78.0, 49.5)

Source: the operators QuantizeLinear and DequantizeLinear of ONNX, opset 10 and later.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Shaped

from sarto.models.network.architecture import INPUT, Node

_NOT_NEGATIVE = ("relu", "relu6", "sigmoid")
_KEEP_THE_SIGN = ("max_pool", "mean_pool", "global_mean_pool", "flatten", "reshape", "take", "add", "concat")


def span(
    scale: Shaped[np.ndarray, "..."] | np.generic[Any],
    zero: Shaped[np.ndarray, "..."] | np.generic[Any] | None,
) -> tuple[float, float] | None:
    """Return the least and the largest value of a step; None where its integers are none that NumPy has.

    Without a zero point the integers are bytes, as in ONNX.
    """
    start = np.zeros(1, np.uint8) if zero is None else np.asarray(zero)
    if not np.issubdtype(start.dtype, np.integer):
        return None
    limits, offset, size = np.iinfo(str(start.dtype)), start.astype(np.float64), np.asarray(scale, np.float64)
    return float(((limits.min - offset) * size).min()), float(((limits.max - offset) * size).max())


def may_be_negative(place: str, nodes: list[Node]) -> bool:
    """Return whether the values of the node `place` can be, so that a step from 0 changes them."""
    made = {node.name: node for node in nodes}
    waiting, seen = [place], set[str]()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        if name == INPUT or made[name].op not in (*_NOT_NEGATIVE, *_KEEP_THE_SIGN):
            return True
        if made[name].op in _KEEP_THE_SIGN:
            waiting += made[name].inputs
    return False
