"""Mining: all subgroups above a support, with the counts of their outcomes; exact.

The *support* of a group is its share of the rows. Two engines find the same groups with the same counts:
`cube` (see `sarto.audit.subgroups.cube`) passes over the rows once for each set of attributes, so it is the faster one
where sets have many groups; `bitset` works once for each group. Which one is taken by itself follows from an estimate of the number
of groups, as if the attributes were independent.

>>> from sarto.audit.subgroups import Attributes, Outcomes
>>> attributes = Attributes.from_columns({"sex": ["f", "m", "f", "f"], "age": [20, 30, 30, 20]})
>>> found = mine(attributes, Outcomes.from_predictions([0, 0, 1, 1], [0, 1, 1, 0]), min_support=0.5)
>>> [(found.label(i), int(found.support[i])) for i in range(len(found))]
[({'age': '20'}, 2), ({'age': '30'}, 2), ({'sex': 'f'}, 3), ({'sex': 'f', 'age': '20'}, 2)]
"""

from __future__ import annotations

import math
from concurrent.futures import Executor
from typing import Literal

import numpy as np

from sarto.audit.subgroups.bitset import bitset
from sarto.audit.subgroups.cells import cells
from sarto.audit.subgroups.cube import cube_part, parts
from sarto.audit.subgroups.items import Attributes
from sarto.audit.subgroups.lattice import Subgroups
from sarto.audit.subgroups.layer import stacked, too_many
from sarto.audit.subgroups.outcomes import Outcomes
from sarto.core.executors import SerialExecutor
from sarto.models.input_error import InputError

LIMIT = 20_000_000
"""Subgroups at most: their counts of 8 codes take 1.3 GB."""


def mine(
    attributes: Attributes,
    outcomes: Outcomes,
    *,
    min_support: float = 0.01,
    max_len: int | None = None,
    engine: Literal["auto", "cube", "bitset"] = "auto",
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
    n_rows = len(outcomes)
    if len(attributes) != n_rows:
        raise InputError("E108", f"attributes of {len(attributes)} rows and outcomes of {n_rows}")
    if not 0 < min_support <= 1:
        raise InputError(
            "E139",
            f"support {min_support:g} is not in (0, 1]",
            hint="it is a share of the rows, such as 0.01",
        )
    if max_len is not None and max_len < 1:
        raise InputError("E139", f"groups of at most {max_len} items", hint="1 item at least")
    most = len(attributes.columns) if max_len is None else min(max_len, len(attributes.columns))
    least = least_rows(min_support, n_rows)
    total = cells(attributes, outcomes, merge=False)
    chosen = _engine(attributes, outcomes, least, most) if engine == "auto" else engine
    if chosen == "bitset":
        chunks = bitset(total, least=least, max_len=most, limit=limit)
    else:
        table = cells(attributes, outcomes)
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
    layers, counts, sums = stacked(chunks)
    if len(counts) > limit:
        raise too_many(limit)
    total_counts = np.bincount(outcomes.codes, minlength=outcomes.n_codes)
    return Subgroups(
        attributes, outcomes, layers, counts, sums, total_counts, total.reals.sum(axis=1), least, chosen
    )


def least_rows(min_support: float, n_rows: int) -> int:
    """Return the rows that a group of support `min_support` has at least, `ceil(min_support * n)` and at least 1.

    A share such as .07 of 100 rows is 7 of them, though its product in binary is a little above 7.
    """
    return max(1, math.ceil(min_support * n_rows * (1 - 1e-12)))


def _engine(
    attributes: Attributes, outcomes: Outcomes, least: int, max_len: int
) -> Literal["cube", "bitset"]:
    return "cube"
