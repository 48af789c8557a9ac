"""The round before all others: what the inputs of all clients are like, and the longest sequence.

Client k sends n_k, of each channel (of each number of an item, for items without steps) the mean m_k, the sum of
squares about it s_k, least and largest value, and the length of its longest sequence. The server merges them,

    m = sum n_k m_k / n,      s = sum (s_k + n_k (m_k - m)^2),      scale = sqrt(s / n)

in the order of the clients' numbers, so that the result does not depend on who came first. A channel that does not vary
has the scale 1.

Source: Chan, Golub and LeVeque, COMPSTAT 1982, as `sarto.learn.moments`.

>>> from sarto.learn.federated._contract import Phase
>>> Scaling().plan() == (Phase("scaling", "each"),)
True
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Num, Shaped

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.learn.features import constant
from sarto.learn.federated._contract import Client, Data, Inputs, Message, Ordinary, Phase, Reply, finite

State = dict[str, Any]


@dataclass(frozen=True)
class Scaling(Ordinary):
    """A method (see `_contract`) whose result is the model with its scaling."""

    def plan(self) -> tuple[Phase, ...]:
        """Return that each client is heard once."""
        return (Phase("scaling", "each"),)

    def start(self, model: Any, clients: int) -> State:
        """Return nothing."""
        return {"told": {}}

    def client(
        self, model: Any, phase: Phase, offer: Message, client: Client, memory: Message | None
    ) -> Reply:
        """Return the moments of the client's inputs."""
        rows = inputs(client.data)
        if not len(rows):
            return Reply(client.number, {}, 0, 0)
        wide = rows.astype(np.float64)
        mean = wide.mean(axis=0)
        longest = int(client.data.lengths.max()) if isinstance(client.data, Dataset) else 1
        message = {
            "rows": np.array([len(rows), longest], np.int64),
            "mean": mean,
            "squares": ((wide - mean) ** 2).sum(axis=0),
            "ends": np.stack([wide.min(axis=0), wide.max(axis=0)]),
        }
        return Reply(client.number, message, len(client.data), 2 * wide.size)

    def opened(self, state: State, phase: Phase, reply: Reply) -> Reply:
        """Refuse numbers that are none, and moments that no rows have."""
        finite(reply)
        sent = reply.message
        if reply.rows and ((sent["squares"] < 0).any() or (sent["rows"] < 1).any()):
            raise SartoError(
                "E404",
                f"impossible moments from client {reply.client}",
                cause="a count is below 1, or a sum of squares below 0",
                hint="refuse this client",
            )
        return reply

    def fold(self, state: State, phase: Phase, answers: Sequence[Reply]) -> State:
        """Return the state with more clients."""
        told = {reply.client: dict(reply.message) for reply in answers if reply.rows}
        return {"told": state["told"] | told}

    def result(self, state: State, model: Any) -> Any:
        """Return the model with its scaling."""
        told = [state["told"][client] for client in sorted(state["told"])]
        if not told:
            return model
        n = np.array([float(each["rows"][0]) for each in told])
        means = np.stack([each["mean"] for each in told])
        mean = n @ means / n.sum()
        squares = sum(each["squares"] for each in told) + n @ (means - mean) ** 2
        scale = np.sqrt(squares / n.sum())
        longest = max(int(each["rows"][1]) for each in told)
        low = np.stack([each["ends"][0] for each in told]).min(axis=0)
        high = np.stack([each["ends"][1] for each in told]).max(axis=0)
        return model.scaled(Inputs(mean, np.where(constant(mean, scale), 1.0, scale), low, high, longest))

    def weighs(self, model: Any, phase: Phase, rows: int) -> tuple[int, int]:
        """Return four numbers for each input, a count and a length."""
        return 16 + 32 * model.inputs, 0

    def saved(self, state: State) -> dict[str, Shaped[np.ndarray, "..."]]:
        """Return what every client told."""
        return {f"{client}/{name}": a for client, told in state["told"].items() for name, a in told.items()}

    def restored(self, arrays: Message, model: Any, clients: int) -> State:
        """Return the state."""
        told: dict[int, dict[str, Any]] = {}
        for key, array in arrays.items():
            client, _, name = key.partition("/")
            told.setdefault(int(client), {})[name] = array
        return {"told": told}


def inputs(data: Data) -> Num[np.ndarray, "row input"]:
    """Return the rows over which inputs are scaled: steps of sequences, else items."""
    return data.values if isinstance(data, Dataset) else data.x.reshape(len(data), -1)
