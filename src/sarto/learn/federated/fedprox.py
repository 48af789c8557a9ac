"""FedProx: a client is pulled back towards the weights that it was sent, so that it drifts less.

    minimise over w_k:   loss_k(w_k) + (mu / 2) |w_k - w|^2

Source: Li et al., "Federated optimization in heterogeneous networks", MLSys 2020, equation 2 and algorithm 2.

>>> Method(mu=0.1).local.proximal
0.1
"""

from __future__ import annotations

from dataclasses import dataclass

from sarto.core.errors import SartoError
from sarto.learn.federated._gradient import Averaging


@dataclass(frozen=True, kw_only=True)
class Method(Averaging):
    """Averaging of clients that are held back.

    Attributes:
        mu: of the pull, at least 0.
    """

    mu: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.mu >= 0:
            raise SartoError("E171", f"mu = {self.mu}", cause="it is at least 0", hint="0.001 to 1 is usual")

    @property
    def pull(self) -> float:
        """The pull mu."""
        return self.mu
