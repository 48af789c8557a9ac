"""Several models under one cap: the same as trying every pair, and limits that give way in order."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from sarto.core.errors import SartoError
from sarto.devices.platforms import platform
from sarto.runtime.goal import Goal
from sarto.runtime.manager import Manager
from sarto.runtime.multi_model import Model, together
from sarto.runtime.points import Points, Variant, grid

XU3 = platform("odroid_xu3")
LADDER = [Variant("25 %", 0.56, 0.25), Variant("50 %", 0.63, 0.5), Variant("100 %", 0.71, 1.0)]
POINTS = Points.of(grid(LADDER, XU3))


def case(seed: int) -> tuple[list[Model], float]:
    rng = np.random.default_rng(seed)
    models = [
        Model(POINTS, Goal(float(rng.uniform(0.1, 1.0)), float(rng.uniform(0.5, 0.7)))) for _ in range(2)
    ]
    return models, float(rng.choice([0.6, 1.0, 2.5]))


def tried(models: list[Model], cap: float, *, accurate: bool) -> tuple[float, float] | None:
    """The best (less accuracy, draw) of all pairs, one by one."""
    best: tuple[float, float] | None = None
    for i, j in product(range(len(POINTS)), repeat=2):
        fits = all(
            POINTS.latency_s[at] <= model.goal.deadline_s and POINTS.accuracy[at] >= model.goal.accuracy
            for at, model in zip((i, j), models, strict=True)
        )
        apart = POINTS.points[i].settings["cluster"] != POINTS.points[j].settings["cluster"]
        if fits and apart and POINTS.power_w[i] + POINTS.power_w[j] <= cap:
            draw = sum(POINTS.energy_j[at] / m.goal.deadline_s for at, m in zip((i, j), models, strict=True))
            worth = -round(float(POINTS.accuracy[i] + POINTS.accuracy[j]), 9) if accurate else 0.0
            best = min(best, (worth, float(draw))) if best else (worth, float(draw))
    return best


def test_it_is_the_best_of_all_pairs() -> None:
    feasible = 0
    for seed in range(30):
        models, cap = case(seed)
        for accurate in (False, True):
            found = together(models, cap, prefer="accuracy" if accurate else "energy")
            best = tried(models, cap, accurate=accurate)
            assert (best is None) == bool(found.relaxed)
            if best is not None:
                feasible += 1
                assert found.draw_w == pytest.approx(best[1])
                assert found.power_w <= cap
    assert 10 < feasible < 60


def test_three_models_have_three_clusters() -> None:
    third = Points.of(
        [
            replace(point, settings={**point.settings, "cluster": "npu"})
            for point in POINTS.points
            if point.settings["cluster"] == "a7"
        ]
    )
    models = [Model(POINTS, Goal(0.6, 0.6)), Model(POINTS, Goal(0.5, 0.5)), Model(third, Goal(0.6, 0.6))]
    found = together(models)
    names = [m.points.points[i].settings["cluster"] for m, i in zip(models, found.indices, strict=True)]
    assert sorted(map(str, names)) == ["a15", "a7", "npu"]
    with pytest.raises(SartoError, match="3 models on 2 clusters"):
        together([models[0]] * 3)


def test_the_last_model_gives_way_first_and_power_last() -> None:
    models = [Model(POINTS, Goal(0.3, 0.7)), Model(POINTS, Goal(0.3, 0.7))]
    assert together(models, 2.5).relaxed == ()
    found = together(models, 0.7)
    assert found.relaxed == ("accuracy of model 2",)
    assert POINTS.accuracy[found.indices[0]] == 0.71
    least = together(models, 0.1)
    assert least.relaxed[-1] == "power"
    assert least.power_w == pytest.approx(0.326 + 0.0724)


def test_what_managers_have_learned_is_heeded() -> None:
    manager, goal = Manager(POINTS, "min_energy"), Goal(0.25, 0.7)
    for _ in range(3):
        decision = manager.decide(goal)
        manager.observe(decision, 1.5 * decision.point["latency"])
    state = manager.decide(goal).state
    quick = POINTS.points[together([Model(POINTS, goal)]).indices[0]].name
    slow = POINTS.points[together([Model(POINTS, goal, state)]).indices[0]].name
    assert (quick, slow) == ("100 % on a15 at 1 GHz", "100 % on a15 at 1.8 GHz")


def test_what_cannot_be() -> None:
    with pytest.raises(SartoError, match="no deadline"):
        together([Model(POINTS, Goal(math.inf))])
    with pytest.raises(SartoError, match="0 models"):
        together([])
    state = Manager(POINTS, "min_energy").decide(Goal(1.0), POINTS.cluster == 0).state
    with pytest.raises(SartoError, match="cannot run side by side"):
        together([Model(POINTS, Goal(1.0), state), Model(POINTS, Goal(1.0), state)])
