"""What a method of federated learning is: the contract between its server, its clients, and whoever carries messages.

A method is a class `Method` of settings in a file of this room. It has no state: the server's is a value that it makes
and hands back, a client's memory are arrays that the client keeps between rounds. Messages are named arrays; what they
weigh on the air is the bytes of the arrays.

    plan      phases one after the other: each client once, samples of clients for some rounds, or all of them
    start     the state of a server that knows the model and nobody's data
    ready     whether a client has what it needs to answer
    offer     what a client is sent
    client    what a client answers; this alone sees data, those of that client
    opened    an answer as `fold` takes it, or refused (SartoError)
    fold      the state with the opened answers of a round
    end       the state after a phase
    result    the model
    saved     the state as arrays, and `restored` the state of them
    update    of an answer what it changes of the weights, or None
    weighs    the bytes that a client of so many rows sends, and is sent

>>> Phase("statistics", "each").rounds is None, nbytes({"W": np.zeros(3, np.float32)})
(True, 12)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, ClassVar, Literal, Protocol, TypeAlias, runtime_checkable

import numpy as np
from jaxtyping import Float, Int, Shaped

from sarto.core.dataset import Dataset
from sarto.core.errors import SartoError
from sarto.data.examples import Examples
from sarto.learn.ridge import RidgeSolution
from sarto.learn.statistics import RidgeStatistics

Data: TypeAlias = Examples | Dataset
Message: TypeAlias = Mapping[str, Shaped[np.ndarray, "..."]]
Who: TypeAlias = Literal["each", "sample", "all"]
Part: TypeAlias = Literal["all", "head", "features"]


@dataclass(frozen=True)
class Phase:
    """A part of a method.

    Attributes:
        name: in a word.
        who: `each`, every client once, in as many rounds as that takes; `sample`, some clients in each round; `all` of
            them in each round.
        rounds: how many; None, of samples, as many as whoever runs it likes.
    """

    name: str
    who: Who
    rounds: int | None = None


@dataclass(frozen=True, eq=False)
class Client:
    """A member of a federation with its own data.

    Attributes:
        number: from 0.
        name: for people.
        data: its own.
        seed: of whatever it draws, of this round.
    """

    number: int
    name: str
    data: Data
    seed: int


@dataclass(frozen=True, eq=False)
class Reply:
    """What a client answers.

    Attributes:
        client: its number.
        message: what goes over the air.
        rows: items that it is about.
        macs: multiplications and additions that it took, estimated.
        memory: what the client keeps once its answer has arrived; None leaves what it had.
        sends: how often the message is sent: to so many neighbours.
    """

    client: int
    message: Message
    rows: int
    macs: int
    memory: Message | None = None
    sends: int = 1


@dataclass(frozen=True)
class Local:
    """How a client trains: steps of gradient descent without momentum on its own items.

    Attributes:
        rate: learning rate.
        epochs: passes over its items, where `steps` is None.
        steps: steps, whatever number of items it has.
        batch: items of a step; a client of fewer takes all.
        decay: weight decay.
        part: what changes: everything, the head, or the features with the head as it is.
        proximal: mu, the pull towards where it began, (mu / 2) |w - w_0|^2.
    """

    rate: float
    epochs: int = 1
    steps: int | None = None
    batch: int = 32
    decay: float = 0.0
    part: Part = "all"
    proximal: float = 0.0

    def __post_init__(self) -> None:
        good = self.rate > 0 and self.epochs >= 0 and (self.steps is None or self.steps >= 0)
        if not good or self.batch < 1 or self.decay < 0 or self.proximal < 0:
            raise SartoError(
                "E171",
                f"a client cannot train so: {self}",
                cause="the rate is above 0, a batch has at least 1 item, nothing is negative",
                hint="rate=0.1, epochs=1, batch=32 is usual",
            )

    def steps_for(self, items: int) -> int:
        """Return the steps of a client with so many items."""
        if not items:
            return 0
        size = min(self.batch, items)
        return self.epochs * -(-items // size) if self.steps is None else self.steps

    def visits(self, items: int) -> int:
        """Return how many items a client goes through in all its steps, each as often as it does."""
        if not items:
            return 0
        size, steps = min(self.batch, items), self.steps_for(items)
        each = -(-items // size)
        passes, left = divmod(steps, each)
        return passes * items + min(left * size, items)


@runtime_checkable
class Model(Protocol):
    """What is learned: features and a linear head, their weights one vector; an immutable value."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, in the order of the outputs."""
        ...

    @property
    def features_id(self) -> str:
        """Names what computes the features, their weights included."""
        ...

    @property
    def vector(self) -> Float[np.ndarray, " weight"]:
        """All weights, float32."""
        ...

    def mask(self, part: Part) -> Shaped[np.ndarray, " weight"]:
        """Return which weights belong to a part."""
        ...

    def with_vector(self, vector: Float[np.ndarray, " weight"]) -> Model:
        """Return the model with other weights."""
        ...

    def with_head(
        self, weights: Float[np.ndarray, "class feature"], intercept: Float[np.ndarray, " class"]
    ) -> Model:
        """Return the model with another head."""
        ...

    def features(self, data: Any) -> Float[np.ndarray, "item feature"]:
        """Return what the head sees of each item."""
        ...

    def scores(self, data: Any) -> Float[np.ndarray, "item class"]:
        """Return the outputs; the largest is the answer."""
        ...

    def trained(
        self, data: Any, local: Local, seed: int, shift: Float[np.ndarray, " weight"] | None = None
    ) -> Float[np.ndarray, " weight"]:
        """Return the weights after a client's training; `shift` is added to every gradient."""
        ...

    def macs(self, data: Any, local: Local | None) -> int:
        """Return what a client with these items computes when it trains (None: features alone), estimated."""
        ...


@runtime_checkable
class Solvable(Model, Protocol):
    """A model that keeps what its head was solved from: a reservoir, in floats or in integers."""

    def with_solution(self, statistics: RidgeStatistics, solution: RidgeSolution) -> Model:
        """Return the model with the head of a solution, and what it was solved from."""
        ...


@runtime_checkable
class Method(Protocol):
    """A method; see the module.

    Attributes:
        peers: whether clients send to each other: what one is offered is then what others sent, and weighs no more.
        promises: whether it promises something of what clients send, which a scaling found from their data would break.
    """

    peers: ClassVar[bool]
    promises: ClassVar[bool]

    def plan(self) -> tuple[Phase, ...]: ...
    def start(self, model: Any, clients: int) -> Any: ...
    def ready(self, state: Any, phase: Phase, client: int) -> bool: ...
    def offer(self, state: Any, phase: Phase, client: int) -> Message: ...
    def client(
        self, model: Any, phase: Phase, offer: Message, client: Client, memory: Message | None
    ) -> Reply: ...
    def opened(self, state: Any, phase: Phase, reply: Reply) -> Any: ...
    def fold(self, state: Any, phase: Phase, answers: Sequence[Any]) -> Any: ...
    def end(self, state: Any, phase: Phase) -> Any: ...
    def result(self, state: Any, model: Any) -> Any: ...
    def update(self, reply: Reply) -> Float[np.ndarray, " weight"] | None: ...
    def weighs(self, model: Any, phase: Phase, rows: int) -> tuple[int, int]: ...
    def saved(self, state: Any) -> dict[str, Shaped[np.ndarray, "..."]]: ...
    def restored(self, arrays: Message, model: Any, clients: int) -> Any: ...


class Ordinary:
    """What most methods say: there is a server, which sends nothing, and every client can answer at once."""

    peers: ClassVar[bool] = False
    promises: ClassVar[bool] = False

    def ready(self, state: Any, phase: Phase, client: int) -> bool:
        """Return that every client can answer at once."""
        return True

    def offer(self, state: Any, phase: Phase, client: int) -> Message:
        """Return nothing."""
        return {}

    def end(self, state: Any, phase: Phase) -> Any:
        """Return the state as it is."""
        return state

    def update(self, reply: Reply) -> Float[np.ndarray, " weight"] | None:
        """Return that an answer is no step."""
        return None


@dataclass(frozen=True, eq=False)
class Population:
    """The clients of a simulated federation.

    Attributes:
        data: of all of them.
        owner: client of each item.
        names: of the clients.
    """

    data: Data
    owner: Int[np.ndarray, " item"]
    names: tuple[str, ...]

    @cached_property
    def _order(self) -> Int[np.ndarray, " item"]:
        """The items, client by client."""
        return np.argsort(self.owner, kind="stable")

    @cached_property
    def _ends(self) -> Int[np.ndarray, " end"]:
        """Where each client's items begin in that order, and the end of the last one's."""
        return np.searchsorted(self.owner[self._order], np.arange(len(self.names) + 1))

    def __len__(self) -> int:
        return len(self.names)

    @property
    def sizes(self) -> Int[np.ndarray, " client"]:
        """Items of each client."""
        return np.diff(self._ends)

    def client(self, number: int, seed: int) -> Client:
        """Return a client with its own items."""
        first, last = self._ends[number : number + 2]
        return Client(number, self.names[number], self.data.select(self._order[first:last]), seed)


@dataclass(frozen=True, eq=False)
class Inputs:
    """What all clients' inputs are like.

    Attributes:
        mean, scale: mean and deviation of each; the scale is 1 where an input does not vary.
        low, high: least and largest value of each.
        longest: steps of the longest sequence; 1 for items.
    """

    mean: Float[np.ndarray, " input"]
    scale: Float[np.ndarray, " input"]
    low: Float[np.ndarray, " input"]
    high: Float[np.ndarray, " input"]
    longest: int

    @classmethod
    def standard(cls, count: int, longest: int = 1) -> Inputs:
        """Return inputs of mean 0 and deviation 1."""
        return cls(np.zeros(count), np.ones(count), np.full(count, -1.0), np.ones(count), longest)


def labels(data: Data) -> Int[np.ndarray, " item"]:
    """Return the class index of each item."""
    return data.y if isinstance(data, Examples) else data.target


def targets(
    data: Data, classes: tuple[str, ...]
) -> Shaped[np.ndarray, " item"] | Float[np.ndarray, "item output"]:
    """Return the name of each item's class, or its numbers where there are no classes."""
    if isinstance(data, Dataset) and not classes:
        assert data.goals is not None, "a model without classes learns from numbers"
        return data.goals
    return np.array(classes)[labels(data)]


def nbytes(message: Message) -> int:
    """Return what a message weighs on the air."""
    return sum(int(array.nbytes) for array in message.values())


def finite(reply: Reply) -> None:
    """Refuse an answer with a number that is none.

    Raises:
        SartoError: E105.
    """
    for name, array in reply.message.items():
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise SartoError(
                "E105",
                f"'{name}' of client {reply.client} has missing or infinite values",
                cause="one such value would spoil every sum",
                hint="its learning rate is too large, or it lies",
            )
