"""Adapter of divexplorer and sliceline: columns in, plain dictionaries out.

divexplorer counts the group of all rows as a row of its table; it is left out here. Its t has no sign. Its warnings are
about pandas 4.
"""

# Both are typed loosely, and so is pandas.
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from sarto.core.errors import SartoError

Label = frozenset[str]


def _needs(name: str) -> SartoError:
    return SartoError(
        "E302",
        f"this benchmark needs {name}",
        cause=f"the package {name} is not installed",
        hint="pip install -c constraints.txt -e '.[peers]'",
    )


def frame(columns: dict[str, Any], outcomes: dict[str, Float[np.ndarray, " row"]]) -> Any:
    """Return the columns and the boolean outcomes (NaN for bottom) as pandas has them."""
    try:
        import pandas as pd
    except ImportError as error:
        raise _needs("pandas") from error
    return pd.DataFrame(columns | outcomes)


def explore(table: Any, outcomes: list[str], support: float) -> Any:
    """Return divexplorer's table of all subgroups."""
    try:
        from divexplorer import DivergenceExplorer
    except ImportError as error:
        raise _needs("divexplorer") from error
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return DivergenceExplorer(table).get_pattern_divergence(support, boolean_outcomes=outcomes)


def as_rows(table: Any, outcomes: list[str]) -> dict[Label, tuple[float, ...]]:
    """Return of each subgroup its count, and of each outcome rate, divergence and t."""
    columns = [table["support_count"].to_numpy()]
    for name in outcomes:
        columns += [table[name].to_numpy(), table[f"{name}_div"].to_numpy(), table[f"{name}_t"].to_numpy()]
    rows = zip(table["itemset"], *(column.tolist() for column in columns), strict=True)
    return {itemset: tuple(values) for itemset, *values in rows if len(itemset)}


def processed(table: Any, outcome: str) -> Any:
    """Return divexplorer's object for pruning and Shapley values."""
    from divexplorer.pattern_processor import DivergencePatternProcessor

    return DivergencePatternProcessor(table, outcome)


def pruned(table: Any, outcome: str, eps: float) -> set[Label]:
    """Return the subgroups that its redundancy pruning leaves, that of all rows among them."""
    return set(processed(table, outcome).redundancy_pruning(eps)["itemset"])


def global_shapley(table: Any, outcome: str) -> dict[str, float]:
    """Return its global value of each item."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = processed(table, outcome).global_shapley_value()
    return {next(iter(item)): float(value) for item, value in found.items()}


def shapley(table: Any, outcome: str, label: Label) -> dict[str, float]:
    """Return the contributions of the items of one subgroup."""
    found = processed(table, outcome).shapley_value(pattern=label)
    return {next(iter(item)): float(value) for item, value in found.items()}


def slices(
    codes: Int[np.ndarray, "row attribute"], errors: Bool[np.ndarray, " row"], k: int, length: int, least: int
) -> list[tuple[dict[int, int], float, int]]:
    """Return sliceline's top slices: items by attribute, score and size."""
    try:
        from sliceline.slicefinder import Slicefinder
    except ImportError as error:
        raise _needs("sliceline") from error
    finder = Slicefinder(alpha=0.95, k=k, max_l=length, min_sup=least, verbose=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        finder.fit(codes, errors.astype(np.float64))
    found = []
    assert finder.top_slices_ is not None and finder.top_slices_statistics_ is not None
    for items, statistics in zip(finder.top_slices_, finder.top_slices_statistics_, strict=True):
        chosen = {at: int(item) for at, item in enumerate(items.tolist()) if item is not None}
        found.append((chosen, float(statistics["slice_score"]), int(statistics["slice_size"])))
    return found


def compiled() -> bool:
    """Return whether sliceline runs its compiled functions."""
    from sliceline.slicefinder import is_numba_available

    return bool(is_numba_available())
