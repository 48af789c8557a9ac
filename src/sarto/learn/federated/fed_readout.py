"""The exact federated readout of a reservoir: as if all sequences lay in one place.

Every client draws the reservoir from one seed, runs its own sequences, and sends A_k = H_k^T H_k and B_k = H_k^T Y_k of
the pooled states once; the server solves for the readout. Its result is a fitted estimator like any other.

Source: Bacciu, Di Sarli, Faraji, Gallicchio and Micheli, "Federated reservoir computing neural networks" (IncFed),
IJCNN 2021, algorithm 1.

>>> Method().plan()[0].who
'each'
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sarto.learn.federated._contract import Model, Solvable
from sarto.learn.federated._reservoir import no_reservoir
from sarto.learn.federated._summing import State, Summing
from sarto.learn.statistics import RidgeStatistics


@dataclass(frozen=True, kw_only=True)
class Method(Summing):
    """The exact readout."""

    def start(self, model: Any, clients: int) -> State:
        """Return a sum of nothing.

        Raises:
            SartoError: E171, for a model that is no reservoir.
        """
        if not isinstance(model, Solvable):
            raise no_reservoir(model, "fed_readout")
        return super().start(model, clients)

    def headed(self, model: Solvable, statistics: RidgeStatistics) -> Model:
        """Return the reservoir with the readout of statistics, which it keeps."""
        return model.with_solution(statistics, statistics.solve(self.ridge))
