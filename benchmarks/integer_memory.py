"""The short-term memory of reservoirs as integer networks, beside that of the float reservoirs that they stand for.

The capacity is the sum over delays of the squared correlation of a readout with the input that came so many steps
before, on 10000 steps that the readout has not seen, less what the same readout reaches for shuffled targets.

    MC = sum_k r^2(u(t - k), y_k(t)) - floor,    k = 1..200,    u ~ U(-.8, .8)

100 units of each cell with the settings that a search gives it, 3 seeds; ES2N with a random and with a cyclic O, and
with 8-bit states. Source of the measure: Jaeger, "Short term memory in echo state networks", GMD report 152 (2002).
The bar: with a proximity of .01, where it remembers most, an ES2N's integers keep at least .98 of its memory.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Float

from benchmarks._bench import Bench
from benchmarks._outcome import Bar, Figure, Outcome, at_least, over_seeds
from sarto.core.graph import Graph
from sarto.core.graph.operations import standardise
from sarto.core.graph.recurrence import advance, layers
from sarto.core.rooms import load_method, methods
from sarto.deploy.lower import InputStatistics, Numbers, lower_reservoir, reach
from sarto.deploy.sensor import SensorFormat
from sarto.models.pooling import Pooling
from sarto.models.reservoir._cell import Reservoir
from sarto.models.sequences import Sequences
from sarto.models.states import states

MINUTES = 6
ROOM = "sarto.models.reservoir"
LOWERED = [cell for cell in methods(ROOM) if cell != "paralesn"]
"""Cells that have a kernel."""
UNITS, DELAYS, WASHOUT, TRAIN, TEST = 100, 200, 400, 5000, 10000
SEEDS = 3
RIDGE = 1e-9
USUAL: dict[str, float] = dict(leak=0.1, radius=0.9, input_scaling=0.1, bias_scaling=0.0)
"""As ES2N is measured: a small input, and mostly the old state."""
WIDE, NARROW = Numbers(), Numbers(8, True, 8)
MORE: dict[str, tuple[str, dict[str, Any], Numbers]] = {
    "es2n, random O": ("es2n", {"rotation": "random"}, WIDE),
    "es2n, random O, leak .01": ("es2n", {"rotation": "random", "leak": 0.01}, WIDE),
    "es2n, leak .01": ("es2n", {"rotation": "ring", "leak": 0.01}, WIDE),
    "es2n, 8-bit state": ("es2n", {"rotation": "ring"}, NARROW),
    "eusn, leak .01": ("eusn", {"leak": 0.01}, WIDE),
}


def run(bench: Bench) -> Outcome:
    """Return the memory capacity of every cell, float and integer."""
    cases = {cell: (cell, dict[str, Any](), WIDE) for cell in LOWERED} | MORE
    seeds = range(1 if bench.quick else SEEDS)
    steps = (600, 800) if bench.quick else (TRAIN, TEST)
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    for name, (cell, settings, numbers) in cases.items():
        found = [
            bench.once(
                {"case": name, "seed": seed, "steps": steps},
                capacities,
                cell,
                settings,
                numbers,
                seed,
                *steps,
            )
            for seed in seeds
        ]
        for kind in ("float", "integer"):
            figures |= over_seeds(f"{name}, {kind}", [f[kind] for f in found], "steps", "measured")
        shares = [f["integer"] / f["float"] for f in found]
        bench.say(f"{name}: {found}")
        if name.startswith("es2n") and "leak .01" in name:
            bars.append(at_least(f"{name}: least share of the float memory that is kept", min(shares), 0.98))
    return Outcome(figures, () if bench.quick else tuple(bars))


def capacities(
    cell: str, settings: dict[str, Any], numbers: Numbers, seed: int, train: int, test: int
) -> dict[str, float]:
    """Return the memory capacities of one reservoir and of its integer network."""
    u = np.random.default_rng([seed, 3]).uniform(-0.8, 0.8, (WASHOUT + train + test, 1))
    own = getattr(load_method(ROOM, cell), "searched", dict[str, Any])
    reservoir: Reservoir = load_method(ROOM, cell).build(
        UNITS, 1, seed=seed, **(USUAL | own(USUAL) | settings)
    )
    ends = np.array([0, len(u)])
    x = Sequences(u, ends)
    inputs, sensor = InputStatistics(np.zeros(1), np.ones(1), 0.8), SensorFormat.calibrate(u, 16)
    graph = lower_reservoir(
        reservoir,
        inputs,
        sensor,
        numbers,
        Pooling("last"),
        channels=("u",),
        reach=reach(reservoir, Sequences(u[: WASHOUT + train], np.array([0, WASHOUT + train]))),
    )
    exact = states(reservoir, x, dtype="float64")
    return {
        "float": capacity(exact, u[:, 0], train),
        "integer": capacity(integer_states(graph, sensor.encode(u)), u[:, 0], train),
    }


def integer_states(graph: Graph, raw: np.ndarray) -> Float[np.ndarray, "step neuron"]:
    """Return the state of the integer network after every step of one sequence, in counts."""
    scale, every = graph.step[0], layers(graph)
    x = standardise(
        raw, graph.const(scale.inputs["zero"]), graph.const(scale.inputs["factor"]), scale.attributes["shift"]
    )
    h = np.zeros((1, every[-1].span.stop), np.int64)
    memories = [np.zeros((1, layer.slots), np.int64) for layer in every]
    found = np.empty((len(x), h.shape[1]))
    for step, now in enumerate(x):
        advance(every, h, memories, now[None])
        found[step] = h[0]
    return found


def capacity(h: Float[np.ndarray, "step neuron"], u: Float[np.ndarray, " step"], train: int) -> float:
    """Return the memory capacity of states `h` under inputs `u`; the readout learns on the first `train` steps."""
    h = h[WASHOUT:] / max(float(np.abs(h).max()), 1e-300)
    design = np.column_stack([h, np.ones(len(h))])
    wanted = np.stack([u[WASHOUT - k : WASHOUT - k + len(h)] for k in range(1, DELAYS + 1)], axis=1)
    learned, held = design[:train], design[train:]
    gram = learned.T @ learned
    gram += RIDGE * np.trace(gram) / len(gram) * np.eye(len(gram))
    shuffled = np.random.default_rng(0).permutation(len(wanted))
    return _total(gram, learned, held, wanted, train) - _total(gram, learned, held, wanted[shuffled], train)


def _total(gram: np.ndarray, learned: np.ndarray, held: np.ndarray, wanted: np.ndarray, train: int) -> float:
    said = held @ np.linalg.solve(gram, learned.T @ wanted[:train])
    said -= said.mean(axis=0)
    target = wanted[train:] - wanted[train:].mean(axis=0)
    shared = np.square((said * target).sum(axis=0))
    return float((shared / (np.square(said).sum(axis=0) * np.square(target).sum(axis=0) + 1e-300)).sum())
