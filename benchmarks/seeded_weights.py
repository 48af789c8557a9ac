"""Generated weights leave the flash, cost a third more instructions at most, and are as good as stored ones.

A dense reservoir of 64 units with 8 inputs, a 16-bit state and 4 outputs is built twice for two cores: with its weights
as tables (`esn`), and with weights that a generator makes again at every step (`seeded`). Flash is the whole image's,
instructions are those of `model_step`, and all outputs equal the NumPy interpreter's.

Accuracy: integer models of both kinds, with equal settings and as many units, each with 12 seeds, on the test items of
JapaneseVowels and BasicMotions. The settings are near presets of the search; the ridge is one for all. What counts is
the difference of the means; its spread is two standard errors to both sides, which on BasicMotions, with 40 test items,
is more than what is asked for.
"""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np

from benchmarks._bench import Bench, real_data
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most
from benchmarks._reservoir import made_up
from benchmarks._rivals import Arena, arena
from sarto.core.budget import Budget
from sarto.core.executors import open_executor
from sarto.core.graph import interpret
from sarto.deploy.c.emit import emit
from sarto.deploy.lower import (
    Numbers,
)
from sarto.deploy.memory import tables_b
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.model import outputs
from sarto.measure.outputs import check_equal
from sarto.models.reservoir import esn, seeded
from sarto.search.candidates import candidate_of
from sarto.search.trial import final

MINUTES = 3
CELLS = {"esn": esn, "seeded": seeded}
CORES = ("cortex_m4", "cortex_m0plus")
LEVELS = ("-Os", "-O2")
UNITS, CHANNELS = 64, 8
SEEDS, QUICK_SEEDS = 12, 2
RIDGE = 1e-4
DATA: dict[str, tuple[str, dict[str, Any]]] = {
    "JapaneseVowels": (
        "japanese_vowels/JapaneseVowels_TRAIN.ts",
        dict(pooling="mean_square_last", segments=1, leak=0.5, input_scaling=0.5, state_bits=16),
    ),
    "BasicMotions": (
        "",
        dict(pooling="mean_square", segments=2, leak=0.1, input_scaling=0.1, state_bits=8),
    ),
}
"""Name -> file among the real data (none for what aeon bundles), and settings."""
SIZES = (8, 20, 50)
MOST = 1.33
"""Times the instructions of stored weights."""
WORSE = -0.01
"""Of accuracy: the noise of a mean over seeds, as the README has it for choices of the search."""


def run(bench: Bench) -> Outcome:
    """Return flash and instructions on every core and level, and accuracies of every size."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    for name in CORES:
        for level in LEVELS:
            costs = {cell: _cost(cell, name, level) for cell in CELLS}
            where = f"{UNITS} units, {CHANNELS} inputs, {name}, {level}"
            for cell, (flash, tables, step) in costs.items():
                figures[f"{cell}, {where}: flash"] = Figure(flash, "B", "measured")
                figures[f"{cell}, {where}: tables"] = Figure(tables, "B", "measured")
                figures[f"{cell}, {where}: instructions of a step"] = Figure(step, "instructions", "emulated")
            saved = costs["esn"][0] - costs["seeded"][0]
            ratio = costs["seeded"][2] / costs["esn"][2]
            figures[f"{where}: flash saved"] = Figure(saved, "B", "measured")
            figures[f"{where}: instructions, seeded over esn"] = Figure(ratio, "1", "emulated")
            bars += [
                at_least(f"{where}: flash saved, in B", saved, UNITS * (UNITS + CHANNELS)),
                at_most(f"{where}: instructions, seeded over esn", ratio, MOST),
            ]
    for name, (path, settings) in DATA.items():
        source = real_data(path) if path else name
        with open_executor(bench.workers) as executor:
            ground = arena(source, Budget(), 0, bench.folder / "work", executor, "cortex_m4")
        for units in SIZES[:1] if bench.quick else SIZES:
            seeds = range(QUICK_SEEDS if bench.quick else SEEDS)
            got = {c: [_accuracy(ground, c, units, seed, settings) for seed in seeds] for c in CELLS}
            for cell, each in got.items():
                figures[f"{cell}, {name}, {units} units: test accuracy, mean"] = Figure(
                    statistics.fmean(each), "1", "measured", len(each), (min(each), max(each))
                )
            better = statistics.fmean(got["seeded"]) - statistics.fmean(got["esn"])
            error = float(np.sqrt(sum(statistics.variance(each) / len(each) for each in got.values())))
            figures[f"{name}, {units} units: accuracy, seeded less esn"] = Figure(
                better, "1", "measured", len(seeds), (better - 2 * error, better + 2 * error)
            )
            bars.append(at_least(f"{name}, {units} units: accuracy, seeded less esn", better, WORSE))
            bench.say(f"{name}, {units} units: {better:+.4f} with a standard error of {error:.4f}")
    return Outcome(figures, () if bench.quick else tuple(bars))


def _cost(cell: str, name: str, level: str) -> tuple[float, float, float]:
    """Return flash, tables and the most instructions of a step of the model with the given reservoir."""
    drawn = CELLS[cell].build(
        UNITS, CHANNELS, seed=0, leak=0.4, radius=0.9, input_scaling=0.5, bias_scaling=0.2
    )
    graph, sequences = made_up(drawn, Numbers())
    image = build(emit(graph), device(name), optimise=level)
    run = emulate(image, sequences.listed())
    check_equal(outputs(graph, sequences), run.outputs, "the NumPy interpreter", f"{name} {level}")
    return image.flash_b, tables_b(graph), float(run.step_instructions.max())


def _accuracy(ground: Arena, cell: str, units: int, seed: int, settings: dict[str, Any]) -> float:
    """Return the test accuracy of the integer model."""
    made = dict(family="reservoir", cell=cell, units=units, seed=seed, radius=0.9, bias_scaling=0.1)
    graph = final(ground.problem, candidate_of(made | settings), RIDGE)
    said = interpret(graph, ground.tested.raw, ground.tested.offsets).classes
    return float((said == np.array(ground.target)).mean())
