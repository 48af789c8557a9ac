"""The three interpreters on one model: NumPy, the generated C on this host, the flashable image in the emulator.

`measure_model` runs all three, refuses any difference, and returns the evidence; `measure_folder` does it for a
finished output folder. Where the device is this host there are two: the program that is measured is the one that runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, Integer

from sarto.core.artifact import check_image, read_manifest
from sarto.core.device import AnyDevice, Host
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence, Ledger
from sarto.core.graph import Graph, Outcome, infer, interpret, items_of, load_graph
from sarto.core.progress import Talk
from sarto.core.table import Table
from sarto.deploy.c.network_header import lines_of
from sarto.deploy.c.program import image_sources, linker_script, native_sources
from sarto.deploy.lower.activation import activation_error
from sarto.devices import any_device, parse_device
from sarto.measure import zig
from sarto.measure.build import build
from sarto.measure.elf import check_reader
from sarto.measure.emulate import emulate
from sarto.measure.evidence import evidence
from sarto.measure.host import run_on_host
from sarto.measure.machine import emulator_modules
from sarto.measure.native import check_host, compile_native
from sarto.measure.outputs import Outputs, check_equal

PINNED = 256
"""RawSequences that run on the emulated device; all of them run on the host."""


def spread(total: int, most: int) -> Int[np.ndarray, " chosen"]:
    """Return at most `most` of the indices below `total`, ascending and spread evenly over all of them.

    >>> spread(10, 4)
    array([0, 3, 6, 9])
    """
    return np.unique(np.linspace(0, total - 1, min(most, total)).round().astype(int))


@dataclass(frozen=True, eq=False)
class RawSequences:
    """Raw sensor words of many sequences: item i is `raw[offsets[i]:offsets[i + 1]]`."""

    raw: Integer[np.ndarray, "row channel"]
    offsets: Int[np.ndarray, " item_plus_1"]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def __getitem__(self, index: int) -> Integer[np.ndarray, "step channel"]:
        if not 0 <= index < len(self):
            raise IndexError(index)
        return self.raw[self.offsets[index] : self.offsets[index + 1]]

    def pinned(self, most: int) -> RawSequences:
        """Return at most `most` sequences, spread evenly over all of them."""
        parts = [self[int(i)] for i in spread(len(self), most)]
        return RawSequences(np.concatenate(parts), np.concatenate([[0], np.cumsum([len(p) for p in parts])]))

    def listed(self) -> list[Integer[np.ndarray, "step channel"]]:
        """Return every sequence as a view."""
        return [self[i] for i in range(len(self))]


@dataclass(frozen=True, eq=False)
class Measured:
    """A model that was built, run and found equal on all interpreters.

    Attributes:
        outcome: what the NumPy interpreter says of every sequence.
        evidence: what it takes.
        memory: what each function, table and variable takes, as `Image.memory_map` gives it.
        peak_stack_b: of the deepest call.
        around: the files of the program around the model: name -> text.
    """

    outcome: Outcome
    evidence: tuple[Evidence, ...]
    memory: Table
    peak_stack_b: int
    around: Mapping[str, str]


def check_tools(device: AnyDevice) -> None:
    """Check that what measuring on `device` needs is installed, before long work starts.

    Raises:
        SartoError: E112, when it is this host, and runs another system than Linux; E301, naming the compiler, the
            emulator or the reader of object files that is missing.
    """
    if isinstance(device, Host):
        check_host()
        check_reader()
    else:
        emulator_modules()
    zig.version()


def outputs(graph: Graph, sequences: RawSequences) -> Outputs:
    """Return what the NumPy interpreter says of `sequences`, in the form that the C reports."""
    return _as_outputs(interpreted(graph, sequences), sequences, graph)


def interpreted(graph: Graph, sequences: RawSequences) -> Outcome:
    """Return what the NumPy interpreter says of `sequences`: streams, recordings, or the lines of whole items."""
    if not graph.whole:
        return interpret(graph, sequences.raw, sequences.offsets)
    return infer(graph, items_of(graph, sequences.raw, sequences.offsets))


def of_items(items: Integer[np.ndarray, "item ..."]) -> RawSequences:
    """Return whole items, in the shape of a graph's input, as the lines in which a device takes them.

    >>> of_items(np.arange(12).reshape(2, 3, 2, 1))[1].tolist(), of_items(np.arange(4).reshape(2, 2, 1))[1].tolist()
    ([[6, 7], [8, 9], [10, 11]], [[2], [3]])
    """
    lines, numbers = lines_of(items.shape[1:])
    return RawSequences(items.reshape(-1, numbers), np.arange(len(items) + 1) * lines)


def _as_outputs(outcome: Outcome, sequences: RawSequences, graph: Graph) -> Outputs:
    classes, scores = outcome.classes.astype(np.int32), outcome.scores.astype(np.int32)
    ended = np.zeros(len(sequences), bool)
    if graph.window is not None:
        ended = np.diff(sequences.offsets) == graph.window.length
    items = np.flatnonzero(ended)
    places = np.stack([items, np.diff(sequences.offsets)[items] - 1], axis=1).astype(np.int32)
    return Outputs(classes, scores, places, classes[items], scores[items])


def measure_model(
    graph: Graph,
    sources: Mapping[str, str],
    device: AnyDevice,
    sequences: RawSequences,
    *,
    optimise: str,
    command: str,
    flash_b: int | None = None,
    ram_b: int | None = None,
    on_device: int = PINNED,
    cache: Path | None = None,
) -> Measured:
    """Build and run the model, all `sequences` on the host and `on_device` of them in the emulator.

    Where the device is the host, its size, stack and time are measured on `on_device` of them.

    Args:
        graph: the integer network.
        sources: what `emit` made of it.
        device: to build for and to emulate, or the host.
        sequences: raw sensor words; where the graph has windows, each is one window.
        optimise: the compiler's level.
        command: that shows the evidence again.
        flash_b: flash that the linker is allowed; None for the device's.
        ram_b: RAM that the linker is allowed; None for the device's.
        on_device: sequences to emulate.
        cache: folder for what was built, and of a host for what was measured.

    Raises:
        SartoError: E202 or E203, when it does not fit; E402 on a fault; E403, when outputs differ.
    """
    outcome = interpreted(graph, sequences)
    truth = _as_outputs(outcome, sequences, graph)
    pinned = sequences.pinned(on_device)
    if isinstance(device, Host):
        program = compile_native(sources, device, optimise=optimise, cache=cache)
        said = program.outputs(sequences.listed())
        check_equal(truth, said, "the NumPy interpreter", f"the generated C on {device.name}")
        rows = program.evidence(pinned.listed(), command, graph.sha256)
        stack_b = program.stack_b(pinned.listed())
        every = (*rows, *_table_evidence(graph, command))
        return Measured(outcome, every, program.memory_map(), stack_b, native_sources())
    on_host = run_on_host(sources, sequences.listed())
    check_equal(truth, on_host, "the NumPy interpreter", "the generated C on this host")
    image = build(sources, device, optimise=optimise, flash_b=flash_b, ram_b=ram_b, cache=cache)
    run = emulate(image, pinned.listed())
    check_equal(outputs(graph, pinned), run.outputs, "the NumPy interpreter", f"the emulated {device.name}")
    rows = evidence(image, run, command=command, subject_sha256=graph.sha256)
    around = image_sources()
    script = linker_script(image.flash_allowed, image.ram_allowed, image.stack_b, around["link.ld"])
    every = (*rows, *_table_evidence(graph, command))
    return Measured(outcome, every, image.memory_map(), run.peak_stack_b, {**around, "link.ld": script})


def _table_evidence(graph: Graph, command: str) -> list[Evidence]:
    """Return size and error of the table of the activation, if there is one.

    The error is the largest difference over every argument that the device can form.
    """
    if "table" not in graph.by_name:
        return []
    name, error = activation_error(graph)
    tool = "every argument of the table, full scale 1"
    size = graph.by_name["table"].size_b
    return [
        Evidence(f"{name} table", size, "B", "measured", "graph", command, subject_sha256=graph.sha256),
        Evidence(f"{name} table error", error, "1", "measured", tool, command, subject_sha256=graph.sha256),
    ]


def read_pinned(out: Path) -> RawSequences:
    """Return the sequences that are run on the device, as the finished output folder `out` keeps them."""
    with np.load(out / "pinned.npz", allow_pickle=False) as file:
        return RawSequences(file["raw"], file["offsets"])


OWN_DEVICE = "device.toml"
"""In an output folder, the file of a device of the user's own."""


def device_of(out: Path, manifest: Mapping[str, Any], name: str | None = None) -> AnyDevice:
    """Return the device `name`, or that which the finished output folder `out` was made for.

    Raises:
        SartoError: E111 or E112 for a device; E112, when it has the name of the folder's own device and is another.
    """
    if OWN_DEVICE not in manifest["files"]:
        return any_device(name or str(manifest["device"]))
    own = parse_device(str(manifest["device"]), (out / OWN_DEVICE).read_text(encoding="utf-8"))
    if name is None or name == own.name:
        return own
    found = any_device(name)
    if found.name == own.name and found != own:
        raise SartoError(
            "E112",
            f"'{name}' is not the {own.name} that {out} was made for",
            cause=f"it differs from the copy in {out / OWN_DEVICE}",
            hint="leave --device out, or rename the file",
        )
    return found


def measure_folder(out: Path, name: str | None, talk: Talk) -> list[Evidence]:
    """Build and run the model of a finished output folder again, and append the evidence to its ledger.

    Args:
        out: the folder.
        name: the device, or the path of a file of the user's; None for the folder's own. The evidence of another one is
            named after it, `flash on NAME`.
        talk: hears one step.

    Raises:
        SartoError: E112, when the model is stored only; E114, when `out` is no output folder, or its graph is not the
            one of its manifest; otherwise as `measure_model`.
    """
    manifest = read_manifest(out)
    check_image(out, manifest)
    graph, device = load_graph(out / "graph.npz"), device_of(out, manifest, name)
    check_tools(device)
    sources = {file: (out / file).read_text(encoding="utf-8") for file in ("model.c", "model.h")}
    sequences = read_pinned(out)
    command = f"sarto measure {out} --device {name or device.name}"
    with talk.stage("measure", 1) as stage:
        measured = measure_model(
            graph, sources, device, sequences, optimise=manifest["optimise"], command=command
        )
        stage.advance(1, device.name)
    rows = list(measured.evidence)
    if graph.groups > 1:
        from sarto.measure.widths import widths_evidence

        rows += widths_evidence(
            graph, sources, device, sequences, optimise=manifest["optimise"], command=command
        )
    if device.name != manifest["device"]:
        rows = [replace(row, what=f"{row.what} on {device.name}") for row in rows]
    Ledger(out / "evidence.jsonl").append(*rows)
    return rows
