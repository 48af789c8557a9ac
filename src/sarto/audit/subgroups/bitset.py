"""The bitset engine: each item is a string of bits, one a row, and a group is the `and` of its items'.

Rows are laid in the order of their joint codes, and each code begins a new 64-bit word, so the counts of all codes
are sums of the words' numbers of ones between fixed places. Items that do not reach the support together with a group
are not tried with the groups within it. It is the faster engine where few groups are large enough, whatever their
number of items.

Source: Zaki, "Scalable algorithms for association mining", IEEE TKDE 12 (2000) (Eclat: vertical lists of rows,
equivalence classes of prefixes).

>>> from sarto.audit.subgroups import Attributes, Outcomes
>>> from sarto.audit.subgroups.cells import cells, whole
>>> attributes = Attributes.from_columns({"sex": ["f", "m", "f"], "age": [20, 30, 30]})
>>> outcomes = Outcomes.from_predictions([0, 0, 1], [0, 1, 1], metrics=["accuracy"])
>>> table = cells(attributes, whole(outcomes), merge=False)
>>> for chunk in bitset(table, least=2, max_len=2, limit=100):
...     print(chunk.sets.tolist(), chunk.values.tolist(), chunk.counts.tolist())
[[0], [1]] [[0], [1]] [[0, 2], [1, 1]]
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float, Int, Int64, UInt64

from sarto.audit.subgroups.cells import Cells
from sarto.audit.subgroups.layer import Chunk, too_many


class _Bits:
    """The items' bits, and the groups found so far."""

    def __init__(self, table: Cells, least: int, max_len: int, limit: int) -> None:
        assert table.weights is None
        self.least, self.max_len, self.limit = least, max_len, limit
        counts = np.bincount(table.codes, minlength=table.n_codes)
        self.present = np.flatnonzero(counts)
        self.n_codes, self.counted = table.n_codes, table.counted[self.present]
        words = -(-counts[self.present] // 64)
        self.starts = np.cumsum([0, *words.tolist()])[:-1]
        order = np.argsort(table.codes, kind="stable")
        within = np.arange(len(order)) - np.repeat(np.cumsum(counts) - counts, counts)
        shift = np.zeros(self.n_codes, dtype=np.int64)
        shift[self.present] = self.starts * 64
        place = np.empty(len(order), dtype=np.int64)
        place[order] = shift[table.codes[order]] + within
        width = int(words.sum()) * 64
        bits, self.attribute = list[UInt64[np.ndarray, " word"]](), list[int]()
        for a, (codes, size) in enumerate(zip(table.items, table.sizes, strict=True)):
            wide = np.zeros((size, width), dtype=np.uint8)
            for level in codes:
                there = np.flatnonzero(level >= 0)
                wide[level[there], place[there]] = 1
            bits += list(np.packbits(wide, axis=1).view(np.uint64))
            self.attribute += [a] * size
        self.bits = np.array(bits)
        self.of = np.array(self.attribute)
        self.first = np.cumsum([0, *table.sizes])
        self.reals = np.zeros((width, len(table.reals)))
        self.reals[place] = table.reals.T
        self.total = 0
        self.items: dict[int, list[Int64[np.ndarray, "group item"]]] = {}
        self.counts: dict[int, list[Int64[np.ndarray, "group code"]]] = {}
        self.sums: dict[int, list[Float[np.ndarray, "group column"]]] = {}

    def descend(
        self,
        prefix: tuple[int, ...],
        rows: UInt64[np.ndarray, " word"] | None,
        candidates: Int64[np.ndarray, " item"],
    ) -> None:
        """Keep the groups of a prefix with one candidate more, and go on with each."""
        bits = self.bits[candidates] if rows is None else self.bits[candidates] & rows
        ones = np.bitwise_count(bits)
        counts = np.add.reduceat(ones, self.starts, axis=1, dtype=np.int64)
        alive = np.flatnonzero(counts[:, self.counted].sum(axis=1) >= self.least)
        if not len(alive):
            return
        items, bits, length = candidates[alive], bits[alive], len(prefix) + 1
        self._keep(prefix, items, bits, counts[alive])
        if length < self.max_len:
            for at, item in enumerate(items.tolist()):
                later = items[np.searchsorted(items, self.first[self.of[item] + 1]) :]
                if len(later):
                    self.descend((*prefix, item), bits[at], later)

    def _keep(
        self,
        prefix: tuple[int, ...],
        items: Int64[np.ndarray, " group"],
        bits: UInt64[np.ndarray, "group word"],
        counts: Int64[np.ndarray, "group code"],
    ) -> None:
        self.total += len(items)
        if self.total > self.limit:
            raise too_many(self.limit)
        length = len(prefix) + 1
        before = np.tile(np.array(prefix, dtype=np.int64), (len(items), 1)).reshape(len(items), -1)
        every = np.zeros((len(items), self.n_codes), dtype=np.int64)
        every[:, self.present] = counts
        self.items.setdefault(length, []).append(np.column_stack([before, items]))
        self.counts.setdefault(length, []).append(every)
        self.sums.setdefault(length, []).append(self._summed(bits))

    def _summed(self, bits: UInt64[np.ndarray, "group word"]) -> Float[np.ndarray, "group column"]:
        """Return the sums of real outcomes of each group, in some groups at a time."""
        found = np.zeros((len(bits), self.reals.shape[1]))
        if self.reals.shape[1]:
            for at in range(0, len(bits), 16):
                ones = np.unpackbits(bits[at : at + 16].view(np.uint8), axis=1)
                found[at : at + 16] = ones.astype(np.float64) @ self.reals
        return found

    def chunk(self, length: int) -> Chunk:
        """Return the groups of `length` items, set by set."""
        items = np.concatenate(self.items[length])
        of = self.of[items]
        order = np.lexsort((*items.T[::-1], *of.T[::-1]))
        of, items = of[order], items[order]
        new: Int[np.ndarray, " set"] = np.flatnonzero(np.r_[True, (of[1:] != of[:-1]).any(axis=1)])
        return Chunk(
            of[new].astype(np.int16),
            np.diff(np.r_[new, len(of)]),
            (items - self.first[of]).astype(np.int16),
            np.concatenate(self.counts[length])[order],
            np.concatenate(self.sums[length])[order],
        )


def bitset(table: Cells, *, least: int, max_len: int, limit: int) -> list[Chunk]:
    """Return all subgroups; arguments and errors are those of `sarto.audit.subgroups.cube.cube_part`.

    The table must have no weights.
    """
    found = _Bits(table, least, max_len, limit)
    found.descend((), None, np.arange(len(found.bits)))
    return [found.chunk(length) for length in sorted(found.items)]
