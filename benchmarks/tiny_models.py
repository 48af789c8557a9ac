"""What the four networks of MLPerf Tiny take on every device: flash, RAM and instructions, beside published figures.

Weights are random, for what an image takes does not depend on them: int8 after `ptq`, scales from random items. One
item runs on each emulated core, and its scores are those of the interpreter. The devices are given as much memory as a
network needs: which of them fits a real part is its user's question.

Published figures are of other machines and other measures: X-CUBE-AI 9.0 on a NUCLEO-L4R5ZI (Cortex-M4, 120 MHz),
cycles from the inferences a second of MLPerf Tiny v1.2; TinyEngine on a STM32H743 (Cortex-M7) runs its own network for
visual wake words, mcunet-vww0. An instruction is no cycle.
"""

from __future__ import annotations

import numpy as np

from benchmarks._bench import Bench
from benchmarks._outcome import Figure, Outcome, at_most
from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.core.device import Device
from sarto.core.evidence import How
from sarto.data.examples import Examples
from sarto.deploy.c.emit import arena_b, emit
from sarto.deploy.c.network import arena_plan
from sarto.deploy.lower.network import Lowered, lower_network
from sarto.deploy.memory import tables_b
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.model import of_items, outputs
from sarto.measure.outputs import check_equal
from sarto.models.network.module import Network
from sarto.models.network.named import named
from sarto.models.network.tiny import macs
from sarto.search.roomy import roomy

MINUTES = 6
MODELS = {
    "ds_cnn": ((1, 49, 10), 12),
    "resnet8": ((3, 32, 32), 10),
    "autoencoder": ((640,), 640),
    "mobilenet": ((3, 96, 96), 2),
}
"""Name -> shape of an item, and outputs."""
DEVICES = ("cortex_m4", "cortex_m0plus", "cortex_m33", "cortex_m7", "rv32imc")
CALIBRATED = 16
PUBLISHED = {"ds_cnn": 23.2, "resnet8": 6.06, "autoencoder": 190.1, "mobilenet": 11.2}
"""Inferences a second. Source: MLPerf Tiny v1.2, closed, STMicroelectronics, NUCLEO-L4R5ZI, X-CUBE-AI 9.0."""
CLOCK_HZ = 120e6
TINYENGINE = {"latency in ms": 27.0, "RAM in kB": 59.0}
"""Of mcunet-vww0 on a STM32H743. Source: README of TinyEngine."""
WASTE = 1.1


def run(bench: Bench) -> Outcome:
    """Return figures of every network on every device."""
    figures: dict[str, Figure] = {}
    worst = 1.0
    for name in MODELS if not bench.quick else ("autoencoder",):
        lowered, count = _made(name)
        plan = arena_plan(lowered.graph)
        worst = max(worst, plan.size_b / plan.bound_b)
        figures[f"{name}: multiplications"] = Figure(float(count), "1", "measured", 1)
        figures[f"{name}: tables"] = Figure(float(tables_b(lowered.graph)), "B", "measured", 1)
        figures[f"{name}: arena"] = Figure(float(arena_b(lowered.graph)), "B", "measured", 1)
        for target in DEVICES if not bench.quick else DEVICES[:1]:
            cell = bench.once({"network": name, "device": target}, _cost, lowered, target)
            bench.say(f"{name} on {target}: {cell['instructions per inference'][0]:.0f} instructions")
            for what, (value, unit, how) in cell.items():
                figures[f"{name} on {target}: {what}"] = Figure(value, unit, how, 1)
            instructions = cell["instructions per inference"][0]
            figures[f"{name} on {target}: instructions per multiplication"] = Figure(
                instructions / count, "1", "emulated", 1
            )
        figures[f"{name}: published cycles, X-CUBE-AI, a Cortex-M4"] = Figure(
            CLOCK_HZ / PUBLISHED[name], "cycles", "declared", 1
        )
    for what, value in TINYENGINE.items():
        figures[f"published: mcunet-vww0, TinyEngine, a Cortex-M7: {what}"] = Figure(
            value, "1", "declared", 1
        )
    figures["arena over its lower bound, most"] = Figure(worst, "1", "measured", len(MODELS))
    bars = (at_most("arena over its lower bound", worst, WASTE),)
    return Outcome(figures, () if bench.quick else bars)


def _made(name: str) -> tuple[Lowered, int]:
    """Return a network of random weights in integers, and its multiplications."""
    shape, classes = MODELS[name]
    network, rng = Network(named(name, shape, classes), 0).eval(), np.random.default_rng(0)
    x = rng.uniform(0, 1, (CALIBRATED, *shape)).astype(np.float32)
    labels = tuple(map(str, range(classes)))
    items = Examples(x, np.arange(CALIBRATED) % classes, labels)
    small = ptq.quantise(State(network), Evaluation(items, items)).network
    return lower_network(small, labels), macs(network.architecture)


def _cost(lowered: Lowered, target: str) -> dict[str, tuple[float, str, How]]:
    """Return what the image takes on a device: name -> value, unit, how."""
    graph, core = lowered.graph, device(target)
    assert isinstance(core, Device)
    (given,) = graph.kind("input")
    x = np.random.default_rng(1).integers(lowered.limits[0], lowered.limits[1] + 1, (1, *given.shape))
    sequences = of_items(x)
    image = build(emit(graph), roomy(core, tables_b(graph), arena_b(graph)))
    run = emulate(image, sequences.listed())
    check_equal(outputs(graph, sequences), run.outputs, "the NumPy interpreter", target)
    return {
        "flash": (float(image.flash_b), "B", "measured"),
        "RAM": (float(image.static_ram_b + run.peak_stack_b), "B", "emulated"),
        "instructions per inference": (float(run.predict_instructions[0]), "instructions", "emulated"),
        "instructions to take the item": (float(run.step_instructions.sum()), "instructions", "emulated"),
    }
