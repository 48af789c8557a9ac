"""A shrunk network as an image for a device: its integers as C, built, run, and measured.

Points on the way are built for a device of the same core with as much memory as they take, so that each has its
figures; the last one is built for the device as it is.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sarto.core.device import AnyDevice, Host
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint
from sarto.data.examples import Examples
from sarto.deploy.c.emit import emit
from sarto.deploy.c.network import arena_b, arena_plan
from sarto.deploy.c.storage import STORAGES, Storage, stored
from sarto.deploy.lower.front_end import LoweredFrontEnd, with_front_end
from sarto.deploy.memory import tables_b
from sarto.measure.model import PINNED, Measured, measure_model, of_items
from sarto.search.overhead import roomy
from sarto.search.shrink_folder import ShrinkRequest

if TYPE_CHECKING:
    from sarto.deploy.lower.network import Lowered

FEW = 2
"""Items that a point on the way runs on the device; its code has no branches that depend on much."""
EMULATED = 500_000_000
"""Instructions that the last image runs in the emulator, or `LEAST` items where these take more."""
LEAST = 8
OPTIMISE = "-O2"
WEIGHTS: dict[str, tuple[Storage, ...]] = {"smallest": STORAGES, "plain": ("plain",)}
"""Choice on the command line -> how weights may lie in flash."""


@dataclass(frozen=True)
class Images:
    """Builds and measures images.

    Attributes:
        device: to build for.
        optimise: the compiler's level.
        title: of the generated files.
        weights: how they may lie in flash, besides plain.
        command: that shows the figures again.
        cache: folder for what was built.
        front: what makes an image hear samples; None where it takes the items themselves.
    """

    device: AnyDevice
    optimise: str
    title: str
    weights: tuple[Storage, ...]
    command: str
    cache: Path
    front: LoweredFrontEnd | None = None

    def stored(self, lowered: Lowered) -> Lowered:
        """Return the integers behind the front end, with the storage of every layer that takes the least flash."""
        if self.front is not None:
            lowered = with_front_end(lowered, self.front)
        return replace(lowered, graph=stored(lowered.graph, self.weights))

    def point(self, lowered: Lowered, examples: Examples) -> Measured:
        """Return what an image takes, however much that is."""
        lowered = self.stored(lowered)
        graph, device = lowered.graph, self.device
        if not isinstance(device, Host):
            device = roomy(device, tables_b(graph), arena_b(graph))
        return self._measured(lowered, examples.select(np.arange(min(FEW, len(examples)))), device, FEW)

    def last(self, lowered: Lowered, examples: Examples, instructions: float) -> tuple[Measured, int]:
        """Return the image for the device as it is, run on all `examples`, and on how many of them on the device.

        Raises:
            SartoError: E202 or E203, when the device has not enough memory.
        """
        most = PINNED if not instructions else max(LEAST, min(PINNED, int(EMULATED / instructions)))
        return self._measured(lowered, examples, self.device, most), most

    def sources(self, lowered: Lowered) -> dict[str, str]:
        """Return the generated files."""
        (given,) = lowered.graph.kind("input")
        words = f"A number of the input is {given.dtype} in counts of {lowered.scale:.9g}, channels last."
        if self.front is not None:
            words = (
                f"A number of the input is a sample, {given.dtype}, {self.front.made.rate_hz:g} in a second."
            )
        return emit(lowered.graph, self.title, words)

    def _measured(self, lowered: Lowered, examples: Examples, device: AnyDevice, on_device: int) -> Measured:
        return measure_model(
            lowered.graph,
            self.sources(lowered),
            device,
            of_items(lowered.given(examples)),
            optimise=self.optimise,
            command=self.command,
            on_device=on_device,
            cache=self.cache,
        )


def images_of(request: ShrinkRequest, title: str, cache: Path) -> Images | None:
    """Return what builds images, or None where only a file is asked for.

    Raises:
        SartoError: E111 or E112 for the device, E301 for a tool that is missing.
    """
    if request.device is None:
        return None
    from sarto.devices import any_device
    from sarto.measure.model import check_tools

    device = any_device(request.device)
    check_tools(device)
    return Images(
        device, request.optimise or OPTIMISE, title, WEIGHTS[request.weights], request.command, cache
    )


def in_floats(device: str, recipe: str) -> SartoError:
    """Return the error of a recipe whose end no microcontroller can run."""
    return SartoError(
        "E133",
        f"the network computes in floats at the end of '{recipe}'",
        cause=f"an image for {device} computes in integers",
        hint="end the recipe with ptq:8, or with qat:8",
    )


def peak_sentence(lowered: Lowered) -> str:
    """Return in words what sets the size of the arena."""
    plan, graph = arena_plan(lowered.graph), lowered.graph
    where = (
        "the input"
        if plan.peak < 0
        else f"'{next(iter(graph.whole[plan.peak].outputs.values()), 'the class')}'"
    )
    parts = ", ".join(f"{b.size_b} B for {' and '.join(b.names)}" for b in plan.at_peak)
    over = "" if plan.size_b == plan.bound_b else f"; {plan.size_b - plan.bound_b} B more lie between tensors"
    return f"the arena is largest at {where}: {parts}{over}"


def arena_rows(lowered: Lowered) -> list[tuple[str, str, int]]:
    """Return what the arena holds where it is largest: name, kind and bytes, all bytes of it together."""
    plan = arena_plan(lowered.graph)
    rows = [(" and ".join(b.names), "scratch", b.size_b) for b in plan.at_peak]
    if rest := plan.size_b - plan.bound_b:
        rows.append(("between tensors", "unnamed", rest))
    return [*rows, ("line", "counter", arena_b(lowered.graph) - plan.size_b)]


def load_of(limits: dict[str, float], point: OperatingPoint) -> float:
    """Return the figure of the first limit, as if every other were held to it in proportion.

    >>> from sarto.core.evidence import Evidence
    >>> point = OperatingPoint("a", {}, (Evidence("flash", 100, "B", "measured", ""),
    ...                                  Evidence("ram", 80, "B", "emulated", "")))
    >>> load_of({"flash": 1000, "ram": 100}, point), load_of({}, point)
    (800.0, 100)
    """
    if not limits:
        return point["flash"]
    first = next(iter(limits.values()))
    return max(point[what] * first / limit for what, limit in limits.items())


def renamed(evidence: list[Evidence]) -> list[Evidence]:
    """Return evidence of a file for a point that has an image, whose flash is the image's."""
    return [replace(e, what="file") if e.what == "flash" else e for e in evidence]


def size_of(point: OperatingPoint) -> float:
    """Return the bytes of a point's image, or of its file where it has none."""
    found = {e.what: e.value for e in point.evidence}
    return found.get("flash", found.get("file", 0.0))
