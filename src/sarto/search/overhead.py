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
"""Size of the sample images; a size of 100 changes the overhead by a few bytes of immediate values."""


class ImageOverheads(Mapping[str, Overhead]):
    """Overheads by structure, each built when it is first asked for."""

    def __init__(self, shape: Shape, device: Device, optimise: str, cache: Path) -> None:
        self.shape, self.device, self.optimise, self.cache = shape, device, optimise, cache
        self.known: dict[str, Overhead] = {}

    def __getitem__(self, structure: str) -> Overhead:
        if structure not in self.known:
            self.known[structure] = self._build(structure)
        return self.known[structure]

    def __iter__(self) -> Iterator[str]:
        return iter(self.known)

    def __len__(self) -> int:
        return len(self.known)

    def _build(self, structure: str) -> Overhead:
        cell, pooling, parts, bits = structure.split("-")
        sample = Candidate(
            cell, UNITS, "last", 2 if parts == "segments" else 1, 1.0, 0.5, 1.0, 1.0, int(bits), 0
        )
        graph = skeleton(replace(sample, pooling=pooling), self.shape)
        image = build(emit(graph), self.device, optimise=self.optimise, cache=self.cache)
        steps = np.zeros((min(self.shape.longest, 4), len(self.shape.channels)), np.int32)
        run = emulate(image, [steps])
        ram = image.static_ram_b - arena(graph).size_b + run.peak_stack_b
        return Overhead(image.flash_b - tables_b(graph), ram)
