"""LeNet-300-100 at more than 40x runs on an emulated Cortex-M4 out of its coded image, beside the uncoded int8 image.

Two networks of one teacher (`_lenet`, seed 0): Deep Compression at its published densities, and training for the bits
of the file. Each is lowered to integers and built with its weights plain, as sparse pairs of bytes, and coded by rANS
(`deploy/c/storage`); the graph is the same, and so must be all outputs: of NumPy and of C on this host on all 10,000
test images, of the emulated core on some of them, with two compilers. No row of weights is ever unpacked.

The ratio is that of 266,610 float32 numbers to what lies in flash of the network, by the symbols of the linked file:
streams, tables of the decoder, descriptions of the layers, biases, factors. The program, with the decoder, is told
beside it, and the ratio to the whole image, which counts the vectors and the example program too. The file of the
network (container) is told as storage: the device does not read it. Its context coder's bytes for the same integers
are told to show what the faster decoder gives away.

Instructions are no cycles. The recipes were chosen on validation images; the test images only judge.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import numpy as np

from benchmarks._bench import Bench
from benchmarks._lenet import Data, data, deep, rate, teacher
from benchmarks._outcome import Bar, Figure, Outcome, at_least, at_most
from benchmarks.lenet300 import BIASES, DEEP, DENSITIES, FLOAT_B, RATE, STEP, WIDTHS
from sarto.compress.code import context
from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State, restored
from sarto.core.graph import Graph
from sarto.deploy.c.emit import emit
from sarto.deploy.c.storage import STORAGES, can_stream, matrix, storage_of, stored
from sarto.deploy.lower.network import Lowered, lower_network
from sarto.devices import device
from sarto.learn.loop import accuracy, torch_threads
from sarto.measure.build import build
from sarto.measure.compilers import Name
from sarto.measure.emulate import emulate
from sarto.measure.host import run_on_host
from sarto.measure.image import Image
from sarto.measure.model import RawSequences, of_items, outputs

MINUTES = 12
ARMS = ("deep", "rate")
BUILDS: tuple[tuple[Name, str], ...] = (("zig", "-O2"), ("gcc", "-O2"), ("zig", "-Os"))
ITEMS = 20
WEIGHTS = ("weights", "stream", "gaps", "values", "near_gaps", "near_values", "value")
"""Tables of weights, by the names that they have in C; all other tables are biases, factors and descriptions."""
DECODER = ("network_coded", "network_stream_dense")
UNITS = {
    "flash": "B",
    "weights in flash": "B",
    "network in flash": "B",
    "program": "B",
    "static ram": "B",
    "peak stack": "B",
    "instructions": "instructions",
}


@dataclass(frozen=True)
class Judged:
    """A network of integers and the images that it is judged by."""

    graph: Graph
    every: RawSequences
    some: RawSequences


def run(bench: Bench) -> Outcome:
    """Return sizes, instructions and errors of both networks, and hold them against the bars."""
    share = 0.05 if bench.quick else 1.0
    with torch_threads(1):
        held = data(0, share)
        model = None
        found: dict[str, dict[str, Any]] = {}
        for arm in ARMS[:1] if bench.quick else ARMS:
            begun = time.process_time()

            def work(arm: str = arm) -> dict[str, Any]:
                nonlocal model
                model = model or teacher("lenet300", held, 0)
                return one(_made(arm, model, held), held)

            found[arm] = bench.once({"arm": arm, "quick": bench.quick}, work)
            bench.say(f"{arm}: {found[arm]['network ratio']:.1f}x, {time.process_time() - begun:.0f} s")
    figures = {k: v for arm, f in found.items() for k, v in _shown(arm, f).items()}
    lines = _decoder_lines()
    figures["lines of C of the decoder and its layer"] = Figure(lines, "1", "measured")
    if bench.quick:
        return Outcome(figures)
    bars = [bar for arm, f in found.items() for bar in _bars(arm, f)]
    return Outcome(figures, (*bars, at_most("lines of C of the decoder and its layer", lines, 100)))


def _made(arm: str, model: Any, held: Data) -> State:
    if arm == "deep":
        return deep(model, held, replace(DEEP, seed=0), DENSITIES, bits=5)
    return rate(model, held, replace(RATE, seed=0), WIDTHS, STEP, BIASES)


def one(state: State, held: Data) -> dict[str, Any]:
    """Return what a network came to."""
    file, _ = state.packed()
    small = ptq.quantise(state, Evaluation(held.train, held.validation))
    lowered = lower_network(small.network, held.test.classes)
    judged = _judged(lowered, held)
    truth, wanted = outputs(judged.graph, judged.every), outputs(judged.graph, judged.some)
    builds: dict[str, dict[str, float]] = {}
    equal: dict[str, bool] = {}
    wrong: dict[str, float] = {}
    for storage in STORAGES:
        graph = stored(judged.graph, (storage,))
        source = emit(graph)
        on_host = run_on_host(source, judged.every.listed())
        equal[f"{storage}, C on this host"] = on_host.equals(truth)
        wrong[storage] = float((on_host.classes != held.test.y).mean())
        for compiler, level in BUILDS:
            image = build(source, device("cortex_m4"), optimise=level, compiler=compiler)
            ran = emulate(image, judged.some.listed())
            where = f"{storage}, {compiler} {level}"
            equal[where] = ran.outputs.equals(wanted)
            builds[where] = {
                **_sizes(image),
                "peak stack": ran.peak_stack_b,
                "instructions": int(ran.inference_instructions.max()),
            }
    chosen = stored(judged.graph)
    main = builds["coded, zig -O2"]
    return {
        "container": len(file),
        "container error": 1 - accuracy(restored(file), held.test),
        "integer error": wrong,
        "weight error": max(lowered.weight_error.values()),
        "weights left": sum(int(np.count_nonzero(matrix(chosen, op))) for op in _layers(chosen)),
        "parameters": sum(matrix(chosen, op).size for op in _layers(chosen)),
        "context coder": sum(_context_b(chosen, op) for op in _layers(chosen)),
        "chosen": {op.inputs["weights"]: storage_of(op) for op in _layers(chosen)},
        "network ratio": FLOAT_B / main["network in flash"],
        "builds": builds,
        "equal": equal,
    }


def _judged(lowered: Lowered, held: Data) -> Judged:
    items = lowered.items(held.test.x)
    spread = np.linspace(0, len(items) - 1, ITEMS).round().astype(int)
    return Judged(lowered.graph, of_items(items), of_items(items[spread]))


def _layers(graph: Graph) -> list[Any]:
    return [op for op in graph.whole if can_stream(graph, op)]


def _context_b(graph: Graph, op: Any) -> int:
    """Return the bytes of a layer's integers by the context coder, with the table of its values."""
    rows = matrix(graph, op)
    values, symbols = np.unique(rows, return_inverse=True)
    return len(context.encode(symbols.reshape(rows.shape), len(values)).data) + len(values)


def _sizes(image: Image) -> dict[str, float]:
    """Return what is in flash, by the symbols of the linked file, and the RAM."""
    rows = [(str(row[1]), int(row[3])) for row in image.memory_map().rows if row[2] == "table"]
    network = sum(size for _, size in rows)
    return {
        "flash": image.flash_b,
        "weights in flash": sum(size for name, size in rows if name.rpartition("_")[0] in WEIGHTS),
        "network in flash": network,
        "program": image.flash_b - network,
        "static ram": image.static_ram_b,
    }


def _decoder_lines() -> int:
    kernels = files("sarto.deploy.c") / "kernels"
    return sum((kernels / f"{name}.c").read_text(encoding="utf-8").count("\n") for name in DECODER)


def _shown(arm: str, f: dict[str, Any]) -> dict[str, Figure]:
    """Return the figures of a network."""
    figures = {
        f"{arm}: container (storage only)": Figure(f["container"], "B", "measured"),
        f"{arm}: container, ratio": Figure(FLOAT_B / f["container"], "1", "measured"),
        f"{arm}: container, test error": Figure(f["container error"], "1", "measured"),
        f"{arm}: largest change of a weight by 8 bits": Figure(f["weight error"], "1", "measured"),
        f"{arm}: weights that are not 0": Figure(f["weights left"], "1", "measured"),
        f"{arm}: weights of the layers": Figure(f["parameters"], "1", "measured"),
        f"{arm}: context coder on the same integers (no decoder on the device)": Figure(
            f["context coder"], "B", "measured"
        ),
    }
    for storage, error in f["integer error"].items():
        figures[f"{arm}: {storage}, test error of the integers, C on this host"] = Figure(
            error, "1", "measured", 10_000
        )
    for where, costs in f["builds"].items():
        for what, cost in costs.items():
            how = "emulated" if what in ("peak stack", "instructions") else "measured"
            figures[f"{arm}: {where}, {what}"] = Figure(
                cost, UNITS[what], how, ITEMS if how == "emulated" else 1
            )
        for what in ("weights in flash", "network in flash", "flash"):
            figures[f"{arm}: {where}, float32 over {what}"] = Figure(FLOAT_B / costs[what], "1", "measured")
    for compiler, level in BUILDS:
        plain = f["builds"][f"plain, {compiler} {level}"]["instructions"]
        for storage in STORAGES[1:]:
            cost = f["builds"][f"{storage}, {compiler} {level}"]["instructions"]
            figures[f"{arm}: {storage} over plain, {compiler} {level}, instructions"] = Figure(
                cost / plain, "1", "emulated", ITEMS
            )
    return figures


def _bars(arm: str, f: dict[str, Any]) -> list[Bar]:
    """Return the bars of a network: 40x and 1.6 % of Deep Compression, 170x and 2 % of training for bits."""
    ratio, error = {"deep": (40, 0.016), "rate": (170, 0.02)}[arm]
    main = f["builds"]["coded, zig -O2"]
    plain = f["builds"]["plain, zig -O2"]
    return [
        at_least(f"{arm}: float32 over the weights in flash", FLOAT_B / main["weights in flash"], ratio),
        at_least(f"{arm}: float32 over all of the network in flash", f["network ratio"], ratio),
        at_most(f"{arm}: test error of the integers", f["integer error"]["coded"], error),
        at_least(f"{arm}: runs with outputs equal in every bit", sum(f["equal"].values()), len(f["equal"])),
        at_most(f"{arm}: static ram, of that of the plain image", main["static ram"], plain["static ram"]),
    ]
