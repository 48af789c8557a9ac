"""Evidence from a board: the project with the harness, and what the harness said, held to the model that it ran.

`project_files` returns the project of `sarto deploy --to cmake`, `measure_from_board` reads what its harness said and
returns the evidence. A board of silicon gives *measured* cycles, an emulator gives *emulated* ticks of its timer: the
board's identity decides, see `measure.identity`. Time and energy are estimated from the cycles, and only where the
device file has what they need:

    latency = cycles per inference / clock
    energy  = cycles per inference * energy per cycle
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from sarto.core.artifact import check_image, read_manifest
from sarto.core.device import AnyDevice, Host
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence, Ledger
from sarto.core.graph import Graph, load_graph
from sarto.deploy.c.emit import arena_b
from sarto.deploy.c.program import inputs_hash
from sarto.deploy.c.project import cmake_project, harness_stack_b, native_project
from sarto.deploy.memory import tables_b
from sarto.measure.board import Heard
from sarto.measure.evidence import estimates, ranged
from sarto.measure.identity import Identity
from sarto.measure.model import RawSequences, device_of, outputs, read_pinned
from sarto.measure.outputs import check_equal

MOST_SEQUENCES = 32
"""That the harness runs: everything it says goes through a debugger."""
CODE_B = 16384
"""Flash that is kept free of inputs, for the code of the model and of the harness; they take some 3 to 8 kB."""
MOST_TEXT_B = 1 << 28
"""Of a file that a board said; every step of the harness is a line of some 30 bytes."""


def project_files(out: Path, manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the files of the CMake project of the finished folder `out` that are not in it; a host has no harness.

    Raises:
        SartoError: E112, when there is no GCC for the device; E202, when it has no room for the harness's inputs.
    """
    graph, core = load_graph(out / "graph.npz"), device_of(out, manifest)
    if isinstance(core, Host):
        return native_project(core, manifest["optimise"])
    (given,) = graph.kind("input")
    word_b = np.dtype(given.dtype).itemsize
    memory = arena_b(graph)
    left_b = core.flash.size_b - tables_b(graph) - CODE_B
    inputs = harness_inputs(read_pinned(out), word_b, left_b)
    return cmake_project(
        core, manifest["optimise"], inputs.listed(), graph.sha256, harness_stack_b(core.ram, memory)
    )


def harness_inputs(sequences: RawSequences, word_b: int, flash_b: int) -> RawSequences:
    """Return the sequences that the harness runs: spread over all of them, as many as fit into flash.

    When not even one fits, it is the beginning of the first one.

    Args:
        sequences: raw sensor words.
        word_b: bytes of one word.
        flash_b: flash that is left for them.

    Raises:
        SartoError: E202, when not even one step fits.
    """
    for count in range(min(MOST_SEQUENCES, len(sequences)), 0, -1):
        chosen = sequences.pinned(count)
        if chosen.raw.size * word_b <= flash_b:
            return chosen
    step_b = sequences.raw.shape[1] * word_b
    if flash_b < step_b:
        raise SartoError(
            "E202",
            f"the flash has no room for inputs of the harness: {max(flash_b, 0)} B < {step_b} B",
            cause="one step of a sequence, beside the model and the harness",
            hint="deploy with --to c, or choose a smaller model",
        )
    return _beginning(sequences, flash_b // step_b)


def _beginning(sequences: RawSequences, steps: int) -> RawSequences:
    first = sequences[0][:steps]
    return RawSequences(first, np.array([0, len(first)]))


def measure_from_board(out: Path, said: Path) -> list[Evidence]:
    """Append to the ledger of `out` what a board said of its model, and return it.

    Args:
        out: a finished output folder.
        said: file with what the harness printed.

    Raises:
        SartoError: E101 or E103, when the file cannot be read, or is about another model or other inputs; E114, when
            `out` is no output folder; E117, when the board cannot be told from an emulator; E403, when its answers
            differ from the interpreter's.
    """
    manifest = read_manifest(out)
    check_image(out, manifest)
    graph, heard = load_graph(out / "graph.npz"), Heard.read(_text(said))
    identity = heard.identity
    if heard.model != graph.sha256:
        raise SartoError(
            "E103",
            f"'{said}' is about another model",
            cause=f"it is {heard.model[:16]}, and that of {out} {graph.sha256[:16]}",
            hint="build and run the harness that `sarto deploy --to cmake` makes of this folder",
        )
    truth = outputs(graph, _inputs_of(read_pinned(out), heard, said))
    check_equal(truth, heard.outputs, "the NumPy interpreter", f"the board ({identity.words})")
    own = device_of(out, manifest)
    rows = _evidence(graph, heard, identity, own, f"sarto measure {out} --from-board {said}")
    Ledger(out / "evidence.jsonl").append(*rows)
    return rows


def _text(path: Path) -> str:
    try:
        if path.exists() and not path.is_file():
            raise OSError(0, "it is no file")
        if path.stat().st_size > MOST_TEXT_B:
            raise SartoError(
                "E103",
                f"'{path}' is too large to be what a board said",
                cause=f"it has more than {MOST_TEXT_B} B",
                hint="give the file with the harness's lines",
            )
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise SartoError(
            "E101",
            f"'{path}' cannot be read",
            cause=error.strerror or type(error).__name__,
            hint="give the file with the harness's lines",
        ) from error


def _inputs_of(pinned: RawSequences, heard: Heard, said: Path) -> RawSequences:
    """Return the sequences that the board ran."""
    count = len(heard.predicts)
    choices = [pinned.pinned(count)] if count <= len(pinned) else []
    if count == 1:
        choices.append(_beginning(pinned, len(heard.steps)))
    for choice in choices:
        if inputs_hash(choice.listed()) == heard.inputs:
            if np.diff(choice.offsets).tolist() != heard.lengths.tolist():
                raise SartoError(
                    "E103",
                    f"'{said}' is cut short",
                    cause=f"it has {len(heard.steps)} lines 'step', and the inputs {len(choice.raw)} steps",
                    hint="give all that the harness printed, from its first line to the line 'end'",
                )
            return choice
    raise SartoError(
        "E103",
        f"'{said}' is about other inputs",
        cause=f"it has {count} sequences with the hash {heard.inputs[:16]}",
        hint="keep inputs.c and inputs.h of the harness as `sarto deploy --to cmake` wrote them",
    )


def _evidence(graph: Graph, heard: Heard, identity: Identity, own: AnyDevice, command: str) -> list[Evidence]:
    silicon, same = (
        identity.how == "measured",
        identity.core == own.title.removeprefix("Arm ").partition(" ")[0],
    )
    unit = "cycles" if silicon else "ticks"
    place = "in QEMU" if not silicon else "on a board" if same else f"on a board with a {identity.core}"
    tool = f"{identity.words}, {heard.counter}"

    def counted(what: str, counts: Int[np.ndarray, " call"]) -> Evidence:
        return ranged(f"{unit} per {what} {place}", counts, unit, identity.how, tool, command, graph.sha256)

    rows = [counted("sample", heard.steps)] if len(heard.steps) else []
    rows.append(counted("inference", heard.inferences))
    if not (silicon and same) or heard.counter == "mcycle":  # marchid does not tell the part, nor its clock
        return rows
    return [*rows, *(replace(row, what=f"{row.what} {place}") for row in estimates(own, rows[-1]))]
