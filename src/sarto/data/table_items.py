"""The items of one table: where each begins, its values, and one entry per item of every column.

>>> import numpy as np
>>> from sarto.data.columns import Places
>>> table = ColumnTable("a.csv", {"x": np.array([1, 2, 3])}, {}, Places.of(["a.csv"], [np.array([2, 3, 4])]))
>>> first, offsets = np.array([0, 2]), np.array([0, 2, 3])
>>> items = TableItems(table, np.array([[1], [2], [3]]), offsets, first, {"x": ["x"]}, {}, {}, None)
>>> items.place(1, 0, "x")
"a.csv, line 4, column 'x'"
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from jaxtyping import Int, Num, Shaped

from sarto.core.errors import SartoError
from sarto.data.column_reader import EXACT
from sarto.data.columns import ColumnTable, Texts
from sarto.data.spool import SPAN, Spool, let_go, spans


@dataclass(frozen=True, eq=False)
class TableItems:
    """The items of one table.

    Attributes:
        table: the table.
        values: of every step of every item.
        offsets: of the items.
        first: the row in which each item begins.
        cells: column name by channel and step, where a row is an item; else by channel alone.
        columns: one entry per item.
        unused: columns that are neither channel nor one entry per item, and why.
        rate_hz: sampling rate, if the file tells it.
        remarks: what was left out, in words.
    """

    table: ColumnTable
    values: Num[np.ndarray, "row channel"]
    offsets: Int[np.ndarray, " item_plus_1"]
    first: Int[np.ndarray, " item"]
    cells: dict[str, list[str]]
    columns: dict[str, Shaped[np.ndarray, " item"]]
    unused: dict[str, str]
    rate_hz: float | None
    remarks: tuple[str, ...] = ()

    def place(self, item: int, step: int, channel: str) -> str:
        """Return where a value stands."""
        names = self.cells[channel]
        if len(names) > 1:
            return self.table.place(int(self.first[item]), names[step])
        return self.table.place(int(self.first[item]) + step, names[0])


def of_rows(table: ColumnTable, name: str, rows: Int[np.ndarray, " item"]) -> Shaped[np.ndarray, " item"]:
    """Return what column `name`, of rows or of whole files, says in each of `rows`."""
    if name in table.columns:
        column = table.columns[name]
        return column[rows].texts() if isinstance(column, Texts) else np.asarray(column[rows])
    return table.per_file[name][table.places.file(rows)]


def check_targets(
    table: ColumnTable,
    targets: tuple[str, ...],
    columns: dict[str, Shaped[np.ndarray, " item"]],
    first: Int[np.ndarray, " item"],
) -> None:
    """Check that every item has a class, or a number to be predicted (E105)."""
    for name in targets:
        column = columns[name]
        missing = np.flatnonzero(~np.isfinite(column) if column.dtype.kind == "f" else column == "")
        if len(missing):
            where = table.place(int(first[missing[0]]), name)
            message = f"item {missing[0]} has no {'value' if column.dtype.kind == 'f' else 'label'}"
            what = "is not finite" if column.dtype.kind == "f" else "is empty"
            raise SartoError("E105", message, cause=f"{where} {what}", hint="fill it in, or remove the item")


def stacked(
    table: ColumnTable, channels: dict[str, Num[np.ndarray, " row"]]
) -> Num[np.ndarray, "row channel"]:
    """Return the channels side by side (E103 without any, or with numbers too large to be exact)."""
    if not channels:
        cause = "no column of numbers changes within a sequence"
        raise SartoError(
            "E103", f"'{table.name}' has no channel", cause=cause, hint="is the right column the sequence?"
        )
    for name, column in channels.items():
        for span in spans(len(table), column):
            _check_exact(table, name, column[span], span.start)
    columns = list(channels.values())
    if not any(isinstance(column, np.memmap) for column in columns):
        return np.column_stack(columns)
    dtype = np.result_type(*columns)
    blocks = (
        np.column_stack([column[span] for column in columns]).astype(dtype, copy=False)
        for span in spans(len(table), *columns)
    )
    with Spool() as spool:
        return spool.written(blocks, dtype, (len(columns),))


def gathered(
    values: Num[np.ndarray, "row channel"], first: Int[np.ndarray, " window"], length: int
) -> Num[np.ndarray, "step channel"]:
    """Return the rows of windows of `length` rows, one window after the other."""
    steps = np.arange(length)
    if not isinstance(values, np.memmap):
        return values[(first[:, None] + steps).ravel()]
    at_once = max(1, SPAN // length)

    def blocks() -> Iterator[Num[np.ndarray, "step channel"]]:
        for i in range(0, len(first), at_once):
            yield values[(first[i : i + at_once, None] + steps).ravel()]
            let_go(values)

    with Spool() as spool:
        return spool.written(blocks(), values.dtype, values.shape[1:])


def _check_exact(table: ColumnTable, name: str, column: Num[np.ndarray, " row"], start: int) -> None:
    too_large = np.abs(column) >= EXACT
    if too_large.any():
        at = int(np.argmax(too_large))
        cause = f"it is {column[at]:g}, and whole numbers are exact below {EXACT}"
        hint = "a counter or a time stamp is no channel: leave its column out"
        message = f"{table.place(start + at, name)}: the value is too large"
        raise SartoError("E103", message, cause=cause, hint=hint)
