"""A folder of uploads folded into a journal: sound ones once, in whatever batches; others told and left out."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from sarto.core.errors import SartoError
from sarto.learn.federated._journal import Journal
from sarto.learn.federated._merge import Merged, merge
from sarto.learn.federated._upload_file import read_about, read_payload, write_upload
from sarto.learn.ridge_sum import RidgeSum
from tests.learn.federated.test_journal import CLASSES, payload, total


def journal(folder: Path, name: str = "j", *, keep: bool = False) -> Journal:
    return Journal.create(folder / f"{name}.sqlite", "demo", RidgeSum(3, 2, classes=CLASSES), keep=keep)


@pytest.mark.parametrize(("batch", "workers"), [(1, 1), (3, 2), (500, 2)])
def test_every_sound_file_counts_once(tmp_path: Path, batch: int, workers: int) -> None:
    made = journal(tmp_path)
    for i in range(5):
        write_upload(tmp_path, "demo", f"client {i}", 0, payload(i))
    (tmp_path / "notes.txt").write_text("no upload")
    assert merge(tmp_path, made, batch=batch, workers=workers) == Merged(added=5)
    write_upload(tmp_path, "demo", "client 9", 0, payload(9))
    assert merge(tmp_path, made, batch=batch, workers=workers) == Merged(added=1, known=5)
    assert made.total.pack() == total([payload(i) for i in (0, 1, 2, 3, 4, 9)])
    made.close()


def test_what_is_refused_is_told_and_the_rest_goes_in(tmp_path: Path) -> None:
    made = journal(tmp_path)
    paths = {name: write_upload(tmp_path, "demo", name, 0, payload(i)) for i, name in enumerate("abcdef")}
    paths["g"] = write_upload(tmp_path, "other", "g", 0, payload(6))
    paths["h"] = write_upload(tmp_path, "demo", "h", -1, payload(7))
    data = paths["b"].read_bytes()
    paths["b"].write_bytes(data.replace(b'"client":"b"', b'"client":"a"'))
    paths["c"].write_bytes(paths["c"].read_bytes()[:-1])
    data = paths["d"].read_bytes()
    paths["d"].write_bytes(data[:-90] + bytes([data[-90] ^ 1]) + data[-89:])
    paths["e"].unlink()
    paths["e"].symlink_to(tmp_path / "gone")
    with paths["f"].open("r+b") as file:
        file.truncate(10**9)
    (tmp_path / "x.upload").write_bytes(b"SARTOUPL\x01\x00\xff\xff\xff\xff")
    large = tmp_path / "y.upload"
    start, end = data[:14], data[-64:-32]
    length = int.from_bytes(start[10:14], "little")
    head = data[: 14 + length].replace(b'"client":"d"', b'"client":"y"')
    large.write_bytes(head + bytes(200_000) + end + hashlib.sha256(head + end).digest())
    refused: dict[str, str] = {}
    found = merge(tmp_path, made, workers=2, on_refused=lambda path, e: refused.update({path.name: e.code}))
    codes = {paths[name].name: "E103" for name in "bcdf"} | {"x.upload": "E103", "y.upload": "E103"}
    codes |= {paths["e"].name: "E101", paths["g"].name: "E116", paths["h"].name: "E170"}
    assert refused == codes
    assert found == Merged(added=1, refused=len(codes))
    assert made.clients() == {"a": 0}
    assert made.total.pack() == total([payload(0)])
    made.close()


@pytest.mark.parametrize("keep", [True, False])
def test_a_later_epoch_replaces_what_is_kept(tmp_path: Path, keep: bool) -> None:
    made = journal(tmp_path, keep=keep)
    write_upload(tmp_path, "demo", "a", 0, payload(0))
    write_upload(tmp_path, "demo", "b", 1, payload(1))
    merge(tmp_path, made)
    write_upload(tmp_path, "demo", "a", 1, payload(5))
    codes: list[str] = []
    found = merge(tmp_path, made, on_refused=lambda _, error: codes.append(error.code))
    if keep:
        assert found == Merged(added=1, known=2)
        assert made.total.pack() == total([payload(5), payload(1)])
        assert merge(tmp_path, made) == Merged(known=3)
        made.forget("a")
        assert merge(tmp_path, made) == Merged(known=3), "who is forgotten does not come back"
    else:
        assert (found, codes) == (Merged(known=2, refused=1), ["E170"])
        assert made.total.pack() == total([payload(0), payload(1)])
    made.close()


def test_whose_a_file_is_stands_at_its_ends(tmp_path: Path) -> None:
    path = write_upload(tmp_path, "demo", "gaüge", 4, payload(3))
    about = read_about(path)
    assert (about.federation, about.client, about.epoch) == ("demo", "gaüge", 4)
    assert about.digest == payload(3)[-32:]
    assert read_payload(path, about) == payload(3)
    assert write_upload(tmp_path, "demo", "gaüge", 4, payload(5)) == path
    for place in (3, 9, 12, 20, -10, -40):
        data = bytearray(path.read_bytes())
        data[place] ^= 1
        (tmp_path / "changed").write_bytes(data)
        with pytest.raises(SartoError) as caught:
            read_about(tmp_path / "changed")
        assert caught.value.code == "E103"
