"""An operation put before a network, which then takes what that operation reads: samples, or words of a sensor.

`preceded` returns the graph with the operation in front. `Standardiser` is one that makes 8-bit numbers, in counts of
`SCALE`, of a sensor's raw words,

    x_c = clamp((raw_c - zero_c) m_c 2^-s),   zero_c = mean_c / unit_c,   m_c 2^-s = unit_c / (deviation_c SCALE)

with `unit_c` what a count of the sensor stands for, as models of streams do in 16 bits. A network is trained on these
numbers of the device. An item that ends early has zeros after its end, which stand for the mean.

>>> sensor = SensorFormat(16, np.array([0.5]), "declared")
>>> made = standardiser(InputStatistics(np.array([3.0]), np.array([2.0]), 4.0), sensor, 4)
>>> made.items(np.array([[6], [8], [-9]], np.int16), np.array([0, 2, 3])).tolist()
[[[[0], [16], [0], [0]]], [[[-120], [0], [0], [0]]]]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int, Int8, Integer

from sarto.core.graph import Graph, Op, Tensor, Window
from sarto.core.graph.front_end import LIMIT, SCALE
from sarto.core.graph.network import words_of
from sarto.core.graph.operations import standardise
from sarto.deploy.lower.inputs import InputStatistics, standardise_op
from sarto.deploy.sensor import SensorFormat
from sarto.models.input_error import InputError

if TYPE_CHECKING:
    from sarto.deploy.lower.network import Lowered


@dataclass(frozen=True, eq=False)
class Standardiser:
    """What makes items of raw words.

    Attributes:
        op: the operation.
        raw, zero, factor, x: its tensors: an item's words, what it takes away and multiplies by, and its numbers.
    """

    op: Op
    raw: Tensor
    zero: Tensor
    factor: Tensor
    x: Tensor

    def items(
        self, raw: Integer[np.ndarray, "row channel"], offsets: Int[np.ndarray, " item_plus_1"]
    ) -> Int8[np.ndarray, "item 1 step channel"]:
        """Return the numbers of sequences `raw[offsets[i]:offsets[i + 1]]`, channels last."""
        assert self.zero.data is not None and self.factor.data is not None
        words = words_of(raw, offsets, self.zero.data, self.x.shape[1])
        made = standardise(words, self.zero.data, self.factor.data, self.op.attributes["shift"], LIMIT)
        return made.astype(np.int8)


def standardiser(inputs: InputStatistics, sensor: SensorFormat, steps: int) -> Standardiser:
    """Return what makes items of `steps` steps of raw words.

    Raises:
        SartoError: E112, when a count of the sensor does not suit the data.
    """
    op, (raw, zero, factor, x) = standardise_op(inputs, sensor, SCALE)
    shape = (1, steps, *zero.shape)
    reads = {"x": raw.name, "zero": zero.name, "factor": factor.name}
    made = Op("standardise", reads, {"y": x.name}, op.attributes)
    return Standardiser(
        made, replace(raw, shape=shape), zero, factor, Tensor(x.name, "int8", shape, "scratch", scale=SCALE)
    )


def with_sensor(
    lowered: Lowered,
    made: Standardiser,
    channels: tuple[str, ...],
    window: Window | None = None,
    unit: Float[np.ndarray, " output"] | None = None,
) -> Graph:
    """Return the network behind a sensor: a graph that reads raw words.

    Args:
        lowered: the network.
        made: what makes its items of words.
        channels: their names.
        window: of a stream, or None where the caller ends each item.
        unit: what an output of 1 is of each number that is predicted; None for classes.

    Raises:
        InputError: E126, when a count of the network's input stands for something else, or its shape is another.
    """
    check_counts(lowered, SCALE, (-LIMIT, LIMIT), "the sensor")
    (given,) = lowered.graph.kind("input")
    if given.shape != made.x.shape:
        raise InputError(
            "E126",
            f"the network reads items of shape {given.shape}, channels last",
            cause=f"the sensor's have shape {made.x.shape}",
        )
    graph = preceded(lowered.graph, made.op, (made.raw, made.zero, made.factor, made.x))
    quanta = () if unit is None else tuple((unit * lowered.score_scale).tolist())
    return replace(graph, channels=channels, window=window, quanta=quanta)


def check_counts(lowered: Lowered, scale: float, limits: tuple[int, int], what: str) -> None:
    """Refuse a network that does not read counts of `scale` within `limits`.

    Raises:
        InputError: E126, when it does not.
    """
    if lowered.scale != scale or lowered.limits != limits:
        low, high = lowered.limits
        raise InputError(
            "E126",
            f"the network cannot read the numbers of {what}",
            cause=f"its input has counts of {lowered.scale:g} from {low} to {high}, and not of {scale:g} from "
            f"{limits[0]} to {limits[1]}",
            hint=f"quantise it with examples that say so: Examples(..., input_scale={scale})",
        )


def preceded(graph: Graph, op: Op, tensors: Sequence[Tensor]) -> Graph:
    """Return the graph of whole items with `op` in front, whose last tensor takes the place of the input."""
    (given,) = graph.kind("input")
    taken = {tensor.name for tensor in graph.tensors} - {given.name}
    names = {tensor.name: _free(tensor.name, taken) for tensor in tensors}
    made = names[tensors[-1].name]
    first = replace(op, inputs=_renamed(op.inputs, names), outputs={"y": made})
    before = [replace(tensor, name=names[tensor.name]) for tensor in tensors]
    before[-1] = replace(before[-1], shape=given.shape)
    rest = [replace(one, inputs=_renamed(one.inputs, {given.name: made})) for one in graph.whole]
    joined = (*before, *(tensor for tensor in graph.tensors if tensor is not given))
    return replace(graph, tensors=joined, whole=(first, *rest))


def _free(name: str, taken: set[str]) -> str:
    while name in taken:
        name += "_"
    return name


def _renamed(inputs: Mapping[str, str], names: Mapping[str, str]) -> dict[str, str]:
    return {role: names.get(name, name) for role, name in inputs.items()}
