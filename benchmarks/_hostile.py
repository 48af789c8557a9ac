"""Ways to spoil a container, and containers that mean harm: each returns the bytes of a file.

Those of `DAMAGE` are what happens to a file on its way; what they return must be refused, or be the exact network.
Those of `ATTACKS` are made on purpose, with hashes that are right: they must be refused, or be a network whole in
itself, in bounded time and memory.

>>> from benchmarks._containers import whole
>>> good = whole("mlp, rans, packed")
>>> random = np.random.default_rng(0)
>>> sorted(len(way(good, random)) - len(good.data) for way in (DAMAGE["a bit flipped"], DAMAGE["bytes appended"]))
[0, 1]
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from benchmarks._containers import Whole
from sarto.compress._large import HASH, KEY
from sarto.compress._packing import Packer
from sarto.compress.container import HASH_B, MAGIC
from sarto.models.network.operations import OPERATIONS

Random = np.random.Generator
Way = Callable[[Whole, Random], bytes]
START = len(MAGIC) + HASH_B
NUMBERS = (
    0,
    1,
    2,
    3,
    7,
    8,
    127,
    128,
    255,
    1 << 14,
    1 << 16,
    1 << 20,
    1 << 31,
    1 << 32,
    1 << 40,
    1 << 62,
    1 << 63,
)
"""Counts and sizes that a program may choke on."""
ODD: tuple[Any, ...] = (
    None, True, False, -1, 0, 1.5, 1e308, float("nan"), float("inf"), "", "x", "\x00", [], {}, [[]], [0], [-1],
    [1 << 40, 1 << 40], {"x": 1}, 1 << 62, 1 << 64, 10**400, [1e308], ["3"], "float16", "rans", "table",
)  # fmt: skip
"""What stands in place of a JSON value."""
DTYPES = (
    "F64",
    "F32",
    "F16",
    "BF16",
    "I64",
    "I32",
    "I16",
    "I8",
    "U8",
    "BOOL",
    "F8_E4M3",
    "F8_E5M2",
    "C64",
    "U16",
    "F4",
)


def sealed(body: bytes) -> bytes:
    """Return a packed container of any body, with its right hash."""
    return MAGIC + hashlib.sha256(body).digest()[:HASH_B] + body


def _at(data: bytes | bytearray, random: Random, first: int = 0) -> int:
    return int(random.integers(first, max(first + 1, len(data))))


def _flipped(good: Whole, random: Random) -> bytes:
    data = bytearray(good.data)
    for _ in range((1, 1, 1, 2, 3)[int(random.integers(5))]):
        data[_at(data, random)] ^= 1 << int(random.integers(8))
    return bytes(data)


def _flipped_in_front(good: Whole, random: Random) -> bytes:
    """Return the file with a bit flipped in its header: the first 200 bytes, or all that is JSON."""
    data = bytearray(good.data)
    end = 200 if good.packed else 8 + int.from_bytes(data[:8], "little")
    data[int(random.integers(min(end, len(data))))] ^= 1 << int(random.integers(8))
    return bytes(data)


def _cut(good: Whole, random: Random) -> bytes:
    return good.data[: int(random.integers(len(good.data)))]


def _appended(good: Whole, random: Random) -> bytes:
    return good.data + random.bytes(int(random.integers(1, 9)))


def _moved(good: Whole, random: Random) -> bytes:
    """Return the file with bytes put in, taken out, overwritten or exchanged."""
    at, to = sorted((_at(good.data, random), _at(good.data, random)))
    size, data = int(random.integers(1, 17)), good.data
    changed = (
        data[:at] + random.bytes(size) + data[at:],
        data[:at] + data[at + size :],
        data[:at] + random.bytes(size) + data[at + size :],
        data[:at] + bytes(size) + data[at + size :],
        data[:at] + data[to : to + size] + data[at + size :],
        data[:at] + data[at:to][::-1] + data[to:],
    )
    return changed[int(random.integers(len(changed)))]


DAMAGE: dict[str, Way] = {
    "a bit flipped": _flipped,
    "a bit of the header flipped": _flipped_in_front,
    "cut off": _cut,
    "bytes appended": _appended,
    "bytes moved": _moved,
}


def _leb128(number: int) -> bytes:
    out = Packer()
    out.whole(number)
    return bytes(out.data)


def _bytes_sealed(good: Whole, random: Random) -> bytes:
    """Return the file with some bytes changed, most of them in its header, and hashes to match."""
    if not good.packed:
        return _values_changed(good, random)
    body = bytearray(good.data[START:])
    for _ in range(int(random.integers(1, 5))):
        end = len(body) if random.random() < 0.5 else min(len(body), 150)
        body[int(random.integers(end))] = int(random.integers(256))
    return sealed(bytes(body))


def _number_put_in(good: Whole, random: Random) -> bytes:
    """Return the file with a number of any size in place of a byte: counts, lengths and sizes among them."""
    if not good.packed:
        return _values_changed(good, random)
    body = good.data[START:]
    end = len(body) if random.random() < 0.3 else min(len(body), 150)
    at = int(random.integers(end))
    number = NUMBERS[int(random.integers(len(NUMBERS)))]
    if random.random() < 0.2:  # a number without an end
        return sealed(body[:at] + b"\xff" * int(random.integers(8, 40)) + body[at + 1 :])
    return sealed(body[:at] + _leb128(number) + body[at + 1 :])


def _sizes(good: Whole, random: Random) -> bytes:
    """Return a packed network of sizes that multiply past all memory, cancel out, or are none, and a few bytes."""
    out, ops = (
        Packer(),
        ["linear", "linear", "linear", "conv", "reshape", "flatten", "batch_norm", "max_pool", "add"],
    )

    def drawn() -> int:
        number = NUMBERS[int(random.integers(len(NUMBERS) - 1))]
        return number if random.random() < 0.8 else -number

    out.value(tuple(abs(drawn()) or 1 for _ in range((1, 1, 2, 3)[int(random.integers(4))])))
    count = int(random.integers(1, 6))
    out.whole(count if random.random() < 0.9 else drawn() & (1 << 62) - 1)
    for number in range(count):
        op = ops[int(random.integers(len(ops)))]
        out.raw(b"\xff")
        out.text(op)
        out.text(f"n{number if random.random() < 0.9 else 0}")
        if op == "add":
            out.whole(2)
            out.whole(0)
        out.whole(0 if random.random() < 0.9 else 5)
        keys = (*OPERATIONS[op].needed, *OPERATIONS[op].defaults)
        flags = int(random.integers(1 << len(keys))) | (1 << len(OPERATIONS[op].needed)) - 1
        out.whole(flags)
        for place, key in enumerate(keys):
            if flags >> place & 1:
                out.value(_attribute(key, drawn, random))
    out.raw(random.bytes(int(random.integers(0, 60))))
    return sealed(bytes(out.data))


def _attribute(key: str, drawn: Callable[[], int], random: Random) -> int | float | bool | tuple[int, ...]:
    """Return a value for an attribute: mostly of its kind, and of any size."""
    kind = random.random()
    if kind < 0.05:
        return (0.5, -1.0, 1e300, float("inf"), float("nan"))[int(random.integers(5))]
    if kind < 0.15:
        return tuple(drawn() for _ in range(int(random.integers(1, 9))))
    if key == "shape":
        return tuple(drawn() for _ in range(int(random.integers(1, 4))))
    if key in ("bias", "groups", "splits"):
        return bool(random.random() < 0.5) if key == "bias" else 1
    return drawn()


def _coded(good: Whole, random: Random) -> bytes:
    """Return a network of one layer whose coded symbols are noise, zeros, ones, or no frequencies at all."""
    out, rows = Packer(), int(random.integers(1, 40))
    columns = (1, 1, 7, 64, 300, 4096)[int(random.integers(6))]
    out.value((columns,))
    out.whole(1)
    out.raw(b"\x00")
    out.text("a")
    out.whole(0)
    out.whole(3)
    out.value(rows)
    out.value(False)
    kind, coder = int(random.integers(1, 4)), int(random.integers(3))
    alphabet = 2 if kind == 3 else (1, 2, 3, 16, 255, 256, 257, 4096, 65536, 65537)[int(random.integers(10))]
    out.whole(kind | 4 | coder << 4)
    out.whole(alphabet - 1)
    floats = alphabet if kind == 1 else rows if kind == 2 else int(random.integers(rows * columns + 1))
    if kind != 1:
        out.whole(alphabet // 2 if kind == 2 else 0)
        out.whole(floats)
    out.raw(random.bytes(2 * floats))
    length, noise = int(random.integers(1, 80)), random.random()
    first = bytes([int(random.integers(256))])
    rest = random.bytes(length) if noise < 0.6 else bytes(length) if noise < 0.8 else b"\xff" * length
    out.whole(length + 1)
    out.raw(first + rest)
    return sealed(bytes(out.data))


def _parsed(good: Whole) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Return the header of a safetensors container, its description, and its data."""
    size = int.from_bytes(good.data[:8], "little")
    header = json.loads(good.data[8 : 8 + size])
    return header, json.loads(header["__metadata__"][KEY]), good.data[8 + size :]


def _joined(header: dict[str, Any] | bytes, description: Any, data: bytes) -> bytes:
    """Return a safetensors container with the right hash of its description."""
    text = description if isinstance(description, str) else json.dumps(description)
    if isinstance(header, dict):
        digest = hashlib.sha256(text.encode(errors="replace")).hexdigest()[:16]
        header = {**header, "__metadata__": {KEY: text, HASH: digest}}
    raw = header if isinstance(header, bytes) else json.dumps(header).encode()
    return len(raw).to_bytes(8, "little") + raw + data


def _spots(value: Any) -> list[tuple[Any, Any]]:
    """Return every place in a JSON value: what holds it and its key there."""
    inner: list[tuple[Any, Any]] = []
    pairs: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        pairs = list(cast("dict[str, Any]", value).items())
    elif isinstance(value, list):
        pairs = list(enumerate(cast("list[Any]", value)))
    for key, part in pairs:
        inner += [(value, key), *_spots(part)]
    return inner


def _values_changed(good: Whole, random: Random) -> bytes:
    """Return the file with values of its description in place of others, or with others of another kind."""
    if good.packed:
        return _number_put_in(good, random)
    header, description, data = _parsed(good)
    for _ in range(int(random.integers(1, 3))):
        spots = _spots(description)
        holder, key = spots[int(random.integers(len(spots)))]
        chosen = random.random()
        if chosen < 0.4:
            holder[key] = ODD[int(random.integers(len(ODD)))]
        elif chosen < 0.7:
            holder[key] = NUMBERS[int(random.integers(len(NUMBERS)))]
        elif chosen < 0.9:
            other, name = spots[int(random.integers(len(spots)))]
            holder[key] = json.loads(json.dumps(other[name]))
        else:
            del holder[key]
    return _joined(header, description, data)


def _header_changed(good: Whole, random: Random) -> bytes:
    """Return a safetensors file whose header is an attack: types, shapes, offsets, names there twice, depth, length."""
    if good.packed:
        return _sizes(good, random)
    header, description, data = _parsed(good)
    names = [name for name in header if name != "__metadata__"]
    entry = header[names[int(random.integers(len(names)))]]
    number = NUMBERS[int(random.integers(len(NUMBERS)))]
    chosen = int(random.integers(9))
    if chosen == 0:
        entry["dtype"] = DTYPES[int(random.integers(len(DTYPES)))]
    elif chosen == 1:
        entry["shape"] = [number] * int(random.integers(0, 5))
    elif chosen == 2:
        entry["data_offsets"] = [int(random.integers(0, 9)), number]
    elif chosen == 3:
        entry.update(header[names[int(random.integers(len(names)))]])
    elif chosen == 4:
        spots = _spots(entry)
        holder, key = spots[int(random.integers(len(spots)))]
        holder[key] = ODD[int(random.integers(len(ODD)))]
    elif chosen == 5:
        deep = "[" * int(random.integers(10, 100_000))
        return _joined(header, deep if random.random() < 0.5 else deep + "]" * len(deep), data)
    elif chosen == 6:
        raw = json.dumps(header).encode()
        twice = raw[:-1] + b"," + json.dumps({names[0]: header[names[-1]]}).encode()[1:]
        return _joined(twice, "", data)
    elif chosen == 7:
        return number.to_bytes(9, "little")[:8] + good.data[8:]
    else:
        header["extra"] = {"dtype": "F32", "shape": [0, number], "data_offsets": [len(data)] * 2}
    return _joined(header, description, data)


ATTACKS: dict[str, Way] = {
    "bytes changed, hashes right": _bytes_sealed,
    "numbers of any size": _number_put_in,
    "sizes past all memory": _sizes,
    "coded symbols that are none": _coded,
    "values of another kind": _values_changed,
    "headers that attack": _header_changed,
}
