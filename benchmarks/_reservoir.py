"""A reservoir with made-up inputs and readout, for benchmarks of what it costs."""

from __future__ import annotations

import numpy as np

from sarto.core.graph import Graph, trace
from sarto.deploy.lower import (
    Answers,
    InputStatistics,
    Numbers,
    feature_exponents,
    lower_reservoir,
    with_readout,
)
from sarto.deploy.sensor import SensorFormat
from sarto.measure.model import RawSequences
from sarto.models.pooling import Pooling
from sarto.models.reservoir._cell import Reservoir

OUTPUTS = ("a", "b", "c", "d")


def made_up(reservoir: Reservoir, numbers: Numbers) -> tuple[Graph, RawSequences]:
    """Return the graph of `reservoir` with the last state as features, and five sequences of eight steps for it."""
    units, channels = reservoir.inputs.shape
    rng = np.random.default_rng(0)
    values = rng.normal(size=(40, channels))
    sensor = SensorFormat.calibrate(values)
    names = tuple(f"x{i}" for i in range(channels))
    statistics = InputStatistics.of(values)
    body = lower_reservoir(reservoir, statistics, sensor, numbers, Pooling("last"), channels=names)
    sequences = RawSequences(sensor.encode(values), np.arange(0, 41, 8))
    exponents = feature_exponents(trace(body, sequences.raw, sequences.offsets))
    weights = rng.integers(-127, 128, (len(OUTPUTS), units))
    answers = Answers(np.full(len(OUTPUTS), 1e-6), np.zeros(len(OUTPUTS)), OUTPUTS)
    return with_readout(body, exponents, weights, answers), sequences
