"""Some columns of a table of people or items, as texts: a file, a dataframe of any library, or arrays by name.

Other columns are not looked at, so that it does not matter what stands in them, nor whether two of them share a name.

>>> table = read_columns({"race": ["a", "b", "a"], "y": [0, 1, 1], "other": [[1], [2], [3]]}, {"race", "y"})
>>> table.columns["race"].texts().tolist(), table.columns["y"].texts().tolist()
(['a', 'b', 'a'], ['0', '1', '1'])
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

from sarto.core.errors import SartoError
from sarto.data.columns import ColumnTable, Placing, Texts
from sarto.data.delimited import read_delimited
from sarto.data.source import find_source, unreadable

ARRAYS = "arrays"
"""How arrays are called, which have no name of their own."""


def read_columns(data: Any, wanted: Iterable[str]) -> ColumnTable:
    """Return the columns `wanted` of a table, each as texts.

    Args:
        data: the path of a CSV, TSV or Parquet file, a dataframe of any library, or arrays by their names.
        wanted: the names of columns.

    Raises:
        SartoError: E101 no such file; E103 no table; E104 no rows; E108 columns of one name, or arrays of
            unequal length; E112 no such column; E302 PyArrow is not installed.
    """
    wanted = set(wanted)

    def kept(names: list[str]) -> set[str]:
        for name in sorted(wanted):
            if name not in names:
                raise _unknown(name, names)
        return wanted

    if isinstance(data, str | PathLike):
        return _file(Path(fspath(data)), kept)  # pyright: ignore[reportUnknownArgumentType]
    if isinstance(data, Mapping):
        return _arrays(data, kept)  # pyright: ignore[reportUnknownArgumentType]
    from sarto.data.frames import frame_table  # not before it is needed: it loads narwhals

    return frame_table(data, kept, kept)


def _file(path: Path, kept: Callable[[list[str]], set[str]]) -> ColumnTable:
    if not path.exists():
        find_source(path)  # says what there is instead
    source = find_source(path)
    if source.kind == "csv" and source.root is None:
        return read_delimited([path], kept, keep=kept)
    if source.kind == "parquet" and source.root is None:
        from sarto.data.frames import read_parquet  # not before it is needed: it loads narwhals

        return read_parquet([path], kept, [path.name], kept)
    raise unreadable(path, "a table with a row for each person or item is needed: .csv, .tsv or .parquet")


def _arrays(data: Mapping[str, Any], kept: Callable[[list[str]], set[str]]) -> ColumnTable:
    names = [name for name in data if name in kept(list(data))]
    lengths = {name: len(data[name]) for name in names}
    if len(set(lengths.values())) > 1:
        cause = ", ".join(f"'{name}' has {length}" for name, length in lengths.items())
        hint = "give one entry for each row"
        raise SartoError("E108", "the columns are not of one length", cause=cause, hint=hint)
    rows = next(iter(lengths.values()))
    if not rows:
        raise SartoError(
            "E104", "the columns hold no rows", cause="they are empty", hint="check what made them"
        )
    placing = Placing("row")
    placing.begin(ARRAYS)
    placing.add(np.arange(1, rows + 1))
    columns = {name: _texts(data[name]) for name in names}
    return ColumnTable(ARRAYS, dict(columns), {}, placing.places())


def _texts(values: Any) -> Texts:
    if isinstance(values, Texts):
        return values
    codes: dict[str, int] = {}
    entries: list[Any] = values.tolist() if isinstance(values, np.ndarray) else list(values)
    coded = [codes.setdefault(_text(entry), len(codes)) for entry in entries]
    return Texts(np.array(coded, np.int32), tuple(codes))


def _text(entry: Any) -> str:
    """Return an entry as text: nothing for a missing one, whole numbers without a decimal point."""
    if entry is None or entry != entry:
        return ""
    if isinstance(entry, float) and entry.is_integer():
        return str(int(entry))
    return str(entry).strip()


def _unknown(name: str, names: list[str]) -> SartoError:
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else "name one of them"
    return SartoError(
        "E112", f"there is no column '{name}'", cause=f"the columns are {', '.join(names)}", hint=hint
    )
