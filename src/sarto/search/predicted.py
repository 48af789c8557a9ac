"""What a model said of every test item, as the table `predictions.csv` of an output folder, which `sarto audit` reads.

Returns the text of the table: the place of the item in the data, what is true, what the model says, and, of a network
that was shrunk, what the one given says. Nothing else of the data is in it.

>>> print(predictions_csv(np.array([4, 7]), ["sit", "a, b"], ["sit", "sit"], None), end="")
id,target,prediction
4,sit,sit
7,"a, b",sit
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

PREDICTIONS, REJECTED = "predictions.csv", "rejected"


def named(classes: Sequence[str], index: Int[np.ndarray, " item"] | Sequence[int]) -> list[str]:
    """Return the class of each item as text.

    >>> named(("sit", "walk"), np.array([1, 0]))
    ['walk', 'sit']
    """
    return [classes[int(i)] for i in index]


def predictions_csv(
    rows: Int[np.ndarray, " item"],
    target: Sequence[str],
    said: Sequence[str],
    original: Sequence[str] | None,
    answers: Sequence[str] | None = None,
) -> str:
    """Return the predictions of classes.

    Args:
        rows: the place of each item in the data.
        target: its class.
        said: class by the model.
        original: class by the network that was given, if one was.
        answers: of a model with a reject option its answer: that class, or `REJECTED`.
    """
    columns: dict[str, Sequence[object]] = {"id": rows.tolist(), "target": target, "prediction": said}
    columns |= {} if original is None else {"original": original}
    return _csv(columns if answers is None else columns | {"answer": answers})


def numbers_csv(
    rows: Int[np.ndarray, " item"],
    outputs: Sequence[str],
    target: Float[np.ndarray, "item output"],
    said: Float[np.ndarray, "item output"],
) -> str:
    """Return the predictions of numbers; where there are several, the columns have their names.

    >>> print(numbers_csv(np.array([0]), ["speed"], np.array([[1.5]]), np.array([[1.25]])), end="")
    id,target,prediction
    0,1.5,1.25
    """
    columns: dict[str, Sequence[object]] = {"id": rows.tolist()}
    for index, name in enumerate(outputs):
        ending = f" {name}" if len(outputs) > 1 else ""
        columns[f"target{ending}"] = target[:, index].tolist()
        columns[f"prediction{ending}"] = said[:, index].tolist()
    return _csv(columns)


def _csv(columns: dict[str, Sequence[object]]) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip(*columns.values(), strict=True))
    return stream.getvalue()
