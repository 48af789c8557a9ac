"""A device: what a model runs on. Every number in a device file carries its source.

A file in `devices/` is read by `sarto.devices`; this module is only the value. An image is built for a `Device` and run
in an emulator; a `Host` is the computer that Sarto runs on, where everything is measured and nothing is declared.

>>> Host("host", "this computer", "native").ram is None
True
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

NATIVE: Final = "native"
"""The target of a `Host`, as the compiler calls it."""
STORAGE: Final = "storage"
"""The target, and the device, of a network that is stored: the bytes of its file are counted, and no code runs it."""


@dataclass(frozen=True)
class Assumption:
    """A number that somebody published: `value` in `unit`, and the `source` it was read in."""

    value: float
    unit: str
    source: str


KINDS = (
    "data",
    "multiply",
    "multiply_long",
    "divide",
    "load",
    "store",
    "load_multiple",
    "store_multiple",
    "register",
    "refill",
    "branch",
    "branch_register",
    "call",
    "branch_taken",
    "branch_not_taken",
    "table_branch",
    "if_then",
    "system",
)
"""Of the entries of a cycle table, see `measure.cycles`."""


@dataclass(frozen=True)
class Memory:
    """A region: first address, size in bytes, and where both are stated."""

    origin: int
    size_b: int
    source: str


@dataclass(frozen=True)
class CycleTable:
    """What the kinds of a core's instructions take, as its manual says.

    Attributes:
        entries: kind, see `KINDS`, and its cycles, at least and at most.
        source: where they were read.
        assumes: what they hold for, such as memory without wait states.
    """

    entries: tuple[tuple[str, int, int], ...]
    source: str
    assumes: str

    def of(self, kind: str) -> tuple[int, int]:
        """Return the cycles of `kind`, at least and at most.

        Raises:
            KeyError: when the table does not have it.
        """
        for name, low, high in self.entries:
            if name == kind:
                return low, high
        raise KeyError(kind)


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
        cycles: for estimated cycles; None when no source was opened.
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
    cycles: CycleTable | None = None
    clock_hz: Assumption | None = None
    energy_per_cycle_j: Assumption | None = None
    gcc: str = ""
    notes: str = ""


@dataclass(frozen=True)
class Host:
    """The computer that Sarto runs on.

    It has no field of a `Device` that a source would have to state: no memory of its own that a model must fit, and
    neither cycles, clock nor energy to estimate with.

    Attributes:
        name: file name, and choice on the command line.
        title: for people.
        cpu: for the compiler's `-mcpu`: `native`, all that the processor of this computer has, or one of a family.
        notes: anything a user must know about the figures.
    """

    name: str
    title: str
    cpu: str
    notes: str = ""
    target: Literal["native"] = NATIVE
    flash: None = None
    ram: None = None
    cycles: None = None
    clock_hz: None = None
    energy_per_cycle_j: None = None


AnyDevice = Device | Host
