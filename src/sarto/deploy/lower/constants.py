"""What the weights of a layer are in a graph: constants in the order in which its operation reads them, and attributes.

A convolution's weights are (output, row, column, channel). A linear layer's columns lie as the numbers of the vector
that it reads, so that nothing has to be moved before it. MAM layers: see `mam`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int

from sarto.deploy.lower.building import GraphBuilding, Held
from sarto.deploy.lower.layout import channels_last, kernel, slides
from sarto.deploy.lower.mam import in_rows, stored
from sarto.models.network.architecture import Node
from sarto.models.network.operations import MAM, whole
from sarto.models.network.weights import WeightedLayer

_KINDS = {"linear": "dense", "conv": "conv", "mam_linear": "mam", "mam_conv": "mam_conv"}


@dataclass(frozen=True, eq=False)
class Constants:
    """Of a layer.

    Attributes:
        kind: of its operation.
        data: by role, with the type of each.
        attributes: of the operation.
        most: the largest size that what it adds up can have for each output, whatever it reads, without the bias.
    """

    kind: str
    data: dict[str, tuple[Int[np.ndarray, "..."], str]]
    attributes: dict[str, int]
    most: Int[np.ndarray, " output"]


def constants(
    node: Node, layer: WeightedLayer, values: Int[np.ndarray, "output ..."], read: Held
) -> Constants:
    """Return the constants of a layer with the integers `values` for weights.

    Raises:
        InputError: E126, for a MAM layer that has no integer counterpart; it names the layer.
    """
    kind = _KINDS[node.op]
    if node.op in MAM:
        return _of_mam(node, layer, values, read)
    most = np.abs(values).reshape(len(values), -1).sum(axis=1) * read.peak
    if node.op == "linear":
        return Constants(kind, {"weights": (values[:, read.order], "int8")}, {}, most)
    attributes = {"groups": whole(node.attributes, "groups"), **slides(node)}
    return Constants(kind, {"weights": (channels_last(values, skipped=1), "int8")}, attributes, most)


def _of_mam(node: Node, layer: WeightedLayer, values: Int[np.ndarray, "output ..."], read: Held) -> Constants:
    """Return the same of a layer that adds the largest and the smallest product of each split."""
    if why := layer.unsettled():
        raise GraphBuilding.fail(
            node.name,
            "is not settled",
            why,
            "train until its schedule has ended, and settle (`sarto.learn.vanish.settle`) before quantising",
        )
    splits, kind = whole(node.attributes, "splits"), _KINDS[node.op]
    largest = np.abs(values).reshape(len(values), splits, -1).max(axis=2)
    most = 2 * largest.sum(axis=1) * read.peak
    if node.op == "mam_linear":
        return Constants(kind, stored(values[:, read.order], splits), {"splits": splits}, most)
    if values.shape[1] % splits:
        raise GraphBuilding.fail(
            node.name,
            f"has {splits} splits, which cut through its kernel",
            f"a group has {values.shape[1]} channels, and a split is some of them",
            "give the layer a number of splits that divides the channels of a group",
        )
    attributes = {"splits": splits, "groups": whole(node.attributes, "groups"), **kernel(node)}
    return Constants(kind, stored(in_rows(values, splits), splits), attributes, most)
