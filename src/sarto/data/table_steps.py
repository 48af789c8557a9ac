"""Tables with one row per time step: rows of one sequence stand together, and make one item.

See `sarto.data.tables` for the layout.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int, Num

from sarto.core.errors import SartoError
from sarto.data.choose import names_a_group
from sarto.data.columns import ColumnTable, Texts
from sarto.data.spool import spans
from sarto.data.stamps import rate, tells_time
from sarto.data.table_items import TableItems, check_labels, gathered, of_rows, stacked
from sarto.data.windows import PURITY, Cutting, windows


def rows_are_steps(
    table: ColumnTable, label: str, sequence: str | None, cutting: Cutting | None
) -> TableItems:
    """Return the items: the sequences, or the windows that they are cut into.

    Args:
        table: the table; no sequence goes on in another file.
        label: the column that holds the classes, of rows or of whole files.
        sequence: the column that names the sequence of a row, or None, when each file is one.
        cutting: the windows, or None for whole sequences of one class each.

    Raises:
        SartoError: E104 no window is left; E105 an item without a class; E108 a sequence that is taken up again, or
            whose class changes where it is not cut, time that does not rise, or two sampling rates.
    """
    first = _first_rows(table, sequence)
    begins = np.zeros(len(table), bool)
    begins[first] = True
    columns = {name: of_rows(table, name, first) for name in table.per_file}
    unused = dict(table.unused)
    channels: dict[str, Num[np.ndarray, " row"]] = {}
    rate_hz = table.rate_hz
    for name, column in table.columns.items():
        if tells_time(name):
            rate_hz = rate(table, name, first)
            continue
        changed = _changed(column.codes if isinstance(column, Texts) else column, begins)
        if name == label and cutting is None and changed is not None:
            raise _two_classes(table, label, changed, first)
        if isinstance(column, Texts) and name != label and changed is not None:
            unused[name] = f"({len(table)},)"
        elif isinstance(column, Texts) or (changed is None and len(first) < len(table)):
            columns[name] = of_rows(table, name, first)
        else:
            channels[name] = column
    values, cells = stacked(table, channels), {name: [name] for name in channels}
    items = TableItems(table, values, np.append(first, len(table)), first, cells, columns, unused, rate_hz)
    if cutting is not None:
        return _cut(items, label, _labels(table, label), cutting)
    check_labels(table, label, columns[label], first)
    return items


def _cut(items: TableItems, label: str, labels: Texts, cutting: Cutting) -> TableItems:
    """Return the windows of the sequences `items`, each with the class of most of its rows."""
    empty = labels.names.index("") if "" in labels.names else -1
    cut = windows(items.offsets, labels.codes, cutting, unlabelled=empty)
    if not len(cut.first):
        longest = int(np.diff(items.offsets).max())
        message = f"no window of {cutting.length} steps is left of '{items.table.name}'"
        cause = f"the longest of its {len(items.first)} sequences has {longest} steps, and a window needs labelled ones"
        raise SartoError("E104", message, cause=cause, hint="choose shorter windows")
    columns = {name: column[cut.sequence] for name, column in items.columns.items()}
    columns |= {label: Texts(cut.label, labels.names).texts(), PURITY: cut.purity}
    offsets = np.arange(0, len(cut.first) * cutting.length + 1, cutting.length)
    values = gathered(items.values, cut.first, cutting.length)
    return replace(items, values=values, offsets=offsets, first=cut.first, columns=columns)


def _first_rows(table: ColumnTable, sequence: str | None) -> Int[np.ndarray, " item"]:
    """Return the row in which each sequence begins: the first of each file, and those where a mark changes.

    Marks are the column of the sequence and those of a group.
    """
    marks = {
        n: c.codes
        for n, c in table.columns.items()
        if isinstance(c, Texts) and (n == sequence or names_a_group(n))
    }
    begins = np.zeros(len(table), bool)
    begins[table.places.first[:-1]] = True
    for codes in marks.values():
        for span in spans(len(table), codes, overlap=1):
            begins[span.start + 1 : span.stop] |= codes[span][1:] != codes[span][:-1]
    first = np.flatnonzero(begins)
    if marks:
        keys = [*(codes[first] for codes in marks.values()), table.places.file(first)]
        _check_together(table, sequence or next(iter(marks)), np.stack(keys, axis=1), first)
    return first


def _labels(table: ColumnTable, label: str) -> Texts:
    """Return the class of every row."""
    column = table.columns.get(label)
    if column is None:
        names, codes = np.unique(table.per_file[label], return_inverse=True)
        return Texts(np.repeat(codes.astype(np.int32), np.diff(table.places.first)), tuple(names.tolist()))
    assert isinstance(column, Texts)
    return column


def _two_classes(table: ColumnTable, label: str, row: int, first: Int[np.ndarray, " item"]) -> SartoError:
    column = table.columns[label]
    assert isinstance(column, Texts)
    texts = column[[row - 1, row]].texts().tolist()
    return SartoError(
        "E108",
        f"{table.place(row, label)}: the class changes within a sequence, from {' to '.join(texts)}",
        cause=f"the sequence began in {table.places.at(int(first[first <= row].max()))}",
        hint="cut the streams into windows (--window), or give each stretch of one class a sequence of its own",
    )


def _changed(column: Num[np.ndarray, " row"], begins: Bool[np.ndarray, " row"]) -> int | None:
    """Return the first row that differs from the one before, in the same sequence; missing values are alike."""
    for span in spans(len(column), column, overlap=1):
        part = column[span]
        same = part[1:] == part[:-1]
        if part.dtype.kind == "f":
            same |= np.isnan(part[1:]) & np.isnan(part[:-1])
        changes = ~same & ~begins[span][1:]
        if changes.any():
            return span.start + 1 + int(np.argmax(changes))
    return None


def _check_together(
    table: ColumnTable, sequence: str, keys: Int[np.ndarray, "item mark"], first: Int[np.ndarray, " item"]
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
        cause = f"it began in {table.places.at(int(first[earlier]))}, and another one stands between"
        hint = "sort the rows by sequence and time, or give both a name of their own"
        raise SartoError("E108", message, cause=cause, hint=hint)
