"""A manager that answers others: applications ask it for a point, run the job themselves, and tell how it went.

    decide {"deadline": "400ms", "accuracy": 0.65}  ->  {"ticket": 7, "variant": ..., "cluster": ..., "expected_s": ...}
    observe {"ticket": 7, "latency_s": 0.43}        ->  {"late": true, "jobs": 7}

Questions and answers are plain JSON values. `decide` takes the limits of `Goal.of`, all of which may be left out;
`observe` takes `latency_s`, or `"unreached": true` where a place elsewhere did not answer, after `latency_s` or, where
that is not told, the time since the decision. A ticket is good for one `observe`; of those that nobody comes back with
the oldest are dropped, so that memory does not grow.

>>> from sarto.devices.platforms import platform
>>> from sarto.runtime.points import Points, Variant, grid
>>> points = Points.of(grid([Variant("half", 0.63, 0.5), Variant("full", 0.71, 1.0)], platform("odroid_xu3")))
>>> advisor = Advisor(Manager(points, "min_energy"), Knobs(()))
>>> asked = advisor.decide({"deadline": "400ms", "accuracy": 0.65})
>>> asked["ticket"], asked["variant"], asked["cluster"], asked["frequency_hz"]
(1, 'full', 'a7', 1300000000.0)
>>> advisor.observe({"ticket": 1, "latency_s": 0.43})
{'late': True, 'jobs': 1}
"""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, cast

from sarto.core.errors import SartoError
from sarto.core.points import OperatingPoint
from sarto.measure.monitors import Monitor
from sarto.runtime.goal import Goal
from sarto.runtime.knobs import Applied, Knobs
from sarto.runtime.log import Job, Log
from sarto.runtime.manager import Decision, Manager
from sarto.runtime.reach import Reach
from sarto.runtime.readings import Readings, others
from sarto.runtime.refusals import Refusals

MOST_TICKETS = 1024
LIMITS = {"deadline": str, "accuracy": float, "power": str, "energy": str}


@dataclass
class Counts:
    """What happened since the start: decisions, jobs told of, those late, limits that gave way, tickets dropped."""

    decisions: int = 0
    jobs: int = 0
    late: int = 0
    relaxed: int = 0
    unreached: int = 0
    dropped: int = 0


@dataclass(frozen=True)
class Ticket:
    """A decision that nobody has told of: when it was made, which values were refused, and whether it needs them."""

    decision: Decision
    began_s: float
    refused: tuple[str, ...]
    kept: bool


@dataclass
class Advisor:
    """Answers one question at a time, from any thread.

    Attributes:
        manager: that chooses.
        knobs: set for each decision, for real or as a dry run.
        wanted: what each of them is to be at a point.
        readings: what monitors say.
        log: takes decisions and how their jobs went.
        crowd: monitor of how many other programs want a processor, read for each decision.
        clock: in s.
        goal: whose mean energy and order of giving way hold where a question leaves them out.
        last: decision before.
        applied: what became of the knobs then.
        counts: what happened.
        lock: held while a question is answered.
        reach: which places answer.
        refusals: values of knobs that were refused; they are tried again after a while.
    """

    manager: Manager
    knobs: Knobs
    wanted: Callable[[OperatingPoint], Mapping[str, str]] = lambda _point: {}
    readings: Readings = field(default_factory=lambda: Readings({}))
    log: Log | None = None
    crowd: Monitor | None = None
    clock: Callable[[], float] = time.monotonic
    goal: Goal = field(default_factory=Goal)
    last: Decision | None = None
    applied: tuple[Applied, ...] = ()
    counts: Counts = field(default_factory=Counts)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.reach = Reach(self.manager.points)
        self.refusals = Refusals(self.manager.points, self.knobs, self.wanted)
        self._open: OrderedDict[int, Ticket] = OrderedDict()
        self._began = math.nan

    @property
    def tickets(self) -> int:
        """Decisions whose jobs nobody has told of."""
        return len(self._open)

    def decide(self, question: Mapping[str, Any]) -> dict[str, Any]:
        """Return the point for a job.

        A point of which a knob is refused is left out until that is tried again; where no other is left the knobs stay
        as they are, and the answer's `knobs` say so.

        Raises:
            SartoError: E179, when the question cannot be understood; E110 or E116, when a limit cannot be one.
        """
        goal = goal_of(question, self.goal)
        with self.lock:
            began, beside = self.clock(), others(self.crowd)
            decision, self.applied = self.refusals.settle(
                self.reach.available, lambda free: self.manager.decide(goal, free, beside), self.clock
            )
            self.last = decision
            self.counts.decisions += 1
            self.counts.relaxed += bool(decision.relaxed)
            ticket = self.counts.decisions
            kept = any(one.state == "refused" for one in self.applied)
            self._open[ticket] = Ticket(decision, began, self.refusals.told, kept)
            if len(self._open) > MOST_TICKETS:
                self._open.popitem(last=False)
                self.counts.dropped += 1
            return answer(decision, ticket, self.applied)

    def observe(self, told: Mapping[str, Any]) -> dict[str, Any]:
        """Take up how a job went.

        Raises:
            SartoError: E179, when it cannot be understood, the ticket is of no open decision, or what did not answer
                is this device; an open ticket stays open then.
        """
        ticket: Any = told.get("ticket")
        latency: Any = told.get("latency_s")
        unreached: Any = told.get("unreached", False)
        unknown = sorted(set(told) - {"ticket", "latency_s", "unreached"})
        left_out = unreached is True and "latency_s" not in told
        good = left_out or (type(latency) in (int, float) and 0 <= latency < math.inf)
        if unknown or type(ticket) is not int or type(unreached) is not bool or not good:
            cause = (
                f"'{unknown[0]}' is no field of it"
                if unknown
                else "a ticket and a time of at least 0 are needed, or a ticket and that a place was not reached"
            )
            hint = '{"ticket": 7, "latency_s": 0.043} or {"ticket": 7, "unreached": true}'
            raise _misunderstood("observe", cause, hint)
        with self.lock:
            found = self._open.get(ticket)
            if found is None:
                raise _misunderstood(
                    "observe",
                    f"there is no open ticket {ticket}",
                    f"a ticket is good once, and the last {MOST_TICKETS} are kept",
                )
            place = self.reach.place_of(found.decision.index)
            if unreached and not place:
                name = found.decision.point.name
                raise _misunderstood("observe", f"point '{name}' is on this device", "leave out unreached")
            del self._open[ticket]
            if left_out:
                since = self.clock() - found.began_s
                latency = since if since > 0 else 0.0
            return self._learn(found, place, float(latency), unreached)

    def _learn(self, ticket: Ticket, place: str, latency_s: float, unreached: bool) -> dict[str, Any]:
        counts, decision = self.counts, ticket.decision
        late = unreached or latency_s > decision.goal.deadline_s
        counts.jobs += 1
        counts.late += late
        if self.log is not None:
            lost = [place] if unreached else []
            self.log.heard(
                self.manager, decision, Job(counts.jobs, latency_s, lost, ticket.refused, ticket.kept)
            )
        if unreached:
            counts.unreached += 1
            self.reach.failed(place, self.clock(), latency_s)
        else:
            if place:
                self.reach.answered(place)
            period = ticket.began_s - self._began
            self.manager.observe(decision, latency_s, period_s=period if 0 < period < math.inf else 0.0)
            if not ticket.began_s <= self._began:  # tickets may come back in any order
                self._began = ticket.began_s
        return {"late": late, "jobs": counts.jobs}


def goal_of(question: Mapping[str, Any], usual: Goal) -> Goal:
    """Return the goal that a question states, with mean energy and order of giving way of the usual one if it has none.

    Raises:
        SartoError: E179, when it has a field that is unknown or of the wrong kind; those of `Goal.of`.
    """
    relax: Any = question.get("relax", list(usual.relax))
    given = {name: value for name, value in question.items() if name != "relax"}
    for name, value in given.items():
        kind = LIMITS.get(name)
        if kind is None:
            raise _misunderstood(
                "decide", f"'{name}' is no limit", f"limits are {', '.join(LIMITS)}; and relax"
            )
        if not (isinstance(value, str) if kind is str else type(value) in (int, float)):
            raise _misunderstood(
                "decide", f"{name} is {value!r}", 'such as {"deadline": "40ms", "accuracy": 0.8}'
            )
    if not isinstance(relax, list):
        raise _misunderstood("decide", "relax is no list", 'such as ["accuracy", "deadline"]')
    names = cast("list[object]", relax)
    goal = Goal.of(**given, relax=tuple(map(str, names)))
    return goal if "energy" in given else replace(goal, energy_j=usual.energy_j)


def answer(decision: Decision, ticket: int, applied: tuple[Applied, ...]) -> dict[str, Any]:
    """Return a decision as plain JSON values."""
    settings = decision.point.settings
    return {
        "ticket": ticket,
        "point": decision.point.name,
        "variant": str(settings.get("variant", decision.point.name)),
        "cluster": str(settings.get("cluster", "")),
        "cores": int(settings.get("cores", 0)),
        "frequency_hz": float(settings.get("frequency_hz", 0.0)),
        "place": str(settings.get("place", "")),
        "expected_s": decision.expected_s,
        "margin": decision.margin,
        "relaxed": list(decision.relaxed),
        "knobs": [
            {"knob": one.knob, "wanted": one.wanted, "got": one.got, "state": one.state, "why": one.why}
            for one in applied
        ],
    }


def _misunderstood(what: str, cause: str, hint: str) -> SartoError:
    return SartoError("E179", f"the question '{what}' cannot be answered", cause=cause, hint=hint)
