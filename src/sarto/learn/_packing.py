"""The bytes of a set of named numbers and float64 arrays: no pickle, versioned, and damage is noticed.

    8 bytes magic | u16 version | u32 header length | header (JSON, ASCII) | arrays (float64) | SHA-256 of all before

All integers and floats are little-endian, so the same content gives the same bytes on every machine.

>>> data = pack_arrays(b"EXAMPLE1", {"n": 2}, [np.array([1.0, 2.0])])
>>> unpack_arrays(b"EXAMPLE1", data)
({'n': 2}, array([1., 2.]))
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Num

from sarto.models.input_error import InputError

VERSION = 1
_PREFIX = struct.Struct("<8sHI")
DIGEST_BYTES = hashlib.sha256().digest_size


def pack_arrays(magic: bytes, header: Mapping[str, Any], arrays: Sequence[Float[np.ndarray, "..."]]) -> bytes:
    """Return `header` (JSON values) and `arrays`, flattened one after the other, as bytes that start with `magic`."""
    return framed(magic, header, [np.ascontiguousarray(array, "<f8") for array in arrays])


def unpack_arrays(magic: bytes, data: bytes) -> tuple[dict[str, Any], Float[np.ndarray, " value"]]:
    """Return the header and all array values, one after the other.

    Raises:
        InputError: E103, when the bytes are of another kind or version, cut short or changed.
    """
    header, body = opened(magic, data, _foreign)
    return header, np.frombuffer(body, "<f8").astype(np.float64)


def framed(
    magic: bytes, header: Mapping[str, Any], parts: Sequence[Num[np.ndarray, "..."]], *, align: int = 1
) -> bytes:
    """Return `header` (JSON values) and the bytes of arrays as bytes that start with `magic` and end with their hash.

    The header is filled up with spaces until the arrays begin at a multiple of `align` bytes.
    """
    return b"".join(frame(magic, header, parts, align=align))


def frame(
    magic: bytes, header: Mapping[str, Any], parts: Sequence[Num[np.ndarray, "..."]], *, align: int = 1
) -> list[bytes | memoryview]:
    """Return the pieces of what `framed` returns, those of the arrays as views."""
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
    text += b" " * (-(_PREFIX.size + len(text)) % align)
    pieces = [_PREFIX.pack(magic, VERSION, len(text)), text, *(part.reshape(-1).data for part in parts)]
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return [*pieces, digest.digest()]


def opened(
    magic: bytes, data: bytes, refused: Callable[[str], InputError]
) -> tuple[dict[str, Any], memoryview]:
    """Return the header and the body that `framed` wrote, as a view of the same bytes.

    Args:
        magic: that they start with.
        data: the bytes.
        refused: returns the error, given its cause.

    Raises:
        InputError: what `refused` returns, when the bytes are of another kind or version, cut short or changed.
    """
    if len(data) < _PREFIX.size + DIGEST_BYTES or data[: len(magic)] != magic:
        raise refused(f"they do not start with {magic.decode()}")
    _, version, length = _PREFIX.unpack_from(data)
    if version != VERSION:
        raise refused(f"their version is {version}, this program reads {VERSION}")
    view = memoryview(data)
    if hashlib.sha256(view[:-DIGEST_BYTES]).digest() != digest_of(data):
        raise refused("their SHA-256 does not match: they were cut short or changed")
    start = _PREFIX.size + length
    try:
        header: dict[str, Any] = json.loads(bytes(view[_PREFIX.size : start]))
    except (ValueError, RecursionError) as error:
        raise refused(f"their header cannot be read: {error}") from error
    return header, view[start:-DIGEST_BYTES]


def digest_of(data: bytes) -> bytes:
    """Return the hash that framed bytes say is theirs: only `opened` tells whether it is."""
    return data[-DIGEST_BYTES:]


def symmetric(triangle: Float[np.ndarray, " value"], size: int) -> Float[np.ndarray, "row row"]:
    """Return the symmetric matrix of an upper triangle, row by row.

    >>> symmetric(np.array([1.0, 2.0, 3.0]), 2).tolist()
    [[1.0, 2.0], [2.0, 3.0]]
    """
    upper = np.zeros((size, size))
    upper[np.triu_indices(size)] = triangle
    return np.where(np.tri(size, k=-1, dtype=bool), upper.T, upper)


def _foreign(cause: str) -> InputError:
    return InputError(
        "E103",
        "the bytes are not a packed Sarto value",
        cause=cause,
        hint="pass what `pack` returned, unchanged",
    )
