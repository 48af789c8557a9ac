"""Subgroups: for whom is a model worse than on average, and for whom is the small model worse than its original.

    attributes = Attributes.from_columns({"age": ages, "sex": sexes}, discretise="quantile")
    outcomes = Outcomes.from_predictions(target, original, small, positive="yes")
    found = mine(attributes, outcomes, min_support=0.02)
    found.divergence("fpr").prune(0.05).top(10)
    found.gain("accuracy", null=-0.02, alternative="less").significant(0.05)

The names below load on first use.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sarto.audit.subgroups.confirm import Confirmed as Confirmed
    from sarto.audit.subgroups.confirm import split_rows as split_rows
    from sarto.audit.subgroups.discretise import Bins as Bins
    from sarto.audit.subgroups.discretise import Tree as Tree
    from sarto.audit.subgroups.discretise import quantile_bins as quantile_bins
    from sarto.audit.subgroups.discretise import tree_bins as tree_bins
    from sarto.audit.subgroups.exemplars import concentration as concentration
    from sarto.audit.subgroups.exemplars import taxicab as taxicab
    from sarto.audit.subgroups.items import Attributes as Attributes
    from sarto.audit.subgroups.lattice import Subgroups as Subgroups
    from sarto.audit.subgroups.mining import mine as mine
    from sarto.audit.subgroups.mining import mine_apart as mine_apart
    from sarto.audit.subgroups.outcomes import Outcomes as Outcomes
    from sarto.audit.subgroups.slices import top_slices as top_slices
    from sarto.audit.subgroups.subgroup_table import SubgroupTable as SubgroupTable

_HOME = {
    "Attributes": "items",
    "Bins": "discretise",
    "Confirmed": "confirm",
    "Outcomes": "outcomes",
    "SubgroupTable": "subgroup_table",
    "Subgroups": "lattice",
    "Tree": "discretise",
    "concentration": "exemplars",
    "mine": "mining",
    "mine_apart": "mining",
    "quantile_bins": "discretise",
    "split_rows": "confirm",
    "taxicab": "exemplars",
    "top_slices": "slices",
    "tree_bins": "discretise",
}
__all__ = sorted(_HOME)  # pyright: ignore[reportUnsupportedDunderAll]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
    raise AttributeError(f"module '{__name__}' has no attribute '{name}'")


def __dir__() -> list[str]:
    return list(__all__)
