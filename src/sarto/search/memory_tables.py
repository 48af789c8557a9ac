"""The maps of flash and RAM of a measured image, every byte of its figures in one row."""

from __future__ import annotations

from collections.abc import Sequence

from sarto.core.points import OperatingPoint
from sarto.core.table import Table
from sarto.measure.model import Measured


def memory_tables(
    measured: Measured, point: OperatingPoint, arena: Sequence[tuple[str, str, int]]
) -> list[Table]:
    """Return the tables `flash map` and `ram map`; `arena` has name, kind and bytes of what the arena holds."""
    tables: list[Table] = []
    for region, name in (("flash", "flash map"), ("RAM", "ram map")):
        how = point.find(region.lower()).how
        rows = [r[1:] for r in measured.memory.rows if r[0] == region]
        if region == "RAM":
            rows = [part for row in rows for part in (arena if row[0] == "arena" else [row])]
            rows.append(("stack, at its deepest", "stack", measured.peak_stack_b))
        sized = tuple((str(n), int(b), str(k)) for n, k, b in rows)
        tables.append(Table(name, ("name", "bytes", "kind"), ("", "B", ""), sized, ("", how, "")))
    return tables
