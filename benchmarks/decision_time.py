"""What a decision takes in Python and in C, that both choose alike, that memory stays, and two models under one cap.

128 operating points: five widths of a network in the settings of the Odroid XU3 with every 100 MHz between those that
are published, cut to 128. A decision is `Manager.decide`, timed one by one with its policy at work: the goal changes
every 25 jobs, so that what is kept from job to job is worked out anew as often, and jobs are 6 % noisy, now and then
slowed down and one in 50 held up. Cases: goals that can be met; goals that cannot, so that limits give way; and the
latter with a mask of the points that can be used, drawn anew with each goal. Telling the manager how a job went is
timed beside. Cases take turns, and what is judged is the median; the 95 % quantile is told too.

In C (`sarto.runtime.bare`, compiled for this host with -O2), decisions and observations of the same kind run in a loop,
and a decision's time is the median over rounds of the time of a loop; `different decisions` counts those of 100,000 in
which Python and C, told the same, chose another point or let other limits give way.

Memory, in a fresh process each: how much more the process holds (VmRSS) after a million decisions than after the first
tenth of that, for the manager alone and for a session with its log off; and the same of Python's own objects
(tracemalloc) over 100,000.

Two models, each on a cluster of its own, under a cap of power: 1,000 random pairs of goals, all combinations tried
against one model after the other (the first takes what is best for it; if the second then cannot, the other way round
is not tried). Both sides know every time exactly.
"""

from __future__ import annotations

import ctypes
import statistics
import time
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool

from benchmarks._bench import Bench
from benchmarks._outcome import Bar, Figure, Outcome, at_most
from sarto.devices.platforms import platform
from sarto.measure.probe import compile_library
from sarto.runtime.bare import c_sources
from sarto.runtime.goal import LIMITS, Goal
from sarto.runtime.manager import Changes, Manager
from sarto.runtime.multi_model import Model, together
from sarto.runtime.points import Points, Variant, between, grid
from sarto.runtime.session import session

MINUTES = 5
POINTS, DECISIONS, ROUNDS = 128, 4000, 5
PYTHON_S, C_S, GROWTH_B = 20e-6, 2e-6, 256 * 1024
POLICIES = ("min_energy", "max_accuracy", "tail_risk")
CASES = ("limits met", "limits give way", "limits give way, some points cannot be used")
LADDER = [
    Variant(f"{i}", accuracy, work)
    for i, (accuracy, work) in enumerate([(0.56, 0.25), (0.6, 0.4), (0.63, 0.5), (0.69, 0.75), (0.71, 1.0)])
]
LOOP = """
#include "decide.h"
int64_t run(manager_state *m, const manager_goal *goals, const uint8_t *free, const double *slow, int64_t jobs)
{
    int64_t sum = 0;
    for (int64_t i = 0; i < jobs; i++) {
        manager_decision d;
        sum += manager_decide(m, &goals[i / 25], free ? free + i / 25 * MANAGER_POINTS : 0, &d);
        if (slow)
            manager_observe(m, &d, slow[i] * d.expected_s);
    }
    return sum;
}
"""


class CGoal(ctypes.Structure):
    """The goal of `decide.h`."""

    _fields_ = [
        *((name, ctypes.c_double) for name in ("deadline_s", "accuracy", "power_w")),
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


def run(bench: Bench) -> Outcome:
    """Return times of decisions in both languages, what differs, growth of memory, and pairs of models."""
    figures: dict[str, Figure] = {}
    bars: list[Bar] = []
    points = table()
    for key, (times, observed) in python_times(points, 400 if bench.quick else DECISIONS).items():
        middle = statistics.median(times)
        spread = (min(times), float(np.quantile(times, 0.95)))
        figures[f"{key}: decision in Python, median"] = Figure(middle, "s", "measured", len(times), spread)
        figures[f"{key}: decision in Python, 95 %"] = Figure(spread[1], "s", "measured", len(times))
        figures[f"{key}: hearing of a job, median"] = Figure(
            statistics.median(observed), "s", "measured", len(observed)
        )
        bars.append(at_most(f"{key}: decision in Python, median", middle, PYTHON_S))
    for policy in POLICIES[:2]:
        library: Any = compile_library(
            {**c_sources(points, policy, changes=CHANGES, late=0.02), "loop.c": LOOP}, "-O2"
        )
        jobs = 2000 if bench.quick else 100_000
        different = differences(points, policy, library, jobs)
        figures[f"{policy}: different decisions"] = Figure(different, "1", "measured", jobs)
        bars.append(at_most(f"{policy}: different decisions of {jobs:,}", different, 0))
        for case in CASES:
            times = c_times(points, case, library, 20 if bench.quick else 4000)
            key = f"{policy}, {case}: decision in C, median"
            middle = statistics.median(times)
            figures[key] = Figure(middle, "s", "measured", len(times), (min(times), max(times)))
            bars.append(at_most(key, middle, C_S))
    jobs = 20_000 if bench.quick else 1_000_000
    for what in ("manager", "session"):
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
            grown, traced = executor.submit(growth, what, jobs).result()
        key = f"memory of the process, {what}: growth over {jobs:,} decisions"
        figures[key] = Figure(grown, "B", "measured", jobs)
        figures[f"memory of Python's objects, {what}: growth over {jobs // 10:,} decisions"] = Figure(
            traced, "B", "measured", jobs // 10
        )
        bars.append(at_most(key, grown, GROWTH_B))
    figures |= two_models(30 if bench.quick else 1000)
    return Outcome(figures, () if bench.quick else tuple(bars))


CHANGES = Changes.of(platform("odroid_xu3"))


def table() -> Points:
    """Return the points."""
    return Points.of(grid(LADDER, between(platform("odroid_xu3"), 100e6))[:POINTS])


def goals(case: str, seed: int) -> Iterator[tuple[Goal, Bool[np.ndarray, " point"] | None]]:
    """Yield goals of a case, and the points that can be used."""
    rng = np.random.default_rng(seed)
    while True:
        if case == CASES[0]:
            yield Goal(float(rng.uniform(0.5, 1.0)), float(rng.uniform(0.5, 0.65)), 0.9), None
        else:
            goal = Goal(float(rng.uniform(0.02, 0.06)), float(rng.uniform(0.65, 0.71)), 0.35)
            yield goal, None if case == CASES[1] else rng.random(POINTS) < 0.7


def slowed(rng: np.random.Generator, job: int) -> float:
    """Return the factor on the time of a job."""
    held = 5.0 if rng.random() < 0.02 else 1.0
    return held * (1.0, 1.5, 2.2)[job // 500 % 3] * float(np.exp(rng.normal(0, 0.06)))


def python_times(points: Points, decisions: int) -> dict[str, tuple[list[float], list[float]]]:
    """Return for each policy and case the times of decisions, and of hearing how jobs went."""
    found: dict[str, tuple[list[float], list[float]]] = {}
    for turn in range(ROUNDS):
        for policy in POLICIES:
            for case in CASES:
                times, observed = found.setdefault(f"{policy}, {case}", ([], []))
                manager, rng = (
                    Manager(points, policy, changes=CHANGES, late=0.02),
                    np.random.default_rng(turn),
                )
                drawn = goals(case, turn)
                goal, free = next(drawn)
                for job in range(decisions // ROUNDS):
                    if job % 25 == 0:
                        goal, free = next(drawn)
                    begun = time.perf_counter()
                    decision = manager.decide(goal, free)
                    times.append(time.perf_counter() - begun)
                    took = slowed(rng, job) * points.latency_s[decision.index] + decision.change_s
                    begun = time.perf_counter()
                    manager.observe(decision, float(took))
                    observed.append(time.perf_counter() - begun)
    return found


def in_c(goal: Goal) -> CGoal:
    """Return a goal as C takes it."""
    order = (ctypes.c_uint8 * 3)(*(LIMITS.index(name) for name in goal.firm_first))
    return CGoal(goal.deadline_s, goal.accuracy, goal.power_w, order)


def c_times(points: Points, case: str, library: Any, rounds: int) -> list[float]:
    """Return the times of a decision in C, each the mean of a loop over the 50 decisions for two goals."""
    drawn, state = goals(case, 0), ctypes.create_string_buffer(1 << 16)
    chosen = [next(drawn) for _ in range(40)]
    given = (CGoal * 40)(*(in_c(goal) for goal, _ in chosen))
    masks = None if chosen[0][1] is None else np.stack([free for _, free in chosen if free is not None])
    free = None if masks is None else masks.ctypes.data_as(ctypes.c_void_p)
    rng = np.random.default_rng(0)
    slow = np.array([slowed(rng, job) for job in range(1000)])
    library.manager_init(state)
    library.run(state, given, free, slow.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(1000))
    found: list[float] = []
    for _ in range(rounds):
        begun = time.perf_counter()
        library.run(state, given, free, None, ctypes.c_int64(50))
        found.append((time.perf_counter() - begun) / 50)
    return found


def differences(points: Points, policy: str, library: Any, jobs: int) -> int:
    """Return how many of so many decisions differ between Python and C, all kinds of goals in turns."""
    state, theirs = ctypes.create_string_buffer(1 << 16), CDecision()
    library.manager_init(state)
    manager, rng = Manager(points, policy, changes=CHANGES, late=0.02), np.random.default_rng(1)
    kinds = [goals(case, 1) for case in CASES]
    different = 0
    for job in range(jobs):
        goal, free = next(kinds[int(rng.integers(3))])
        if rng.random() < 0.3:
            goal = Goal(goal.deadline_s, goal.accuracy, goal.power_w, relax=("deadline", "accuracy", "power"))
        mine = manager.decide(goal, free)
        pointer = None if free is None else free.ctypes.data_as(ctypes.c_void_p)
        library.manager_decide(state, ctypes.byref(in_c(goal)), pointer, ctypes.byref(theirs))
        relaxed = {name for i, name in enumerate(LIMITS) if theirs.relaxed >> i & 1}
        different += theirs.index != mine.index or relaxed != set(mine.relaxed)
        took = slowed(rng, job) * float(points.latency_s[mine.index]) + mine.change_s
        manager.observe(mine, took)
        library.manager_observe(state, ctypes.byref(theirs), ctypes.c_double(took))
    return different


def growth(what: str, jobs: int) -> tuple[float, float]:
    """Return how much more this process holds after the jobs than after a tenth of them, and Python's objects alike."""
    points, rng = table(), np.random.default_rng(0)
    manager = Manager(points, "tail_risk", changes=CHANGES, late=0.02)
    kinds = [goals(case, 0) for case in CASES]
    slow = [slowed(rng, job) for job in range(1500)]
    works = {v.name: _same for v in LADDER}

    def many(count: int) -> None:
        goal, free = next(kinds[0])
        with session(manager, works) as s:
            for job in range(count):
                if job % 25 == 0:
                    goal, free = next(kinds[job // 25 % 3])
                if what == "session":
                    s.goal = goal
                    s.infer(job)
                else:
                    decision = manager.decide(goal, free)
                    manager.observe(decision, slow[job % 1500] * decision.expected_s)

    many(jobs // 10)
    before = _held()
    many(jobs - jobs // 10)
    grown = _held() - before
    tracemalloc.start()
    many(jobs // 100)
    first = tracemalloc.get_traced_memory()[0]
    many(jobs // 10)
    traced = tracemalloc.get_traced_memory()[0] - first
    tracemalloc.stop()
    return grown, float(traced)


def _same(item: int) -> int:
    return item


def _held() -> float:
    """Return the memory that this process holds, as the Linux kernel counts it, in B."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return 1024.0 * int(next(line.split()[1] for line in lines if line.startswith("VmRSS:")))


def two_models(cases: int) -> dict[str, Figure]:
    """Return how often two models find no pair, tried together and one after the other, and what they draw."""
    points, rng = table(), np.random.default_rng(0)
    failed = {"together": 0, "one after the other": 0}
    ratios: list[float] = []
    for _ in range(cases):
        models = [
            Model(points, Goal(float(rng.uniform(0.1, 0.8)), float(rng.uniform(0.56, 0.71))))
            for _ in range(2)
        ]
        cap = float(rng.choice([0.5, 0.9, 1.5, 2.5]))
        joint, single = together(models, cap), _greedy(models, cap)
        failed["together"] += bool(joint.relaxed)
        failed["one after the other"] += single is None
        if single is not None:
            ratios.append(single / joint.draw_w)
    figures = {
        f"two models, {how}: no pair of points": Figure(n / cases, "1", "estimated", cases)
        for how, n in failed.items()
    }
    more = Figure(statistics.fmean(ratios), "1", "estimated", len(ratios), (min(ratios), max(ratios)))
    return figures | {"two models, one after the other: draw over that together, mean": more}


def _greedy(models: list[Model], cap: float) -> float | None:
    """Return what both draw if the first takes what is best for it, or None where the second then finds nothing."""
    drawn, taken = 0.0, -1
    for model in models:
        points = model.points
        fits = (
            model.allowed(accuracy=True, deadline=True) & (points.power_w <= cap) & (points.cluster != taken)
        )
        if not fits.any():
            return None
        best = int(np.where(fits, model.draw(), np.inf).argmin())
        drawn, taken, cap = (
            drawn + float(model.draw()[best]),
            int(points.cluster[best]),
            cap - float(points.power_w[best]),
        )
    return drawn
