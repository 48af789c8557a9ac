"""Tables with one row per time step: rows of one sequence stand together, and make one item.

See `sarto.data.csv_items` for the layout.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int, Num, Shaped

from sarto.core.errors import SartoError
from sarto.data.choose import names_a_group
from sarto.data.delimited import Texts, TextTable
from sarto.data.stamps import check_rates, seconds, tells_time
from sarto.data.table_items import TableItems, check_labels, stacked
from sarto.data.windows import PURITY, Cutting, windows


def rows_are_steps(table: TextTable, label: str, sequence: str, cutting: Cutting | None) -> TableItems:
    """Return the items: the sequences, or the windows that they are cut into.

    Args:
        table: the file.
        label: the column that holds the classes.
        sequence: the column that names the sequence of a row.
        cutting: the windows, or None for whole sequences of one class each.

    Raises:
        SartoError: E104 no window is left; E105 an item without a class; E108 a sequence that is taken up again, or
            whose class changes where it is not cut, time that does not rise, or two sampling rates.
    """
    marks = [
        c.codes
        for n, c in table.columns.items()
        if isinstance(c, Texts) and (n == sequence or names_a_group(n))
    ]
    begins = np.ones(len(table), bool)
    begins[1:] = np.any([codes[1:] != codes[:-1] for codes in marks], axis=0)
    first = np.flatnonzero(begins)
    _check_together(table, sequence, np.stack([codes[first] for codes in marks], axis=1), first)
    columns: dict[str, Shaped[np.ndarray, " item"]] = {}
    unused: dict[str, str] = {}
    channels: dict[str, Num[np.ndarray, " row"]] = {}
    rate_hz: float | None = None
    for name, column in table.columns.items():
        changing = _changing(column.codes if isinstance(column, Texts) else column, begins)
        if tells_time(table, name):
            rate_hz = check_rates(table, name, seconds(table, name), first)
        elif name == label:
            if cutting is None and len(changing):
                raise _two_classes(table, label, int(changing[0]), first)
        elif isinstance(column, Texts):
            if len(changing):
                unused[name] = f"({len(table)},)"
            else:
                columns[name] = column[first].texts()
        elif len(changing) or len(first) == len(table):
            channels[name] = column
        else:
            columns[name] = column[first]
    values, labels = stacked(table, channels), table.columns[label]
    assert isinstance(labels, Texts)
    cells = {name: [name] for name in channels}
    offsets = np.append(first, len(table))
    if cutting is None:
        columns[label] = labels[first].texts()
        check_labels(table, label, columns[label], first)
        return TableItems(table, values, offsets, first, cells, columns, unused, rate_hz)
    empty = labels.names.index("") if "" in labels.names else -1
    cut = windows(offsets, labels.codes, cutting, unlabelled=empty)
    if not len(cut.first):
        longest = int(np.diff(offsets).max())
        message = f"no window of {cutting.length} steps is left of '{table.name}'"
        cause = (
            f"the longest of its {len(first)} sequences has {longest} steps, and a window needs labelled ones"
        )
        raise SartoError("E104", message, cause=cause, hint="choose shorter windows")
    columns = {name: column[cut.sequence] for name, column in columns.items()}
    columns |= {label: Texts(cut.label, labels.names).texts(), PURITY: cut.purity}
    rows = (cut.first[:, None] + np.arange(cutting.length)).ravel()
    offsets = np.arange(0, len(rows) + 1, cutting.length)
    return TableItems(table, values[rows], offsets, cut.first, cells, columns, unused, rate_hz)


def _two_classes(table: TextTable, label: str, row: int, first: Int[np.ndarray, " item"]) -> SartoError:
    column = table.columns[label]
    assert isinstance(column, Texts)
    texts = column[[row - 1, row]].texts().tolist()
    return SartoError(
        "E108",
        f"{table.place(row, label)}: the class changes within a sequence, from {' to '.join(texts)}",
        cause=f"the sequence began in line {table.lines[first[first <= row].max()]}",
        hint="cut the streams into windows (--window), or give each stretch of one class a sequence of its own",
    )


def _changing(codes: Num[np.ndarray, " row"], begins: Bool[np.ndarray, " row"]) -> Int[np.ndarray, " change"]:
    """Return the rows that differ from the one before, in the same sequence; missing values are alike."""
    same = codes[1:] == codes[:-1]
    if codes.dtype.kind == "f":
        same |= np.isnan(codes[1:]) & np.isnan(codes[:-1])
    return np.flatnonzero(~same & ~begins[1:]) + 1


def _check_together(
    table: TextTable, sequence: str, keys: Int[np.ndarray, "item mark"], first: Int[np.ndarray, " item"]
) -> None:
    """Check that no sequence is taken up again after another one."""
    _, back, counts = np.unique(keys, axis=0, return_inverse=True, return_counts=True)
    again = np.flatnonzero(counts[back.ravel()] > 1)
    if len(again):
        earlier = int(again[0])
        later = next(int(i) for i in again[1:] if (keys[i] == keys[earlier]).all())
        column = table.columns[sequence]
        assert isinstance(column, Texts)
        text = column[first[[later]]].texts()[0]
        message = f"{table.place(int(first[later]), sequence)}: the sequence '{text}' is taken up again"
        cause = f"it began in line {table.lines[first[earlier]]}, and another one stands between"
        hint = "sort the rows by sequence and time, or give both a name of their own"
        raise SartoError("E108", message, cause=cause, hint=hint)
