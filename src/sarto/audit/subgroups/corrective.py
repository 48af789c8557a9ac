"""Items that bring a subgroup back towards the average: corrective items.

Item `a` is corrective for subgroup `S` if the value `v` (a divergence or a gain) is nearer to that of all rows with it,

    |v(S + a) - v(all)| < |v(S) - v(all)|,      factor = |v(S) - v(all)| - |v(S + a) - v(all)|.

Source: Pastor, de Alfaro and Baralis, "Looking for trouble", SIGMOD 2021, section 4.3 (corrective items).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float, Int64

if TYPE_CHECKING:
    from sarto.audit.subgroups.lattice import Subgroups


@dataclass(frozen=True)
class Corrective:
    """Pairs of a subgroup and a corrective item, the largest factor first.

    Attributes:
        subgroups: all that were mined.
        index: the subgroup `S`.
        corrected: the subgroup `S + a`.
        before: the value of `S`.
        after: the value of `S + a`.
        factor: see the top of the module.
    """

    subgroups: Subgroups
    index: Int64[np.ndarray, " row"]
    corrected: Int64[np.ndarray, " row"]
    before: Float[np.ndarray, " row"]
    after: Float[np.ndarray, " row"]
    factor: Float[np.ndarray, " row"]

    def __len__(self) -> int:
        return len(self.index)

    def label(self, i: int) -> tuple[dict[str, str], dict[str, str]]:
        """Return the items of the subgroup of row `i`, and its corrective item."""
        group, more = (self.subgroups.label(int(each[i])) for each in (self.index, self.corrected))
        return group, {name: item for name, item in more.items() if name not in group}


def corrective(
    found: Subgroups, values: Float[np.ndarray, " subgroup"], overall: float, least: float = 0.0
) -> Corrective:
    """Return all corrective items of a factor above `least`.

    Args:
        found: subgroups.
        values: of all of them.
        overall: the value of all rows.
        least: factor.
    """
    off = np.abs(values - overall)
    pairs: list[Int64[np.ndarray, "pair side"]] = []
    for length in range(2, len(found.layers) + 1):
        parents, first = found.parents(length), int(found.offsets[length - 1])
        own = np.repeat(np.arange(first, first + len(parents))[:, None], length, axis=1)
        kept = off[parents] - off[own] > least
        pairs.append(np.column_stack([parents[kept], own[kept]]))
    index, corrected = np.concatenate([np.zeros((0, 2), np.int64), *pairs]).T
    factor = off[index] - off[corrected]
    order = np.lexsort((corrected, index, -factor))
    index, corrected = index[order], corrected[order]
    return Corrective(found, index, corrected, values[index], values[corrected], factor[order])
