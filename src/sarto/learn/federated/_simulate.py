"""Runs a federation on one machine: who takes part in a round, what gets lost on the way, and what it all weighs.

Each client works on its own items alone, in whatever process; answers are folded in the order of the clients' numbers,
so that results depend on neither executor nor workers. A client may be offline, answer late, deliver twice, or lie.
What is delivered twice is counted twice on the air, and folded once. Where each client is visited once, late answers
count, and whoever was offline is asked again; of samples, an answer of an earlier round is thrown away.

    cosine    of what a client changed and the mean of all of it in the round, weighted by rows: 1 is no drift
    ratio     its length over that of the mean

Source: client drift as Karimireddy et al., "SCAFFOLD", ICML 2020, section 3 describe it.

>>> Participation(per_round=5).asked(np.arange(3), generator(0, "x")).tolist()
[0, 1, 2]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Literal

import numpy as np
from jaxtyping import Int, Shaped

from sarto.core.errors import SartoError
from sarto.core.executors import SerialExecutor
from sarto.core.progress import Silent, Talk
from sarto.core.seed import generator
from sarto.data.examples import Examples
from sarto.learn.federated._contract import Client, Message, Method, Phase, Population, Reply, nbytes
from sarto.learn.federated._standing import Kept, Standing

LATEST = 3
"""Rounds that a late answer is late at most."""
CHUNK = 16
"""Clients that a worker takes at once."""
FULL_ROUNDS = 1000
"""Rounds after which a phase that visits each client gives up on those that are never there."""


@dataclass(frozen=True)
class Participation:
    """Who takes part, and what goes wrong.

    Attributes:
        per_round: clients asked in a round; None is all.
        offline: share of them that is not there.
        late: share of answers that comes 1 to `LATEST` rounds later.
        twice: share of answers that is delivered twice.
        liars: share of the clients that lies, always the same ones.
        lie: what they do: `labels`, their items have the next class; `garbage`, their answers are numbers at random;
            `nan`, or are none at all.
        strength: how often a liar has each of its items.
    """

    per_round: int | None = None
    offline: float = 0.0
    late: float = 0.0
    twice: float = 0.0
    liars: float = 0.0
    lie: Literal["labels", "garbage", "nan"] = "labels"
    strength: int = 1

    def __post_init__(self) -> None:
        shares = {name: getattr(self, name) for name in ("offline", "late", "twice", "liars")}
        bad = [f"{name} = {value:g}" for name, value in shares.items() if not 0 <= value <= 1]
        bad += ["offline = 1"] if self.offline == 1 else []
        bad += [f"per_round = {self.per_round}"] if self.per_round is not None and self.per_round < 1 else []
        bad += [f"strength = {self.strength}"] if self.strength < 1 else []
        bad += [] if self.lie in ("labels", "garbage", "nan") else [f"lie = {self.lie}"]
        if bad:
            raise SartoError(
                "E171",
                f"clients cannot take part so: {', '.join(bad)}",
                cause="shares lie from 0 to 1, somebody is there, and a round has at least 1 client",
                hint="leave it out for the usual",
            )

    def asked(
        self, waiting: Int[np.ndarray, " client"], random: np.random.Generator
    ) -> Int[np.ndarray, " asked"]:
        """Return who of the clients is asked in a round, ascending."""
        if self.per_round is None or self.per_round >= len(waiting):
            return waiting
        return np.sort(random.choice(waiting, self.per_round, replace=False))


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a simulation found.

    Attributes:
        model: the result.
        rounds: a row for each round: counts, bytes, computations, drift.
        judged: what `judge` said of the model, by round.
        refused: client -> why its answer was refused.
        missing: clients of a phase that visits each which were never heard.
        state: of the server, in the end.
    """

    model: Any
    rounds: list[dict[str, Any]]
    judged: list[dict[str, Any]]
    refused: Mapping[int, str]
    missing: tuple[int, ...]
    state: Any

    def total(self, name: str) -> int:
        """Return the sum of a column over all rounds."""
        return sum(row[name] for row in self.rounds)


@dataclass(eq=False)
class Simulation:
    """A federation of simulated clients.

    Attributes:
        method: of this room.
        model: that it begins with.
        population: the clients.
        rounds: of a phase of samples that says nothing of its own.
        participation: who takes part.
        seed: of everything that is drawn.
        executor: where clients work.
        judge: says of a model what should be told of it, such as its accuracy; never seen by the method.
        judge_every: rounds between two judgements; the last round is always judged.
        enough: says after a judgement whether to stop.
        budget_b: bytes on the air, both ways, after which no round is begun.
        kept: where the simulation stands is kept there, and it goes on from there.
        talk: told of every round.
        hear: told of every answer that the server takes.
    """

    method: Method
    model: Any
    population: Population
    rounds: int = 100
    participation: Participation = field(default_factory=Participation)
    seed: int = 0
    executor: Executor = field(default_factory=SerialExecutor)
    judge: Callable[[Any], dict[str, Any]] | None = None
    judge_every: int = 1
    enough: Callable[[dict[str, Any]], bool] | None = None
    budget_b: int | None = None
    kept: Kept | None = None
    talk: Talk = field(default_factory=Silent)
    hear: Callable[[Reply], None] | None = None

    def run(self) -> Outcome:
        """Run all phases.

        Raises:
            SartoError: E171 for a federation that nobody is in; whatever a client's own data are refused with.
        """
        if not len(self.population) or not len(self.population.data):
            raise SartoError(
                "E171", "a federation of nobody", cause="no client has an item", hint="bring data"
            )
        state = self.method.start(self.model, len(self.population))
        at = Standing(state=state)
        if self.kept is not None:
            at = self.kept.standing(self.method, self.model, len(self.population)) or at
        plan = self.method.plan()
        for number in range(at.phase, len(plan)):
            at.phase = number
            self._phase(at, plan[number])
            at.state = self.method.end(at.state, plan[number])
            at.visited, at.late, at.in_phase = set(), [], 0
        if self.kept is not None:
            at.phase = len(plan)
            self.kept.keep(at, self.method, final=True)
        if not at.judged or at.judged[-1]["round"] != at.round:
            self._judged(at)
        missing = tuple(sorted(at.missing))
        return Outcome(
            self.method.result(at.state, self.model), at.rounds, at.judged, at.refused, missing, at.state
        )

    def _phase(self, at: Standing, phase: Phase) -> None:
        holders = np.flatnonzero((self.population.sizes > 0) | self.method.peers)
        most = phase.rounds or (
            self.rounds if phase.who == "sample" else FULL_ROUNDS if phase.who == "each" else 1
        )
        expected = -(-len(holders) // (self.participation.per_round or len(holders)))
        with self.talk.stage(phase.name, most if phase.who != "each" else expected) as stage:
            if at.in_phase:
                stage.advance(min(at.in_phase, most), f"{at.in_phase} rounds were done before")
            while at.in_phase < most and not at.stopped:
                if self.budget_b is not None and at.spent >= self.budget_b:
                    at.stopped = True
                    break
                waiting = holders if phase.who != "each" else self._unheard(at, phase, holders)
                if not len(waiting) and not at.late:
                    break  # all were heard, or wait for somebody who was refused
                self._round(at, phase, waiting)
                last = at.in_phase == most or (phase.who == "each" and len(at.visited) == len(holders))
                if (at.round % self.judge_every == 0 or last) and self.judge is not None:
                    seen = self._judged(at)
                    at.stopped = self.enough is not None and self.enough(seen)
                if self.kept is not None:
                    self.kept.keep(at, self.method)
                stage.advance(1, _note(at))
        if phase.who == "each":
            at.missing |= set(holders.tolist()) - at.visited

    def _unheard(
        self, at: Standing, phase: Phase, holders: Int[np.ndarray, " client"]
    ) -> Int[np.ndarray, " waiting"]:
        """Return who has not answered in this phase, is not under way with an answer, and can give one."""
        there = at.visited | {reply.client for _, reply in at.late} | set(at.refused)
        waiting = [k for k in holders.tolist() if k not in there]
        return np.array([k for k in waiting if self.method.ready(at.state, phase, k)], np.int64)

    def _judged(self, at: Standing) -> dict[str, Any]:
        seen: dict[str, Any] = {"round": at.round, "bytes": at.spent}
        if self.judge is not None:
            seen |= self.judge(self.method.result(at.state, self.model))
        at.judged.append(seen)
        return seen

    def _round(self, at: Standing, phase: Phase, waiting: Int[np.ndarray, " client"]) -> None:
        """Ask clients, take what arrives, and fold it."""
        at.round += 1
        at.in_phase += 1
        ways, random = self.participation, generator(self.seed, "round", at.round)
        asked = waiting if phase.who == "all" else ways.asked(waiting, random)
        there = asked[random.random(len(asked)) >= ways.offline]
        offers = {int(k): self.method.offer(at.state, phase, int(k)) for k in there}
        replies = self._answers(at, phase, offers)
        is_late = random.random(len(replies)) < ways.late
        delay = random.integers(1, LATEST + 1, len(replies))
        again = random.random(len(replies)) < ways.twice
        now = [reply for reply, slow in zip(replies, is_late, strict=True) if not slow]
        arrived = [reply for when, reply in at.late if when <= at.round]
        at.late = [(when, reply) for when, reply in at.late if when > at.round]
        slow = zip(replies, is_late, delay, strict=True)
        at.late += [(at.round + int(d), reply) for reply, late, d in slow if late]
        counted: list[Reply] = [*now, *(arrived if phase.who == "each" else [])]
        counted.sort(key=lambda reply: reply.client)
        sent = [nbytes(r.message) * r.sends for r in replies]
        row: dict[str, Any] = {
            "round": at.round,
            "phase": phase.name,
            "asked": len(asked),
            "answered": len(replies),
            "late": int(is_late.sum()),
            "twice": int(again.sum()),
            "up": sum(sent) + sum(b for b, twice in zip(sent, again, strict=True) if twice),
            "down": 0 if self.method.peers else sum(map(nbytes, offers.values())),
            "macs": sum(reply.macs for reply in replies),
        }
        good, answers = self._taken(at, phase, counted)
        row["folded"], row["refused"] = len(good), len(counted) - len(good)
        row |= drift([(u, r.rows) for r in good if (u := self.method.update(r)) is not None])
        at.visited |= {reply.client for reply in good}
        at.state = self.method.fold(at.state, phase, answers)
        at.spent += row["up"] + row["down"]
        at.rounds.append(row)

    def _taken(self, at: Standing, phase: Phase, arrived: Sequence[Reply]) -> tuple[list[Reply], list[Any]]:
        """Return the answers that are not refused, and each as the method opened it."""
        good: list[Reply] = []
        opened: list[Any] = []
        for reply in arrived:
            try:
                opened.append(self.method.opened(at.state, phase, reply))
            except SartoError as error:
                at.refused[reply.client] = f"{error.code}: {error.message}"
                continue
            good.append(reply)
            if self.hear is not None:
                self.hear(reply)
            if reply.memory is not None:
                at.memory[reply.client] = reply.memory
        return good, opened

    def _answers(self, at: Standing, phase: Phase, offers: Mapping[int, Message]) -> list[Reply]:
        """Return what the clients answer, by number."""
        work = [
            (self._client(number, at.round), offer, at.memory.get(number)) for number, offer in offers.items()
        ]
        chunks = [work[first : first + CHUNK] for first in range(0, len(work), CHUNK)]
        calls = [self.executor.submit(_answer, self.method, self.model, phase, chunk) for chunk in chunks]
        found = [reply for call in calls for reply in call.result()]
        return [self._spoilt(reply, at.round) for reply in found]

    @cached_property
    def _liars(self) -> set[int]:
        count = round(self.participation.liars * len(self.population))
        return set(generator(self.seed, "liars").permutation(len(self.population))[:count].tolist())

    def _client(self, number: int, at_round: int) -> Client:
        seed = int(generator(self.seed, "client", number, at_round).integers(2**31))
        client = self.population.client(number, seed)
        ways = self.participation
        if ways.liars and ways.lie == "labels" and number in self._liars:
            data = client.data.select(np.tile(np.arange(len(client.data)), ways.strength))
            count = len(data.classes)
            if isinstance(data, Examples):
                return replace(client, data=replace(data, y=(data.y + 1) % count))
            return replace(client, data=replace(data, target=(data.target + 1) % max(1, count)))
        return client

    def _spoilt(self, reply: Reply, at_round: int) -> Reply:
        """Return what a liar makes of its answer."""
        ways = self.participation
        if not ways.liars or ways.lie == "labels" or reply.client not in self._liars:
            return reply
        random = generator(self.seed, "lie", reply.client, at_round)
        return replace(
            reply, message={k: _lied(a, ways.lie, ways.strength, random) for k, a in reply.message.items()}
        )


def drift(updates: Sequence[tuple[Shaped[np.ndarray, " weight"], int]]) -> dict[str, float | None]:
    """Return mean cosine and ratio of what clients changed against the mean of it, weighted by rows.

    >>> drift([(np.array([1.0, 0.0]), 1), (np.array([0.0, 1.0]), 1)])
    {'cosine': 0.7071, 'ratio': 1.4142}
    """
    moved = [(u.astype(np.float64), rows) for u, rows in updates if rows]
    weight = sum(rows for _, rows in moved)
    if not moved:
        return {"cosine": None, "ratio": None}
    step = sum((u * (rows / weight) for u, rows in moved), np.zeros_like(moved[0][0]))
    length, lengths = float(np.linalg.norm(step)), [float(np.linalg.norm(u)) for u, _ in moved]
    if not length or not all(lengths):
        return {"cosine": None, "ratio": None}
    cosines = [float(u @ step) / (own * length) for (u, _), own in zip(moved, lengths, strict=True)]
    return {
        "cosine": round(float(np.mean(cosines)), 4),
        "ratio": round(float(np.mean(lengths)) / length, 4),
    }


def _answer(
    method: Method, model: Any, phase: Phase, work: Sequence[tuple[Client, Message, Any]]
) -> list[Reply]:
    """Return what clients answer; runs wherever the executor is."""
    return [method.client(model, phase, offer, client, memory) for client, offer, memory in work]


def _lied(
    array: Shaped[np.ndarray, "..."], lie: str, strength: int, random: np.random.Generator
) -> Shaped[np.ndarray, "..."]:
    if array.dtype.kind != "f":
        return random.integers(0, 256, array.shape).astype(array.dtype)
    if lie == "nan":
        return np.full_like(array, np.nan)
    return (strength * random.normal(size=array.shape)).astype(array.dtype)


def _note(at: Standing) -> str:
    row, seen = at.rounds[-1], at.judged[-1] if at.judged else {}
    told = [f"{name} {value:.3g}" for name, value in seen.items() if isinstance(value, float)]
    return ", ".join(
        [f"{at.spent / 1e6:.3g} MB", *told, *([f"{row['refused']} refused"] if row["refused"] else [])]
    )
