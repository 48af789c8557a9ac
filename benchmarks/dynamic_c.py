"""Width as an argument in generated C: its range, what switching costs, and what one table of weights saves.

For each task and seed a nested network of 4 groups (`_dynamic_c`), in integers. Instructions are those of the emulated
Cortex-M4, the mean of 8 test items; times those of the same C on this host, the median of 9 rounds in which the widths
take turns. Switching: the four widths in turn against each of them alone, by the same work. The range is also that of
the AlexNet-like network of `dynamic_accuracy` with the weights that it begins with, since they change no instruction.

Weight memory: all tables of the generated C (weights, biases, factors) beside those of four dense static networks, one
for each width, each the smallest of a ladder of channels that is as accurate on validation as the width is; where none
is, the last of the ladder counts, and it is told how often. Static networks try the same learning rates, and every one
of the ladder is trained with all of them.

The joint range of width and clock is on the published table of the Odroid XU3: its largest time or energy at full width
over the smallest at a quarter, where a quarter takes the share of instructions that was measured. Beside it stand the
41.6 times (time) and 10.6 times (energy) that Xun et al. state for their system.
"""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np
import torch

from benchmarks._bench import Bench
from benchmarks._dynamic_c import (
    Ground,
    accuracies,
    instructions,
    nested,
    static,
    tables_b,
    with_predict,
)
from benchmarks._dynamic_tasks import GROUPS, WIDTHS
from benchmarks._outcome import Bar, Figure, Outcome, above, at_least, at_most, over_seeds
from sarto.compress.state import Evaluation
from sarto.core.evidence import How
from sarto.core.graph import infer
from sarto.core.graph.widths import cut
from sarto.data.examples import Examples, of_arrays
from sarto.deploy.c.emit import arena_b, emit
from sarto.deploy.lower.dynamic import lower_dynamic, quantised
from sarto.deploy.lower.network import Lowered
from sarto.devices.platforms import platform
from sarto.measure.model import of_items
from sarto.measure.widths import WidthProgram, at_width
from sarto.models.dynamic.module import DynamicNetwork
from sarto.models.dynamic.named import grouped

MINUTES = 12
SEEDS = 3
ROUNDS, ROUND_S = 9, 0.02
CHANNELS = (2, 3, 4, 5, 6, 8, 10, 12, 16)
"""Of the dense static networks that are tried, in each layer."""
TASKS_SHOWN = ("digits", "har")
SWITCHED = 1.05
STATED = {"time": 41.6, "energy": 10.6}
"""Of width, mapping and clocks together: Xun et al., MLCAD 2019 (arXiv:2105.03600), abstract."""
IN_TURN = "static int turn;\n    const int best = model_run(arena, 1 + turn++ % MODEL_WIDTHS);"
SHOWN: tuple[tuple[str, str, str, How], ...] = (
    ("accuracy", "test accuracy", "1", "measured"),
    ("static accuracy", "test accuracy of its static network", "1", "measured"),
    ("static tables", "tables of its static network", "B", "measured"),
    ("instructions", "instructions", "instructions", "emulated"),
    ("times", "time on this host", "s", "measured"),
    ("arena layer by layer", "arena layer by layer", "B", "measured"),
)
"""Key of a run, what it is called, its unit and how it was come by."""


def run(bench: Bench) -> Outcome:
    """Return ranges, switching costs, weight memory and the joint range."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    tasks = TASKS_SHOWN[:1] if bench.quick else TASKS_SHOWN
    for name in tasks:
        runs = list[dict[str, Any]]()
        for seed in range(1 if bench.quick else SEEDS):
            settings = {"task": name, "seed": seed, "quick": bench.quick}
            runs.append(bench.once(settings, measured, name, seed, bench.quick))
            bench.say(f"{name}, seed {seed}: {runs[-1]}")
        found, asked = _of_task(name, runs)
        figures |= found
        bars += asked
    ranged = bench.once({"part": "alexnet"}, alexnet)
    for what, value in ranged.items():
        figures[f"AlexNet-like network: {what}"] = Figure(
            value, "1", "measured" if "time" in what else "emulated"
        )
    figures |= joint(ranged["range of instructions over widths"])
    return Outcome(figures, () if bench.quick else tuple(bars))


def measured(name: str, seed: int, quick: bool) -> dict[str, Any]:
    """Return what one seed of a task came to."""
    ground = Ground.of(name, seed, quick)
    lowered = nested(ground)
    held, tested = accuracies(lowered, ground.held), accuracies(lowered, ground.tested)
    sizes, unreached, static_tested = list[int](), 0, list[float]()
    ladder = CHANNELS[:2] if quick else CHANNELS
    trained = [static(ground, ground.task.dense(ground.fit, channels)) for channels in ladder]
    for width in WIDTHS:
        reached = [one for score, one in trained if score >= held[width]]
        unreached += not reached
        chosen = reached[0] if reached else trained[-1][1]
        sizes.append(tables_b(emit(chosen.graph)))
        items = chosen.items(ground.tested.x)
        static_tested.append(float((infer(chosen.graph, items).classes == ground.tested.y).mean()))
    return {
        **_ran(lowered, ground.tested),
        "accuracy": [tested[width] for width in WIDTHS],
        "static accuracy": static_tested,
        "tables": tables_b(emit(lowered.graph)),
        "static tables": sizes,
        "unreached": unreached,
        "arena": arena_b(lowered.graph),
        "arena layer by layer": [arena_b(cut(lowered.graph, width)) for width in WIDTHS],
    }


def _ran(lowered: Lowered, examples: Examples) -> dict[str, Any]:
    """Return instructions and times at every width, and of the widths in turn."""
    sources = emit(lowered.graph)
    counts = [instructions(at_width(sources, width), lowered, examples) for width in WIDTHS]
    in_turn = instructions(with_predict(sources, IN_TURN), lowered, examples)
    alone = np.array([counts[i % GROUPS][i] for i in range(len(in_turn))])
    return {
        "instructions": [float(one.mean()) for one in counts],
        "switched instructions": float(in_turn.sum() / alone.sum()),
        **_timed(WidthProgram(sources), of_items(lowered.items(examples.x[:1])).listed()[0]),
    }


def _timed(program: WidthProgram, lines: Any) -> dict[str, Any]:
    """Return the median time of an item at each width, and of the widths in turn over each of them alone."""
    once = max(program.time_s(lines, [GROUPS] * 100) / 100, 1e-7)
    count = max(GROUPS, round(ROUND_S / once / GROUPS) * GROUPS)
    alone: dict[int, list[float]] = {width: [] for width in WIDTHS}
    ratios = list[float]()
    for _ in range(ROUNDS):
        for width in WIDTHS:
            alone[width].append(program.time_s(lines, [width] * count) / count)
        mixed = program.time_s(lines, list(WIDTHS) * (count // GROUPS)) / count
        ratios.append(mixed / statistics.fmean(alone[width][-1] for width in WIDTHS))
    return {
        "times": [statistics.median(alone[width]) for width in WIDTHS],
        "switched time": statistics.median(ratios),
        "switched times": [min(ratios), max(ratios)],
    }


def alexnet() -> dict[str, float]:
    """Return the range over widths of the AlexNet-like network."""
    torch.set_num_threads(1)
    rng = np.random.default_rng(0)
    data = of_arrays(rng.normal(size=(16, 3, 32, 32)), np.arange(16) % 10)
    network = DynamicNetwork(grouped("alexnet", data.shape, 10, GROUPS), GROUPS).eval()
    found = _ran(lower_dynamic(network, quantised(network, Evaluation(data, data))), data)
    shares = {
        f"{what} at {100 * width // GROUPS} % of that at full width": found[what][width - 1] / found[what][-1]
        for what in ("instructions", "times")
        for width in WIDTHS[:-1]
    }
    return {
        "range of instructions over widths": found["instructions"][-1] / found["instructions"][0],
        "range of time over widths": found["times"][-1] / found["times"][0],
        "switched instructions": found["switched instructions"],
        "switched time": found["switched time"],
        **shares,
    }


def joint(width: float) -> dict[str, Figure]:
    """Return the range over widths and settings of the published table."""
    board = platform("odroid_xu3")
    settings = [one for cluster in board.clusters for one in cluster.settings]
    times = [one.latency_s for one in settings]
    energies = [one.latency_s * one.power_w for one in settings]
    ranges = {"time": max(times) / min(times), "energy": max(energies) / min(energies)}
    figures: dict[str, Figure] = {}
    for what, value in ranges.items():
        figures[f"published table: range of {what}"] = Figure(value, "1", "declared")
        figures[f"width and clock together: range of {what}"] = Figure(value * width, "1", "estimated")
        figures[f"stated by Xun et al.: range of {what}"] = Figure(STATED[what], "1", "declared")
    return figures


def _of_task(name: str, runs: list[dict[str, Any]]) -> tuple[dict[str, Figure], list[Bar]]:
    figures: dict[str, Figure] = {}
    for width in WIDTHS:
        at = f"at {100 * width // GROUPS} %"
        for key, what, unit, how in SHOWN:
            figures |= over_seeds(f"{name}: {what} {at}", [one[key][width - 1] for one in runs], unit, how)
    saved = [sum(one["static tables"]) / one["tables"] for one in runs]
    ranges = [one["instructions"][-1] / one["instructions"][0] for one in runs]
    times = [one["times"][-1] / one["times"][0] for one in runs]
    switched = [one["switched time"] for one in runs]
    figures |= over_seeds(f"{name}: tables of all widths", [one["tables"] for one in runs], "B", "measured")
    figures |= over_seeds(f"{name}: arena of any width", [one["arena"] for one in runs], "B", "measured")
    figures |= over_seeds(f"{name}: tables of four static networks over one", saved, "1", "measured")
    figures |= over_seeds(f"{name}: range of instructions over widths", ranges, "1", "emulated")
    figures |= over_seeds(f"{name}: range of time over widths", times, "1", "measured")
    figures |= over_seeds(f"{name}: time of widths in turn over each alone", switched, "1", "measured")
    counts = [one["switched instructions"] for one in runs]
    figures |= over_seeds(f"{name}: instructions of widths in turn over each alone", counts, "1", "emulated")
    unreached = sum(one["unreached"] for one in runs)
    figures[f"{name}: widths that no static network came up to"] = Figure(unreached, "1", "measured")
    return figures, [
        at_least(f"{name}: range of instructions over four widths, mean", statistics.fmean(ranges), 2.73),
        at_most(f"{name}: widths in turn over each alone, time, mean", statistics.fmean(switched), SWITCHED),
        above(
            f"{name}: tables of static networks of equal accuracy over one, mean", statistics.fmean(saved), 1
        ),
    ]
