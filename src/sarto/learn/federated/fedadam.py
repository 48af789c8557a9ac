"""FedAdam: the server takes the clients' mean change for a gradient, and steps as Adam does, without bias correction.

    m <- b1 m + (1 - b1) d,    v <- b2 v + (1 - b2) d^2,    w <- w + server_rate m / (sqrt(v) + tau)

Source: Reddi et al., "Adaptive federated optimization", ICLR 2021, algorithm 2 (FedAdam); b1 = .9, b2 = .99, tau = .001
and v_0 = tau^2 are its own.

>>> method = Method(server_rate=0.1)
>>> step, kept = method.stepped(method.remembered(np.zeros(1)), np.array([1.0]))
>>> round(float(step[0]), 3), kept["first"].round(3).tolist()
(0.99, [0.1])
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sarto.core.errors import SartoError
from sarto.learn.federated._gradient import Averaging, State


@dataclass(frozen=True, kw_only=True)
class Method(Averaging):
    """Averaging with Adam's steps.

    Attributes:
        beta1: of the mean.
        beta2: of the mean square.
        tau: added to the root.
    """

    server_rate: float = 0.1
    beta1: float = 0.9
    beta2: float = 0.99
    tau: float = 1e-3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not (0 <= self.beta1 < 1 and 0 <= self.beta2 < 1 and self.tau > 0):
            raise SartoError(
                "E171",
                f"beta1 = {self.beta1}, beta2 = {self.beta2}, tau = {self.tau}",
                cause="both lie from 0 to below 1, and tau is above 0",
                hint="0.9, 0.99 and 0.001",
            )

    def remembered(self, vector: Float[np.ndarray, " weight"]) -> State:
        """Return the moments before the first round."""
        return {"first": np.zeros(1), "second": np.full(1, self.tau**2)}

    def stepped(
        self, state: State, change: Float[np.ndarray, " weight"]
    ) -> tuple[Float[np.ndarray, " weight"], State]:
        """Return Adam's step."""
        first = self.beta1 * state["first"] + (1 - self.beta1) * change
        second = self.beta2 * state["second"] + (1 - self.beta2) * change**2
        return first / (np.sqrt(second) + self.tau), {"first": first, "second": second}
