"""The exact head without a server: clients are nodes of a graph, and send what they know to their neighbours.

`tree`: statistics go up a spanning tree from the leaves to its root, summed on the way so that the tree changes no bit,
and the sum goes down again. Every node then has the head of all rows, the same bits, in 2 x depth rounds.

`metropolis`: in every round node i takes, of the sums s_j of its neighbours,

    s_i <- s_i + sum_j w_ij (s_j - s_i),     w_ij = 1 / (1 + max(degree_i, degree_j))

which tends to the mean of all on any connected graph, whose edges may come and go; nobody has a special part. How far
apart the nodes still are is told.

Source: Xiao and Boyd, "Fast linear iterations for distributed averaging", Systems & Control Letters 53 (2004), section
4 (Metropolis weights); Bacciu et al., "Decentralised incremental federated learning with echo state networks"
(DIncFed), IJCNN 2024, for the statistics.

>>> ring_of(4, 1), ring_of(5, 2)[0]
([[1, 3], [0, 2], [1, 3], [0, 2]], [1, 2, 3, 4])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import numpy as np
from jaxtyping import Shaped

from sarto.core.errors import SartoError
from sarto.learn.federated._contract import Client, Message, Model, Ordinary, Phase, Reply, finite, targets
from sarto.learn.federated._summing import products, width_of
from sarto.learn.ridge_sum import RidgeSum
from sarto.learn.statistics import RidgeStatistics

State = dict[str, Any]
OWN, UP, DOWN, MIX = "statistics", "up", "down", "mixing"


@dataclass(frozen=True, kw_only=True)
class Method(Ordinary):
    """Consensus over statistics.

    Attributes:
        exchange: `tree` or `metropolis`.
        reach: every node is a neighbour of so many on either side of it in a ring.
        rounds: of `metropolis`.
        ridge: the penalty, as of `sarto.learn.ridge`.
    """

    exchange: Literal["tree", "metropolis"] = "tree"
    reach: int = 2
    rounds: int = 50
    ridge: Literal["gcv"] | float = "gcv"
    peers: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.exchange not in ("tree", "metropolis") or self.reach < 1 or self.rounds < 1:
            raise SartoError(
                "E171",
                f"exchange = {self.exchange}, reach = {self.reach}, rounds = {self.rounds}",
                cause="an exchange is tree or metropolis, and there is at least 1 neighbour and round",
                hint="exchange='tree'",
            )

    def plan(self) -> tuple[Phase, ...]:
        """Return own statistics first, then the exchange."""
        if self.exchange == "metropolis":
            return Phase(OWN, "each"), Phase(MIX, "all", self.rounds)
        return Phase(OWN, "each"), Phase(UP, "each"), Phase(DOWN, "each")

    def start(self, model: Model, clients: int) -> State:
        """Return a graph whose nodes know nothing yet."""
        neighbours = ring_of(clients, self.reach)
        parents = tree_of(neighbours)
        children: list[set[int]] = [set() for _ in parents]
        for node, parent in enumerate(parents[1:], 1):
            children[parent].add(node)
        return {
            "neighbours": neighbours,
            "parents": parents,
            "children": children,
            "inbox": {},
            "values": {},
            "total": None,
            "told": set(),
        }

    def ready(self, state: State, phase: Phase, client: int) -> bool:
        """Return whether a node has heard what it waits for: all below it, or its parent."""
        if phase.name == UP:
            return state["children"][client] <= set(state["inbox"].get(client, {}))
        if phase.name == DOWN:
            return state["total"] is not None and (client == 0 or state["parents"][client] in state["told"])
        return True

    def offer(self, state: State, phase: Phase, client: int) -> Message:
        """Return what has been sent to a node."""
        if phase.name == DOWN:
            return {"total": state["total"]}
        heard = {f"from {node}": sent for node, sent in sorted(state["inbox"].get(client, {}).items())}
        if phase.name == MIX:
            heard["neighbours"] = np.array(state["neighbours"][client])
        return heard

    def client(
        self, model: Any, phase: Phase, offer: Message, client: Client, memory: Message | None
    ) -> Reply:
        """Return what a node sends to its neighbours."""
        node, rows = client.number, len(client.data)
        if phase.name == OWN:
            own, macs = self._own(model, client)
            return Reply(node, {}, rows, macs, {"sum": np.frombuffer(own.pack(), np.uint8)}, 0)
        assert memory is not None, "its own statistics come first"
        if phase.name == DOWN:
            return Reply(node, dict(offer), rows, 0, sends=len(memory["children"]))
        own = RidgeSum.unpack(memory["sum"].tobytes())
        if phase.name == UP:
            for sent in offer.values():
                own.merge(RidgeSum.unpack(sent.tobytes()))
            children = np.array([int(name.removeprefix("from ")) for name in offer], np.int64)
            kept = {"sum": memory["sum"], "children": children}
            return Reply(node, {"sum": np.frombuffer(own.pack(), np.uint8)}, rows, 0, kept, int(node != 0))
        mine = memory["values"] if "values" in memory else np.concatenate([[own.count], own.values])
        neighbours = offer["neighbours"]
        mixed = mine.copy()
        heard = {name: sent for name, sent in offer.items() if name != "neighbours"}
        for sent in heard.values():
            mixed += (sent[1:] - mine) / (1 + max(len(neighbours), sent[0]))
        message = {"values": np.concatenate([[float(len(neighbours))], mixed])}
        kept = {"sum": memory["sum"], "values": mixed}
        return Reply(node, message, rows, mixed.size * len(heard), kept, len(neighbours))

    def _own(self, model: Any, client: Client) -> tuple[RidgeSum, int]:
        """Return the sum of a node's own rows."""
        own, rows = empty_of(model), len(client.data)
        if not rows:
            return own, 0
        features = model.features(client.data)
        wanted = targets(client.data, model.classes)
        own.add(RidgeStatistics.of(features, wanted, classes=model.classes, features_id=model.features_id))
        macs = model.macs(client.data, None) + products(rows, features.shape[1], len(model.classes))
        return own, macs

    def opened(self, state: State, phase: Phase, reply: Reply) -> Reply:
        """Refuse numbers that are none; a sum is held to its hash where it is read."""
        finite(reply)
        if "sum" in reply.message:
            RidgeSum.unpack(reply.message["sum"].tobytes())
        return reply

    def fold(self, state: State, phase: Phase, answers: Sequence[Reply]) -> State:
        """Carry what nodes sent to whom it is for."""
        state = {**state, "inbox": dict(state["inbox"]), "told": set(state["told"])}
        for reply in answers:
            if phase.name == DOWN:
                state["told"].add(reply.client)
            elif phase.name == UP and reply.client:
                parent = state["parents"][reply.client]
                state["inbox"][parent] = {
                    **state["inbox"].get(parent, {}),
                    reply.client: reply.message["sum"],
                }
            elif phase.name == UP:
                state["total"] = reply.message["sum"]
        if phase.name == MIX:
            there = {reply.client: reply.message["values"] for reply in answers}
            state["values"] = {**state["values"], **there}
            # Two nodes exchange where both of them sent: what one gains, the other one loses.
            for node in there:
                neighbours = state["neighbours"][node]
                state["inbox"][node] = {k: there[k] for k in neighbours if k in there}
        return state

    def result(self, state: State, model: Any) -> Any:
        """Return the model with the head that the root, or the first node, has."""
        if state["total"] is not None:
            statistics = RidgeSum.unpack(state["total"].tobytes()).statistics
        elif state["values"]:
            mine = state["values"][min(state["values"])][1:] * len(state["neighbours"])
            statistics = empty_of(model).statistics_of(mine[1:], round(mine[0]))
        else:
            return model
        solution = statistics.solve(self.ridge)
        return model.with_head(solution.weights, solution.intercept)

    def apart(self, state: State) -> float:
        """Return how far the nodes' sums are apart, relative to the largest number: 0 where all agree."""
        if not state["values"]:
            return 0.0
        values = np.stack([state["values"][node][1:] for node in sorted(state["values"])])
        return float(np.ptp(values, axis=0).max() / np.abs(values).max())

    def weighs(self, model: Any, phase: Phase, rows: int) -> tuple[int, int]:
        """Return what a node sends in the mean: statistics to its parent or its children, or to all neighbours."""
        empty = empty_of(model)
        if phase.name == OWN:
            return 0, 0
        if phase.name == MIX:
            return 2 * self.reach * 8 * (2 + len(empty.values)), 0
        return len(empty.pack()), 0

    def saved(self, state: State) -> dict[str, Shaped[np.ndarray, "..."]]:
        """Return what has been sent."""
        found = {f"inbox/{node}/{k}": a for node, box in state["inbox"].items() for k, a in box.items()}
        found |= {f"values/{node}": a for node, a in state["values"].items()}
        found["told"] = np.array(sorted(state["told"]), np.int64)
        return found if state["total"] is None else {**found, "total": state["total"]}

    def restored(self, arrays: Message, model: Any, clients: int) -> State:
        """Return the state."""
        state = self.start(model, clients)
        for key, array in arrays.items():
            kind, _, rest = key.partition("/")
            if kind == "inbox":
                node, _, k = rest.partition("/")
                state["inbox"].setdefault(int(node), {})[int(k)] = array
            elif kind == "values":
                state["values"][int(rest)] = array
        state["told"] = set(arrays["told"].tolist())
        state["total"] = arrays.get("total")
        return state


def empty_of(model: Any) -> RidgeSum:
    """Return a sum of nothing, for the features of a model."""
    return RidgeSum(width_of(model), len(model.classes), classes=model.classes, features_id=model.features_id)


def ring_of(nodes: int, reach: int) -> list[list[int]]:
    """Return the neighbours of each node of a ring, `reach` on either side."""
    steps = [s for s in range(-reach, reach + 1) if s]
    return [sorted({(node + s) % nodes for s in steps} - {node}) for node in range(nodes)]


def tree_of(neighbours: Sequence[Sequence[int]]) -> list[int]:
    """Return the parent of each node in the tree of shortest ways to node 0, which is its own parent.

    >>> tree_of(ring_of(5, 1))
    [0, 0, 1, 4, 0]
    """
    parents, front = {0: 0}, [0]
    while front:
        below: list[int] = []
        for node in front:
            for neighbour in neighbours[node]:
                if neighbour not in parents:
                    parents[neighbour] = node
                    below.append(neighbour)
        front = below
    return [parents[node] for node in range(len(neighbours))]
