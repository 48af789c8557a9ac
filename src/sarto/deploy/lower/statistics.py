"""Window statistics, lowered: the body of models that see mean, deviation and so on of every channel.

>>> import numpy as np
>>> inputs = InputStatistics(np.zeros(2), np.ones(2), 4.0)
>>> sensor = SensorFormat(16, np.full(2, 2.0**-12), "declared")
>>> graph = lower_statistics(("mean", "largest"), inputs, sensor, 3, 10, channels=("x", "y"))
>>> [op.kind for op in graph.step], [t.name for t in graph.kind("state")]
(['standardise', 'statistics'], ['sum', 'high'])
"""

from __future__ import annotations

from collections.abc import Sequence

from sarto.core.graph import Graph, Op, Tensor, Window
from sarto.core.graph.statistics import STATISTICS
from sarto.deploy.lower.body import body_graph
from sarto.deploy.lower.inputs import InputStatistics, input_scale, standardise_op
from sarto.deploy.sensor import SensorFormat

KEPT = {
    "mean": ("sum",),
    "deviation": ("sum", "square"),
    "least": ("low",),
    "largest": ("high",),
    "change": ("moved", "before"),
    "crossings": ("crossed", "before"),
}
"""What is kept of each channel for each statistic."""
DTYPES = {"sum": "int32", "square": "int64", "moved": "int32", "crossed": "int32"}
"""Of what is kept; 16 bits otherwise."""


def lower_statistics(
    chosen: Sequence[str],
    inputs: InputStatistics,
    sensor: SensorFormat,
    segments: int,
    segment_steps: int,
    *,
    channels: tuple[str, ...],
    window: Window | None = None,
) -> Graph:
    """Return the graph of the `chosen` statistics of each of `segments` parts, without a head."""
    scale_op, tensors = standardise_op(inputs, sensor, input_scale(inputs))
    kept = list(dict.fromkeys(name for s in STATISTICS if s in chosen for name in KEPT[s]))
    states = [Tensor(name, DTYPES.get(name, "int16"), (len(channels),), "state") for name in kept]
    roles = {name: name for name in kept}
    attributes = {name: int(name in chosen) for name in STATISTICS}
    seen = {k: v for k, v in roles.items() if k != "before"}
    return body_graph(
        (scale_op, Op("statistics", {"x": "x", **roles}, roles, attributes)),
        (*tensors, *states),
        seen,
        segments,
        segment_steps,
        channels,
        window,
    )


def width(chosen: Sequence[str], channels: int) -> int:
    """Return how many features one segment has."""
    return len(set(chosen) & set(STATISTICS)) * channels
