"""How well a stream was learned: the accuracy of every experience after every other, and what it says in one number.

    R_ij   accuracy on experience j after learning experience i          (i, j = 1..T)

    average accuracy    (1 / T) sum_j R_Tj
    backward transfer   (1 / (T - 1)) sum_(j<T) R_Tj - R_jj               below 0: what was learned later took away
    forward transfer    (1 / (T - 1)) sum_(j>1) R_(j-1)j - b_j            b: accuracy before anything was learned
    forgetting          (1 / (T - 1)) sum_(j<T) max_(i<T) R_ij - R_Tj

Where the classes of later experiences are new ones, a readout of all data so far forgets as well: there are more
classes to mistake an item for. What a method itself forgets is told by comparing it with that one (`rehearsal`, joint).

Source: Lopez-Paz and Ranzato, "Gradient episodic memory for continual learning", NIPS 2017, section 2, for the first
three; Chaudhry, Dokania, Ajanthan and Torr, "Riemannian walk for incremental learning", ECCV 2018, section 3, for
forgetting.

>>> R = np.array([[0.9, 0.5], [0.7, 0.8]])
>>> accuracy_table(R, ("s1", "s2")).rows
(('s1', 0.9, 0.5), ('s2', 0.7, 0.8))
>>> {what: round(value, 12) for what, value in measures_table(R, untrained=np.array([0.2, 0.2])).rows}
{'average accuracy': 0.75, 'backward transfer': -0.2, 'forward transfer': 0.3, 'forgetting': 0.2}
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from sarto.core.table import Table
from sarto.models.input_error import InputError

Matrix = Float[np.ndarray, "learned judged"]


def average_accuracy(R: Matrix) -> float:
    """Return the mean accuracy over the experiences after the last one."""
    _check(R)
    return float(R[-1].mean())


def backward_transfer(R: Matrix) -> float:
    """Return by how much accuracy on an experience changed after it was learned; 0 of a single one."""
    _check(R)
    return float((R[-1] - np.diag(R))[:-1].mean()) if len(R) > 1 else 0.0


def forward_transfer(R: Matrix, untrained: Float[np.ndarray, " untrained"]) -> float:
    """Return how much is known of an experience before it is learned; 0 of a single one.

    Args:
        R: accuracies.
        untrained: b, accuracy on each experience of a model that has learned nothing.
    """
    _check(R, untrained)
    return float((np.diag(R, 1) - untrained[1:]).mean()) if len(R) > 1 else 0.0


def forgetting(R: Matrix) -> float:
    """Return how far accuracy on an experience has fallen from its best; 0 of a single one."""
    _check(R)
    return float((R[:-1].max(axis=0) - R[-1])[:-1].mean()) if len(R) > 1 else 0.0


def accuracy_table(R: Matrix, names: Sequence[str]) -> Table:
    """Return the matrix, a row for each experience learned and a column for each judged.

    Raises:
        InputError: E168, when they do not fit together.
    """
    _check(R)
    if len(names) != len(R):
        raise _wrong(f"{len(names)} names for {len(R)} experiences")
    rows = tuple((name, *map(float, row)) for name, row in zip(names, R.tolist(), strict=True))
    return Table(
        "accuracy on each experience after learning each",
        ("learned", *names),
        ("", *("1",) * len(names)),
        rows,
        ("", *("measured",) * len(names)),
    )


def measures_table(R: Matrix, untrained: Float[np.ndarray, " untrained"]) -> Table:
    """Return the four measures."""
    rows = (
        ("average accuracy", average_accuracy(R)),
        ("backward transfer", backward_transfer(R)),
        ("forward transfer", forward_transfer(R, untrained)),
        ("forgetting", forgetting(R)),
    )
    return Table("how well the stream was learned", ("what", "value"), ("", "1"), rows, ("", "measured"))


def _check(R: Matrix, untrained: Float[np.ndarray, " untrained"] | None = None) -> None:
    if not len(R) or R.shape[0] != R.shape[1] or not np.isfinite(R).all():
        raise _wrong(f"accuracies of the shape {R.shape}")
    if untrained is not None and len(untrained) != len(R):
        raise _wrong(f"{len(untrained)} accuracies without learning for {len(R)} experiences")


def _wrong(message: str) -> InputError:
    return InputError(
        "E168",
        message,
        cause="every experience is judged after every one, by a finite number",
        hint="give a square matrix, and a name and an entry for each experience",
    )
