"""The manifest of an output folder: every kind of damage is found."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from sarto.core.artifact import FORMAT, NAME, RECORDS, check_records, read_manifest, record, seal
from sarto.core.errors import SartoError
from sarto.core.store import content_hash, file_sha256


@pytest.fixture
def out(tmp_path: Path) -> Path:
    for name in ("model.c", "graph.npz"):
        (tmp_path / name).write_text(name)
    files = {name: file_sha256(tmp_path / name) for name in ("model.c", "graph.npz")}
    (tmp_path / NAME).write_text(json.dumps(seal({"format": FORMAT, "scale": 0.5, "files": files})))
    return tmp_path


def edited(change: Callable[[dict[str, Any]], object]) -> Callable[[Path], object]:
    def edit(out: Path) -> None:
        manifest = json.loads((out / NAME).read_text())
        change(manifest)
        (out / NAME).write_text(json.dumps(manifest))

    return edit


def test_a_whole_folder_is_read(out: Path) -> None:
    manifest = read_manifest(out)
    assert manifest["scale"] == 0.5
    assert manifest["sha256"] == content_hash({k: v for k, v in manifest.items() if k != "sha256"})
    (out / NAME).write_text(json.dumps(manifest, indent=3))
    assert read_manifest(out) == manifest, "layout is no content"


def test_the_hash_is_that_of_the_rest() -> None:
    assert seal({"a": 1}) == {"a": 1, "sha256": content_hash({"a": 1})}
    assert seal({"a": 1})["sha256"] != seal({"a": 2})["sha256"]


DAMAGE: list[tuple[Callable[[Path], object], str]] = [
    (lambda out: (out / NAME).unlink(), "there is no artifact.json in it"),
    (lambda out: (out / NAME).write_text("{"), "artifact.json is no JSON"),
    (lambda out: (out / NAME).write_bytes(b"\xff\xfe"), "artifact.json is no JSON"),
    (lambda out: (out / NAME).write_text("[]"), "artifact.json does not have its own hash"),
    (edited(lambda m: m.update(scale=0.25)), "artifact.json does not have its own hash"),
    (edited(lambda m: m.update(scale=float("nan"))), "artifact.json is no JSON"),
    (edited(lambda m: m.update(extra=1)), "artifact.json does not have its own hash"),
    (edited(lambda m: m.pop("sha256")), "artifact.json does not have its own hash"),
    (edited(lambda m: m.update(sha256="0" * 64)), "artifact.json does not have its own hash"),
    (
        edited(lambda m: m.update(seal({"format": "sarto-artifact/2", "scale": 0.5, "files": m["files"]}))),
        "artifact.json does not have its own hash",
    ),
    (lambda out: (out / "model.c").write_text("model.c "), "model.c is changed"),
    (lambda out: (out / "model.c").unlink(), "model.c is missing"),
    (lambda out: ((out / "model.c").unlink(), (out / "model.c").mkdir()), "model.c is missing"),
    (lambda out: (out / "graph.npz").write_bytes(b""), "graph.npz is changed"),
]


@pytest.mark.parametrize(("damage", "cause"), DAMAGE)
def test_damage_is_refused(out: Path, damage: Callable[[Path], object], cause: str) -> None:
    damage(out)
    with pytest.raises(SartoError) as caught:
        read_manifest(out)
    assert (caught.value.code, caught.value.cause) == ("E114", cause)
    assert "sarto fit" in caught.value.hint


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(SartoError, match="is not a finished output folder") as caught:
        read_manifest(tmp_path / "none")
    assert caught.value.code == "E114"


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    texts = {"verdict.json": "{}\n", "evidence.jsonl": '{"flash": 1}\n'}
    record(tmp_path, texts)
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_records_that_are_as_they_were_pass_and_a_ledger_may_grow(recorded: Path) -> None:
    check_records(recorded)
    with (recorded / "evidence.jsonl").open("a") as ledger:
        ledger.write('{"flash": 2}\n')
    check_records(recorded)


CHANGES: list[tuple[Callable[[Path], object], str]] = [
    (lambda out: (out / "verdict.json").write_text("{} \n"), "verdict.json is changed"),
    (lambda out: (out / "verdict.json").write_text("{}\n\n"), "verdict.json is changed"),
    (lambda out: (out / "verdict.json").write_text(""), "verdict.json is changed"),
    (lambda out: (out / "verdict.json").unlink(), "verdict.json is missing"),
    (lambda out: (out / "evidence.jsonl").write_text('{"flash": 0}\n'), "evidence.jsonl is changed"),
    (lambda out: (out / RECORDS).unlink(), "records.json cannot be read (FileNotFoundError)"),
    (lambda out: (out / RECORDS).write_text("{"), "records.json cannot be read (JSONDecodeError)"),
    (lambda out: (out / RECORDS).write_text('{"a": 1}'), "records.json cannot be read (TypeError)"),
]


@pytest.mark.parametrize(("damage", "cause"), CHANGES)
def test_changed_records_are_found(recorded: Path, damage: Callable[[Path], object], cause: str) -> None:
    damage(recorded)
    with pytest.raises(SartoError) as caught:
        check_records(recorded)
    assert (caught.value.code, caught.value.cause) == ("E114", cause)
