"""What the methods share in which clients train and a server averages: fedavg, fedavgm, fedprox, scaffold, fedadam.

In a round the server sends w to a sample S of clients, client k takes some steps on its own items and sends what it
changed, d_k = w_k - w, in float32, and the server moves by the mean of it:

    d = sum_k n_k d_k / sum_k n_k   over S,        w <- w + server_rate d

Instead of the mean a server may take the median of each number, or the mean without the largest and the smallest
`TRIMMED` of them, which a few liars cannot move far.

Source: McMahan et al., "Communication-efficient learning of deep networks from decentralized data", AISTATS 2017,
algorithm 1; Yin et al., "Byzantine-robust distributed learning", ICML 2018, definitions 1 and 2 (median, trimmed mean).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Shaped

from sarto.core.errors import SartoError
from sarto.learn.federated._contract import (
    Client,
    Local,
    Message,
    Model,
    Ordinary,
    Part,
    Phase,
    Reply,
    finite,
)

WEIGHT_B = 4
TRIMMED = 0.1
"""Share of clients that a trimmed mean leaves out at either end."""
State = dict[str, Shaped[np.ndarray, "..."]]


@dataclass(frozen=True, kw_only=True)
class Averaging(Ordinary):
    """The plain method, and the settings of all of them.

    Attributes:
        rate, epochs, steps, batch, decay, part: of the clients' training, see `Local`.
        server_rate: step of the server.
        combine: `mean`, `median` or `trimmed`.
    """

    rate: float = 0.1
    epochs: int = 1
    steps: int | None = None
    batch: int = 32
    decay: float = 0.0
    part: Part = "all"
    server_rate: float = 1.0
    combine: Literal["mean", "median", "trimmed"] = "mean"

    def __post_init__(self) -> None:
        _ = self.local
        if not self.server_rate > 0 or self.combine not in ("mean", "median", "trimmed"):
            raise SartoError(
                "E171",
                f"server_rate = {self.server_rate}, combine = {self.combine}",
                cause="a server's rate is above 0, and it combines by mean, median or trimmed",
                hint="server_rate=1, combine='mean' is usual",
            )

    @property
    def local(self) -> Local:
        """How a client trains."""
        return Local(self.rate, self.epochs, self.steps, self.batch, self.decay, self.part, self.pull)

    @property
    def pull(self) -> float:
        """Mu of `Local.proximal`."""
        return 0.0

    def plan(self) -> tuple[Phase, ...]:
        """Return rounds of samples."""
        return (Phase("rounds", "sample"),)

    def start(self, model: Model, clients: int) -> State:
        """Return the weights, and whatever else the server remembers: nothing yet."""
        vector = model.vector
        return {"weights": vector, "moving": model.mask(self.part), **self.remembered(vector)}

    def remembered(self, vector: Float[np.ndarray, " weight"]) -> State:
        """Return what the server remembers besides the weights, at the start."""
        return {}

    def offer(self, state: State, phase: Phase, client: int) -> Message:
        """Return the weights that learn; all others are known to everybody."""
        return {"weights": state["weights"][state["moving"]]}

    def client(
        self, model: Model, phase: Phase, offer: Message, client: Client, memory: Message | None
    ) -> Reply:
        """Return what training changes."""
        change = self.changed(model, offer["weights"], client, None)
        return Reply(client.number, {"change": change}, len(client.data), model.macs(client.data, self.local))

    def changed(
        self,
        model: Model,
        weights: Float[np.ndarray, " weight"],
        client: Client,
        shift: Float[np.ndarray, " weight"] | None,
    ) -> Float[np.ndarray, " weight"]:
        """Return what training changes of the weights that learn; `shift` is added to their gradients."""
        moving, start = model.mask(self.part), model.vector
        start[moving] = weights
        of_all = None
        if shift is not None:
            of_all = np.zeros_like(start)
            of_all[moving] = shift
        after = model.with_vector(start).trained(client.data, self.local, client.seed, of_all)
        return (after - start)[moving]

    def opened(self, state: State, phase: Phase, reply: Reply) -> Reply:
        """Refuse numbers that are none, and changes of another size."""
        finite(reply)
        wanted = int(np.count_nonzero(state["moving"]))
        for name, array in reply.message.items():
            if array.shape != (wanted,):
                raise SartoError(
                    "E108",
                    f"'{name}' of client {reply.client} has the shape {array.shape}",
                    cause=f"{wanted} weights learn",
                    hint="it trains another model",
                )
        return reply

    def fold(self, state: State, phase: Phase, answers: Sequence[Reply]) -> State:
        """Return the state after the answers of a round."""
        there = [reply for reply in answers if reply.rows]
        if not there:
            return state
        change = self.combined(there, "change")
        after = dict(state)
        step, more = self.stepped(state, change)
        after.update(more)
        weights = state["weights"].copy()
        weights[state["moving"]] += (self.server_rate * step).astype(np.float32)
        after["weights"] = weights
        return after

    def combined(
        self, replies: Sequence[Reply], name: str, *, weighted: bool = True
    ) -> Float[np.ndarray, " weight"]:
        """Return the mean (or what stands for it) of what clients sent, in float64."""
        sent = np.stack([reply.message[name] for reply in replies]).astype(np.float64)
        if self.combine == "median":
            return np.median(sent, axis=0)
        if self.combine == "trimmed":
            cut = int(TRIMMED * len(sent))
            return np.sort(sent, axis=0)[cut : len(sent) - cut].mean(axis=0)
        rows = np.array([reply.rows if weighted else 1 for reply in replies], np.float64)
        return rows @ sent / rows.sum()

    def stepped(
        self, state: State, change: Float[np.ndarray, " weight"]
    ) -> tuple[Float[np.ndarray, " weight"], State]:
        """Return the server's step, and what it remembers anew."""
        return change, {}

    def result(self, state: State, model: Any) -> Any:
        """Return the model with the server's weights."""
        return model.with_vector(state["weights"])

    def update(self, reply: Reply) -> Float[np.ndarray, " weight"]:
        """Return what a client changed."""
        return reply.message["change"]

    def weighs(self, model: Model, phase: Phase, rows: int) -> tuple[int, int]:
        """Return the weights that learn, both ways."""
        size = WEIGHT_B * int(np.count_nonzero(model.mask(self.part)))
        return size, size

    def saved(self, state: State) -> State:
        """Return the state."""
        return dict(state)

    def restored(self, arrays: Message, model: Model, clients: int) -> State:
        """Return the state."""
        return dict(arrays)
