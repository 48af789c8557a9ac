"""Reads labelled sequences into a `Dataset`: one call for every source, with what is needed checked at once.

`sarto.data.source` says what a source may be, `sarto.data.npz`, `sarto.data.tables` and `sarto.data.ts` what the
files hold. Nothing is written.

>>> data = load("BasicMotions")
>>> len(data), data.channels[:2], data.classes, data.source
(80, ('channel_0', 'channel_1'), ('Standing', 'Running', 'Walking', 'Badminton'), 'BasicMotions, bundled with aeon')
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Shaped

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.data.checks import check_training_part, check_values
from sarto.data.choose import group_column, holds, matching
from sarto.data.columns import ColumnTable
from sarto.data.contents import Contents
from sarto.data.delimited import read_delimited
from sarto.data.folder import describe, listing
from sarto.data.goal import Goal
from sarto.data.npz import read_npz
from sarto.data.source import Source, find_source, source_sha256
from sarto.data.table_steps import SPLIT
from sarto.data.tables import FILE, contents_of, key_columns
from sarto.data.ts import read_ts
from sarto.data.windows import Cutting

__all__ = ["load", "source_sha256"]


@runtime_checkable
class Frame(Protocol):
    """A dataframe of any library that narwhals knows: pandas, polars, PyArrow, ..."""

    @property
    def columns(self) -> Any:
        """Names, or the columns themselves."""
        ...


def load(
    source: str | PathLike[str] | Frame,
    *,
    group: str | None = None,
    channels: Sequence[str] = (),
    where: Sequence[str] = (),
    task: str = "classification",
    target: str | None = None,
    horizon: int | None = None,
    sequence: str | None = None,
    window: int | None = None,
    hop: int | None = None,
) -> Dataset:
    """Return the data of `source`, chosen and checked.

    Args:
        source: an `.npz`, `.csv`, `.tsv`, `.parquet` or `.ts` file, a folder with a `.ts` pair or with recordings, a
            name that aeon bundles, or a dataframe.
        group: the column by which items belong together; by default the one column called subject, patient, speaker,
            user, person, participant, site, sensor or group, unless the data have a split of their own; `"none"` for no
            groups.
        channels: names or patterns such as `watch*`; all by default.
        where: conditions on the columns, such as `purity>=0.6`; an item must meet all of them. The classes stand under
            their own name and under `class`.
        task: `classification`; `regression` of numbers, one for each item, or of windows of a stream at their last
            step; or `forecasting` of channels some steps after a window.
        target: the column that holds the classes, if not the usual one; or columns of numbers, with commas between.
        horizon: steps from the end of a window to the value that is forecast; 1 by default.
        sequence: of a CSV with a row per time step, the column that says to which sequence a row belongs, if not the
            usual one.
        window: steps of the windows into which the sequences of such a CSV are cut; a column `purity` then says which
            share of a window has its class, and without a group column windows of one sequence belong together.
        hop: steps from one window's start to the next, at most the window; by default the window. Without a window it
            is not looked at.

    Returns:
        The data set, with the classes that occur in it, in the order of the file.

    Raises:
        SartoError: E101 to E108, E112 or E302; `sarto explain CODE` says what each means.
    """
    cutting, goal = Cutting.of(window, hop), Goal.of(task, target, horizon)
    if isinstance(source, str | PathLike):
        found = find_source(source)
        contents, title, name = _read(found, goal, sequence, cutting), found.title, found.name
        others = found.others
    else:
        from sarto.data.frames import FRAME, frame_table

        table = frame_table(source, key_columns(goal, sequence))
        contents, title, name = contents_of(table, FRAME, goal, sequence, cutting), FRAME, FRAME
        others = ()
    whole = contents.data
    columns: dict[str, Shaped[np.ndarray, " item"]] = {}
    if whole.goals is None:
        columns = {n: np.asarray(whole.classes)[whole.target] for n in (contents.label_name, "class")}
    else:
        columns = dict(zip(whole.latest or whole.outputs, whole.goals.T, strict=True))
    keep = np.ones(len(whole), dtype=bool)
    for condition in where:
        keep &= holds({**columns, **whole.metadata}, condition)
    items = np.flatnonzero(keep)
    if not len(items):
        cause = f"none of the {len(whole)} items meets {' and '.join(where)}"
        raise SartoError("E104", "no item is left", cause=cause, hint="loosen the conditions")
    chosen = matching(whole.channels, channels) if channels else list(range(len(whole.channels)))
    data = replace(whole, group_name=group_column(contents, group), source=title, name=name)
    if others:
        remark = f"{len(others)} files such as '{others[0].name}' are recordings of another kind: they are not read"
        data = replace(data, remarks=(*data.remarks, remark))
    data = data if keep.all() else data.select(items)
    if channels:
        names, units = (
            tuple(data.channels[i] for i in chosen),
            tuple(data.units[i] for i in chosen if data.units),
        )
        data = replace(data, values=data.values[:, chosen], channels=names, units=units)
    check_values(data, items, chosen, contents.place)
    data = data if goal.numeric else _without_absent_classes(data)
    train = np.arange(len(data)) if data.split is None else np.flatnonzero(data.split == "train")
    check_training_part(data, train)
    return data


def _read(found: Source, goal: Goal, sequence: str | None, cutting: Cutting | None) -> Contents:
    if found.kind in ("csv", "wav", "parquet"):
        return contents_of(_table(found, goal, sequence), found.name, goal, sequence, cutting)
    if cutting is not None or goal.task == "forecasting":
        cause = f"{found.title} holds items, and no streams"
        hint = "leave the window out; a CSV with a row per time step can be cut, and forecast"
        raise SartoError("E112", "these data cannot be cut into windows", cause=cause, hint=hint)
    if sequence is not None:
        cause = f"{found.title} keeps its items apart by itself"
        raise SartoError(
            "E112", f"there is no column '{sequence}'", cause=cause, hint="leave the sequence out"
        )
    if found.kind == "npz":
        return read_npz(found.files[0], found.part, goal)
    if goal.targets not in ((), ("class",)):
        cause = "a .ts file has one class or number for each item, and no columns"
        message = f"there is no column '{goal.targets[0]}'"
        raise SartoError("E112", message, cause=cause, hint="leave the target out")
    return read_ts(found.files, goal)


def _table(found: Source, goal: Goal, sequence: str | None) -> ColumnTable:
    """Return the columns of the files of a source, and what is known of each file."""
    if found.root is None:
        table = _columns(found.kind, found.files, found.titles(), key_columns(goal, sequence))
        return replace(table, per_file={SPLIT: np.array(["train", "test"])} if len(found.files) == 2 else {})
    mixed = found.kind == "csv"  # the table is then one of the files
    listed = listing(found.root, found.files if mixed else found.tables, found.files if mixed else (), goal)
    files = [f for f in found.files if listed is None or f != listed.file]
    per_file = describe(found.root, files, listed)
    titles, keys = per_file[FILE].tolist(), key_columns(goal, sequence, beside=per_file)
    return replace(_columns(found.kind, files, titles, keys, fewest=1), per_file=per_file)


def _columns(
    kind: str,
    files: Sequence[Path],
    titles: Sequence[str],
    keys: Callable[[list[str]], set[str]],
    fewest: int = 2,
) -> ColumnTable:
    if kind == "csv":
        return read_delimited(files, keys, titles, fewest)
    if kind == "wav":
        from sarto.data.wav import read_wav

        return read_wav(files, titles)
    from sarto.data.frames import read_parquet

    return read_parquet(files, keys, titles)


def _without_absent_classes(data: Dataset) -> Dataset:
    """Return `data` without the classes that no item has."""
    present, target = np.unique(data.target, return_inverse=True)
    return replace(data, target=target, classes=tuple(np.asarray(data.classes)[present].tolist()))
