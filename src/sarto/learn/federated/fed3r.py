"""FED3R: the head of a frozen network from exact sums, each client visited once.

The published head is of targets 0 and 1, each class's weights and bias divided by the length of its weights
(`normalise`), and as the start of a softmax head divided by a temperature, 0.1 in the released settings. Fine-tuning
(FED3R+FT) is a further stage with a method of gradients that trains everything, the head, or the features alone. On
random features of a network's (FED3R-RF) it is the same method.

The published penalty is another one, see `sarto.learn.heads.penalty`.

Source: Fanì et al., "Accelerating heterogeneous federated learning with closed-form classifiers", ICML 2024.

>>> from sarto.data.examples import of_arrays
>>> from sarto.learn.federated._linear import LinearModel
>>> data = of_arrays(np.array([[0.0], [0.1], [1.0], [0.9]]), np.array([0, 0, 1, 1]))
>>> method, model = Method(ridge=1e-3), LinearModel.zeros(1, data.classes)
>>> [phase] = method.plan()
>>> state = method.start(model, 4)
>>> replies = [method.client(model, phase, {}, Client(k, "", data.select(np.array([k])), 0), None) for k in range(4)]
>>> state = method.fold(state, phase, [method.opened(state, phase, reply) for reply in replies])
>>> method.result(state, model).scores(data).argmax(axis=1).tolist()
[0, 0, 1, 1]
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import numpy as np

from sarto.core.errors import SartoError
from sarto.learn.federated._contract import Client as Client
from sarto.learn.federated._summing import Summing
from sarto.learn.heads.discriminant import lda, naive_bayes, nearest_mean
from sarto.learn.heads.linear import LinearHead, ridge_head
from sarto.learn.statistics import RidgeStatistics

NEVER = 1e6
"""How far below all others the score of a class without rows is."""


HEADS: dict[str, Callable[[RidgeStatistics], LinearHead]] = {
    "lda": partial(lda, shrinkage="oas"),
    "naive_bayes": naive_bayes,
    "nearest_mean": nearest_mean,
}


@dataclass(frozen=True, kw_only=True)
class Method(Summing):
    """The exact head.

    Attributes:
        head: `ridge`, as published, or another one of the same sums: `lda`, `naive_bayes`, `nearest_mean`.
        normalise: whether each class's weights have length 1, as published.
        temperature: divides the head, for a softmax that goes on from it; it changes no answer.
    """

    head: Literal["ridge", "lda", "naive_bayes", "nearest_mean"] = "ridge"
    normalise: bool = False
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not self.temperature > 0 or self.head not in ("ridge", *HEADS):
            raise SartoError(
                "E171",
                f"head = {self.head}, temperature = {self.temperature}",
                cause=f"a head is ridge, {', '.join(HEADS)}, and a temperature is above 0",
                hint="head='ridge', temperature=0.1 with normalise=true is published",
            )

    def headed(self, model: Any, statistics: RidgeStatistics) -> Any:
        """Return the model with the head, scaled as the settings say."""
        found = ridge_head(statistics, self.ridge) if self.head == "ridge" else HEADS[self.head](statistics)
        found = (found.normalised() if self.normalise else found).softened(self.temperature)
        weights, intercept = found.weights, found.intercept
        if len(found.classes) < len(model.classes):  # a class that no row is of never wins
            place = [model.classes.index(str(label)) for label in found.classes]
            weights = np.zeros((len(model.classes), weights.shape[1]))
            intercept = np.full(len(model.classes), found.intercept.min() - NEVER)
            weights[place], intercept[place] = found.weights, found.intercept
        return model.with_head(weights, intercept)
