"""Columns of a table, whatever was read: numbers or texts, and where each row stands in which file.

>>> import numpy as np
>>> places = Places.of(["a.csv", "b.csv"], [np.array([2, 3, 6]), np.array([2])])
>>> [places.at(row) for row in range(4)], places.file(np.array([0, 2, 3])).tolist()
(['line 2 of a.csv', 'line 3 of a.csv', 'line 6 of a.csv', 'line 2 of b.csv'], [0, 0, 1])
>>> table = ColumnTable("ab", {"x": np.arange(4), "on": Texts(np.array([0, 1, 1, 0]), ("yes", "no"))}, {}, places)
>>> table.place(2, "x"), table.columns["on"].texts().tolist()
("a.csv, line 6, column 'x'", ['yes', 'no', 'no', 'yes'])
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from jaxtyping import Int, Integer, Num, Shaped

from sarto.core.errors import SartoError


@dataclass(frozen=True, eq=False)
class Texts:
    """A column of texts: `names[codes[row]]`, in the order in which they were met."""

    codes: Integer[np.ndarray, " row"]
    names: tuple[str, ...]

    def __getitem__(self, rows: Any) -> Texts:
        return Texts(self.codes[rows], self.names)

    def __len__(self) -> int:
        return len(self.codes)

    def texts(self) -> Shaped[np.ndarray, " row"]:
        """Return the texts themselves."""
        return np.array(self.names or ("",))[self.codes]


Column = Num[np.ndarray, " row"] | Texts


@dataclass(frozen=True, eq=False)
class Places:
    """Where the rows of a table stand: the rows of one file after those of another.

    Attributes:
        files: their names, for a person.
        first: the row of the table with which each file begins, and then the number of rows.
        word: what the rows of these files are called.
        runs: rows from which on each row has the number after that of the row before; 0 is one.
        numbers: number in its file of each row of `runs`.
    """

    files: tuple[str, ...]
    first: Int[np.ndarray, " file_plus_1"]
    word: Literal["line", "row", "sample"]
    runs: Int[np.ndarray, " run"]
    numbers: Int[np.ndarray, " run"]

    @classmethod
    def of(
        cls,
        files: Sequence[str],
        numbers: Sequence[Int[np.ndarray, " _"]],
        word: Literal["line", "row", "sample"] = "line",
    ) -> Places:
        """Return the places of the rows with these numbers in each file."""
        placing = Placing(word)
        for file, part in zip(files, numbers, strict=True):
            placing.begin(file)
            placing.add(part)
        return placing.places()

    def number(self, row: int) -> int:
        """Return the number of a row in its file."""
        run = int(np.searchsorted(self.runs, row, side="right")) - 1
        return int(self.numbers[run] + row - self.runs[run])

    def file(self, rows: Int[np.ndarray, " some"]) -> Int[np.ndarray, " some"]:
        """Return the index of the file of each row."""
        return np.searchsorted(self.first, rows, side="right") - 1

    def name(self, row: int) -> str:
        """Return the name of the file that a row is in."""
        return self.files[int(self.file(np.array([row]))[0])]

    def at(self, row: int) -> str:
        """Return where a row stands, in a sentence that names the file only if there are several."""
        words = f"{self.word} {self.number(row)}"
        return words if len(self.files) == 1 else f"{words} of {self.name(row)}"


@dataclass
class Placing:
    """Collects places, file by file, and the rows of a file part by part."""

    word: Literal["line", "row", "sample"] = "line"
    files: list[str] = field(default_factory=list[str])
    first: list[int] = field(default_factory=list[int])
    runs: list[Int[np.ndarray, " run"]] = field(default_factory=list[Any])
    numbers: list[Int[np.ndarray, " run"]] = field(default_factory=list[Any])
    rows: int = 0
    last: int = -1

    def begin(self, file: str) -> None:
        """Say that the next rows are those of `file`."""
        self.files.append(file)
        self.first.append(self.rows)
        self.last = -1

    def add(self, numbers: Int[np.ndarray, " row"]) -> None:
        """Take the numbers of the next rows, from 1 on."""
        jumps = np.flatnonzero(np.diff(numbers, prepend=self.last) != 1)
        self.runs.append(self.rows + jumps)
        self.numbers.append(numbers[jumps])
        self.rows += len(numbers)
        self.last = int(numbers[-1]) if len(numbers) else self.last

    def places(self) -> Places:
        """Return the places of all rows."""
        first = np.array([*self.first, self.rows], np.int64)
        return Places(
            tuple(self.files), first, self.word, np.concatenate(self.runs), np.concatenate(self.numbers)
        )


@dataclass(frozen=True, eq=False)
class ColumnTable:
    """One or more files in columns.

    Attributes:
        name: of the file, or of the files together.
        columns: by name, in the order of the file.
        units: of the columns whose heading has one.
        places: where each row stands.
        unused: columns that were not kept, and their shapes.
        per_file: what is known of whole files: by name, one entry for each.
        rate_hz: sampling rate, if the files say it outside their columns.
    """

    name: str
    columns: dict[str, Column]
    units: dict[str, str]
    places: Places
    unused: Mapping[str, str] = field(default_factory=dict[str, str])
    per_file: Mapping[str, Shaped[np.ndarray, " file"]] = field(default_factory=dict[str, Any])
    rate_hz: float | None = None

    def __len__(self) -> int:
        return int(self.places.first[-1])

    def row(self, row: int) -> str:
        """Return where a row stands, for a person."""
        return f"{self.places.name(row)}, {self.places.word} {self.places.number(row)}"

    def place(self, row: int, column: str) -> str:
        """Return where a value stands, for a person."""
        return f"{self.row(row)}, column '{column}'"


def check_same_names(first: str, names: Iterable[str], other: str, others: Iterable[str]) -> None:
    """Check that the file `other` has the columns of the file `first` (E108)."""
    names, others = set(names), set(others)
    differing = sorted(names ^ others)
    if differing:
        cause = f"only '{other if differing[0] in others else first}' has '{differing[0]}'"
        message, hint = f"'{first}' and '{other}' differ in their columns", "write both with the same ones"
        raise SartoError("E108", message, cause=cause, hint=hint)


def called(files: Sequence[str]) -> str:
    """Return how several files are called together."""
    return files[0] if len(files) == 1 else f"{files[0]} and {len(files) - 1} more"
