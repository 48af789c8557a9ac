"""What every number format can do: numbers to the patterns that are stored, and patterns back to numbers.

`encode` rounds to the nearest number of the format, ties to the even pattern, and never by way of another format: a
float64 is rounded once. `decode` is exact: float32 where every number of the format is one, else float64.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Float, UInt


class Format(ABC):
    """A number format.

    Attributes:
        name: as `number_format` reads it.
        width: bits of a stored number.
    """

    name: str
    width: int

    @property
    def word(self) -> np.dtype[np.unsignedinteger]:
        """The type of the patterns: the least unsigned integers that hold them, the pattern in the low bits."""
        return np.dtype(f"u{1 if self.width <= 8 else 2 if self.width <= 16 else 4}")

    @abstractmethod
    def encode(self, values: Float[np.ndarray, "*shape"]) -> UInt[np.ndarray, "*shape"]:
        """Return the patterns of float32 or float64 numbers."""

    @abstractmethod
    def decode(self, patterns: UInt[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Return the numbers of patterns."""

    def fitted(self, values: Float[np.ndarray, "..."]) -> Format:
        """Return the format with what it takes from the numbers that it is to hold; only integers take their scale."""
        return self

    def rounded(self, values: Float[np.ndarray, "*shape"]) -> Float[np.ndarray, "*shape"]:
        """Return the numbers that come back when `values` are stored."""
        return self.decode(self.encode(values))

    def __repr__(self) -> str:
        return self.name

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Format) and self.name == other.name

    def __hash__(self) -> int:
        return hash(self.name)
