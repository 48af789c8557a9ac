"""Learning on an emulated device: the run of an image that learns, held to its NumPy definition in every bit.

`learn_emulated` feeds labelled sequences to the example program of `deploy.c.learn`, and compares each answer, and all
that the learner keeps at the end, with `expected`. It returns what the image takes, all of it together:

    together = flash + static RAM + peak stack

Instructions of an update are the difference of two runs, with the labels and without.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from jaxtyping import Int, Int32, Integer

from sarto.core.artifact import check_image, read_manifest
from sarto.core.device import STORAGE, Host
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.graph import Graph, load_graph, trace
from sarto.core.graph.interpreter import vectors
from sarto.deploy.c.emit import said_of
from sarto.deploy.c.learn import Learning, beginning_of, check_learns, emit_learning, learning_graph
from sarto.deploy.c.program import image_sources, linker_script
from sarto.deploy.memory import arena
from sarto.learn.integer_rls import Beginning, IntegerRLS
from sarto.measure.build import build
from sarto.measure.emulate import MOST_INSTRUCTIONS
from sarto.measure.image import Image
from sarto.measure.machine import Machine
from sarto.measure.model import RawSequences, device_of, interpreted, read_pinned
from sarto.measure.probe import PREDICT

UNKNOWN = -1
"""Instead of a label, of a sequence that nothing is learned from."""
SHOWN = 32
"""Sequences of a finished folder that its learner is run on."""


@dataclass(frozen=True, eq=False)
class Expected:
    """What a device that learns must say.

    Attributes:
        rows: sequence, step or -1 at its end, class, scores; as the board is told.
        words: that the learner keeps at the end.
        updates: how often it learned.
    """

    rows: Int[np.ndarray, "answer column"]
    words: Int32[np.ndarray, " word"]
    updates: int


@dataclass(frozen=True, eq=False)
class Learned:
    """What was seen, once every bit was as expected.

    Attributes:
        rows: answers, as `Expected` has them.
        peak_stack_b: of the deepest call.
        answer_instructions: of `model_predict` of each sequence, largest.
        update_instructions: of one update, the mean.
        updates: how many there were.
        tool: emulator and core.
    """

    rows: Int32[np.ndarray, "answer column"]
    peak_stack_b: int
    answer_instructions: int
    update_instructions: float
    updates: int
    tool: str


def expected(
    graph: Graph, beginning: Beginning, sequences: RawSequences, labels: Int[np.ndarray, " item"]
) -> Expected:
    """Return what a device must say of `sequences`, each answered and then learned, and what it then keeps.

    Args:
        graph: with the readout as it was fitted.
        beginning: what the learner knows at first.
        sequences: raw words; where the graph has windows, each at most one window, and learned only if it is whole.
        labels: class of each, or -1.
    """
    learner = IntegerRLS(beginning)
    found = vectors(graph, trace(graph, sequences.raw, sequences.offsets))
    window = None if graph.window is None else graph.window.length
    rows: list[list[int]] = []
    updates = 0
    for item, (vector, label) in enumerate(zip(found, labels.tolist(), strict=True)):
        (scores,) = learner.scores(vector[None]).tolist()
        steps = len(sequences[item])
        assert window is None or steps <= window, "a sequence is one window at most"
        answer = [scores.index(max(scores)), *scores]
        if window is not None and steps == window:
            rows.append([item, window, *answer])
        rows.append([item, -1, *answer])
        if label >= 0 and window in (None, steps):
            learner.learn(vector, label)
            updates += 1
    return Expected(np.array(rows, np.int64), learner.words, updates)


def labelled(sequences: RawSequences, labels: Int[np.ndarray, " item"]) -> list[Integer[np.ndarray, "_ _"]]:
    """Return `sequences` as the example program takes them: a sample before each, whose first word is its label."""
    found: list[Integer[np.ndarray, "_ _"]] = []
    for sequence, label in zip(sequences.listed(), labels.tolist(), strict=True):
        first = np.zeros((1, sequence.shape[1]), sequence.dtype)
        first[0, 0] = label
        found.append(np.concatenate([first, sequence]))
    return found


def learn_emulated(
    image: Image,
    graph: Graph,
    beginning: Beginning,
    sequences: RawSequences,
    labels: Int[np.ndarray, " item"],
) -> Learned:
    """Run `image` on labelled sequences, and return what was seen.

    Args:
        image: of the sources that `emit_learning` returned for `graph` and `beginning`.
        graph: with the readout as it was fitted.
        beginning: what the learner knows at first.
        sequences: raw words, see `expected`.
        labels: class of each, or -1.

    Raises:
        SartoError: E402, when the program reads RAM that it never wrote; E403, when a bit differs; else as `Machine`.
    """
    wanted, given = expected(graph, beginning, sequences, labels), labelled(sequences, labels)
    machine = _run(image, given)
    _check(wanted, machine, graph, beginning)
    silent = _run(image, labelled(sequences, np.full(len(labels), UNKNOWN)))
    items = 1
    while (peak_b := _stack_b(machine, given[:items])) < machine.written_stack_b():
        assert items < len(given), "the stack was written below the stack pointer"
        items = min(2 * items, len(given))
    return Learned(
        machine.results(),
        peak_b,
        int(machine.instructions(PREDICT).max()),
        (machine.probe.total - silent.probe.total) / max(wanted.updates, 1),
        wanted.updates,
        machine.tool,
    )


def learn_folder(
    out: Path, learning: Learning, *, command: str = "", cache: Path | None = None
) -> tuple[dict[str, str], list[Evidence]]:
    """Return the sources of the model in `out` as one that learns, and what it takes on its device, after running it.

    Mean and spread of the features, and the sequences that it is run on, are those that the folder keeps. What it
    learns there is what the fitted model says of them.

    Args:
        out: a folder that `sarto fit` finished.
        learning: how it learns.
        command: that shows the evidence again.
        cache: a folder in which to keep what was built.

    Returns:
        `model.c`, `model.h`, `learn.c`, `learn.h`, `main.c`, `link.ld`; and the evidence `flash`, `static ram`,
        `peak stack`, `flash, static ram and peak stack`, `instructions per update` (mean), `instructions per answer`
        (largest).

    Raises:
        SartoError: E114, when `out` is no output folder; E167, for a model that cannot learn on a device; else as
            `build` and `learn_emulated`.
    """
    manifest = read_manifest(out)
    core = None if manifest.get("target") == STORAGE else device_of(out, manifest)
    if core is None or isinstance(core, Host):
        raise SartoError(
            "E167",
            "the model cannot learn on the device",
            cause="it was made for storage"
            if core is None
            else f"it was made for {core.name}, not for one to flash",
            hint="fit it for a device of `sarto devices`",
        )
    check_image(out, manifest)
    graph, every = load_graph(out / "graph.npz"), read_pinned(out)
    check_learns(graph)
    own = {name: (out / name).read_text(encoding="utf-8") for name in ("model.c", "model.h")}
    seen = vectors(graph, trace(graph, every.raw, every.offsets))
    beginning = beginning_of(graph, learning, seen)
    sources = emit_learning(graph, beginning, *said_of(own))
    try:
        image = build(sources, core, optimise=str(manifest["optimise"]), cache=cache)
    except SartoError as error:
        raise too_large(error, beginning, core.ram.size_b) from None
    template = image_sources()["link.ld"]
    sources["link.ld"] = linker_script(image.flash_allowed, image.ram_allowed, image.stack_b, template)
    given = every.pinned(SHOWN)
    run = learn_emulated(image, graph, beginning, given, interpreted(graph, given).classes)
    return sources, _evidence(image, run, len(given), command, graph.sha256)


def too_large(error: SartoError, beginning: Beginning, ram_b: int) -> SartoError:
    """Return `error` with what a learner takes, where it is of memory."""
    if error.code not in ("E202", "E203"):
        return error
    most = beginning.features
    while most > 1 and 4 * replace(beginning, features=most).words > ram_b:
        most -= 1
    cause = (
        f"{error.cause}; {4 * beginning.words} B of RAM are what is learned of {beginning.features} features and "
        f"{beginning.classes} classes, which grows with the square of the features"
    )
    hint = f"fit a model of fewer features, such as with a smaller --flash; this RAM holds what {most} need, at most"
    return SartoError(error.code, error.message, cause=cause, hint=hint)


def _evidence(image: Image, run: Learned, items: int, command: str, subject: str) -> list[Evidence]:
    linked, learned = (
        f"ELF of {image.toolchain}",
        f"{run.tool}, {run.updates} updates, equal to NumPy in every bit",
    )
    together_b = image.flash_b + image.static_ram_b + run.peak_stack_b

    def row(what: str, value: float, unit: str, measured: bool = False, n: int = items) -> Evidence:
        how, tool = ("measured", linked) if measured else ("emulated", learned)
        return Evidence(what, value, unit, how, tool, command, n, subject_sha256=subject)

    return [
        row("flash", image.flash_b, "B", measured=True, n=1),
        row("static ram", image.static_ram_b, "B", measured=True, n=1),
        row("peak stack", run.peak_stack_b, "B"),
        row("flash, static ram and peak stack", together_b, "B"),
        row("instructions per update", run.update_instructions, "instructions", n=run.updates),
        row("instructions per answer", run.answer_instructions, "instructions"),
    ]


def _run(image: Image, given: Sequence[Integer[np.ndarray, "_ _"]]) -> Machine:
    machine = Machine(image, given, "block", MOST_INSTRUCTIONS)
    machine.run()
    return machine


def _check(wanted: Expected, machine: Machine, graph: Graph, beginning: Beginning) -> None:
    name, said = machine.image.device.name, machine.results()
    kept = learner_of(machine.variable("arena"), graph, beginning)
    for what, mine, other in (("answers", wanted.rows, said), ("words of the learner", wanted.words, kept)):
        if np.array_equal(mine, other):
            continue
        counts = f"{len(mine)} {what} against {len(other)}"
        if mine.shape == other.shape:
            unequal = np.flatnonzero((mine != other).reshape(len(mine), -1).any(axis=1))
            counts = f"{len(unequal)} of {len(mine)} {what}, the first is number {unequal[0]}"
        raise SartoError(
            "E403",
            f"the NumPy definition of learning and the emulated {name} disagree",
            cause=counts,
            hint="this is a fault of sarto: please report it with the output folder",
        )


def learner_of(content: bytes, graph: Graph, beginning: Beginning) -> Int32[np.ndarray, " word"]:
    """Return the words of the learner in the bytes of an arena of `emit_learning`."""
    return np.frombuffer(content, "<i4", beginning.words, learner_at(graph, beginning))


def learner_at(graph: Graph, beginning: Beginning) -> int:
    """Return how many bytes lie before the learner in an arena of `emit_learning`."""
    plan = arena(learning_graph(graph, beginning))
    widest = max(m.width_b for m in plan.shared)
    names = [m.name for m in plan.shared]
    before = plan.shared[: names.index("learner")]
    return -(-plan.banks * plan.bank_b // widest) * widest + sum(m.size_b for m in before)


def _stack_b(counted: Machine, given: Sequence[Integer[np.ndarray, "_ _"]]) -> int:
    """Return the stack depth over `given`, counted one by one; answers must be those of `counted`."""
    single = Machine(counted.image, given, "instruction", MOST_INSTRUCTIONS)
    single.run()
    said = single.results()
    if not np.array_equal(said, counted.results()[: len(said)]):
        raise SartoError(
            "E402",
            f"the program reads RAM that it never wrote, on the emulated {counted.image.device.name}",
            cause="its answers change with what the RAM held before reset",
            hint="if you edited the generated files, undo that; else this is a fault of sarto: please report it",
        )
    return single.pointed_stack_b()
