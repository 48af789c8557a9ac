"""Which items make a subgroup's value what it is (Shapley), and which items do so over all subgroups (global).

The contribution of item `a` to subgroup `I` with `v` a divergence or a gain, `v(no item) = v(all rows)`:

    sum over J within I without a of  |J|! (|I| - |J| - 1)! / |I|!  (v(J + a) - v(J)).

Contributions add up to `v(I) - v(all rows)`. Over all frequent subgroups, `A` the attributes, `m_b` the items of
attribute `b` that reach the support, the *global* value of items `I` is

    sum over B within A without attr(I) of  |B|! (|A| - |B| - |I|)! / (|A|! prod of m_b over b in B and attr(I))
        times the sum over J with attr(J) = B, J + I frequent, of  v(J + I) - v(J).

An item may have no value of its own and yet make the groups that it is part of worse. Where a value is not defined
(no row is counted), its terms are left out of the global value, and make a contribution NaN.

Source: Pastor, de Alfaro and Baralis, "Looking for trouble", SIGMOD 2021, sections 4.1 (item contributions) and 4.2
(global item divergence).
"""

from __future__ import annotations

import math
from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

if TYPE_CHECKING:
    from sarto.audit.subgroups.lattice import Subgroups


def contributions(
    found: Subgroups, values: Float[np.ndarray, " subgroup"], overall: float, index: int
) -> dict[str, float]:
    """Return the contribution of each item of a subgroup, by its attribute.

    Args:
        found: subgroups.
        values: of all of them.
        overall: the value of all rows.
        index: of the subgroup.
    """
    items = found.items(index)
    length, names = len(items), found.attributes.names

    def value(chosen: tuple[tuple[int, int], ...]) -> float:
        at = found.index_of(list(chosen)) if chosen else None
        return overall if at is None else float(values[at])

    by_subset = {chosen: value(chosen) for size in range(length + 1) for chosen in combinations(items, size)}
    shares = dict.fromkeys((names[attribute] for attribute, _ in items), 0.0)
    for chosen, own in by_subset.items():
        weight = math.factorial(len(chosen)) * math.factorial(
            length - len(chosen) - 1 if len(chosen) < length else 0
        )
        for item in items:
            if item not in chosen:
                more = by_subset[tuple(sorted((*chosen, item)))]
                shares[names[item[0]]] += weight / math.factorial(length) * (more - own)
    return shares


def global_value(
    found: Subgroups,
    values: Float[np.ndarray, " subgroup"],
    overall: float,
    items: tuple[tuple[int, int], ...],
) -> float:
    """Return the global value of some items, given as (attribute, item) pairs of different attributes."""
    frequent = np.zeros(len(found.attributes.columns), dtype=np.int64)
    first = found.layers[0]
    np.add.at(frequent, first.sets[first.set_of, 0], 1)
    n_attributes, own = int((frequent > 0).sum()), len(items)
    logs = np.log(np.maximum(frequent, 1))
    numbers = np.array([found.item_of(attribute, value) for attribute, value in items])
    total = 0.0
    for length in range(own, len(found.layers) + 1):
        layer, every = found.layers[length - 1], found.layer_items(length)
        there = np.flatnonzero(np.isin(every, numbers).sum(axis=1) == own)
        less = found.without(every[there], numbers)
        before = np.where(less < 0, overall, values[less])
        change = values[int(found.offsets[length - 1]) + there] - before
        domain = np.exp(logs[layer.sets].sum(axis=1))[layer.set_of[there]]
        weight = (
            math.factorial(length - own)
            * math.factorial(n_attributes - length)
            / math.factorial(n_attributes)
        )
        total += weight * float(np.nansum(change / domain))
    return total


def global_items(
    found: Subgroups, values: Float[np.ndarray, " subgroup"], overall: float
) -> dict[tuple[str, str], float]:
    """Return the global value of each item that reaches the support, by its attribute and itself; the largest first."""
    layer = found.layers[0]
    shares: dict[tuple[str, str], float] = {}
    for a, v in zip(layer.sets[layer.set_of, 0].tolist(), layer.values[:, 0].tolist(), strict=True):
        column = found.attributes.columns[int(a)]
        shares[column.name, column.items[v]] = global_value(found, values, overall, ((a, v),))
    return dict(sorted(shares.items(), key=lambda pair: (-abs(pair[1]), pair[0])))
