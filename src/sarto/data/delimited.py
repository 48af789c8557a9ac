r"""Reads delimited text (CSV, TSV) into columns, a part of a file at a time, with the place of every row.

The first line names the columns; a unit may follow a name in brackets, as in `acc_x [g]`. The separator is the one of
`, ; TAB |` that gives most columns in that line; with `;` numbers may have a decimal comma. The text is UTF-8.

`sarto.data.column_reader` says what becomes of the values. More than `ROOM` bytes of text are kept in a temporary file.

>>> import pathlib, tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     file = pathlib.Path(folder, "toy.csv")
...     _ = file.write_text("run,acc [g],on\na,1.5,yes\na,,no\nb,-2,yes\n")
...     table = read_delimited([file])
>>> table.columns["acc"].tolist(), table.units["acc"], table.columns["on"].texts().tolist(), table.row(2)
([1.5, nan, -2.0], 'g', ['yes', 'no', 'yes'], 'toy.csv, line 4')
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int

from sarto.core.errors import SartoError
from sarto.data.column_reader import ColumnReader
from sarto.data.columns import ColumnTable, Placing, called, check_same_names
from sarto.data.number import read_number
from sarto.data.source import unreadable
from sarto.data.spool import ROOM, Spool

SEPARATORS = (",", ";", "\t", "|")
ROWS = 8192
"""Rows that are taken from the file at once."""
_UNIT = re.compile(r"(.*\S)\s*[\[(]\s*([^\])]*?[^\])\s\d][^\])]*?)\s*[\])]")
"""A name and a unit in brackets; digits alone are no unit but an index, as in `x[3]`."""


def read_delimited(
    files: Sequence[Path],
    as_text: Callable[[list[str]], set[str]] = lambda names: set(),
    titles: Sequence[str] = (),
    fewest: int = 2,
    keep: Callable[[list[str]], set[str]] = set,
) -> ColumnTable:
    """Return the columns of files that have the same ones, in any order: the rows of one file after those of another.

    Args:
        files: the text files, at least one.
        as_text: gets the names of the columns, and says of which the texts are wanted, though they may be numbers.
        titles: how the files are called, for a person; by default by their names.
        fewest: columns that there must be; text of any kind has one.
        keep: gets the names of the columns, and says which are read; what stands in others, and above them, is nobody's
            concern. All by default.

    Raises:
        SartoError: E103 not such a text, or a value that is no number where numbers stand above it; E104 no rows;
            E108 a line with more or fewer values than there are columns, two columns of one name, or files that differ
            in their columns or units.
    """
    titles = titles or [file.name for file in files]
    large = sum(file.stat().st_size for file in files if file.exists()) > ROOM
    with Spool() if large else nullcontext() as spool:
        reading = _Reading(as_text, spool, fewest, keep)
        for file, title in zip(files, titles, strict=True):
            try:
                with file.open(encoding="utf-8-sig", newline="") as stream:
                    reading.read(title, stream)
            except UnicodeDecodeError as error:
                raise unreadable(title, _undecodable(file)) from error
            except OSError as error:
                raise unreadable(title, str(error.strerror)) from error
        return reading.table()


def first_row(file: Path) -> dict[str, str]:
    """Return the first row of a text table by the names of its columns, or nothing of what is none."""
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            heading = stream.readline(1 << 20)
            separator = _separator(heading)
            row = _split(stream.readline(1 << 20), separator)
    except (UnicodeDecodeError, OSError):
        return {}
    return dict(zip(map(str.strip, _split(heading, separator)), row, strict=False))


@dataclass
class _Reading:
    """Collects the columns of files."""

    as_text: Callable[[list[str]], set[str]]
    spool: Spool | None
    fewest: int
    keep: Callable[[list[str]], set[str]]
    placing: Placing = field(default_factory=Placing)
    units: dict[str, str] = field(default_factory=dict[str, str])
    builders: dict[str, ColumnReader] = field(default_factory=dict[str, ColumnReader])

    def read(self, title: str, stream: Any) -> None:
        """Take the rows of a file."""
        heading = stream.readline(1 << 20)
        if "\0" in heading:
            raise unreadable(title, "it is not text")
        separator = _separator(heading)
        fields, units = headings(title, _split(heading, separator), self.fewest, self.keep)
        kept = self.keep(fields)
        names = [name for name in fields if name in kept]
        if not self.builders:
            texts = self.as_text(names)
            self.units = units
            self.builders = {name: ColumnReader(name, name in texts, self.spool) for name in names}
        self.placing.begin(title)
        self._check_same(title, names, units)
        before = self.placing.rows
        ordered = [self.builders[name] for name in names]
        for builder in ordered:
            builder.file, builder.comma = title, separator == ";"
        reader = csv.reader(stream, delimiter=separator, strict=True)
        for rows, numbers in _chunks(title, reader, len(fields)):
            self.placing.add(numbers)
            columns = (c for c, name in zip(zip(*rows, strict=True), fields, strict=True) if name in kept)
            for builder, tokens in zip(ordered, columns, strict=True):
                builder.add(tokens, numbers)
        if self.placing.rows == before:
            cause = "nothing follows the line that names the columns" if heading else "it has no bytes"
            raise SartoError("E104", f"'{title}' holds no rows", cause=cause, hint="check what wrote it")

    def _check_same(self, title: str, names: list[str], units: dict[str, str]) -> None:
        """Check that a file has the columns of the first, in the same units."""
        first = self.placing.files[0]
        check_same_names(first, self.builders, title, names)
        mixed = [n for n in names if self.units.get(n) != units.get(n)]
        if mixed:
            cause = f"'{mixed[0]}' is in [{self.units.get(mixed[0], '')}] and [{units.get(mixed[0], '')}]"
            message, hint = f"'{first}' and '{title}' differ in their columns", "write both in the same units"
            raise SartoError("E108", message, cause=cause, hint=hint)

    def table(self) -> ColumnTable:
        """Return the table of all files."""
        found = {name: builder.column() for name, builder in self.builders.items()}
        columns = {name: column for name, column in found.items() if column is not None}
        unused = {name: f"({self.placing.rows},)" for name, column in found.items() if column is None}
        units = self.units | {name: "s" for name, builder in self.builders.items() if builder.dated}
        return ColumnTable(called(self.placing.files), columns, units, self.placing.places(), unused)


def _split(line: str, separator: str) -> list[str]:
    try:
        return next(iter(csv.reader([line], delimiter=separator, strict=True)), list[str]())
    except csv.Error:
        return []


def _separator(heading: str) -> str:
    return max(SEPARATORS, key=lambda separator: len(_split(heading, separator)))


def headings(
    file: str, fields: Sequence[str], fewest: int, keep: Callable[[list[str]], set[str]] = set
) -> tuple[list[str], dict[str, str]]:
    """Return the names of the columns, and the units of those that have one.

    Args:
        file: how it is called, for a person.
        fields: what stands above each column.
        fewest: columns that there must be.
        keep: gets the names and says which columns are read; others need no name of their own.

    Raises:
        SartoError: E103 no names; E108 two columns of one name.
    """
    if len(fields) < fewest:
        raise unreadable(
            file, "its first line does not name columns, separated by commas, semicolons, tabs or |"
        )
    if all(read_number(field) is not None for field in fields):
        raise unreadable(file, "its first line holds numbers, where the names of the columns are needed")
    names: list[str] = []
    units: dict[str, str] = {}
    found_in = [(_UNIT.fullmatch(heading.strip()), heading.strip()) for heading in fields]
    kept = keep([found[1] if found else heading for found, heading in found_in])
    for number, (found, heading) in enumerate(found_in, 1):
        name = found[1] if found else heading
        if name in kept and (not name or name in names):
            what = f"'{name}' names two of them" if name else f"column {number} has no name"
            raise SartoError(
                "E108",
                f"the columns of '{file}' cannot be told apart",
                cause=f"{what}, in line 1",
                hint="give each column a name of its own",
            )
        names.append(name)
        if found:
            units[name] = found[2]
    return names, units


def _chunks(file: str, reader: Any, width: int) -> Iterator[tuple[list[list[str]], Int[np.ndarray, " row"]]]:
    """Yield rows that are not empty, and the numbers of the lines in which they end."""
    before = 0
    try:
        while True:
            rows: list[list[str]] = list(islice(reader, ROWS))
            if not rows:
                return
            lines = np.arange(before + 2, before + 2 + len(rows))
            if reader.line_num != before + len(rows):  # a value holds a line break
                lines = before + 1 + np.cumsum([1 + sum(map(_breaks, row)) for row in rows])
            before = reader.line_num
            if set(map(len, rows)) != {width}:
                filled = [
                    _is_filled(file, row, line, width) for row, line in zip(rows, lines.tolist(), strict=True)
                ]
                rows, lines = [row for row, there in zip(rows, filled, strict=True) if there], lines[filled]
            if rows:
                yield rows, lines
    except csv.Error as error:
        raise unreadable(file, f"line {reader.line_num + 1}: {error}") from error


def _breaks(value: str) -> int:
    """Return how many lines of a text file end within a value."""
    return value.count("\n") + value.count("\r") - value.count("\r\n")


def _is_filled(file: str, row: list[str], line: int, width: int) -> bool:
    """Return whether a row has values, as many as there are columns; else it must be empty."""
    if len(row) != width and any(map(str.strip, row)):
        message = f"{file}, line {line} has {len(row)} values"
        cause = f"line 1 names {width} columns"
        hint = "a value that holds the separator needs double quotes around it; is the line whole?"
        raise SartoError("E108", message, cause=cause, hint=hint)
    return len(row) == width


def _undecodable(file: Path) -> str:
    """Return which line of `file` is not UTF-8."""
    with file.open("rb") as stream:
        if stream.read(2) in (b"\xff\xfe", b"\xfe\xff"):
            return "it is UTF-16; save it as CSV UTF-8"
        stream.seek(0)
        for number, line in enumerate(stream, 1):
            try:
                line.decode("utf-8")
            except UnicodeDecodeError as error:
                byte = f"byte {error.start + 1} is {line[error.start]:#04x}"
                return f"line {number} is not UTF-8 ({byte}); save it as CSV UTF-8"
    return "it is not UTF-8"
