"""The simulator: what a job takes, who is told what, and that an oracle is never beaten at its own game."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sarto.core.errors import SartoError
from sarto.devices.platforms import platform
from sarto.runtime.points import Points, Variant, between, grid
from sarto.runtime.scenarios import Limits, Scenario, drawn
from sarto.runtime.simulate import simulate

XU3 = platform("odroid_xu3")
LADDER = [
    Variant("25 %", 0.56, 0.25),
    Variant("50 %", 0.627, 0.5),
    Variant("75 %", 0.688, 0.75),
    Variant("100 %", 0.712, 1.0),
]
POINTS = Points.of(grid(LADDER, XU3))
LIMITS = Limits((0.56, 0.70))


def plain(**columns: list[float]) -> Scenario:
    jobs = len(next(iter(columns.values())))
    ones = np.ones(jobs)
    given = {name: np.array(values) for name, values in columns.items()}
    slowdown = given.pop("slowdown", ones)
    fields = {
        "deadline_s": ones, "accuracy": 0 * ones, "power_w": ones * np.inf, "noise": ones, "highest_hz": ones * np.inf,
        "second": np.full(jobs, -1), "second_w": 0 * ones,
    } | given  # fmt: skip
    return Scenario("plain", slowdown=np.stack([slowdown, slowdown], 1), **fields)


def test_a_job_takes_what_its_point_says_times_what_slows_it_down() -> None:
    scenario = plain(deadline_s=[0.3, 0.3, 0.3], noise=[1.0, 1.1, 1.0], slowdown=[1.0, 1.5, 1.5])
    run = simulate(POINTS, XU3, scenario, "performance", idle_w=0.5)
    fastest = POINTS.points[int(run.index[0])]
    assert (fastest.name, set(run.index.tolist())) == ("100 % on a15 at 1.8 GHz", {int(run.index[0])})
    assert run.latency_s.tolist() == pytest.approx([0.117, 0.117 * 1.65, 0.117 * 1.5])
    assert run.energy_j.tolist() == pytest.approx([2.12 * t + 0.5 * (0.3 - t) for t in run.latency_s])
    assert run.late.tolist() == [False, False, False]


def test_a_move_and_a_change_of_clock_cost_their_time() -> None:
    scenario = plain(deadline_s=[1.0, 0.25, 0.25], accuracy=[0.7, 0.7, 0.7])
    run = simulate(POINTS, XU3, scenario, "min_energy", oracle=True)
    names = [POINTS.points[int(i)].name for i in run.index]
    assert names == ["100 % on a7 at 700 MHz", *["100 % on a15 at 1 GHz"] * 2]
    assert run.latency_s.tolist() == pytest.approx([0.504, 0.204 + 5e-3, 0.204])


def test_heat_and_a_second_model_take_points_away() -> None:
    scenario = plain(
        deadline_s=[1.0] * 3, highest_hz=[np.inf, 250e6, np.inf], second=[-1, -1, 0], second_w=[0.2, 0.2, 0.2]
    )
    run = simulate(POINTS, XU3, scenario, "performance")
    names = [POINTS.points[int(i)].name for i in run.index]
    assert names == ["100 % on a15 at 1.8 GHz", "100 % on a15 at 200 MHz", "100 % on a7 at 1.3 GHz"]
    assert run.power_w.tolist() == pytest.approx([2.12, 0.326, 0.329 + 0.2])


def test_what_a_second_model_draws_is_no_longer_there() -> None:
    scenario = plain(power_w=[0.4, 0.4], second=[-1, 0], second_w=[0.2, 0.2])
    run = simulate(POINTS, XU3, scenario, "max_accuracy")
    assert not run.over_power.any()
    assert run.power_w[1] - 0.2 <= 0.2


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 2**20))
def test_an_oracle_breaks_no_limit_without_saying_so_and_is_never_late_where_it_need_not(seed: int) -> None:
    scenario = drawn(120, LIMITS, clusters=2, seed=seed, second=0)
    run = simulate(POINTS, XU3, scenario, "min_energy", oracle=True)
    broken = run.late | run.over_power | run.below
    assert not (broken & ~run.relaxed).any()


def test_the_manager_comes_near_the_oracle_and_far_from_governors() -> None:
    device = between(XU3, 100e6)
    points = Points.of(grid(LADDER, device))
    found = {
        (name, oracle): np.mean(
            [
                (s.energy_j, s.late, s.over_power, s.below)
                for seed in (900, 901)
                for s in [
                    simulate(
                        points,
                        device,
                        drawn(1000, LIMITS, clusters=2, seed=seed),
                        name,
                        oracle=oracle,
                        late=0.02,
                    ).summary()
                ]
            ],
            axis=0,
        )
        for name, oracle in (("min_energy", False), ("min_energy", True), ("schedutil", False))
    }
    energy, late, over, below = found["min_energy", False]
    best = found["min_energy", True]
    assert energy < 1.06 * best[0]
    assert late < best[1] + 0.02
    assert below < best[3] + 0.02
    assert over == 0
    assert found["schedutil", False][0] > 2.5 * energy
    assert found["schedutil", False][2] > 0.1


def test_one_who_does_not_learn_is_late_where_jobs_are_slowed_down() -> None:
    scenario = plain(deadline_s=[0.6] * 40, accuracy=[0.7] * 40, slowdown=[1.5] * 40)
    late = [
        simulate(POINTS, XU3, scenario, "min_energy", learns=learns).summary().late
        for learns in (True, False)
    ]
    assert late[0] <= 0.1
    assert late[1] == 1.0


def test_scenarios_are_those_of_their_seed() -> None:
    first, again, other = (drawn(300, LIMITS, clusters=2, seed=seed, second=1) for seed in (5, 5, 6))
    assert (first.deadline_s == again.deadline_s).all()
    assert (first.noise == again.noise).all()
    assert (first.noise != other.noise).any()
    assert set(first.slowdown.ravel().tolist()) <= {1.0, 1.5, 2.2}
    assert set(first.second.tolist()) <= {-1, 1}
    assert ((first.deadline_s >= 0.15) & (first.deadline_s <= 1)).all()
    assert np.std(np.log(first.noise)) == pytest.approx(0.06, rel=0.15)


def test_what_does_not_fit_together_is_refused() -> None:
    scenario = drawn(5, LIMITS, clusters=3, seed=0)
    with pytest.raises(SartoError, match="a scenario of 3 clusters for points on 2"):
        simulate(POINTS, XU3, scenario, "min_energy")
    with pytest.raises(SartoError, match="0 jobs"):
        drawn(0, LIMITS)
    dark = replace(POINTS, power_w=POINTS.power_w * np.nan)
    with pytest.raises(SartoError, match="that of no point is known"):
        simulate(dark, XU3, drawn(5, LIMITS, clusters=2), "min_energy")


def test_jobs_that_take_more_time_than_there_is_are_told_of() -> None:
    quick, slow = (plain(deadline_s=[period] * 4) for period in (0.2, 0.05))
    assert simulate(POINTS, XU3, quick, "performance").busy == pytest.approx(0.117 / 0.2)
    assert simulate(POINTS, XU3, slow, "performance").busy == pytest.approx(0.117 / 0.05)
