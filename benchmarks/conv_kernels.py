"""Instructions per multiplication of the layers of networks on a Cortex-M4, from models as `sarto deploy` emits them.

What a layer costs is a model with it less the same model without it, whose input is what the layer makes: filling the
input is told apart, and the search for the largest score is in both. Multiplications count what lies in the padding,
as for CMSIS-NN, whose figures (same shapes, commit 99f736a6, gcc -O2, int8, limits -128 and 127) are the limits: not
above, and the aim is 20 % below. It rescales with two roundings where Sarto has one, and has an offset of its inputs,
so that the work is of one size and not the same; its convolutions want a buffer of 4 bytes for each number of a patch.

A compiler knows the sizes of a model's only layer while it compiles the kernel. So each shape is told once more as the
last of three layers of unlike shapes, where it does not.

The network 64-32-10 is a whole model, on the pixels of scikit-learn's digits; weights of all layers are made up.

All outputs equal the NumPy interpreter's. Instructions are no cycles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

import numpy as np
from jaxtyping import Integer
from sklearn.datasets import load_digits

from benchmarks._bench import Bench
from benchmarks._layers import Layer, chain
from benchmarks._outcome import Bar, Figure, Outcome, at_most
from sarto.core.graph import Graph
from sarto.deploy.c.emit import emit
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.compilers import Name
from sarto.measure.emulate import emulate
from sarto.measure.model import of_items, outputs
from sarto.measure.outputs import check_equal

MINUTES = 4
ITEMS = 2
BUILDS: tuple[tuple[Name, str], ...] = (("gcc", "-O2"), ("zig", "-O2"), ("zig", "-Os"))
Shape = tuple[int, ...]
EACH = Layer(16, groups=16)
POINT = Layer(32, kernel=(1, 1), padding=(0, 0))
LIMITS: dict[str, tuple[Shape, Layer, float]] = {
    "conv 3x3 8x8x16->16": ((8, 8, 16), Layer(16), 2.336),
    "conv 3x3 16x16x16->32": ((16, 16, 16), Layer(32), 2.138),
    "conv 1x1 8x8x32->32": ((8, 8, 32), POINT, 2.701),
    "depthwise 3x3 8x8x16": ((8, 8, 16), EACH, 7.961),
    "conv 3x3 8x8x3->16": ((8, 8, 3), Layer(16), 4.793),
}
"""Shapes with what CMSIS-NN needs for a multiplication."""
AIM = 0.8
FURTHER: dict[str, tuple[Shape, Layer]] = {
    "conv 3x3 8x8x16->16, uint8 to uint8": ((8, 8, 16), Layer(16, reads="uint8", low=0)),
    "conv 3x3 8x8x16->16, LeakyReLU": ((8, 8, 16), Layer(16, leaky=True)),
    "conv 3x3 8x8x5->7": ((8, 8, 5), Layer(7)),
    "conv 3x3 8x8x16->16, stride 2": ((8, 8, 16), Layer(16, stride=(2, 2))),
    "conv 3x3 8x8x16->16, 4 groups": ((8, 8, 16), Layer(16, groups=4)),
    "conv 3x3 8x8x16->16, dilation 2": ((8, 8, 16), Layer(16, dilation=(2, 2), padding=(2, 2))),
    "conv 1x9 1x64x16->16": ((1, 64, 16), Layer(16, kernel=(1, 9), padding=(0, 4))),
    "conv 10x4 49x10x1->64, stride 2": ((49, 10, 1), Layer(64, (10, 4), (2, 2), (4, 1))),
    "depthwise 3x3 8x8x5": ((8, 8, 5), Layer(5, groups=5)),
    "depthwise 3x3 8x8x16, uint8 to uint8": ((8, 8, 16), replace(EACH, reads="uint8", low=0)),
    "depthwise 3x3 8x8x16, stride 2": ((8, 8, 16), replace(EACH, stride=(2, 2))),
}
CONNECTED = {(64, 64): 2.690, (32, 64): 2.732, (10, 32): 3.975, (100, 100): 2.397, (128, 784): 1.940}
"""Rows and columns of fully connected layers, with CMSIS-NN's instructions per multiplication."""
CORES = ("cortex_m0plus", "cortex_m33", "cortex_m7", "rv32imc")
MOST: dict[Name, int] = {"gcc": 5056, "zig": 4592}
"""For the network 64-32-10: instructions of a C program by hand, from the same compilers."""


@dataclass(frozen=True)
class Cost:
    """What a model takes."""

    predict: int
    step: int
    flash_b: int
    stack_b: int


def run(bench: Bench) -> Outcome:
    """Return instructions per multiplication of every shape and build."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    for name, (shape, layer, limit) in list(LIMITS.items())[: 1 if bench.quick else None]:
        for compiler, level in BUILDS:
            where = f"{name}, {compiler} {level}"
            per = _told(figures, where, shape, [layer], compiler, level)
            if (compiler, level) == BUILDS[0]:
                bars.append(at_most(f"{where}: instructions per multiplication, CMSIS-NN's", per, limit))
                bars.append(at_most(f"{where}: the same, 20 % below", per, limit * AIM))
        before = [
            replace(layer, outputs=shape[2], kernel=kernel, padding=(pad, pad))
            for kernel, pad in (((2, 2), 1), ((4, 4), 1))
        ]
        _told(figures, f"{name}, last of three layers, gcc -O2", shape, [*before, layer], "gcc", "-O2")
    if bench.quick:
        return Outcome(figures)
    for name, (shape, layer) in FURTHER.items():
        _told(figures, f"{name}, gcc -O2", shape, [layer], "gcc", "-O2")
    for (rows, columns), theirs in CONNECTED.items():
        where = f"fully connected {rows}x{columns}"
        for compiler, level in BUILDS[:2]:
            _told(figures, f"{where}, {compiler} {level}", (columns,), [Layer(rows, None)], compiler, level)
        figures[f"CMSIS-NN, {where}, gcc -O2: instructions per multiplication"] = Figure(
            theirs, "1", "declared"
        )
    shape, layer, _ = LIMITS["conv 3x3 8x8x16->16"]
    for core in CORES:
        _told(figures, f"conv 3x3 8x8x16->16, {core}, zig -O2", shape, [layer], "zig", "-O2", core)
    bars += _digits(figures)
    return Outcome(figures, tuple(bars))


def _digits(figures: dict[str, Figure]) -> list[Bar]:
    """Add the network 64-32-10, and return its bars."""
    pixels = cast("Any", load_digits()).data[:60].astype(np.uint8)
    graph = chain((64,), [Layer(32, None, reads="uint8", low=0), Layer(10, None, reads="uint8")], "int32")
    bars: list[Bar] = []
    for compiler, level in BUILDS:
        cost = _counted(graph, pixels, compiler, level)
        where = f"network 64-32-10, {compiler} {level}"
        figures[f"{where}: instructions of model_predict"] = _figure(
            cost.predict, "instructions", len(pixels)
        )
        figures[f"{where}: instructions of model_step, which takes the input"] = _figure(
            cost.step, "instructions", len(pixels)
        )
        figures[f"{where}: flash"] = _figure(cost.flash_b, "B")
        if level == "-O2":
            bars.append(at_most(f"{where}: instructions of model_predict", cost.predict, MOST[compiler]))
    return bars


def _told(
    figures: dict[str, Figure],
    where: str,
    shape: Shape,
    layers: list[Layer],
    compiler: Name,
    level: str,
    core: str = "cortex_m4",
) -> float:
    """Add what the last of `layers` costs; return its instructions per multiplication."""
    graph, rest = chain(shape, layers), chain(shape, layers, last=False)
    costs: list[Cost] = []
    for one in (graph, rest):
        (given,) = one.kind("input")
        most = int(np.iinfo(given.dtype).max)
        least = 0 if given.dtype == "uint8" else -most
        items = np.random.default_rng(1).integers(least, most + 1, (ITEMS, *given.shape))
        costs.append(_counted(one, items, compiler, level, core))
    whole, without = costs
    per = (whole.predict - without.predict) / _multiplications(graph)
    figures[f"{where}: instructions per multiplication"] = _figure(per, "1")
    figures[f"{where}: flash"] = _figure(whole.flash_b - without.flash_b, "B")
    figures[f"{where}: peak stack of the program"] = _figure(whole.stack_b, "B")
    return per


def _figure(value: float, unit: str, n: int = ITEMS) -> Figure:
    return Figure(value, unit, "emulated", n)


def _multiplications(graph: Graph) -> int:
    """Return the multiplications of the last layer of `graph`, those with padding included."""
    op = [op for op in graph.whole if "weights" in op.inputs][-1]
    weights, made = graph.const(op.inputs["weights"]), graph.by_name[op.outputs["y"]].shape
    return int(np.prod(made)) * int(np.prod(weights.shape[1:]))


def _counted(
    graph: Graph, items: Integer[np.ndarray, "item ..."], compiler: Name, level: str, core: str = "cortex_m4"
) -> Cost:
    """Return what a model takes; its outputs must be the interpreter's."""
    sequences = of_items(items)
    image = build(emit(graph), device(core), optimise=level, compiler=compiler)
    assert not image.diagnostics, image.diagnostics
    found = emulate(image, sequences.listed())
    check_equal(outputs(graph, sequences), found.outputs, "the NumPy interpreter", f"{compiler} {level}")
    steps = int(found.step_instructions.max())
    return Cost(int(found.predict_instructions.max()), steps, image.flash_b, found.peak_stack_b)
