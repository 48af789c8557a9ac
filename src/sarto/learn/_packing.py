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
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from sarto.models.input_error import InputError

VERSION = 1
_PREFIX = struct.Struct("<8sHI")
_DIGEST_BYTES = hashlib.sha256().digest_size


def pack_arrays(magic: bytes, header: Mapping[str, Any], arrays: Sequence[Float[np.ndarray, "..."]]) -> bytes:
    """Return `header` (JSON values) and `arrays`, flattened one after the other, as bytes that start with `magic`."""
    text = json.dumps(header, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")
    body = b"".join(np.ascontiguousarray(array, "<f8").tobytes() for array in arrays)
    data = _PREFIX.pack(magic, VERSION, len(text)) + text + body
    return data + hashlib.sha256(data).digest()


def unpack_arrays(magic: bytes, data: bytes) -> tuple[dict[str, Any], Float[np.ndarray, " value"]]:
    """Return the header and all array values, one after the other.

    Raises:
        InputError: E103, when the bytes are of another kind or version, cut short or changed.
    """
    if len(data) < _PREFIX.size + _DIGEST_BYTES or data[: len(magic)] != magic:
        raise _foreign(f"they do not start with {magic.decode()}")
    _, version, length = _PREFIX.unpack_from(data)
    if version != VERSION:
        raise _foreign(f"their version is {version}, this program reads {VERSION}")
    if hashlib.sha256(data[:-_DIGEST_BYTES]).digest() != data[-_DIGEST_BYTES:]:
        raise _foreign("their SHA-256 does not match: they were cut short or changed")
    start = _PREFIX.size + length
    header: dict[str, Any] = json.loads(data[_PREFIX.size : start])
    return header, np.frombuffer(data[start:-_DIGEST_BYTES], "<f8").astype(np.float64)


def _foreign(cause: str) -> InputError:
    return InputError(
        "E103",
        "the bytes are not a packed Sarto value",
        cause=cause,
        hint="pass what `pack` returned, unchanged",
    )
