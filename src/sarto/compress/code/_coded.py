"""What the methods of this room return and check: `Coded` bytes, and errors for what cannot be coded or decoded."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Integer, UInt

from sarto.core.errors import SartoError

LARGEST_ALPHABET = 1 << 16


@dataclass(frozen=True)
class Coded:
    """The bytes of one array: `tables` say how to read, `values` are what is read; `data` is the one after the other.

    The tables end by themselves, so that no length between the two is stored.
    """

    tables: bytes
    values: bytes

    @property
    def data(self) -> bytes:
        """All bytes, as `decode` takes them."""
        return self.tables + self.values


def checked(symbols: Integer[np.ndarray, "..."], alphabet: int) -> Integer[np.ndarray, "..."]:
    """Return `symbols` as they came, in one or two dimensions and each in `[0, alphabet)`.

    Raises:
        SartoError: E116, when they are not.
    """
    check_shape(symbols.shape, alphabet)
    if symbols.size and not 0 <= (worst := _farthest(symbols, alphabet)) < alphabet:
        raise SartoError(
            "E116",
            f"symbol {worst} is outside of 0 to {alphabet - 1}",
            cause=f"the alphabet has {alphabet} symbols",
            hint="add the offset that makes the smallest symbol 0, or name a larger alphabet",
        )
    return symbols


def check_shape(shape: tuple[int, ...], alphabet: int) -> int:
    """Return how many symbols an array of `shape` has.

    Raises:
        SartoError: E116, when the shape is not that of a vector or a matrix, or the alphabet is empty or too large.
    """
    if not 1 <= alphabet <= LARGEST_ALPHABET or len(shape) not in (1, 2) or min(shape) < 0:
        raise SartoError(
            "E116",
            f"cannot code an array of shape {shape} with {alphabet} symbols",
            cause=f"one or two dimensions and 1 to {LARGEST_ALPHABET} symbols are needed",
            hint="reshape the array to (row, column)",
        )
    return math.prod(shape)


def container(alphabet: int) -> type[np.unsignedinteger[Any]]:
    """Return the smallest unsigned type that holds the alphabet."""
    return np.uint8 if alphabet <= 256 else np.uint16


def constant(shape: tuple[int, ...], alphabet: int, symbol: int = 0) -> UInt[np.ndarray, "..."]:
    """Return an array of one symbol."""
    return np.full(shape, symbol, container(alphabet))


def damaged(cause: str) -> SartoError:
    """Return the error for bytes that no encoder of the method wrote for this shape and alphabet."""
    return SartoError(
        "E121",
        "the coded values are damaged",
        cause=cause,
        hint="take the file again from where it came from; method, shape and alphabet must be those it was coded with",
    )


def _farthest(symbols: Integer[np.ndarray, "..."], alphabet: int) -> int:
    """Return a symbol outside of the alphabet, if there is one."""
    low, high = int(symbols.min()), int(symbols.max())
    return low if low < 0 else high
