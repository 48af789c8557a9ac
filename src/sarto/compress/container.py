"""One file that holds a network, as small as it is: what it computes, and every parameter as it is stored and coded.

`write` returns a table with the bytes of every tensor whose sum is the size of the file; `read` gives back the same
architecture and the same values in every bit, without torch, without the program that made the network, and without a
pickle. What is allocated is a small multiple of what the header declares, which is no more than `most_b`.

A packed file (magic `SRT1`) is

    magic (4) | hash (8) | architecture | one record for each parameter, in the architecture's order | activations

with the first 8 bytes of the SHA-256 of all that follows. A record is one byte, kind + 4 half + 8 first + 16 coder, and
the floats of a plain tensor; of any other, alphabet - 1 (and zero and the number of floats), the floats, and the coded
symbols after their length. `half` says float16, `first` that a table's first value is 0 and left out. Whole numbers
are LEB128. What the integers of activations stand for follows, if there are any (`_activations`). A file above
`PACKED_B` is a safetensors file instead, whose tensors can be mapped into memory: `name` for plain ones, `name.floats`
and `name.symbols` for others, with records, a hash for each tensor, and the numbers of activations in its metadata.

>>> import tempfile
>>> from sarto.models.network.named import named
>>> net = named("mlp", (4,), 2, width=3, depth=1)
>>> tensors = {name: Stored.of_values(np.ones(shape, np.float32)) for name, shape in net.parameters.items()}
>>> with tempfile.TemporaryDirectory() as folder:
...     table = write(Path(folder, "net.sarto"), net, tensors)
...     size, back = Path(folder, "net.sarto").stat().st_size, read(Path(folder, "net.sarto"))
>>> size == sum(table.column("bytes")), back.architecture == net, back.arrays()["fc2.weight"].tolist()
(True, True, [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]])
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sarto.compress import _activations, _large
from sarto.compress._large import Tensors
from sarto.compress._packing import Packer, Unpacker, damaged, pack_architecture, unpack_architecture
from sarto.compress._records import BEST, KINDS, Coded, check_size, code, decoded, part_rows
from sarto.compress.stored import Stored
from sarto.core.quantization import Numbers, Quantization
from sarto.core.store import write_atomic
from sarto.core.table import Table
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture

MAGIC = b"SRT1"
HASH_B = 8
PACKED_B = 1_000_000
"""Files up to this size are packed: a safetensors header costs some 100 B for each tensor."""
MOST_B = 1 << 30
"""Largest network, decoded, that is read unless the caller allows more; and of a small file, `FREE_B` and
`EXPANSION` times its size: a few bytes shall not cost minutes and gigabytes. LeNet-5 in 700 bytes is 2,500 times."""
FREE_B = 1 << 20
EXPANSION = 1 << 12
CODERS = ("rans", "context", "huffman")
"""Coders with a number of their own, never reordered; others go by their names."""
_BY_NAME = 15


@dataclass(frozen=True, eq=False)
class Contents:
    """What a container holds."""

    architecture: Architecture
    tensors: dict[str, Stored] | Tensors
    activations: Mapping[str, Numbers] = field(default_factory=dict[str, Numbers])
    """What the integers of activations stand for, by `input` or node; empty of a network that computes in floats."""

    def arrays(self) -> dict[str, Float[np.ndarray, "..."]]:
        """Return every parameter in float32, by the architecture's names."""
        return {name: stored.restore() for name, stored in self.tensors.items()}

    @property
    def quantization(self) -> Quantization:
        """What the integers of the network stand for: of its activations, and of the weights that have a scale."""
        of_weights = {
            name: Numbers(tuple(map(float, stored.floats)), stored.zero.bit_length() + 1)
            for name, stored in self.tensors.items()
            if stored.kind == "scaled" and name.endswith(".weight")
        }
        return Quantization({**self.activations, **of_weights})


def write(
    path: Path,
    architecture: Architecture,
    tensors: Mapping[str, Stored],
    coder: str = BEST,
    packed: bool | None = None,
    activations: Mapping[str, Numbers] | None = None,
) -> Table:
    """Write a container and return its table of bytes.

    Args:
        path: of the file; what was there is replaced at once or not at all.
        architecture: what the network computes.
        tensors: every parameter of it, as it is stored.
        coder: a method of `compress/code` for the symbols, or `best`: of each tensor's, the shortest.
        packed: the layout; None takes the packed one up to `PACKED_B`.
        activations: what their integers stand for, by `input` or node; none of a network that computes in floats.

    Raises:
        InputError: E123, when a parameter is missing or has another shape, or an activation's numbers cannot be stored.
    """
    data, table = to_bytes(architecture, tensors, coder, packed, activations)
    write_atomic(path, data)
    return table


def to_bytes(
    architecture: Architecture,
    tensors: Mapping[str, Stored],
    coder: str = BEST,
    packed: bool | None = None,
    activations: Mapping[str, Numbers] | None = None,
) -> tuple[bytes, Table]:
    """Return the container as bytes, and its table; see `write`."""
    _check(architecture, tensors)
    coded = {name: code(tensors[name], coder) for name in architecture.parameters}
    size = sum(len(c.symbols) + c.stored.floats.nbytes for c in coded.values())
    large = not packed if packed is not None else size > PACKED_B
    ordered = _activations.check(architecture, activations or {})
    data, rows = (_large.pack if large else _pack)(architecture, coded, ordered)
    size = sum(int(row[2]) for row in rows)
    assert size == len(data), f"the table of bytes has {size} of {len(data)}"
    return data, Table("bytes", ("tensor", "part", "bytes"), ("", "", "B"), tuple(rows), ("", "", "measured"))


def read(path: Path, most_b: int | None = None) -> Contents:
    """Return what a container holds.

    Args:
        path: of the file.
        most_b: largest size of all parameters, decoded to 4 bytes each; None for `MOST_B`, or less of a small file.

    Raises:
        InputError: E131, when the file is none or is damaged; E132, when the network is larger than `most_b`.
    """
    try:
        with path.open("rb") as file:
            start = file.read(len(MAGIC))
        if start != MAGIC:
            return Contents(*_large.unpack(path, _most_b(path.stat().st_size, most_b)))
        return from_bytes(path.read_bytes(), most_b)
    except OSError as error:
        raise InputError("E131", f"{path.name} cannot be read", cause=error.strerror or str(error)) from error


def from_bytes(data: bytes, most_b: int | None = None) -> Contents:
    """Return what a container holds whose bytes are given; see `read`."""
    start = len(MAGIC) + HASH_B
    if data[: len(MAGIC)] != MAGIC:
        return Contents(*_large.unpack(data, _most_b(len(data), most_b)))
    if len(data) <= start:
        raise damaged("it ends before its contents")
    if hashlib.sha256(data[start:]).digest()[:HASH_B] != data[len(MAGIC) : start]:
        raise damaged("its contents do not have the hash that it names")
    rest = Unpacker(data[start:])
    try:
        architecture = unpack_architecture(rest)
    except InputError as error:
        raise error if error.code == "E131" else damaged(f"{error.message}: {error.cause}"[:200]) from error
    check_size(architecture, _most_b(len(data), most_b))
    tensors = {name: _unpack(rest, shape) for name, shape in architecture.parameters.items()}
    activations = _activations.unpack(rest, architecture) if rest.at < len(rest.data) else {}
    if rest.at != len(rest.data):
        raise damaged(f"{len(rest.data) - rest.at} bytes are left over")
    return Contents(architecture, tensors, activations)


def _most_b(file_b: int, most_b: int | None) -> int:
    return min(MOST_B, FREE_B + EXPANSION * file_b) if most_b is None else most_b


def _check(architecture: Architecture, tensors: Mapping[str, Stored]) -> None:
    for name, shape in architecture.parameters.items():
        if name not in tensors or tensors[name].shape != shape:
            got = tensors[name].shape if name in tensors else "nothing"
            raise InputError(
                "E123",
                f"parameter '{name}': {got} given, {shape} wanted",
                cause="the tensors are of another network",
            )


def _pack(
    architecture: Architecture, coded: Mapping[str, Coded], activations: Mapping[str, Numbers]
) -> tuple[bytes, list[tuple[str, str, int]]]:
    """Return a packed file and the rows of its table."""
    out, rows = Packer(), list[tuple[str, str, int]]()
    pack_architecture(out, architecture)
    rows.append(("", "architecture", len(out.data)))
    rows.append(("", "magic and hash", len(MAGIC) + HASH_B))
    for name, one in coded.items():
        stored, before = one.stored, len(out.data)
        half = int(stored.floats.dtype == np.float16)
        first = int(stored.kind == "table" and float(stored.floats[0]) == 0)
        number = CODERS.index(one.coder) if one.coder in CODERS else _BY_NAME
        coder = 0 if stored.symbols is None else number
        out.whole(KINDS.index(stored.kind) | half << 2 | first << 3 | coder << 4)
        floats = stored.floats[1:] if first else stored.floats
        if stored.symbols is not None:
            if number == _BY_NAME:
                out.text(one.coder)
            out.whole(stored.alphabet - 1)
            if stored.kind != "table":
                out.whole(stored.zero)
                out.whole(len(stored.floats))
        header = len(out.data) - before
        raw = floats.astype(floats.dtype.newbyteorder("<")).tobytes()
        out.raw(raw)
        if stored.symbols is not None:
            length = len(out.data)
            out.whole(len(one.symbols))
            header += len(out.data) - length
            out.raw(one.symbols)
        rows += part_rows(name, one, len(raw), header)
    before = len(out.data)
    _activations.pack(out, architecture, activations)
    if activations:
        rows.append(("", "activation scales", len(out.data) - before))
    body = bytes(out.data)
    return MAGIC + hashlib.sha256(body).digest()[:HASH_B] + body, rows


def _unpack(data: Unpacker, shape: tuple[int, ...]) -> Stored:
    """Return the next tensor of a packed file."""
    word = data.whole()
    if word >> 8:
        raise damaged("a tensor is of no kind that there is")
    kind, dtype, first = KINDS[word & 3], np.dtype("<f2" if word >> 2 & 1 else "<f4"), word >> 3 & 1
    if kind == "plain":
        floats = np.frombuffer(data.raw(math.prod(shape) * dtype.itemsize), dtype)
        return Stored(shape, kind, floats.astype(dtype.newbyteorder("=")))
    number = word >> 4
    coder = data.text() if number == _BY_NAME else CODERS[number] if number < len(CODERS) else ""
    alphabet, zero, count = data.whole() + 1, 0, 0
    if kind == "table":
        count = alphabet - first
    else:
        zero, count = data.whole(), data.whole()
    floats = np.frombuffer(data.raw(count * dtype.itemsize), dtype).astype(dtype.newbyteorder("="))
    floats = np.concatenate([np.zeros(1, floats.dtype), floats]) if first and kind == "table" else floats
    return decoded(data.raw(data.whole()), kind, floats, (coder, alphabet, zero), shape)
