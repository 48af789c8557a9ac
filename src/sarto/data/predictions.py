"""A table of predictions: for each row what is true, what one model or two said, and what is known of it.

Returns `Predictions`. Classes are compared as texts, those of numbers without a decimal point, so that `1` and `1.0`
are one class. Rows of two tables are brought together by their ids, whatever their order.

>>> import pandas
>>> one = pandas.DataFrame({"id": [1, 2, 3], "y": [0, 1, 1], "said": [0, 1, 0], "sex": ["f", "m", "f"]})
>>> other = pandas.DataFrame({"id": [3, 1, 2], "said": [1, 0, 1]})
>>> rows = read_predictions(one, target="y", model="said", row_id="id", against=other)
>>> rows.target.tolist(), rows.small.tolist(), rows.original.tolist(), list(rows.columns)
([0, 1, 1], [0, 1, 0], [0, 1, 1], ['sex'])
>>> rows.classes().small.tolist()
['0', '1', '0']
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import Any, cast

import numpy as np
from jaxtyping import Shaped

from sarto.core.errors import SartoError
from sarto.data.column_reader import EXACT
from sarto.data.columns import Column, ColumnTable, Texts
from sarto.data.delimited import read_delimited
from sarto.data.number import MISSING, read_number
from sarto.data.source import unreadable

TARGETS = ("target", "y", "label", "class", "y_true", "truth")
MODELS = ("prediction", "predicted", "model", "small", "y_pred", "pred")
ORIGINALS = ("original", "baseline", "teacher", "y_pred_original")
IDS = ("id", "row_id", "row", "index", "item")
"""Usual names of columns, the first that is there counts."""
_TEXT = (".csv", ".tsv", ".txt")


@dataclass(frozen=True, eq=False)
class Predictions:
    """What one model or two said of the same rows.

    Attributes:
        name: of the table.
        target: what is true, texts or numbers as all three.
        small: what the model said that is audited.
        original: what the model said that it is held against, or None.
        columns: what else is known of the rows, in the order of the table: texts or numbers.
        ids: of the rows, or None where nothing names them.
        named: the columns that the three were: `target`, `model`, `original`.
    """

    name: str
    target: Shaped[np.ndarray, " row"]
    small: Shaped[np.ndarray, " row"]
    original: Shaped[np.ndarray, " row"] | None
    columns: Mapping[str, Shaped[np.ndarray, " row"]]
    ids: Shaped[np.ndarray, " row"] | None
    named: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.target)

    def classes(self) -> Predictions:
        """Return the same with truth and predictions as texts.

        Raises:
            SartoError: E162, when a model never says a class that is true of any row.
        """
        truth, small = as_texts(self.target), as_texts(self.small)
        original = None if self.original is None else as_texts(self.original)
        known = set(truth.tolist())
        for name, said in (("model", small), ("original", original)):
            if said is not None and not known & set(said.tolist()):
                message = f"{self.name}: '{self.named[name]}' never says what is true of any row"
                cause = f"it says {_some(said)}, and '{self.named['target']}' holds {_some(truth)}"
                raise SartoError("E162", message, cause=cause, hint="write both in the same words")
        return replace(self, target=truth, small=small, original=original)

    def numbers(self) -> Predictions:
        """Return the same with truth and predictions as floats (E112 where one of them holds texts)."""
        found: list[Any] = []
        for name, values in (("target", self.target), ("model", self.small), ("original", self.original)):
            if values is not None and values.dtype.kind not in "iufb":
                message = f"{self.name}: '{self.named[name]}' does not hold numbers"
                raise SartoError(
                    "E112", message, cause=f"it holds {_some(values)}", hint="audit classes instead"
                )
            found.append(None if values is None else values.astype(np.float64))
        return replace(self, target=found[0], small=found[1], original=found[2])


def read_predictions(
    source: str | PathLike[str] | Any,
    *,
    target: str | None = None,
    model: str | None = None,
    original: str | None = None,
    row_id: str | None = None,
    against: str | PathLike[str] | Any | None = None,
    labelled: bool = True,
) -> Predictions:
    """Return the predictions that stand in a table, or in two.

    Args:
        source: a CSV, TSV or Parquet file, or a dataframe of any library that narwhals knows.
        target: column of what is true; by default the first of `TARGETS` that is there.
        model: column of what the audited model said; by default the first of `MODELS`.
        original: column of what the other model said; by default the first of `ORIGINALS`, if one is there, or, in
            `against`, the column that is called as `model` is.
        row_id: column that names the rows; by default the first of `IDS`. Two tables need it.
        against: another table of the same rows, which holds the predictions of the original.
        labelled: whether anybody knows what is true; else what the model said stands in its place.

    Raises:
        SartoError: E103 or E104, no such table; E112, a column that is not there, or none that is called as usual;
            E162, rows that are not the same in both tables, or ids that are there twice; E105, a missing value.
    """
    table = read_columns(source)
    key = _column(table, row_id, IDS, "--id", needed=against is not None)
    ids = None if key is None else as_texts(column_values(table, key))
    if ids is not None and (row_id is not None or against is not None):
        _check_once(table, str(key), ids)
    said = _needed(table, model, MODELS, "--model")
    what = _needed(table, target, TARGETS, "--target") if labelled else said
    named = {"target": what, "model": said}
    before: Shaped[np.ndarray, " row"] | None = None
    taken = {what, said, key}
    if against is not None:
        other = read_columns(against)
        first = _needed(other, original, (said, *ORIGINALS, *MODELS), "--original")
        assert ids is not None
        before = _aligned(table, str(key), ids, other, first)
        named["original"] = first
    else:
        first = _column(table, original, ORIGINALS, "--original", needed=False)
        if first is not None:
            before = _filled(table, first)
            named["original"] = first
            taken.add(first)
    columns = {name: column_values(table, name) for name in table.columns if name not in taken}
    return Predictions(table.name, _filled(table, what), _filled(table, said), before, columns, ids, named)


def as_texts(values: Shaped[np.ndarray, " row"]) -> Shaped[np.ndarray, " row"]:
    """Return values as texts: whole numbers without a decimal point, missing ones empty.

    >>> as_texts(np.array([1.0, 2.5, np.nan])).tolist()
    ['1', '2.5', '']
    """
    if values.dtype.kind != "f":
        return values.astype(str)
    return np.array(
        ["" if np.isnan(v) else str(int(v)) if v.is_integer() else repr(v) for v in values.tolist()]
    )


def read_columns(source: str | PathLike[str] | Any) -> ColumnTable:
    """Return the columns of a file or a dataframe; those whose texts are all numbers are numbers."""
    if not isinstance(source, str | PathLike):
        from sarto.data.frames import frame_table

        return frame_table(source, lambda names: set())
    path = Path(cast("str | PathLike[str]", source))
    if not path.is_file():
        cause = "it is a folder" if path.is_dir() else "there is no such file"
        hint = "give a CSV or Parquet file of predictions"
        raise SartoError("E101", f"'{path}' cannot be read", cause=cause, hint=hint)
    if path.suffix.lower() == ".parquet":
        from sarto.data.frames import read_parquet

        return read_parquet([path], lambda names: set(), [path.name])
    if path.suffix.lower() not in _TEXT:
        cause = f"its name ends in '{path.suffix}', not in {', '.join(_TEXT)} or .parquet"
        raise unreadable(path.name, cause)
    found = read_delimited([path], set)
    return replace(found, columns={name: _as_numbers(column) for name, column in found.columns.items()})


def _as_numbers(column: Column) -> Column:
    """Return a column of texts as numbers, if all that are not missing are such, whole ones as integers."""
    assert isinstance(column, Texts)
    missing = [name.strip().lower() in MISSING for name in column.names]
    numbers = [read_number(name) for name, none in zip(column.names, missing, strict=True) if not none]
    if not numbers or any(number is None for number in numbers):
        return Texts(column.codes, tuple("" if m else n for n, m in zip(column.names, missing, strict=True)))
    turn = iter(numbers)
    values = np.array([np.nan if none else next(turn) for none in missing], np.float64)
    whole = not any(missing) and (np.abs(values) < EXACT).all() and (values == np.rint(values)).all()
    return (values.astype(np.int64) if whole else values)[column.codes]


def _column(
    table: ColumnTable, asked: str | None, usual: Sequence[str], flag: str, *, needed: bool
) -> str | None:
    """Return the column that was asked for, else the first that is called as usual."""
    if asked is not None:
        if asked not in table.columns:
            near = difflib.get_close_matches(asked, list(table.columns), n=1)
            hint = f"did you mean '{near[0]}'?" if near else f"name one of them with {flag}"
            cause = f"its columns are {', '.join(table.columns)}"
            raise SartoError("E112", f"{table.name} has no column '{asked}'", cause=cause, hint=hint)
        return asked
    by_lower = {name.lower(): name for name in reversed(table.columns)}
    found = next((by_lower[name] for name in usual if name in by_lower), None)
    if found is None and needed:
        cause = (
            f"no column is called {', '.join(usual[:-1])} or {usual[-1]}; there is {', '.join(table.columns)}"
        )
        message = f"{table.name} does not say which column is meant by {flag.lstrip('-')}"
        raise SartoError("E112", message, cause=cause, hint=f"name it: {flag} {next(iter(table.columns))}")
    return found


def _needed(table: ColumnTable, asked: str | None, usual: Sequence[str], flag: str) -> str:
    found = _column(table, asked, usual, flag, needed=True)
    assert found is not None
    return found


def column_values(table: ColumnTable, name: str) -> Shaped[np.ndarray, " row"]:
    """Return a column as numbers, or as texts."""
    column = table.columns[name]
    return column.texts() if isinstance(column, Texts) else np.asarray(column)


def _filled(table: ColumnTable, name: str) -> Shaped[np.ndarray, " row"]:
    """Return a column that says something in every row (E105)."""
    values = column_values(table, name)
    missing = np.flatnonzero(np.isnan(values) if values.dtype.kind == "f" else values == "")
    if len(missing):
        message = f"{table.place(int(missing[0]), name)} is empty"
        cause = f"{len(missing)} of {len(values)} rows say nothing there"
        raise SartoError("E105", message, cause=cause, hint="fill them in, or leave the rows out")
    return values


def _some(values: Shaped[np.ndarray, " row"]) -> str:
    """Return the first few different values, for a person."""
    found = list(dict.fromkeys(as_texts(values).tolist()))
    return ", ".join(found[:3]) + (", ..." if len(found) > 3 else "")


def _check_once(table: ColumnTable, key: str, ids: Shaped[np.ndarray, " row"]) -> None:
    """Check that no two rows have one id (E162)."""
    values, counts = np.unique(ids, return_counts=True)
    if counts.max(initial=1) > 1:
        twice = values[counts > 1]
        rows = np.flatnonzero(ids == twice[0])[:2]
        places = [table.places.at(row) for row in rows.tolist()]
        message = f"{table.name}: the id '{twice[0]}' stands in {places[0]} and in {places[1]}"
        cause = f"{len(twice)} ids of column '{key}' are there more than once"
        raise SartoError(
            "E162", message, cause=cause, hint="a row has one id: name another column with --id, or mend it"
        )


def _aligned(
    table: ColumnTable, key: str, ids: Shaped[np.ndarray, " row"], other: ColumnTable, name: str
) -> Shaped[np.ndarray, " row"]:
    """Return column `name` of `other` in the order of the rows of `table` (E162 if they are not the same rows)."""
    _column(other, key, (), "--id", needed=True)
    theirs = as_texts(column_values(other, key))
    _check_once(other, key, theirs)
    order = np.argsort(theirs, kind="stable")
    place = np.minimum(np.searchsorted(theirs, ids, sorter=order), len(theirs) - 1)
    only = ((ids[theirs[order[place]] != ids], table.name), (np.setdiff1d(theirs, ids), other.name))
    said = [f"{len(some)} ids such as '{some[0]}' stand only in {where}" for some, where in only if len(some)]
    if said:
        message = f"{table.name} and {other.name} are not about the same rows"
        hint = "write both with the same rows: one pair of answers is compared for each"
        raise SartoError("E162", message, cause="; ".join(said), hint=hint)
    return _filled(other, name)[order[place]]


def unknown_groups(names: Iterable[str], rows: Predictions) -> SartoError | None:
    """Return the error of the first of `names` that is no column of `rows`, or None."""
    for name in names:
        if name not in rows.columns:
            near = difflib.get_close_matches(name, list(rows.columns), n=1)
            hint = f"did you mean '{near[0]}'?" if near else "name some of them with --groups"
            cause = f"besides truth and predictions its columns are {', '.join(rows.columns) or 'none'}"
            return SartoError(
                "E112", f"{rows.name} has no column '{name}' to group by", cause=cause, hint=hint
            )
    return None
