"""Cuts streams into windows of one length, with the class that most of their steps have.

Within each sequence, windows of `length` steps begin every `hop` steps; what is left at its end is not used. A window
has the class of most of its labelled steps (of equals, the class that was met first in the file) and a purity, the
share of all its steps that have that class. A window without a labelled step is left out.

>>> import numpy as np
>>> cut = windows(np.array([0, 5, 8]), np.array([1, 1, 2, 2, 2, 1, 0, 0]), Cutting(3, 2), unlabelled=0)
>>> cut.first.tolist(), cut.sequence.tolist(), cut.label.tolist(), cut.purity.round(2).tolist()
([0, 2, 5], [0, 0, 1], [1, 2, 1], [0.67, 1.0, 0.33])
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float, Int, Integer

from sarto.core.errors import SartoError
from sarto.data.spool import SPAN

PURITY = "purity"
"""The column that windows get."""


@dataclass(frozen=True)
class Cutting:
    """Windows of `length` steps that begin every `hop` steps (1 to `length`)."""

    length: int
    hop: int

    @staticmethod
    def of(length: int | None, hop: int | None) -> Cutting | None:
        """Return the windows that were asked for, side by side unless a hop is given; None without a length.

        Raises:
            SartoError: E112, when they cannot be.
        """
        if length is None:
            return None
        cutting = Cutting(length, length if hop is None else hop)
        if length < 1 or not 1 <= cutting.hop <= length:
            raise SartoError(
                "E112",
                f"windows of {length} steps that begin every {cutting.hop}",
                cause="a hop lies between 1 and the length of a window",
                hint="half the window is usual",
            )
        return cutting


@dataclass(frozen=True, eq=False)
class Windows:
    """First row, sequence, class (a code) and purity of each window."""

    first: Int[np.ndarray, " window"]
    sequence: Int[np.ndarray, " window"]
    label: Int[np.ndarray, " window"]
    purity: Float[np.ndarray, " window"]


def windows(
    offsets: Int[np.ndarray, " sequence_plus_1"],
    codes: Integer[np.ndarray, " row"],
    cutting: Cutting,
    unlabelled: int = -1,
) -> Windows:
    """Return the windows of all sequences.

    Args:
        offsets: sequence i is the rows `offsets[i]` to `offsets[i + 1]`.
        codes: class of each row, from 0 on.
        cutting: which windows.
        unlabelled: the code of rows without a class; -1 for none.
    """
    first, sequence = starts(offsets, cutting)
    counts = np.bincount(sequence, minlength=len(offsets) - 1)
    most, label = np.zeros(len(first), np.int64), np.zeros(len(first), np.int64)
    ends = np.cumsum(counts)
    for begin, end in zip((ends - counts).tolist(), ends.tolist(), strict=True):
        for start in range(begin, end, max(1, SPAN // cutting.hop)):
            part = slice(start, min(start + max(1, SPAN // cutting.hop), end))
            rows = slice(first[part.start], first[part.stop - 1] + cutting.length)
            most[part], label[part] = _most(codes[rows], first[part] - rows.start, cutting.length, unlabelled)
    kept = most > 0
    return Windows(first[kept], sequence[kept], label[kept], most[kept] / cutting.length)


def starts(
    offsets: Int[np.ndarray, " sequence_plus_1"], cutting: Cutting, after: int = 0
) -> tuple[Int[np.ndarray, " window"], Int[np.ndarray, " window"]]:
    """Return the first row and the sequence of every window that has `after` more rows of its sequence behind it."""
    counts = np.maximum(np.diff(offsets) - cutting.length - after, -1) // cutting.hop + 1
    counts = np.maximum(counts, 0)
    sequence = np.repeat(np.arange(len(counts)), counts)
    place = np.arange(len(sequence)) - np.repeat(np.cumsum(counts) - counts, counts)
    return offsets[:-1][sequence] + cutting.hop * place, sequence


def _most(
    codes: Integer[np.ndarray, " row"], first: Int[np.ndarray, " window"], length: int, unlabelled: int
) -> tuple[Int[np.ndarray, " window"], Int[np.ndarray, " window"]]:
    """Return how many steps of each window have its most frequent class, and that class; the least of equal ones."""
    most, label = np.zeros(len(first), np.int64), np.zeros(len(first), np.int64)
    for code in np.unique(codes).tolist():
        if code == unlabelled:
            continue
        before = np.concatenate([[0], np.cumsum(codes == code)])
        steps = before[first + length] - before[first]
        better = steps > most
        most[better], label[better] = steps[better], code
    return most, label
