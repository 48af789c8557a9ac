"""Faults in a flashable image: any bit of its flash, code included, and of its RAM, while it runs in the emulator.

`regions` names every byte: of flash the functions, tables, vectors and what lies between them; of RAM the variables and
the stack, as deep as it is written without a fault. A fault in flash is there from the program's start on, or with
`flash_from` "any" from any of `MOMENTS` evenly spaced moments of the run over all inputs. One in RAM comes once, at
such a moment, and stays until the program overwrites it: RAM before the start is no place for a fault, since the
program clears what it uses. Permanent faults are there from the program's start on, in RAM whatever is written there.

A crash or a hang leaves every input without an answer from there on (due): see `measure.injection` for what counts as
one, and for what is exact in stopping early. Instructions that are never executed without a fault are masked without
a run.

>>> kind_of("weights_3"), kind_of("scale_0"), kind_of("tree_leaf")
('weights', 'scaling', 'tables')
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Int64

from sarto.audit.faults.model import FLIP, Fault
from sarto.audit.faults.sample import Cell
from sarto.audit.faults.verdicts import Judged, judged, of_classes
from sarto.core.bits import Places
from sarto.core.evidence import How
from sarto.core.store import content_hash
from sarto.measure.image import Image
from sarto.measure.injection import Answers, Injector
from sarto.measure.model import RawSequences
from sarto.measure.permanent import PermanentInjector

MOMENTS = 1024
"""Of a run, at which a fault may come into RAM."""
Memory = Literal["flash", "ram"]
_KINDS = {
    "weights": "weights",
    "scale_": "scaling",
    "more_": "scaling",
    "scaling_": "scaling",
    "layer_": "descriptors",
    "stream_": "weights",
    "check_": "checksums",
    "sums_": "checksums",
    "kept": "copies",
}
"""How the names of tables begin that the generated code has, and what they hold; all others are `tables`."""


@dataclass(frozen=True)
class Region:
    """Bytes that have one name.

    Attributes:
        memory: `flash` or `ram`.
        name: of the function, the table or the variable; of what has none, the section's.
        kind: `code`, `vectors`, `weights`, `scaling`, `descriptors`, `checksums`, `copies`, `tables`, `unnamed`,
            `variables` or `stack`.
        first: byte from the memory's origin on.
        size_b: how many bytes.
    """

    memory: Memory
    name: str
    kind: str
    first: int
    size_b: int


def kind_of(table: str) -> str:
    """Return what a table of the generated code holds, by its name."""
    return next((kind for start, kind in _KINDS.items() if table.startswith(start)), "tables")


def regions(image: Image, stack_b: int) -> list[Region]:
    """Return every byte of flash, of the variables, and of the upper `stack_b` bytes of the stack, in order."""
    found: list[Region] = []
    spans: tuple[tuple[Memory, int, int, int], ...] = (
        ("flash", image.device.flash.origin, 0, image.flash_b),
        ("ram", image.device.ram.origin, image.stack_b, image.stack_b + image.static_ram_b),
    )
    for memory, origin, begin, end in spans:
        at = begin
        if memory == "ram" and stack_b:
            found.append(Region("ram", "stack", "stack", image.stack_b - stack_b, stack_b))
        for symbol in image.contents.symbols:
            first = symbol.address - origin
            if not (at <= first < end) or not symbol.size_b:
                continue
            if first > at:
                found.append(Region(memory, "unnamed", "unnamed", at, first - at))
            kind = "variables"
            if memory == "flash":
                kind = "code" if symbol.is_code else kind_of(symbol.name)
                kind = "vectors" if symbol.section == ".vectors" else kind
            found.append(Region(memory, symbol.name, kind, first, symbol.size_b))
            at = first + symbol.size_b
        if end > at:
            found.append(Region(memory, "unnamed", "unnamed", at, end - at))
    return found


@dataclass(frozen=True, eq=False)
class ImageSpace:
    """The faults of an image, seen by `sequences` at its board.

    Attributes:
        image: that is flashed.
        sequences: raw sensor words.
        where: memories that may be faulty.
        fault: of what kind; its pattern is `single` or `burst`.
        tolerance: where numbers are predicted (`numbers`), in counts: one further off is wrong.
        numbers: whether the model predicts numbers.
        flash_from: since when a fault is in flash: the program's `start`, or `any` moment.
        tables: names of what may be faulty; none is all of the memories.
    """

    image: Image
    sequences: RawSequences
    where: tuple[Memory, ...] = ("flash", "ram")
    fault: Fault = FLIP
    tolerance: float = 0.0
    numbers: bool = False
    flash_from: Literal["start", "any"] = "start"
    tables: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        self.fault.of_bytes("an image")

    @property
    def name(self) -> str:
        """What is faulty."""
        return "image"

    @property
    def how(self) -> How:
        """How verdicts come about."""
        return "emulated"

    def __len__(self) -> int:
        return len(self.sequences)

    @property
    def sha256(self) -> str:
        """Hash over all that verdicts depend on."""
        given = [self.sequences.raw.tobytes().hex(), self.sequences.offsets.tolist()]
        rest = [
            repr(self.fault),
            list(self.where),
            self.image.ram_limit_b,
            self.tolerance,
            self.numbers,
            self.flash_from,
            list(self.tables),
        ]
        return content_hash("faults of an image", self.image.sha256, given, rest)

    @cached_property
    def injector(self) -> Injector:
        """The machine, which has run without a fault."""
        made = PermanentInjector if self.fault.permanent and "ram" in self.where else Injector
        return made(self.image, self.sequences.listed())

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """The regions of the memories that may be faulty."""
        every = regions(self.image, self.injector.stack_b)
        return tuple(
            r for r in every if r.memory in self.where and (not self.tables or r.name in self.tables)
        )

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of the space: eight of each region, a bit of its bytes each."""
        return self._cells

    @cached_property
    def _cells(self) -> tuple[Cell, ...]:
        found: list[Cell] = []
        for region in self.regions:
            moments = self._moments(region)
            size = region.size_b * moments
            found += [Cell(region.name, region.kind, bit, size, moments) for bit in range(8)]
        return tuple(found)

    @property
    def bits(self) -> int:
        """How many bits are exposed."""
        return 8 * sum(r.size_b for r in self.regions)

    def judge(self, places: Int64[np.ndarray, "fault 2"]) -> Judged:
        """Return what faults do, each given by the number of its cell and its own in the cell."""
        golden = self.injector.golden
        answers = [self._answers(int(cell), int(number)) for cell, number in places]
        classes = np.stack([golden.classes, *(a.classes for a in answers)])[1:]
        scores = np.stack([golden.scores, *(a.scores for a in answers)])[1:]
        failed = ~np.stack([golden.answered, *(a.answered for a in answers)])[1:]
        if self.numbers:
            return judged(golden.scores, scores, failed=failed, tolerance=self.tolerance)
        changed: Bool[np.ndarray, "fault item"] = (scores != golden.scores).any(axis=2)
        return of_classes(golden.classes, classes, changed, failed)

    def _answers(self, cell: int, number: int) -> Answers:
        region, bit = self.regions[cell // 8], cell % 8
        moments = self._moments(region)
        places = self._places(region.first + number // moments, bit)
        moment = number % moments * self.injector.total // moments
        if region.memory == "flash":
            return self.injector.flash(places, self.fault.kind, moment)
        if isinstance(self.injector, PermanentInjector):
            return self.injector.permanent(places, self.fault.kind)
        return self.injector.ram(places, self.fault.kind, moment)

    def _moments(self, region: Region) -> int:
        from_start = self.fault.permanent or (region.memory == "flash" and self.flash_from == "start")
        return 1 if from_start else MOMENTS

    def _places(self, byte: int, bit: int) -> Places:
        # A burst may go on into the next region, but not beyond what is flashed, or set aside in RAM.
        size = max(r.first + r.size_b for r in self.regions if r.first <= byte)
        return self.fault.places((size,), byte, bit, 8)

    def __getstate__(self) -> dict[str, Any]:
        """Return what another process needs: not the machine."""
        return {name: self.__dict__[name] for name in self.__dataclass_fields__}
