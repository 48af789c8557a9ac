"""The bytes of a file that holds a network, tensor by tensor and part by part, with every byte in one cell.

Returns a `ByteTable`, or the same bytes as a memory map. Tensors beyond a number are one row, so that the bytes still
add up to the file.

>>> rows = ("", "header", 12), ("fc.weight", "codebook", 8), ("fc.weight", "symbols", 30), ("fc.bias", "bias", 4)
>>> found = by_tensor(Table("bytes", ("tensor", "part", "bytes"), ("", "", "B"), rows, ("", "", "measured")))
>>> found.parts, found.total_b, [(row.tensor, row.sizes_b, row.size_b) for row in found.rows][:2]
(('symbols', 'header', 'codebook', 'bias'), 54, [('(file)', (0, 12, 0, 0), 12), ('fc.weight', (30, 0, 8, 0), 38)])
"""

from __future__ import annotations

from dataclasses import dataclass

from sarto.core.table import Table

MOST_TENSORS = 40
FILE = "(file)"
"""Stands where a tensor's name would for what belongs to none: the header and the architecture."""


@dataclass(frozen=True)
class TensorRow:
    """A tensor: its bytes by the parts of the table, and together."""

    tensor: str
    sizes_b: tuple[int, ...]

    @property
    def size_b(self) -> int:
        """All bytes of the tensor."""
        return sum(self.sizes_b)


@dataclass(frozen=True)
class ByteTable:
    """Rows of tensors in the order of the file, the parts, the largest first, and where the bytes come from."""

    parts: tuple[str, ...]
    rows: tuple[TensorRow, ...]
    how: str

    @property
    def sums_b(self) -> tuple[int, ...]:
        """The bytes of each part."""
        return tuple(sum(row.sizes_b[i] for row in self.rows) for i in range(len(self.parts)))

    @property
    def total_b(self) -> int:
        """The bytes of the file."""
        return sum(self.sums_b)


def by_tensor(table: Table, most: int = MOST_TENSORS) -> ByteTable:
    """Return the rows of `table` (columns tensor, part, bytes) by tensor, without parts that take nothing.

    Args:
        table: a row for each part of each tensor.
        most: rows; the smallest tensors beyond are one row together.
    """
    sizes: dict[str, dict[str, int]] = {}
    for tensor, part, size in table.rows:
        row = sizes.setdefault(str(tensor) or FILE, {})
        row[str(part)] = row.get(str(part), 0) + int(size)
    sums: dict[str, int] = {}
    for _, part, size in table.rows:
        sums[str(part)] = sums.get(str(part), 0) + int(size)
    parts = tuple(sorted((part for part in sums if sums[part]), key=lambda part: -sums[part]))
    rows = [TensorRow(name, tuple(row.get(part, 0) for part in parts)) for name, row in sizes.items()]
    if len(rows) > most:
        kept = {row.tensor for row in sorted(rows, key=lambda row: -row.size_b)[: most - 1]}
        rest = [row for row in rows if row.tensor not in kept]
        together = tuple(sum(row.sizes_b[i] for row in rest) for i in range(len(parts)))
        rows = [row for row in rows if row.tensor in kept]
        rows.append(TensorRow(f"{len(rest)} smaller tensors", together))
    return ByteTable(parts, tuple(rows), table.how[table.columns.index("bytes")])


def as_map(table: Table) -> Table:
    """Return the bytes as a memory map (name, bytes, kind), whose kinds are the parts."""
    rows = tuple((str(tensor) or FILE, int(size), str(part)) for tensor, part, size in table.rows)
    return Table("flash map", ("name", "bytes", "kind"), ("", "B", ""), rows, ("", table.how[2], ""))
