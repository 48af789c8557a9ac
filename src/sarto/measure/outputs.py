"""What a model said of sequences, on whichever interpreter: classes and integer scores, compared bit for bit.

>>> import numpy as np
>>> none = np.zeros((0, 2), np.int32)
>>> a = Outputs(np.array([1], np.int32), np.array([[3, 9]], np.int32), none, none[:, 0], none)
>>> check_equal(a, a, "the generated C on this host", "the emulated cortex_m4")
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from jaxtyping import Int32

from sarto.core.errors import SartoError


@dataclass(frozen=True)
class Outputs:
    """Results in the order in which they came.

    Attributes:
        classes: class of each sequence, from `model_predict`.
        scores: score of each class.
        windows: sequence and step (both from 0) at which `model_step` returned a class, in streaming.
        window_classes: class of each window.
        window_scores: score of each class in each window.
    """

    classes: Int32[np.ndarray, " item"]
    scores: Int32[np.ndarray, "item class"]
    windows: Int32[np.ndarray, "window 2"]
    window_classes: Int32[np.ndarray, " window"]
    window_scores: Int32[np.ndarray, "window class"]

    @staticmethod
    def from_rows(rows: Int32[np.ndarray, "row column"]) -> Outputs:
        """Return the outputs that `rows` list: sequence, step (-1 at the sequence's end), class, scores."""
        last = rows[rows[:, 1] < 0]
        windows = rows[rows[:, 1] >= 0]
        return Outputs(last[:, 2], last[:, 3:], windows[:, :2], windows[:, 2], windows[:, 3:])

    def first(self, items: int) -> Outputs:
        """Return the outputs of the first `items` sequences."""
        of_them = self.windows[:, 0] < items
        return Outputs(
            self.classes[:items],
            self.scores[:items],
            self.windows[of_them],
            self.window_classes[of_them],
            self.window_scores[of_them],
        )

    def equals(self, other: Outputs) -> bool:
        """Return whether every bit is the same."""
        return all(np.array_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))


def check_equal(mine: Outputs, other: Outputs, mine_name: str, other_name: str) -> None:
    """Refuse outputs that are not the same in every bit.

    Raises:
        SartoError: E403, with how many differ and the first one.
    """
    for what, a, b in (
        ("scores", mine.scores, other.scores),
        ("classes", mine.classes, other.classes),
        ("windows", mine.windows, other.windows),
        ("window scores", mine.window_scores, other.window_scores),
        ("window classes", mine.window_classes, other.window_classes),
    ):
        if a.shape != b.shape:
            difference = (
                f"{len(a)} {what} against {len(b)}" if len(a) != len(b) else f"{a.shape} against {b.shape}"
            )
        elif unequal := np.flatnonzero((a != b).any(axis=tuple(range(1, a.ndim)))).tolist():
            at = unequal[0]
            difference = (
                f"{len(unequal)} of {len(a)} {what}; number {at}: {a[at].tolist()} against {b[at].tolist()}"
            )
        else:
            continue
        raise SartoError(
            "E403",
            f"{mine_name} and {other_name} disagree",
            cause=difference,
            hint="this is a fault of sarto: please report it with the output folder",
        )
