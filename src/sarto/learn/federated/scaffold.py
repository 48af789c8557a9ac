"""SCAFFOLD: each client corrects its gradients by how its own differ from everybody's, so that it does not drift.

    client k, in K steps:   w_k <- w_k - rate (g_k(w_k) - c_k + c),    c_k' = c_k - c + (w - w_k) / (K rate)
    sends                   w_k - w   and   c_k' - c_k
    server:                 w <- w + server_rate mean (w_k - w),    c <- c + |S| / N mean (c_k' - c_k)

over the sample S of N clients, the mean not weighted. c_k stays with the client, and changes only when what it sent
has arrived, so that c stays the mean of all c_k. A round weighs twice as much as one of FedAvg, both ways.

Source: Karimireddy et al., "SCAFFOLD: stochastic controlled averaging for federated learning", ICML 2020, algorithm 1
with option II.

>>> Method(rate=0.1).part
'all'
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from sarto.learn.federated._contract import Client, Message, Model, Phase, Reply
from sarto.learn.federated._gradient import Averaging, State


class Method(Averaging):
    """Averaging with control variates."""

    def start(self, model: Model, clients: int) -> State:
        """Return the weights, and a control variate of 0."""
        state = super().start(model, clients)
        size = int(np.count_nonzero(state["moving"]))
        return {**state, "control": np.zeros(size, np.float32), "clients": np.array(clients)}

    def offer(self, state: State, phase: Phase, client: int) -> Message:
        """Return the weights and the server's control variate."""
        return {**super().offer(state, phase, client), "control": state["control"]}

    def client(
        self, model: Model, phase: Phase, offer: Message, client: Client, memory: Message | None
    ) -> Reply:
        """Return what training changes, and what it changes of the client's control variate."""
        control = offer["control"]
        own = np.zeros_like(control) if memory is None else memory["control"]
        change = self.changed(model, offer["weights"], client, control - own)
        rows = len(client.data)
        steps = max(1, self.local.steps_for(rows))
        fresh = (own - control - change / np.float32(steps * self.rate)) if rows else own
        return Reply(
            client.number,
            {"change": change, "control": fresh - own},
            rows,
            model.macs(client.data, self.local),
            {"control": fresh},
        )

    def weighs(self, model: Model, phase: Phase, rows: int) -> tuple[int, int]:
        """Return the weights that learn and as many controls, both ways."""
        up, down = super().weighs(model, phase, rows)
        return 2 * up, 2 * down

    def combined(
        self, replies: Sequence[Reply], name: str, *, weighted: bool = True
    ) -> Float[np.ndarray, " weight"]:
        """Return the mean, each client alike."""
        return super().combined(replies, name, weighted=False)

    def fold(self, state: State, phase: Phase, answers: Sequence[Reply]) -> State:
        """Return the state after a round, its control variate moved."""
        there = [reply for reply in answers if reply.rows]
        after: dict[str, Any] = dict(super().fold(state, phase, answers))
        if there:
            share = len(there) / int(state["clients"])
            moved = state["control"] + share * self.combined(there, "control")
            after["control"] = moved.astype(np.float32)
        return after
