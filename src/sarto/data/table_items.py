"""The items of one table: where each begins, its values, and one entry per item of every column.

>>> import numpy as np
>>> table = TextTable("a.csv", {"x": np.array([1, 2, 3])}, {}, np.array([2, 3, 4]))
>>> first, offsets = np.array([0, 2]), np.array([0, 2, 3])
>>> items = TableItems(table, np.array([[1], [2], [3]]), offsets, first, {"x": ["x"]}, {}, {}, None)
>>> items.place(1, 0, "x")
"a.csv, line 4, column 'x'"
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Num, Shaped

from sarto.core.errors import SartoError
from sarto.data.delimited import EXACT, TextTable


@dataclass(frozen=True, eq=False)
class TableItems:
    """The items of one file.

    Attributes:
        table: the file.
        values: of every step of every item.
        offsets: of the items.
        first: the row in which each item begins.
        cells: column name by channel and step, where a row is an item; else by channel alone.
        columns: one entry per item.
        unused: columns that are neither channel nor one entry per item, and why.
        rate_hz: sampling rate, if the file tells it.
    """

    table: TextTable
    values: Num[np.ndarray, "row channel"]
    offsets: Int[np.ndarray, " item_plus_1"]
    first: Int[np.ndarray, " item"]
    cells: dict[str, list[str]]
    columns: dict[str, Shaped[np.ndarray, " item"]]
    unused: dict[str, str]
    rate_hz: float | None

    def place(self, item: int, step: int, channel: str) -> str:
        """Return where a value stands."""
        names = self.cells[channel]
        if len(names) > 1:
            return self.table.place(int(self.first[item]), names[step])
        return self.table.place(int(self.first[item]) + step, names[0])


def check_labels(
    table: TextTable, label: str, labels: Shaped[np.ndarray, " item"], first: Int[np.ndarray, " item"]
) -> None:
    """Check that every item has a class (E105)."""
    missing = np.flatnonzero(labels == "")
    if len(missing):
        where = table.place(int(first[missing[0]]), label)
        message = f"item {missing[0]} has no label"
        raise SartoError("E105", message, cause=f"{where} is empty", hint="fill it in, or remove the item")


def stacked(table: TextTable, channels: dict[str, Num[np.ndarray, " row"]]) -> Num[np.ndarray, "row channel"]:
    """Return the channels side by side (E103 without any, or with numbers too large to be exact)."""
    if not channels:
        cause = "no column of numbers changes within a sequence"
        raise SartoError(
            "E103", f"'{table.name}' has no channel", cause=cause, hint="is the right column the sequence?"
        )
    for name, column in channels.items():
        if np.nanmax(np.abs(column), initial=0) >= EXACT:
            row = int(np.argmax(np.abs(column) >= EXACT))
            cause = f"it is {column[row]:g}, and whole numbers are exact below {EXACT}"
            hint = "a counter or a time stamp is no channel: leave its column out"
            raise SartoError(
                "E103", f"{table.place(row, name)}: the value is too large", cause=cause, hint=hint
            )
    return np.column_stack(list(channels.values()))
