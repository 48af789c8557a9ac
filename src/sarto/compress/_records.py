"""What both layouts of a container share: a tensor with its symbols coded, its rows in the table, and its way back."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from sarto.compress._packing import damaged
from sarto.compress.stored import Kind, Stored
from sarto.core.errors import SartoError
from sarto.core.rooms import load_method, methods
from sarto.models.input_error import InputError
from sarto.models.network.architecture import Architecture

ROOM = "sarto.compress.code"
BEST = "best"
"""In place of a coder: of each tensor's, the shortest."""
KINDS: tuple[Kind, ...] = ("plain", "table", "scaled", "sparse")


@dataclass(frozen=True, eq=False)
class Coded:
    """One tensor as it goes into a file: its record and how its symbols are coded."""

    stored: Stored
    coder: str = ""
    tables_b: int = 0
    symbols: bytes = b""


def code(stored: Stored, coder: str = BEST) -> Coded:
    """Return a tensor with its symbols coded, by one method or the one that takes fewest bytes."""
    if stored.symbols is None:
        return Coded(stored)
    matrix = stored.symbols.reshape(_matrix(stored.shape))
    found = [
        Coded(stored, name, len(made.tables), bytes(made.data))
        for name in (methods(ROOM) if coder == BEST else [coder])
        for made in [load_method(ROOM, name).encode(matrix, stored.alphabet)]
    ]
    return min(found, key=lambda c: len(c.symbols))


def decoded(
    data: bytes,
    kind: Kind,
    floats: Float[np.ndarray, " value"],
    record: tuple[str, int, int],
    shape: tuple[int, ...],
) -> Stored:
    """Return a tensor whose symbols are coded; `record` is its coder, alphabet and zero."""
    coder, alphabet, zero = record
    if coder not in methods(ROOM):
        raise damaged(f"there is no coder '{coder}'")
    try:
        symbols: Any = load_method(ROOM, coder).decode(data, _matrix(shape), alphabet)
        return Stored(shape, kind, floats, symbols.reshape(-1).astype(np.int64), alphabet, zero)
    except SartoError as error:
        raise damaged(error.cause or error.message) from error


def part_rows(name: str, one: Coded, floats_b: int, header_b: int) -> list[tuple[str, str, int]]:
    """Return the rows of one tensor: its header, floats, tables of the coder, and coded symbols."""
    part = {"plain": "values", "table": "codebook", "scaled": "scales", "sparse": "values"}[one.stored.kind]
    if name.endswith(".bias") and part == "values":
        part = "bias"
    rows = [(name, "header", header_b), (name, part, floats_b)]
    if one.stored.symbols is not None:
        rows += [(name, "tables", one.tables_b), (name, "symbols", len(one.symbols) - one.tables_b)]
    return rows


def check_size(architecture: Architecture, most_b: int) -> None:
    """Refuse a network that is larger than allowed, before anything of it is allocated."""
    size = sum(math.prod(shape) for shape in architecture.parameters.values()) * 4
    if size > most_b:
        raise InputError(
            "E132",
            f"the network has {size} B of parameters, and {most_b} B are allowed",
            cause="the header of the file declares them",
            hint="allow more if you trust the file",
        )


def _matrix(shape: tuple[int, ...]) -> tuple[int, int]:
    """Return rows and columns of a tensor: its first axis, and all others."""
    rows = shape[0] if len(shape) > 1 else 1
    return rows, math.prod(shape) // max(rows, 1)
