"""Campaigns on a model that was built: on its integer graph, and on its image.

Returns the spaces of their faults, seen by few inputs: of the graph by as many as hold `VALUES` numbers in the
interpreter, of the image by as many as run in the emulator in `RUN` instructions, evenly spread and at least two, so
that a campaign with the default plan takes under a minute on one core.
"""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Executor
from pathlib import Path

import numpy as np

from sarto.audit.faults.campaign import Plan, run
from sarto.audit.faults.graph import PARTS, GraphSpace
from sarto.audit.faults.image import ImageSpace, Memory
from sarto.audit.faults.model import FLIP, Fault
from sarto.audit.faults.report import Report
from sarto.core.device import AnyDevice, Host
from sarto.core.graph import Graph
from sarto.core.graph.whole import width
from sarto.core.progress import Talk
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.image import Image
from sarto.measure.model import RawSequences

RUN = 2_000_000
"""Instructions without a fault that one fault of an image may take: some 30 ms here."""
VALUES = 500_000
"""Intermediate results of the interpreter that one fault of a graph may take."""


def graph_space(graph: Graph, given: RawSequences, fault: Fault = FLIP) -> GraphSpace:
    """Return the faults of a graph, seen by inputs out of `given`."""
    few = given.pinned(max(2, VALUES // _values(graph, given)))
    return GraphSpace(graph, few.raw, few.offsets, PARTS, fault)


def image_space(
    graph: Graph,
    image: Image,
    given: RawSequences,
    fault: Fault = FLIP,
    *,
    tables: tuple[str, ...] = (),
    most: int = RUN,
) -> ImageSpace:
    """Return the faults of the image of `graph`, seen by inputs out of `given`.

    Args:
        graph: of the model.
        image: that was built of it.
        given: raw words.
        fault: of what kind.
        tables: of the flash that may be faulty; none is all of flash and RAM.
        most: instructions that one fault may take, where two inputs do with fewer.
    """
    first = emulate(image, [given[0]])
    fit = max(2, most // int(first.inference_instructions[0]))
    tolerance = 0.0
    if graph.quanta:
        tolerance = float(np.ptp(GraphSpace(graph, given.raw, given.offsets).golden)) / 2
    where: tuple[Memory, ...] = ("flash",) if tables else ("flash", "ram")
    return ImageSpace(image, given.pinned(fit), where, fault, tolerance, bool(graph.quanta), tables=tables)


def audit_built(
    graph: Graph,
    sources: Mapping[str, str],
    device: AnyDevice,
    given: RawSequences,
    plan: Plan,
    *,
    optimise: str = "-O2",
    executor: Executor | None = None,
    talk: Talk | None = None,
    cache: Path | None = None,
    command: str = "",
) -> list[Report]:
    """Return the reports on faults of a graph and, where the device is flashed, of its image.

    Args:
        graph: the integer network.
        sources: its generated files.
        device: to build for.
        given: inputs to see the faults by.
        plan: how sure to be.
        optimise: the compiler's level.
        executor: judges pieces of work side by side.
        talk: hears progress.
        cache: folder in which to keep what was built and judged.
        command: that shows the evidence again.

    Raises:
        SartoError: as `build` and `campaign.run`.
    """
    spaces: list[GraphSpace | ImageSpace] = [graph_space(graph, given)]
    if not isinstance(device, Host):
        code = {name: sources[name] for name in ("model.c", "model.h")}
        spaces.append(image_space(graph, build(code, device, optimise=optimise, cache=cache), given))
    return [
        run(
            space,
            plan,
            executor=executor,
            talk=talk,
            cache=cache,
            command=command,
            subject_sha256=graph.sha256,
        )
        for space in spaces
    ]


def _values(graph: Graph, given: RawSequences) -> int:
    """Return about how many numbers the interpreter makes for one input."""
    if graph.whole:
        return sum(width(graph, op) for op in graph.whole)
    held = sum(int(np.prod(tensor.shape)) for tensor in graph.kind("state"))
    return max(1, int(np.diff(given.offsets).max(initial=1)) * held)
