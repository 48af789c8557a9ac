"""How one tensor is stored: whole numbers and the table or the scale that they stand for, or plain floats.

| kind | restored value of entry i | what a file keeps |
|---|---|---|
| `plain` | values_i | values, in float32 or float16 |
| `table` | table[symbols_i] | symbols 0 .. len(table) - 1 and the table; symbol 0 stands for 0, a pruned weight |
| `scaled` | (symbols_i - zero) scale_c | symbols, and the scale of each channel c (first axis), or one scale |
| `sparse` | the next of values where symbols_i is 1, else 0 | symbols 0 and 1, and the values |

A codebook, ternary and binary weights are tables; integers are scaled. Nothing here needs torch: this is what a
container writes and reads.

>>> stored = Stored.of_table((2, 2), np.array([0, 2, 1, 0]), np.array([0, -0.5, 0.25], np.float32))
>>> stored.restore().tolist()
[[0.0, 0.25], [-0.5, 0.0]]
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from sarto.models.input_error import InputError

Kind = Literal["plain", "table", "scaled", "sparse"]
Precision = Literal["float32", "float16"]
SPARSE_BITS = 64
"""What a mask takes beside its bits: its length and the tables of its coder."""


@dataclass(frozen=True, eq=False)
class Stored:
    """One tensor as it is stored.

    Attributes:
        shape: of the tensor.
        kind: see the module.
        floats: values of a plain (flat) or sparse tensor, the table, or the scales; of the dtype that is stored.
        symbols: flat whole numbers from 0, or None for a plain tensor.
        alphabet: one more than the largest symbol that can occur; 0 for a plain tensor.
        zero: the symbol that stands for 0 in a scaled tensor; 0 in any other.
    """

    shape: tuple[int, ...]
    kind: Kind
    floats: Float[np.ndarray, " value"]
    symbols: Int[np.ndarray, " entry"] | None = None
    alphabet: int = 0
    zero: int = 0

    def __post_init__(self) -> None:
        size = math.prod(self.shape)
        entries = len(self.floats) if self.symbols is None else len(self.symbols)
        wrong = entries != size or (self.symbols is None) != (self.kind == "plain")
        if self.symbols is not None and size:
            wrong = wrong or int(self.symbols.min()) < 0 or int(self.symbols.max()) >= self.alphabet
        wrong = wrong or (self.kind == "table" and len(self.floats) != self.alphabet)
        if self.symbols is not None and self.kind == "sparse":
            wrong = wrong or self.alphabet != 2 or len(self.floats) != int(self.symbols.sum())
        wrong = wrong or (
            self.kind == "scaled" and len(self.floats) not in (1, self.shape[0] if self.shape else 1)
        )
        wrong = wrong or (not 0 <= self.zero < self.alphabet if self.kind == "scaled" else self.zero != 0)
        if wrong or str(self.floats.dtype) not in ("float32", "float16"):
            raise InputError(
                "E123",
                f"a {self.kind} tensor of shape {self.shape} cannot be stored so",
                cause=f"{entries} entries, {len(self.floats)} {self.floats.dtype} values, alphabet {self.alphabet}",
            )

    @staticmethod
    def of_values(values: Float[np.ndarray, "..."], precision: Precision = "float32") -> Stored:
        """Return a plain tensor."""
        return Stored(values.shape, "plain", values.reshape(-1).astype(precision))

    @staticmethod
    def of_exact(values: Float[np.ndarray, "..."]) -> Stored:
        """Return float32 values in the fewest bits, uncoded, that restore them.

        As a table, as a mask and what it keeps, in float16, or in float32.
        """
        flat = values.reshape(-1).astype(np.float32)
        with np.errstate(over="ignore"):
            short = flat.astype(np.float16)
        precision: Precision = (
            "float16" if short.astype(np.float32).tobytes() == flat.tobytes() else "float32"
        )
        table, symbols = rising(flat)
        width, kept = 16 if precision == "float16" else 32, int(np.count_nonzero(flat))
        costs = {
            "table": len(table) * width + flat.size * (len(table) - 1).bit_length(),
            "sparse": kept * width + flat.size + SPARSE_BITS,
            "plain": flat.size * width,
        }
        for kind in sorted(costs, key=lambda name: costs[name]):
            if kind == "plain":
                break
            if kind == "table":
                made = Stored.of_table(values.shape, symbols, table.astype(precision))
            else:
                made = Stored.of_kept(values, precision)
            if made.restore().tobytes() == flat.tobytes():
                return made
        return Stored.of_values(values, precision)

    @staticmethod
    def of_table(
        shape: tuple[int, ...], symbols: Int[np.ndarray, " entry"], table: Float[np.ndarray, " value"]
    ) -> Stored:
        """Return a tensor of values out of a table."""
        return Stored(shape, "table", table, symbols, len(table))

    @staticmethod
    def of_kept(values: Float[np.ndarray, "..."], precision: Precision = "float32") -> Stored:
        """Return a tensor as which of its values are not 0, and those values."""
        flat = values.reshape(-1)
        kept = flat != 0
        return Stored(values.shape, "sparse", flat[kept].astype(precision), kept.astype(np.int64), 2)

    @staticmethod
    def of_integers(
        integers: Int[np.ndarray, "..."], scale: Float[np.ndarray, " value"], bits: int
    ) -> Stored:
        """Return a tensor of integers in +-(2^(bits - 1) - 1) with a scale for each channel, or one."""
        zero = 2 ** (bits - 1) - 1
        return Stored(integers.shape, "scaled", scale, integers.reshape(-1) + zero, 2 * zero + 1, zero)

    def restore(self) -> Float[np.ndarray, "..."]:
        """Return the tensor in float32."""
        floats = self.floats.astype(np.float32)
        if self.symbols is None:
            return floats.reshape(self.shape)
        if self.kind == "table":
            return floats[self.symbols].reshape(self.shape)
        if self.kind == "sparse":
            whole = np.zeros(len(self.symbols), np.float32)
            whole[self.symbols == 1] = floats
            return whole.reshape(self.shape)
        integers = (self.symbols - self.zero).astype(np.float32).reshape(self.shape)
        with np.errstate(over="ignore", invalid="ignore"):  # a scale may be any float
            return integers * floats.reshape(-1, *(1,) * (len(self.shape) - 1))


def rising(
    values: Float[np.ndarray, "..."],
) -> tuple[Float[np.ndarray, " value"], Int[np.ndarray, " entry"]]:
    """Return the distinct values, 0 first and the others rising, and the place of each of `values` among them.

    >>> table, symbols = rising(np.array([0.5, 0.0, -2.0, 0.5]))
    >>> table.tolist(), symbols.tolist()
    ([0.0, -2.0, 0.5], [2, 0, 1, 2])
    """
    flat = values.reshape(-1)
    table, symbols = np.unique(np.concatenate([np.zeros(1, flat.dtype), flat]), return_inverse=True)
    zero = int(np.searchsorted(table, 0.0))
    order = np.concatenate([[zero], np.delete(np.arange(len(table)), zero)])
    return table[order], np.argsort(order)[symbols[1:]]
