"""One model is the same in every bit on five cores, from two compilers, in two emulators, and on this host.

Five models of JapaneseVowels, one of each family, trained once and fixed here, not searched. Each is built by zig's
clang and by GCC (-O2 and -Os) for Cortex-M0+, M4, M33 with DSP, M7 and RV32IMC, and answers every test utterance in
Unicorn; for the Arm cores it does so again on a board of QEMU 7.2, whose timer counts instructions. Every answer (class
and scores) is compared with the NumPy interpreter's, and QEMU's count of every call of `model_step` and
`model_predict` with Unicorn's.

QEMU has no Cortex-M0+; a Cortex-M0, which has the same instructions, stands in. It has no board with RV32IMC that these
images run on; those are held to the interpreter alone. That an image has only instructions of its core is checked
instruction by instruction, from the linked file; an emulator would not prove it.
"""

from __future__ import annotations

from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._bench import Bench, real_data
from benchmarks._outcome import Bar, Figure, Outcome, at_most
from benchmarks._rivals import arena
from sarto.core.budget import Budget
from sarto.core.executors import open_executor
from sarto.core.graph import Graph, load_graph, save_graph
from sarto.deploy.c.emit import emit
from sarto.devices import device, microcontrollers
from sarto.measure import qemu
from sarto.measure.build import build
from sarto.measure.compilers import COMPILERS, Name
from sarto.measure.emulate import emulate
from sarto.measure.host import run_on_host
from sarto.measure.model import RawSequences, outputs
from sarto.measure.outputs import Outputs
from sarto.search.candidates import candidate_of
from sarto.search.trial import final

MINUTES = 25
DATA = "japanese_vowels/JapaneseVowels_TRAIN.ts"
RIDGE = 1e-4
LEVELS = ("-O2", "-Os")
MODELS: dict[str, dict[str, Any]] = {
    "reservoir": dict(
        cell="esn", units=41, pooling="mean_square_last", segments=1, leak=0.5, radius=0.9, input_scaling=0.5,
        bias_scaling=0.1, state_bits=16,
    ),
    "statistics": dict(units=3, segments=1, statistics="all"),
    "random_features": dict(
        units=50, segments=2, statistics="spread", activation="cosine", input_scaling=0.8, bias_scaling=0.5
    ),
    "convolution": dict(units=100, segments=2, dilations=2, reach=0.5),
    "forest": dict(
        units=20, segments=1, statistics="all", trees=9, share=0.3, random_thresholds=False, hard=False
    ),
}  # fmt: skip
"""Settings of `sarto.search.families`; sizes are odd where the kernels take four at a time."""
CLOSE = 5
"""Instructions by which the two emulators may differ in a call."""


def run(bench: Bench) -> Outcome:
    """Return how many bytes differed, and by how much the counts did."""
    figures: dict[str, Figure] = {}
    totals: dict[str, float] = {"answers": 0, "differing bytes": 0, "images": 0, "calls": 0, "items": 0}
    apart = 0.0
    models = dict(list(MODELS.items())[:1]) if bench.quick else MODELS
    with open_executor(bench.workers) as executor:
        tested, graphs = _models(bench, executor, models)
        tested = tested.pinned(4) if bench.quick else tested
        totals["items"] = len(tested)
        for family, graph in graphs.items():
            differing = _differing(
                outputs(graph, tested), run_on_host(emit(graph), tested.listed(), sanitize=True)
            )
            totals["differing bytes"] += differing
            path = bench.folder / f"{family}.npz"
            save_graph(graph, path)
            np.savez(bench.folder / "tested.npz", raw=tested.raw, offsets=tested.offsets)
            cases: list[tuple[str, Name, str]] = [
                (d, c, o) for d in microcontrollers() for c in COMPILERS for o in LEVELS
            ]
            running = [
                executor.submit(_case, str(path), str(bench.folder / "tested.npz"), *case) for case in cases
            ]
            for (name, compiler, level), future in zip(cases, running, strict=True):
                got = future.result()
                for what in totals:
                    totals[what] += got.get(what, 0)
                apart = max(apart, got["apart"])
                where = f"{family}, {name}, {compiler} {level}"
                figures[f"{where}: instructions per inference, largest"] = Figure(
                    got["instructions"], "instructions", "emulated", len(tested)
                )
                figures[f"{where}: flash"] = Figure(got["flash"], "B", "measured")
            bench.say(
                f"{family}: {totals['answers']} answers so far, {totals['differing bytes']} bytes differ"
            )
    figures["answers compared"] = Figure(totals["answers"], "answers", "emulated")
    figures["images"] = Figure(totals["images"], "images", "measured")
    figures["test items"] = Figure(totals["items"], "items", "measured")
    figures["calls counted by both emulators"] = Figure(totals["calls"], "calls", "emulated")
    figures["differing bytes"] = Figure(totals["differing bytes"], "B", "emulated", int(totals["answers"]))
    figures["counts apart, at most"] = Figure(apart, "instructions", "emulated", int(totals["calls"]))
    bars: list[Bar] = [
        at_most("bytes of answers that differ", totals["differing bytes"], 0),
        at_most("instructions per call by which the emulators differ", apart, CLOSE),
    ]
    return Outcome(figures, () if bench.quick else tuple(bars))


def _models(
    bench: Bench, executor: Executor, models: dict[str, dict[str, Any]]
) -> tuple[RawSequences, dict[str, Graph]]:
    """Return the raw words of all test items, and the trained graphs."""
    ground = arena(real_data(DATA), Budget(), 0, bench.folder / "work", executor, "cortex_m4")
    trained = {
        family: final(ground.problem, candidate_of({"family": family, "seed": 0, **settings}), RIDGE)
        for family, settings in models.items()
    }
    return ground.tested, trained


def _case(graph_path: str, tested_path: str, name: str, compiler: Name, level: str) -> dict[str, float]:
    """Return what one image said on both emulators."""
    graph = load_graph(Path(graph_path))
    with np.load(tested_path, allow_pickle=False) as file:
        tested = RawSequences(file["raw"], file["offsets"])
    core, truth = device(name), outputs(graph, tested)
    image = build(emit(graph), core, optimise=level, compiler=compiler)
    run = emulate(image, tested.listed())
    found: dict[str, float] = {
        "images": 1,
        "answers": len(tested),
        "differing bytes": _differing(truth, run.outputs),
        "instructions": float(run.inference_instructions.max()),
        "flash": image.flash_b,
        "apart": 0.0,
    }
    if core.emulator_cpu not in qemu.MACHINES:
        return found
    other = qemu.run(
        emit(graph), core, tested.listed(), model=graph.sha256, optimise=level, compiler=compiler
    )
    found["images"] += 1
    found["answers"] += len(tested)
    found["differing bytes"] += _differing(truth, other.heard.outputs)
    steps = other.instructions_per_step - run.step_instructions.astype(float)
    ends = other.instructions_per_predict - run.predict_instructions.astype(float)
    found["calls"] = len(steps) + len(ends)
    found["apart"] = float(max(np.abs(steps).max(), np.abs(ends).max()))
    return found


def _differing(mine: Outputs, other: Outputs) -> int:
    """Return how many bytes of classes and scores differ."""
    if mine.scores.shape != other.scores.shape:
        return max(mine.scores.nbytes, other.scores.nbytes)
    pairs = ((mine.classes, other.classes), (mine.scores, other.scores))
    return sum(x != y for a, b in pairs for x, y in zip(a.tobytes(), b.tobytes(), strict=True))
