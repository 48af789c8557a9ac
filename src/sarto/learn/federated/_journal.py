"""The record of a federation: what each client gave is in the sum exactly once, whatever is delivered twice or cut off.

A journal is one SQLite file. It holds what the statistics are of, every client with its epoch and the hash of its
payload (`sarto.learn.payload`), and the packed `RidgeSum`. Clients and sum are committed together, so that after a
crash at any moment both are those of before, or both are those of after: an upload that was acknowledged is in the sum,
any other may be sent again.

    fold      a payload that is known changes nothing; one of an earlier epoch comes late and is ignored; one that is
              refused changes nothing, and the others of its batch are in
    refresh   a client's payload of a later epoch takes the place of the one before
    forget    the client's payload is taken out to the bit; it does not come back by being delivered again

To take out what was added, the journal needs the payload again: it keeps it (`keep`, as many bytes as were sent), or
the client sends it once more, and the hash tells that it is the same.

Every upload is checked as far as that is cheap (`RawMoments.check`, `Limits`), the sum once more in full when it is
read (`statistics`). That no upload by itself has a negative eigenvalue is an option of the limits: it takes longer than
all else that is done with it. An upload within the other checks can move the sum no further than one that passes it,
and false labels pass both.

>>> import tempfile
>>> from sarto.learn.payload import packed
>>> import numpy as np
>>> x, y = np.array([[0.0], [1.0], [2.0]]), np.array([0.0, 1.0, 2.0])
>>> sent = {name: packed(x[i : i + 1], y[i : i + 1]) for i, name in enumerate("abc")}
>>> with tempfile.TemporaryDirectory() as folder:
...     journal = Journal.create(Path(folder) / "j.sqlite", "demo", RidgeSum(1, 1), keep=True)
...     states = journal.fold_all([(name, 0, data) for name, data in sent.items()])
...     again = journal.fold("a", 0, sent["a"])
...     journal.forget("b")
...     print(states, again, journal.missing(["a", "b", "d"]), journal.total.statistics.mean_x.tolist())
...     journal.close()
['new', 'new', 'new'] known ['b', 'd'] [1.0]
"""

from __future__ import annotations

import json
from collections.abc import Generator, Iterable, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, TypeAlias

from sarto.core.errors import SartoError
from sarto.learn._packing import digest_of
from sarto.learn.federated._folding import Folding
from sarto.learn.federated._journal_file import JournalFile
from sarto.learn.payload import Limits, opened_payload
from sarto.learn.ridge_sum import RidgeSum
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError

MOST_NAME = 200
"""Letters of a client's name."""
State: TypeAlias = Literal["new", "known", "late", "forgotten"]
Outcome: TypeAlias = State | SartoError
"""What became of an upload; an error says why it was refused."""
Upload: TypeAlias = tuple[str, int, bytes]
"""Client, epoch, and payload."""


@dataclass
class _Batch:
    """Uploads of one commit.

    Attributes:
        outcomes: of each so far.
        waiting: for each client whose upload is at work: its place, epoch, payload, and rows to come.
        added: whether any is in the sum.
    """

    outcomes: list[Outcome] = field(default_factory=list[Outcome])
    waiting: dict[str, tuple[int, int, bytes, Future[int]]] = field(
        default_factory=dict[str, tuple[int, int, bytes, Future[int]]]
    )
    added: bool = False


@dataclass
class _Change:
    """Whether the sum is another one than before."""

    made: bool = False


class Journal:
    """An open journal; several processes may use one file, one at a time.

    Attributes:
        path: of the file.
        federation: its name.
        spec: hash of what the statistics are of: features, outputs, classes.
        keep: whether payloads are kept.
        limits: of one client.
    """

    def __init__(self, path: Path) -> None:
        """Open a journal that there is.

        Raises:
            InputError: E101 without the file, E170 when it is no journal.
        """
        self.path, self._file = path, JournalFile(path)
        about = self._file.about
        self.federation, self.spec, self.keep = about["federation"], about["spec"], about["keep"] == "1"
        self.limits = Limits(**json.loads(about["limits"]))
        self._generation, self._sum = self._read()

    @classmethod
    def create(
        cls, path: Path, federation: str, empty: RidgeSum, *, keep: bool = False, limits: Limits | None = None
    ) -> Journal:
        """Make a journal of nothing.

        Args:
            path: of a file that there is not.
            federation: its name.
            empty: a sum of nothing, which says what the statistics are of.
            keep: whether payloads are kept, so that a client can be forgotten or replaced without sending them again.
            limits: of one client; none by default.

        Raises:
            InputError: E170, when the file is there.
        """
        assert not empty.count, "a journal begins with nothing"
        about = {"federation": federation, "spec": empty.spec, "keep": str(int(keep))}
        about["limits"] = json.dumps(asdict(limits or Limits()))
        JournalFile.create(path, about, empty.pack())
        return cls(path)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def fold(self, client: str, epoch: int, payload: bytes) -> State:
        """Add what a client has; committed when this returns.

        Raises:
            InputError: E103 for bytes that are no payload; E105, E108, E116 for statistics of something else; E166
                beyond the limits; E170 for another payload of the same epoch, or of a later one: that is a matter of
                `refresh`.
            SartoError: E404 for statistics that no rows have.
        """
        (outcome,) = self.fold_all([(client, epoch, payload)])
        if isinstance(outcome, SartoError):
            raise outcome
        return outcome

    def fold_all(self, uploads: Iterable[Upload], *, workers: int = 1) -> list[Outcome]:
        """Add what clients have, in one commit, and return what became of each: committed when this returns.

        An upload that is refused has its error, as of `fold`, for an outcome: it changes nothing, and the others are in
        the sum. If anything else fails, nothing is changed.

        Args:
            uploads: taken one after the other, a few ahead of what is summed.
            workers: threads that read, check and sum; the bits are the same for any number.

        Raises:
            SartoError: E404, when the sum has no room.
        """
        with self._change() as change, Folding(self._sum, self.limits, workers) as folding:
            batch = _Batch()
            for client, epoch, payload in uploads:
                while client in batch.waiting or len(batch.waiting) >= folding.most:
                    self._finish(batch, folding)
                outcome = self._told(client, epoch, payload)
                batch.outcomes.append(outcome or "new")
                if outcome is None:
                    where = len(batch.outcomes) - 1
                    batch.waiting[client] = (where, epoch, payload, folding.submit(payload))
            while batch.waiting:
                self._finish(batch, folding)
            if batch.added:
                change.made = True
                self._sum.merge(folding.total())
        return batch.outcomes

    def refresh(self, client: str, epoch: int, payload: bytes, before: bytes | None = None) -> None:
        """Put a client's payload of a later epoch in the place of the one before.

        Args:
            client: that gave something.
            epoch: later than that of what it gave.
            payload: that counts from now on.
            before: what it gave; needed where the journal does not keep payloads.

        Raises:
            InputError: E170, when the client gave nothing, the epoch is not later, or `before` is not what it gave;
                else as `fold_all`.
        """
        with self._change() as change:
            known = self._file.known(client)
            if known is None or known.forgotten:
                raise _refused(client, "it gave nothing that could be replaced", "fold it")
            if epoch <= known.epoch:
                raise _refused(
                    client, f"epoch {epoch} is not later than {known.epoch}", "count epochs upwards"
                )
            moments = opened_payload(payload, self.limits, self._sum.kind)
            change.made = True
            self._sum.subtract(opened_payload(self._given(client, known.digest, before)))
            self._sum.add(moments)
            self._note(client, epoch, payload, moments.count)

    def forget(self, client: str, before: bytes | None = None) -> None:
        """Take out what a client gave: the sum has the bits that it would have without.

        Args:
            client: that gave something.
            before: what it gave; needed where the journal does not keep payloads.

        Raises:
            InputError: E170, when the client gave nothing, or `before` is not what it gave.
        """
        with self._change() as change:
            known = self._file.known(client)
            if known is None or known.forgotten:
                raise _refused(
                    client, "it gave nothing that could be forgotten", "see who is in it with clients()"
                )
            change.made = True
            self._sum.subtract(opened_payload(self._given(client, known.digest, before)))
            self._file.forget(client)

    @property
    def total(self) -> RidgeSum:
        """The sum of all clients, as it was last committed, by whichever process."""
        return self._read()[1]

    def state_of(self, client: str, epoch: int, digest: bytes) -> State | Literal["later", "other"] | None:
        """Return what would become of an upload with this hash.

        Returns:
            None for a client that gave nothing, `later` for an epoch after that of what it gave, `other` for another
            payload of the same epoch; else as `fold`.
        """
        known = self._file.known(client)
        if known is None:
            return None
        if epoch < known.epoch:
            return "late"
        if known.forgotten:
            return "forgotten"
        if epoch > known.epoch:
            return "later"
        return "known" if digest == known.digest else "other"

    def clients(self) -> dict[str, int]:
        """Return the epoch of every client that is in the sum."""
        return self._file.clients()

    def missing(self, expected: Sequence[str]) -> list[str]:
        """Return which of the clients that were expected are not in the sum."""
        there = self.clients()
        return [name for name in expected if name not in there]

    def stale(self) -> float:
        """Return the share of rows that are of an earlier epoch than the latest: their features are other ones."""
        rows = list(self._file.rows().values())
        return sum(rows[:-1]) / sum(rows) if sum(rows) else 0.0

    def statistics(self, *, allow_stale: bool = False) -> RidgeStatistics:
        """Return the statistics of all clients, checked in full.

        Args:
            allow_stale: whether those of earlier epochs may be among them.

        Raises:
            InputError: E170, when they are of several epochs, and that is not allowed.
            SartoError: E404, when no rows have such statistics: some upload was not of rows.
        """
        share = self.stale()
        if share and not allow_stale:
            raise InputError(
                "E170",
                f"{100 * share:.3g} % of the rows are of earlier epochs",
                cause="their features were computed by another version of the extractor, so that the sum means nothing",
                hint="refresh those clients, forget them, or allow stale ones",
            )
        found = self.total.statistics
        found.validate()
        return found

    def snapshot(self, path: Path) -> None:
        """Write a copy of the journal as it is now to a file that there is not."""
        self._file.copy(path)

    @contextmanager
    def _change(self) -> Generator[_Change]:
        """Change clients and sum together; both stay as they are where anything fails."""
        change = _Change()
        try:
            with self._file.transaction():
                if self._file.generation() != self._generation:  # another process was here
                    self._generation, self._sum = self._read()
                yield change
                if change.made:
                    self._generation += 1
                    self._file.put_total(self._generation, self._sum.pieces())
        except BaseException:
            if change.made:
                self._generation, self._sum = self._read()
            raise

    def _told(self, client: str, epoch: int, payload: bytes) -> Outcome | None:
        """Return what becomes of an upload, as far as the journal tells; None, if it is new."""
        if not _is_name(client):
            named = ascii(client[:20]).strip("'")
            cause = f"a name has 1 to {MOST_NAME} letters that are text, without control characters"
            return _refused(named, cause, "name the client in plain letters")
        if not 0 <= epoch < 2**63:
            return _refused(client, f"{epoch} is no epoch", "count epochs upwards from 0")
        state = self.state_of(client, epoch, digest_of(payload))
        if state is None or state == "known" or state == "late" or state == "forgotten":
            return state
        try:
            opened_payload(payload, part_of=self._sum.kind)
        except SartoError as error:
            return error
        cause = f"it gave another one in {'an earlier' if state == 'later' else 'this'} epoch"
        return _refused(client, cause, "replace it with refresh, in a later epoch")

    def _finish(self, batch: _Batch, folding: Folding) -> None:
        """Take the result of the upload that waits longest."""
        client = next(iter(batch.waiting))
        where, epoch, payload, rows = batch.waiting.pop(client)
        try:
            self._note(client, epoch, payload, folding.result(rows))
            batch.added = True
        except SartoError as error:
            batch.outcomes[where] = error

    def _note(self, client: str, epoch: int, payload: bytes, rows: int) -> None:
        self._file.note(client, epoch, digest_of(payload), rows)
        if self.keep:
            self._file.keep(client, payload)

    def _given(self, client: str, digest: bytes, before: bytes | None) -> bytes:
        """Return what a client gave."""
        if before is None:
            kept = self._file.kept(client)
            if kept is None:
                raise _refused(client, "the journal keeps no payloads", "send once more what it gave")
            return kept
        if digest_of(before) != digest:
            raise _refused(client, "what was sent is not what it gave: the hash is another", "send that")
        return before

    def _read(self) -> tuple[int, RidgeSum]:
        generation, packed = self._file.total()
        return generation, RidgeSum.unpack(packed)


def _is_name(client: str) -> bool:
    """Return whether a client can be called so."""
    try:
        client.encode()
    except UnicodeEncodeError:
        return False
    return 1 <= len(client) <= MOST_NAME and not any(ord(letter) < 32 for letter in client)


def _refused(client: str, cause: str, hint: str) -> InputError:
    return InputError("E170", f"the journal does not take this of '{client}'", cause=cause, hint=hint)
