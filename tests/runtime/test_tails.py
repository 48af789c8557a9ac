"""Tails: counts that fade, shares that rise with time, and a policy that keeps late jobs rare among heavy tails."""

from __future__ import annotations

from bisect import bisect_left
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint
from sarto.devices.platforms import platform
from sarto.runtime.goal import Goal
from sarto.runtime.manager import Manager
from sarto.runtime.points import Points, Variant, grid
from sarto.runtime.policies._choice import Policy as AnyPolicy
from sarto.runtime.policies.tail_risk import Policy
from sarto.runtime.scenarios import Limits, drawn
from sarto.runtime.simulate import simulate
from sarto.runtime.tails import BINS, ROWS, Tails, pooled

TIMES, ACCURACIES = (0.5e-3, 1e-3, 1.5e-3, 2e-3), (0.817, 0.923, 0.942, 0.957)
POINTS = Points.of(
    [
        OperatingPoint(
            f"{time:g}",
            {},
            (
                Evidence("latency", time, "s", "measured", "t"),
                Evidence("accuracy", accuracy, "1", "measured", "t"),
            ),
        )
        for time, accuracy in zip(TIMES, ACCURACIES, strict=True)
    ]
)
ONE = np.zeros(4, int)


def filled(index: int, jobs: int, late: int, ratio: float = 10.0) -> Tails:
    tails = Tails()
    for job in range(jobs):
        tails.heard(index, ratio if job < late else 1.0)
    return tails


def isotonic(time: list[float], share: list[float], weight: list[float]) -> list[float]:
    from sklearn.isotonic import IsotonicRegression

    model: Any = IsotonicRegression()
    return [float(one) for one in model.fit(time, share, sample_weight=weight).predict(time)]


@settings(deadline=None, max_examples=25)
@given(rows=st.lists(st.tuples(st.integers(1, 20), st.integers(0, 20)), min_size=1, max_size=8))
def test_pools_are_those_of_an_isotonic_regression(rows: list[tuple[int, int]]) -> None:
    given_rows = [(float(i), float(n), float(min(k, n))) for i, (n, k) in enumerate(rows)]
    pools = pooled(given_rows)
    starts = [int(time) for time, _, _ in pools] + [len(rows)]
    mine = [
        k / n for (_, n, k), a, b in zip(pools, starts[:-1], starts[1:], strict=True) for _ in range(a, b)
    ]
    shares = [k / n for _, n, k in given_rows]
    other = isotonic([time for time, _, _ in given_rows], shares, [n for _, n, _ in given_rows])
    assert mine == pytest.approx(other, abs=1e-9)


def test_a_point_is_refused_from_the_share_that_its_posterior_says() -> None:
    # Without fading to speak of: with z = 0 a point is kept as long as k <= T n + 2.
    found = {
        late: filled(3, 20, late).refused(POINTS.latency_s, ONE, 2.6e-3, target=0.05, caution=0.0)
        for late in (2, 3, 4)
    }
    assert found == {2: {}, 3: {}, 4: {0: 2e-3}}
    # The bound is mean + z sd of Beta(k + 2, n + 80 - k - 2): with k = 2, n = 20 mean .04 and sd .0195.
    two = {
        z: filled(3, 20, 2).refused(POINTS.latency_s, ONE, 2.6e-3, target=0.05, caution=z) for z in (0.4, 0.8)
    }
    assert two == {0.4: {}, 0.8: {0: 2e-3}}


def test_the_same_jobs_are_read_for_any_deadline() -> None:
    tails = filled(1, 40, 10, ratio=3.0)
    found = [bool(tails.refused(POINTS.latency_s, ONE, d, target=0.02)) for d in (1.2e-3, 2.8e-3, 3.3e-3)]
    assert found == [True, True, False]


def test_a_slower_point_is_not_late_less_often_and_other_clusters_are_not_meant() -> None:
    tails = filled(1, 40, 10)
    assert tails.refused(POINTS.latency_s, ONE, 2.6e-3, target=0.02) == {0: 1e-3}
    assert tails.refused(POINTS.latency_s, np.array([1, 0, 1, 1]), 2.6e-3, target=0.02) == {0: 1e-3}


def test_what_was_late_is_forgotten_and_what_is_remembered_is_bounded() -> None:
    tails = filled(3, 30, 30)
    assert tails.refused(POINTS.latency_s, ONE, 2.6e-3, target=0.02)
    for _ in range(3000):
        tails.heard(0, 1.0)
    assert not tails.refused(POINTS.latency_s, ONE, 2.6e-3, target=0.02)
    assert tails.known().tolist() == [0]
    for index in range(1000):
        tails.heard(index, 1.0)
    assert len(tails.known()) == ROWS
    assert 999 in tails.known()
    assert BINS * ROWS * 8 < 1e5


def bin_of(ratio: float) -> int:
    edges: list[float] = (-2.0 + 0.03125 * np.arange(256)).tolist()
    return min(bisect_left(edges, np.log(ratio)), 255)


@pytest.mark.parametrize("seed", [0, 1])
def test_what_is_known_and_refused_is_what_the_weights_say(seed: int) -> None:
    """Counted anew from all jobs that are remembered, with a weight of (1 - 1/300) for each job since."""
    rng = np.random.default_rng(seed)
    tails, jobs = Tails(), dict[int, list[tuple[int, float]]]()
    time, cluster = np.linspace(1.0, 2.0, 30), np.arange(30) % 3
    found = list[bool]()
    for job in range(3000):
        # Points come and go by groups, so that some are forgotten, some evicted, and some come back.
        index = int(rng.integers(job // 500 * 5, job // 500 * 5 + (4 if job % 1000 < 500 else 20)) % 30)
        ratio = float(rng.choice([0.05, 1.0, 1.3, 4.0, 1e9], p=[0.1, 0.6, 0.2, 0.09, 0.01]))
        tails.heard(index, ratio)
        jobs[index] = [*jobs.pop(index, []), (job, ratio)]
        if len(jobs) > ROWS:
            del jobs[next(iter(jobs))]
        if job % 40:
            continue
        weight = {i: [(1 - 1 / 300) ** (job - when) for when, _ in each] for i, each in jobs.items()}
        sums = {i: sum(each) for i, each in weight.items()}
        if min(abs(one - 0.5) for one in sums.values()) < 0.01:
            continue
        known = {i for i, one in sums.items() if one >= 0.5}
        assert set(tails.known().tolist()) == known
        deadline = float(rng.uniform(0.5, 6.0))
        wanted: dict[int, float] = {}
        for number in range(3):
            rows: list[tuple[float, float, float]] = []
            for i in sorted(known, key=lambda i: time[i]):
                if cluster[i] == number:
                    # A job is late if it lies in the bin of the deadline or above.
                    of_deadline = bin_of(deadline / float(time[i]))
                    mine = [bin_of(ratio) for _, ratio in jobs[i]]
                    late = sum(w for w, one in zip(weight[i], mine, strict=True) if one >= of_deadline)
                    rows.append((float(time[i]), sums[i], late))
            for first, n, late in pooled(rows):
                share = (late + 2) / (n + 4 / 0.1)
                if share + 0.5 * np.sqrt(share * (1 - share) / (n + 4 / 0.1 + 1)) > 0.1:
                    wanted[number] = first
                    break
        assert tails.refused(time, cluster, deadline, target=0.1) == pytest.approx(wanted)
        found.append(bool(wanted))
    assert 0 < sum(found) < len(found)


def held_up(policy: str | AnyPolicy, jobs: int, seed: int) -> tuple[float, float]:
    """Share of late jobs and mean accuracy where in every other 500 jobs some are held up, the longer the likelier."""
    rng = np.random.default_rng(seed)
    manager, goal = Manager(POINTS, policy, late=0.02), Goal(2.6e-3)
    late, accuracy = 0, 0.0
    for job in range(jobs):
        decision = manager.decide(goal)
        nominal = TIMES[decision.index]
        took = nominal * float(np.exp(rng.normal(0, 0.02)))
        if job // 500 % 2 and rng.random() < 1 - np.exp(-60 * nominal):
            took += float(rng.exponential(2e-3))
        manager.observe(decision, took)
        late, accuracy = late + (took > goal.deadline_s), accuracy + ACCURACIES[decision.index]
    return late / jobs, accuracy / jobs


def test_it_keeps_late_jobs_rare_where_a_mean_slowdown_does_not() -> None:
    risk, mean = held_up("tail_risk", 2000, 0), held_up("max_accuracy", 2000, 0)
    assert mean[0] > 0.03
    assert risk[0] <= 0.02
    assert risk[1] > 0.88


def test_where_nothing_is_held_up_it_stays_at_the_most_accurate() -> None:
    manager = Manager(POINTS, "tail_risk")
    chosen: set[int] = set()
    for _ in range(50):
        decision = manager.decide(Goal(2.6e-3))
        chosen.add(decision.index)
        manager.observe(decision, decision.point["latency"])
    assert chosen == {3}


def test_a_more_accurate_point_is_tried_once_in_a_while_where_the_margin_forbids_it() -> None:
    manager = Manager(POINTS, Policy(probe=20))
    indices: list[int] = []
    for _ in range(60):
        decision = manager.decide(Goal(2.1e-3))  # 2 ms, and the first margin is 1.15
        indices.append(decision.index)
        manager.observe(decision, decision.point["latency"])
    assert indices[0] == 2
    assert 3 in indices
    assert indices[-1] == 3  # it went well, so it is known


def test_in_the_simulator_it_breaks_no_power_and_is_seldom_late() -> None:
    xu3 = platform("odroid_xu3")
    ladder = [Variant("half", 0.63, 0.5), Variant("whole", 0.71, 1.0)]
    points = Points.of(grid(ladder, xu3))
    scenario = drawn(600, Limits((0.63, 0.70)), clusters=2, seed=3)
    run, best = (simulate(points, xu3, scenario, "tail_risk", oracle=oracle) for oracle in (False, True))
    assert run.summary().over_power == best.summary().over_power
    assert run.summary().late <= best.summary().late + 0.05


@pytest.mark.parametrize("odd", [{"target": 0.0}, {"target": 1.0}, {"caution": -1.0}, {"probe": 0}])
def test_settings_that_cannot_be(odd: dict[str, Any]) -> None:
    with pytest.raises(SartoError, match="E116"):
        Policy(**odd)
