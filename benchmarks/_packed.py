"""A network as one file, decoded again, with the bytes of each tensor: what `lenet300` and `lenet5` count.

    architecture (JSON, zlib) | for each tensor: kind, alphabet, zero | its floats | its coded symbols

Numbers are LEB128. Symbols are coded by the coder of `sarto.compress.code` that is shortest for the tensor. There are
no names, since the architecture tells the tensors and their shapes.
"""

from __future__ import annotations

import io
import json
import zlib
from typing import Any

import numpy as np
from jaxtyping import Float

from sarto.compress.code import context, rans
from sarto.compress.state import State
from sarto.compress.stored import Kind, Stored
from sarto.models.network.architecture import Architecture
from sarto.models.network.module import Network

CODERS: tuple[Any, ...] = (context, rans)
KINDS: tuple[Kind, ...] = ("plain", "table", "scaled")
FLOATS = ("float32", "float16")


def packed(state: State) -> tuple[bytes, dict[str, dict[str, int]]]:
    """Return the file of a network, and the bytes of each tensor: `floats` and `symbols`, and what is left."""
    text = json.dumps(state.network.architecture.to_json(), separators=(",", ":")).encode()
    head = zlib.compress(text, 9)
    out, table = bytearray(_number(len(head)) + head), dict[str, dict[str, int]]()
    for name, stored in state.stored().items():
        before = len(out)
        floats, coded, coder = stored.floats.tobytes(), b"", 0
        if stored.symbols is not None:
            matrix = stored.symbols.reshape(len(stored.symbols) // int(np.prod(stored.shape[1:])), -1)
            found = [c.encode(matrix, stored.alphabet).data for c in CODERS]
            coder = int(np.argmin([len(data) for data in found]))
            coded = found[coder]
        kind = KINDS.index(stored.kind) << 2 | FLOATS.index(str(stored.floats.dtype)) << 1 | coder
        out += bytes([kind])
        for number in (len(stored.floats), stored.alphabet, stored.zero, len(coded)):
            out += _number(number)
        out += floats + coded
        rest = len(out) - before - len(floats) - len(coded)
        table[name] = {"floats": len(floats), "symbols": len(coded), "header": rest}
    table["architecture"] = {"floats": 0, "symbols": 0, "header": len(out) - _total(table)}
    assert _total(table) == len(out)
    return bytes(out), table


def _total(table: dict[str, dict[str, int]]) -> int:
    return sum(sum(row.values()) for row in table.values())


def unpacked(data: bytes) -> Network:
    """Return the network of a file, from nothing but its bytes."""
    file = io.BytesIO(data)
    architecture = Architecture.from_json(json.loads(zlib.decompress(file.read(_read(file)))))
    arrays: dict[str, Float[np.ndarray, "..."]] = {}
    for name, shape in architecture.parameters.items():
        (kind,) = file.read(1)
        count, alphabet, zero, length = (_read(file) for _ in range(4))
        dtype = np.dtype(FLOATS[kind >> 1 & 1])
        floats = np.frombuffer(file.read(count * dtype.itemsize), dtype)
        symbols = None
        if KINDS[kind >> 2] != "plain":
            rows = (shape[0], int(np.prod(shape[1:])))
            symbols = CODERS[kind & 1].decode(file.read(length), rows, alphabet).reshape(-1).astype(np.int64)
        arrays[name] = Stored(shape, KINDS[kind >> 2], floats, symbols, alphabet, zero).restore()
    assert not file.read(), "the file ends with its last tensor"
    network = Network(architecture)
    network.load_arrays(arrays)
    return network


def _number(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    return bytes([*out, value])


def _read(file: io.BytesIO) -> int:
    value = shift = 0
    while True:
        (byte,) = file.read(1)
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            return value
