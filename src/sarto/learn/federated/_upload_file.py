"""An upload as a file: which client's it is, of which federation and epoch, and its payload.

    8 bytes magic | u16 version | u32 header length | header (JSON, ASCII) | payload | SHA-256

The hash is of all before the payload, and of the payload's own hash, which ends it: neither a name nor a payload can
change unseen, and whose a file is, and whether it is known, is read from its two ends.

>>> import tempfile
>>> with tempfile.TemporaryDirectory() as name:
...     path = write_upload(Path(name), "river", "gauge 7", 3, b"-" * 40 + b"H" * 32)
...     about = read_about(path)
...     about.client, about.epoch, about.digest == b"H" * 32, len(read_payload(path, about))
('gauge 7', 3, True, 72)
"""

from __future__ import annotations

import hashlib
import json
import os
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sarto.core.store import write_atomic
from sarto.learn._packing import DIGEST_BYTES, digest_of
from sarto.models.input_error import InputError

MAGIC, VERSION = b"SARTOUPL", 1
ENDING = ".upload"
"""Of the names of files."""
MOST_HEADER = 1 << 16
_PREFIX = struct.Struct("<8sHI")


@dataclass(frozen=True)
class About:
    """What a file says of itself.

    Attributes:
        federation: its name.
        client: whose it is.
        epoch: of the client's statistics.
        digest: the hash that the payload says is its own.
        place: where the payload begins and ends.
    """

    federation: str
    client: str
    epoch: int
    digest: bytes
    place: tuple[int, int]


def write_upload(folder: Path, federation: str, client: str, epoch: int, payload: bytes) -> Path:
    """Write a file into a folder, whole or not at all, and return its path, which is one per client and epoch."""
    header = {"federation": federation, "client": client, "epoch": epoch}
    text = json.dumps(header, sort_keys=True, separators=(",", ":")).encode("ascii")
    start = _PREFIX.pack(MAGIC, VERSION, len(text)) + text
    data = start + payload + hashlib.sha256(start + digest_of(payload)).digest()
    path = folder / f"{hashlib.sha256(start).hexdigest()[:24]}{ENDING}"
    write_atomic(path, data)
    return path


def read_about(path: Path) -> About:
    """Return what a file says of itself, without reading its payload.

    Raises:
        InputError: E103, when it is no upload, cut short, or what it says was changed.
        OSError: when it cannot be read.
    """
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        prefix = file.read(_PREFIX.size)
        if len(prefix) < _PREFIX.size or prefix[: len(MAGIC)] != MAGIC:
            raise _foreign(path, f"it does not start with {MAGIC.decode()}")
        _, version, length = _PREFIX.unpack(prefix)
        place = _PREFIX.size + length, size - DIGEST_BYTES
        if version != VERSION:
            raise _foreign(path, f"its version is {version}, this program reads {VERSION}")
        if length > MOST_HEADER or place[1] - place[0] < DIGEST_BYTES:
            raise _foreign(path, "it ends too soon, or says too much of itself")
        text = file.read(length)
        file.seek(place[1] - DIGEST_BYTES)
        digest, whole = file.read(DIGEST_BYTES), file.read()
    if hashlib.sha256(prefix + text + digest).digest() != whole:
        raise _foreign(path, "its SHA-256 does not match: it was cut short or changed")
    try:
        header: dict[str, Any] = json.loads(text)
        federation, client, epoch = header["federation"], header["client"], header["epoch"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise _foreign(path, f"its header cannot be read: {error}") from error
    if not (isinstance(federation, str) and isinstance(client, str) and type(epoch) is int):
        raise _foreign(path, "its header does not say whose it is")
    return About(federation, client, epoch, digest, place)


def read_payload(path: Path, about: About) -> bytes:
    """Return the payload, which is checked where it is opened.

    Raises:
        OSError: when it cannot be read.
    """
    start, end = about.place
    with path.open("rb") as file:
        file.seek(start)
        return file.read(end - start)


def _foreign(path: Path, cause: str) -> InputError:
    return InputError(
        "E103", f"'{path.name}' is no upload", cause=cause, hint="deliver the file once more, unchanged"
    )
