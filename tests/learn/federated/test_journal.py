"""The record of a federation: exactly once, whatever is delivered again, replaced, forgotten, refused or killed."""

from __future__ import annotations

import hashlib
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.learn.federated._journal import Journal, Upload
from sarto.learn.payload import Limits, opened_payload, packed
from sarto.learn.ridge_sum import RidgeSum

CLASSES = ("a", "b")


def payload(seed: int, count: int = 5) -> bytes:
    rng = np.random.default_rng(seed)
    y = np.array(CLASSES)[rng.integers(0, 2, count)]
    return packed(rng.normal(size=(count, 3)), y, classes=CLASSES)


def uploads(clients: int, epoch: int = 0) -> list[Upload]:
    return [(f"client {i}", epoch, payload(i)) for i in range(clients)]


def journal(folder: Path, *, keep: bool = False) -> Journal:
    return Journal.create(folder / "j.sqlite", "demo", RidgeSum(3, 2, classes=CLASSES), keep=keep)


def total(payloads: list[bytes]) -> bytes:
    found = RidgeSum(3, 2, classes=CLASSES)
    for data in payloads:
        found.add(opened_payload(data))
    return found.pack()


def test_a_delivery_counts_once_in_any_order(tmp_path: Path) -> None:
    made = journal(tmp_path)
    sent = uploads(6)
    assert made.fold_all(sent[3:]) == ["new"] * 3
    assert made.fold_all([*sent[:4], sent[0]]) == ["new", "new", "new", "known", "known"]
    assert made.total.pack() == total([data for _, _, data in sent])
    assert made.clients() == {f"client {i}": 0 for i in range(6)}
    assert made.missing(["client 5", "client 9"]) == ["client 9"]
    made.close()
    again = Journal(tmp_path / "j.sqlite")
    assert again.total.pack() == total([data for _, _, data in sent])
    assert again.fold(*sent[2]) == "known"
    again.close()


@pytest.mark.parametrize("keep", [True, False])
def test_who_is_forgotten_was_never_there_and_does_not_come_back(tmp_path: Path, keep: bool) -> None:
    made = journal(tmp_path, keep=keep)
    sent = uploads(4)
    made.fold_all(sent)
    made.forget("client 1", None if keep else sent[1][2])
    assert made.total.pack() == total([sent[i][2] for i in (0, 2, 3)])
    assert made.fold(*sent[1]) == "forgotten"
    assert made.fold("client 1", 3, payload(77)) == "forgotten"
    assert made.missing(["client 1"]) == ["client 1"]
    made.close()
    kept = (tmp_path / "j.sqlite").read_bytes()
    assert (sent[2][2] in kept) == keep
    assert sent[1][2] not in kept, "not only out of the sum"


@pytest.mark.parametrize("keep", [True, False])
def test_a_later_epoch_takes_the_place_of_the_one_before(tmp_path: Path, keep: bool) -> None:
    made = journal(tmp_path, keep=keep)
    sent = uploads(3)
    made.fold_all(sent)
    assert made.stale() == 0
    made.refresh("client 0", 1, payload(50, 10), None if keep else sent[0][2])
    assert made.total.pack() == total([payload(50, 10), sent[1][2], sent[2][2]])
    assert made.stale() == 10 / 20
    assert made.fold(*sent[0]) == "late"
    with pytest.raises(SartoError) as caught:
        made.statistics()
    assert caught.value.code == "E170"
    assert "50 % of the rows" in caught.value.message
    assert made.statistics(allow_stale=True).count == 20
    made.close()


def test_what_is_refused_changes_nothing(tmp_path: Path) -> None:
    made = journal(tmp_path)
    sent = uploads(3)
    made.fold_all(sent)
    before = made.total.pack()
    broken = payload(9)[:-36] + np.float32(np.nan).tobytes()
    broken += hashlib.sha256(broken).digest()
    other = packed(np.ones((2, 4)), np.array(["a", "b"]), classes=CLASSES)
    refused: list[tuple[Upload, str]] = [
        (("client 0", 0, payload(8)), "E170"),
        (("client 0", 1, payload(8)), "E170"),
        (("client 0", 1, payload(8)[:-3]), "E103"),
        (("y", -1, payload(8)), "E170"),
        (("", 0, payload(8)), "E170"),
        (("y" * 201, 0, payload(8)), "E170"),
        (("\ud800", 0, payload(8)), "E170"),
        (("a\nb", 0, payload(8)), "E170"),
        (("y", 0, payload(8)[:-3]), "E103"),
        (("y", 0, broken), "E404"),
        (("y", 0, other), "E108"),
        (("y", 0, packed(np.full((2, 3), 1e5), np.array(["a", "b"]), classes=CLASSES)), "E105"),
    ]
    for upload, code in refused:
        with pytest.raises(SartoError) as caught:
            made.fold(*upload)
        assert caught.value.code == code
        assert made.clients() == {f"client {i}": 0 for i in range(3)}
        assert made.total.pack() == before
    acts: list[Callable[[], object]] = [
        lambda: made.forget("client 0"),
        lambda: made.forget("client 0", payload(1)),
        lambda: made.forget("nobody"),
        lambda: made.refresh("client 0", 0, payload(5), sent[0][2]),
        lambda: made.refresh("nobody", 1, payload(5)),
        lambda: made.refresh("client 0", 1, payload(5), payload(6)),
        lambda: journal(tmp_path),
        lambda: made.snapshot(made.path),
    ]
    for act in acts:
        with pytest.raises(SartoError) as caught:
            act()
        assert caught.value.code == "E170"
    assert made.total.pack() == before
    good = [("x", 0, payload(7)), ("z", 0, payload(6))]
    batch = [good[0], *(upload for upload, _ in refused), good[1], good[0]]
    outcomes = made.fold_all(batch, workers=2)
    assert [o.code if isinstance(o, SartoError) else o for o in outcomes] == [
        "new",
        *(code for _, code in refused),
        "new",
        "known",
    ], "the good ones of a batch are in"
    assert made.total.pack() == total([payload(i) for i in (0, 1, 2, 7, 6)])
    made.close()


def test_a_batch_of_what_is_known_is_not_written(tmp_path: Path) -> None:
    made = journal(tmp_path)
    sent = uploads(3)
    made.fold_all(sent)
    written = made.path.read_bytes()
    assert made.fold_all([*sent, ("new", 0, b"nothing")])[:3] == ["known"] * 3
    assert made.path.read_bytes() == written
    made.close()


def test_a_batch_that_breaks_off_changes_nothing(tmp_path: Path) -> None:
    made = journal(tmp_path)

    def sent() -> Iterator[Upload]:
        yield from uploads(5)
        raise ConnectionError("the line is cut")

    with pytest.raises(ConnectionError):
        made.fold_all(sent(), workers=2)
    assert made.clients() == {}
    assert made.total.pack() == total([])
    assert made.fold_all(uploads(5), workers=2) == ["new"] * 5
    assert made.total.pack() == total([data for _, _, data in uploads(5)])
    made.close()


def test_limits_are_of_the_journal(tmp_path: Path) -> None:
    Journal.create(
        tmp_path / "j.sqlite", "demo", RidgeSum(3, 2, classes=CLASSES), limits=Limits(rows=6, radius=3.0)
    ).close()
    made = Journal(tmp_path / "j.sqlite")
    assert made.fold("a", 0, payload(1, 6)) == "new"
    long = packed(np.array([[3.0, 0.1, 0.0]]), np.array(["a"]), classes=CLASSES)
    for bad in (payload(2, 7), long):
        with pytest.raises(SartoError) as caught:
            made.fold("b", 0, bad)
        assert caught.value.code == "E166"
    made.close()


def test_a_sum_that_no_rows_have_gives_no_readout(tmp_path: Path) -> None:
    """The checks of an upload are of pairs of numbers: its eigenvalue -.2 is seen in the sum, or if looked for."""
    made = journal(tmp_path)
    made.fold("bad", 0, indefinite())
    with pytest.raises(SartoError) as caught:
        made.statistics()
    assert caught.value.code == "E404"
    made.close()
    strict = Journal.create(
        tmp_path / "s.sqlite", "demo", RidgeSum(3, 2, classes=CLASSES), limits=Limits(definite=True)
    )
    with pytest.raises(SartoError) as caught:
        strict.fold("bad", 0, indefinite())
    assert caught.value.code == "E404"
    strict.close()


def indefinite() -> bytes:
    """Return a triangle with 2 on the diagonal of A and -1.1 elsewhere."""
    rows = np.vstack([np.eye(3), -np.eye(3)])
    sound = packed(rows, np.array(["a", "b"] * 3), classes=CLASSES, how="tri-f64")
    data = sound[: -32 - 24] + np.full(3, -1.1).astype("<f8").tobytes()
    return data + hashlib.sha256(data).digest()


def test_files_that_are_no_journal_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello, this is no data base at all")
    for name, code in (("text", "E170"), ("none", "E101")):
        with pytest.raises(SartoError) as caught:
            Journal(tmp_path / name)
        assert caught.value.code == code


def test_two_processes_and_a_snapshot_see_one_sum(tmp_path: Path) -> None:
    first = journal(tmp_path)
    second = Journal(tmp_path / "j.sqlite")
    sent = uploads(4)
    first.fold_all(sent[:2])
    second.fold_all(sent[1:3])
    first.fold_all(sent[3:])
    assert first.total.pack() == second.total.pack() == total([data for _, _, data in sent])
    first.snapshot(tmp_path / "copy.sqlite")
    second.forget("client 0", sent[0][2])
    copy = Journal(tmp_path / "copy.sqlite")
    assert copy.total.pack() == total([data for _, _, data in sent])
    for opened in (first, second, copy):
        opened.close()


CHILD = """
import sys
from pathlib import Path
from sarto.learn.federated._journal import Journal
from tests.learn.federated.test_journal import uploads
journal = Journal(Path(sys.argv[1]))
for first in range(0, 60, 3):
    journal.fold_all(uploads(60)[first : first + 3])
    print(first, flush=True)
"""


@pytest.mark.parametrize("after", [0, 4, 11])
def test_what_was_acknowledged_outlives_a_kill(tmp_path: Path, after: int) -> None:
    journal(tmp_path).close()
    command = [sys.executable, "-c", CHILD, str(tmp_path / "j.sqlite")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        acknowledged = [int(child.stdout.readline()) for _ in range(after + 1)]
        child.send_signal(signal.SIGKILL)
    made = Journal(tmp_path / "j.sqlite")
    there = made.clients()
    assert all(f"client {first + i}" in there for first in acknowledged for i in range(3))
    assert made.total.pack() == total([payload(int(name.split()[1])) for name in there])
    made.fold_all(uploads(60))
    assert made.total.pack() == total([payload(i) for i in range(60)])
    made.close()
