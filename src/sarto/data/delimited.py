r"""Reads delimited text (CSV, TSV) into columns, a part of the file at a time, with the line of every row.

The first line names the columns; a unit may follow a name in brackets, as in `acc_x [g]`. The separator is the one of
`, ; TAB |` that gives most columns in that line; with `;` numbers may have a decimal comma. The text is UTF-8.

A column holds numbers when its first value that is not missing is one, unless its reader wants the texts themselves.
Whole numbers stay whole numbers, in the smallest signed type from 16 bits on that holds a part; others, and those
beyond `EXACT`, are float32 where seven digits are all there is, else float64.

>>> import pathlib, tempfile
>>> with tempfile.TemporaryDirectory() as folder:
...     file = pathlib.Path(folder, "toy.csv")
...     _ = file.write_text("run,acc [g],on\na,1.5,yes\na,,no\nb,-2,yes\n")
...     table = read_delimited(file)
>>> table.columns["acc"].tolist(), table.units["acc"], table.columns["on"].texts().tolist(), table.lines.tolist()
([1.5, nan, -2.0], 'g', ['yes', 'no', 'yes'], [2, 3, 4])
"""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Int, Num, Shaped

from sarto.core.errors import SartoError
from sarto.data.number import MISSING, read_number
from sarto.data.source import unreadable

SEPARATORS = (",", ";", "\t", "|")
ROWS = 8192
"""Rows that are taken from the file at once."""
EXACT = 2**53
"""Whole numbers from here on are not told apart in double precision."""
FLOAT32_CHARACTERS = 7
"""Digits that float32 always keeps; a number written with no more characters, sign and point aside, needs no more."""
_WHOLE = (np.int16, np.int32, np.int64)
_UNIT = re.compile(r"(.*\S)\s*[\[(]\s*([^\])]*?[^\])\s\d][^\])]*?)\s*[\])]")
"""A name and a unit in brackets; digits alone are no unit but an index, as in `x[3]`."""


@dataclass(frozen=True, eq=False)
class Texts:
    """A column of texts: `names[codes[row]]`, in the order in which they were met."""

    codes: Int[np.ndarray, " row"]
    names: tuple[str, ...]

    def __getitem__(self, rows: Any) -> Texts:
        return Texts(self.codes[rows], self.names)

    def texts(self) -> Shaped[np.ndarray, " row"]:
        """Return the texts themselves."""
        return np.array(self.names or ("",))[self.codes]


Column = Num[np.ndarray, " row"] | Texts


@dataclass(frozen=True, eq=False)
class TextTable:
    """A file in columns.

    Attributes:
        name: of the file.
        columns: by name, in the order of the file.
        units: of the columns whose heading has one.
        lines: number of the line in which each row ends, counted from 1.
    """

    name: str
    columns: dict[str, Column]
    units: dict[str, str]
    lines: Int[np.ndarray, " row"]

    def __len__(self) -> int:
        return len(self.lines)

    def place(self, row: int, column: str) -> str:
        """Return where a value stands, for a person."""
        return f"{self.name}, line {self.lines[row]}, column '{column}'"


def read_delimited(file: Path, as_text: Callable[[list[str]], set[str]] = lambda names: set()) -> TextTable:
    """Return the columns of `file`.

    Args:
        file: the text file.
        as_text: gets the names of the columns, and says of which the texts are wanted, though they may be numbers.

    Raises:
        SartoError: E103 not such a text, or a value that is no number where numbers stand above it; E104 no rows;
            E108 a line with more or fewer values than there are columns, or two columns of one name.
    """
    try:
        with file.open(encoding="utf-8-sig", newline="") as stream:
            return _read(file, stream, as_text)
    except UnicodeDecodeError as error:
        raise unreadable(file, _undecodable(file)) from error
    except OSError as error:
        raise unreadable(file, str(error.strerror)) from error


def _read(file: Path, stream: Any, as_text: Callable[[list[str]], set[str]]) -> TextTable:
    heading = stream.readline(1 << 20)
    if "\0" in heading:
        raise unreadable(file, "it is not text")
    separator = max(SEPARATORS, key=lambda s: len(_split(heading, s)))
    names, units = _names(file, _split(heading, separator))
    texts = as_text(names)
    builders = [_Column(file.name, name, name in texts, separator == ";") for name in names]
    lines: list[Int[np.ndarray, " row"]] = []
    reader = csv.reader(stream, delimiter=separator, strict=True)
    for rows, numbers in _chunks(file, reader, len(names)):
        lines.append(numbers)
        for builder, tokens in zip(builders, zip(*rows, strict=True), strict=True):
            builder.add(tokens, numbers)
    if not lines:
        cause = "nothing follows the line that names the columns" if heading else "it has no bytes"
        raise SartoError("E104", f"'{file.name}' holds no rows", cause=cause, hint="check what wrote it")
    columns = {name: builder.column() for name, builder in zip(names, builders, strict=True)}
    return TextTable(file.name, columns, units, np.concatenate(lines))


def _split(line: str, separator: str) -> list[str]:
    try:
        return next(iter(csv.reader([line], delimiter=separator, strict=True)), list[str]())
    except csv.Error:
        return []


def _names(file: Path, fields: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    """Return the names of the columns, and the units of those that have one."""
    if len(fields) < 2:
        raise unreadable(
            file, "its first line does not name columns, separated by commas, semicolons, tabs or |"
        )
    if all(read_number(field) is not None for field in fields):
        raise unreadable(file, "its first line holds numbers, where the names of the columns are needed")
    names: list[str] = []
    units: dict[str, str] = {}
    for number, heading in enumerate(fields, 1):
        found = _UNIT.fullmatch(heading.strip())
        name = found[1] if found else heading.strip()
        if not name or name in names:
            what = f"'{name}' names two of them" if name else f"column {number} has no name"
            raise SartoError(
                "E108",
                f"the columns of '{file.name}' cannot be told apart",
                cause=f"{what}, in line 1",
                hint="give each column a name of its own",
            )
        names.append(name)
        if found:
            units[name] = found[2]
    return names, units


def _chunks(file: Path, reader: Any, width: int) -> Iterator[tuple[list[list[str]], Int[np.ndarray, " row"]]]:
    """Yield rows that are not empty, and their line numbers."""

    def filled() -> Iterator[tuple[list[str], int]]:
        for row in reader:
            if len(row) == width:
                yield row, reader.line_num + 1
            elif row and any(map(str.strip, row)):
                message = f"{file.name}, line {reader.line_num + 1} has {len(row)} values"
                cause = f"line 1 names {width} columns"
                hint = "a value that holds the separator needs double quotes around it; is the line whole?"
                raise SartoError("E108", message, cause=cause, hint=hint)

    rows = filled()
    try:
        while chunk := list(islice(rows, ROWS)):
            yield [row for row, _ in chunk], np.array([line for _, line in chunk], np.int64)
    except csv.Error as error:
        raise unreadable(file, f"line {reader.line_num + 1}: {error}") from error


@dataclass
class _Column:
    """Collects a column, part by part."""

    file: str
    name: str
    as_text: bool
    comma: bool
    parts: list[Num[np.ndarray, " row"]] = field(default_factory=list[Any])
    codes: dict[str, int] = field(default_factory=dict[str, int])
    decided: bool = False

    def add(self, tokens: Sequence[str], lines: Int[np.ndarray, " row"]) -> None:
        """Take the next rows."""
        if not self.decided and not self.as_text:
            first = next((t for t in tokens if t.strip().lower() not in MISSING), None)
            self.decided = first is not None
            if first is not None and read_number(self._point(first)) is None:
                self.as_text = True
                self.parts = [np.full(len(part), self._code("")) for part in self.parts]
        if self.as_text:
            self.parts.append(np.array([self._code(token.strip()) for token in tokens], np.int32))
        else:
            self.parts.append(self._numbers(tokens, lines))

    def column(self) -> Column:
        """Return the whole column."""
        whole = np.concatenate(self.parts)
        return Texts(whole, tuple(self.codes)) if self.as_text else whole

    def _code(self, text: str) -> int:
        return self.codes.setdefault(text, len(self.codes))

    def _point(self, token: str) -> str:
        return token.replace(",", ".") if self.comma else token

    def _numbers(self, tokens: Sequence[str], lines: Int[np.ndarray, " row"]) -> Num[np.ndarray, " row"]:
        joined = "".join(tokens)
        if self.comma and "," in joined:
            tokens = [self._point(token) for token in tokens]
        try:
            if "_" in joined:  # float reads 1_000 as Python does
                raise ValueError
            values = np.array(list(map(float, tokens)))
        except ValueError:
            values = np.array([self._number(t, line) for t, line in zip(tokens, lines.tolist(), strict=True)])
        largest = np.abs(values).max()
        if joined.isascii() and joined.replace("-", "").isdigit() and largest < EXACT:
            return values.astype(next(t for t in _WHOLE if largest <= np.iinfo(t).max))
        longest = max(len(token) - ("-" in token) - ("." in token) for token in tokens)
        return values.astype(np.float32) if longest <= FLOAT32_CHARACTERS else values

    def _number(self, token: str, line: int) -> float:
        value = read_number(token)
        if value is None:
            raise SartoError(
                "E103",
                f"{self.file}, line {line}, column '{self.name}': '{token.strip()[:20]}' is not a number",
                cause="the values above it in this column are numbers",
                hint="correct it, or leave it empty where the value is missing",
            )
        return value


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
