"""The memory plan of networks: nothing overlaps while it lives, and the arena is near its bound."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sarto.deploy.c.network import arena_plan
from sarto.deploy.lower.network import lower_network
from sarto.deploy.plan import Buffer, Plan, laid_out
from tests.deploy.random_networks import quantised

LIVES = st.tuples(st.integers(1, 90), st.integers(-1, 9), st.integers(0, 4))


def assert_sound(plan: Plan) -> None:
    for a, b in itertools.combinations(plan.buffers, 2):
        if a.meets(b):
            i, j = plan.places[a.names[0]], plan.places[b.names[0]]
            assert i + a.size_b <= j or j + b.size_b <= i, (a, b)
    assert all(place % 4 == 0 for place in plan.places.values())
    assert plan.size_b == max(plan.places[b.names[0]] + b.size_b for b in plan.buffers)
    assert plan.bound_b == sum(b.size_b for b in plan.at_peak) <= plan.size_b


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(LIVES, min_size=1, max_size=12))
def test_what_lives_at_once_never_overlaps(lives: list[tuple[int, int, int]]) -> None:
    assert_sound(laid_out([Buffer((str(i),), b, t, t + d) for i, (b, t, d) in enumerate(lives)]))


@pytest.mark.parametrize("seed", range(6))
def test_networks(seed: int) -> None:
    _, small, data = quantised(seed)
    graph = lower_network(small, data.classes).graph
    plan = arena_plan(graph)
    assert_sound(plan)
    assert plan.size_b <= 1.1 * plan.bound_b
    running = [t.name for t in graph.tensors if t.kind != "const"]
    assert set(running) <= set(plan.places)


def test_a_sum_takes_the_place_of_what_dies_there() -> None:
    _, small, data = quantised(0)
    graph = lower_network(small, data.classes).graph
    plan = arena_plan(graph)
    number, add = next((i, op) for i, op in enumerate(graph.whole) if op.kind == "add")
    later = {name for op in graph.whole[number + 1 :] for name in op.inputs.values()}
    over = [x for x in add.inputs.values() if plan.places[x] == plan.places[add.outputs["y"]]]
    assert over and not set(over) & later


def test_first_fit_alone_would_waste() -> None:
    """Sizes for which greedy by size is above the bound, and another order is not."""
    lives = [(8, 0, 1), (6, 1, 2), (6, 2, 3), (10, 3, 3), (4, 0, 0)]
    plan = laid_out([Buffer((str(i),), 4 * b, s, e) for i, (b, s, e) in enumerate(lives)])
    assert_sound(plan)
    assert plan.size_b == plan.bound_b
    assert np.isclose(plan.bound_b, 64)
