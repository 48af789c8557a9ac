"""Refused values of knobs: tried again at a limited rate, left alone for all points that need them, and forgotten."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jaxtyping import Bool

from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint
from sarto.runtime.goal import Goal
from sarto.runtime.knobs import Call, Knobs
from sarto.runtime.manager import Decision, Manager
from sarto.runtime.points import Points
from sarto.runtime.refusals import Refusals


def points(clocks: int, variants: int = 1) -> Points:
    """Points of so many clocks, the last the best, and so many variants at each."""
    figures = {"latency": 0.1, "power": 1.0, "energy": 0.1}
    rows = [
        OperatingPoint(
            f"{clock}-{variant}",
            {"clock": str(clock)},
            tuple(
                Evidence(name, value, "1", "declared", "a test")
                for name, value in {
                    **figures,
                    "accuracy": (clock + 1) / (clocks + 1) + variant / 1000,
                }.items()
            ),
        )
        for clock in range(clocks)
        for variant in range(variants)
    ]
    return Points.of(rows)


@dataclass
class Hot:
    """A clock that grants no more than the coolest value; a try takes a time of the machine."""

    known: Points
    cost_s: float = 0.0
    now: float = 0.0
    most: int = 0
    value: str = "0"
    tries: list[float] = field(default_factory=list[float])

    def __post_init__(self) -> None:
        self.manager = Manager(self.known, "max_accuracy")
        knobs = Knobs([Call("clock", lambda: self.value, self.put)], act=True)
        self.refusals = Refusals(self.known, knobs, lambda p: {"clock": str(p.settings["clock"])})

    def put(self, text: str) -> None:
        if int(text) > self.most:
            self.now += self.cost_s
            self.tries.append(self.now)
            raise PermissionError(text)
        self.value = text

    def job(
        self,
        free: Callable[[float], Bool[np.ndarray, " point"] | None] = lambda _now: None,
        clock: Callable[[], float] | None = None,
    ) -> tuple[Decision, list[str]]:
        decision, applied = self.refusals.settle(
            free, lambda left: self.manager.decide(Goal(), left), clock or (lambda: self.now)
        )
        self.now += 0.1
        return decision, [one.state for one in applied]


@settings(max_examples=10)
@given(st.integers(2, 12), st.floats(2e-3, 0.05))
def test_tries_take_about_a_twentieth_of_the_time_however_many_values_are_refused(
    clocks: int, cost: float
) -> None:
    hot = Hot(points(clocks), cost)
    hot.job()
    assert len(hot.tries) == clocks - 1  # each is tried once, and then the one that is granted runs
    hot.tries.clear()
    began = hot.now
    while hot.now - began < 3 * 20 * clocks * cost + 2:
        assert hot.job()[0].point.name == "0-0"
    assert hot.tries
    # Those that were refused first, when few were, come back early, once.
    assert len(hot.tries) * cost <= (hot.now - began) / 20 + clocks * cost
    hot.most = clocks
    hot.now += 4 * 20 * clocks * cost + 2
    assert hot.job()[0].point.name == f"{clocks - 1}-0"


def test_a_value_is_tried_once_for_all_points_that_need_it() -> None:
    hot = Hot(points(2, 9))
    assert hot.job()[0].point.name == "0-8"
    assert len(hot.tries) == 1
    assert hot.refusals.told == ("clock at 1",)
    assert sorted(hot.refusals.of_points) == list(range(9, 18))
    hot.most, hot.now = 1, 1.0
    assert (hot.job()[1], hot.value) == (["set"], "1")
    assert (hot.refusals.told, hot.refusals.of_points, hot.refusals.lost) == ((), {}, {})


def test_the_wait_doubles_twice_and_begins_anew_after_the_value_was_had() -> None:
    hot = Hot(points(2), 0.01)
    waits: list[float | None] = []
    for most in (0, 0, 0, 0, 1, 0):
        hot.most = most
        hot.value = "0"
        hot.job()
        waits.append(round(hot.refusals.lost["clock", "1"].wait_s, 6) if hot.refusals.lost else None)
        hot.now += 10.0
    assert waits == [0.2, 0.4, 0.8, 0.8, None, 0.2]


def test_where_no_point_is_left_one_runs_with_its_knobs_as_they_are_and_others_set() -> None:
    hot = Hot(points(2), most=-1)
    hot.value = "5"
    decision, states = hot.job()
    assert (decision.point.name, states, hot.value) == ("1-0", ["refused"], "5")
    assert len(hot.tries) == 4  # each value once, and what there was before after each


def test_what_is_not_free_for_other_reasons_is_never_chosen() -> None:
    hot = Hot(points(3))
    only = np.array([False, True, True])
    decision, states = hot.job(lambda _now: only)
    assert (decision.point.name, states) == ("2-0", ["refused"])
    assert only.tolist() == [False, True, True]
    assert hot.job(lambda _now: np.array([True, True, False]))[0].point.name == "0-0"


@pytest.mark.parametrize("clock", [lambda: math.nan, lambda: 0.0])
def test_a_clock_that_is_no_number_or_stands_still_ends_the_tries_of_a_job(
    clock: Callable[[], float],
) -> None:
    hot = Hot(points(4))
    assert hot.job(clock=clock)[0].point.name == "0-0"
    assert len(hot.tries) == 3
