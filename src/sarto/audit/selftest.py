"""The self-test of a finished output folder: its inputs, its C, and what it covers and takes, as evidence.

`selftest_folder` chooses among the inputs that the folder keeps (`pinned.npz`, or those that are given), by faults of
its integer graph, and returns `selftest.c` and `selftest.h`. Nothing is written.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sarto.audit.faults.graph import GraphSpace
from sarto.audit.testlibrary import LASTING, Chooser, Effort, Library
from sarto.core.artifact import read_manifest
from sarto.core.device import STORAGE, Host
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.graph import Graph, load_graph
from sarto.measure.model import RawSequences, device_of, read_pinned
from sarto.measure.selftest import selftest_cost

SETS = 100
"""Random sets that the chosen inputs are held against."""
USUAL = Effort(1000, 2000, generations=3)
"""Of a model that is not recurrent."""
CANDIDATES = 64
"""Inputs at most that a reservoir's are chosen from."""
WORK = 4e11
"""Products of weights that the faults of a reservoir may take: about a minute on one core."""
LEAST = 300
"""Faults at least, of which a third choose."""


def effort_of(graph: Graph, given: RawSequences) -> tuple[RawSequences, Effort]:
    """Return what to choose from, and an effort of a minute or two.

    Each fault of a reservoir takes all steps of all inputs, so there are fewer of both, and no inputs are made.
    """
    cells = [op for op in graph.step if op.kind == "recurrent"]
    if not cells:
        return given, USUAL
    few = given.pinned(CANDIDATES)
    units = graph.by_name[cells[0].outputs["state"]].shape[0]
    products = int(few.offsets[-1]) * units * (units // len(cells) + len(graph.channels))
    faults = min(max(int(WORK / max(products, 1)), LEAST), USUAL.faults + USUAL.held_out)
    return few, Effort(faults // 3, faults - faults // 3, generations=0)


@dataclass(frozen=True, eq=False)
class SelfTest:
    """A self-test.

    Attributes:
        library: its inputs, and how many of the faults that were not used to choose them they detect.
        sources: `selftest.c` and `selftest.h`.
        evidence: coverage, that of random inputs, and on a device bytes and instructions.
    """

    library: Library
    sources: Mapping[str, str]
    evidence: tuple[Evidence, ...]


def selftest_folder(
    out: Path,
    count: int,
    *,
    sequences: RawSequences | None = None,
    effort: Effort | None = None,
    command: str = "",
    cache: Path | None = None,
) -> SelfTest:
    """Return a self-test of `count` inputs for the model in `out`.

    Args:
        out: a folder that `sarto fit` or `sarto compress` finished.
        count: inputs.
        sequences: raw words to choose from; None takes those that the folder keeps.
        effort: how much is done to find inputs; None is `effort_of`.
        command: that shows the evidence again.
        cache: a folder in which to keep what was built.

    Raises:
        SartoError: E114, when `out` is no output folder; E164, when no fault is critical; E165, for a stored network,
            or when there are fewer inputs than `count`; as `selftest_cost`.
    """
    manifest = read_manifest(out)
    if manifest.get("target") == STORAGE or "graph.npz" not in manifest["files"]:
        raise SartoError(
            "E165",
            f"{out} holds nothing that could test itself",
            cause="it holds a stored network, without an integer graph and inputs",
            hint="make a self-test for a model that is deployed on a device",
        )
    graph, given = load_graph(out / "graph.npz"), sequences or read_pinned(out)
    if effort is None:
        given, effort = effort_of(graph, given)
    chooser = Chooser(GraphSpace(graph, given.raw, given.offsets, LASTING), None, effort)
    library = chooser.evolved(count)
    covered, random = library.coverage, chooser.at_random(count, SETS)[:, 0]
    of: dict[str, Any] = {"command": command, "seed": effort.seed, "subject_sha256": graph.sha256}
    rows = [
        Evidence(
            f"{kind} faults that the self-test finds",
            rate.share,
            "1",
            "measured",
            f"{n} {kind} faults that chose nothing, {effort.confidence:.0%} interval",
            n=n,
            interval=(rate.low, rate.high),
            **of,
        )
        for kind, rate, n in zip(
            ("critical", "changing"), (covered.critical, covered.any), covered.faults, strict=True
        )
    ] + [
        Evidence(
            "critical faults that as many random inputs find",
            float(np.median(random)),
            "1",
            "measured",
            f"median and range of {SETS} sets",
            n=SETS,
            interval=(float(random.min()), float(random.max())),
            **of,
        ),
    ]
    sources, device = library.sources(), device_of(out, manifest)
    if not isinstance(device, Host):
        own = {name: (out / name).read_text(encoding="utf-8") for name in ("model.c", "model.h")}
        optimise = str(manifest["optimise"])
        cost = selftest_cost(own, sources, device, given.listed()[:1], optimise=optimise, cache=cache)
        assert cost.mismatches == 0, "the device and the interpreter agree"
        compiled = f"two images, {cost.image.toolchain}"
        rows += [
            Evidence("self-test flash", cost.flash_b, "B", "measured", compiled, **of),
            Evidence(
                "self-test", cost.instructions, "instructions", "emulated", f"two runs of {device.name}", **of
            ),
        ]
    return SelfTest(library, sources, tuple(rows))
