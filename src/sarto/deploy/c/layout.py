"""Tables of C: how weights lie for the dense kernels, and a table's text.

>>> laid_out(np.arange(25).reshape(5, 5), True).tolist()
[0, 2, 1, 3, 5, 7, 6, 8, 10, 12, 11, 13, 15, 17, 16, 18, 4, 9, 14, 19, 20, 21, 22, 23, 24]
>>> print(table("t", "int8_t", np.array([1, -2])), end="")
static const int8_t t[2] = {
    1, -2};
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Integer

PER_LINE = 20
WORDS = """\
#if defined(__GNUC__)
#define WORDS __attribute__((aligned(4)))
#else
#define WORDS
#endif
"""
"""Lets the dense kernels read four weights as one word."""


def laid_out(weights: Integer[np.ndarray, "row column"], swapped: bool) -> Integer[np.ndarray, " weight"]:
    """Return `weights` in the order of `kernels/dense.c`; `swapped` changes the middle two of every four columns."""
    rows, columns = weights.shape
    full, order = columns - columns % 4, [0, 2, 1, 3] if swapped else [0, 1, 2, 3]
    parts: list[np.ndarray] = []
    for four in weights[: rows - rows % 4].reshape(-1, 4, columns):
        parts += [four[:, :full].reshape(4, -1, 4)[:, :, order].transpose(1, 0, 2), four[:, full:]]
    parts.append(weights[rows - rows % 4 :])
    return np.concatenate([part.reshape(-1) for part in parts])


def whole_words(weights: Integer[np.ndarray, "row column"]) -> Integer[np.ndarray, "row wider"]:
    """Return `weights` with columns of zeros up to a multiple of four."""
    return np.pad(weights, ((0, 0), (0, -weights.shape[1] % 4)))


def table(name: str, kind: str, values: Integer[np.ndarray, " value"], words: bool = False) -> str:
    """Return the C of a constant table, at a whole word with `words`."""
    listed = values.tolist()
    rows = [", ".join(map(str, listed[i : i + PER_LINE])) for i in range(0, len(listed), PER_LINE)]
    text = ",\n    ".join(rows)
    return f"{'WORDS ' if words else ''}static const {kind} {name}[{len(listed)}] = {{\n    {text}}};\n"
