r"""Finds the sequences in a table (of text, Parquet or a dataframe), which has either of two layouts.

One row per time step, where a column names the sequence that a row belongs to:

    sequence,subject,activity,time_s,acc_x [g],acc_y [g]
    run1,anna,walk,0.00,0.98,0.11
    run1,anna,walk,0.02,0.97,0.13
    run2,ben,sit,0.00,0.02,1.00

One row per item, where the columns of a channel are numbered by time step (from 0 or 1, all channels alike):

    subject,activity,acc_x_0,acc_x_1,acc_y_0,acc_y_1
    anna,walk,0.98,0.97,0.11,0.13

Rows of one sequence stand together, in one file. A sequence is what its column and the columns of a group (`subject`,
...) say together, so that `run1` of anna is not `run1` of ben; of the files of a folder each is one, if no column says
more. It has one class. A column of numbers that never changes within any sequence describes the sequences and is kept
as metadata, as are words that never do; other numbers are channels. A column `time` (or `timestamp`, `t`; with `_s`,
`_ms`, `_us` or such a unit, or of dates) is no channel: it must rise, and the sampling rate follows from it.

In the second layout, values that are missing at the end of all channels make an item shorter. Without numbered
columns each row is one item of one step.

>>> import numpy as np
>>> from sarto.data.columns import Places
>>> columns = {"run": Texts(np.array([0, 0, 1]), ("a", "b")), "label": Texts(np.array([0, 0, 1]), ("sit", "walk"))}
>>> columns |= {"time_s": np.array([0, 0.5, 0]), "x": np.array([1, 2, 3])}
>>> table = ColumnTable("toy.csv", columns, {}, Places.of(["toy.csv"], [np.array([2, 3, 4])]))
>>> data = contents_of(table, "toy", Goal(), None, None).data
>>> data.lengths.tolist(), data.classes, data.values.ravel().tolist(), data.rate_hz
([2, 1], ('sit', 'walk'), [1, 2, 3], 2.0)
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.data.choose import names_a_group
from sarto.data.columns import ColumnTable, Texts
from sarto.data.contents import Contents
from sarto.data.goal import Goal
from sarto.data.source import unreadable
from sarto.data.stamps import rises, tells_time
from sarto.data.table_items import TableItems
from sarto.data.table_rows import numbered_columns, rows_are_items
from sarto.data.table_steps import BY_TIME, SPLIT, own_split, rows_are_steps
from sarto.data.windows import Cutting

LABELS = ("label", "labels", "target", "class", "activity", "y")
"""Columns that hold the classes; the first that is there, so that `y` may be a channel beside it."""
SEQUENCES = ("sequence", "series", "recording", "run", "trial", "session", "window", "item", "id")
"""Columns that name the sequence of a row; the same with `_id`."""
FILE = "file"
"""What names each of the files of a folder, by its path in it."""
FOLDER = "folder"
"""What is known of whole files by the folder that they lie in: the class, if no column says it."""
LABEL_ORDER = (*LABELS[:-1], FOLDER, LABELS[-1])
"""The same with folders, beside which `y` is a channel too."""


def key_columns(
    goal: Goal, sequence: str | None, beside: Iterable[str] = ()
) -> Callable[[list[str]], set[str]]:
    """Return what says, of the names of columns, of which the texts are wanted, though they may be numbers.

    Args:
        goal: what is to be learned.
        sequence: the column that names the sequence of a row, if not the usual one.
        beside: what is known of whole files, one of which may hold the classes.
    """

    def wanted(names: list[str]) -> set[str]:
        label = None if goal.numeric else goal.target or _usual([*names, *beside], LABEL_ORDER)
        texts = {n for n in names if n in (label, sequence, SPLIT) or _is(n, SEQUENCES) or names_a_group(n)}
        return texts - set(goal.targets if goal.numeric else ())

    return wanted


def contents_of(
    table: ColumnTable, name: str, goal: Goal, sequence: str | None, cutting: Cutting | None
) -> Contents:
    """Return the items of a table.

    Args:
        table: one file or more; a column `split` of `train` and `test`, of rows or files, is the split.
        name: what the data set is called.
        goal: what is to be learned, and the columns that hold it, if not the usual ones.
        sequence: the column that names the sequence of a row, if not the usual one.
        cutting: windows into which sequences are cut, or None.

    Raises:
        SartoError: E103 no classes, numbers or channels; E105 an item has none; E108 rows that disagree with each
            other; E112 no column of that name, or a forecast without windows.
    """
    targets = _targets(table, goal)
    others = [name for name in table.columns if name not in targets]
    asked = _asked(table.columns, sequence, "sequence") or _usual(others, SEQUENCES)
    items = _items(table, goal, targets, asked, sequence is not None, cutting)
    columns = dict(items.columns)
    wanted = [columns.pop(target) for target in targets]
    last = [columns.pop(f"{target}, last") for target in targets] if goal.horizon else []
    split = columns.get(SPLIT)
    if split is not None and set(split.tolist()) == {"train", "test"}:
        del columns[SPLIT]
    else:
        split = None
    channels = tuple(items.cells)
    units = [table.units.get(names[0], "") for names in items.cells.values()]
    data = Dataset(
        name=name,
        values=items.values,
        offsets=items.offsets,
        target=np.zeros(len(items.first), np.int64),
        classes=(),
        channels=channels,
        metadata=columns,
        split=split,
        rate_hz=items.rate_hz,
        units=tuple(units) if any(units) else (),
        remarks=items.remarks,
        overlap=1 if cutting is None else -(-(cutting.length + goal.horizon) // cutting.hop),
    )
    if goal.numeric:
        steps = f", {goal.horizon} step{'s' * (goal.horizon > 1)} later" * bool(goal.horizon)
        data = replace(
            data,
            goals=np.stack(wanted, axis=1).astype(np.float64),
            outputs=tuple(f"{target}{steps}" for target in targets),
            output_units=tuple(table.units.get(target, "") for target in targets),
            last=np.stack(last, axis=1) if last else None,
            latest=targets if last else (),
            split_name=BY_TIME if last and not own_split(table) else data.split_name,
        )
    else:
        labels = wanted[0].tolist()
        classes = _in_order(set(labels))
        index = {text: i for i, text in enumerate(classes)}
        data = replace(data, target=np.array([index[text] for text in labels]), classes=classes)
    together = None if cutting is None else asked or (FILE if FILE in columns else None)
    return Contents(
        data, targets[0], items.unused, lambda i, step, c: items.place(i, step, channels[c]), together
    )


def _is(name: str, known: Iterable[str]) -> bool:
    return name.lower().removesuffix("_id") in known


def _targets(table: ColumnTable, goal: Goal) -> tuple[str, ...]:
    """Return the column of the classes, or those of the numbers: of the rows, else of the files."""
    known = [*table.columns, *table.per_file]
    what = "numbers to predict" if goal.numeric else "classes"
    usual = _usual(known, LABELS if goal.numeric else LABEL_ORDER)
    targets = tuple(str(_asked(known, name, "target")) for name in goal.targets) or (
        (usual,) if usual else ()
    )
    if not targets:
        held = ", ".join(known)
        cause = f"there are no {what}, in a column named {' or '.join(LABELS)}; it has {held}"
        raise unreadable(table.name, f"{cause}. Name another one as the target")
    for name in targets if goal.numeric else ():
        column = table.columns.get(name, table.per_file.get(name))
        if isinstance(column, Texts) or (isinstance(column, np.ndarray) and column.dtype.kind not in "iuf"):
            cause = f"it holds texts, such as '{column.names[0] if isinstance(column, Texts) else column[0]}'"
            hint = "name a column of numbers as the target, or leave the task out for classes"
            raise SartoError("E103", f"'{name}' does not hold {what}", cause=cause, hint=hint)
    return targets


def _asked(known: Iterable[str], asked: str | None, what: str) -> str | None:
    """Return the column that was asked for, if it is there (E112)."""
    if asked is not None and asked not in known:
        cause = f"the columns are {', '.join(known)}"
        raise SartoError(
            "E112", f"there is no column '{asked}'", cause=cause, hint=f"name one of them as the {what}"
        )
    return asked


def _usual(names: Iterable[str], usual: tuple[str, ...]) -> str | None:
    """Return the first of `names` that is called as usual."""
    return next((name for alias in usual for name in names if _is(name, (alias,))), None)


def _in_order(names: set[str]) -> tuple[str, ...]:
    """Return class names sorted, whole numbers by their value."""
    whole = all(re.fullmatch("-?[0-9]+", name) for name in names)
    return tuple(sorted(names, key=int if whole else None))


def _items(
    table: ColumnTable,
    goal: Goal,
    targets: tuple[str, ...],
    sequence: str | None,
    asked: bool,
    cutting: Cutting | None,
) -> TableItems:
    """Return the items in the layout that the columns show; `asked` says that the sequence was."""
    files = FILE in table.per_file
    recordings = files and not set(targets) & set(table.columns)
    key = table.columns.get(sequence) if sequence else None
    assert key is None or isinstance(key, Texts)
    if goal.horizon and cutting is None:
        hint = "give the steps that a forecast sees, with --window"
        raise SartoError("E112", "a forecast needs windows", cause="it sees the steps before it", hint=hint)
    if table.places.word == "sample" or recordings or goal.horizon:
        counter = not asked and _single(table, key)  # a number for each row names no sequence
        return rows_are_steps(table, goal, targets, None if counter else sequence, cutting)
    numbered = numbered_columns(table, targets)
    if asked or not _single(table, key) or not (numbered or (key is None and not files)):
        return rows_are_steps(table, goal, targets, sequence, cutting)
    hint = f"add one, named {' or '.join(SEQUENCES[:4])}, or name it with --sequence"
    stamps = [name for name in table.columns if tells_time(name)]
    if stamps and (not numbered or (key is None and rises(table, stamps[0]))):
        cause = f"'{stamps[0]}' tells the time of each row, and no column says which sequence it belongs to"
        message = f"'{table.name}' does not say where sequences begin"
        items = f"; if each row is an item, call '{stamps[0]}' by another name" * bool(numbered)
        raise SartoError("E108", message, cause=cause, hint=hint + items)
    if cutting is not None:
        cause = "it has a row for each item, and no column says which sequence a row belongs to"
        raise SartoError("E112", f"'{table.name}' cannot be cut into windows", cause=cause, hint=hint)
    return rows_are_items(table, targets, numbered)


def _single(table: ColumnTable, key: Texts | None) -> bool:
    """Return whether no two rows belong to one sequence."""
    if key is None:
        return True
    ends = table.places.first
    return all(len(np.unique(key.codes[a:b])) == b - a for a, b in itertools.pairwise(ends.tolist()))
