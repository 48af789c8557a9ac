"""Ways to spoil the files of a data set.

>>> import tempfile
>>> from benchmarks._malformed import KINDS
>>> with tempfile.TemporaryDirectory() as name:
...     source = KINDS["csv, a row per step"](Path(name))
...     what = spoil(source, np.random.default_rng(4))
>>> what
'toy.csv: UTF-16, one line alone'
"""

from __future__ import annotations

import hashlib
import io
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

TOKENS = (
    "", " ", "nan", "inf", "-inf", "1e999", "99999999999999999999", "-9007199254740993", "abc", "é", "\x00", '"', "'",
    "1_000", "0x10", "1,5", "1;5", "1:5", "@data", "#", "walk", "sit", "-1", "0", "2026-13-45", "\u2028", "None", "?",
)  # fmt: skip
"""What a value is replaced by."""


def spoil(source: Path, random: np.random.Generator) -> str:
    """Spoil one file of `source`, in one to three ways, and return them in words."""
    folder = source if source.is_dir() else source.parent
    files = sorted(f for f in folder.rglob("*") if f.is_file())
    file = files[int(random.integers(len(files)))]
    ways = list(_ways(file).items())
    said: list[str] = []
    for _ in range((1, 1, 1, 2, 3)[int(random.integers(5))]):
        name, way = ways[int(random.integers(len(ways)))]
        if file.is_file():
            way(file, random)
            said.append(name)
    return f"{file.name}: {', '.join(said)}"


def snapshot(folder: Path) -> dict[str, str]:
    """Return the hash of every file in a folder by its path."""
    return {
        f.relative_to(folder).as_posix(): hashlib.sha256(f.read_bytes()).hexdigest()
        for f in sorted(folder.rglob("*"))
        if f.is_file()
    }


def _ways(file: Path) -> dict[str, Callable[[Path, np.random.Generator], None]]:
    """Return the ways to spoil a file of this kind."""
    ending = file.suffix.lower()
    own = (
        _TEXT
        if ending in (".csv", ".tsv", ".ts")
        else _ARRAYS
        if ending == ".npz"
        else _WAV
        if ending == ".wav"
        else {}
    )
    return {**_BYTES, **own, **own}


def _bytes(
    change: Callable[[bytes, np.random.Generator], bytes],
) -> Callable[[Path, np.random.Generator], None]:
    return lambda file, random: _keep(file.write_bytes(change(file.read_bytes(), random)))


def _keep(_: int) -> None:
    """Drop the number of bytes written."""


def _place(content: bytes, random: np.random.Generator) -> int:
    return int(random.integers(len(content) + 1))


def _cut(content: bytes, random: np.random.Generator) -> bytes:
    return content[: _place(content, random)]


def _overwrite(content: bytes, random: np.random.Generator) -> bytes:
    at = _place(content, random)
    return content[:at] + random.bytes(8) + content[at + 8 :]


def _insert(content: bytes, random: np.random.Generator) -> bytes:
    at = _place(content, random)
    return content[:at] + random.bytes(5) + content[at:]


def _delete(content: bytes, random: np.random.Generator) -> bytes:
    at = _place(content, random)
    return content[:at] + content[at + int(random.integers(1, 200)) :]


def _gone(file: Path, _: np.random.Generator) -> None:
    file.unlink()


def _as_folder(file: Path, _: np.random.Generator) -> None:
    file.unlink()
    file.mkdir()


_BYTES: dict[str, Callable[[Path, np.random.Generator], None]] = {
    "cut off": _bytes(_cut),
    "bytes overwritten": _bytes(_overwrite),
    "bytes put in": _bytes(_insert),
    "bytes taken out": _bytes(_delete),
    "emptied": _bytes(lambda content, random: b""),
    "zeros": _bytes(lambda content, random: bytes(len(content))),
    "noise": _bytes(lambda content, random: random.bytes(200)),
    "another format": _bytes(lambda content, random: b"%PDF-1.7\n" + content),
    "removed": _gone,
    "a folder of its name": _as_folder,
}


def _lines(
    change: Callable[[list[str], np.random.Generator], list[str]],
) -> Callable[[Path, np.random.Generator], None]:
    def spoilt(file: Path, random: np.random.Generator) -> None:
        lines = file.read_bytes().decode("latin-1").split("\n")
        file.write_bytes("\n".join(change(lines, random)).encode("utf-8"))

    return spoilt


def _token(lines: list[str], random: np.random.Generator) -> list[str]:
    """Replace one value."""
    at = int(random.integers(len(lines)))
    mark = next((m for m in ("\t", ",") if m in lines[at]), ",")
    fields = lines[at].split(mark)
    fields[int(random.integers(len(fields)))] = TOKENS[int(random.integers(len(TOKENS)))]
    return [*lines[:at], mark.join(fields), *lines[at + 1 :]]


def _fields(lines: list[str], random: np.random.Generator) -> list[str]:
    """Take a value out, or put one in."""
    at = int(random.integers(len(lines)))
    fields = lines[at].split(",")
    fields = fields[:-1] if random.random() < 0.5 else [*fields, "7"]
    return [*lines[:at], ",".join(fields), *lines[at + 1 :]]


def _swap(lines: list[str], random: np.random.Generator) -> list[str]:
    a, b = (int(i) for i in random.integers(len(lines), size=2))
    lines[a], lines[b] = lines[b], lines[a]
    return lines


def _repeat(lines: list[str], random: np.random.Generator) -> list[str]:
    at = int(random.integers(len(lines)))
    return [*lines, *lines[at : at + 20]]


def _all_alike(lines: list[str], random: np.random.Generator) -> list[str]:
    """Give every item one class."""
    return [line.replace("sit", "walk").replace("lie", "walk") for line in lines]


def _other_names(lines: list[str], random: np.random.Generator) -> list[str]:
    """Change a name in the first line."""
    names = lines[0].split(",")
    names[int(random.integers(len(names)))] = ("x", "", "5", "label", "run", "q [mm]")[
        int(random.integers(6))
    ]
    return [",".join(names), *lines[1:]]


_TEXT: dict[str, Callable[[Path, np.random.Generator], None]] = {
    "a value": _lines(_token),
    "another value": _lines(_token),
    "a line of another length": _lines(_fields),
    "two lines swapped": _lines(_swap),
    "lines twice": _lines(_repeat),
    "one class": _lines(_all_alike),
    "another name": _lines(_other_names),
    "no first line": _lines(lambda lines, random: lines[1:]),
    "one line alone": _lines(lambda lines, random: lines[:1]),
    "UTF-16": _bytes(lambda content, random: content.decode("latin-1").encode("utf-16")),
    "Latin-1": _bytes(lambda content, random: content.replace(b"i", b"\xef", 3)),
}


def _arrays(
    change: Callable[[dict[str, Any], np.random.Generator], Any],
) -> Callable[[Path, np.random.Generator], None]:
    def spoilt(file: Path, random: np.random.Generator) -> None:
        try:
            with np.load(io.BytesIO(file.read_bytes()), allow_pickle=True) as stored:
                arrays = {name: stored[name] for name in stored.files}
        except Exception:  # it is no archive any more
            return
        change(arrays, random)
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        file.write_bytes(buffer.getvalue())

    return spoilt


def _pick(arrays: dict[str, Any], random: np.random.Generator) -> str:
    return sorted(arrays)[int(random.integers(len(arrays)))] if arrays else "x"


def _shorter(arrays: dict[str, Any], random: np.random.Generator) -> None:
    name = _pick(arrays, random)
    arrays[name] = arrays.get(name, np.zeros(0))[:-1]


def _other_type(arrays: dict[str, Any], random: np.random.Generator) -> None:
    name = _pick(arrays, random)
    kinds = ("c16", "O", "U4", "M8[s]", "bool", "f2", "u8")
    stored = np.asarray(arrays.get(name, 0))
    arrays[name] = np.zeros(stored.shape, kinds[int(random.integers(len(kinds)))])


def _holes(arrays: dict[str, Any], random: np.random.Generator) -> None:
    if "x" in arrays and arrays["x"].size:
        x = np.asarray(arrays["x"], np.float64).copy()
        x.flat[int(random.integers(x.size))] = (np.nan, np.inf)[int(random.integers(2))]
        arrays["x"] = x


def _flat(arrays: dict[str, Any], random: np.random.Generator) -> None:
    name = _pick(arrays, random)
    arrays[name] = np.asarray(arrays.get(name, 0)).ravel()[None, :, None, None]


def _falling(arrays: dict[str, Any], random: np.random.Generator) -> None:
    name = "offsets" if "offsets" in arrays else "y"
    if arrays.get(name) is not None and len(np.shape(arrays[name])):
        arrays[name] = arrays[name][::-1]


def _without(arrays: dict[str, Any], random: np.random.Generator) -> None:
    arrays.pop(_pick(arrays, random), None)


def _still(arrays: dict[str, Any], random: np.random.Generator) -> None:
    arrays["x"] = np.zeros_like(arrays.get("x", np.zeros(3)))


_ARRAYS: dict[str, Callable[[Path, np.random.Generator], None]] = {
    "an entry less": _arrays(_shorter),
    "another type": _arrays(_other_type),
    "a hole": _arrays(_holes),
    "another shape": _arrays(_flat),
    "offsets that fall": _arrays(_falling),
    "an array less": _arrays(_without),
    "channels that stand still": _arrays(_still),
}


def _rate(content: bytes, random: np.random.Generator) -> bytes:
    return content[:24] + int(random.integers(0, 2**32)).to_bytes(4, "little") + content[28:]


def _channels(content: bytes, random: np.random.Generator) -> bytes:
    return content[:22] + int(random.integers(0, 9)).to_bytes(2, "little") + content[24:]


def _depth(content: bytes, random: np.random.Generator) -> bytes:
    return content[:34] + int(random.integers(0, 99)).to_bytes(2, "little") + content[36:]


def _copy(file: Path, _: np.random.Generator) -> None:
    shutil.copy(file, file.with_name(f"copy of {file.name}"))


_WAV: dict[str, Callable[[Path, np.random.Generator], None]] = {
    "another rate": _bytes(_rate),
    "other channels": _bytes(_channels),
    "other bits": _bytes(_depth),
    "a file too many": _copy,
}
