"""The layout of a large container: a safetensors file, whose tensors are mapped into memory and read one by one."""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Shaped

from sarto.compress import _activations
from sarto.compress._packing import damaged
from sarto.compress._records import KINDS, Coded, check_size, decoded, part_rows
from sarto.compress.stored import Stored
from sarto.core.quantization import Numbers
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture

KEY = "sarto"
HASH = "sha256"
"""Of the description, its first 16 digits: one bit of it would make another network."""
VERSION = 3


def pack(
    architecture: Architecture, coded: Mapping[str, Coded], activations: Mapping[str, Numbers]
) -> tuple[bytes, list[tuple[str, str, int]]]:
    """Return a safetensors file and the rows of its table."""
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray[Any, Any]] = {}
    records: dict[str, list[Any]] = {}
    rows: list[tuple[str, str, int]] = []
    for name, one in coded.items():
        stored = one.stored
        if stored.symbols is None:
            arrays[name] = stored.floats.reshape(stored.shape)
            records[name] = [stored.kind, _hash(arrays[name])]
        else:
            floats, symbols = stored.floats, np.frombuffer(one.symbols, np.uint8)
            arrays[f"{name}.floats"], arrays[f"{name}.symbols"] = floats, symbols
            hashes = [_hash(floats), _hash(symbols)]
            records[name] = [stored.kind, *hashes, one.coder, stored.alphabet, stored.zero]
        rows += part_rows(name, one, stored.floats.nbytes, 0)
    described = {
        "version": VERSION,
        "architecture": architecture.to_json(),
        "tensors": records,
        "activations": _activations.to_json(activations),
    }
    text = json.dumps(described, separators=(",", ":"))
    data = save(arrays, {KEY: text, HASH: _digest(text.encode())})
    return data, [*rows, ("", "header", len(data) - sum(size for _, _, size in rows))]


def unpack(source: Path | bytes, most_b: int) -> tuple[Architecture, "Tensors", dict[str, Numbers]]:
    """Return what a safetensors container holds; of a file, tensors are read when they are asked for.

    Raises:
        InputError: E131 and E132, as `container.read`.
    """
    from safetensors import SafetensorError, safe_open

    try:
        file = _Loaded(source) if isinstance(source, bytes) else safe_open(source, "numpy")
        metadata = file.metadata() or {}
        text, digest = metadata[KEY], metadata[HASH]
        described = json.loads(text)
        version, records, given = (described[key] for key in ("version", "tensors", "activations"))
        architecture = Architecture.from_json(described["architecture"])
    except InputError as error:
        raise damaged(f"{error.message}: {error.cause}"[:200]) from error
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise damaged(f"{type(error).__name__}: {str(error)[:200]}") from error
    if _digest(text.encode()) != digest:
        raise damaged("its description does not have the hash that it names")
    if version != VERSION or not isinstance(records, dict) or set(records) != set(architecture.parameters):
        raise damaged("its tensors are not those of its network, or its version is another")
    check_size(architecture, most_b)
    activations = _activations.from_json(given, architecture)
    return architecture, Tensors(file, architecture, records), activations


class _Loaded:
    """A safetensors file whose bytes are in memory already, read as `safe_open` reads one."""

    def __init__(self, data: bytes) -> None:
        from safetensors.numpy import load

        self._arrays = load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        self._metadata: dict[str, str] = header.get("__metadata__", {})

    def metadata(self) -> dict[str, str]:
        return self._metadata

    def get_tensor(self, name: str) -> Shaped[np.ndarray, "..."]:
        if name not in self._arrays:
            raise ValueError("it is not in the file")
        return self._arrays[name]


class Tensors(Mapping[str, Any]):
    """The tensors of a file by name; each is read, and held against its hash, when it is asked for."""

    def __init__(self, file: Any, architecture: Architecture, records: Mapping[str, Any]) -> None:
        self._file, self._architecture, self._records = file, architecture, records

    def __iter__(self) -> Iterator[str]:
        return iter(self._architecture.parameters)

    def __len__(self) -> int:
        return len(self._architecture.parameters)

    def __getitem__(self, name: str) -> Stored:
        shape, record = self._architecture.parameters[name], self._records[name]
        match record:
            case ["plain", str(digest)]:
                values = self._array(name, digest)
                if values.shape != shape or str(values.dtype) not in ("float32", "float16"):
                    raise damaged(f"tensor '{name}' has another shape than the network")
                return Stored(shape, "plain", values.reshape(-1))
            case [str(kind), str(first), str(second), str(coder), int(alphabet), int(zero)] if (
                kind in KINDS[1:]
            ):
                floats, symbols = self._array(f"{name}.floats", first), self._array(f"{name}.symbols", second)
                if str(floats.dtype) not in ("float32", "float16") or floats.ndim != 1 or symbols.ndim != 1:
                    raise damaged(f"tensor '{name}' is not stored as its record says")
                return decoded(symbols.tobytes(), kind, floats, (coder, alphabet, zero), shape)
            case _:
                raise damaged(f"the record of tensor '{name}' is none")

    def _array(self, name: str, digest: str) -> Shaped[np.ndarray, "..."]:
        from safetensors import SafetensorError

        try:
            found = self._file.get_tensor(name)
        except (
            SafetensorError,
            ValueError,
            TypeError,
            AttributeError,
        ) as error:  # NumPy lacks some of its types
            raise damaged(f"tensor '{name}': {str(error)[:200]}") from error
        if _hash(found) != digest:
            raise damaged(f"tensor '{name}' does not have the hash that the file names")
        return found


def _hash(array: Shaped[np.ndarray, "..."]) -> str:
    return _digest(np.ascontiguousarray(array).tobytes())


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()[:16]
