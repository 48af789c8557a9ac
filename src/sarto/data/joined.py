"""What a second table knows of the rows of a first: of subjects, sensors or items, joined by a column that both have.

Returns columns, one entry for each row of the first.

>>> import pandas
>>> people = pandas.DataFrame({"subject": ["s1", "s2"], "age": [31, 67]})
>>> {name: column.tolist() for name, column in joined({"subject": np.array(["s2", "s1", "s2"])}, people).items()}
{'age': [67, 31, 67]}
"""

from __future__ import annotations

from collections.abc import Mapping
from os import PathLike
from typing import Any

import numpy as np
from jaxtyping import Shaped

from sarto.core.errors import SartoError
from sarto.data.predictions import as_texts, column_values, read_columns


def joined(
    columns: Mapping[str, Shaped[np.ndarray, " row"]],
    source: str | PathLike[str] | Any,
    by: str | None = None,
) -> dict[str, Shaped[np.ndarray, " row"]]:
    """Return the further columns of `source` for each row.

    Args:
        columns: of the rows.
        source: a CSV, TSV or Parquet file, or a dataframe; each value of the column that it is joined by stands in one
            row of it.
        by: the column that both have, but for an ending `_id`; by default the one that they have in common.

    Raises:
        SartoError: E112, without such a column, or with several; E162, when a value of it stands in two rows of
            `source`, or in none.
    """
    table = read_columns(source)
    pairs = [(ours, theirs) for ours in columns for theirs in table.columns if _same(ours, theirs)]
    if by is not None:
        pairs = [pair for pair in pairs if by in pair]
    if len(pairs) != 1:
        both = ", ".join(ours for ours, _ in pairs) or "none"
        cause = f"columns of both: {both}; the rows have {', '.join(columns) or 'none'}"
        hint = f"rename columns so that just one is in both; it has {', '.join(table.columns)}"
        raise SartoError("E112", f"{table.name} does not say whom its rows are about", cause=cause, hint=hint)
    mine, key = pairs[0]
    theirs, ours = as_texts(column_values(table, key)), as_texts(columns[mine])
    values, counts = np.unique(theirs, return_counts=True)
    if counts.max(initial=1) > 1:
        message = f"{table.name}: '{values[counts > 1][0]}' stands in several rows of column '{key}'"
        raise SartoError("E162", message, cause="each joins one row only", hint="leave one row for each")
    lacking = np.setdiff1d(ours, theirs)
    if len(lacking):
        message = f"{table.name} knows nothing of '{lacking[0]}'"
        cause = f"{len(lacking)} values of column '{key}' are not in it"
        raise SartoError(
            "E162", message, cause=cause, hint="add a row for each, with empty fields where nothing is known"
        )
    order = np.argsort(theirs, kind="stable")
    place = order[np.searchsorted(theirs, ours, sorter=order)]
    return {name: column_values(table, name)[place] for name in table.columns if name not in (*columns, key)}


def _same(one: str, other: str) -> bool:
    """Return whether two columns are called alike, but for an ending `_id`."""
    return one.lower().removesuffix("_id") == other.lower().removesuffix("_id")
