"""Atomic files, hashes and the cache."""

import errno
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

import sarto
from sarto.core.errors import NotWrittenError
from sarto.core.store import Store, content_hash, file_sha256, write_atomic


def test_writes_text_and_bytes_into_folders_that_are_not_there_yet(tmp_path: Path) -> None:
    write_atomic(tmp_path / "a" / "b.txt", "häl")
    write_atomic(tmp_path / "a" / "b.bin", b"\0\1")
    write_atomic(tmp_path / "a" / "b.bin", b"\2")
    assert (tmp_path / "a" / "b.txt").read_bytes() == "häl".encode()
    assert (tmp_path / "a" / "b.bin").read_bytes() == b"\2"
    assert sorted(p.name for p in (tmp_path / "a").iterdir()) == ["b.bin", "b.txt"]


@pytest.mark.parametrize("stage", ["fsync", "replace"])
def test_a_failure_leaves_the_old_file_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    path = tmp_path / "file"
    write_atomic(path, "old")

    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "no space left", "a name that nobody gave")

    monkeypatch.setattr(os, stage, fail)
    with pytest.raises(NotWrittenError, match="no space") as caught:
        write_atomic(path, "new")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(path))
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


WRITER = """
import sys
from pathlib import Path
from sarto.core.store import write_atomic
number = 0
while True:
    number += 1
    write_atomic(Path(sys.argv[1]), str(number % 10) * 2_000_000)
    print(number, flush=True)
"""


def test_a_kill_at_any_moment_leaves_one_whole_file(tmp_path: Path) -> None:
    path = tmp_path / "file"
    for pause in (0.0, 0.003, 0.007):
        process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        text = path.read_text()
        assert len(text) == 2_000_000
        assert len(set(text)) == 1


def test_the_hash_of_values_knows_order_and_type_but_not_the_order_of_keys() -> None:
    assert content_hash({"a": 1, "b": [1, 2]}) == content_hash({"b": [1, 2], "a": 1})
    values = [[1, 2], [2, 1], ["1", 2], [1.5, 2], [[1], 2], [[1, 2]], [None, 2], [True, 2]]
    assert len({content_hash(*v) for v in values}) == len(values)
    assert content_hash() == "4f53cda18c2baa0c0354bb5f9a3ecbe5ed12ab4d8e11ba873c2f11161202b945"
    with pytest.raises(ValueError):
        content_hash(float("nan"))


def test_the_hash_of_a_file_is_sha256(tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"abc")
    assert file_sha256(tmp_path / "f") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_store_keeps_json_values(tmp_path: Path) -> None:
    kept = Store(tmp_path / "cache")
    assert kept.get("k") is None
    values: list[Any] = [{"b": [1, 2.5, None], "a": "ü"}, 0, [], False]
    for value in values:
        kept.put("k", value)
        assert Store(tmp_path / "cache").get("k") == value
    with pytest.raises(TypeError):
        kept.put("k", {1, 2})
    assert kept.get("k") is False


def test_the_hash_of_the_package_changes_with_what_can_change_a_result(tmp_path: Path) -> None:
    package = tmp_path / "sarto"
    skip = shutil.ignore_patterns("__pycache__", "pages")
    shutil.copytree(Path(sarto.__file__).parent, package, ignore=skip)

    def now() -> str:
        code = "from sarto.core.store import package_sha256; print(package_sha256())"
        environment = {**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"}
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout.strip()

    first = now()
    (package / "core" / "notes.md").write_text("words")
    (package / "core" / "__pycache__").mkdir(exist_ok=True)
    (package / "cli" / "new_verb.py").write_text("x = 1")
    (package / "core" / "__pycache__" / "x.py").write_text("x")
    assert now() == first
    seen = {first}
    for name, suffix in (
        ("core/seed.py", "\n# x"),
        ("deploy/c/kernels/pool.c", "/**/"),
        ("devices/new.toml", "x = 1"),
    ):
        path = package / name
        path.write_text((path.read_text() if path.exists() else "") + suffix)
        seen.add(now())
    (package / "core" / "seed.py").rename(package / "core" / "seeds.py")
    seen.add(now())
    assert len(seen) == 5
