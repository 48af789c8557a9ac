"""Mining: all subgroups above a support, with the counts of their outcomes; exact.

The *support* of a group is its share of the rows. Two engines find the same groups with the same counts:
`cube` (see `sarto.audit.subgroups.cube`) passes over the rows once for each set of attributes, so it is the faster one
where sets have many groups; `bitset` works once for each group. "auto" takes the one that an estimate of the number of
groups, as if the attributes were independent, says is faster.

>>> from sarto.audit.subgroups import Attributes, Outcomes
>>> attributes = Attributes.from_columns({"sex": ["f", "m", "f", "f"], "age": [20, 30, 30, 20]})
>>> found = mine(attributes, Outcomes.from_predictions([0, 0, 1, 1], [0, 1, 1, 0]), min_support=0.5)
>>> [(found.label(i), int(found.support[i])) for i in range(len(found))]
[({'age': '20'}, 2), ({'age': '30'}, 2), ({'sex': 'f'}, 3), ({'sex': 'f', 'age': '20'}, 2)]
"""

from __future__ import annotations

import math
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
from jaxtyping import Bool, Float, Int64

from sarto.audit.subgroups.bitset import bitset
from sarto.audit.subgroups.cells import Cells, Marked, apart, cells, real_columns, whole
from sarto.audit.subgroups.cube import cube_part, order, parts
from sarto.audit.subgroups.items import Attributes
from sarto.audit.subgroups.lattice import Subgroups
from sarto.audit.subgroups.layer import Layer, restored, stacked, too_many
from sarto.audit.subgroups.outcomes import Outcomes
from sarto.core.executors import SerialExecutor
from sarto.models.input_error import InputError

Engine: TypeAlias = Literal["auto", "cube", "bitset"]

LIMIT = 20_000_000
"""Subgroups at most: their counts of 8 codes take 1.3 GB."""

COST_S, CUBE_ROW_S, BITSET_ROW_S = 15e-6, 2e-9, 0.4e-9
"""What a set of attributes (cube) or a group (bitset) costs, and each row of the table for it, on a core of 2 GHz.
Only their ratios matter, and only for the choice of the engine."""


def mine(
    attributes: Attributes,
    outcomes: Outcomes,
    *,
    min_support: float = 0.01,
    max_len: int | None = None,
    engine: Engine = "auto",
    executor: Executor | None = None,
    limit: int = LIMIT,
) -> Subgroups:
    """Return all subgroups of a support of at least `min_support`.

    Args:
        attributes: of the rows.
        outcomes: of the same rows.
        min_support: share of the rows that a group has at least.
        max_len: items of a group at most; None is any number.
        engine: see the top of the module.
        executor: runs the parts of the cube; None is this process. What is found is the same.
        limit: refuse to hold more subgroups than this.

    Raises:
        InputError: E108 (different numbers of rows), E139 (the support is no share, or no group reaches it, or a
            group has less than one item), E141 (too many subgroups).
    """
    mined = _mined(attributes, whole(outcomes), min_support, max_len, engine, executor, limit)
    total_counts = np.bincount(outcomes.codes, minlength=outcomes.n_codes)
    total_sums = real_columns(outcomes).sum(axis=1)
    return Subgroups(
        attributes, outcomes, mined.layers, mined.counts, mined.sums, total_counts, total_sums, mined.least,
        mined.engine,
    )  # fmt: skip


def mine_apart(
    attributes: Attributes,
    outcomes: Outcomes,
    discovery: Bool[np.ndarray, " row"],
    *,
    min_support: float = 0.01,
    max_len: int | None = None,
    engine: Engine = "auto",
    executor: Executor | None = None,
    limit: int = LIMIT,
) -> tuple[Subgroups, Subgroups]:
    """Return all subgroups of a support among the discovery rows, with the counts of these, and with those of the
    others.

    Both have the same subgroups in the same order. Among the other rows one may be below the support, or have no row.

    Args:
        attributes: of the rows.
        outcomes: of the same rows.
        discovery: which rows are for discovery.
        min_support: share of the discovery rows that a group has at least.
        max_len: as for `mine`.
        engine: as for `mine`.
        executor: as for `mine`.
        limit: as for `mine`.

    Raises:
        InputError: as `mine`.
    """
    if len(discovery) != len(outcomes):
        raise InputError(
            "E108", f"{len(outcomes)} rows, and {len(discovery)} entries say which are for discovery"
        )
    if discovery.all() or not discovery.any():
        raise InputError(
            "E139", f"{discovery.sum()} of {len(discovery)} rows are for discovery", hint="take a half"
        )
    mined = _mined(attributes, apart(outcomes, discovery), min_support, max_len, engine, executor, limit)
    found: list[Subgroups] = []
    width = mined.sums.shape[1] // 2
    for side, chosen in enumerate((discovery, ~discovery)):
        own = outcomes.rows(chosen)
        counts = mined.counts[:, side * own.n_codes : (side + 1) * own.n_codes]
        sums = mined.sums[:, side * width : (side + 1) * width]
        total = np.bincount(own.codes, minlength=own.n_codes)
        found.append(
            Subgroups(
                attributes.rows(chosen), own, mined.layers, counts, sums, total, real_columns(own).sum(axis=1),
                mined.least, mined.engine,
            )
        )  # fmt: skip
    return found[0], found[1]


@dataclass(frozen=True)
class _Mined:
    """What was found, see `Subgroups`."""

    layers: tuple[Layer, ...]
    counts: Int64[np.ndarray, "subgroup code"]
    sums: Float[np.ndarray, "subgroup column"]
    least: int
    engine: Literal["cube", "bitset"]


def _mined(
    attributes: Attributes,
    rows: Marked,
    min_support: float,
    max_len: int | None,
    engine: Engine,
    executor: Executor | None,
    limit: int,
) -> _Mined:
    if len(attributes) != len(rows.codes):
        raise InputError("E108", f"attributes of {len(attributes)} rows and outcomes of {len(rows.codes)}")
    if not 0 < min_support <= 1:
        raise InputError(
            "E139",
            f"support {min_support:g} is not in (0, 1]",
            hint="it is a share of the rows, such as 0.01",
        )
    if max_len is not None and max_len < 1:
        raise InputError("E139", f"groups of at most {max_len} items", hint="1 item at least")
    most = len(attributes.columns) if max_len is None else min(max_len, len(attributes.columns))
    n_rows = int(rows.counted[rows.codes].sum())
    least = least_rows(min_support, n_rows)
    table = cells(attributes, rows, least=least)
    chosen = chosen_engine(table, len(rows.codes), n_rows, least, most) if engine == "auto" else engine
    if chosen == "bitset":
        table = cells(attributes, rows, least=least, merge=False)
        chunks = bitset(table, least=least, max_len=most, limit=limit)
    else:
        submit = (executor or SerialExecutor()).submit
        running = [
            submit(cube_part, table, part, least=least, max_len=most, limit=limit)
            for part in parts(table, most)
        ]
        chunks = [chunk for future in running for chunk in future.result()]
    if not chunks:
        raise InputError(
            "E139",
            f"no subgroup of {n_rows} rows has {least} of them",
            cause=f"the support is {min_support:g}",
            hint="lower the support, or cut attributes into fewer items",
        )
    layers, counts, sums = stacked([restored(chunk, table.kept) for chunk in chunks])
    if len(counts) > limit:
        raise too_many(limit)
    return _Mined(layers, counts, sums, least, chosen)


def least_rows(min_support: float, n_rows: int) -> int:
    """Return the rows that a group of support `min_support` has at least, `ceil(min_support * n)` and at least 1.

    A share such as .07 of 100 rows is 7 of them, though its product in binary is a little above 7.
    """
    return max(1, math.ceil(min_support * n_rows * (1 - 1e-12)))


def chosen_engine(
    table: Cells, all_rows: int, n_rows: int, least: int, max_len: int
) -> Literal["cube", "bitset"]:
    """Return the engine that is expected to be faster; what it finds does not depend on it.

    Args:
        table: of merged rows.
        all_rows: before they were merged.
        n_rows: those that count for the support.
        least: rows of a group, at least.
        max_len: items of a group, at most.
    """
    head = len(order(table)[0])
    sets = sum(math.comb(head, length) for length in range(min(head, max_len) + 1))
    cube_s = sets * (COST_S + CUBE_ROW_S * len(table.codes))
    group_s = COST_S + BITSET_ROW_S * all_rows
    most = int(cube_s / group_s)
    return "bitset" if _expected_groups(table, least / n_rows, max_len, most) <= most else "cube"


def _expected_groups(table: Cells, share: float, max_len: int, most: int) -> int:
    """Return how many groups would have at least this share of the rows if attributes were independent; stop above
    `most`.
    """
    weights = table.counted[table.codes] * (
        np.ones(len(table.codes)) if table.weights is None else table.weights
    )
    total = float(weights.sum())
    shares = [np.ones(1), *(np.zeros(0) for _ in range(max_len))]
    for codes, size in zip(table.items, table.sizes, strict=True):
        own = sum((np.bincount(c[c >= 0], weights[c >= 0], size) for c in codes), np.zeros(size)) / total
        own = own[own >= share]
        for length in range(max_len, 0, -1):
            with_item = (shares[length - 1][:, None] * own).reshape(-1)
            shares[length] = np.concatenate([shares[length], with_item[with_item >= share]])
        if sum(map(len, shares)) - 1 > most:
            return most + 1
    return sum(map(len, shares)) - 1
