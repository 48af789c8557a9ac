"""Instructions of dense layers on a Cortex-M4, from models as `sarto deploy` emits them, beside CMSIS-NN's.

Fully connected: a model of H random features (tanh) on D inputs and one output is built twice, with H and with H / 2
of them; the difference, doubled, is what H rows of D weights cost, each with its requantisation, its activation from a
table, and its share of the output. Inputs have 16 bits. One scale for all rows, as in the reference; further rows of
the table have a scale per row, widths that are no multiple of four, and rows left over.

CMSIS-NN's `arm_fully_connected_s8` runs beside it where the environment variable CMSIS_NN names a checkout: 8-bit
inputs and outputs, no activation, its own rounding. So the two do not do equal work: Sarto's layer does more after each
row. CMSIS-NN's outputs are held to a model of its rounding, and it is told how many of them one rounding would change.

The reservoir's step: 8 inputs, 64 units, dense, 8-bit state, one scale, no leak, 4 outputs. Told once as
`model_step` alone, which is what every sample costs, and once with `model_predict`, which makes the scores: here they
are made once per sequence, not at every step.

All outputs equal the NumPy interpreter's. Instructions are no cycles.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks import _cmsis
from benchmarks._bench import Bench
from benchmarks._outcome import Bar, Figure, Outcome, at_most
from benchmarks._reservoir import made_up
from sarto.core.graph import Graph
from sarto.deploy.c.emit import emit
from sarto.deploy.lower import (
    Answers,
    InputStatistics,
    Numbers,
)
from sarto.deploy.lower.random_features import lower_random_features, with_random_features
from sarto.deploy.lower.statistics import lower_statistics
from sarto.deploy.sensor import SensorFormat
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.compilers import Name
from sarto.measure.emulate import emulate
from sarto.measure.model import RawSequences, outputs
from sarto.measure.outputs import check_equal
from sarto.models.random_features import RandomFeatures
from sarto.models.random_features import build as build_layer
from sarto.models.reservoir import esn

MINUTES = 3
ITEMS = 5
BUILDS: tuple[tuple[Name, str], ...] = (("gcc", "-O2"), ("zig", "-O2"), ("zig", "-Os"))
SHAPES = ((64, 64), (32, 64), (100, 100), (128, 784))
"""Rows and columns."""
LIMITS: dict[tuple[int, int], dict[Name, int]] = {
    (64, 64): {"gcc": 9000, "zig": 8746},
    (128, 784): {"gcc": 185_000, "zig": 178_746},
}
STEP_LIMIT = 10_000
CORE = device("cortex_m4")


def run(bench: Bench) -> Outcome:
    """Return instructions of every layer and build, and those of CMSIS-NN where it is there."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    folder = _cmsis.checkout()
    for shape in SHAPES[:1] if bench.quick else SHAPES:
        for compiler, level in BUILDS:
            where = f"fully connected {shape[0]}x{shape[1]}, {compiler} {level}"
            cost = _layer(*shape, compiler, level)
            figures[where] = _figure(cost)
            figures[f"{where}, a scale per row"] = _figure(_layer(*shape, compiler, level, per_row=True))
            if folder is not None:
                theirs, changed = _cmsis_layer(folder, *shape, compiler, level)
                figures[f"CMSIS-NN, {where}"] = _figure(theirs)
                figures[f"CMSIS-NN over Sarto, {where}"] = Figure(theirs / cost, "1", "emulated", ITEMS)
                figures[f"CMSIS-NN, outputs that one rounding changes, {shape[0]}x{shape[1]}"] = Figure(
                    changed, "1", "emulated", ITEMS * shape[0]
                )
            if level == "-O2" and shape in LIMITS:
                bars.append(at_most(f"{where}: instructions", cost, LIMITS[shape][compiler]))
    for columns in (61, 62, 63):
        figures[f"fully connected 64x{columns}, gcc -O2"] = _figure(_layer(64, columns, "gcc", "-O2"))
    over = [_whole(64 + left, 64, "gcc", "-O2") - _whole(64, 64, "gcc", "-O2") for left in (1, 2, 3)]
    for left, more in enumerate(over, 1):
        figures[f"rows left over of four: {left} more than 64, of 64 weights, gcc -O2"] = _figure(more)
    for compiler, level in BUILDS:
        step, both = _reservoir(compiler, level)
        where = f"reservoir 64 units, 8 inputs, 8-bit state, {compiler} {level}"
        figures[f"{where}: a step"] = _figure(step)
        figures[f"{where}: a step and the scores of 4 outputs"] = _figure(both)
        if level == "-O2":
            bars.append(at_most(f"{where}: instructions of a step", step, STEP_LIMIT))
            bars.append(at_most(f"{where}: instructions of a step and the scores", both, STEP_LIMIT))
    return Outcome(figures, () if bench.quick else tuple(bars))


def _figure(instructions: float) -> Figure:
    return Figure(instructions, "instructions", "emulated", ITEMS)


def _layer(rows: int, columns: int, compiler: Name, level: str, per_row: bool = False) -> float:
    """Return the instructions of `rows` rows of a layer, from models with so many and with half as many."""
    whole, half = (_whole(n, columns, compiler, level, per_row) for n in (rows, rows // 2))
    return (whole - half) * rows / (rows - rows // 2)


def _whole(rows: int, columns: int, compiler: Name, level: str, per_row: bool = False) -> float:
    """Return the instructions of `model_predict` of a model with so many random features."""
    graph = _model(rows, columns, per_row)
    raw = np.random.default_rng(1).integers(-9000, 9000, (ITEMS, columns)).astype(np.int16)
    return _counted(graph, RawSequences(raw, np.arange(ITEMS + 1)), compiler, level)[1]


def _counted(graph: Graph, sequences: RawSequences, compiler: Name, level: str) -> tuple[float, float]:
    """Return the most instructions of a step, and of `model_predict`; outputs must be the interpreter's."""
    run = emulate(build(emit(graph), CORE, optimise=level, compiler=compiler), sequences.listed())
    check_equal(outputs(graph, sequences), run.outputs, "the NumPy interpreter", f"{compiler} {level}")
    return float(run.step_instructions.max()), float(run.predict_instructions.max())


def _model(rows: int, columns: int, per_row: bool) -> Graph:
    rng = np.random.default_rng(0)
    names = tuple(f"x{i}" for i in range(columns))
    inputs = InputStatistics(np.zeros(columns), np.ones(columns), 4.0)
    body = lower_statistics(("mean",), inputs, SensorFormat(16, np.full(columns, 2.0**-12), "made up"), 1, 0,
                            channels=names)  # fmt: skip
    layer = build_layer(rows, columns, seed=0, activation="tanh", input_scaling=1.0, bias_scaling=0.5)
    if not per_row:
        peak = np.abs(layer.weights).max(axis=1, keepdims=True)
        layer = RandomFeatures(layer.weights / peak * peak.mean(), layer.bias, layer.activation)
    lowered = lower_random_features(layer.on_raw(np.zeros(columns), np.full(columns, 1000.0)))
    weights = rng.integers(-127, 128, (1, rows))
    return with_random_features(
        body,
        np.full(columns, 17, np.uint8),
        lowered,
        weights,
        Answers(np.array([1e-6]), np.zeros(1), ("a number",)),
    )


def _reservoir(compiler: Name, level: str) -> tuple[float, float]:
    """Return the instructions of a step, and of a step and `model_predict`."""
    dense = esn.build(64, 8, seed=0, leak=1.0, radius=0.9, input_scaling=0.5, bias_scaling=0.2)
    graph, sequences = made_up(dense, Numbers(8, per_row=False, table_bits=8))
    step, predict = _counted(graph, sequences, compiler, level)
    return step, step + predict


def _cmsis_layer(folder: Any, rows: int, columns: int, compiler: Name, level: str) -> tuple[float, float]:
    """Return the most instructions of CMSIS-NN's layer, and the share of its outputs that one rounding changes."""
    rng = np.random.default_rng(0)
    weights, bias = rng.integers(-127, 128, (rows, columns)), rng.integers(-9000, 9000, rows)
    x = rng.integers(-128, 128, (ITEMS, columns)).astype(np.int8)
    image = build(_cmsis.sources(folder, weights, bias), CORE, optimise=level, compiler=compiler)
    run = emulate(image, [row[None] for row in x])
    own, once = _cmsis.outputs(weights, bias, x)
    assert np.array_equal(run.outputs.scores, own), "CMSIS-NN rounds otherwise than its model here"
    return float(run.step_instructions.max()), float((own != once).mean())
