"""A table with one row for each subgroup: its support, its value (a divergence or a gain), and how sure that is.

>>> from sarto.audit.subgroups import Attributes, Outcomes, mine
>>> attributes = Attributes.from_columns({"sex": ["f", "m"] * 20})
>>> found = mine(attributes, Outcomes.from_predictions([0, 1, 0, 1] * 10, [0, 0, 0, 1] * 10))
>>> table = found.divergence("accuracy")
>>> [(row.label, row.support, round(row.value, 3), round(row.t, 2)) for row in table.top(1)]
[({'sex': 'f'}, 20, 0.25, 2.71)]
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Bool, Float, Int, Int64, Shaped

if TYPE_CHECKING:
    from sarto.audit.subgroups.corrective import Corrective
    from sarto.audit.subgroups.lattice import Subgroups

Kind = Literal["divergence", "gain"]


@dataclass(frozen=True)
class Row:
    """One row; see `SubgroupTable`."""

    index: int
    label: dict[str, str]
    support: int
    share: float
    counted: int
    rate: float
    value: float
    t: float
    p: float
    q: float
    low: float
    high: float


@dataclass(frozen=True)
class SubgroupTable:
    """Values of subgroups.

    Attributes:
        subgroups: all that were mined.
        metric: of which the values are.
        kind: of the values.
        index: the number of each row's subgroup among all that were mined.
        counted: rows of the subgroup that are not bottom.
        rate: the metric in the subgroup; for a gain, under the small model. NaN where no row is counted.
        value: the divergence, or the gain.
        t: the statistic of its test, with the sign of the value.
        p: p-value.
        q: p-value adjusted for the number of subgroups.
        low: lower bound of the value's 95 % interval (for one subgroup alone).
        high: upper bound of it.
        overall_rate: the metric of all rows; for a gain, under the small model.
        overall: the value of all rows: 0 for a divergence.
        every: values of all subgroups that were mined, whatever rows the table has left.
    """

    subgroups: Subgroups
    metric: str
    kind: Kind
    index: Int64[np.ndarray, " row"]
    counted: Int64[np.ndarray, " row"]
    rate: Float[np.ndarray, " row"]
    value: Float[np.ndarray, " row"]
    t: Float[np.ndarray, " row"]
    p: Float[np.ndarray, " row"]
    q: Float[np.ndarray, " row"]
    low: Float[np.ndarray, " row"]
    high: Float[np.ndarray, " row"]
    overall_rate: float
    overall: float
    every: Float[np.ndarray, " subgroup"]

    def __len__(self) -> int:
        return len(self.index)

    def __iter__(self) -> Iterator[Row]:
        return (self.row(i) for i in range(len(self)))

    @property
    def support(self) -> Int64[np.ndarray, " row"]:
        """Rows of each subgroup."""
        return self.subgroups.support[self.index]

    @property
    def length(self) -> Int64[np.ndarray, " row"]:
        """Items of each subgroup."""
        return self.subgroups.length[self.index]

    def label(self, i: int) -> dict[str, str]:
        """Return the attributes and items of row `i`."""
        return self.subgroups.label(int(self.index[i]))

    def row(self, i: int) -> Row:
        """Return row `i` as plain values."""
        at = int(self.index[i])
        support = int(self.subgroups.support[at])
        columns = (self.rate, self.value, self.t, self.p, self.q, self.low, self.high)
        share = support / len(self.subgroups.outcomes)
        counted = int(self.counted[i])
        return Row(at, self.label(i), support, share, counted, *(float(column[i]) for column in columns))

    def where(self, chosen: Bool[np.ndarray, " row"] | Int[np.ndarray, " chosen"]) -> SubgroupTable:
        """Return the table of some rows (a mask, or numbers in the order that is wanted); q-values stay as they are."""
        names = ("index", "counted", "rate", "value", "t", "p", "q", "low", "high")
        columns: dict[str, Shaped[np.ndarray, " row"]] = {name: getattr(self, name)[chosen] for name in names}
        return replace(self, **columns)

    def top(
        self, k: int | None = None, by: Literal["absolute", "lowest", "highest"] = "absolute"
    ) -> SubgroupTable:
        """Return the `k` rows (None is all) of the largest absolute, lowest or highest values; those without value
        are left out.

        Of rows with equal values the larger groups go first, then those of fewer items, then by the random numbers of
        their items (see `sarto.audit.subgroups.lattice`), which are the same whichever engine found the groups.
        """
        rank = {"absolute": -np.abs(self.value), "lowest": self.value, "highest": -self.value}[by]
        keys = self.subgroups.every_key[self.index]
        order = np.lexsort((keys, self.length, -self.support, rank))
        return self.where(order[~np.isnan(self.value[order])][:k])

    def significant(self, level: float = 0.05) -> SubgroupTable:
        """Return the rows with a q-value of at most `level`."""
        return self.where(self.q <= level)

    def prune(self, eps: float) -> SubgroupTable:
        """Return the rows that are not redundant: see `sarto.audit.subgroups.redundancy`."""
        from sarto.audit.subgroups.redundancy import redundant

        return self.where(~redundant(self.subgroups, self.every, self.overall, eps)[self.index])

    def shapley(self, i: int) -> dict[str, float]:
        """Return what each item of row `i` contributes, by attribute: see `sarto.audit.subgroups.shapley`."""
        from sarto.audit.subgroups.shapley import contributions

        return contributions(self.subgroups, self.every, self.overall, int(self.index[i]))

    def global_items(self) -> dict[tuple[str, str], float]:
        """Return what each item contributes over all subgroups: see `sarto.audit.subgroups.shapley`."""
        from sarto.audit.subgroups.shapley import global_items

        return global_items(self.subgroups, self.every, self.overall)

    def corrective(self, least: float = 0.0) -> Corrective:
        """Return the items that bring a subgroup nearer to all rows: see `sarto.audit.subgroups.corrective`."""
        from sarto.audit.subgroups.corrective import corrective

        return corrective(self.subgroups, self.every, self.overall, least)
