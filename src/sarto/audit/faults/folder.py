"""Campaigns on a finished output folder: on its integer graph, its image, and the container of a stored network.

`audit_folder` returns a report of each. Of the inputs that the folder keeps (`pinned.npz`, or those that are given) the
graph is judged on as many as hold `VALUES` numbers in the interpreter, the image on as many as run in the emulator in
`RUN` instructions, evenly spread and at least two: a campaign with the default plan takes under a minute on one core.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from sarto.audit.faults.campaign import Plan, run
from sarto.audit.faults.container import ContainerSpace
from sarto.audit.faults.graph import PARTS, GraphSpace
from sarto.audit.faults.image import ImageSpace
from sarto.audit.faults.model import BYTES, FLIP, Fault
from sarto.audit.faults.report import Report
from sarto.core.artifact import read_manifest
from sarto.core.device import STORAGE, Device, Host
from sarto.core.errors import SartoError
from sarto.core.graph import Graph, load_graph
from sarto.core.graph.whole import width
from sarto.core.progress import Talk
from sarto.deploy.guard import Guards
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.guard import build_guarded
from sarto.measure.model import RawSequences, device_of, read_pinned

Where = Literal["graph", "image", "container"]
WHERE: tuple[Where, ...] = get_args(Where)
RUN = 2_000_000
"""Instructions without a fault that one fault of an image may take: some 30 ms here."""
VALUES = 500_000
"""Intermediate results of the interpreter that one fault of a graph may take."""
DEFAULT = Plan(by="network", error=0.05, confidence=0.95)
"""Some 400 faults at most of flash, and of RAM."""
_CONTAINER = "network.sarto"


def audit_folder(
    out: Path,
    where: Sequence[Where] | None = None,
    *,
    plan: Plan = DEFAULT,
    fault: Fault = FLIP,
    sequences: RawSequences | None = None,
    executor: Executor | None = None,
    talk: Talk | None = None,
    cache: Path | None = None,
    command: str = "",
    raw_fit_per_mbit: float | None = None,
    guards: Guards | None = None,
) -> list[Report]:
    """Return the reports on faults of the model in `out`.

    Args:
        out: a folder that `sarto fit` or `sarto compress` finished.
        where: what is faulty; None is everything that the folder has and that `fault` suits.
        plan: how sure to be.
        fault: of what kind.
        sequences: raw words to see the faults by; None takes those that the folder keeps.
        executor: judges pieces of work side by side.
        talk: hears progress.
        cache: folder in which to keep what was judged.
        command: that shows the evidence again.
        raw_fit_per_mbit: failures of 10^6 bits in 10^9 hours; None leaves FIT and MTTF out.
        guards: that the image is built with; their own bits are exposed like any.

    Raises:
        SartoError: E114, when `out` is no output folder; E148, when it has nothing of `where`, as a stored network
            has no inputs of its own to see a graph by; E301 without a compiler
            or the emulator, where an image is faulty; else as `campaign.run`.
    """
    manifest = read_manifest(out)
    stored = manifest.get("target") == STORAGE
    known: list[Where] = ["container"] if stored else []
    if "graph.npz" in manifest["files"] and (sequences or not stored):
        known.append("graph")
    device = None if stored else device_of(out, manifest)
    if device is not None and not isinstance(device, Host):
        known.append("image")
    if where is None:
        wanted = [w for w in known if w == "graph" or fault.pattern in BYTES]
    else:
        wanted = list(where)
    if missing := [w for w in wanted if w not in known]:
        raise SartoError(
            "E148",
            f"{out} has no {missing[0]} that could be faulty",
            cause=f"it holds a model for {manifest['device']}" if device else "it holds a stored network",
            hint=f"it has: {', '.join(known)}",
        )
    found: list[Report] = []
    for place in wanted:
        if place == "container":
            space, subject = (
                ContainerSpace((out / _CONTAINER).read_bytes(), None, fault),
                str(manifest["sha256"]),
            )
        else:
            graph, given = load_graph(out / "graph.npz"), sequences or read_pinned(out)
            subject = graph.sha256
            if place == "graph":
                few = given.pinned(max(2, VALUES // _values(graph, given)))
                space = GraphSpace(graph, few.raw, few.offsets, PARTS, fault)
            else:
                assert device is not None and not isinstance(device, Host)
                space = image_space(out, device, graph, given, guards=guards, fault=fault, cache=cache)
        found.append(
            run(
                space,
                plan,
                executor=executor,
                talk=talk,
                cache=cache,
                command=command,
                subject_sha256=subject,
                raw_fit_per_mbit=raw_fit_per_mbit,
            )
        )
    return found


def image_space(
    out: Path,
    device: Device,
    graph: Graph,
    given: RawSequences,
    *,
    guards: Guards | None = None,
    fault: Fault = FLIP,
    tables: tuple[str, ...] = (),
    run_instructions: int = RUN,
    cache: Path | None = None,
) -> ImageSpace:
    """Return the image of the model in `out`, which may be faulty.

    Args:
        out: an output folder.
        device: that it was made for.
        graph: of the model.
        given: raw words to see the faults by; as many are taken as `run_instructions` allow.
        guards: that the image is built with.
        fault: of what kind.
        tables: that may be faulty; none is everything.
        run_instructions: that one fault may take, where two inputs do with fewer.
        cache: folder in which to keep what was built.
    """
    manifest = read_manifest(out)
    sources = {name: (out / name).read_text(encoding="utf-8") for name in ("model.c", "model.h")}
    level = manifest["optimise"]
    if guards is None:
        image = build(sources, device, optimise=level, cache=cache)
    else:
        image, _ = build_guarded(sources, device, guards, graph=graph, optimise=level, cache=cache)
    first = emulate(image, [given[0]])
    fit = max(2, run_instructions // int(first.inference_instructions[0]))
    tolerance = 0.0
    if graph.quanta:
        tolerance = float(np.ptp(GraphSpace(graph, given.raw, given.offsets).golden)) / 2
    return ImageSpace(
        image,
        given.pinned(fit),
        ("flash",) if tables else ("flash", "ram"),
        fault,
        tolerance,
        bool(graph.quanta),
        tables=tables,
    )


def _values(graph: Graph, given: RawSequences) -> int:
    """Return about how many numbers the interpreter makes for one input."""
    if graph.whole:
        return sum(width(graph, op) for op in graph.whole)
    held = sum(int(np.prod(tensor.shape)) for tensor in graph.kind("state"))
    return max(1, int(np.diff(given.offsets).max(initial=1)) * held)
