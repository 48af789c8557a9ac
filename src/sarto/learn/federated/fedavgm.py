"""FedAvgM: the server's steps have momentum.

    v <- momentum v + d,    w <- w + server_rate v

Source: Hsu, Qi and Brown, "Measuring the effects of non-identical data distribution for federated visual
classification", arXiv:1909.06335, section 3.3.

>>> method = Method(momentum=0.5)
>>> step, kept = method.stepped({"velocity": np.array([2.0])}, np.array([1.0]))
>>> step.tolist(), kept["velocity"].tolist()
([2.0], [2.0])
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sarto.core.errors import SartoError
from sarto.learn.federated._gradient import Averaging, State


@dataclass(frozen=True, kw_only=True)
class Method(Averaging):
    """Averaging with a velocity.

    Attributes:
        momentum: from 0 to below 1.
    """

    momentum: float = 0.9

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.momentum < 1:
            raise SartoError(
                "E171", f"momentum = {self.momentum}", cause="it lies from 0 to below 1", hint="0.9"
            )

    def remembered(self, vector: Float[np.ndarray, " weight"]) -> State:
        """Return a velocity of 0."""
        return {"velocity": np.zeros(1)}

    def stepped(
        self, state: State, change: Float[np.ndarray, " weight"]
    ) -> tuple[Float[np.ndarray, " weight"], State]:
        """Return the velocity."""
        velocity = self.momentum * state["velocity"] + change
        return velocity, {"velocity": velocity}
