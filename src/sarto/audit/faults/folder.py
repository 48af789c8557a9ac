"""Campaigns on a finished output folder: on its integer graph, its image, and the container of a stored network.

`audit_folder` returns a report of each, seen by inputs that the folder keeps (`pinned.npz`), or those that are given.
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Literal, get_args

from sarto.audit.faults.built import graph_space, image_space
from sarto.audit.faults.campaign import Plan, run
from sarto.audit.faults.container import ContainerSpace
from sarto.audit.faults.model import BYTES, FLIP, Fault
from sarto.audit.faults.report import Report
from sarto.core.artifact import read_manifest
from sarto.core.device import STORAGE, Host
from sarto.core.errors import SartoError
from sarto.core.graph import load_graph
from sarto.core.progress import Talk
from sarto.deploy.guard import Guards
from sarto.measure.build import build
from sarto.measure.guard import build_guarded
from sarto.measure.model import RawSequences, device_of, read_pinned

Where = Literal["graph", "image", "container"]
WHERE: tuple[Where, ...] = get_args(Where)
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
                space = graph_space(graph, given, fault)
            else:
                assert device is not None and not isinstance(device, Host)
                sources = {name: (out / name).read_text(encoding="utf-8") for name in ("model.c", "model.h")}
                level = manifest["optimise"]
                if guards is None:
                    image = build(sources, device, optimise=level, cache=cache)
                else:
                    image, _ = build_guarded(
                        sources, device, guards, graph=graph, optimise=level, cache=cache
                    )
                space = image_space(graph, image, given, fault)
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
