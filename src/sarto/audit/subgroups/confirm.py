"""Discovery and confirmation on separate rows: subgroups that are found on some rows are tested on others.

Whoever looks at thousands of groups finds some by chance. Adjusted p-values allow for that in the number of tests;
the values of those that stand out are still too large, since they were chosen for it. Rows that had no part in the
choice give both without that: the groups that are significant on the discovery rows are counted again on the
confirmation rows, and only these few are tested there.

Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning (2009), 7.10.2 (no choice may see the
test rows).

>>> from sarto.audit.subgroups import Attributes, Outcomes
>>> rng = np.random.default_rng(0)
>>> group, right = rng.integers(2, size=400), rng.random(400) < 0.9
>>> small = right & ~((group == 1) & (rng.random(400) < 0.4))
>>> attributes, outcomes = Attributes.from_columns({"g": group}), Outcomes.from_booleans({"right": (right, small)})
>>> found = confirm(attributes, outcomes, lambda subgroups: subgroups.gain("right"), discovery=split_rows(400))
>>> [(row.label, row.q < 0.05) for row in found.confirmed]
[({'g': '1'}, True)]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import numpy as np
from jaxtyping import Bool, Int16, Int64, Shaped, UInt64

from sarto.audit.subgroups.cells import real_columns
from sarto.audit.subgroups.items import Attributes
from sarto.audit.subgroups.lattice import Subgroups
from sarto.audit.subgroups.mining import mine
from sarto.audit.subgroups.outcomes import Outcomes
from sarto.audit.subgroups.significance import Control, q_values
from sarto.audit.subgroups.subgroup_table import SubgroupTable
from sarto.core.seed import generator
from sarto.models.input_error import InputError


@dataclass(frozen=True)
class Confirmed:
    """The subgroups that are significant on the discovery rows, there and on the others, row by row.

    Attributes:
        discovered: on the discovery rows, the smallest p-value first.
        confirmed: the same subgroups on the other rows; q-values are adjusted for these alone.
    """

    discovered: SubgroupTable
    confirmed: SubgroupTable


def split_rows(
    n_rows: int, *, share: float = 0.5, seed: int = 0, groups: Shaped[np.ndarray, " row"] | None = None
) -> Bool[np.ndarray, " row"]:
    """Return which rows are for discovery: a random share of them, or of the groups (of one person, say) that they
    come in.

    >>> int(split_rows(10, share=0.3).sum())
    3
    """
    _, of = np.unique(np.arange(n_rows) if groups is None else groups, return_inverse=True)
    order = generator(seed, "discovery").permutation(int(of.max(initial=-1)) + 1)
    return np.isin(of, order[: round(share * len(order))])


def confirm(
    attributes: Attributes,
    outcomes: Outcomes,
    test: Callable[[Subgroups], SubgroupTable],
    *,
    discovery: Bool[np.ndarray, " row"],
    level: float = 0.05,
    fdr: Control = "bh",
    **options: Any,
) -> Confirmed:
    """Return the subgroups that `test` finds on the discovery rows, tested on the others.

    Args:
        attributes: of all rows.
        outcomes: of all rows.
        test: of mined subgroups makes the table, e.g. `lambda found: found.gain("accuracy")`.
        discovery: which rows the subgroups are found on.
        level: of the q-values on the discovery rows.
        fdr: how p-values on the other rows are adjusted.
        options: of `sarto.audit.subgroups.mining.mine`.

    Raises:
        InputError: E108 (not one entry a row), E139 (no row on one side), and those of `mine` and `test`.
    """
    if len(discovery) != len(outcomes):
        raise InputError(
            "E108", f"{len(outcomes)} rows, and {len(discovery)} entries say which are for discovery"
        )
    if discovery.all() or not discovery.any():
        raise InputError(
            "E139", f"{discovery.sum()} of {len(discovery)} rows are for discovery", hint="take a half"
        )
    found = mine(attributes.rows(discovery), outcomes.rows(discovery), **options)
    discovered = test(found).significant(level)
    discovered = discovered.where(np.lexsort((discovered.index, discovered.p)))
    again = test(recounted(found, attributes.rows(~discovery), outcomes.rows(~discovery)))
    chosen = again.where(discovered.index)
    return Confirmed(discovered, replace(chosen, q=q_values(chosen.p, fdr)))


def recounted(found: Subgroups, attributes: Attributes, outcomes: Outcomes) -> Subgroups:
    """Return the same subgroups with the counts of other rows, which have the same items and the same joint codes.

    Supports may then be below the least, and 0.
    """
    columns = real_columns(outcomes)
    counts = np.zeros((len(found), outcomes.n_codes), dtype=np.int64)
    sums = np.zeros((len(found), len(columns)))
    for length, layer in enumerate(found.layers, start=1):
        offset, keys = int(found.offsets[length - 1]), found.keys(length)
        for number, names in enumerate(layer.sets):
            first, last = int(layer.starts[number]), int(layer.starts[number + 1])
            order = np.argsort(keys[first:last])
            own: UInt64[np.ndarray, " group"] = keys[first:last][order]
            for level in product(*(list(attributes.columns[int(a)].codes) for a in names)):
                items: Int16[np.ndarray, "row item"] = np.array(level).T
                rows = np.flatnonzero(items.min(axis=1) >= 0)
                items = items[rows]
                wanted: UInt64[np.ndarray, " row"] = found.item_keys[found.first_items[names] + items].sum(
                    axis=1, dtype=np.uint64
                )
                place: Int64[np.ndarray, " row"] = np.searchsorted(own, wanted)
                at = order[np.minimum(place, len(own) - 1)] + first
                hit = np.flatnonzero(np.logical_and.reduce(layer.values[at] == items, axis=1))
                np.add.at(counts, (offset + at[hit], outcomes.codes[rows[hit]]), 1)
                np.add.at(sums, offset + at[hit], columns[:, rows[hit]].T)
    total = np.bincount(outcomes.codes, minlength=outcomes.n_codes)
    return Subgroups(
        attributes,
        outcomes,
        found.layers,
        counts,
        sums,
        total,
        columns.sum(axis=1),
        found.min_count,
        found.engine,
    )
