"""The cube engine: counts whole sets of attributes at once, and goes on with the cells that are large enough.

A *cell* of a set of attributes is one combination of its items. From the cells of a set, those of the set with
attribute `a` more are counted by one pass over the rows,

    n[item of a, cell, code] = how many rows have this item, lie in this cell, and have this code,

for all cells of the set together; cells with fewer than `least` rows are dropped with their rows (no cell within them
can be larger), so what is left gets smaller the deeper it goes. Attributes come in the order of falling numbers of
items, which drops most first. The last few, of few items, are no level of their own but a part of the code (the
*tail*): the counts for their subsets are margins of the same counts. The work is cut into `PARTS` parts, the same
ones however many workers there are.

Source: Beyer and Ramakrishnan, "Bottom-up computation of sparse and iceberg cubes", SIGMOD 1999 (BUC); Gray et al.,
"Data cube", Data Mining and Knowledge Discovery 1 (1997) (margins).

>>> from sarto.audit.subgroups import Attributes, Outcomes
>>> from sarto.audit.subgroups.cells import cells, whole
>>> attributes = Attributes.from_columns({"sex": ["f", "m", "f"], "age": [20, 30, 30]})
>>> outcomes = Outcomes.from_predictions([0, 0, 1], [0, 1, 1], metrics=["accuracy"])
>>> table = cells(attributes, whole(outcomes))
>>> for chunk in cube_part(table, parts(table, 2)[0], least=2, max_len=2, limit=100):
...     print(chunk.sets.tolist(), chunk.values.tolist(), chunk.counts.tolist())
[[1]] [[1]] [[1, 1]]
[[0]] [[0]] [[0, 2]]
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Int, Int16, Int64, Shaped

from sarto.audit.subgroups.cells import Cells
from sarto.audit.subgroups.layer import Chunk, too_many

TAIL = 32
"""Most combinations of a tail's items and a code. On 32,561 rows of 12 attributes 16 to 64 take about the same time."""

PARTS, SETS = 32, 64
"""Parts that the work is cut into at most: enough for the workers of one machine, and few enough to hand the table to
each. A part has about so many sets of attributes at least, which take some milliseconds."""

Part = tuple[tuple[int, int], ...]
"""Pairs of the first and the second attribute (positions in the head) of sets; second -1 is the set of the first alone,
first -1 that of no attribute of the head."""


def order(table: Cells) -> tuple[list[int], list[int]]:
    """Return the attributes of the head in their order, and those of the tail."""
    falling = sorted(range(len(table.sizes)), key=lambda a: (-table.sizes[a], a))
    tail: list[int] = []
    room = TAIL // table.n_codes
    for a in falling[::-1]:
        if table.sizes[a] <= room and len(table.items[a]) == 1 and not (table.items[a] < 0).any():
            room //= table.sizes[a]
            tail.append(a)
    return [a for a in falling if a not in tail], tail


def parts(table: Cells, max_len: int) -> list[Part]:
    """Return the parts of the work, of about equal numbers of sets; those of one first attribute follow each other."""
    head = len(order(table)[0])
    loads: dict[tuple[int, int], int] = {(-1, -1): 1}
    for i in range(head):
        loads[i, -1] = 1
        for j in range(i + 1, head if max_len > 1 else 0):
            loads[i, j] = sum(math.comb(head - 1 - j, more) for more in range(min(head, max_len - 1)))
    total = sum(loads.values())
    each = total / min(PARTS, max(1, total // SETS))
    found: list[list[tuple[int, int]]] = [[]]
    load = 0
    for pair, own in loads.items():
        if load >= each:
            found, load = [*found, []], 0
        found[-1].append(pair)
        load += own
    return [tuple(part) for part in found]


@dataclass(frozen=True)
class _Node:
    """The cells of a set of head attributes that are left, and the rows in them.

    Attributes:
        attributes: positions in the head.
        values: the items of each cell.
        key: of each row `cell * width + tail and code`.
        rows: their numbers in the table; None is all.
    """

    attributes: tuple[int, ...]
    values: Int16[np.ndarray, "cell item"]
    key: Int64[np.ndarray, " row"]
    rows: Int64[np.ndarray, " row"] | None


@dataclass
class _Found:
    """Cells of sets of head attributes of one length."""

    attributes: list[tuple[int, ...]] = field(default_factory=list[tuple[int, ...]])
    values: list[Int16[np.ndarray, "_ item"]] = field(default_factory=list[Int16[np.ndarray, "_ item"]])
    counts: list[Int64[np.ndarray, "_ code"]] = field(default_factory=list[Int64[np.ndarray, "_ code"]])
    sums: list[Float[np.ndarray, "_ tail column"]] = field(
        default_factory=list[Float[np.ndarray, "_ tail column"]]
    )


class _Cube:
    """One part of the work."""

    def __init__(self, table: Cells, least: int, max_len: int) -> None:
        self.table, self.least, self.max_len = table, least, max_len
        self.head, self.tail = order(table)
        self.shape = tuple(table.sizes[a] for a in self.tail)
        self.tails = int(np.prod(self.shape, dtype=np.int64))
        self.width = self.tails * table.n_codes
        self.columns = [table.items[a].astype(np.int64) for a in self.head]
        self.gaps = [bool((column < 0).any()) for column in self.columns]
        key = np.zeros(len(table.codes), dtype=np.int64)
        for a in self.tail:
            key = key * table.sizes[a] + table.items[a][0]
        self.base = key * table.n_codes + table.codes
        self.counted = None if table.counted.all() else np.flatnonzero(table.counted)
        self.found: dict[int, _Found] = {}

    def run(self, part: Part) -> None:
        """Count the sets of one part."""
        root = _Node((), np.zeros((1, 0), np.int16), self.base, None)
        first, node = -1, None
        for i, j in part:
            if i < 0:
                counts, sums = self._count(root.key, None, 1)
                self._keep(root, counts, sums)
                continue
            if i != first:
                first, node = i, self._child(root, i, leaf=False, keep=(i, -1) in part)
            if j >= 0 and node is not None:
                self._below(node, j)

    def _below(self, node: _Node, a: int) -> None:
        """Count the set of a node with attribute `a` more, and all sets with attributes after it."""
        leaf = a == len(self.head) - 1 or len(node.attributes) + 1 >= self.max_len
        child = self._child(node, a, leaf=leaf, keep=True)
        if child is not None and not leaf:
            for after in range(a + 1, len(self.head)):
                self._below(child, after)

    def _child(self, node: _Node, a: int, *, leaf: bool, keep: bool) -> _Node | None:
        """Count and keep the cells of a node's set with attribute `a`; return them with their rows, None if no row is
        left.
        """
        size, cells = self.table.sizes[self.head[a]], len(node.values)
        keys: list[Int64[np.ndarray, " row"]] = []
        rows: list[Int64[np.ndarray, " row"] | None] = []
        for item in self.columns[a]:
            items = item if node.rows is None else item[node.rows]
            key, own = node.key, node.rows
            if self.gaps[a]:
                there = np.flatnonzero(items >= 0)
                items, key, own = items[there], key[there], there if own is None else own[there]
            keys.append(items * (cells * self.width) + key)
            rows.append(own)
        key = keys[0] if len(keys) == 1 else np.concatenate(keys)
        own = rows[0] if len(rows) == 1 else np.concatenate([self._numbers(each) for each in rows])
        counts, sums = self._count(key, own, size * cells)
        alive = np.flatnonzero(self._support(counts) >= self.least)
        if not len(alive):
            return None
        item, cell = np.divmod(alive, cells)
        values = np.column_stack([node.values[cell], item.astype(np.int16)])
        child = _Node((*node.attributes, a), values, key, own)
        if keep:
            self._keep(child, counts[alive], sums[alive])
        if leaf:
            return None
        return self._narrowed(child, alive, size * cells)

    def _narrowed(self, child: _Node, alive: Int64[np.ndarray, " cell"], cells: int) -> _Node:
        """Return the node without the rows of cells that are not alive, its cells numbered anew."""
        if len(alive) == cells:
            return child
        place = np.full((cells, self.width), -1, dtype=np.int64)
        place[alive] = np.arange(len(alive) * self.width).reshape(-1, self.width)
        key = place.reshape(-1)[child.key]
        left = np.flatnonzero(key >= 0)
        rows = left if child.rows is None else child.rows[left]
        return _Node(child.attributes, child.values, key[left], rows)

    def _support(self, counts: Shaped[np.ndarray, "cell ..."]) -> Shaped[np.ndarray, "cell ..."]:
        """Return how many rows of each cell count for the support, given those of each code, the last axis."""
        if self.counted is None:
            return counts.sum(axis=-1)
        shape = (*counts.shape[:-1], -1, self.table.n_codes)
        return counts.reshape(shape)[..., self.counted].sum(axis=(-2, -1))

    def _numbers(self, rows: Int64[np.ndarray, " row"] | None) -> Int64[np.ndarray, " row"]:
        return np.arange(len(self.base)) if rows is None else rows

    def _count(
        self, key: Int64[np.ndarray, " row"], rows: Int64[np.ndarray, " row"] | None, cells: int
    ) -> tuple[Shaped[np.ndarray, "cell code"], Float[np.ndarray, "cell tail column"]]:
        """Return counts and sums of all cells."""
        weights, chosen = self.table.weights, slice(None) if rows is None else rows
        counts = np.bincount(key, None if weights is None else weights[chosen], cells * self.width)
        sums = np.zeros((cells, self.tails, len(self.table.reals)))
        if len(self.table.reals):
            wide = key // self.table.n_codes
            for column, values in enumerate(self.table.reals):
                sums[:, :, column] = np.bincount(wide, values[chosen], cells * self.tails).reshape(cells, -1)
        return counts.reshape(cells, self.width), sums

    def _keep(
        self,
        node: _Node,
        counts: Shaped[np.ndarray, "cell code"],
        sums: Float[np.ndarray, "cell tail column"],
    ) -> None:
        found = self.found.setdefault(len(node.attributes), _Found())
        found.attributes.append(node.attributes)
        found.values.append(node.values)
        found.counts.append(counts.astype(np.int64, copy=False))
        found.sums.append(sums)

    def chunks(self) -> Iterator[Chunk]:
        """Return what was found, with the subsets of the tail."""
        for length, found in sorted(self.found.items()):
            values, sums = np.concatenate(found.values), np.concatenate(found.sums)
            counts = np.concatenate(found.counts).reshape(len(values), *self.shape, self.table.n_codes)
            sums = sums.reshape(len(values), *self.shape, sums.shape[-1])
            sets = np.array([[self.head[a] for a in each] for each in found.attributes], dtype=np.int16)
            set_of = np.repeat(np.arange(len(sets)), [len(each) for each in found.values])
            for more in range(len(self.tail) + 1):
                for subset in combinations(range(len(self.tail)), more):
                    if 1 <= length + more <= self.max_len:
                        yield self._margin(
                            sets.reshape(len(sets), length), set_of, values, counts, sums, subset
                        )

    def _margin(
        self,
        sets: Int16[np.ndarray, "set item"],
        set_of: Int64[np.ndarray, " cell"],
        values: Int16[np.ndarray, "cell item"],
        counts: Int64[np.ndarray, "cell ..."],
        sums: Float[np.ndarray, "cell ..."],
        subset: tuple[int, ...],
    ) -> Chunk:
        """Return the subgroups of the head's sets with the attributes of a subset of the tail."""
        others = tuple(1 + axis for axis in range(len(self.tail)) if axis not in subset)
        counts = counts.sum(axis=others) if others else counts
        alive: Bool[np.ndarray, "cell ..."] = self._support(counts) >= self.least
        where = np.nonzero(alive)
        tails = np.column_stack([values[where[0]], *(each.astype(np.int16) for each in where[1:])])
        added = np.tile(np.array([self.tail[axis] for axis in subset], dtype=np.int16), (len(sets), 1))
        sizes: Int[np.ndarray, " set"] = np.bincount(set_of[where[0]], minlength=len(sets))
        return Chunk(
            np.hstack([sets, added.reshape(len(sets), len(subset))])[sizes > 0],
            sizes[sizes > 0],
            tails,
            counts[where],
            (sums.sum(axis=others) if others else sums)[where],
        )


def cube_part(table: Cells, part: Part, *, least: int, max_len: int, limit: int) -> list[Chunk]:
    """Return the subgroups of one part.

    Args:
        table: rows to count.
        part: one of `parts`.
        least: rows of a subgroup, at least.
        max_len: items of a subgroup, at most.
        limit: subgroups, at most.

    Raises:
        InputError: E141, where there are more.
    """
    cube = _Cube(table, least, max_len)
    cube.run(part)
    found: list[Chunk] = []
    total = 0
    for chunk in cube.chunks():
        total += len(chunk.values)
        if total > limit:
            raise too_many(limit)
        if len(chunk.values):
            found.append(chunk)
    return found
