"""What an ELF file for Arm or RISC-V says of itself. The one file that touches pyelftools, which has no types.

>>> read(b"no ELF")
Traceback (most recent call last):
...
sarto.core.errors.SartoError: error[E103]: this is no ELF file...
"""
# pyright: basic, reportAttributeAccessIssue=false

from __future__ import annotations

import io
import re
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Literal

from sarto.core.errors import SartoError

RISCV32 = -243
"""Stands for 32-bit RISC-V where `Tag_CPU_arch` of Arm stands: minus its machine number in ELF."""


@dataclass(frozen=True)
class Section:
    """A section in memory: `name`, first `address`, `size_b`, and the bytes it loads (None: it loads none)."""

    name: str
    address: int
    size_b: int
    content: bytes | None


@dataclass(frozen=True)
class Symbol:
    """A named function or object: its `section`, first `address` and `size_b`."""

    name: str
    section: str
    address: int
    size_b: int
    is_code: bool


@dataclass(frozen=True)
class Elf:
    """What was read.

    Attributes:
        architecture: `Tag_CPU_arch` of the build attributes, or `RISCV32`.
            Source: Arm, "Addenda to, and errata in, the ABI for the Arm Architecture", build attributes.
        sections: those with an address, in order of address.
        loads: physical address and content of each segment that is loaded.
        symbols: functions and objects, in order of address.
        labels: the addresses of other names, such as those that the linker script sets.
        marks: address and kind (`t` Thumb code, `x` RISC-V code, `d` data) of the mapping symbols, in order of address.
            Source: Arm, "ELF for the Arm Architecture", and "RISC-V ABIs specification", mapping symbols.
    """

    architecture: int
    sections: tuple[Section, ...]
    loads: tuple[tuple[int, bytes], ...]
    symbols: tuple[Symbol, ...]
    labels: dict[str, int]
    marks: tuple[tuple[int, str], ...]


def read(elf: bytes) -> Elf:
    """Return what the ELF file `elf` says.

    Raises:
        SartoError: E103, when it is no ELF file for Arm or 32-bit RISC-V; E301, when pyelftools is not installed.
    """
    file = _opened(elf)
    sections = [s for s in file.iter_sections() if s["sh_flags"] & 2 and s["sh_size"]]  # SHF_ALLOC
    names = {file.get_section_index(s.name): s.name for s in sections}
    symbols: list[Symbol] = []
    labels: dict[str, int] = {}
    marks: list[tuple[int, str]] = []
    table = file.get_section_by_name(".symtab")
    for symbol in table.iter_symbols() if table is not None else ():
        kind = symbol["st_info"]["type"]
        if symbol.name[:2] in ("$t", "$d", "$x"):
            marks.append((symbol["st_value"], symbol.name[1]))
        elif kind in ("STT_FUNC", "STT_OBJECT"):
            is_code = kind == "STT_FUNC"
            address = symbol["st_value"] & (~1 if is_code and file["e_machine"] == "EM_ARM" else ~0)
            section = names.get(symbol["st_shndx"], "")
            symbols.append(Symbol(symbol.name, section, address, symbol["st_size"], is_code))
        elif kind == "STT_NOTYPE" and symbol.name:
            labels[symbol.name] = symbol["st_value"]
    return Elf(
        architecture=_architecture(file),
        sections=tuple(
            sorted(
                (
                    Section(
                        s.name, s["sh_addr"], s["sh_size"], None if s["sh_type"] == "SHT_NOBITS" else s.data()
                    )
                    for s in sections
                ),
                key=lambda s: s.address,
            )
        ),
        loads=tuple(
            (s["p_paddr"], s.data())
            for s in file.iter_segments()
            if s["p_type"] == "PT_LOAD" and s["p_filesz"]
        ),
        symbols=tuple(sorted(symbols, key=lambda s: (s.address, s.name))),
        labels=labels,
        marks=tuple(sorted(marks)),
    )


@dataclass(frozen=True)
class Part:
    """A section of an object file: its own `name`, its `kind` (code, table, initial values, zeroed) and `size_b`."""

    name: str
    kind: Literal["code", "table", "initial values", "zeroed"]
    size_b: int


def parts(elf: bytes) -> tuple[Part, ...]:
    """Return what the object file `elf`, of whichever core, loads and clears, in the order of its sections.

    With `-ffunction-sections -fdata-sections` each function and object is a section of its own.

    Raises:
        SartoError: E103, when it is no ELF file; E301, when pyelftools is not installed.
    """
    found: list[Part] = []
    for section in _opened(elf).iter_sections():
        if not section["sh_flags"] & 2 or section.name.startswith((".eh_frame", ".note")):  # SHF_ALLOC
            continue
        kind = "table"
        if section["sh_type"] == "SHT_NOBITS":
            kind = "zeroed"
        elif section["sh_flags"] & 4:  # SHF_EXECINSTR
            kind = "code"
        elif section["sh_flags"] & 1:  # SHF_WRITE
            kind = "initial values"
        if section["sh_size"]:
            name = re.sub(r"^\.(text|rodata|data|bss)\.(rel\.ro\.|unlikely\.|hot\.)?", "", section.name)
            each = re.fullmatch(r"cst(\d+)", name)
            name = f"constants of the code, {each[1]} B each" if each else name
            found.append(Part(name, kind, section["sh_size"]))
    return tuple(found)


def check_reader() -> None:
    """Check that object files can be read.

    Raises:
        SartoError: E301, when pyelftools is not installed.
    """
    if find_spec("elftools") is None:
        raise SartoError(
            "E301",
            "pyelftools is not installed",
            cause="there is no Python package elftools",
            hint="python -m pip install 'sarto[mcu]'",
        )


def _opened(elf: bytes):
    check_reader()
    from elftools.common.exceptions import ELFError
    from elftools.elf.elffile import ELFFile

    try:
        return ELFFile(io.BytesIO(elf))
    except ELFError as error:
        hint = "give an image that sarto built"
        raise SartoError("E103", "this is no ELF file", cause=str(error), hint=hint) from error


def _architecture(file) -> int:
    if file["e_machine"] == "EM_RISCV" and file.elfclass == 32:
        return RISCV32
    attributes = file.get_section_by_name(".ARM.attributes")
    if attributes is not None:
        for vendor in attributes.iter_subsections():
            for scope in vendor.iter_subsubsections():
                for attribute in scope.iter_attributes("TAG_CPU_ARCH"):
                    return int(attribute.value)
    raise SartoError(
        "E103",
        "this ELF file is for neither Arm nor 32-bit RISC-V",
        cause="it has no build attributes",
        hint="build it anew",
    )
