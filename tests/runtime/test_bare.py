"""A manager in C: it chooses what the one in Python chooses, learns what it learns, and needs nothing of a library."""

from __future__ import annotations

import ctypes
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.devices.platforms import parse_platform, platform
from sarto.measure.probe import compile_library
from sarto.runtime.bare import c_sources, write_c
from sarto.runtime.goal import LIMITS, Goal
from sarto.runtime.manager import Changes, Manager
from sarto.runtime.points import Points, Variant, between, grid
from tests.devices.test_places import PLACE
from tests.devices.test_platforms import GOOD

XU3 = platform("odroid_xu3")
LADDER = [
    Variant(f"{n}", a, w) for n, (a, w) in enumerate([(0.56, 0.25), (0.63, 0.5), (0.69, 0.75), (0.71, 1.0)])
]
POINTS = Points.of(grid(LADDER, between(XU3, 200e6)))


class CGoal(ctypes.Structure):
    """The goal of `decide.h`."""

    _fields_ = [
        ("deadline_s", ctypes.c_double),
        ("accuracy", ctypes.c_double),
        ("power_w", ctypes.c_double),
        ("firm_first", ctypes.c_uint8 * 3),
    ]


class CDecision(ctypes.Structure):
    """The decision of `decide.h`."""

    _fields_ = [
        ("index", ctypes.c_int),
        ("relaxed", ctypes.c_uint8),
        ("expected_s", ctypes.c_double),
        ("change_s", ctypes.c_double),
    ]


def goal_of(rng: np.random.Generator) -> Goal:
    return Goal(
        math.inf if rng.random() < 0.1 else float(rng.uniform(0.02, 1.0)),
        -math.inf if rng.random() < 0.2 else float(rng.uniform(0.5, 0.75)),
        math.inf if rng.random() < 0.3 else float(rng.choice([0.05, 0.35, 0.9, 2.5])),
        relax=(("accuracy", "deadline"), ("deadline", "accuracy"), ("power", "accuracy"), ())[int(rng.integers(4))],
    )  # fmt: skip


@pytest.mark.parametrize("policy", ["min_energy", "max_accuracy"])
def test_it_chooses_and_learns_as_python_does(policy: str) -> None:
    changes = Changes.of(XU3)
    library: Any = compile_library(c_sources(POINTS, policy, changes=changes, late=0.02), "-O1")
    state, decision = ctypes.create_string_buffer(1 << 16), CDecision()
    library.manager_init(state)
    manager = Manager(POINTS, policy, changes=changes, late=0.02)
    rng = np.random.default_rng(7)
    slow, goal, given = 1.0, Goal(), CGoal()
    gave_way = 0
    for job in range(900):
        if job % 3 == 0:
            goal = goal_of(rng)
            order = (ctypes.c_uint8 * 3)(*(LIMITS.index(name) for name in goal.firm_first))
            given = CGoal(goal.deadline_s, goal.accuracy, goal.power_w, order)
        if job % 50 == 0:
            slow = float(rng.choice([1.0, 1.5, 2.2]))
        free = rng.random(len(POINTS)) < 0.8
        free[int(rng.integers(len(POINTS)))] = True
        mine = manager.decide(goal, free)
        theirs = library.manager_decide(
            state, ctypes.byref(given), free.ctypes.data_as(ctypes.c_void_p), ctypes.byref(decision)
        )
        relaxed = tuple(name for name in goal.firm_first if decision.relaxed >> LIMITS.index(name) & 1)
        assert (theirs, relaxed) == (mine.index, mine.relaxed)
        assert decision.expected_s == pytest.approx(mine.expected_s, rel=1e-12)
        gave_way += bool(relaxed)
        took = slow * POINTS.latency_s[mine.index] * float(np.exp(rng.normal(0, 0.06))) + mine.change_s
        took = took * 5 if rng.random() < 0.02 else took
        manager.observe(mine, float(took))
        library.manager_observe(state, ctypes.byref(decision), ctypes.c_double(took))
    assert 100 < gave_way < 850


def test_the_files_are_written_and_need_no_library(tmp_path: Path) -> None:
    written = write_c(POINTS, "min_energy", tmp_path / "manager")
    assert [path.name for path in written] == ["points.c", "points.h", "decide.c", "decide.h"]
    included = {
        line.split()[1]
        for path in written
        for line in path.read_text(encoding="utf-8").splitlines()
        if line.startswith("#include")
    }
    assert included == {"<stdint.h>", '"decide.h"', '"points.h"'}


def test_what_cannot_be_written() -> None:
    with pytest.raises(SartoError, match="E176"):
        c_sources(POINTS, "utility")
    with pytest.raises(SartoError, match="E176"):
        c_sources(replace(POINTS, power_w=POINTS.power_w * math.nan), "min_energy")
    board = parse_platform("mine", GOOD + PLACE)
    with pytest.raises(SartoError, match="no C for points at gateway"):
        c_sources(Points.of(grid([Variant("whole", 0.71, 1.0)], board)), "min_energy")
