"""Files that are never half-written, and a cache that survives a kill at any moment.

>>> import tempfile, pathlib
>>> with tempfile.TemporaryDirectory() as folder:
...     store = Store(pathlib.Path(folder))
...     store.put("abc", {"score": 0.5})
...     store.get("abc"), store.get("missing")
({'score': 0.5}, None)
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from glob import escape
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from sarto.core.errors import NotWrittenError


def write_atomic(path: Path, content: bytes | str) -> None:
    """Write `content` to `path` so that a reader sees the old file or the whole new one, never a part.

    Raises:
        NotWrittenError: the file system refuses it.
    """
    data = content.encode() if isinstance(content, str) else content
    beside = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with beside.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException as error:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise NotWrittenError(error.errno, error.strerror, str(path)) from error
        raise


@contextmanager
def folder_for(path: Path) -> Generator[None]:
    """Make the folder `path` for what is written inside; if that fails and left it empty, it is gone again.

    Raises:
        NotWrittenError: the file system refuses it, as where there is a file of that name.
    """
    made = [each for each in (path, *path.parents) if not os.path.lexists(each)]
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NotWrittenError(error.errno, error.strerror, str(path)) from error
    try:
        yield
    except BaseException:
        for each in made:
            with suppress(OSError):
                each.rmdir()
        raise


def sweep(path: Path) -> None:
    """Remove what writers of `path` left beside it that were killed; those that still run keep theirs."""
    for beside in path.parent.glob(f".{escape(path.name)}.*.*"):
        writer = beside.name[len(path.name) + 2 :].split(".")[0]
        if not writer.isdecimal() or _runs(int(writer)):
            continue
        with suppress(OSError):
            beside.unlink()


def _runs(process: int) -> bool:
    """Return whether a process is there, or cannot be asked for."""
    if os.name != "posix":
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True


def content_hash(*parts: Any) -> str:
    """Return the SHA-256 of JSON-able `parts`, the same on every machine.

    >>> content_hash({"b": 1, "a": 2}) == content_hash({"a": 2, "b": 1})
    True
    """
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of the file's bytes, read in blocks."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@cache
def package_sha256(without: tuple[str, ...] = ("cli", "report", "tasks")) -> str:
    """Return the SHA-256 over the files of the package, but for the rooms in `without`, which change no result.

    Results that other code found are never taken for those of this code.
    """
    digest = hashlib.sha256()

    def visit(folder: Traversable, name: str) -> None:
        for entry in sorted(folder.iterdir(), key=lambda e: e.name):
            path = f"{name}/{entry.name}"
            if entry.is_dir() and entry.name not in ("__pycache__", *without):
                visit(entry, path)
            elif entry.name.endswith((".py", ".c", ".h", ".ld", ".toml")):
                digest.update(path.encode() + entry.read_bytes())

    visit(files("sarto"), "sarto")
    return digest.hexdigest()


@dataclass(frozen=True)
class Store:
    """A folder of JSON values, one file per key; a value is there whole or not at all."""

    folder: Path

    def put(self, key: str, value: Any) -> None:
        """Keep `value`, which must be JSON-able, under `key`."""
        write_atomic(self.folder / f"{key}.json", json.dumps(value, sort_keys=True))

    def get(self, key: str) -> Any | None:
        """Return the value kept under `key`, or None."""
        path = self.folder / f"{key}.json"
        try:
            return json.loads(path.read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
