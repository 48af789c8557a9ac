"""The suite that every policy passes: it chooses what is available, keeps what it says, and remembers nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint
from sarto.core.rooms import load_method, methods
from sarto.runtime.goal import Goal
from sarto.runtime.points import Points
from sarto.runtime.policies._choice import Policy, State

ROOM = "sarto.runtime.policies"
GOVERNORS = {"performance", "powersave", "schedutil", "energy_aware"}
"""They see neither limits nor variants."""
pytestmark = pytest.mark.parametrize("name", methods(ROOM))


def policy(name: str) -> Policy:
    return load_method(ROOM, name).Policy()


def points_of(rows: list[tuple[float, float, float]]) -> Points:
    """Points of (latency, power, accuracy), on two clusters in turn."""
    return Points.of(
        [
            OperatingPoint(
                f"p{i}",
                {"cluster": "ab"[i % 2], "frequency_hz": 1e9 / latency},
                (
                    Evidence("latency", latency, "s", "measured", "t"),
                    Evidence("power", power, "W", "measured", "t"),
                    Evidence("energy", power * latency, "J", "measured", "t"),
                    Evidence("accuracy", accuracy, "1", "measured", "t"),
                ),
            )
            for i, (latency, power, accuracy) in enumerate(rows)
        ]
    )


ROW = st.tuples(st.floats(0.01, 2), st.floats(0.05, 3), st.floats(0.3, 0.99))
CASES = st.fixed_dictionaries(
    {
        "rows": st.lists(ROW, min_size=1, max_size=9),
        "slow": st.floats(0.5, 3),
        "deadline": st.floats(0.01, 3),
        "accuracy": st.floats(0, 1),
        "power": st.floats(0.05, 3),
        "margin": st.floats(1, 1.5),
        "seed": st.integers(0, 99),
    }
)


def case(given: dict[str, Any]) -> tuple[Points, Goal, State]:
    points = points_of(given["rows"])
    rng = np.random.default_rng(given["seed"])
    available = rng.random(len(points)) < 0.7
    available[int(rng.integers(len(points)))] = True
    last = int(rng.integers(-1, len(points)))
    state = State(
        points.latency_s * given["slow"],
        points.energy_j * given["slow"],
        given["margin"],
        available,
        last,
        given["slow"],
        float(rng.random()),
        float(rng.random()),
        int(rng.integers(9)),
    )
    return points, Goal(given["deadline"], given["accuracy"], given["power"], float(rng.random())), state


@given(given=CASES)
def test_it_chooses_an_available_point_and_always_the_same(name: str, given: dict[str, Any]) -> None:
    points, goal, state = case(given)
    choice = policy(name).choose(points, goal, state)
    assert state.available[choice.index]
    assert policy(name).choose(points, goal, state) == choice


@given(given=CASES)
def test_what_it_does_not_say_it_breaks_it_keeps(name: str, given: dict[str, Any]) -> None:
    if name in GOVERNORS:
        return
    points, goal, state = case(given)
    choice = policy(name).choose(points, goal, state)
    i = choice.index
    kept = {
        "power": points.power_w[i] <= goal.power_w,
        "accuracy": points.accuracy[i] >= goal.accuracy,
        "deadline": state.latency_s[i] <= goal.deadline_s,
    }
    assert {limit for limit, good in kept.items() if not good} <= set(choice.relaxed)
    # Nothing gives way where one point meets everything with the whole margin.
    meets = state.available & (points.power_w <= goal.power_w) & (points.accuracy >= goal.accuracy)
    if (meets & (state.latency_s * state.margin <= goal.deadline_s * (1 - 1e-9))).any():
        assert choice.relaxed == ()


@given(given=CASES)
def test_governors_run_the_best_variant(name: str, given: dict[str, Any]) -> None:
    points, goal, state = case(given)
    if name in GOVERNORS:
        chosen = points.accuracy[policy(name).choose(points, goal, state).index]
        assert chosen == points.accuracy[state.available].max()


LADDER = [(0.4, 0.5, 0.6), (0.2, 1.5, 0.6), (0.8, 0.5, 0.7), (0.4, 1.5, 0.7)]
"""Two variants at a low clock (even) and a high one (odd)."""
CHOSEN = {
    "min_energy": (0, 1, 2),
    "max_accuracy": (3, 1, 2),
    "tail_risk": (3, 1, 2),
    "utility": (3, 1, 2),
    "energy_budget": (3, 1, 2),
    "performance": (3, 3, 3),
    "powersave": (3, 3, 3),
    "schedutil": (3, 3, 3),
    "energy_aware": (3, 3, 2),
}
"""Point that is chosen for deadlines of .5 s, .25 s, and 1 s with an accuracy of .65; periods are deadlines."""


def test_known_answers(name: str) -> None:
    points = points_of(LADDER)
    goals = (Goal(0.5), Goal(0.25), Goal(1.0, 0.65))
    found: list[int] = []
    for goal in goals:
        state = State(points.latency_s, points.energy_j, 1.1, np.ones(4, bool), period_s=goal.deadline_s)
        found.append(policy(name).choose(points, goal, state).index)
    assert tuple(found) == CHOSEN[name]
