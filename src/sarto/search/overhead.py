"""What an image costs beside tables and arena, per structure: built and emulated once, with made-up numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from sarto.core.device import Device
from sarto.deploy.c.emit import emit
from sarto.deploy.memory import arena, tables_b
from sarto.measure.build import build
from sarto.measure.emulate import emulate
from sarto.search.candidates import Candidate, Overhead, Shape, skeleton

UNITS = 40
"""Size of the sample images. Larger ones differ by a few bytes of immediate values; of less than 10 units the compiler
unrolls loops, and the image is up to 190 B smaller than said."""
COUNTED_UNITS = (8, 24, UNITS)
"""Sizes through which the instructions are drawn: a parabola for a dense reservoir, nearly a line for a ring."""


class ImageOverheads(Mapping[str, Overhead]):
    """Overheads by structure, each built when it is first asked for.

    Args:
        shape: what costs depend on.
        device: to build for.
        optimise: the compiler's level.
        cache: folder for built images.
        counted: whether instructions are wanted too, which takes two more images per structure.
    """

    def __init__(
        self, shape: Shape, device: Device, optimise: str, cache: Path, counted: bool = False
    ) -> None:
        self.shape, self.device, self.optimise, self.cache, self.counted = (
            shape,
            device,
            optimise,
            cache,
            counted,
        )
        self.known: dict[str, Overhead] = {}

    def __getitem__(self, structure: str) -> Overhead:
        if structure not in self.known:
            sizes = COUNTED_UNITS if self.counted else (UNITS,)
            built = [self._built(structure, units) for units in sizes]
            flash_b, ram_b, _ = built[-1]
            curve = (
                np.polyfit(sizes, [count for _, _, count in built], 2)[::-1] if self.counted else np.zeros(3)
            )
            a, b, c = curve.tolist()
            self.known[structure] = Overhead(flash_b, ram_b, (a, b, c))
        return self.known[structure]

    def __iter__(self) -> Iterator[str]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)

    def _built(self, structure: str, units: int) -> tuple[int, int, int]:
        """Return flash and RAM beside tables and arena, and instructions of the longest inference."""
        cell, pooling, parts, bits = structure.split("-")
        sample = Candidate(
            cell, units, "last", 2 if parts == "segments" else 1, 0.3, 0.5, 1.0, 1.0, int(bits), 0
        )
        graph = skeleton(replace(sample, pooling=pooling), self.shape)
        image = build(emit(graph), self.device, optimise=self.optimise, cache=self.cache)
        # The whole length, since the stack is deepest where a segment or a window ends within a step.
        run = emulate(image, [np.zeros((self.shape.longest, len(self.shape.channels)), np.int32)])
        ram = image.static_ram_b - arena(graph).size_b + run.peak_stack_b
        return image.flash_b - tables_b(graph), ram, int(run.inference_instructions[0])
