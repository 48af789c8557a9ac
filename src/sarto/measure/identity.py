"""What a board is: silicon, whose figures are *measured*, or an emulator, whose figures are *emulated*.

The board itself says it, by two registers that no program sets. On a Cortex-M they are CPUID, which names the core, and
the peripheral ID of the system control space (SCS), which has a part number of its own: 0x008 in a Cortex-M0, 0x000 in
a Cortex-M3, 0x00c in a Cortex-M4, 0xd21 in a Cortex-M33. QEMU gives the right CPUID, and to every core the SCS of a
Cortex-M3. On RISC-V they are marchid and mvendorid: a manufacturer's vendor is not 0; QEMU's is, with an architecture
of its own, or its version, in marchid.

>>> identify(0x410fc241, 0x000bb00c).how, identify(0x410fc240, 0x001bb000).how
('measured', 'emulated')
>>> identify(0x80000022, 0x31e, riscv=True).how, identify(42, 0, riscv=True).how
('measured', 'emulated')

Sources: Arm DDI 0432C (Cortex-M0), table 6.3; Arm DDI 0337I (Cortex-M3), table 7.3; Black Magic Probe,
src/target/adiv5.c, table of parts (Cortex-M4, Cortex-M33); QEMU, hw/intc/armv7m_nvic.c, nvic_id, and
target/riscv/cpu.c, RISCV_CPU_MARCHID; riscv-isa-manual, marchid.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sarto.core.errors import SartoError

ARM = 0x41
PARTS = {
    0xC20: "Cortex-M0",
    0xC60: "Cortex-M0+",
    0xC23: "Cortex-M3",
    0xC24: "Cortex-M4",
    0xC27: "Cortex-M7",
    0xD20: "Cortex-M23",
    0xD21: "Cortex-M33",
}
"""Part number in CPUID. Source: OpenOCD, src/target/cortex_m.h, enum cortex_m_partno."""
_CORTEX_M3 = 0xC23
_ARM_DESIGNER, _CORTEX_M3_SCS = 0x3B, 0x000
QEMU_MARCHID, QEMU_VERSIONS = 42, range(7 << 16, 16 << 16)


@dataclass(frozen=True)
class Identity:
    """What a board is: its `core`, what it says of itself in `words`, and `how` its figures are come by."""

    core: str
    words: str
    how: Literal["measured", "emulated"]


def identify(core: int, maker: int, *, riscv: bool = False) -> Identity:
    """Return what a board is that says `core` and `maker` of itself, see `deploy/c/board/counter.h`.

    Raises:
        SartoError: E117, when it is neither a known core of silicon nor a known emulator.
    """
    return _riscv(core, maker) if riscv else _arm(core, maker)


def _arm(cpuid: int, peripheral: int) -> Identity:
    implementer, variant, part, patch = cpuid >> 24, cpuid >> 20 & 0xF, cpuid >> 4 & 0xFFF, cpuid & 0xF
    scs, designer = peripheral & 0xFFF, peripheral >> 12 & 0x7F
    words = f"CPUID {cpuid:#010x}, SCS part {scs:#05x}"
    if implementer != ARM or part not in PARTS or designer != _ARM_DESIGNER or peripheral >> 19 & 1 == 0:
        raise _unknown(words, f"CPUID and SCS of {', '.join(PARTS.values())} are known")
    name = PARTS[part]
    words = f"{name} r{variant}p{patch}, {words}"
    if part == _CORTEX_M3:
        raise _unknown(words, "QEMU says the same of itself as a Cortex-M3 does")
    if scs == _CORTEX_M3_SCS:
        return Identity(name, f"QEMU's {words}", "emulated")
    return Identity(name, words, "measured")


def _riscv(marchid: int, mvendorid: int) -> Identity:
    words = f"marchid {marchid:#x}, mvendorid {mvendorid:#x}"
    if mvendorid:
        return Identity("RISC-V", f"RISC-V, {words}", "measured")
    if marchid == QEMU_MARCHID or marchid in QEMU_VERSIONS:
        return Identity("RISC-V", f"QEMU's RISC-V, {words}", "emulated")
    raise _unknown(words, "a manufacturer's mvendorid is not 0")


def _unknown(words: str, cause: str) -> SartoError:
    return SartoError(
        "E117",
        f"the board cannot be told from an emulator: {words}",
        cause=cause,
        hint="figures of a board that nobody can name are not taken as measured",
    )
