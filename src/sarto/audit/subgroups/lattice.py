"""What mining returns: all subgroups above a support with their counts, and labels that are made when asked for.

Subgroups of `L` items stand together in a *layer*: which attributes (one row of `sets` for each set of attributes),
which items (`values`, one row each), and where each set's subgroups lie (`starts`). Counts of joint codes and sums of
real outcomes are of all layers in turn. The group of all rows, the empty set of items, is kept apart.

A subgroup is found again by its *key*, the sum modulo 2^64 of one random number for each of its items. All keys of a
layer are checked to differ, and with a subgroup all its subsets are there, so a key leads to the right one.

Source: Zobrist, "A new hashing method with application for game playing", ICCA Journal 13 (1990).

>>> from sarto.audit.subgroups import Attributes, Outcomes, mine
>>> attributes = Attributes.from_columns({"sex": ["f", "m", "f"], "age": [20, 30, 30]})
>>> found = mine(attributes, Outcomes.from_predictions([0, 0, 1], [0, 1, 1]), min_support=0.5)
>>> [found.label(i) for i in range(len(found))], found.support.tolist()
([{'age': '30'}, {'sex': 'f'}], [2, 2])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float, Int64, UInt64

from sarto.audit.subgroups.items import Attributes
from sarto.audit.subgroups.layer import Layer
from sarto.audit.subgroups.outcomes import Outcomes
from sarto.core.seed import generator
from sarto.models.input_error import InputError

if TYPE_CHECKING:
    from sarto.audit.subgroups.divergence import Against, Model
    from sarto.audit.subgroups.gain import Null, Test
    from sarto.audit.subgroups.significance import Alternative, Control
    from sarto.audit.subgroups.subgroup_table import SubgroupTable


@dataclass(frozen=True)
class Subgroups:
    """All subgroups above a support.

    Attributes:
        attributes: whose items they are of; its rows are those that were mined.
        outcomes: of the same rows.
        layers: the subgroups of 1, 2, ... items.
        counts: rows of each joint code in each subgroup.
        sums: of each real outcome six numbers, see `sarto.audit.subgroups.cells.real_columns`.
        total_counts: `counts` of all rows.
        total_sums: `sums` of all rows.
        min_count: rows that a subgroup has at least.
        engine: that mined them.
    """

    attributes: Attributes
    outcomes: Outcomes
    layers: tuple[Layer, ...]
    counts: Int64[np.ndarray, "subgroup code"]
    sums: Float[np.ndarray, "subgroup column"]
    total_counts: Int64[np.ndarray, " code"]
    total_sums: Float[np.ndarray, " column"]
    min_count: int
    engine: Literal["cube", "bitset"]

    def __len__(self) -> int:
        return len(self.counts)

    @cached_property
    def support(self) -> Int64[np.ndarray, " subgroup"]:
        """Rows of each subgroup."""
        return self.counts.sum(axis=1)

    @cached_property
    def length(self) -> Int64[np.ndarray, " subgroup"]:
        """Items of each subgroup."""
        return np.repeat(np.arange(1, len(self.layers) + 1), [len(layer.values) for layer in self.layers])

    @cached_property
    def offsets(self) -> Int64[np.ndarray, " bound"]:
        """The first subgroup of each layer, and the number of all."""
        return np.cumsum([0, *(len(layer.values) for layer in self.layers)])

    def items(self, index: int) -> tuple[tuple[int, int], ...]:
        """Return (attribute, item) of each of a subgroup's items, by the order of the attributes."""
        if not 0 <= index < len(self):
            raise IndexError(index)
        at = int(np.searchsorted(self.offsets, index, side="right")) - 1
        layer, row = self.layers[at], index - int(self.offsets[at])
        names = layer.sets[np.searchsorted(layer.starts, row, side="right") - 1]
        return tuple(sorted(zip(names.tolist(), layer.values[row].tolist(), strict=True)))

    def label(self, index: int) -> dict[str, str]:
        """Return the attributes of a subgroup and its items of them."""
        columns = self.attributes.columns
        return {columns[a].name: columns[a].items[v] for a, v in self.items(index)}

    def find(self, label: Mapping[str, str]) -> int:
        """Return the number of the subgroup with these items.

        Raises:
            InputError: E138, for an unknown attribute or item; E139, where the subgroup is below the support.
        """
        wanted: list[tuple[int, int]] = []
        for name, item in label.items():
            at = self.attributes.position(name)
            items = self.attributes.columns[at].items
            if item not in items:
                raise InputError("E138", f"{name} has no item '{item}'", hint=f"items: {', '.join(items)}")
            wanted.append((at, items.index(item)))
        index = self.index_of(wanted)
        if index is None:
            told = ", ".join(f"{name}={item}" for name, item in label.items())
            raise InputError(
                "E139", f"{told} is below the support", cause=f"it has under {self.min_count} rows"
            )
        return index

    def index_of(self, items: "list[tuple[int, int]]") -> int | None:
        """Return the number of the subgroup of (attribute, item) pairs, or None where it was not mined."""
        if not 1 <= len(items) <= len(self.layers):
            return None
        with np.errstate(over="ignore"):
            key = sum((self.item_keys[self.item_of(a, v)] for a, v in items), np.uint64(0))
        order, keys = self._sorted_keys[len(items) - 1]
        at = int(np.searchsorted(keys, key))
        if at == len(keys) or keys[at] != key:
            return None
        found = int(order[at] + self.offsets[len(items) - 1])
        return found if self.items(found) == tuple(sorted(items)) else None

    @cached_property
    def first_items(self) -> Int64[np.ndarray, " bound"]:
        """The number of each attribute's first item among all items, and the number of all."""
        return np.cumsum([0, *(len(column.items) for column in self.attributes.columns)])

    def item_of(self, attribute: int, value: int) -> int:
        """Return the number of an item among all items."""
        return int(self.first_items[attribute]) + value

    def layer_items(self, length: int) -> Int64[np.ndarray, "subgroup item"]:
        """Return the numbers, among all items, of the items of the subgroups of `length` items."""
        layer = self.layers[length - 1]
        return self.first_items[layer.sets[layer.set_of]] + layer.values

    @cached_property
    def item_keys(self) -> UInt64[np.ndarray, " item"]:
        """The random number of each item."""
        return generator(0, "subgroups").integers(0, 2**64, int(self.first_items[-1]), np.uint64)

    def keys(self, length: int) -> UInt64[np.ndarray, " subgroup"]:
        """Return the keys of the subgroups of `length` items."""
        return self.item_keys[self.layer_items(length)].sum(axis=1, dtype=np.uint64)

    @cached_property
    def every_key(self) -> UInt64[np.ndarray, " subgroup"]:
        """The keys of all subgroups."""
        return np.concatenate([self.keys(length) for length in range(1, len(self.layers) + 1)])

    @cached_property
    def _sorted_keys(self) -> tuple[tuple[Int64[np.ndarray, " _"], UInt64[np.ndarray, " _"]], ...]:
        """Of each layer, its subgroups in the order of their keys, and the keys in that order."""
        found: list[tuple[Int64[np.ndarray, " subgroup"], UInt64[np.ndarray, " subgroup"]]] = []
        for length in range(1, len(self.layers) + 1):
            keys = self.keys(length)
            order = np.argsort(keys)
            assert (np.diff(keys[order]) > 0).all(), "two subgroups of one key"
            found.append((order, keys[order]))
        return tuple(found)

    def without(
        self, items: Int64[np.ndarray, "subgroup item"], left_out: Int64[np.ndarray, " out"]
    ) -> Int64[np.ndarray, " subgroup"]:
        """Return the subgroups of these items, each of which was mined, without those left out; -1 is that of all rows.

        Args:
            items: of each subgroup, as `layer_items` has them.
            left_out: items that all of them have.
        """
        length = int(items.shape[1]) - len(left_out)
        if length == 0:
            return np.full(len(items), -1)
        order, keys = self._sorted_keys[length - 1]
        wanted = self.item_keys[items].sum(axis=1, dtype=np.uint64) - self.item_keys[left_out].sum(
            dtype=np.uint64
        )
        return order[np.searchsorted(keys, wanted)] + self.offsets[length - 1]

    def parents(self, length: int) -> Int64[np.ndarray, "subgroup item"]:
        """Return, for subgroups of `length` items, the subgroup without each of the items; -1 is that of all rows."""
        items = self.layer_items(length)
        if length == 1:
            return np.full(items.shape, -1)
        own = self.item_keys[items]
        order, keys = self._sorted_keys[length - 2]
        wanted = own.sum(axis=1, dtype=np.uint64)[:, None] - own
        return order[np.searchsorted(keys, wanted)] + self.offsets[length - 2]

    def divergence(
        self,
        metric: str,
        *,
        model: Model = "original",
        against: Against = "all",
        fdr: Control = "bh",
        alternative: Alternative = "two-sided",
        constant: bool = False,
    ) -> SubgroupTable:
        """Return how far each subgroup's rate is from that of all rows: see `sarto.audit.subgroups.divergence`."""
        from sarto.audit.subgroups.divergence import divergence

        return divergence(
            self, metric, model=model, against=against, fdr=fdr, alternative=alternative, constant=constant
        )

    def gain(
        self,
        metric: str,
        *,
        null: Null = "zero",
        fdr: Control = "bh",
        alternative: Alternative = "two-sided",
        test: Test = "paired",
    ) -> SubgroupTable:
        """Return how much each subgroup gains by the small model: see `sarto.audit.subgroups.gain`."""
        from sarto.audit.subgroups.gain import gain

        return gain(self, metric, null=null, fdr=fdr, alternative=alternative, test=test)
