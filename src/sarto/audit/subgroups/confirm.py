"""Discovery and confirmation on separate rows: subgroups that are found on some rows are tested on others.

Whoever looks at thousands of groups finds some by chance. Adjusted p-values allow for that in the number of tests;
the values of those that stand out are still too large, since they were chosen for it. Rows that had no part in the
choice give both without that: the groups that are significant on the discovery rows are counted on the
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
from typing import Any

import numpy as np
from jaxtyping import Bool, Shaped

from sarto.audit.subgroups.items import Attributes
from sarto.audit.subgroups.lattice import Subgroups
from sarto.audit.subgroups.mining import mine_apart
from sarto.audit.subgroups.outcomes import Outcomes
from sarto.audit.subgroups.significance import Control, q_values
from sarto.audit.subgroups.subgroup_table import SubgroupTable
from sarto.core.seed import generator


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
        options: of `sarto.audit.subgroups.mining.mine_apart`.

    Raises:
        InputError: as `mine_apart`, and as `test`.
    """
    found, others = mine_apart(attributes, outcomes, discovery, **options)
    discovered = test(found).significant(level)
    discovered = discovered.where(np.lexsort((discovered.index, discovered.p)))
    again = test(others)
    chosen = again.where(discovered.index)
    return Confirmed(discovered, replace(chosen, q=q_values(chosen.p, fdr)))
