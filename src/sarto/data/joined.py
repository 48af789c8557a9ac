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
        by: the column that both have; by default the one that they have in common.

    Raises:
        SartoError: E112, without such a column, or with several; E162, when a value of it stands in two rows of
            `source`, or in none.
    """
    table = read_columns(source)
    common = [name for name in table.columns if name in columns]
    if by is not None and by not in common:
        cause = f"both tables have {', '.join(common) or 'none'}"
        raise SartoError(
            "E112", f"{table.name} cannot be joined by '{by}'", cause=cause, hint="name a column of both"
        )
    if by is None and len(common) != 1:
        cause = f"the columns in both are {', '.join(common) or 'none'}; the rows have {', '.join(columns) or 'none'}"
        hint = "rename columns so that one is in both: that of the subject, the sensor or the id"
        raise SartoError("E112", f"{table.name} does not say whom its rows are about", cause=cause, hint=hint)
    key = by or common[0]
    theirs, ours = as_texts(column_values(table, key)), as_texts(columns[key])
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
    return {name: column_values(table, name)[place] for name in table.columns if name not in columns}
