"""The image that a user would flash: its bytes, and what lies where.

`memory_map` returns every byte of flash and static RAM by name; its rows of flash sum to `flash_b`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from sarto.core.device import Device, Memory
from sarto.core.table import Table
from sarto.measure.elf import Elf, read


@dataclass(frozen=True)
class Image:
    """A built program.

    Attributes:
        elf: the linked file, with symbols.
        device: that it was built for.
        flash_limit_b: flash that the linker was allowed.
        ram_limit_b: RAM that the linker was allowed, the stack included.
        stack_b: RAM set aside for the stack, at the bottom of the RAM.
        runtime: functions of the compiler's own library that the program needs, such as `__aeabi_lmul`.
        constants: the integers that `model.h` defines, such as `MODEL_CHANNELS`.
        toolchain: compiler and version.
        command: what was run, with names for paths.
        diagnostics: what the compiler said; empty when there was nothing to say.
    """

    elf: bytes
    device: Device
    flash_limit_b: int
    ram_limit_b: int
    stack_b: int
    runtime: tuple[str, ...]
    constants: Mapping[str, int]
    toolchain: str
    command: str
    diagnostics: str

    @property
    def flash_allowed(self) -> Memory:
        """The flash that the linker was allowed."""
        return replace(self.device.flash, size_b=self.flash_limit_b)

    @property
    def ram_allowed(self) -> Memory:
        """The RAM that the linker was allowed."""
        return replace(self.device.ram, size_b=self.ram_limit_b)

    @cached_property
    def contents(self) -> Elf:
        """What the linked file says."""
        return read(self.elf)

    @cached_property
    def flash(self) -> bytes:
        """The bytes to flash from the device's flash origin on: vectors, code, tables, initial values of variables."""
        loads = self.contents.loads
        origin = self.device.flash.origin
        end = max(address + len(content) for address, content in loads)
        flash = bytearray(b"\xff" * (end - origin))
        for address, content in loads:
            flash[address - origin : address - origin + len(content)] = content
        return bytes(flash)

    @property
    def flash_b(self) -> int:
        """Size of what is flashed."""
        return len(self.flash)

    @cached_property
    def static_ram_b(self) -> int:
        """Size of all variables, padding between them included, without the stack."""
        ram = self.device.ram
        sections = [s for s in self.contents.sections if ram.origin <= s.address < ram.origin + ram.size_b]
        ends = [s.address + s.size_b for s in sections if s.name != ".stack"]
        return max(ends) - (ram.origin + self.stack_b) if ends else 0

    @cached_property
    def sha256(self) -> str:
        """Hash of the bytes to flash."""
        return hashlib.sha256(self.flash).hexdigest()

    def memory_map(self) -> Table:
        """Return what each function, table and variable takes, in order of address.

        Kinds in flash: `vectors`, `code`, `table`, `initial values`, `unnamed` (constants without a name, padding);
        in RAM: `variable`, `unnamed`.
        """
        rows: list[tuple[float | int | str, ...]] = []
        for section in self.contents.sections:
            if section.name == ".stack":
                continue
            in_ram = section.address >= self.device.ram.origin
            rows += _rows(self.contents, section.address, section.size_b, "RAM" if in_ram else "flash")
            if in_ram and section.content is not None:
                rows.append(("flash", section.name, "initial values", section.size_b))
        for region, total in (("flash", self.flash_b), ("RAM", self.static_ram_b)):
            if padding := total - sum(int(row[3]) for row in rows if row[0] == region):
                rows.append((region, "between sections", "unnamed", padding))
        rows.sort(key=lambda row: row[0] == "RAM")
        return Table(
            "memory map",
            ("region", "name", "kind", "bytes"),
            ("", "", "", "B"),
            tuple(rows),
            ("", "", "", "measured"),
        )


def _rows(elf: Elf, start: int, size_b: int, region: str) -> list[tuple[float | int | str, ...]]:
    rows: list[tuple[float | int | str, ...]] = []
    at = start
    for symbol in elf.symbols:
        if not at <= symbol.address < start + size_b or not symbol.size_b:
            continue
        kind = "variable" if region == "RAM" else "code" if symbol.is_code else "table"
        rows.append((region, symbol.name, "vectors" if symbol.section == ".vectors" else kind, symbol.size_b))
        at = symbol.address + symbol.size_b
    if unnamed := size_b - sum(int(row[3]) for row in rows):
        section = next(s.name for s in elf.sections if s.address == start)
        rows.append((region, section, "unnamed", unnamed))
    return rows


def constants(header: str) -> dict[str, int]:
    r"""Return the integer constants that a C header defines.

    >>> constants("#define MODEL_CHANNELS 6\n#define MODEL_ARENA_BYTES (12)  /* RAM */\n#define A B")
    {'MODEL_CHANNELS': 6, 'MODEL_ARENA_BYTES': 12}
    """
    found = re.findall(r"^\s*#define\s+(\w+)\s+\(?(-?\d+)[uUlL]*\)?\s*(?:/[/*].*)?$", header, re.MULTILINE)
    return {name: int(value) for name, value in found}
