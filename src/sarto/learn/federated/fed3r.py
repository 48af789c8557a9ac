"""FED3R: the head of a frozen network from exact sums, each client visited once. See `_summing`.

The published head is of targets 0 and 1, each class's weights and bias divided by the length of its weights
(`normalise`), and as the start of a softmax head divided by a temperature, 0.1 in the released settings. Fine-tuning
(FED3R+FT) is a further stage with a method of gradients that trains everything, the head, or the features alone. On
random features of a network's (FED3R-RF) it is the same method.

The published penalty is added to A of all rows, not centred, with a column of ones whose weight is penalised, too:
here rows are centred and the intercept is not penalised, which differs by little where there are many rows.

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

from dataclasses import dataclass
from typing import Any

import numpy as np

from sarto.core.errors import SartoError
from sarto.learn.federated._contract import Client as Client
from sarto.learn.federated._summing import Summing
from sarto.learn.statistics import RidgeStatistics


@dataclass(frozen=True, kw_only=True)
class Method(Summing):
    """The exact head.

    Attributes:
        normalise: whether each class's weights have length 1, as published.
        temperature: divides the head, for a softmax that goes on from it; it changes no answer.
    """

    normalise: bool = False
    temperature: float = 1.0

    def __post_init__(self) -> None:
        if not self.temperature > 0:
            raise SartoError(
                "E171", f"temperature = {self.temperature}", cause="it must be above 0", hint="0.1"
            )

    def headed(self, model: Any, statistics: RidgeStatistics) -> Any:
        """Return the model with the head of targets 0 and 1, scaled as the settings say."""
        solution = statistics.solve(self.ridge)
        weights, intercept = solution.weights / 2, (solution.intercept + 1) / 2
        by = np.full(len(weights), self.temperature)
        if self.normalise:
            length = np.linalg.norm(weights, axis=1)
            by *= np.where(length > 0, length, 1.0)
        return model.with_head(weights / by[:, None], intercept / by)
