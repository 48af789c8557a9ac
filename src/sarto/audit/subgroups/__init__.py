"""Subgroups: for whom is a model worse than on average, and for whom is the small model worse than its original.

The names below load on first use.
"""

from __future__ import annotations

import importlib
from typing import Any

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
    "quantile_bins": "discretise",
    "recounted": "confirm",
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
