"""Tables with one row per time step: rows of one sequence stand together, and make one item.

See `sarto.data.tables` for the layout.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from jaxtyping import Bool, Int, Num, Shaped

from sarto.core.errors import SartoError
from sarto.data.choose import names_a_group
from sarto.data.columns import ColumnTable, Texts
from sarto.data.goal import Goal
from sarto.data.spool import spans
from sarto.data.stamps import gaps, rate, tells_time
from sarto.data.table_items import TableItems, check_targets, gathered, of_rows, stacked
from sarto.data.windows import PURITY, Cutting, starts, windows

BY_TIME = "by time, the last quarter of each sequence to test"
SPLIT = "split"
"""The column that says to which part of a split an item belongs."""
TESTED = 0.25
"""Share of each sequence that forecasts are tested on, as in other splits."""


def rows_are_steps(
    table: ColumnTable, goal: Goal, targets: tuple[str, ...], sequence: str | None, cutting: Cutting | None
) -> TableItems:
    """Return the items: the sequences, or the windows that they are cut into.

    Args:
        table: the table; no sequence goes on in another file.
        goal: what is to be learned.
        targets: the column that holds the classes, or those of the numbers; of rows or of whole files.
        sequence: the column that names the sequence of a row, or None, when each file is one.
        cutting: the windows, or None for whole sequences of one class, or one number, each.

    Raises:
        SartoError: E103 numbers to be predicted are texts; E104 no window is left; E105 an item without a class or
            number; E108 a sequence that is taken up again, or whose class changes where it is not cut, time that does
            not rise, or two sampling rates.
    """
    first = _first_rows(table, sequence)
    begins = np.zeros(len(table), bool)
    begins[first] = True
    columns = {name: of_rows(table, name, first) for name in table.per_file}
    unused = dict(table.unused)
    channels: dict[str, Num[np.ndarray, " row"]] = {}
    rate_hz, gap = table.rate_hz, ""
    for name, column in table.columns.items():
        if tells_time(name):
            rate_hz, gap = rate(table, name, first), gaps(table, name, first)
            continue
        changed = _changed(column.codes if isinstance(column, Texts) else column, begins)
        if name in targets and cutting is None and changed is not None:
            raise _changes(table, name, changed, first)
        if name == SPLIT and goal.horizon and changed is not None:
            raise _changes(table, name, changed, first)
        if name in targets and goal.numeric:
            if cutting is None:
                columns[name] = of_rows(table, name, first)
            elif goal.horizon:
                channels[name] = _numbers(table, name)
        elif isinstance(column, Texts) and name not in targets and changed is not None:
            unused[name] = f"({len(table)},)"
        elif isinstance(column, Texts) or (changed is None and len(first) < len(table)):
            columns[name] = of_rows(table, name, first)
        else:
            channels[name] = column
    values, cells = stacked(table, channels), {name: [name] for name in channels}
    remarks = tuple(
        f"column '{name}' holds texts that change within a sequence, such as '{column.names[0][:20]}': it is not used"
        for name, column in table.columns.items()
        if name in unused and isinstance(column, Texts)
    )
    remarks = (gap, *remarks) if gap else remarks
    offsets = np.append(first, len(table))
    items = TableItems(table, values, offsets, first, cells, columns, unused, rate_hz, remarks)
    if cutting is None:
        check_targets(table, targets, columns, first)
        return items
    if goal.numeric:
        return _cut_numbers(items, targets, goal, cutting)
    return _cut(items, targets[0], _labels(table, targets[0]), cutting)


def _cut(items: TableItems, label: str, labels: Texts, cutting: Cutting) -> TableItems:
    """Return the windows of the sequences `items`, each with the class of most of its rows."""
    empty = labels.names.index("") if "" in labels.names else -1
    cut = windows(items.offsets, labels.codes, cutting, unlabelled=empty)
    _check_left(items, len(cut.first), f"no window of {cutting.length} steps", "a window needs labelled ones")
    columns = {label: Texts(cut.label, labels.names).texts(), PURITY: cut.purity}
    return _windows(items, cut.first, cut.sequence, columns, cutting)


def _cut_numbers(items: TableItems, targets: tuple[str, ...], goal: Goal, cutting: Cutting) -> TableItems:
    """Return the windows of the sequences `items`, each with the numbers at its last row, or `horizon` rows after it.

    Windows whose number is missing are left out. Forecasts are tested on the last quarter of each sequence: windows
    that begin there; those for training, and the values that they forecast, end before.
    """
    first, sequence = starts(items.offsets, cutting, goal.horizon)
    last = first + cutting.length - 1
    known = {name: _numbers(items.table, name)[last + goal.horizon].astype(np.float64) for name in targets}
    kept = np.all([np.isfinite(column) for column in known.values()], axis=0)
    columns: dict[str, Shaped[np.ndarray, " window"]] = dict(known)
    if goal.horizon:
        columns |= {f"{name}, last": _numbers(items.table, name)[last].astype(np.float64) for name in targets}
    if goal.horizon and not own_split(items.table):
        bounds = items.offsets[:-1] + (np.diff(items.offsets) * (1 - TESTED)).astype(np.int64)
        test, train = first >= bounds[sequence], last + goal.horizon < bounds[sequence]
        columns[SPLIT] = np.where(test, "test", "train")
        for part, inside in (("train", train), ("test", test)):
            if len(first) and not (kept & inside).any():
                raise _no_part(items, part, cutting, goal)
        kept &= test | train
    words = f"no window of {cutting.length} steps" + f" with {goal.horizon} more after it" * bool(
        goal.horizon
    )
    _check_left(items, int(kept.sum()), words, f"a window needs a number in {' and '.join(targets)}")
    columns = {name: column[kept] for name, column in columns.items()}
    return _windows(items, first[kept], sequence[kept], columns, cutting)


def own_split(table: ColumnTable) -> bool:
    """Return whether a table says to which part of a split its sequences belong."""
    return SPLIT in table.columns or SPLIT in table.per_file


def _no_part(items: TableItems, part: str, cutting: Cutting, goal: Goal) -> SartoError:
    longest = int(np.diff(items.offsets).max())
    where = "last quarter" if part == "test" else "first three quarters"
    cause = f"the {where} of the longest sequence, of {longest} steps, has no room for {cutting.length + goal.horizon}"
    return SartoError(
        "E109", f"there is no window for {part}", cause=cause, hint="choose shorter windows or hops"
    )


def _windows(
    items: TableItems,
    first: Int[np.ndarray, " window"],
    sequence: Int[np.ndarray, " window"],
    columns: dict[str, Shaped[np.ndarray, " window"]],
    cutting: Cutting,
) -> TableItems:
    """Return the windows that begin in the rows `first`, with the columns of their sequences and their own."""
    columns = {name: column[sequence] for name, column in items.columns.items()} | columns
    offsets = np.arange(0, len(first) * cutting.length + 1, cutting.length)
    values = gathered(items.values, first, cutting.length)
    unseen = len(items.first) - len(np.unique(sequence))
    why = "they are too short, or lack what is to be learned"
    remark = f"{unseen} of {len(items.first)} sequences have no window: {why}"
    remarks = (*items.remarks, remark) if unseen else items.remarks
    return replace(items, values=values, offsets=offsets, first=first, columns=columns, remarks=remarks)


def _check_left(items: TableItems, count: int, what: str, need: str) -> None:
    if not count:
        longest = int(np.diff(items.offsets).max())
        cause = f"the longest of its {len(items.first)} sequences has {longest} steps, and {need}"
        message = f"{what} is left of '{items.table.name}'"
        raise SartoError("E104", message, cause=cause, hint="choose shorter windows")


def _numbers(table: ColumnTable, name: str) -> Num[np.ndarray, " row"]:
    column = table.columns[name]
    assert not isinstance(column, Texts), "targets that are texts are refused before"
    return column


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


def _changes(table: ColumnTable, name: str, row: int, first: Int[np.ndarray, " item"]) -> SartoError:
    column = table.columns[name]
    both = [
        str(v)
        for v in (column[[row - 1, row]].texts() if isinstance(column, Texts) else column[row - 1 : row + 1])
    ]
    what = "split" if name == SPLIT else "class" if isinstance(column, Texts) else "number to be predicted"
    return SartoError(
        "E108",
        f"{table.place(row, name)}: the {what} changes within a sequence, from {' to '.join(both)}",
        cause=f"the sequence began in {table.places.at(int(first[first <= row].max()))}",
        hint="cut the streams into windows (--window), or give each stretch of one value a sequence of its own",
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
