"""What each instruction of an image costs by its core's cycle table, from least to most.

Every instruction has a kind (`kind_of`), and the device file says how many cycles a kind takes, from least to most:
what the manual makes depend on its neighbours, alignment or operands is a range. To `load_multiple` and
`store_multiple` comes `register` for each register, to what loads the program counter `refill`; a branch with a
condition takes `branch_not_taken`, and what `branch_taken` takes more where the core goes on elsewhere.

Sources of the encodings: Arm DDI 0403 (ARMv7-M), A5.2 and A5.3; "The RISC-V Instruction Set Manual", volume I, the
listings of RV32I, M and C.

>>> kind_of(0x4348, -1), kind_of(0xbd70, -1), kind_of(0xfb21, 0x0002), kind_of(0xd1fa, -1)
(('multiply', 0, False), ('load_multiple', 4, True), ('multiply', 0, False), ('branch_if', 0, False))
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import UInt32

from sarto.core.device import CycleTable
from sarto.core.errors import SartoError
from sarto.measure.elf import RISCV32, Elf
from sarto.measure.instructions import conditions, instructions

Kind = tuple[str, int, bool]
"""Name of the kind, registers that are moved, and whether the program counter is loaded."""


@dataclass(frozen=True)
class CycleCounts:
    """Cycles of an image's code, from least to most, for each halfword of the flash.

    Attributes:
        before: cycles of all instructions before each halfword, a branch with a condition as not taken.
        taken: what is added where an instruction ended before the halfword and the core goes on elsewhere.
    """

    before: UInt32[np.ndarray, "2 halfword_plus_1"]
    taken: UInt32[np.ndarray, "2 halfword_plus_1"]


def cycle_counts(elf: Elf, origin: int, size_b: int, table: CycleTable) -> CycleCounts:
    """Return the cycles of all code of `elf` in the memory of `size_b` bytes at `origin`.

    Raises:
        SartoError: E112, when the code has an instruction of a kind that the table lacks.
    """
    riscv = elf.architecture == RISCV32
    cost, taken = (np.zeros((2, size_b // 2 + 1), np.uint32) for _ in range(2))
    conditional = conditions(elf)
    for address, first, second in instructions(elf):
        kind = riscv_kind(first, second) if riscv else kind_of(first, second)
        low, high = _cycles(kind, table)
        at, end = (address - origin) // 2, (address - origin) // 2 + (2 if second >= 0 else 1)
        cost[:, at + 1] = min(low, 1) if address in conditional else low, high
        if kind[0] == "branch_if":
            more = np.subtract(table.of("branch_taken"), table.of("branch_not_taken"))
            taken[:, end] = more
    return CycleCounts(np.cumsum(cost, axis=1, dtype=np.uint32), taken)


def _cycles(kind: Kind, table: CycleTable) -> tuple[int, int]:
    name, registers, loads_pc = kind
    try:
        low, high = table.of("branch_not_taken" if name == "branch_if" else name)
        if registers:
            each = table.of("register")
            low, high = low + registers * each[0], high + registers * each[1]
        if loads_pc:
            refill = table.of("refill")
            low, high = low + refill[0], high + refill[1]
    except KeyError as error:
        raise SartoError(
            "E112",
            f"the cycle table of the device has no entry {error}",
            cause=f"the image has an instruction of the kind '{name}'",
            hint="add the entry, with what the core's manual says, to the device file",
        ) from error
    return low, high


def kind_of(first: int, second: int) -> Kind:
    """Return the kind of the Thumb instruction with these halfwords (the second -1 when there is none)."""
    return _short(first) if second < 0 else _long(first, second)


def _short(word: int) -> Kind:
    """Return the kind of an instruction of 16 bits (DDI 0403, A5.2)."""
    group = word >> 12
    if group == 0x4:
        if word & 0xFFC0 == 0x4340:
            return "multiply", 0, False
        if word >= 0x4800:
            return "load", 0, False
        if word >= 0x4700:
            return "branch_register", 0, False
        moves_to_pc = word >= 0x4400 and (word & 0xFF00) != 0x4500 and (word >> 4 & 8 | word & 7) == 15
        return ("branch_register" if moves_to_pc else "data"), 0, False
    if group == 0x5:
        return ("store" if word >> 9 & 7 < 3 else "load"), 0, False
    if group in (0x6, 0x7, 0x8, 0x9):
        return ("load" if word & 0x0800 else "store"), 0, False
    if group == 0xB:
        return _short_other(word)
    if group == 0xC:
        return ("load_multiple" if word & 0x0800 else "store_multiple"), (word & 0xFF).bit_count(), False
    if group == 0xD:
        return ("branch_if" if word >> 8 & 0xF < 14 else "system"), 0, False
    return ("branch" if group == 0xE else "data"), 0, False


def _short_other(word: int) -> Kind:
    if word & 0xFE00 == 0xB400:
        return "store_multiple", (word & 0x1FF).bit_count(), False
    if word & 0xFE00 == 0xBC00:
        return "load_multiple", (word & 0x1FF).bit_count(), bool(word & 0x100)
    if word & 0xF500 == 0xB100:
        return "branch_if", 0, False
    if word & 0xFF00 == 0xBF00 and word & 0xF:
        return "if_then", 0, False
    return ("system" if word & 0xFFE0 == 0xB660 else "data"), 0, False


def _long(first: int, second: int) -> Kind:
    """Return the kind of an instruction of 32 bits (DDI 0403, A5.3)."""
    group, middle = first >> 11 & 3, first >> 4 & 0x7F
    if group == 1:
        if middle & 0x64 == 0x00:
            name = "load_multiple" if first & 0x10 else "store_multiple"
            return name, second.bit_count(), bool(first & 0x10 and second & 0x8000)
        if middle & 0x64 == 0x04:
            if first & 0xFFF0 == 0xE8D0 and second & 0xE0 == 0:
                return "table_branch", 0, False
            if first & 0x0120:
                return ("load_multiple" if first & 0x10 else "store_multiple"), 2, False
            return "load", 0, False
        return "data", 0, False
    if group == 2:
        if not second & 0x8000:
            return "data", 0, False
        if second & 0x5000:
            return ("call" if second & 0x4000 else "branch"), 0, False
        return ("branch_if" if first >> 6 & 0xF < 14 else "system"), 0, False
    if middle & 0x71 == 0x00:
        return "store", 0, False
    if middle & 0x61 == 0x01:
        return "load", 0, middle & 0x67 == 0x05 and second >> 12 == 15
    if middle & 0x78 == 0x30:
        return "multiply", 0, False
    if middle & 0x78 == 0x38:
        return ("divide" if middle in (0x39, 0x3B) else "multiply_long"), 0, False
    return "data", 0, False


def riscv_kind(first: int, second: int) -> Kind:
    """Return the kind of the instruction of RV32IMC with these halfwords (the second -1 when there is none).

    >>> riscv_kind(0x8082, -1)[0], riscv_kind(0x0533, 0x02b5)[0]
    ('branch_register', 'multiply')
    """
    name = _compressed(first) if second < 0 else _riscv(first, second)
    return name, 0, False


def _compressed(word: int) -> str:
    """Return the kind of a compressed instruction of RV32C."""
    quadrant, kind = word & 3, word >> 13
    if quadrant == 1:
        return {1: "call", 5: "branch", 6: "branch_if", 7: "branch_if"}.get(kind, "data")
    if kind in (2, 6):
        return "load" if kind == 2 else "store"
    jumps = quadrant == 2 and kind == 4 and not word >> 2 & 0x1F and word >> 7 & 0x1F
    return "branch_register" if jumps else "data"


def _riscv(first: int, second: int) -> str:
    """Return the kind of an instruction of RV32IM."""
    opcode, kind = first & 0x7F, first >> 12 & 7
    if opcode == 0x33 and second >> 9 == 1:
        return ("multiply", "multiply_long", "multiply_long", "multiply_long", *["divide"] * 4)[kind]
    if opcode == 0x6F:
        return "call" if first >> 7 & 0x1F else "branch"
    names = {
        0x03: "load",
        0x23: "store",
        0x63: "branch_if",
        0x67: "branch_register",
        0x73: "system",
        0x0F: "system",
    }
    return names.get(opcode, "data")
