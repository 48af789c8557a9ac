"""What an image costs beside tables and arena, per structure: built and emulated once, with made-up numbers.

The size of the sample images is each family's. Larger models differ by a few bytes of immediate values; of a reservoir
of less than 10 units the compiler unrolls loops, and the image is up to 190 B smaller than said. A sample may be larger
than the device: it is built for the same core with as much memory as it takes.

On a host a sample is compiled and run there for its size and its stack, which are the same in every run. Its time is
not taken: no search may depend on how busy the computer is.
"""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sarto.core.device import AnyDevice, Host
from sarto.deploy.c.emit import arena_b, emit
from sarto.deploy.memory import tables_b
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.measure.native import compile_native
from sarto.search.candidates import Candidate, Ground, Overhead, Shape, skeleton
from sarto.search.roomy import roomy

Cost = tuple[int, int, int, int]
"""Flash and RAM beside tables and arena, and instructions and most cycles of the longest inference."""


@dataclass(frozen=True, eq=False)
class SampleImages:
    """Builds and runs sample images, in whichever process.

    Attributes:
        shape: what costs depend on.
        device: to build for.
        optimise: the compiler's level.
        cache: folder for built images.
        ground: of the problem, so that code which depends on its sensor is that of its models.
    """

    shape: Shape
    device: AnyDevice
    optimise: str
    cache: Path
    ground: Ground | None = None

    def __call__(self, sample: Candidate) -> Cost:
        """Return flash and RAM beside tables and arena, and instructions and most cycles of the longest inference.

        On a host there are none of the last two.
        """
        graph = skeleton(sample, self.shape, self.ground)
        # The whole length, since the stack is deepest where a segment or a window ends within a step; and words that
        # change, since a root takes longer than that of zero.
        reach = 2 ** (self.shape.sensor_bits - 2)
        steps = np.arange(self.shape.longest)[:, None] * (1 + np.arange(len(self.shape.channels)))
        sequence = np.rint(reach * np.sin(steps)).astype(np.int32)
        tables, variables = tables_b(graph), arena_b(graph)
        if isinstance(self.device, Host):
            program = compile_native(emit(graph), self.device, optimise=self.optimise, cache=self.cache)
            ram = program.static_ram_b - variables + program.stack_b([sequence])
            return program.flash_b - tables, ram, 0, 0
        large = roomy(self.device, tables, variables)
        image = build(emit(graph), large, optimise=self.optimise, cache=self.cache)
        run = emulate(image, [sequence])
        ram = image.static_ram_b - variables + run.peak_stack_b
        counts = int(run.inference_instructions[0]), int(run.inference_cycles[0, 1])
        return image.flash_b - tables, ram, *counts


class ImageOverheads:
    """Overheads of candidates, each from sample images that are built when one of its structure is first asked for.

    Args:
        images: builds them.
        counted: whether instructions and cycles are wanted too, which takes more images.
    """

    def __init__(self, images: SampleImages, counted: bool = False) -> None:
        self.images, self.counted = images, counted
        self.costs: dict[Candidate, Cost] = {}
        self.known: dict[Candidate, Overhead] = {}

    def prepare(self, candidates: Iterable[Candidate], executor: Executor) -> None:
        """Build the sample images of `candidates` that are not built yet, side by side by `executor`."""
        samples = dict.fromkeys(sample for candidate in candidates for sample in self._samples(candidate))
        running = {s: executor.submit(self.images, s) for s in samples if s not in self.costs}
        self.costs |= {sample: future.result() for sample, future in running.items()}

    def __call__(self, candidate: Candidate) -> Overhead:
        """Return the overhead of `candidate`."""
        samples = self._samples(candidate)
        key = samples[-1]
        if key not in self.known:
            for sample in samples:
                if sample not in self.costs:
                    self.costs[sample] = self.images(sample)
            flash_b, ram_b, _, _ = self.costs[key]
            device = self.images.device
            self.known[key] = Overhead(
                flash_b,
                ram_b,
                tuple((s.units, *self.costs[s][2:]) for s in samples) if self.counted else (),
                1 / device.clock_hz.value if device.clock_hz else 0.0,
                device.energy_per_cycle_j.value if device.energy_per_cycle_j else 0.0,
            )
        return self.known[key]

    def _samples(self, candidate: Candidate) -> tuple[Candidate, ...]:
        return candidate.samples(self.images.shape.longest, self.counted)
