"""What the methods share in which clients send statistics of their rows and a server solves for the head.

Client k sends the moments of its features and targets once (`sarto.learn.payload`), the server adds them so that
neither order nor tree changes a bit (`sarto.learn.ridge_sum`) and solves

    W = (A + ridge I)^-1 B

over all rows, as if they lay in one place. A client that comes late counts as well as one that came first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Shaped

from sarto.core.errors import SartoError
from sarto.core.seed import generator
from sarto.learn.federated._contract import Client, Data, Message, Model, Ordinary, Phase, Reply, targets
from sarto.learn.payload import How, Limits, opened_payload, packed
from sarto.learn.raw_moments import RawMoments
from sarto.learn.ridge_sum import RidgeSum
from sarto.learn.statistics import RidgeStatistics

State = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Summing(Ordinary):
    """The plain method, and the settings of all of them.

    Attributes:
        ridge: the penalty in the sum form of `sarto.learn.ridge`, or `gcv`.
        how: form of a payload, see `sarto.learn.payload`.
    """

    ridge: Literal["gcv"] | float = "gcv"
    how: How | Literal["auto", "auto-f64"] = "auto"

    @property
    def limits(self) -> Limits | None:
        """What is taken of one client at most."""
        return None

    def named(self, model: Any) -> str:
        """Return what names the features of which clients send statistics."""
        return model.features_id

    def plan(self) -> tuple[Phase, ...]:
        """Return one phase, in which every client sends its statistics."""
        return (Phase("statistics", "each"),)

    def start(self, model: Model, clients: int) -> State:
        """Return a sum of nothing, whose size the first client tells."""
        return {"sum": None, "features_id": self.named(model), "classes": model.classes or None}

    def client(
        self, model: Any, phase: Phase, offer: Message, client: Client, memory: Message | None
    ) -> Reply:
        """Return the statistics of the client's rows."""
        rows = len(client.data)
        if not rows:
            return Reply(client.number, {}, 0, 0)
        features = self.seen(model, client.data)
        return self.told(model, client, features, self.named(model), model.macs(client.data, None))

    def seen(self, model: Any, data: Data) -> Float[np.ndarray, "item feature"]:
        """Return the features of which clients send statistics."""
        return model.features(data)

    def told(
        self, model: Any, client: Client, features: Float[np.ndarray, "item feature"], name: str, macs: int
    ) -> Reply:
        """Return the statistics of features."""
        wanted, classes = targets(client.data, model.classes), model.classes or None
        payload = packed(features, wanted, classes=classes, features_id=name, how=self.how)
        rows, width = features.shape
        outputs = len(classes) if classes else wanted.shape[-1]
        message = {"payload": np.frombuffer(payload, np.uint8)}
        return Reply(client.number, message, rows, macs + products(rows, width, outputs))

    def opened(self, state: State, phase: Phase, reply: Reply) -> RawMoments | None:
        """Return what a client sent.

        Raises:
            SartoError: what `opened_payload` says; E116 for statistics of something else; E404 for another count.
        """
        if not reply.rows:
            return None
        found = opened_payload(reply.message["payload"].tobytes(), self.limits)
        if found.count != reply.rows:
            raise SartoError(
                "E404",
                f"client {reply.client} sent statistics of {found.count} rows and says it has {reply.rows}",
                cause="they must agree",
                hint="refuse this client",
            )
        kind = found.kind
        if kind.features_id != state["features_id"] or kind.classes != state["classes"]:
            raise SartoError(
                "E116",
                f"client {reply.client} sent statistics of something else",
                cause="features and classes are to be those of the federation",
                hint="send it the model again",
            )
        return found

    def fold(
        self, state: State, phase: Phase, answers: Sequence[RawMoments | RidgeStatistics | None]
    ) -> State:
        """Return the state with more clients in its sum."""
        for statistics in answers:
            if statistics is not None:
                total = RidgeSum.like(statistics) if state["sum"] is None else state["sum"]
                total.add(statistics)
                state = {**state, "sum": total}
        return state

    def result(self, state: State, model: Any) -> Any:
        """Return the model with the head of all rows; as it is while there is none."""
        if state["sum"] is None:
            return model
        return self.headed(model, state["sum"].statistics)

    def headed(self, model: Any, statistics: RidgeStatistics) -> Any:
        """Return the model with the head of statistics."""
        solution = statistics.solve(self.ridge)
        return model.with_head(solution.weights, solution.intercept)

    def weighs(self, model: Any, phase: Phase, rows: int) -> tuple[int, int]:
        """Return the size of a payload."""
        return self.payload_b(model, width_of(model), rows), 0

    def payload_b(self, model: Any, width: int, rows: int) -> int:
        """Return the bytes of the statistics of so many rows and features, which lie about 0."""
        if not rows:
            return 0
        random, classes = generator(0, "payload"), model.classes or None
        x = random.normal(size=(rows, width))
        y = np.array(classes)[np.arange(rows) % len(classes)] if classes else x[:, : model.outputs]
        return len(packed(x, y, classes=classes, features_id=self.named(model), how=self.how))

    def saved(self, state: State) -> dict[str, Shaped[np.ndarray, "..."]]:
        """Return the sum as bytes."""
        packed_sum = b"" if state["sum"] is None else state["sum"].pack()
        return {"sum": np.frombuffer(packed_sum, np.uint8)}

    def restored(self, arrays: Message, model: Any, clients: int) -> State:
        """Return the state with that sum."""
        state = self.start(model, clients)
        if arrays["sum"].size:
            state["sum"] = RidgeSum.unpack(arrays["sum"].tobytes())
        return state


def width_of(model: Any) -> int:
    """Return the features that a head of the model has."""
    outputs = len(model.classes) or model.outputs
    return int(np.count_nonzero(model.mask("head"))) // outputs - 1


def products(rows: int, features: int, outputs: int) -> int:
    """Return the multiplications of a client: a triangle, or a QR factor where that is the smaller work."""
    return rows * min(features * (features + 1) // 2 + features * outputs, rows * (features + outputs))
