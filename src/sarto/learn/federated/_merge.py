"""A folder of upload files folded into a journal: what is refused is told and left out, what is known is skipped.

Files go through one after the other, by name, a few ahead of the sum, and are committed in batches: apart from their
names, memory does not grow with their number. A merge that was killed at any moment is run again and goes on: of files
that are in the sum only the two ends are read. A client's upload of a later epoch takes the place of the one before
where the journal keeps payloads; else it is refused, as an upload of another federation is, or one that is longer than
any can be.

>>> import tempfile
>>> import numpy as np
>>> from sarto.learn.federated._upload_file import write_upload
>>> from sarto.learn.payload import packed
>>> from sarto.learn.ridge_sum import RidgeSum
>>> with tempfile.TemporaryDirectory() as name:
...     folder = Path(name)
...     journal = Journal.create(folder / "j.sqlite", "demo", RidgeSum(1, 1))
...     for client in "ab":
...         path = write_upload(folder, "demo", client, 0, packed(np.ones((1, 1)), np.ones(1)))
...     broken = (folder / "c.upload").write_bytes(b"SARTO")
...     merge(folder, journal), merge(folder, journal)
...     journal.close()
(Merged(added=2, known=0, refused=1), Merged(added=0, known=2, refused=1))
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from sarto.core.errors import SartoError
from sarto.learn.federated._journal import Journal, Outcome, Upload
from sarto.learn.federated._upload_file import ENDING, About, read_about, read_payload
from sarto.learn.payload import largest_payload
from sarto.models.input_error import InputError

BATCH = 500
Refused = Callable[[Path, SartoError], None]


@dataclass
class Merged:
    """What became of the files.

    Attributes:
        added: are in the sum since, in place of an earlier epoch or not.
        known: were in it, are of an earlier epoch, or of a client that was forgotten.
        refused: are not in it.
    """

    added: int = 0
    known: int = 0
    refused: int = 0


def merge(
    folder: Path,
    journal: Journal,
    *,
    batch: int = BATCH,
    workers: int = 1,
    on_refused: Refused = lambda path, error: None,
) -> Merged:
    """Fold every upload file of a folder; what is done is committed when this returns.

    Args:
        folder: with files that `write_upload` wrote.
        journal: that they are folded into.
        batch: files of one commit.
        workers: threads that read, check and sum.
        on_refused: told of each file that is refused, with the reason.
    """
    work = _Merging(journal, on_refused)
    paths = sorted(path for path in folder.iterdir() if path.suffix == ENDING)
    for first in range(0, len(paths), batch):
        work.sent, work.later = [], []
        outcomes = journal.fold_all(work.uploads(paths[first : first + batch]), workers=workers)
        for path, outcome in zip(work.sent, outcomes, strict=True):
            work.take(path, outcome)
        for path, about in work.later:
            with work.told(path):
                journal.refresh(about.client, about.epoch, read_payload(path, about))
                work.found.added += 1
    return work.found


class _Merging:
    """What a merge knows while it goes on: files that were sent, and those that are to replace others."""

    def __init__(self, journal: Journal, on_refused: Refused) -> None:
        self.found = Merged()
        self.sent: list[Path] = []
        self.later: list[tuple[Path, About]] = []
        self._journal, self._on_refused = journal, on_refused
        self._most = largest_payload(journal.total.kind)

    def uploads(self, paths: list[Path]) -> Iterator[Upload]:
        """Yield what is new, or what the journal is to refuse."""
        for path in paths:
            with self.told(path):
                about = self._read(path)
                state = self._journal.state_of(about.client, about.epoch, about.digest)
                if state == "known" or state == "late" or state == "forgotten":
                    self.found.known += 1
                elif state == "later" and self._journal.keep:
                    self.later.append((path, about))
                else:
                    payload = read_payload(path, about)
                    self.sent.append(path)
                    yield about.client, about.epoch, payload

    def take(self, path: Path, outcome: Outcome) -> None:
        """Count what became of a file."""
        with self.told(path):
            if isinstance(outcome, SartoError):
                raise outcome
            if outcome == "new":
                self.found.added += 1
            else:
                self.found.known += 1

    @contextmanager
    def told(self, path: Path) -> Generator[None]:
        """Tell of a file that it was refused, and go on."""
        try:
            yield
        except SartoError as error:
            self.found.refused += 1
            self._on_refused(path, error)
        except OSError as error:
            self.found.refused += 1
            cause = f"{type(error).__name__}: {error.strerror}"
            self._on_refused(path, InputError("E101", f"'{path.name}' cannot be read", cause=cause))

    def _read(self, path: Path) -> About:
        about = read_about(path)
        if about.federation != self._journal.federation:
            raise InputError(
                "E116",
                f"'{path.name}' is of the federation '{about.federation}'",
                cause=f"the journal is of '{self._journal.federation}'",
                hint="merge it into the journal of its own federation",
            )
        if about.place[1] - about.place[0] > self._most:
            raise InputError(
                "E103",
                f"'{path.name}' is no upload",
                cause=f"it is larger than the {self._most} B that a payload can have",
                hint="deliver the file once more, unchanged",
            )
        return about
