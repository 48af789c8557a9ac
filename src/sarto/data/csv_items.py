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
from pathlib import Path

import numpy as np

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.data.choose import names_a_group
from sarto.data.contents import Contents
from sarto.data.csv_rows import numbered_columns, rows_are_items
from sarto.data.csv_steps import rows_are_steps
from sarto.data.delimited import Texts, TextTable, read_delimited
from sarto.data.source import unreadable
from sarto.data.stamps import tells_time
from sarto.data.table_items import TableItems
from sarto.data.windows import Cutting

LABELS = ("label", "labels", "target", "class", "activity", "y")
"""Columns that hold the classes; the first that is there, so that `y` may be a channel beside it."""
SEQUENCES = ("sequence", "series", "recording", "run", "trial", "session", "window", "item", "id")
"""Columns that name the sequence of a row; the same with `_id`."""


def read_csv(
    files: tuple[Path, ...], target: str | None, sequence: str | None, cutting: Cutting | None = None
) -> Contents:
    """Return the items of one file, or of a training and a test file with that split.

    Args:
        files: one, or two with the same columns.
        target: the column that holds the classes, if not the usual one.
        sequence: the column that names the sequence of a row, if not the usual one.
        cutting: windows into which sequences are cut, or None.

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
    parts = [_items(table, label, sequence, cutting) for table in tables]
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
    together = _column(tables[0], sequence, SEQUENCES, "sequence") if cutting is not None else None
    return Contents(data, label, parts[0].unused, place, together)


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


def _check_channels(parts: list[TableItems]) -> None:
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


def _items(table: TextTable, label: str, sequence: str | None, cutting: Cutting | None) -> TableItems:
    """Return the items of a file in the layout that its columns show."""
    asked = _column(table, sequence, SEQUENCES, "sequence")
    numbered = numbered_columns(table, label)
    key = table.columns.get(asked) if asked else None
    assert key is None or isinstance(key, Texts)
    single = key is None or len(np.unique(key.codes)) == len(table)
    if sequence is None and (numbered or asked is None) and single:
        hint = f"add one, named {' or '.join(SEQUENCES[:4])}, or name it with --sequence"
        stamps = [name for name in table.columns if tells_time(table, name)]
        if stamps and not numbered:
            cause = (
                f"'{stamps[0]}' tells the time of each row, and no column says which sequence it belongs to"
            )
            raise SartoError(
                "E108", f"'{table.name}' does not say where sequences begin", cause=cause, hint=hint
            )
        if cutting is not None:
            cause = "it has a row for each item, and no column says which sequence a row belongs to"
            raise SartoError("E112", f"'{table.name}' cannot be cut into windows", cause=cause, hint=hint)
        return rows_are_items(table, label, numbered)
    assert asked is not None and isinstance(key, Texts)
    return rows_are_steps(table, label, asked, cutting)
