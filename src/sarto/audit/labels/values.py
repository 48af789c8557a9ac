"""The values of a column: which there are, which each row has, and which rows have none.

Returns an `Attribute`. Texts are values as they stand. Numbers are values if there are few; many need bins, given as
edges (`25,45`: below 25, from 25 to below 45, from 45 on) or as a number of equally full parts (`q4`). An empty text
and the marks in `data.number.MISSING` are missing values.

>>> ages = attribute("age", ["17", "30", "?", "46", "25"], read_bins("25,45"))
>>> ages.values, ages.codes.tolist(), ages.missing
(('< 25', '25 to < 45', '>= 45'), [0, 1, -1, 2, 1], 1)
"""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from sarto.core.errors import SartoError
from sarto.data.columns import Texts
from sarto.data.number import MISSING, read_number

MOST_NUMBERS = 20
"""Most different numbers that are values as they stand, as grades or years are: more are quantities, and need bins."""
MOST_VALUES = 200
"""Most values of an attribute: a label is read by people, and the countries of the world are about as many."""
LEFT_OUT = "(missing)"
"""Value of the rows that have none, where such rows are kept."""


@dataclass(frozen=True)
class Bins:
    """Where numbers are cut: at `edges`, or into `parts` that hold as many rows each."""

    edges: tuple[float, ...] = ()
    parts: int = 0


@dataclass(frozen=True, eq=False)
class Attribute:
    """A column.

    Attributes:
        name: of the column.
        values: numbers by size, texts in alphabetical order.
        codes: of each row, the index of its value, or -1.
        words: how numbers were cut, or nothing.
    """

    name: str
    values: tuple[str, ...]
    codes: Int[np.ndarray, " row"]
    words: str = ""

    @property
    def missing(self) -> int:
        """Rows without a value."""
        return int((self.codes < 0).sum())

    def rows(self, kept: Bool[np.ndarray, " row"]) -> Attribute:
        """Return the attribute of some rows, with the values that they hold."""
        return _without_unused(Attribute(self.name, self.values, self.codes[kept], self.words))

    def filled(self) -> Attribute:
        """Return the attribute with a value of its own for rows that have none."""
        if not self.missing:
            return self
        codes = np.where(self.codes < 0, len(self.values), self.codes)
        return Attribute(self.name, (*self.values, LEFT_OUT), codes, self.words)


def read_bins(text: str) -> Bins:
    """Return the bins that `25,45` or `q4` stands for.

    Raises:
        SartoError: E112, when the text is neither rising edges nor a number of parts.
    """
    if found := re.fullmatch(r"q([0-9]+)", text.strip()):
        parts = int(found[1])
        if 2 <= parts <= MOST_NUMBERS:
            return Bins(parts=parts)
        cause = f"q is followed by a number of parts from 2 to {MOST_NUMBERS}"
        raise SartoError("E112", f"'{text}' are no bins", cause=cause, hint="as in q4 for quarters")
    edges = [read_number(part) for part in text.split(",")]
    rising = all(a is not None and b is not None and a < b for a, b in itertools.pairwise(edges))
    if not all(edge is not None and math.isfinite(edge) for edge in edges) or not rising:
        cause = "edges are numbers that rise, with commas between them"
        raise SartoError("E112", f"'{text}' are no bins", cause=cause, hint="as in 25,45, or q4 for quarters")
    return Bins(tuple(edge for edge in edges if edge is not None))


def attribute(name: str, column: Texts | Sequence[str], bins: Bins | None = None) -> Attribute:
    """Return the values of a column.

    Args:
        name: of the column.
        column: its texts.
        bins: where its numbers are cut.

    Raises:
        SartoError: E112 bins for what are no numbers; E154 too many values.
    """
    if not isinstance(column, Texts):
        names, codes = np.unique(np.asarray(column), return_inverse=True)
        column = Texts(codes.astype(np.int64), tuple(map(str, names)))
    numbers = [read_number(text) for text in column.names]
    if all(number is not None for number in numbers):
        of_name = np.array([math.nan if number is None else number for number in numbers])
        return _numbers(name, of_name[column.codes], bins)
    if bins is not None:
        first = next(text for text, number in zip(column.names, numbers, strict=True) if number is None)
        cause = f"it holds '{first[:30]}'"
        raise SartoError(
            "E112", f"'{name}' cannot be cut into bins", cause=cause, hint="give bins for numbers only"
        )
    held = [text for text in column.names if text.strip().lower() not in MISSING]
    values = tuple(sorted(held))
    if len(values) > MOST_VALUES:
        cause = f"a label counts people by value, and shows at most {MOST_VALUES} of them; is it a name or a number?"
        hint = "name another column, or put the values together in one of fewer"
        raise SartoError("E154", f"'{name}' has {len(values):,} different values", cause=cause, hint=hint)
    place = {value: i for i, value in enumerate(values)}
    of_name = np.array([place.get(text, -1) for text in column.names] or [-1])
    return _without_unused(Attribute(name, values, of_name[column.codes]))


def _numbers(name: str, numbers: Float[np.ndarray, " row"], bins: Bins | None) -> Attribute:
    known = ~np.isnan(numbers)
    held = np.unique(numbers[known])
    if bins is None:
        if len(held) > MOST_NUMBERS:
            low, high = (f"{value:.6g}" for value in (held[0], held[-1]))
            middle = f"{np.quantile(numbers[known], 0.5):.4g}"
            cause = f"numbers from {low} to {high} are counted by bins, and no bins are given for '{name}'"
            if len(held) == len(numbers):
                cause = f"every row has its own, as an identifier has; {cause}"
            hint = f"--bins {name}:q4 for quarters, or edges, as in --bins {name}:{middle}"
            raise SartoError("E154", f"'{name}' has {len(held):,} different values", cause=cause, hint=hint)
        codes = np.where(known, np.searchsorted(held, np.where(known, numbers, 0.0)), -1)
        return Attribute(name, tuple(map(_number, held.tolist())), codes)
    edges = np.array(bins.edges)
    if bins.parts and len(held):
        edges = np.unique(np.quantile(numbers[known], np.arange(1, bins.parts) / bins.parts))
    codes = np.where(known, np.searchsorted(edges, numbers, side="right"), -1)
    texts = [_number(edge) for edge in edges.tolist()]
    inner = [f"{a} to < {b}" for a, b in itertools.pairwise(texts)]
    values = (f"< {texts[0]}", *inner, f">= {texts[-1]}") if texts else ("",)
    how = f"{bins.parts} equally full parts, cut at" if bins.parts else "cut at"
    words = f"{name}: {how} {', '.join(texts)}"
    return _without_unused(Attribute(name, values, codes, words))


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else f"{value:.6g}"


def _without_unused(found: Attribute) -> Attribute:
    """Return the attribute without values that no row has."""
    used = np.unique(found.codes[found.codes >= 0])
    if len(used) == len(found.values):
        return found
    place = np.full(len(found.values) + 1, -1)
    place[used] = np.arange(len(used))
    return Attribute(
        found.name, tuple(found.values[int(i)] for i in used.tolist()), place[found.codes], found.words
    )
