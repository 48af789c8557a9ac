"""The SQLite file of a journal: its tables, and every statement that is made of them.

    about    what the federation is, its limits, and the layout of this file
    client   every client that gave something: epoch, SHA-256 of its payload, rows, whether it was forgotten
    payload  what clients gave, where the journal keeps it
    total    the packed sum, and how often it was changed

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as name:
...     path = Path(name) / "j.sqlite"
...     JournalFile.create(path, {"federation": "demo"}, b"packed")
...     file = JournalFile(path)
...     file.note("a", 0, b"hash", 12)
...     print(file.about["federation"], file.known("a"), file.clients(), file.total())
...     file.close()
demo Known(epoch=0, digest=b'hash', forgotten=False) {'a': 0} (0, b'packed')
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from sarto.core.errors import SartoError
from sarto.models.input_error import InputError

FORMAT = "sarto-journal/2"
_TABLES = """
CREATE TABLE about (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE client (name TEXT PRIMARY KEY, epoch INTEGER NOT NULL, sha256 BLOB NOT NULL, rows INTEGER NOT NULL,
    forgotten INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE payload (name TEXT PRIMARY KEY, data BLOB NOT NULL) WITHOUT ROWID;
CREATE TABLE total (id INTEGER PRIMARY KEY CHECK (id = 0), generation INTEGER NOT NULL, packed BLOB NOT NULL);
"""


class Known(NamedTuple):
    """What the file says of a client."""

    epoch: int
    digest: bytes
    forgotten: bool


class JournalFile:
    """An open file; a commit is on the disk, and what is forgotten is written over.

    Attributes:
        about: what was said when it was made.
    """

    def __init__(self, path: Path) -> None:
        """Open a file that there is.

        Raises:
            InputError: E101 without the file, E170 when it is no journal.
        """
        if not path.is_file():
            raise InputError("E101", f"there is no journal '{path}'", hint="check the path, or make one")
        self._base = sqlite3.connect(path, isolation_level=None, timeout=60.0)
        try:
            self.about: dict[str, str] = dict(self._base.execute("SELECT key, value FROM about"))
        except sqlite3.DatabaseError as error:
            self._base.close()
            raise _foreign(path, str(error)) from error
        if self.about.get("format") != FORMAT:
            self._base.close()
            raise _foreign(path, f"its format is {self.about.get('format')}, and not {FORMAT}")
        self._base.execute("PRAGMA synchronous = FULL")
        self._base.execute("PRAGMA secure_delete = ON")

    @staticmethod
    def create(path: Path, about: Mapping[str, str], packed: bytes) -> None:
        """Make a file of no client; it is there whole or not at all.

        Raises:
            InputError: E170, when there is one.
        """
        if path.exists():
            raise InputError(
                "E170", f"'{path}' is there", cause="a journal is never written over", hint="open it"
            )
        made = path.with_name(f"{path.name}.new")
        made.unlink(missing_ok=True)
        base = sqlite3.connect(made, isolation_level=None)
        base.executescript(f"PRAGMA synchronous = FULL; BEGIN; {_TABLES}")
        base.executemany("INSERT INTO about VALUES (?, ?)", {**about, "format": FORMAT}.items())
        base.execute("INSERT INTO total VALUES (0, 0, ?)", (packed,))
        base.execute("COMMIT")
        base.close()
        made.rename(path)

    def close(self) -> None:
        """Close the file."""
        self._base.close()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Commit all that is done within, or nothing where anything fails; no other process writes meanwhile."""
        self._base.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._base.execute("COMMIT")
        except BaseException:
            self._base.execute("ROLLBACK")
            raise

    def total(self) -> tuple[int, bytes]:
        """Return how often the sum was changed, and the packed sum."""
        return self._base.execute("SELECT generation, packed FROM total").fetchone()

    def generation(self) -> int:
        """Return how often the sum was changed."""
        return self._base.execute("SELECT generation FROM total").fetchone()[0]

    def put_total(self, generation: int, pieces: Sequence[bytes | memoryview]) -> None:
        """Put another sum in the place of the one before, piece by piece: no copy of it is made."""
        size = sum(memoryview(piece).nbytes for piece in pieces)
        (there,) = self._base.execute("SELECT length(packed) FROM total").fetchone()
        if size != there:
            self._base.execute("UPDATE total SET packed = zeroblob(?)", (size,))
        self._base.execute("UPDATE total SET generation = ?", (generation,))
        with self._base.blobopen("total", "packed", 0) as blob:
            for piece in pieces:
                blob.write(piece)

    def known(self, client: str) -> Known | None:
        """Return what is known of a client."""
        query = "SELECT epoch, sha256, forgotten FROM client WHERE name = ?"
        row = self._base.execute(query, (client,)).fetchone()
        return None if row is None else Known(row[0], row[1], bool(row[2]))

    def note(self, client: str, epoch: int, digest: bytes, rows: int) -> None:
        """Note what a client gave."""
        self._base.execute(
            "INSERT OR REPLACE INTO client VALUES (?, ?, ?, ?, 0)", (client, epoch, digest, rows)
        )

    def keep(self, client: str, payload: bytes) -> None:
        """Keep what a client gave."""
        self._base.execute("INSERT OR REPLACE INTO payload VALUES (?, ?)", (client, payload))

    def kept(self, client: str) -> bytes | None:
        """Return what a client gave, if it was kept."""
        row = self._base.execute("SELECT data FROM payload WHERE name = ?", (client,)).fetchone()
        return None if row is None else row[0]

    def forget(self, client: str) -> None:
        """Delete what a client gave, but not that it was there."""
        self._base.execute("UPDATE client SET forgotten = 1, rows = 0 WHERE name = ?", (client,))
        self._base.execute("DELETE FROM payload WHERE name = ?", (client,))

    def clients(self) -> dict[str, int]:
        """Return the epoch of every client that was not forgotten."""
        return dict(self._base.execute("SELECT name, epoch FROM client WHERE NOT forgotten ORDER BY name"))

    def rows(self) -> dict[int, int]:
        """Return the rows of each epoch, earliest first."""
        query = "SELECT epoch, SUM(rows) FROM client WHERE NOT forgotten GROUP BY epoch ORDER BY epoch"
        return dict(self._base.execute(query))

    def copy(self, path: Path) -> None:
        """Write a copy to a file that there is not.

        Raises:
            InputError: E170, when there is one.
        """
        if path.exists():
            raise InputError("E170", f"'{path}' is there", cause="a snapshot writes over nothing")
        target = sqlite3.connect(path)
        with target:
            self._base.backup(target)
        target.close()


def _foreign(path: Path, cause: str) -> SartoError:
    return InputError(
        "E170", f"'{path}' is no journal of a federation", cause=cause, hint="give one that Sarto made"
    )
