"""100 random small networks, half of them read from ONNX files: source, integer graph, C on host and device, all equal.

A network draws its dimensions, shapes, channels, groups, kernels, strides, paddings, dilations, norms, activations,
branches that are added or joined, MAM layers, pools and ends. Every second one (without MAM layers, which ONNX does
not have) is written to an ONNX file in floats and read back, where ONNX Runtime's outputs are held to the network's.
All are quantised to 8 bits by `ptq` and lowered. Random items run in the NumPy interpreter, in the generated C on this
host (which looks for undefined behaviour), and on an emulated core, in turn of a Cortex-M4, M0+, M33 and an RV32IMC,
by the two compilers where both are there: scores and classes must be equal in every bit.

A network with a layer that returns 0 for every item it is calibrated on has no scale there, and `ptq` refuses it by
name; it is counted, and the next one drawn.

Beside it stands what integers change: the share of items whose class is that of the network in floats. The weights are
random and no scores are far apart, so this is no accuracy.
"""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._bench import Bench
from benchmarks._outcome import Figure, Outcome, at_least
from sarto.compress.quantize import ptq
from sarto.compress.state import Evaluation, State
from sarto.core.device import Device
from sarto.core.errors import SartoError
from sarto.core.graph import infer
from sarto.deploy.c.emit import emit
from sarto.deploy.lower.network import lower_network
from sarto.deploy.onnx.floats import float_model
from sarto.devices import device
from sarto.measure.build import build
from sarto.measure.compilers import Name
from sarto.measure.emulate import emulate
from sarto.measure.host import run_on_host
from sarto.measure.model import of_items, outputs
from sarto.measure.outputs import check_equal
from sarto.models.network.module import Network, predict
from sarto.models.read.onnx import read_onnx
from tests.deploy.random_networks import items, mixed, shaken

MINUTES = 8
NETWORKS = 100
QUICK = 4
FIRST = 1000
"""The first seed; those of the tests are small."""
DEVICES = ("cortex_m4", "cortex_m0plus", "cortex_m33", "rv32imc")
ITEMS = 6
NO_SCALE = "E127"
"""The error of a layer that is always 0."""
Cell = dict[str, Any]


def run(bench: Bench) -> Outcome:
    """Return how many of the networks were equal everywhere, and what they were made of."""
    cells: list[Cell] = []
    dead, seed = 0, FIRST
    while len(cells) < (QUICK if bench.quick else NETWORKS):
        cell = bench.once({"seed": seed}, _cell, seed)
        if cell["fault"]:
            bench.say(f"seed {seed}: {cell['fault']}")
        if cell["dead"]:
            dead += 1
        else:
            cells.append(cell)
        seed += 1
    fine = [cell for cell in cells if not cell["fault"]]
    equal = len(fine)
    kinds = Counter(kind for cell in cells for kind in set(cell["kinds"]))
    places = Counter(cell["device"] for cell in cells)
    figures = {
        "networks": Figure(len(cells), "1", "measured", len(cells)),
        "of them read from ONNX files": Figure(sum(c["onnx"] for c in cells), "1", "measured", len(cells)),
        "refused besides, for a layer that is always 0": Figure(dead, "1", "measured", seed - FIRST),
        "equal everywhere": Figure(equal, "1", "emulated", len(cells)),
        "answers compared on cores": Figure(ITEMS * equal, "1", "emulated", equal),
        "class as in floats, share of items": Figure(
            sum(float(c["same"]) for c in fine) / max(equal, 1), "1", "measured", equal * 40
        ),
        "arena over its lower bound, most": Figure(
            max((float(c["arena"]) for c in fine), default=1.0), "1", "measured", equal
        ),
    }
    figures |= {
        f"networks with {kind}": Figure(n, "1", "measured", len(cells)) for kind, n in sorted(kinds.items())
    }
    figures |= {f"on {name}": Figure(n, "1", "emulated", len(cells)) for name, n in sorted(places.items())}
    bars = (at_least("networks that are equal everywhere", equal, len(cells)),)
    return Outcome(figures, () if bench.quick else bars)


def _cell(seed: int) -> Cell:
    """Return what became of one network; `fault` is empty where all was equal."""
    through, name = seed % 2 == 1, DEVICES[seed // 2 % len(DEVICES)]
    cell: Cell = {
        "onnx": through,
        "device": name,
        "kinds": [],
        "fault": "",
        "same": 0.0,
        "arena": 1.0,
        "dead": False,
    }
    try:
        _run(seed, through, name, cell)
    except (SartoError, AssertionError, ValueError) as error:
        cell["dead"] = isinstance(error, SartoError) and error.code == NO_SCALE
        cell["fault"] = f"{type(error).__name__}: {error}".replace("\n", " ")
    return cell


def _run(seed: int, through: bool, name: str, cell: Cell) -> None:
    from sarto.deploy.c.network import arena_plan

    architecture = mixed(seed, mam=not through)
    network, data = shaken(architecture, seed), items(architecture, seed)
    if through:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "net.onnx"
            file.write_bytes(float_model(architecture, network.arrays()))
            found = read_onnx(file)
        network = Network(found.architecture)
        network.load_arrays(found.arrays)
        network.eval()
    small = ptq.quantise(State(network), Evaluation(data, data)).network
    lowered = lower_network(small, data.classes)
    cell["kinds"] = [op.kind for op in lowered.graph.whole]
    said, floats = infer(lowered.graph, lowered.items(data.x)).classes, predict(network, data.x)
    cell["same"] = int(np.count_nonzero(said == floats.argmax(axis=1))) / len(data)
    plan = arena_plan(lowered.graph)
    cell["arena"] = plan.size_b / plan.bound_b
    sequences = of_items(lowered.items(data.x[:ITEMS]))
    truth, sources = outputs(lowered.graph, sequences), emit(lowered.graph)
    check_equal(truth, run_on_host(sources, sequences.listed(), sanitize=True), "NumPy", "C on this host")
    core = device(name)
    assert isinstance(core, Device)
    compiler: Name = "gcc" if seed % 3 == 0 and core.gcc else "zig"
    run = emulate(build(sources, core, compiler=compiler), sequences.listed())
    check_equal(truth, run.outputs, "NumPy", f"{name}, {compiler}")
