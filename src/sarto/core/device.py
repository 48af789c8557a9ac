"""A device: what a model runs on. Every number in a device file carries its source.

A file in `devices/` is read by `sarto.devices`; this module is only the value.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Assumption:
    """A number that somebody published: `value` in `unit`, and the `source` it was read in."""

    value: float
    unit: str
    source: str


@dataclass(frozen=True)
class Memory:
    """A region: first address, size in bytes, and where both are stated."""

    origin: int
    size_b: int
    source: str


@dataclass(frozen=True)
class Device:
    """A core with its memories.

    Attributes:
        name: file name, and choice on the command line.
        title: for people, such as "Arm Cortex-M4".
        target: triple for the cross compiler.
        cpu: core name for the cross compiler's `-mcpu`.
        emulator_cpu: core name for the emulator.
        flash: read-only memory of the reference part.
        ram: memory of the reference part.
        cycles_per_instruction: for estimated time; None when no source was opened.
        clock_hz: for estimated time; None when no source was opened.
        energy_per_cycle_j: for estimated energy; None when no source was opened.
        gcc: program and options with which GCC compiles for the core; empty where zig alone does.
        notes: anything a user must know about the numbers.
    """

    name: str
    title: str
    target: str
    cpu: str
    emulator_cpu: str
    flash: Memory
    ram: Memory
    cycles_per_instruction: Assumption | None = None
    clock_hz: Assumption | None = None
    energy_per_cycle_j: Assumption | None = None
    gcc: str = ""
    notes: str = ""

    @property
    def assumptions(self) -> Mapping[str, Assumption]:
        """The assumptions that the file makes, by field name."""
        named = {
            "cycles_per_instruction": self.cycles_per_instruction,
            "clock_hz": self.clock_hz,
            "energy_per_cycle_j": self.energy_per_cycle_j,
        }
        return {k: v for k, v in named.items() if v is not None}
