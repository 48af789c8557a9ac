r"""What a folder of recordings says of each: by the folders that they lie in, and by a table that lists them.

    data/walk/anna1.csv          data/walk/anna/1.wav          data/labels.csv: file,label,speaker
    data/sit/ben1.csv            data/sit/ben/1.wav            data/a1.wav ...

One level of folders is the column `folder`, which names the classes if nothing else does; several are `folder_1`,
`folder_2` and so on, of which one has to be named as the target. A level of `train` and `test` alone is the split.

A table is a text table in the folder itself, with a column `file` (or `filename`, `path`, ...) that names each
recording once, by its path in the folder, its name, or its name without the ending. Its other columns describe them.

>>> import pathlib, tempfile
>>> with tempfile.TemporaryDirectory() as name:
...     root = pathlib.Path(name)
...     _ = (root / "labels.csv").write_text("file,label,age\nb.wav,sit,44\na.wav,walk,31\n")
...     known = describe(root, [root / "train/a.wav", root / "test/b.wav"], listing(root, [root / "labels.csv"]))
>>> {column: values.tolist() for column, values in known.items()}
{'file': ['train/a.wav', 'test/b.wav'], 'split': ['train', 'test'], 'label': ['walk', 'sit'], 'age': [31, 44]}
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Shaped

from sarto.core.errors import SartoError
from sarto.data.columns import ColumnTable, Texts
from sarto.data.delimited import first_row, read_delimited
from sarto.data.goal import CLASSES, Goal
from sarto.data.table_items import of_rows
from sarto.data.table_steps import SPLIT
from sarto.data.tables import FILE, FOLDER, key_columns

FILES = (FILE, "filename", "file_name", "filepath", "path", "recording", "wav", "audio")
"""Columns of a table that name the recordings."""
_SPLIT = {"train", "test"}


@dataclass(frozen=True, eq=False)
class Listing:
    """A table that lists recordings: its file, what is in it, and the column with their names."""

    file: Path
    table: ColumnTable
    column: str

    @property
    def entries(self) -> Texts:
        """What the recordings are called."""
        entries = self.table.columns[self.column]
        assert isinstance(entries, Texts)
        return entries


def listing(
    root: Path, candidates: Sequence[Path], recordings: Sequence[Path] = (), goal: Goal = CLASSES
) -> Listing | None:
    """Return the one of `candidates` that lists recordings, or None.

    Args:
        root: the folder.
        candidates: text tables.
        recordings: with any, a table counts only if it names one of them.
        goal: what is to be learned.

    Raises:
        SartoError: E102 there are several; E103, E104 or E108 one that cannot be read.
    """
    found: list[Listing] = []
    names = {name for file in recordings for name in _names(root, file)}
    for file in candidates:
        row = first_row(file) if file.parent == root else {}
        column = next((c for alias in FILES for c in row if c.lower() == alias), None)
        if column is not None:
            keys = key_columns(goal, None)
            table = read_delimited([file], lambda known, keys=keys, column=column: keys(known) | {column})
            listed = Listing(file, table, column)
            if not names or any(_plain(entry) in names for entry in listed.entries.names):
                found.append(listed)
    if len(found) > 1:
        cause = f"'{found[0].file.name}' and '{found[1].file.name}' both list recordings"
        message = f"the folder '{root.resolve().name}' has two tables"
        raise SartoError("E102", message, cause=cause, hint="leave one of them")
    return found[0] if found else None


def describe(
    root: Path, files: Sequence[Path], listed: Listing | None
) -> dict[str, Shaped[np.ndarray, " file"]]:
    """Return one entry for each file in every column that folders or a table give.

    Args:
        root: the folder.
        files: the recordings.
        listed: the table, or None.

    Raises:
        SartoError: E105 a recording that the table does not name; E108 one that it names twice or that is not there,
            or recordings at different depths.
    """
    known = {FILE: np.array([f.relative_to(root).as_posix() for f in files])}
    known |= _levels(root, files)
    if listed is not None:
        rows = np.array(_rows(root, files, listed))
        for name in listed.table.columns:
            if name != listed.column:
                known[name] = of_rows(listed.table, name, rows)
    return known


def _levels(root: Path, files: Sequence[Path]) -> dict[str, Shaped[np.ndarray, " file"]]:
    """Return what the folders say, level by level."""
    paths = [file.relative_to(root) for file in files]
    depths = Counter(len(path.parts) for path in paths)
    if len(depths) > 1:
        rare = min(depths, key=lambda depth: (depths[depth], depth))
        odd = next(path for path in paths if len(path.parts) == rare)
        usual = next(path for path in paths if len(path.parts) != rare)
        cause = f"'{odd.as_posix()}' and '{usual.as_posix()}'"
        message = f"the recordings in '{root.resolve().name}' lie at different depths"
        raise SartoError("E108", message, cause=cause, hint="put each as deep as the others")
    levels = [np.array(level) for level in zip(*(path.parts[:-1] for path in paths), strict=True)]
    splits = [i for i, level in enumerate(levels) if {name.lower() for name in level.tolist()} == _SPLIT]
    known = {SPLIT: np.strings.lower(levels.pop(splits[0]))} if splits else {}
    names = [FOLDER] if len(levels) == 1 else [f"{FOLDER}_{i}" for i in range(1, len(levels) + 1)]
    return {**known, **dict(zip(names, levels, strict=True))}


def _rows(root: Path, files: Sequence[Path], listed: Listing) -> list[int]:
    """Return the row of the table in which each file stands."""
    table, column = listed.table, listed.column
    owners: dict[str, list[int]] = {}
    for index, file in enumerate(files):
        for name in _names(root, file):
            owners.setdefault(name, []).append(index)
    found: dict[int, int] = {}
    for row, entry in enumerate(listed.entries.texts().tolist()):
        meant = owners.get(_plain(entry), [])
        where = table.place(row, column)
        if len(meant) != 1:
            cause = f"{where}: {len(meant)} recordings are called '{entry}'"
            message = f"'{table.name}' does not name one recording in each row"
            hint = "name each by its path in the folder" if meant else "remove the row, or add the recording"
            raise SartoError("E108", message, cause=cause, hint=hint)
        if meant[0] in found:
            cause = f"{where}, and {table.places.at(found[meant[0]])} before"
            message = f"'{table.name}' names '{entry}' twice"
            raise SartoError("E108", message, cause=cause, hint="leave one of the rows")
        found[meant[0]] = row
    lost = [file for index, file in enumerate(files) if index not in found]
    if lost:
        shown = lost[0].relative_to(root).as_posix()
        more = f" and {len(lost) - 1} more" * (len(lost) > 1)
        cause = f"'{table.name}' has no row for it{more}"
        raise SartoError(
            "E105", f"nothing is known of '{shown}'", cause=cause, hint="add a row, or remove the file"
        )
    return [found[index] for index in range(len(files))]


def _names(root: Path, file: Path) -> set[str]:
    """Return what a table may call a recording."""
    path = file.relative_to(root)
    return {path.as_posix(), path.with_suffix("").as_posix(), path.name, path.stem}


def _plain(entry: str) -> str:
    return entry.replace("\\", "/").removeprefix("./")
