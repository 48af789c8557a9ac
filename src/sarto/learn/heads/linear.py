"""A linear head: one score for each class, of which the largest wins; `ridge_head` solves for it.

    s(x) = W x + b,   predicted class = argmax_c s_c(x)

`ridge_head` is the readout of `sarto.learn.ridge` with targets of 1 for a row's own class and 0 for the others, so that
scores estimate the probability of a class. These are the readout's of the targets +1 and -1, y, as s = (y + 1) / 2: the
penalty and the classes are the same.

    normalised:  W_c / |W_c|,  b_c / |W_c|        classes with few rows have short rows of W and seldom win; now as long
    softened:    W / T,  b / T                    what a softmax head starts from, softmax(s / T)

Source: Fanì, Camoriano, Caputo and Ciccone, "Accelerating heterogeneous federated learning with closed-form
classifiers" (FED3R), ICML 2024, and its code: the norm is of W_c without the bias, T = 0.1 in the published settings.

>>> x, y = np.array([[0.0], [1.0], [4.0], [5.0]]), np.array(["low", "low", "high", "high"])
>>> head = ridge_head(RidgeStatistics.of(x, y, classes=("high", "low")), 0.0)
>>> head.predict(np.array([[0.5], [4.5]])).tolist(), head.scores(np.array([[2.5]])).round(12).tolist()
(['low', 'high'], [[0.5, 0.5]])
>>> np.abs(head.normalised().weights).tolist()
[[1.0], [1.0]]
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float, Num, Shaped

from sarto.learn.kind import Label
from sarto.learn.statistics import RidgeStatistics
from sarto.models.input_error import InputError

PUBLISHED_TEMPERATURE = 0.1
"""T of FED3R's fine-tuning, for normalised heads."""


@dataclass(frozen=True, eq=False)
class LinearHead:
    """Scores of classes.

    Attributes:
        weights: W.
        intercept: b.
        classes: labels in the order of the scores.
    """

    weights: Float[np.ndarray, "class feature"]
    intercept: Float[np.ndarray, " class"]
    classes: tuple[Label, ...]

    def __post_init__(self) -> None:
        assert len(self.weights) == len(self.intercept) == len(self.classes), "one row and number per class"

    def scores(self, features: Num[np.ndarray, "item feature"]) -> Float[np.ndarray, "item class"]:
        """Return W x + b for each row, in float64.

        Raises:
            InputError: E108, for rows of another number of features.
        """
        if features.shape[1] != self.weights.shape[1]:
            raise InputError(
                "E108",
                f"rows of {features.shape[1]} features for a head of {self.weights.shape[1]}",
                cause="each feature has its own weight",
                hint="compute both with the same transformer",
            )
        return features.astype(np.float64) @ self.weights.T + self.intercept

    def predict(self, features: Num[np.ndarray, "item feature"]) -> Shaped[np.ndarray, " item"]:
        """Return the label of the largest score of each row; of equal ones the first."""
        return np.array(self.classes)[self.scores(features).argmax(axis=1)]

    def normalised(self) -> LinearHead:
        """Return the head with rows of length 1, the bias divided likewise; a row of zeros stays as it is."""
        norm = np.linalg.norm(self.weights, axis=1)
        norm = np.where(norm > 0, norm, 1.0)
        return replace(self, weights=self.weights / norm[:, None], intercept=self.intercept / norm)

    def softened(self, temperature: float) -> LinearHead:
        """Return the head with scores divided by `temperature`.

        Raises:
            InputError: E168, when the temperature is not above 0.
        """
        if not (np.isfinite(temperature) and temperature > 0):
            raise InputError(
                "E168",
                f"temperature = {temperature}",
                cause="it must be finite and above 0",
                hint=f"{PUBLISHED_TEMPERATURE} is published for normalised heads",
            )
        return replace(self, weights=self.weights / temperature, intercept=self.intercept / temperature)


def ridge_head(statistics: RidgeStatistics, ridge: Literal["gcv"] | float = "gcv") -> LinearHead:
    """Return the ridge readout as a head; the ridge is in the sum form, or chosen by GCV.

    Raises:
        InputError: E104 without rows; E116, when the ridge cannot be used; E168, when there are no classes.
    """
    classes = classes_of(statistics)
    found = statistics.solve(ridge)
    return LinearHead(found.weights / 2, (found.intercept + 1) / 2, classes)


def classes_of(statistics: RidgeStatistics) -> tuple[Label, ...]:
    """Return the classes of statistics that have some (E168)."""
    if statistics.classes is None:
        raise InputError(
            "E168",
            "a head of numeric targets",
            cause="a head scores classes, and these statistics have none",
            hint="make the statistics with classes=..., or use solve",
        )
    return statistics.classes
