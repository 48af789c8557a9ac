"""Columns of dataframes of any library (pandas, polars, PyArrow, ...), and of Parquet files.

Missing numbers are NaN, missing texts empty. Truth values are 0 and 1, decimals floats. Dates and durations are seconds
(from the first on) where the column tells the time by its name, else they are not used.

narwhals is the layer over the libraries; it is small and has no dependencies. Parquet is read by PyArrow.

>>> import pandas
>>> frame = pandas.DataFrame({"run": [1, 1, 2], "label": ["sit", "sit", "walk"], "acc [g]": [0.5, None, 2.0]})
>>> table = frame_table(frame, lambda names: {"run"})
>>> table.columns["run"].texts().tolist(), table.columns["acc"].tolist(), table.units, table.row(2)
(['1', '1', '2'], [0.5, nan, 2.0], {'acc': 'g'}, 'dataframe, row 3')
"""

# narwhals types the frames of all libraries loosely.
# pyright: basic

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import narwhals as nw
import numpy as np
from jaxtyping import Num

from sarto.core.errors import SartoError
from sarto.data.columns import Column, ColumnTable, Placing, Texts, called, check_same_names
from sarto.data.delimited import headings
from sarto.data.source import unreadable
from sarto.data.stamps import tells_time

FRAME = "dataframe"
"""How a dataframe is called, which has no name of its own."""
_INDEX = re.compile(r"__index_level_[0-9]+__")
"""Columns in which pandas keeps the numbers of rows."""


def read_parquet(
    files: Sequence[Path],
    as_text: Callable[[list[str]], set[str]],
    titles: Sequence[str],
    keep: Callable[[list[str]], set[str]] = set,
) -> ColumnTable:
    """Return the columns of Parquet files that have the same ones, one after the other.

    Args:
        files: at least one.
        as_text: gets the names of the columns, and says of which the texts are wanted, though they may be numbers.
        titles: how the files are called, for a person.
        keep: gets the names of the columns, and says which are read. All by default.

    Raises:
        SartoError: E103 no Parquet file, or a column of another kind; E104 no rows; E108 columns of one name, or files
            that differ in theirs; E302 PyArrow is not installed.
    """
    frames: list[Any] = []
    for file, title in zip(files, titles, strict=True):
        try:
            frames.append(nw.read_parquet(str(file), backend="pyarrow"))
        except ModuleNotFoundError as error:
            message = "Parquet files need the library PyArrow"
            hint = "pip install 'sarto[data]', or write the data as CSV"
            raise SartoError("E302", message, cause="it is not installed", hint=hint) from error
        except Exception as error:  # PyArrow has errors of many kinds for damaged files
            words = " ".join(str(error).replace(str(file), title).split())[:120]
            raise unreadable(title, f"it is no Parquet file that can be read: {words}") from error
        check_same_names(titles[0], _columns(frames[0]), title, _columns(frames[-1]))
    return _table(frames, titles, as_text, keep)


def frame_table(
    frame: Any, as_text: Callable[[list[str]], set[str]], keep: Callable[[list[str]], set[str]] = set
) -> ColumnTable:
    """Return the columns of a dataframe.

    Args:
        frame: of any library that narwhals knows.
        as_text: as for `read_parquet`.
        keep: as for `read_parquet`.

    Raises:
        SartoError: E103 no dataframe, or a column of another kind; E104 no rows; E108 columns of one name.
    """
    try:
        known: Any = nw.from_native(frame)
        columns = list(known.columns)
    except nw.exceptions.DuplicateError as error:
        message, hint = "the columns of the dataframe cannot be told apart", "give each a name of its own"
        raise SartoError("E108", message, cause="two have one name", hint=hint) from error
    except TypeError as error:
        cause = f"it is of type {type(frame).__name__}"
        hint = "give the path of a file, or a dataframe of pandas, polars or PyArrow"
        raise SartoError("E103", "this is no data source", cause=cause, hint=hint) from error
    odd = [name for name in columns if not isinstance(name, str)]
    if odd:
        cause = f"a column is called {odd[0]!r}, which is no text"
        hint = "rename the columns, as in frame.columns = [...]"
        raise SartoError("E103", "the columns of the dataframe have no names", cause=cause, hint=hint)
    return _table([known.collect() if isinstance(known, nw.LazyFrame) else known], [FRAME], as_text, keep)


def _columns(frame: Any) -> list[str]:
    return [str(name) for name in frame.columns if not _INDEX.fullmatch(str(name))]


def _table(
    frames: Sequence[Any],
    titles: Sequence[str],
    as_text: Callable[[list[str]], set[str]],
    keep: Callable[[list[str]], set[str]],
) -> ColumnTable:
    fields = _columns(frames[0])
    names, units = headings(titles[0], fields, 1, keep)
    kept = keep(names)
    texts = as_text(names)
    placing = Placing("row")
    for frame, title in zip(frames, titles, strict=True):
        placing.begin(title)
        placing.add(np.arange(1, len(frame) + 1))
        if not len(frame):
            raise SartoError(
                "E104", f"'{title}' holds no rows", cause="it is empty", hint="check what wrote it"
            )
    columns: dict[str, Column] = {}
    unused: dict[str, str] = {}
    for name, field in zip(names, fields, strict=True):
        if name not in kept:
            continue
        parts = [frame[field] for frame in frames]
        kinds = [part.dtype for part in parts]
        stamps = all(kind in (nw.Date, nw.Datetime, nw.Duration) for kind in kinds)
        if any(kind.is_temporal() for kind in kinds) and not (stamps and tells_time(name)):
            unused[name] = f"({placing.rows},)"
            continue
        if name in texts or not all(
            kind.is_numeric() or kind.is_temporal() or kind == nw.Boolean for kind in kinds
        ):
            columns[name] = _texts(
                [_words(part, name, title) for part, title in zip(parts, titles, strict=True)]
            )
        else:
            whole = np.concatenate([_numbers(part) for part in parts])
            columns[name] = (whole - np.nanmin(whole)) * 1e-6 if stamps else whole
            units |= {name: "s"} if any(kind.is_temporal() for kind in kinds) else {}
    return ColumnTable(called(titles), columns, units, placing.places(), unused)


def _numbers(part: Any) -> Num[np.ndarray, " row"]:
    """Return numbers, truth values, or times in microseconds; whole numbers stay such only if none is missing."""
    kind = part.dtype
    if kind.is_temporal():
        stamps = part.to_numpy().astype(
            "datetime64[us]" if kind in (nw.Date, nw.Datetime) else "timedelta64[us]"
        )
        return np.where(np.isnat(stamps), np.nan, stamps.astype(np.int64))
    if kind == nw.Boolean:
        part = part.cast(nw.Int8)
    elif kind.is_decimal() or part.null_count():
        part = part.cast(nw.Float64)
    found = np.asarray(part.to_numpy())
    return found.astype(np.float32) if found.dtype == np.float16 else found


def _words(part: Any, name: str, title: str) -> list[str]:
    """Return the texts of a column, empty for missing ones; whole numbers without a decimal point."""
    kind = part.dtype
    if kind.is_float():
        numbers = part.cast(nw.Float64).to_numpy()
        return ["" if np.isnan(v) else str(int(v)) if v == np.rint(v) else str(v) for v in numbers]
    if not (
        kind.is_numeric() or kind in (nw.String, nw.Categorical, nw.Enum, nw.Boolean, nw.Unknown, nw.Object)
    ):
        message = f"{title}, column '{name}' holds neither numbers nor texts"
        hint = "leave the column out, or spread its entries over columns numbered by time step"
        raise SartoError("E103", message, cause=f"it is of type {kind}", hint=hint)
    return ["" if value is None or value != value else str(value).strip() for value in part.to_list()]


def _texts(parts: Sequence[list[str]]) -> Texts:
    codes: dict[str, int] = {}
    coded = [codes.setdefault(text, len(codes)) for part in parts for text in part]
    return Texts(np.array(coded, np.int32), tuple(codes))
