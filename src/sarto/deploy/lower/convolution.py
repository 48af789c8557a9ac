"""Random convolution kernels, lowered: shares of steps above thresholds taken from training items.

>>> import numpy as np
>>> from dataclasses import replace
>>> from sarto.core.graph import trace
>>> from sarto.models.convolution import draw
>>> inputs = InputStatistics(np.zeros(1), np.ones(1), 4.0)
>>> sensor = SensorFormat(16, np.full(1, 2.0**-12), "declared")
>>> kernels = replace(draw(1, 1, 100, seed=0, dilations=1, reach=0.2), quantile=np.array([0.5]))
>>> raw, offsets = (np.sin(np.arange(100)) * 9000).astype(np.int16)[:, None], np.array([0, 100])
>>> graph = lower_convolution(kernels, (raw, offsets), inputs, sensor, 1, 0, channels=("x",))
>>> (trace(graph, raw, offsets).ravel() / 2**30).round(3).tolist()
[0.5]
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.graph import Graph, Op, Tensor, Window
from sarto.core.graph.convolution import THRESHOLD_SHIFT, Groups, responses
from sarto.core.graph.operations import standardise
from sarto.core.graph.rows import PooledRows
from sarto.deploy.lower.body import body_graph
from sarto.deploy.lower.inputs import InputStatistics, input_scale, standardise_op
from sarto.deploy.sensor import SensorFormat
from sarto.models.convolution import Kernels

Raw = tuple[Integer[np.ndarray, "row channel"], Int[np.ndarray, " item_plus_1"]]


def lower_convolution(
    kernels: Kernels,
    sample: Raw,
    inputs: InputStatistics,
    sensor: SensorFormat,
    segments: int,
    segment_steps: int,
    *,
    channels: tuple[str, ...],
    window: Window | None = None,
) -> Graph:
    """Return the graph of `kernels`, with thresholds from the raw words and offsets of the items in `sample`."""
    scale_op, tensors = standardise_op(inputs, sensor, input_scale(inputs))
    groups = Groups(kernels.channel, kernels.dilation, kernels.end)
    taps = kernels.taps.astype(np.uint16)
    by_name = {t.name: t for t in tensors}
    zero, factor = by_name["zero"].data, by_name["factor_in"].data
    assert zero is not None and factor is not None
    x = standardise(sample[0], zero, factor, scale_op.attributes["shift"])
    rows = PooledRows.of(sample[1], 1, 0)
    at = np.zeros(len(taps))
    for kernel, response in responses(x, rows, groups, kernels.taps):
        at[kernel] = np.quantile(response, kernels.quantile[kernel])
    threshold = np.floor(at / (1 << THRESHOLD_SHIFT)).clip(-32768, 32767).astype(np.int16)
    constants = {
        "group_channel": groups.channel.astype(np.int16),
        "group_dilation": groups.dilation.astype(np.int16),
        "group_end": groups.end.astype(np.int16),
        "taps": taps,
        "threshold": threshold,
    }
    states = (
        Tensor("history", "int16", (kernels.span * len(channels),), "state"),
        Tensor("position", "uint16", (1,), "state"),
        Tensor("above", "uint16", (len(taps),), "state"),
    )
    consts = [Tensor(name, str(v.dtype), v.shape, "const", v) for name, v in constants.items()]
    roles = {t.name: t.name for t in states}
    convolve = Op("convolution", {"x": "x", **roles} | {n: n for n in constants}, roles)
    return body_graph(
        (scale_op, convolve),
        (*tensors, *consts, *states),
        {"above": "above"},
        segments,
        segment_steps,
        channels,
        window,
    )
