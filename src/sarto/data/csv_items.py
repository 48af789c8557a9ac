r"""Reads sequences from delimited text (CSV, TSV), in either of two layouts.

One row per time step, where a column names the sequence that a row belongs to:

    sequence,subject,activity,time_s,acc_x [g],acc_y [g]
    run1,anna,walk,0.00,0.98,0.11
    run1,anna,walk,0.02,0.97,0.13
    run2,ben,sit,0.00,0.02,1.00

One row per item, where the columns of a channel are numbered by time step (from 0 or 1, all channels alike):

    subject,activity,acc_x_0,acc_x_1,acc_y_0,acc_y_1
    anna,walk,0.98,0.97,0.11,0.13

Rows of one sequence stand together. A sequence is what its column and the columns of a group (`subject`, ...) say
together, so that `run1` of anna is not `run1` of ben. It has one class. A column of numbers that never changes within
any sequence describes the sequences and is kept as metadata, as are words that never do; other numbers are channels. A
column `time` (or `timestamp`, `t`; with `_s`, `_ms`, `_us` or such a unit, or of dates) is no channel: it must rise,
and the sampling rate follows from it.

In the second layout, values that are missing at the end of all channels make an item shorter. Without numbered
columns each row is one item of one step.

>>> import pathlib, tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     file = pathlib.Path(folder, "toy.csv")
...     _ = file.write_text("run,label,time_s,x\na,sit,0,1\na,sit,0.5,2\nb,walk,0,3\n")
...     data = read_csv((file,), None, "run").data
>>> data.lengths.tolist(), data.classes, data.values.ravel().tolist(), data.rate_hz
([2, 1], ('sit', 'walk'), [1, 2, 3], 2.0)
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Int, Num, Shaped

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.data.choose import names_a_group
from sarto.data.contents import Contents
from sarto.data.delimited import EXACT, Texts, TextTable, read_delimited
from sarto.data.source import unreadable
from sarto.data.stamps import check_rates, seconds, tells_time

LABELS = ("label", "labels", "target", "class", "activity", "y")
"""Columns that hold the classes; the first that is there, so that `y` may be a channel beside it."""
SEQUENCES = ("sequence", "series", "recording", "run", "trial", "session", "window", "item", "id")
"""Columns that name the sequence of a row; the same with `_id`."""
_NUMBERED = re.compile(r"(.*?)[ _.\[(-]*([0-9]+)[\])]?")


@dataclass(frozen=True, eq=False)
class _Items:
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


def read_csv(files: tuple[Path, ...], target: str | None, sequence: str | None) -> Contents:
    """Return the items of one file, or of a training and a test file with that split.

    Args:
        files: one, or two with the same columns.
        target: the column that holds the classes, if not the usual one.
        sequence: the column that names the sequence of a row, if not the usual one.

    Raises:
        SartoError: E103 not such a file, or one without classes or channels; E104 no rows; E105 an item has no class;
            E108 lines that disagree with each other or with the heading; E112 no column `target` or `sequence`.
    """

    def as_text(names: list[str]) -> set[str]:
        label = target or _usual(names, LABELS)
        return {n for n in names if n in (label, sequence, "split") or _is(n, SEQUENCES) or names_a_group(n)}

    tables = [read_delimited(file, as_text) for file in files]
    _check_same(tables)
    label = _column(tables[0], target, LABELS, "target")
    if label is None:
        held = ", ".join(tables[0].columns)
        cause = f"there are no classes, in a column named {' or '.join(LABELS)}; it has {held}"
        raise unreadable(files[0], f"{cause}. Name another one as the target")
    parts = [_items(table, label, sequence) for table in tables]
    _check_channels(parts)
    lengths = np.concatenate([np.diff(part.offsets) for part in parts])
    columns = {
        name: np.concatenate([p.columns[name] for p in parts])
        for name in parts[0].columns
        if all(name in p.columns for p in parts)
    }
    labels, split = columns.pop(label), columns.get("split")
    classes = _in_order(set(labels.tolist()))
    if len(parts) == 2:
        split = np.repeat(["train", "test"], [len(part.first) for part in parts])
    elif split is not None and set(split.tolist()) == {"train", "test"}:
        del columns["split"]
    else:
        split = None
    channels = tuple(parts[0].cells)
    units = [tables[0].units.get(names[0], "") for names in parts[0].cells.values()]

    def place(item: int, step: int, channel: int) -> str:
        part, number = (
            (parts[0], item) if item < len(parts[0].first) else (parts[1], item - len(parts[0].first))
        )
        return part.place(number, step, channels[channel])

    data = Dataset(
        name=files[0].stem,
        values=np.concatenate([part.values for part in parts]) if len(parts) > 1 else parts[0].values,
        offsets=np.concatenate([[0], np.cumsum(lengths)]),
        target=np.array([classes.index(name) for name in labels.tolist()]),
        classes=classes,
        channels=channels,
        metadata=columns,
        split=split,
        rate_hz=parts[0].rate_hz,
        units=tuple(units) if any(units) else (),
    )
    return Contents(data, label, parts[0].unused, place)


def _is(name: str, known: Iterable[str]) -> bool:
    return name.lower().removesuffix("_id") in known


def _column(table: TextTable, asked: str | None, usual: tuple[str, ...], what: str) -> str | None:
    """Return the column that was asked for, or the first that is called as usual."""
    if asked is not None and asked not in table.columns:
        cause = f"the columns are {', '.join(table.columns)}"
        raise SartoError(
            "E112", f"there is no column '{asked}'", cause=cause, hint=f"name one of them as the {what}"
        )
    return asked or _usual(table.columns, usual)


def _usual(names: Iterable[str], usual: tuple[str, ...]) -> str | None:
    """Return the first of `names` that is called as usual."""
    return next((name for alias in usual for name in names if _is(name, (alias,))), None)


def _check_same(tables: list[TextTable]) -> None:
    """Check that two files have the same columns, in the same units."""
    for table in tables[1:]:
        first = tables[0]
        differing = sorted(set(first.columns) ^ set(table.columns))
        mixed = [n for n in first.columns if first.units.get(n) != table.units.get(n)]
        if differing or mixed:
            cause = (
                f"only one of them has '{differing[0]}'"
                if differing
                else f"'{mixed[0]}' is in [{first.units.get(mixed[0], '')}] and [{table.units.get(mixed[0], '')}]"
            )
            message = f"'{first.name}' and '{table.name}' differ in their columns"
            raise SartoError("E108", message, cause=cause, hint="write both with the same ones")


def _check_channels(parts: list[_Items]) -> None:
    """Check that what is a channel in one file is one in the other."""
    for part in parts[1:]:
        differing = sorted(set(parts[0].cells) ^ set(part.cells))
        if differing:
            where = (part if differing[0] in parts[0].cells else parts[0]).table.name
            cause = (
                f"'{differing[0]}' never changes within a sequence of '{where}', and does in the other file"
            )
            message = f"'{parts[0].table.name}' and '{part.table.name}' differ in their channels"
            raise SartoError(
                "E108", message, cause=cause, hint="leave the column out of both, or mend the recording"
            )
        if any(len(part.cells[n]) != len(names) for n, names in parts[0].cells.items()):
            message = f"'{parts[0].table.name}' and '{part.table.name}' are laid out differently"
            cause = "in one of them the columns are numbered by time step, in the other they are not"
            raise SartoError("E108", message, cause=cause, hint="write both in one layout")


def _in_order(names: set[str]) -> tuple[str, ...]:
    """Return class names sorted, whole numbers by their value."""
    whole = all(re.fullmatch("-?[0-9]+", name) for name in names)
    return tuple(sorted(names, key=int if whole else None))


def _items(table: TextTable, label: str, sequence: str | None) -> _Items:
    """Return the items of a file in the layout that its columns show."""
    asked = _column(table, sequence, SEQUENCES, "sequence")
    numbered = _numbered(table, label)
    key = table.columns.get(asked) if asked else None
    assert key is None or isinstance(key, Texts)
    single = key is None or len(np.unique(key.codes)) == len(table)
    if sequence is None and (numbered or asked is None) and single:
        stamps = [name for name in table.columns if tells_time(table, name)]
        if stamps and not numbered:
            cause = (
                f"'{stamps[0]}' tells the time of each row, and no column says which sequence it belongs to"
            )
            hint = f"add one, named {' or '.join(SEQUENCES[:4])}, or name it with --sequence"
            raise SartoError(
                "E108", f"'{table.name}' does not say where sequences begin", cause=cause, hint=hint
            )
        return _rows_are_items(table, label, numbered)
    assert asked is not None and isinstance(key, Texts)
    return _rows_are_steps(table, label, asked)


def _rows_are_steps(table: TextTable, label: str, sequence: str) -> _Items:
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
        codes = column.codes if isinstance(column, Texts) else column
        changing = _changing(codes, begins)
        if tells_time(table, name):
            rate_hz = check_rates(table, name, seconds(table, name), first)
        elif isinstance(column, Texts):
            if name == label and len(changing):
                row = int(changing[0])
                texts = column[[row - 1, row]].texts().tolist()
                message = f"{table.place(row, name)}: the class changes within a sequence, from {' to '.join(texts)}"
                cause = f"the sequence began in line {table.lines[first[first <= row].max()]}"
                hint = "give each stretch of one class a sequence of its own, or cut the streams into windows"
                raise SartoError("E108", message, cause=cause, hint=hint)
            if len(changing):
                unused[name] = f"({len(table)},)"
            else:
                columns[name] = column[first].texts()
        elif len(changing) or len(first) == len(table):
            channels[name] = column
        else:
            columns[name] = column[first]
    _check_labels(table, label, columns[label], first)
    values = _stacked(table, channels)
    return _Items(
        table,
        values,
        np.append(first, len(table)),
        first,
        {n: [n] for n in channels},
        columns,
        unused,
        rate_hz,
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


def _check_labels(
    table: TextTable, label: str, labels: Shaped[np.ndarray, " item"], first: Int[np.ndarray, " item"]
) -> None:
    missing = np.flatnonzero(labels == "")
    if len(missing):
        where = table.place(int(first[missing[0]]), label)
        message = f"item {missing[0]} has no label"
        raise SartoError("E105", message, cause=f"{where} is empty", hint="fill it in, or remove the item")


def _stacked(
    table: TextTable, channels: dict[str, Num[np.ndarray, " row"]]
) -> Num[np.ndarray, "row channel"]:
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


def _numbered(table: TextTable, label: str) -> dict[str, list[str]]:
    """Return the columns of each channel by time step, where columns are numbered from 0 or 1; else nothing."""
    found: dict[str, dict[int, str]] = {}
    for name, column in table.columns.items():
        match = _NUMBERED.fullmatch(name)
        if match and name != label and not isinstance(column, Texts):
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


def _rows_are_items(table: TextTable, label: str, numbered: dict[str, list[str]]) -> _Items:
    taken = {name for names in numbered.values() for name in names}
    plain = [n for n, c in table.columns.items() if n not in taken and not isinstance(c, Texts)]
    cells = numbered or {name: [name] for name in plain}
    columns: dict[str, Shaped[np.ndarray, " item"]] = {
        name: column.texts() if isinstance(column, Texts) else column
        for name, column in table.columns.items()
        if name not in taken and (isinstance(column, Texts) or numbered)
    }
    rows = np.arange(len(table))
    _check_labels(table, label, columns[label], rows)
    flat: dict[str, Num[np.ndarray, " row"]] = {}
    for names in cells.values():
        for name in names:
            column = table.columns[name]
            assert not isinstance(column, Texts)
            flat[name] = column
    grid = _stacked(table, flat).reshape(len(table), len(cells), -1).transpose(0, 2, 1)
    there = np.ones(grid.shape[:2], bool)
    if grid.dtype.kind == "f":
        known = np.asarray(~np.isnan(grid).all(axis=2))
        there = np.logical_or.accumulate(known[:, ::-1], axis=1)[:, ::-1]
    lengths = there.sum(axis=1)
    if not lengths.all():
        row = int(np.argmin(lengths))
        message = f"{table.name}, line {table.lines[row]} has no values"
        raise SartoError("E104", message, cause="every channel is empty", hint="remove items without steps")
    offsets = np.concatenate([[0], np.cumsum(lengths)])
    return _Items(table, grid[there], offsets, rows, cells, columns, {}, None)
