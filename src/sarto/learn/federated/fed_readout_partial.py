"""A readout of the features that matter, so that clients send less: statistics of some of the features, not of all.

    chosen by the clients   each sends the statistics of its own k most important features, and which they are; of the
                            others the server takes it that they were there what they are in the mean of those who sent
                            them. One round, not exact.
    chosen by the server    each sends the importance of every feature, d numbers; then the statistics of the k that
                            matter most to all. Two rounds, and the exact ridge regression on these k features.

The importance of feature i is its energy sum_j (f_ij - m_i)^2, or its relevance sum_c C_xy[i, c]^2 / C_xx[i, i], the
variance of the targets that it explains alone. What is sent goes with k^2 in place of d^2.

Source: De Caro, Gallicchio and Bacciu, "Communication-efficient ridge regression in federated echo state networks"
(pFedRR), ESANN 2023: energy, chosen by the clients. The server's choice is the usual filter of features.

>>> Method(share=0.25).chosen(np.array([3.0, 1.0, 2.0, 5.0, 0.0, 0.0, 0.0, 0.0])).tolist()
[0, 3]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from jaxtyping import Float, Int, Shaped

from sarto.core.errors import SartoError
from sarto.learn.federated._contract import Client, Message, Model, Phase, Reply, finite, targets
from sarto.learn.federated._summing import State, Summing, width_of
from sarto.learn.statistics import RidgeStatistics

Means: TypeAlias = tuple[Int[np.ndarray, " chosen"], Float[np.ndarray, " number"]]
IMPORTANCE, STATISTICS = Phase("importance", "each"), Phase("statistics", "each")


@dataclass(frozen=True, kw_only=True)
class Method(Summing):
    """A readout of some features.

    Attributes:
        share: of the features that are sent, above 0 and at most 1.
        chosen_by: `server` or `client`.
        importance: `relevance` or `energy`.
    """

    share: float = 0.5
    chosen_by: Literal["server", "client"] = "server"
    importance: Literal["relevance", "energy"] = "relevance"

    def __post_init__(self) -> None:
        names = self.chosen_by in ("server", "client") and self.importance in ("relevance", "energy")
        if not 0 < self.share <= 1 or not names:
            raise SartoError(
                "E171",
                f"share = {self.share}, chosen_by = {self.chosen_by}, importance = {self.importance}",
                cause="a share lies above 0 and is at most 1; server or client; relevance or energy",
                hint="share=0.5",
            )

    def plan(self) -> tuple[Phase, ...]:
        """Return one phase, or two."""
        return (IMPORTANCE, STATISTICS) if self.chosen_by == "server" else (STATISTICS,)

    def start(self, model: Model, clients: int) -> State:
        """Return a sum of nothing."""
        return {**super().start(model, clients), "importance": {}, "means": {}, "chosen": None, "width": None}

    def chosen(self, importance: Float[np.ndarray, " feature"]) -> Int[np.ndarray, " chosen"]:
        """Return the most important features, ascending."""
        count = max(1, round(self.share * len(importance)))
        return np.sort(np.argsort(-importance, kind="stable")[:count])

    def offer(self, state: State, phase: Phase, client: int) -> Message:
        """Return which features to send, once that is known."""
        return {} if state["chosen"] is None else {"chosen": state["chosen"].astype(np.uint32)}

    def client(
        self, model: Any, phase: Phase, offer: Message, client: Client, memory: Message | None
    ) -> Reply:
        """Return the importance of all features, or the statistics of some."""
        rows = len(client.data)
        if not rows:
            return Reply(client.number, {}, 0, 0)
        features = model.features(client.data)
        macs = model.macs(client.data, None)
        if phase == IMPORTANCE:
            message = {"importance": self._importance(model, client, features)}
            return Reply(client.number, message, rows, macs + features.size * (1 + len(model.classes)))
        if self.chosen_by == "server":
            kept = offer["chosen"].astype(np.int64)
        else:
            kept = self.chosen(self._importance(model, client, features).astype(np.float64))
        reply = self.told(model, client, features[:, kept], model.features_id, macs)
        if self.chosen_by == "server":
            return reply
        which = {"which": kept.astype(np.uint16 if features.shape[1] <= 2**16 else np.uint32)}
        size = {"width": np.array([features.shape[1]], np.uint32)}
        return replace(reply, message={**reply.message, **which, **size})

    def _importance(
        self, model: Any, client: Client, features: Float[np.ndarray, "item feature"]
    ) -> Float[np.ndarray, " feature"]:
        left = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
        energy = (left**2).sum(axis=0)
        if self.importance == "energy":
            return energy.astype(np.float32)
        wanted = targets(client.data, model.classes)
        y = (wanted[:, None] == np.array(model.classes)) * 1.0 if model.classes else wanted
        cross = ((left.T @ (y - y.mean(axis=0))) ** 2).sum(axis=1)
        return np.divide(cross, energy, out=np.zeros_like(cross), where=energy > 0).astype(np.float32)

    def opened(self, state: State, phase: Phase, reply: Reply) -> Any:
        """Return the reply, or statistics of all features, those that were not sent without any variance."""
        if not reply.rows:
            return None
        if phase == IMPORTANCE:
            finite(reply)
            return reply
        sent = super().opened(state, phase, reply)
        assert sent is not None
        found = sent.statistics
        if self.chosen_by == "server":
            if len(found.mean_x) != len(state["chosen"]):
                raise _foreign(
                    reply.client, f"{len(found.mean_x)} features, {len(state['chosen'])} were asked for"
                )
            return found
        which, width = reply.message["which"].astype(np.int64), int(reply.message["width"][0])
        sound = len(which) == len(found.mean_x) and (np.diff(which) > 0).all() and which[-1] < width
        if not sound or (state["width"] is not None and width != state["width"]):
            raise _foreign(reply.client, "the features that it names are not those that it sends")
        return _Own(reply.client, which, width, found)

    def fold(self, state: State, phase: Phase, answers: Sequence[Any]) -> State:
        """Return the state with more clients."""
        if phase == IMPORTANCE:
            told = {r.client: r.message["importance"] for r in answers if r is not None}
            return {**state, "importance": state["importance"] | told}
        if self.chosen_by == "server":
            return super().fold(state, phase, answers)
        there = [own for own in answers if own is not None]
        state = {**state, "means": {**state["means"], **{own.client: own.means for own in there}}}
        state = super().fold(state, phase, [own.about_its_mean for own in there])
        return state if state["sum"] is None else {**state, "width": state["sum"].kind.features}

    def end(self, state: State, phase: Phase) -> State:
        """Choose the features that matter most to all."""
        if phase != IMPORTANCE or not state["importance"]:
            return state
        told = state["importance"]
        total = sum((told[client].astype(np.float64) for client in sorted(told)), np.zeros(1))
        return {**state, "chosen": self.chosen(np.asarray(total)), "width": len(np.asarray(total))}

    def result(self, state: State, model: Any) -> Any:
        """Return the model with the head of the chosen features."""
        if state["sum"] is None:
            return model
        statistics = state["sum"].statistics
        if self.chosen_by == "client":
            means = [state["means"][client] for client in sorted(state["means"])]
            statistics = _between(statistics, means)
        else:
            statistics = _widened(statistics, state["chosen"], state["width"])
        return self.headed(model, statistics)

    def weighs(self, model: Any, phase: Phase, rows: int) -> tuple[int, int]:
        """Return importances, or the statistics of the features that are kept, with which they are."""
        width = width_of(model)
        if phase == IMPORTANCE:
            return 4 * width, 0
        kept = max(1, round(self.share * width))
        payload = self.payload_b(model, kept, rows)
        if self.chosen_by == "server":
            return payload, 4 * kept
        return payload + kept * (2 if width <= 2**16 else 4) + 4, 0

    def saved(self, state: State) -> dict[str, Shaped[np.ndarray, "..."]]:
        """Return the sum, the importance and what was chosen."""
        found = super().saved(state)
        found |= {f"importance/{client}": a for client, a in state["importance"].items()}
        if state["chosen"] is not None:
            found["chosen"] = state["chosen"]
        for client, (which, means) in state["means"].items():
            found |= {f"which/{client}": which, f"means/{client}": means}
        if state["width"] is not None:
            found["width"] = np.array(state["width"])
        return found

    def restored(self, arrays: Message, model: Any, clients: int) -> State:
        """Return the state."""
        state = super().restored(arrays, model, clients)
        told = {
            int(k.partition("/")[2]): np.asarray(a) for k, a in arrays.items() if k.startswith("importance/")
        }
        means = {
            int(k.partition("/")[2]): (np.asarray(a), np.asarray(arrays[f"means/{k.partition('/')[2]}"]))
            for k, a in arrays.items()
            if k.startswith("which/")
        }
        return {
            **state,
            "means": means,
            "importance": told,
            "chosen": arrays.get("chosen"),
            "width": int(arrays["width"]) if "width" in arrays else None,
        }


@dataclass(frozen=True, eq=False)
class _Own:
    """What a client sent of the features that it chose."""

    client: int
    which: Int[np.ndarray, " chosen"]
    width: int
    found: RidgeStatistics

    @property
    def means(self) -> Means:
        """Which features they are, and weight, means of targets and of features."""
        sent = self.found
        return self.which, np.concatenate([[sent.weight], sent.mean_y, sent.mean_x])

    @property
    def about_its_mean(self) -> RidgeStatistics:
        """The statistics of all features, less their means."""
        return replace(_widened(self.found, self.which, self.width), mean_x=np.zeros(self.width))


def _between(within: RidgeStatistics, means: Sequence[Means]) -> RidgeStatistics:
    """Return statistics about clients' own means, with what lies between the clients added.

    A feature that a client did not send is there at its mean over those who did.
    """
    d, o = len(within.mean_x), len(within.mean_y)
    weight, total = np.zeros(d), np.zeros(d)
    for which, sent in means:
        weight[which] += sent[0]
        total[which] += sent[0] * sent[1 + o :]
    mean_x = np.divide(total, weight, out=np.zeros(d), where=weight > 0)
    C_xx, C_xy = within.C_xx.copy(), within.C_xy.copy()
    for which, sent in means:
        off = sent[1 + o :] - mean_x[which]
        C_xx[np.ix_(which, which)] += sent[0] * np.outer(off, off)
        C_xy[which] += sent[0] * np.outer(off, sent[1 : 1 + o] - within.mean_y)
    return replace(
        within, mean_x=mean_x, C_xx=C_xx, C_xy=C_xy, scale_x=max(within.scale_x, float(np.trace(C_xx)))
    )


def _widened(found: RidgeStatistics, which: Int[np.ndarray, " chosen"], width: int) -> RidgeStatistics:
    """Return the statistics with features added that do not vary."""
    mean_x, C_xx = np.zeros(width), np.zeros((width, width))
    C_xy = np.zeros((width, len(found.mean_y)))
    mean_x[which], C_xy[which] = found.mean_x, found.C_xy
    C_xx[np.ix_(which, which)] = found.C_xx
    return replace(found, mean_x=mean_x, C_xx=C_xx, C_xy=C_xy)


def _foreign(client: int, cause: str) -> SartoError:
    return SartoError(
        "E116",
        f"client {client} sent statistics of something else",
        cause=cause,
        hint="send it the model again",
    )
