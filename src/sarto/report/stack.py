"""The memory map: which part takes how many bytes of flash or RAM, with every byte accounted for.

Returns the parts grouped by kind, largest first. Where the table falls short of the figure that was judged, the
difference is a part of its own, so that the parts add up to the figure or the page says by how much they exceed it.

>>> table = Table("flash map", ("name", "bytes", "kind"), ("", "B", ""), (("W", 60, "weights"), ("code", 30, "code")),
...               ("", "measured", ""))
>>> stack = memory_map(table, total_b=100)
>>> [(p.name, p.size_b, p.share) for p in stack.parts], stack.excess_b
([('W', 60, 0.6), ('code', 30, 0.3), ('not attributed', 10, 0.1)], 0)
"""

from __future__ import annotations

from dataclasses import dataclass

from sarto.core.table import Table
from sarto.report.palette import KINDS

MOST_PARTS = 40
"""Parts listed one by one; the smaller ones beyond are one line, so that the bytes still add up."""


@dataclass(frozen=True)
class Part:
    """A part of a memory: `size_b` bytes, where it begins and how long it is as a share, and its colour's number."""

    name: str
    kind: str
    size_b: int
    start: float
    share: float
    colour: int


@dataclass(frozen=True)
class Stack:
    """A memory map.

    Attributes:
        parts: grouped by kind, the largest kind first.
        kinds: kind, bytes and colour number, in the order of the parts.
        total_b: what the parts add up to.
        excess_b: bytes by which the listed parts exceed the figure that was judged, else 0.
        how: where the bytes come from.
    """

    parts: tuple[Part, ...]
    kinds: tuple[tuple[str, int, int], ...]
    total_b: int
    excess_b: int
    how: str


def memory_map(table: Table, total_b: float | None) -> Stack:
    """Return the parts that `table` (columns name, bytes, kind) lists, completed to `total_b` bytes.

    Args:
        table: one row per part.
        total_b: the figure that was judged; None when there is none, and the table is then the whole.
    """
    listed = [
        (str(name), str(kind), int(size))
        for name, size, kind in zip(
            table.column("name"), table.column("bytes"), table.column("kind"), strict=True
        )
        if int(size)
    ]
    missing = 0 if total_b is None else round(total_b) - sum(size for _, _, size in listed)
    if missing > 0:
        listed.append(("not attributed", "not attributed", missing))
    listed.sort(key=lambda part: -part[2])
    if len(listed) > MOST_PARTS:
        rest = listed[MOST_PARTS - 1 :]
        listed = [
            *listed[: MOST_PARTS - 1],
            (f"{len(rest)} smaller parts", "several", sum(s for _, _, s in rest)),
        ]
    sizes: dict[str, int] = {}
    for _, kind, size in listed:
        sizes[kind] = sizes.get(kind, 0) + size
    order = sorted(sizes, key=lambda kind: (kind == "not attributed", -sizes[kind]))
    colour = {kind: KINDS if kind == "not attributed" else min(i + 1, KINDS) for i, kind in enumerate(order)}
    total = sum(sizes.values())
    parts: list[Part] = []
    start = 0
    for name, kind, size in sorted(listed, key=lambda part: order.index(part[1])):
        parts.append(Part(name, kind, size, start / total, size / total, colour[kind]))
        start += size
    kinds = tuple((kind, sizes[kind], colour[kind]) for kind in order)
    return Stack(tuple(parts), kinds, total, max(0, -missing), table.how[table.columns.index("bytes")])
