"""How a convolution of a graph runs in C: which kernel takes it, what a place of it sees, and its sizes.

>>> patch_b(np.zeros((8, 3, 3, 1), np.int8)), patch_b(np.zeros((2, 1, 1, 4), np.int8))
(12, 4)
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from jaxtyping import Integer

from sarto.core.graph import Op, Tensor
from sarto.core.graph.network import Slide
from sarto.deploy.plan import WORD_B


def is_depthwise(weights: Integer[np.ndarray, "output row column channel"], op: Op) -> bool:
    """Return whether every channel is convolved by itself, into one."""
    return weights.shape[3] == 1 and op.attributes["groups"] == len(weights)


def patch_b(weights: Integer[np.ndarray, "output row column channel"]) -> int:
    """Return the bytes of what one place of a convolution sees, up to a whole word."""
    return -(-int(np.prod(weights.shape[1:])) // WORD_B) * WORD_B


def in_pairs(y: Tensor, weights: Integer[np.ndarray, "output row column channel"]) -> bool:
    """Return whether two places of a convolution go at a time: what each sees of a group are whole words."""
    return weights.shape[3] % WORD_B == 0 and y.shape[0] * y.shape[1] > 1


def is_direct(x: Tensor, weights: Integer[np.ndarray, "output row column channel"], op: Op) -> bool:
    """Return whether what a place sees lies in the input side by side, in whole words."""
    slide = Slide.of((weights.shape[1], weights.shape[2]), op.attributes)
    rows, columns = slide.kernel
    beside = rows == 1 or (columns == x.shape[1] and slide.dilation[0] == 1)
    dense = columns == 1 or slide.dilation[1] == 1
    whole = int(np.prod(weights.shape[1:])) % WORD_B == 0
    return op.attributes["groups"] == 1 and not any(slide.padding) and beside and dense and whole


def geometry(x: Tensor, y: Tensor, op: Op, kernel: tuple[int, ...]) -> Mapping[str, int]:
    """Return the sizes of a convolution in the order of `conv_layer`."""
    slide = Slide.of((kernel[0], kernel[1]), op.attributes)
    given = {"rows": x.shape[0], "columns": x.shape[1], "channels": x.shape[2]}
    made = {"to_rows": y.shape[0], "to_columns": y.shape[1], "outputs": y.shape[2]}
    pairs = (("kernel", slide.kernel), ("stride", slide.stride), ("padding", slide.padding))
    moved = {f"{name}_{axis}": n for name, pair in pairs for axis, n in zip("rc", pair, strict=True)}
    far = {f"dilation_{axis}": n for axis, n in zip("rc", slide.dilation, strict=True)}
    return {**given, **made, **moved, **far, "groups": op.attributes["groups"]}
