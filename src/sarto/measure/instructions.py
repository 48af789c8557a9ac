"""Thumb and RISC-V instructions of an image: where each begins, and whether the core has them all.

A Thumb instruction is 32 bits long when the first five bits of its first halfword are 11101, 11110 or 11111, one of
RISC-V when the last two bits of its first halfword are 11; else they are 16 bits long.
Source: Arm, "ARMv7-M Architecture Reference Manual" (DDI 0403), A5.1; the same in DDI 0419 (ARMv6-M), A5.1; "The RISC-V
Instruction Set Manual", volume I, 1.5.

>>> from sarto.measure.elf import Elf, Section
>>> code = bytes.fromhex("0120 00f001f8 7047")  # movs r0, #1; bl ...; bx lr
>>> elf = Elf(12, (Section(".text", 0, 8, code),), ((0, code),), (), {}, ((0, "t"),))
>>> ordinals(elf, 0, 8).tolist()
[0, 1, 2, 2, 3]
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from jaxtyping import UInt8, UInt32

from sarto.core.errors import SartoError
from sarto.measure.elf import RISCV32, Elf

V6_M, V6S_M, V7E_M, V8_M_MAIN = 11, 12, 13, 17
"""Values of `Tag_CPU_arch` whose instructions are known here."""


def instructions(elf: Elf) -> Iterator[tuple[int, int, int]]:
    """Yield address, first halfword and second halfword (-1 when the instruction has none) of all code."""
    riscv = elf.architecture == RISCV32
    for section in elf.sections:
        end = section.address + section.size_b
        marks = [m for m in elf.marks if section.address <= m[0] < end]
        for (start, kind), (stop, _) in pairwise([*marks, (end, "")]):
            if kind == "d" or section.content is None:
                continue
            words = struct.unpack_from(f"<{(stop - start) // 2}H", section.content, start - section.address)
            at = 0
            while at < len(words):
                long = words[at] & 3 == 3 if riscv else words[at] >= 0xE800
                wide = long and at + 1 < len(words)
                yield start + 2 * at, words[at], words[at + 1] if wide else -1
                at += 2 if wide else 1


def ordinals(elf: Elf, origin: int, size_b: int) -> UInt32[np.ndarray, " halfword_plus_1"]:
    """Return for each halfword of the memory at `origin` how many instructions begin before it.

    A straight run from address a to b has `ordinals[(b - origin) / 2] - ordinals[(a - origin) / 2]` instructions.
    """
    begins = np.zeros(size_b // 2 + 1, np.uint32)
    for address, _, _ in instructions(elf):
        begins[(address - origin) // 2 + 1] = 1
    return np.cumsum(begins, dtype=np.uint32)


def conditions(elf: Elf) -> dict[int, int]:
    """Return the addresses of instructions within an IT, each with the address of that IT."""
    found: dict[int, int] = {}
    if elf.architecture == RISCV32:
        return found
    left, opened = 0, 0
    for address, first, _ in instructions(elf):
        if first & 0xFF00 == 0xBF00 and first & 0x000F:
            # The mask ends in a one, after which nothing follows.
            left, opened = 4 - ((first & -first).bit_length() - 1), address
        elif left:
            left -= 1
            found[address] = opened
    return found


def weights(elf: Elf, origin: int, size_b: int) -> UInt8[np.ndarray, " halfword"]:
    """Return how many instructions an emulator's hook at each halfword stands for.

    That is 1 at every instruction, but n + 1 at an IT of n instructions, and 0 at those n. An instruction whose
    condition fails is executed as one that does nothing (DDI 0403, A7.3) and takes its time; but the emulator does
    not call the hook for it, so the IT before them counts for all.
    """
    weights = np.zeros(size_b // 2, np.uint8)
    conditional = conditions(elf)
    for address, _, _ in instructions(elf):
        weights[(conditional.get(address, address) - origin) // 2] += 1
    return weights


def check_instructions(elf: Elf, cpu: str) -> None:
    """Refuse an image with an instruction that the core `cpu`, as the compiler knows it, does not have.

    An emulator proves nothing here: it runs some instructions that the core it emulates lacks.

    Raises:
        SartoError: E401, with the instruction, its address and its function.
    """
    if elf.architecture not in _FOREIGN:
        raise SartoError(
            "E401",
            f"the instructions of {cpu} are not known",
            cause=f"the compiler builds for architecture {elf.architecture} of the Arm ABI (RISC-V: {RISCV32})",
            hint=f"known: {', '.join(map(str, _FOREIGN))}; add it to measure/instructions.py",
        )
    foreign = _FOREIGN[elf.architecture]
    for address, first, second in instructions(elf):
        if foreign(first, second):
            name = next(
                (s.name for s in elf.symbols if s.address <= address < s.address + s.size_b), "no function"
            )
            word = f"{first:04x}" + (f" {second:04x}" if second >= 0 else "")
            raise SartoError(
                "E401",
                f"the image has an instruction that {cpu} lacks",
                cause=f"{word} at {address:#x} in {name}",
                hint="build for the device's own core",
            )


def _foreign_v6_m(first: int, second: int) -> bool:
    """All of ARMv6-M: 16 bits but CBZ, CBNZ and IT; 32 bits only BL, MSR, MRS, the barriers and UDF (DDI 0419, A5)."""
    if second < 0:
        return first & 0xF500 == 0xB100 or (first & 0xFF00 == 0xBF00 and first & 0x000F != 0)
    branch_link = first & 0xF800 == 0xF000 and second & 0xD000 == 0xD000
    system = first & 0xFFE0 == 0xF380 or first in (0xF3BF, 0xF3EF)
    undefined = first & 0xFFF0 == 0xF7F0 and second & 0xF000 == 0xA000
    return not (branch_link or system or undefined)


def _foreign_without_fpu(first: int, second: int) -> bool:
    """Coprocessor and floating-point space (DDI 0403, A5.3.18): absent, or switched off at reset."""
    return second >= 0 and first & 0xEC00 == 0xEC00


def _foreign_rv32imc(first: int, second: int) -> bool:
    """All but RV32I, M and C with Zicsr: atomics, floating point, bit manipulation (RISC-V, volume I, 24 and 26.8)."""
    if (
        second < 0
    ):  # compressed loads and stores of floating point; zeros, which are no instruction, pad functions
        return first & 3 in (0, 2) and first >> 13 in ((1, 3, 4, 5, 7) if first & 3 == 0 else (1, 3, 5, 7))
    opcode, kind, rest = first & 0x7F, first >> 12 & 7, second >> 9
    if opcode == 0x33:  # register and register; 1 is M, 0x20 the other sense of add and of shift right
        return not (rest in (0, 1) or (rest == 0x20 and kind in (0, 5)))
    if opcode == 0x13 and kind in (1, 5):  # shift by a constant
        return not (rest == 0 or (rest == 0x20 and kind == 5))
    return opcode not in (0x03, 0x0F, 0x13, 0x17, 0x23, 0x37, 0x63, 0x67, 0x6F, 0x73)


_FOREIGN = {
    RISCV32: _foreign_rv32imc,
    V6_M: _foreign_v6_m,
    V6S_M: _foreign_v6_m,
    V7E_M: _foreign_without_fpu,
    V8_M_MAIN: _foreign_without_fpu,
}
