"""A shrunk network as an image for a device: its integers as C, built, run, and measured.

Points on the way are built for a device of the same core with as much memory as they take, so that each has its
figures; the last one is built for the device as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sarto.core.budget import Budget
from sarto.core.device import AnyDevice, Host
from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.graph.widths import in_groups
from sarto.core.points import OperatingPoint
from sarto.data.examples import Examples
from sarto.deploy.c.emit import arena_b, emit
from sarto.deploy.c.network import arena_plan
from sarto.deploy.c.storage import STORAGES, Storage, faster, stored
from sarto.deploy.lower.front_end import LoweredFrontEnd, with_front_end
from sarto.deploy.memory import tables_b
from sarto.measure.model import PINNED, Measured, measure_model, of_items
from sarto.measure.widths import widths_evidence
from sarto.models.dynamic.nesting import nesting
from sarto.models.network.architecture import Architecture
from sarto.search.limits import SPEED, check_limits, steering
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
        budget: limits that the weights' storage is chosen by.
        front: what makes an image hear samples; None where it takes the items themselves.
        widths: groups of the network, any number of which the image runs from the first on.
    """

    device: AnyDevice
    optimise: str
    title: str
    weights: tuple[Storage, ...]
    command: str
    cache: Path
    budget: Budget
    front: LoweredFrontEnd | None = None
    widths: int = 1

    def check(self, architecture: Architecture) -> None:
        """Refuse a network that does not have the widths that are asked for.

        Raises:
            InputError: E121.
        """
        if self.widths > 1:
            nesting(architecture, self.widths)

    def point(self, lowered: Lowered, examples: Examples) -> tuple[Lowered, Measured]:
        """Return the integers with the storage of every layer, and what their image takes, however much that is.

        The storage is what takes the least flash where that is fast enough for the budget. Where it is not, as few
        layers as it takes lie so that they take fewer instructions, those first that save most for a byte of flash. If
        nothing fits, it is what comes nearest. On a host, where a time is another in every run, a limit of it
        gives all layers the faster storage if the memory allows.
        """
        few = examples.select(np.arange(min(FEW, len(examples))))
        if self.front is not None:
            lowered = with_front_end(lowered, self.front)
        if self.widths > 1:
            lowered = replace(lowered, graph=in_groups(lowered.graph, self.widths))
            return lowered, self._measured(lowered, few, self._with_room(lowered), FEW)
        ladder = [
            replace(lowered, graph=graph)
            for graph in faster(stored(lowered.graph, self.weights), self.weights)
        ]

        @cache
        def rung(i: int) -> Measured:
            return self._measured(ladder[i], few, self._with_room(ladder[i]), FEW)

        i = climb(len(ladder), lambda i: self._loads(rung(i)), timed=self._timed)
        return ladder[i], rung(i)

    def _with_room(self, lowered: Lowered) -> AnyDevice:
        """Return the device with as much memory as an image takes."""
        if isinstance(self.device, Host):
            return self.device
        return roomy(self.device, tables_b(lowered.graph), arena_b(lowered.graph))

    @property
    def _timed(self) -> bool:
        return isinstance(self.device, Host) and self.budget.latency_s is not None

    def _loads(self, measured: Measured) -> tuple[float, float]:
        """Return the largest share of a limit of time, and of one of memory, that an image takes."""
        limits, found = steering(self.budget, self.device), {e.what: e.value for e in measured.evidence}
        for name, memory in (("flash", self.device.flash), ("ram", self.device.ram)):
            if memory is not None:
                limits[name] = min(limits.get(name, memory.size_b), memory.size_b)
        shares = {name: found[name] / limit for name, limit in limits.items()}
        fast = max((share for name, share in shares.items() if name in SPEED), default=0.0)
        return fast, max((share for name, share in shares.items() if name not in SPEED), default=0.0)

    def last(self, lowered: Lowered, examples: Examples, instructions: float) -> tuple[Measured, int]:
        """Return the image for the device as it is, run on all `examples`, and on how many of them on the device.

        Raises:
            SartoError: E202 or E203, when the device has not enough memory.
        """
        most = PINNED if not instructions else max(LEAST, min(PINNED, int(EMULATED / instructions)))
        return self._measured(lowered, examples, self.device, most), most

    def of_widths(self, lowered: Lowered, examples: Examples) -> list[Evidence]:
        """Return what the image takes at each width, and how accurate it is there, where it has more than one."""
        if lowered.graph.groups == 1:
            return []
        return widths_evidence(
            lowered.graph,
            self.sources(lowered),
            self.device,
            of_items(lowered.given(examples)),
            optimise=self.optimise,
            command=self.command,
            on_device=FEW,
            cache=self.cache,
            target=examples.y,
        )

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


def climb(rungs: int, loads: Callable[[int], tuple[float, float]], *, timed: bool = False) -> int:
    """Return which of several images to take, each faster and larger than the one before.

    Args:
        rungs: how many there are.
        loads: the shares that one takes of the limits of time and of memory.
        timed: whether time is limited and not known, so that the last one is wanted.

    >>> climb(9, lambda i: (3 / (1 + i), i / 10)), climb(9, lambda i: (9, i / 10)), climb(3, lambda i: (2 - i, 2 + i))
    (2, 0, 0)
    """
    known: dict[int, tuple[float, float]] = {0: loads(0)}
    low, high = 0, rungs - 1
    if (timed or known[0][0] > 1) and high > 0:
        known[high] = loads(high)
        if timed:
            return high if known[high][1] <= 1 else 0
        while known[high][0] <= 1 and high - low > 1:
            middle = (low + high) // 2
            known[middle] = loads(middle)
            low, high = (low, middle) if known[middle][0] <= 1 else (middle, high)
    return min(known, key=lambda i: (max(1, *known[i]), i))


def images_of(request: ShrinkRequest, title: str, cache: Path) -> Images | None:
    """Return what builds images, or None where only a file is asked for.

    Raises:
        SartoError: E111 or E112 for the device, E112 for a limit that cannot be judged on it, E301 for a tool that is
            missing.
    """
    if request.device is None:
        return None
    from sarto.devices import any_device
    from sarto.measure.model import check_tools

    device = any_device(request.device)
    check_limits(request.budget, device)
    check_tools(device)
    weights, optimise = WEIGHTS[request.weights], request.optimise or OPTIMISE
    return Images(
        device, optimise, title, weights, request.command, cache, request.budget, widths=request.widths
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
