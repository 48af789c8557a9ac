"""How a network's tensors lie in a graph: channels last.

A tensor of a network is (channel, row, column), (channel, step) or (feature); in a graph it is (row, column, channel),
(1, step, channel) or (feature). The order of a tensor says which of the network's numbers lies at each place.

>>> graph_shape((3, 4)), canonical((2, 3)).tolist()
((1, 4, 3), [0, 3, 1, 4, 2, 5])
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Int, Num

from sarto.models.network.architecture import Node
from sarto.models.network.operations import Shape, ints


def graph_shape(shape: Shape) -> Shape:
    """Return the shape in a graph of a tensor that has `shape` in a network."""
    if len(shape) == 1:
        return shape
    return (*(1,) * (3 - len(shape)), *shape[1:], shape[0])


def channels_last(values: Num[np.ndarray, "..."], skipped: int = 0) -> Num[np.ndarray, "..."]:
    """Return values whose axis after the first `skipped` moved to the end, images of one row made of sequences."""
    if values.ndim - skipped == 1:
        return values
    moved = np.moveaxis(values, skipped, -1)
    return np.expand_dims(moved, skipped) if values.ndim - skipped == 2 else moved


def canonical(shape: Shape) -> Int[np.ndarray, " place"]:
    """Return the order of a tensor with channels last."""
    return channels_last(np.arange(math.prod(shape)).reshape(shape)).reshape(-1)


def slides(node: Node) -> dict[str, int]:
    """Return how a kernel slides, for rows and columns; a sequence is one row."""
    found: dict[str, int] = {}
    for attribute, least in (("stride", 1), ("padding", 0), ("dilation", 1)):
        if attribute in node.attributes:
            values = ints(node.attributes, attribute)
            row, column = values if len(values) == 2 else (least, values[0])
            found |= {f"{attribute}_row": row, f"{attribute}_column": column}
    return found


def kernel(node: Node) -> dict[str, int]:
    """Return the kernel of a node and how it slides."""
    sizes = ints(node.attributes, "kernel")
    row, column = sizes if len(sizes) == 2 else (1, sizes[0])
    return {"kernel_row": row, "kernel_column": column, **slides(node)}
