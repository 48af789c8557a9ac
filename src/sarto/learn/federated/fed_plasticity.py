"""FedIP: clients adapt a common reservoir to their inputs, without labels; then its exact readout.

In each of some rounds a client runs intrinsic plasticity from the server's reservoir on its own sequences and sends the
gain and shift of every neuron, 2 N numbers, and its number of steps, by which the server averages them. Statistics of
states from before are of another reservoir; so those for the readout are sent once the last round is over.

Source: De Caro, Gallicchio and Bacciu, "Federated adaptation of reservoirs via intrinsic plasticity", ESANN 2022.

>>> [phase.name for phase in Method(rounds=3).plan()]
['plasticity', 'statistics']
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Shaped

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.learn.federated._contract import Client, Message, Phase, Reply, finite
from sarto.learn.federated._reservoir import ReservoirModel, of_reservoir
from sarto.learn.federated._summing import State, Summing
from sarto.learn.plasticity.averaged import averaged_tuning
from sarto.learn.plasticity.intrinsic import IntrinsicPlasticity
from sarto.learn.plasticity.tuning import tuned, tuning
from sarto.learn.statistics import RidgeStatistics
from sarto.models.reservoir._stack import AnyReservoir

PLASTICITY, STATISTICS = "plasticity", "statistics"


@dataclass(frozen=True, kw_only=True)
class Method(Summing):
    """Plasticity, then the readout.

    Attributes:
        rounds: of plasticity.
        epochs: passes of a client in a round.
        batch: sequences of a client that run side by side and share each change; 1 is published.
        learning_rate: eta.
        mu: mean of the target distribution; None is 0 for tanh, and see `IntrinsicPlasticity` for sigmoid.
        sigma: its deviation, for tanh.
    """

    rounds: int = 5
    epochs: int = 1
    batch: int = 1
    learning_rate: float = 5e-4
    mu: float | None = None
    sigma: float = 0.1

    def __post_init__(self) -> None:
        if self.rounds < 0:
            raise SartoError("E171", f"rounds = {self.rounds}", cause="it is at least 0", hint="5")

    @property
    def rule(self) -> IntrinsicPlasticity:
        """What a client does in a round."""
        return IntrinsicPlasticity(
            mu=self.mu,
            sigma=self.sigma,
            learning_rate=self.learning_rate,
            epochs=self.epochs,
            batch=self.batch,
        )

    def plan(self) -> tuple[Phase, ...]:
        """Return rounds of samples, then everybody once."""
        return (
            *([Phase(PLASTICITY, "sample", self.rounds)] if self.rounds else []),
            Phase(STATISTICS, "each"),
        )

    def start(self, model: Any, clients: int) -> State:
        """Return the reservoir as it was drawn.

        Raises:
            SartoError: E171, for a model that is no reservoir.
        """
        found = of_reservoir(model, "fed_plasticity")
        ones = np.concatenate([np.repeat([1.0, 0.0], n.units) for n in found.feature_map.reservoir.layers])
        return {**super().start(model, clients), "tuning": ones, "model": found}

    def offer(self, state: State, phase: Phase, client: int) -> Message:
        """Return gains and shifts."""
        return {"tuning": state["tuning"].astype(np.float32)}

    def client(
        self, model: ReservoirModel, phase: Phase, offer: Message, client: Client, memory: Message | None
    ) -> Reply:
        """Return gains and shifts after the client's plasticity, or its statistics."""
        if not len(client.data):
            return Reply(client.number, {}, 0, 0)
        there = _with(model, offer["tuning"])
        if phase.name == STATISTICS:
            return super().client(there, phase, {}, client, memory)
        assert isinstance(client.data, Dataset), "a reservoir takes sequences"
        features = there.feature_map
        sequences = features.scaled(there.sequences(client.data))
        adapted = self.rule.adapted(features.reservoir, sequences, features.washout)
        sent = tuning(model.feature_map.reservoir, adapted).astype(np.float32)
        steps = int((sequences.lengths - features.washout).sum())
        message = {"tuning": sent, "steps": np.array([steps], np.uint32)}
        return Reply(client.number, message, len(client.data), self.epochs * there.macs(client.data, None))

    def opened(self, state: State, phase: Phase, reply: Reply) -> Any:
        """Refuse gains that are none; statistics are to be of the reservoir as it has become."""
        if phase.name == STATISTICS:
            return super().opened(state, phase, reply)
        finite(reply)
        if not reply.rows:
            return reply
        sent, known = reply.message["tuning"], state["tuning"]
        if sent.shape != known.shape or (sent[self._gains(state)] <= 0).any():
            raise SartoError(
                "E108",
                f"client {reply.client} sent {sent.size} gains and shifts, {known.size} are wanted",
                cause="there is one of each for a neuron, and a gain is above 0",
                hint="send it the model again",
            )
        return reply

    def _gains(self, state: State) -> Shaped[np.ndarray, " value"]:
        """Return which of the numbers are gains."""
        layers = state["model"].feature_map.reservoir.layers
        return np.concatenate([np.repeat([True, False], layer.units) for layer in layers])

    def fold(self, state: State, phase: Phase, answers: Sequence[Any]) -> State:
        """Average gains and shifts, or add statistics."""
        if phase.name == STATISTICS:
            return super().fold(state, phase, answers)
        there = [reply for reply in answers if reply.rows]
        if not there:
            return state
        vectors = [reply.message["tuning"].astype(np.float64) for reply in there]
        steps = [float(reply.message["steps"][0]) for reply in there]
        return {**state, "tuning": averaged_tuning(vectors, steps)}

    def end(self, state: State, phase: Phase) -> State:
        """Name the features of the reservoir as it has become."""
        if phase.name != PLASTICITY:
            return state
        return {**state, "features_id": _with(state["model"], state["tuning"]).features_id}

    def result(self, state: State, model: ReservoirModel) -> ReservoirModel:
        """Return the adapted reservoir, with its readout once there is one."""
        there = _with(model, state["tuning"])
        return super().result(state, there)

    def headed(self, model: ReservoirModel, statistics: RidgeStatistics) -> ReservoirModel:
        """Return the reservoir with the readout of statistics, which it keeps."""
        return model.with_solution(statistics, statistics.solve(self.ridge))

    def weighs(self, model: ReservoirModel, phase: Phase, rows: int) -> tuple[int, int]:
        """Return gains and shifts both ways, and the number of steps; or the statistics."""
        tuning_b = 2 * model.feature_map.reservoir.units * 4
        return (tuning_b + 4 if phase.name == PLASTICITY else super().weighs(model, phase, rows)[0]), tuning_b

    def saved(self, state: State) -> dict[str, Shaped[np.ndarray, "..."]]:
        """Return the sum, gains and shifts."""
        return {**super().saved(state), "tuning": state["tuning"]}

    def restored(self, arrays: Message, model: Any, clients: int) -> State:
        """Return the state."""
        state = {**super().restored(arrays, model, clients), "tuning": np.asarray(arrays["tuning"])}
        return {**state, "features_id": _with(model, state["tuning"]).features_id}


def _with(model: ReservoirModel, vector: Shaped[np.ndarray, " value"]) -> ReservoirModel:
    """Return the model with these gains and shifts, as float32 tells them."""
    exact = vector.astype(np.float32).astype(np.float64)
    reservoir: AnyReservoir = tuned(model.feature_map.reservoir, exact)
    return replace(model, mapped=replace(model.feature_map, reservoir=reservoir))
