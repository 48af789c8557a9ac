"""The memory plan of a graph: every byte of its arena and of its tables, known before anything is compiled.

State is kept once per bank (a window that is open), scratch and scores once. `arena` gives the members of
the C structs in their order, which leaves no padding inside.
"""

from __future__ import annotations

from dataclasses import dataclass

from sarto.core.graph import Graph
from sarto.core.graph.values import DTYPES


@dataclass(frozen=True)
class Member:
    """A member of a C struct: `name`, integer type, number of elements (1 for a scalar)."""

    name: str
    dtype: str
    count: int
    scalar: bool = False

    @property
    def size_b(self) -> int:
        """Bytes of the member."""
        return self.width_b * self.count

    @property
    def width_b(self) -> int:
        """Bytes of one element."""
        return DTYPES[self.dtype]


@dataclass(frozen=True)
class Arena:
    """Members of one bank, how many banks there are, and the members they share."""

    bank: tuple[Member, ...]
    banks: int
    shared: tuple[Member, ...]

    @property
    def alignment_b(self) -> int:
        """Alignment of a bank and of the arena, that of the widest member."""
        return max(m.width_b for m in (*self.bank, *self.shared))

    @property
    def bank_b(self) -> int:
        """Bytes of one bank, padded to the alignment of its widest member."""
        return _up(sum(m.size_b for m in self.bank), max(m.width_b for m in self.bank))

    @property
    def size_b(self) -> int:
        """Bytes of the whole arena: all RAM that the model needs."""
        shared_at = _up(self.banks * self.bank_b, max(m.width_b for m in self.shared))
        return _up(shared_at + sum(m.size_b for m in self.shared), self.alignment_b)


def _up(size_b: int, alignment_b: int) -> int:
    return -(-size_b // alignment_b) * alignment_b


def arena(graph: Graph) -> Arena:
    """Return the arena of `graph`; wide members first, so that only the end of a struct is padded."""
    bank = [Member(t.name, t.dtype, t.shape[0]) for t in graph.kind("state")]
    if graph.window is not None:
        bank.append(Member("age", "int32", 1, scalar=True))
    bank += [Member("count", "uint16", 1, scalar=True), Member("segment", "uint16", 1, scalar=True)]
    shared = [Member(t.name, t.dtype, t.shape[0]) for t in (*graph.kind("scratch"), *graph.kind("output"))]
    shared.append(Member("label", "int32", 1, scalar=True))

    def by_width(members: list[Member]) -> tuple[Member, ...]:
        return tuple(sorted(members, key=lambda m: -m.width_b))

    return Arena(by_width(bank), graph.window.banks if graph.window else 1, by_width(shared))


def tables_b(graph: Graph) -> int:
    """Return the bytes of all constants of `graph`."""
    return sum(t.size_b for t in graph.kind("const"))
