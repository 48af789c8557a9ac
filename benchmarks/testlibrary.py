"""Few self-test inputs expose more critical faults that were not used to choose them than as many random items do.

A dense network (64-32-10) on scikit-learn's digits, int8 by post-training quantisation, three seeds. Faults are single
flipped bits of weights, biases, multipliers and shifts of the integer graph, drawn evenly. 3,000 of them choose inputs
among 400 items that the network learned from, by greedy set cover, and by evolution from there, which may make inputs
that are no data. All others judge the choice: a fault is critical if it changes the class of any of the 599 test
items, none of which is a candidate. An input detects it if the checksum over its scores is another. At 8, 16 and 32
inputs the coverage, with its Wilson interval, is held against 100 random sets of as many candidates, and against 100
sets of inputs drawn evenly from the sensor's range, the control that could make any choice needless. Beside critical
faults stand all that change any answer.

A second control is a convolutional network, whose few weights take part in nearly every answer: any items do there.
1,000 faults choose, 3,000 judge.

The self-test is then built for a Cortex-M4: bytes of flash and instructions, with and without it.
"""

# pyright: reportUnknownArgumentType=false

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks._bench import Bench
from benchmarks._digits_board import made
from benchmarks._outcome import Bar, Figure, Outcome
from sarto.audit.faults.graph import GraphSpace
from sarto.audit.testlibrary import Chooser, Effort
from sarto.deploy.c.emit import emit
from sarto.devices import device
from sarto.measure.emulate import emulate
from sarto.measure.model import of_items
from sarto.measure.selftest import selftest_cost

MINUTES = 5
COUNTS, SETS, CANDIDATES, SEEDS = (8, 16, 32), 100, 400, 3
EFFORT = {  # as many to judge by as there are
    "dense": Effort(3000, 1_000_000, generations=6, children=64),
    "convolutions": Effort(1000, 3000, generations=3, children=64),
}
QUICK = Effort(200, 200, generations=1, children=8)
DEVICE = "cortex_m4"
SIDES = ("greedy", "evolved", "random sets", "uniform sets")


def run(bench: Bench) -> Outcome:
    """Return the coverage of every side, what the self-test takes, and the margins over random sets."""
    figures: dict[str, Figure] = {}
    found: dict[str, list[dict[str, Any]]] = {}
    for name, seeds in (("dense", 1 if bench.quick else SEEDS), ("convolutions", 1)):
        effort = QUICK if bench.quick else EFFORT[name]
        for seed in range(seeds):
            bench.say(f"{name}, seed {seed}")
            settings = {"network": name, "seed": seed, "effort": repr(effort), "candidates": CANDIDATES}
            found.setdefault(name, []).append(bench.once(settings, covered, name, seed, effort))
        figures |= _figures(name, found[name])
    bars: list[Bar] = []
    for count in COUNTS:
        margins = [row[f"{count} inputs"] for row in found["dense"]]
        least = min(
            m["evolved"]["critical"][0] - float(np.median(m["random sets"]["critical"])) for m in margins
        )
        what = f"dense, {count} inputs: critical coverage less the median of {SETS} random sets, worst seed"
        bars.append(Bar(what, "> 0", least, least > 0))
    return Outcome(figures, () if bench.quick else tuple(bars))


def covered(name: str, seed: int, effort: Effort) -> dict[str, Any]:
    """Return what sets of inputs cover, and what the self-test of a network takes."""
    network = made(name, seed)
    graph, learned, tested = network.graph, of_items(network.learned[:CANDIDATES]), of_items(network.tested)
    settled = Effort(**{**vars(effort), "seed": seed})
    chooser = Chooser(GraphSpace(graph, tested.raw, tested.offsets), learned, settled)
    row: dict[str, Any] = {"test accuracy": network.accuracy, "bits": chooser.space.bits}
    sources, core = emit(graph), device(DEVICE)
    for count in COUNTS:
        own: dict[str, Any] = {}
        for side, library in (("greedy", chooser.greedy(count)), ("evolved", chooser.evolved(count))):
            rates = {"critical": library.coverage.critical, "any": library.coverage.any}
            own[side] = {kind: [r.share, r.low, r.high] for kind, r in rates.items()}
            own[side]["made"] = int(library.made.sum())
        row["faults"] = list(library.coverage.faults)
        for side, shares in (
            ("random sets", chooser.at_random(count, SETS)),
            ("uniform sets", chooser.uniform(count, SETS)),
        ):
            own[side] = {"critical": shares[:, 0].tolist(), "any": shares[:, 1].tolist()}
        if seed == 0:
            cost = selftest_cost(sources, library.sources(), core, library.inputs.listed()[:1])
            assert cost.mismatches == 0
            own["cost"] = {"flash": cost.flash_b, "RAM": cost.ram_b, "instructions": cost.instructions}
            alone = emulate(cost.plain, library.inputs.listed()).inference_instructions
            row |= {"inference": float(alone.mean()), "plain flash": cost.plain.flash_b}
        row[f"{count} inputs"] = own
    return row


def _figures(name: str, rows: list[dict[str, Any]]) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    accuracy = [row["test accuracy"] for row in rows]
    figures[f"{name}: test accuracy, mean"] = Figure(
        float(np.mean(accuracy)), "1", "measured", len(rows), (min(accuracy), max(accuracy))
    )
    for seed, row in enumerate(rows):
        of = f"{name}, seed {seed}"
        figures[f"{of}: bits that faults are drawn from"] = Figure(row["bits"], "1", "measured")
        for kind, number in zip(("critical", "any"), row["faults"], strict=True):
            figures[f"{of}: held-out faults, {kind}"] = Figure(number, "1", "measured")
        for count in COUNTS:
            own = row[f"{count} inputs"]
            for side in SIDES:
                for kind in ("critical", "any"):
                    key = f"{of}, {count} inputs: {kind} faults covered, {side}"
                    values, n = own[side][kind], row["faults"][kind == "any"]
                    if "sets" in side:
                        middle = float(np.median(values))
                        figures[f"{key}, median"] = Figure(
                            middle, "1", "measured", len(values), (min(values), max(values))
                        )
                    else:
                        share, low, high = values
                        figures[f"{key}, 95 % interval"] = Figure(share, "1", "measured", n, (low, high))
            figures[f"{of}, {count} inputs: inputs that are no data"] = Figure(
                own["evolved"]["made"], "1", "measured"
            )
            for what, value in own.get("cost", {}).items():
                unit, how = ("instructions", "emulated") if what == "instructions" else ("B", "measured")
                figures[f"{of}, {count} inputs: self-test, {what}"] = Figure(value, unit, how)
        if "inference" in row:
            figures[f"{of}: one inference"] = Figure(row["inference"], "instructions", "emulated")
            figures[f"{of}: flash without a self-test"] = Figure(row["plain flash"], "B", "measured")
    return figures
