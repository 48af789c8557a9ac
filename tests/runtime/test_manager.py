"""The manager: what it asks of a policy, what it learns, and what it refuses."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.core.evidence import Evidence
from sarto.core.points import OperatingPoint
from sarto.devices.platforms import platform
from sarto.runtime.goal import Goal
from sarto.runtime.manager import Changes, Manager
from sarto.runtime.points import Points, Variant, grid
from sarto.runtime.policies.energy_budget import Policy as Budget
from sarto.runtime.policies.energy_budget import mix
from sarto.runtime.policies.utility import Policy as Utility

XU3 = platform("odroid_xu3")
POINTS = Points.of(grid([Variant("half", 0.63, 0.5), Variant("full", 0.71, 1.0)], XU3))


def test_it_goes_where_the_deadline_can_be_met_and_comes_back() -> None:
    manager = Manager(POINTS, "min_energy", changes=Changes.of(XU3))
    goal = Goal(0.45, 0.7)
    places: list[str] = []
    for slow in (1.0, 1.0, 1.8, 1.8, 1.8, 1.0, 1.0, 1.0):
        decision = manager.decide(goal)
        places.append(decision.point.name)
        manager.observe(decision, slow * decision.point["latency"] + decision.change_s)
    assert places[:2] == ["full on a7 at 1.3 GHz"] * 2
    assert places[3:5] == ["full on a15 at 1 GHz"] * 2
    assert places[-1] == "full on a7 at 1.3 GHz"


def test_the_change_of_setting_is_part_of_the_job() -> None:
    manager = Manager(POINTS, "min_energy", changes=Changes(frequency_s=0.001, move_s=0.05))
    first = manager.decide(Goal(1.0, 0.7))
    assert first.change_s == 0
    manager.observe(first, first.point["latency"])
    later = manager.decide(Goal(0.25, 0.7))
    assert (later.point.settings["cluster"], later.change_s) == ("a15", 0.05)
    assert later.expected_s == pytest.approx(later.point["latency"] + 0.05)
    manager.observe(later, later.expected_s)
    assert manager.slowdown.of()[1] == pytest.approx(1.0)  # the change is no slowdown


def test_limits_give_way_in_the_order_that_was_declared() -> None:
    goal = {"deadline_s": 0.1, "accuracy": 0.7, "power_w": 0.5}
    relaxed = {
        order: Manager(POINTS, "min_energy").decide(Goal(**goal, relax=order))
        for order in (("accuracy", "deadline"), ("deadline", "accuracy"), ("power", "accuracy"))
    }
    names = {order: (one.point.name, one.relaxed) for order, one in relaxed.items()}
    assert names["accuracy", "deadline"] == ("half on a7 at 1.3 GHz", ("deadline", "accuracy"))
    assert names["deadline", "accuracy"] == ("full on a7 at 1.3 GHz", ("deadline",))
    assert names["power", "accuracy"] == ("half on a15 at 1.8 GHz", ("accuracy", "power"))


def test_a_limit_that_nothing_meets_is_broken_as_little_as_can_be() -> None:
    decision = Manager(POINTS, "min_energy").decide(Goal(power_w=0.01, accuracy=0.7))
    assert (decision.point.name, decision.relaxed) == ("full on a7 at 200 MHz", ("power",))


def test_an_energy_budget_is_kept_in_the_mean_and_beats_every_single_point() -> None:
    manager, goal = Manager(POINTS, Budget()), Goal(0.6, energy_j=0.05)
    spent: list[float] = []
    accuracy: list[float] = []
    for _ in range(400):
        decision = manager.decide(goal)
        manager.observe(decision, decision.point["latency"])
        spent.append(decision.point["energy"])
        accuracy.append(decision.point["accuracy"])
    assert np.mean(spent) <= 0.05
    assert np.mean(spent) == pytest.approx(0.05, rel=0.01)
    affordable = POINTS.accuracy[(POINTS.energy_j <= 0.05) & (POINTS.latency_s <= 0.6)].max()
    assert np.mean(accuracy) > affordable + 0.03


def best_of_linear_program(energy: Any, accuracy: Any, budget: float) -> float:
    from scipy import optimize

    solve: Any = getattr(optimize, "linprog")  # noqa: B009 (its type is not known)
    found = solve(-accuracy, A_ub=energy[None], b_ub=[budget], A_eq=np.ones((1, len(energy))), b_eq=[1])
    return -float(found.fun)


def test_the_mix_is_the_optimum_of_the_linear_program() -> None:
    rng = np.random.default_rng(0)
    for _ in range(50):
        energy, accuracy = rng.uniform(0.1, 1, 12), rng.uniform(0.5, 0.9, 12)
        budget = float(rng.uniform(float(energy.min()), 1.1))
        best = mix(energy, accuracy, budget)
        mean = (1 - best.share) * accuracy[best.low] + best.share * accuracy[best.high]
        spent = (1 - best.share) * energy[best.low] + best.share * energy[best.high]
        assert mean == pytest.approx(best_of_linear_program(energy, accuracy, budget), abs=1e-9)
        assert spent <= budget * (1 + 1e-12)


def test_a_mix_below_the_cheapest_point_is_that_point() -> None:
    best = mix(np.array([2.0, 1.0]), np.array([0.9, 0.5]), 0.5)
    assert (best.low, best.high) == (1, 1)


def test_weights_of_a_user_decide() -> None:
    chosen = {
        weights: Manager(POINTS, Utility(*weights)).decide(Goal(1.0)).point.settings["variant"]
        for weights in ((1.0, 0.0, 0.0), (0.1, 1.0, 0.0))
    }
    assert chosen == {(1.0, 0.0, 0.0): "full", (0.1, 1.0, 0.0): "half"}
    with pytest.raises(SartoError, match="weights"):
        Utility(-1.0)


def test_what_is_no_time_is_left_out() -> None:
    manager = Manager(POINTS, "min_energy")
    decision = manager.decide(Goal(0.5))
    for odd in (math.nan, -1.0, 0.0, math.inf):
        manager.observe(decision, odd)
    assert manager.slowdown.of().tolist() == [1.0, 1.0]


def test_power_that_nobody_knows_cannot_be_limited() -> None:
    unknown = Points.of(
        [
            OperatingPoint(
                "p",
                {},
                (Evidence("latency", 1, "s", "measured", "t"), Evidence("accuracy", 1, "1", "measured", "t")),
            )
        ]
    )
    manager = Manager(unknown, "max_accuracy")
    assert manager.decide(Goal(2.0)).point.name == "p"
    with pytest.raises(SartoError, match="power or energy is limited"):
        manager.decide(Goal(power_w=1.0))
    with pytest.raises(SartoError, match="no operating point is available"):
        manager.decide(Goal(), np.zeros(1, bool))
    with pytest.raises(SartoError, match="'min_enery' is not a method"):
        Manager(unknown, "min_enery")


def known(name: str, latency: float, accuracy: float, energy: float | None) -> OperatingPoint:
    figures = [("latency", latency, "s"), ("accuracy", accuracy, "1")]
    figures += [] if energy is None else [("power", energy / latency, "W"), ("energy", energy, "J")]
    return OperatingPoint(name, {}, tuple(Evidence(*figure, "measured", "t") for figure in figures))


def test_a_deadline_that_nothing_meets_gives_way_where_no_power_is_known() -> None:
    points = Points.of([known("small", 0.1, 0.8, None), known("large", 0.4, 0.9, None)])
    decision = Manager(points, "max_accuracy").decide(Goal(0.01))
    assert (decision.point.name, decision.relaxed) == ("small", ("deadline",))


def test_points_whose_energy_is_not_known_come_last() -> None:
    rows = [known("dark", 0.1, 0.9, None), known("dear", 0.1, 0.9, 0.5), known("cheap", 0.1, 0.9, 0.2)]
    assert Manager(Points.of(rows), "max_accuracy").decide(Goal()).point.name == "cheap"
    assert Manager(Points.of(rows), "min_energy").decide(Goal()).point.name == "cheap"
    assert Manager(Points.of(rows[:1]), "max_accuracy").decide(Goal()).point.name == "dark"
    # A limit of power leaves out what nobody knows, where something else is known.
    assert Manager(Points.of(rows), "max_accuracy").decide(Goal(power_w=9.0)).point.name == "cheap"


def test_the_energy_of_a_change_counts_in_python_and_in_the_choice() -> None:
    """Half the energy of a job is not saved by a move that takes as long as the job."""
    rows = [Evidence("accuracy", 0.9, "1", "measured", "t")]

    def point(cluster: str, latency: float, power: float) -> OperatingPoint:
        figures = (("latency", latency, "s"), ("power", power, "W"), ("energy", latency * power, "J"))
        told = tuple(Evidence(*figure, "measured", "t") for figure in figures)
        return OperatingPoint(cluster, {"cluster": cluster}, (*told, *rows))

    points = Points.of([point("here", 0.1, 1.0), point("there", 0.1, 0.6)])
    for move_s, where in ((0.0, "there"), (0.05, "there"), (0.1, "here")):
        manager = Manager(points, "min_energy", changes=Changes(move_s=move_s))
        first = manager.decide(Goal(), np.array([True, False]))
        manager.observe(first, 0.1)
        decision = manager.decide(Goal())
        assert decision.point.name == where, move_s
        assert decision.state.energy_j.tolist() == pytest.approx([0.1, 0.06 + 0.6 * move_s])


@pytest.mark.parametrize(
    "odd",
    [{"deadline_s": 0}, {"deadline_s": math.nan}, {"power_w": -1}, {"accuracy": math.nan}, {"relax": ("speed",)},
     {"relax": ("power", "power")}],
)  # fmt: skip
def test_goals_that_cannot_be(odd: dict[str, float]) -> None:
    with pytest.raises(SartoError, match="E116"):
        Goal(**odd)  # pyright: ignore[reportArgumentType]
    with pytest.raises(SartoError, match="E110"):
        Goal.of(deadline="400")
