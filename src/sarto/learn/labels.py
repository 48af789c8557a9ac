# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
"""Class labels as classifiers take them: one column, none missing, all of one kind.

>>> checked_labels(["b", "a"]).tolist()
['b', 'a']
>>> checked_labels(["b", None])
Traceback (most recent call last):
sarto.models.input_error.InputError: error[E105]: y has 1 missing labels, the first in row 1
...
"""

from __future__ import annotations

from typing import Any

import numpy as np
from jaxtyping import Shaped
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from sarto.models.input_error import InputError


def checked_labels(y: Any) -> Shaped[np.ndarray, " row"]:
    """Return labels as an array.

    Raises:
        InputError: E105 (a label is None or NaN), E116 (labels that cannot be put in order: numbers and texts).
        ValueError: scikit-learn's, for numbers that are no classes, or more than one column.
    """
    labels = column_or_1d(y, warn=True)
    if labels.dtype == object:
        missing = np.array([label is None or label != label for label in labels.tolist()])
        if missing.any():
            raise InputError(
                "E105",
                f"y has {int(missing.sum())} missing labels, the first in row {int(np.argmax(missing))}",
                cause="what has no label cannot be learned from",
                hint="leave these rows out",
            )
        if len(kinds := {type(label).__name__ for label in labels.tolist()}) > 1:
            raise InputError(
                "E116",
                f"labels of several kinds: {', '.join(sorted(kinds))}",
                cause="classes are put in order, and these cannot be compared",
                hint="write all of them as text, or all as numbers",
            )
    check_classification_targets(labels)
    return labels
