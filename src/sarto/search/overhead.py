"""What an image costs beside tables and arena, per structure: built and emulated once, with made-up numbers.

The size of the sample images is each family's. Larger models differ by a few bytes of immediate values; of a reservoir
of less than 10 units the compiler unrolls loops, and the image is up to 190 B smaller than said. A sample may be larger
than the device: it is built for the same core with as much memory as it takes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from sarto.core.device import Device
from sarto.deploy.c.emit import emit
from sarto.deploy.memory import arena, tables_b
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.search.candidates import Candidate, Ground, Overhead, Shape, skeleton

CODE_B = 64 * 1024
"""More than the code or the stack of any model takes."""


class ImageOverheads:
    """Overheads of candidates, each built when one of its structure is first asked for.

    Args:
        shape: what costs depend on.
        device: to build for.
        optimise: the compiler's level.
        cache: folder for built images.
        counted: whether instructions and cycles are wanted too, which takes more images.
        ground: of the problem, so that code which depends on its sensor is that of its models.
    """

    def __init__(
        self,
        shape: Shape,
        device: Device,
        optimise: str,
        cache: Path,
        counted: bool = False,
        ground: Ground | None = None,
    ) -> None:
        self.ground = ground
        self.shape, self.device, self.optimise, self.cache, self.counted = (
            shape,
            device,
            optimise,
            cache,
            counted,
        )
        self.known: dict[Candidate, Overhead] = {}

    def __call__(self, candidate: Candidate) -> Overhead:
        """Return the overhead of `candidate`."""
        samples = candidate.samples(self.shape.longest, self.counted)
        key = samples[-1]
        if key not in self.known:
            built = [self._built(sample) for sample in samples]
            flash_b, ram_b, _, _ = built[-1]
            work = [
                (s.units, counted, cycles) for s, (_, _, counted, cycles) in zip(samples, built, strict=True)
            ]
            clock, energy = self.device.clock_hz, self.device.energy_per_cycle_j
            self.known[key] = Overhead(
                flash_b,
                ram_b,
                tuple(work) if self.counted else (),
                1 / clock.value if clock else 0.0,
                energy.value if energy else 0.0,
            )
        return self.known[key]

    def _roomy(self, tables: int, variables: int) -> Device:
        """Return the device with at least the memory that so many bytes of tables and variables take, and code."""
        flash, ram = (
            replace(memory, size_b=max(memory.size_b, -(-(wanted + CODE_B) // 1024) * 1024))
            for memory, wanted in ((self.device.flash, tables), (self.device.ram, variables))
        )
        return replace(self.device, flash=flash, ram=ram)

    def _built(self, sample: Candidate) -> tuple[int, int, int, int]:
        """Return flash and RAM beside tables and arena, and instructions and most cycles of the longest inference."""
        graph = skeleton(sample, self.shape, self.ground)
        image = build(
            emit(graph),
            self._roomy(tables_b(graph), arena(graph).size_b),
            optimise=self.optimise,
            cache=self.cache,
        )
        # The whole length, since the stack is deepest where a segment or a window ends within a step; and words that
        # change, since a root takes longer than that of zero.
        reach = 2 ** (self.shape.sensor_bits - 2)
        steps = np.arange(self.shape.longest)[:, None] * (1 + np.arange(len(self.shape.channels)))
        run = emulate(image, [np.rint(reach * np.sin(steps)).astype(np.int32)])
        ram = image.static_ram_b - arena(graph).size_b + run.peak_stack_b
        counts = int(run.inference_instructions[0]), int(run.inference_cycles[0, 1])
        return image.flash_b - tables_b(graph), ram, *counts
