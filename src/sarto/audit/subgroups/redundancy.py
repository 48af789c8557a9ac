"""Which subgroups say nothing that a wider one does not say: redundancy pruning.

A subgroup `S` is redundant at `eps` if leaving out one of its items hardly changes the value `v` (a divergence or a
gain):

    |v(S) - v(S without a)| <= eps    for some item a of S;   v(no item) = v(all rows).

Where `v` of either is not defined, it is not redundant by that item.

Source: Pastor, de Alfaro and Baralis, "Looking for trouble", SIGMOD 2021, section 3 (pruning redundant itemsets).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Bool, Float

from sarto.models.input_error import InputError

if TYPE_CHECKING:
    from sarto.audit.subgroups.lattice import Subgroups


def redundant(
    found: Subgroups, values: Float[np.ndarray, " subgroup"], overall: float, eps: float
) -> Bool[np.ndarray, " subgroup"]:
    """Return which of all subgroups are redundant.

    Args:
        found: subgroups.
        values: of all of them.
        overall: the value of all rows.
        eps: largest change that does not count.

    Raises:
        InputError: E139, for a negative `eps`.
    """
    if not eps >= 0:
        raise InputError(
            "E139", f"eps {eps:g} is below 0", hint="it is the least change of the value that counts"
        )
    with_all = np.append(values, overall)
    flags = np.zeros(len(values), dtype=bool)
    for length, first in zip(range(1, len(found.layers) + 1), found.offsets.tolist(), strict=False):
        parents = found.parents(length)
        own = values[first : first + len(parents)]
        flags[first : first + len(parents)] = (np.abs(own[:, None] - with_all[parents]) <= eps).any(axis=1)
    return flags
