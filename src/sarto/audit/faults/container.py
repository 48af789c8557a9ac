"""Faults in the bytes of a container, before a network is read from it.

A container names a hash over its contents. A fault is masked where the network that is read is the same; else it is
refused (due), or it is decoded into another network, silently (critical). `checked=False` reads packed containers
whose hash was made anew over the faulty bytes: what a container would do without one.

>>> from sarto.models.network.named import named
>>> from sarto.compress.container import to_bytes
>>> from sarto.compress.stored import Stored
>>> net = named("mlp", (4,), 2, width=3, depth=1)
>>> tensors = {name: Stored.of_values(np.ones(shape, np.float32)) for name, shape in net.parameters.items()}
>>> data, table = to_bytes(net, tensors)
>>> KINDS[int(ContainerSpace(data, table).judge(np.array([[0, 20]])).kinds[0])]
'due'
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int64

from sarto.audit.faults.model import FLIP, Fault
from sarto.audit.faults.sample import Cell
from sarto.audit.faults.verdicts import KINDS, Judged, of_classes
from sarto.compress.container import HASH_B, MAGIC, from_bytes
from sarto.core.bits import inject
from sarto.core.errors import SartoError
from sarto.core.evidence import How
from sarto.core.store import content_hash
from sarto.core.table import Table

__all__ = ["KINDS", "ContainerSpace"]


@dataclass(frozen=True, eq=False)
class ContainerSpace:
    """The faults of a container's bytes; its one input is the reading.

    Attributes:
        data: the bytes.
        table: of them, as `compress.container.write` returns it; None has one region.
        fault: of what kind; its pattern is `single` or `burst`.
        checked: whether the hash is that of the bytes without a fault.
    """

    data: bytes
    table: Table | None = None
    fault: Fault = FLIP
    checked: bool = True

    def __post_init__(self) -> None:
        self.fault.of_bytes("a container")

    @property
    def name(self) -> str:
        """What is faulty."""
        return "container"

    @property
    def how(self) -> How:
        """How verdicts come about."""
        return "measured"

    def __len__(self) -> int:
        return 1

    @property
    def sha256(self) -> str:
        """Hash over all that verdicts depend on."""
        digest = hashlib.sha256(self.data).hexdigest()
        return content_hash("faults of a container", digest, repr(self.fault), self.checked)

    @property
    def cells(self) -> tuple[Cell, ...]:
        """The cells of the space: eight of the magic and the hash, and eight of every part that the table tells of."""
        return self._cells

    @cached_property
    def _cells(self) -> tuple[Cell, ...]:
        return tuple(Cell(layer, part, bit, size) for layer, part, size in self._spans for bit in range(8))

    @cached_property
    def _spans(self) -> tuple[tuple[str, str, int], ...]:
        """Layer, part and bytes of what lies one after the other."""
        packed = self.data[: len(MAGIC)] == MAGIC
        start = len(MAGIC) + HASH_B if packed else 0
        if self.table is None or not packed:
            return ("container", "magic and hash", start), ("container", "contents", len(self.data) - start)
        sizes: dict[str, int] = {}
        for tensor, part, size in self.table.rows:
            if part not in ("architecture", "magic and hash", "activation scales"):
                sizes[str(tensor)] = sizes.get(str(tensor), 0) + int(size)
        of = {str(part): int(size) for tensor, part, size in self.table.rows if tensor == ""}
        return (
            ("container", "magic and hash", start),
            ("container", "architecture", of["architecture"]),
            *((tensor, "values", size) for tensor, size in sizes.items()),
            ("container", "activation scales", of.get("activation scales", 0)),
        )

    @property
    def bits(self) -> int:
        """How many bits are exposed."""
        return 8 * len(self.data)

    @cached_property
    def _golden(self) -> str:
        read = _read(self.data)
        assert read is not None, "the container cannot be read without a fault"
        return read

    def judge(self, places: Int64[np.ndarray, "fault 2"]) -> Judged:
        """Return what faults do, each given by the number of its cell and its own in the cell."""
        first = np.cumsum([0, *(size for _, _, size in self._spans)])
        read = [_read(self._faulty(int(first[int(c) // 8]) + int(n), int(c) % 8)) for c, n in places]
        other = np.array([[r is not None and r != self._golden] for r in read], bool).reshape(-1, 1)
        refused = np.array([[r is None] for r in read], bool).reshape(-1, 1)
        return of_classes(np.zeros(1, np.int64), other.astype(np.int64), other, refused)

    def _faulty(self, byte: int, bit: int) -> bytes:
        found = inject(self.data, self.fault.places((len(self.data),), byte, bit, 8), self.fault.kind)
        if self.checked or found[: len(MAGIC)] != MAGIC:
            return found
        start = len(MAGIC) + HASH_B
        return MAGIC + hashlib.sha256(found[start:]).digest()[:HASH_B] + found[start:]


def _read(data: bytes) -> str | None:
    """Return a hash over what a container holds, None where it is refused."""
    try:
        contents = from_bytes(data)
        digest = hashlib.sha256(repr(contents.architecture).encode() + repr(contents.activations).encode())
        for name, values in contents.arrays().items():
            digest.update(name.encode() + values.tobytes())
    except SartoError:
        return None
    return digest.hexdigest()
