"""Tables with one row per item: the columns of a channel are numbered by time step.

See `sarto.data.tables` for the layout.
"""

from __future__ import annotations

import re

import numpy as np
from jaxtyping import Num, Shaped

from sarto.core.errors import SartoError
from sarto.data.columns import ColumnTable, Texts
from sarto.data.table_items import TableItems, check_targets, of_rows, stacked

_NUMBERED = re.compile(r"(.*?)[ _.\[(-]*([0-9]+)[\])]?")


def numbered_columns(table: ColumnTable, targets: tuple[str, ...]) -> dict[str, list[str]]:
    """Return the columns of each channel by time step, where columns are numbered from 0 or 1; else nothing."""
    found: dict[str, dict[int, str]] = {}
    for name, column in table.columns.items():
        match = _NUMBERED.fullmatch(name)
        if match and name not in targets and not isinstance(column, Texts):
            found.setdefault(match[1], {})[int(match[2])] = name
    runs = {
        base or "channel_0": [steps[step] for step in sorted(steps)]
        for base, steps in found.items()
        if len(steps) > 1 and min(steps) in (0, 1) and max(steps) - min(steps) + 1 == len(steps)
    }
    lengths = {base: len(names) for base, names in runs.items()}
    if len(set(lengths.values())) > 1:
        shown = ", ".join(f"'{base}' has {count}" for base, count in lengths.items())
        raise SartoError(
            "E108",
            f"the channels of '{table.name}' differ in their number of columns",
            cause=shown,
            hint="number the columns of each channel alike, NAME_0 to NAME_99; other columns need other names",
        )
    return runs


def rows_are_items(
    table: ColumnTable, targets: tuple[str, ...], numbered: dict[str, list[str]]
) -> TableItems:
    """Return the items, one for each row.

    Args:
        table: the file.
        targets: the columns that hold the classes, or the numbers to be predicted.
        numbered: what `numbered_columns` found; without any, each column of numbers is a channel of one step.

    Raises:
        SartoError: E104 a row without values; E105 one without a class.
    """
    taken = {name for names in numbered.values() for name in names}
    known = [name for name in targets if name in table.columns]
    taken |= set(targets)
    plain = [n for n, c in table.columns.items() if n not in taken and not isinstance(c, Texts)]
    cells = numbered or {name: [name] for name in plain}
    described = [n for n, c in table.columns.items() if n not in taken and (isinstance(c, Texts) or numbered)]
    rows = np.arange(len(table))
    columns: dict[str, Shaped[np.ndarray, " item"]] = {
        name: of_rows(table, name, rows) for name in [*table.per_file, *described, *known]
    }
    check_targets(table, targets, columns, rows)
    flat: dict[str, Num[np.ndarray, " row"]] = {}
    for names in cells.values():
        for name in names:
            column = table.columns[name]
            assert not isinstance(column, Texts)
            flat[name] = column
    grid = stacked(table, flat).reshape(len(table), len(cells), -1).transpose(0, 2, 1)
    there = np.ones(grid.shape[:2], bool)
    if grid.dtype.kind == "f":
        known = np.asarray(~np.isnan(grid).all(axis=2))
        there = np.logical_or.accumulate(known[:, ::-1], axis=1)[:, ::-1]
    lengths = there.sum(axis=1)
    if not lengths.all():
        row = int(np.argmin(lengths))
        message = f"{table.row(row)} has no values"
        raise SartoError("E104", message, cause="every channel is empty", hint="remove items without steps")
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return TableItems(table, grid[there], offsets, rows, cells, columns, dict(table.unused), None)
