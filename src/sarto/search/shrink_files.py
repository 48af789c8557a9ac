"""Writes the output folder of `sarto compress`: beside the network in its file, all that the report reads.

The verdict is written last, so that a folder that has one is whole. `records.json` has the hashes of what tells about
the run, and the manifest those of the file and of the integer network where there is one. Its target is `storage`: the
bytes of the file are judged, and no code runs it.
"""

from __future__ import annotations

import json
import resource
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Int

from sarto import __version__
from sarto.compress.container import MOST_B, Contents, read
from sarto.core.artifact import FORMAT, NAME, record, seal
from sarto.core.budget import Verdict
from sarto.core.device import STORAGE
from sarto.core.evidence import Evidence
from sarto.core.graph import save_arrays
from sarto.core.points import OperatingPoint
from sarto.core.recipe import Recipe
from sarto.core.store import file_sha256, write_atomic
from sarto.core.table import Table
from sarto.data.examples import Examples
from sarto.data.source import source_sha256
from sarto.deploy.c.network_header import lines_of
from sarto.measure.making import Meter, Spent, cost_rows, making_evidence
from sarto.measure.model import OWN_DEVICE, Measured, RawSequences, of_items
from sarto.measure.quality import class_table, confusion, confusion_table, group_table
from sarto.models.network.architecture import Architecture
from sarto.search.claimed import made_with
from sarto.search.memory_tables import memory_tables
from sarto.search.predicted import PREDICTIONS, named, predictions_csv
from sarto.search.shrink_folder import FILE, GRAPH, ShrinkRequest, as_json
from sarto.search.shrink_image import Images

if TYPE_CHECKING:
    from sarto.deploy.lower.network import Lowered
    from sarto.learn.loop import History

OBJECTIVES = ("validation error", "flash")
OF_IMAGES = ("validation error", "flash", "ram")
OF_WIDTHS = ("validation error", "instructions per inference")
"""All widths take the same memory. On a computer, which counts no instructions, those of an image."""
PACKAGES = ("numpy", "torch", "onnx", "safetensors")


@dataclass
class Effort:
    """What the work took so far: time since it began, energy, and the largest memory."""

    began: float = field(default_factory=time.monotonic)
    began_cpu: float = field(default_factory=time.process_time)
    meter: Meter = field(default_factory=Meter)

    def taken(self) -> dict[str, Any]:
        """Return seconds, processor seconds and bytes of memory, as the provenance has them."""
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        return {
            "seconds": time.monotonic() - self.began,
            "cpu_s": time.process_time() - self.began_cpu,
            "peak_memory_b": most,
        }


@dataclass(frozen=True, eq=False)
class Shrunk:
    """All that the folder tells of.

    Attributes:
        request: what was asked for.
        given: what the network computed that was given.
        parts: examples that were learned from, validated on, and tested on.
        how: the split of the test items.
        guess: class of each test item, by the file.
        given_guess: class of each test item, by the network given.
        verdict: on the file.
        points: the network on its way, or as the trials left it.
        chosen: name of the point that the file is.
        evidence: of the file, and of the network given.
        bytes: the table of the file's bytes.
        recipe: the steps.
        curves: what each tuning saw, with the step that it belongs to.
        remarks: on how the network was read.
        effort: that it took.
        trials: recipes that were tried.
    """

    request: ShrinkRequest
    given: Architecture
    parts: tuple[Examples, Examples, Examples]
    how: str
    guess: Int[np.ndarray, " item"]
    given_guess: Int[np.ndarray, " item"]
    verdict: Verdict
    points: Sequence[OperatingPoint]
    chosen: str
    evidence: Sequence[Evidence]
    bytes: Table
    recipe: Recipe
    curves: Sequence[tuple[str, History]]
    remarks: tuple[str, ...]
    effort: Effort
    trials: int = 1
    image: Image | None = None


@dataclass(frozen=True, eq=False)
class Image:
    """The image of a network: what built it, its integers, what was measured, and of how many items on the device."""

    images: Images
    lowered: Lowered
    measured: Measured
    on_device: int

    def files(self, test: Examples) -> tuple[dict[str, str], RawSequences]:
        """Return the sources of the program, and the items that the device ran."""
        sources = {**self.measured.around, **self.images.sources(self.lowered)}
        return sources, of_items(self.lowered.given(test)).pinned(self.on_device)


def write_shrunk(run: Shrunk) -> tuple[Evidence, ...]:
    """Write everything but the file and the integer network, which are there; return all evidence."""
    out = run.request.out
    names = [FILE, GRAPH]
    if run.image is not None:
        sources, pinned = run.image.files(run.parts[2])
        if run.request.device and run.request.device.endswith(".toml"):
            sources[OWN_DEVICE] = Path(run.request.device).read_text(encoding="utf-8")
        for name, text in sources.items():
            write_atomic(out / name, text)
        save_arrays({"raw": pinned.raw, "offsets": pinned.offsets}, out / "pinned.npz")
        names += [*sources, "pinned.npz"]
    hashes = {name: file_sha256(out / name) for name in sorted(names) if (out / name).is_file()}
    front = {
        "points": [p.to_json() for p in run.points],
        "chosen": run.chosen,
        "objectives": list(_objectives(run)),
    }
    taken = run.effort.taken()
    spent = Spent(taken["seconds"], taken["cpu_s"], *run.effort.meter.taken())
    made = making_evidence(spent, run.request.assumed, run.request.command, hashes[FILE])
    evidence = (*run.evidence, *made)
    lines = "".join(json.dumps(e.to_json(), sort_keys=True) + "\n" for e in evidence)
    records = {
        "recipe.json": as_json(run.recipe.to_json()),
        "evidence.jsonl": lines,
        "front.json": as_json(front),
        "tables.json": as_json([t.to_json() for t in _tables(run, taken, cost_rows(made))]),
        "provenance.json": as_json(_provenance(run, taken)),
        PREDICTIONS: _predictions(run),
        NAME: as_json(seal(_manifest(run, hashes))),
        "verdict.json": as_json(run.verdict.to_json()),
    }
    record(out, records)
    for name, text in records.items():
        write_atomic(out / name, text)
    return evidence


def _objectives(run: Shrunk) -> tuple[str, ...]:
    if run.image is None:
        return OBJECTIVES
    counted = all(any(e.what == OF_WIDTHS[1] for e in point.evidence) for point in run.points)
    return OF_WIDTHS if run.image.lowered.graph.groups > 1 and counted else OF_IMAGES


def _predictions(run: Shrunk) -> str:
    """Return what the file and the network given say of every test item."""
    test = run.parts[2]
    assert test.rows is not None
    target, said, given = (named(test.classes, found) for found in (test.y, run.guess, run.given_guess))
    return predictions_csv(test.rows, target, said, given)


def _manifest(run: Shrunk, hashes: dict[str, str]) -> dict[str, Any]:
    name = stem(run.request.model)
    found = read(run.request.out / FILE, MOST_B)
    steps = ", ".join(step.method for step in run.recipe.steps)
    integers = f", which computes in integers ({GRAPH})" if GRAPH in hashes else ""
    if run.image is not None:
        integers = f" and an image for {run.image.images.device.name}, in integers"
    return {
        "format": FORMAT,
        "sarto": __version__,
        "name": name,
        "summary": f"The network {name}, shrunk by {steps} into one file{integers}.",
        "model": {"network": name, **_counts(run.given, found)},
        **_place(run),
        "window": None,
        "task": "classification",
        "classes": list(run.parts[0].classes),
        "outputs": [],
        "files": hashes,
    }


def _place(run: Shrunk) -> dict[str, Any]:
    """Return what the network is for, and what it takes there."""
    items: dict[str, Any] = {"shape": list(run.parts[0].shape), "type": str(run.parts[0].x.dtype)}
    if run.image is None:
        return {"device": STORAGE, "target": STORAGE, "input": items}
    images, lowered = run.image.images, run.image.lowered
    (given,) = lowered.graph.kind("input")
    lines, numbers = lines_of(given.shape)
    there = {"word": given.dtype, "count": lowered.scale, "lines": lines, "numbers": numbers}
    if images.front is not None:
        items = {"shape": [given.shape[0]], "type": given.dtype, "front_end": asdict(images.front.made)}
    about = {"device": images.device.name, "target": images.device.target, "optimise": images.optimise}
    return {**about, "input": {**items, **there}}


def _counts(given: Architecture, found: Contents) -> dict[str, int]:
    """Return how large the network given was, and what the file has of it."""
    weights = [value for name, value in found.arrays().items() if name.endswith(".weight")]
    return {
        "parameters_given": given.size,
        "parameters_in_file": found.architecture.size,
        "weights_in_file": sum(value.size for value in weights),
        "weights_not_0": sum(int(np.count_nonzero(value)) for value in weights),
    }


def _tables(
    run: Shrunk, taken: dict[str, Any], energy: tuple[tuple[str, float, str, str], ...]
) -> list[Table]:
    test = run.parts[2]
    counts = confusion(test.y, run.guess, test.classes)
    tables = [run.bytes, confusion_table(counts, test.classes), class_table(counts, test.classes)]
    if test.groups is not None:
        tables.append(group_table(test.y, run.guess, test.groups))
    if run.curves:
        tables.append(training_table(run.curves))
    if run.image is not None:
        judged = OperatingPoint(run.chosen, {}, tuple(run.evidence))
        tables += memory_tables(run.image.measured, judged, run.image.lowered.graph)
    cost = (
        ("recipe and test, wall time", taken["seconds"], "s", "measured"),
        ("recipe and test, processor time", taken["cpu_s"], "s", "measured"),
        ("peak memory of the process", taken["peak_memory_b"], "B", "measured"),
        *energy,
    )
    return [
        *tables,
        Table("cost", ("what", "value", "unit", "how"), ("", "", "", ""), cost, ("", "", "", "")),
    ]


def training_table(curves: Sequence[tuple[str, History]]) -> Table:
    """Return a row for each pass of each tuning; what was not validated is empty: the first passes, or all."""
    rows: list[tuple[float | int | str, ...]] = []
    for number, (step, seen) in enumerate(curves, 1):
        unseen = len(seen.loss) - len(seen.validation_loss)
        for i, loss in enumerate(seen.loss):
            judged = (
                ("", "")
                if i < unseen
                else (seen.validation_loss[i - unseen], seen.validation_accuracy[i - unseen])
            )
            rows.append((number, step, i + 1, loss, *judged))
    columns = ("tuning", "step", "pass", "loss", "validation loss", "validation accuracy")
    return Table(
        "training", columns, ("", "", "", "1", "1", "1"), tuple(rows), ("", "", "", *["measured"] * 3)
    )


def _provenance(run: Shrunk, taken: dict[str, Any]) -> dict[str, Any]:
    train, held, test = run.parts
    y = np.concatenate([part.y for part in run.parts])
    groups = None
    if train.groups is not None:
        groups = len({str(g) for part in run.parts if part.groups is not None for g in part.groups.tolist()})
    return {
        "command": run.request.command,
        "seed": run.request.seed,
        "versions": made_with([*PACKAGES, *(["ziglang", "unicorn"] if run.image is not None else [])]),
        "data": {
            "name": stem(run.request.data),
            "source": run.request.data,
            "sha256": source_sha256(run.request.data),
            "items": len(y),
            "classes": {name: int((y == i).sum()) for i, name in enumerate(train.classes)},
            "groups": groups,
            "group_name": None if groups is None else "group",
        },
        "split": {
            "how": f"{run.how}, {len(held)} of the others to validate",
            "train": len(train),
            "test": len(test),
            "test_sha256": test.sha256,
        },
        "search": {"trials": run.trials, "batches": 1, "workers": 1, "threads": run.request.threads, **taken},
        "remarks": list(run.remarks),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def stem(text: str) -> str:
    """Return the name of a file without folders and ending, or a name as it is.

    >>> stem("nets/net.onnx"), stem("nets/net.py:make"), stem("lenet300")
    ('net', 'net.py:make', 'lenet300')
    """
    name = text.replace("\\", "/").rpartition("/")[2]
    return name if ":" in name else Path(name).stem
