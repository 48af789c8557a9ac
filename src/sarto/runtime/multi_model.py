"""Several models under one cap of power, each on a cluster of its own: the points of all are chosen together.

Of model m let point i have expected time t, power P, energy E and accuracy a, and let its jobs come one for each
deadline D_m. Chosen is the combination of points, no two on one cluster, of

    least  sum E / D        subject to  t margin <= D,  a >= floor  of each model, and  sum P <= cap

or with `prefer="accuracy"` that of the highest sum of accuracies, and among these of the least draw. All combinations
of points that their own models allow are looked at. It is no policy of a room: those choose for one model at a time,
which is what goes wrong here, since the first model takes the cluster or the power that the second one needs.

When there is none, limits give way, those of the last model first: the accuracies one by one, then the deadlines; the
cap of power is broken last, and then as little as can be.

>>> from sarto.devices.platforms import platform
>>> from sarto.runtime.points import Variant, grid
>>> points = Points.of(grid([Variant("half", 0.63, 0.5), Variant("full", 0.71, 1.0)], platform("odroid_xu3")))
>>> models = [Model(points, Goal(0.25, 0.7)), Model(points, Goal(0.6, 0.6))]
>>> found = together(models, 1.1)
>>> [points.points[i].name for i in found.indices], found.relaxed
(['full on a15 at 1 GHz', 'half on a7 at 700 MHz'], ())
>>> together(models, 0.3).relaxed
('accuracy of model 2', 'accuracy of model 1', 'deadline of model 2', 'deadline of model 1', 'power')

Source: the joint choice of mapping, clock and width for concurrent models of L. Xun et al., "Dynamic DNNs meet runtime
resource management on mobile and embedded platforms", arXiv:2206.02525, here exhaustive.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int

from sarto.core.errors import SartoError
from sarto.runtime.goal import Goal
from sarto.runtime.points import Points
from sarto.runtime.policies._choice import State

MOST = 20_000_000
"""Combinations that are looked at."""


@dataclass(frozen=True, eq=False)
class Model:
    """One of the models.

    Attributes:
        points: that it may run at.
        goal: what is asked of it; its deadline is finite, and its own limit of power is heeded too.
        state: what is known now, as of a decision of its manager; without one, points take what they state.
    """

    points: Points
    goal: Goal
    state: State | None = None

    def allowed(self, *, accuracy: bool, deadline: bool) -> Bool[np.ndarray, " point"]:
        """Return the points that can be used and keep its own limits, leaving out those that gave way."""
        found = np.ones(len(self.points), bool) if self.state is None else self.state.available.copy()
        found &= self.points.power_w <= self.goal.power_w
        if accuracy:
            found &= self.points.accuracy >= self.goal.accuracy
        if deadline:
            margin = 1.0 if self.state is None else self.state.margin
            times = self.points.latency_s if self.state is None else self.state.latency_s
            found &= times <= self.goal.deadline_s / margin
        return found

    def draw(self) -> Float[np.ndarray, " point"]:
        """Return the power that jobs draw in the mean at each point, in W, one for each deadline."""
        energy = self.points.energy_j if self.state is None else self.state.energy_j
        return energy / self.goal.deadline_s


@dataclass(frozen=True)
class Together:
    """What was chosen for all models.

    Attributes:
        indices: of each model's point.
        draw_w: that jobs draw in the mean, all models together.
        power_w: that is drawn when all run at once.
        relaxed: limits that gave way, with the number of the model from 1.
    """

    indices: tuple[int, ...]
    draw_w: float
    power_w: float
    relaxed: tuple[str, ...] = ()


def together(
    models: Sequence[Model], power_w: float = math.inf, *, prefer: Literal["energy", "accuracy"] = "energy"
) -> Together:
    """Return the best combination of points.

    Args:
        models: the most important first.
        power_w: that all may draw together.
        prefer: what the best is: least draw, or most accuracy.

    Raises:
        SartoError: E116, when there are more models than clusters, a deadline is infinite, a power is not known, or
            there are too many combinations.
    """
    _check(models)
    firm = [True] * (2 * len(models))  # accuracies, then deadlines
    relaxed: list[str] = []
    for broken in [None, *reversed(range(len(models))), *reversed(range(len(models), 2 * len(models)))]:
        if broken is not None:
            firm[broken] = False
            kind = "accuracy" if broken < len(models) else "deadline"
            relaxed.append(f"{kind} of model {broken % len(models) + 1}")
        found = _best(models, firm, power_w, prefer)
        if found is not None:
            return Together(*found, tuple(relaxed))
    least = _best(models, firm, math.inf, "power")
    if least is None:
        raise SartoError(
            "E116",
            f"{len(models)} models cannot run side by side",
            cause="no combination of points that can be used has a cluster for each",
            hint="leave more points, or run them one after the other",
        )
    return Together(*least, (*relaxed, "power"))


def _best(
    models: Sequence[Model], firm: Sequence[bool], power_w: float, prefer: str
) -> tuple[tuple[int, ...], float, float] | None:
    kept: list[Int[np.ndarray, " _"]] = [
        np.flatnonzero(model.allowed(accuracy=firm[i], deadline=firm[len(models) + i]))
        for i, model in enumerate(models)
    ]
    sizes = [len(one) for one in kept]
    if math.prod(sizes) > MOST:
        raise SartoError(
            "E116",
            f"{math.prod(sizes):,} combinations of points",
            cause=f"no more than {MOST:,} are looked at",
            hint="give fewer points or fewer models",
        )
    if not math.prod(sizes):
        return None
    columns = list(zip(models, kept, strict=True))
    power = reduce(np.add.outer, [model.points.power_w[at] for model, at in columns])
    draw = reduce(np.add.outer, [model.draw()[at] for model, at in columns])
    possible = (power <= power_w) & _apart(columns)
    if not possible.any():
        return None
    cost = power if prefer == "power" else draw
    if prefer == "accuracy":
        accuracy = reduce(np.add.outer, [model.points.accuracy[at] for model, at in columns])
        possible &= accuracy >= accuracy[possible].max() - 1e-12
    best = int(np.where(possible, cost, np.inf).argmin())
    place = np.unravel_index(best, cost.shape)
    indices = tuple(int(at[i]) for at, i in zip(kept, place, strict=True))
    return indices, float(draw[place]), float(power[place])


def _apart(columns: Sequence[tuple[Model, Int[np.ndarray, " _"]]]) -> Bool[np.ndarray, "..."]:
    """Return which combinations have no two models on one cluster."""
    numbers: dict[str, int] = {}
    clusters = [
        np.array([numbers.setdefault(name, len(numbers)) for name in model.points.clusters])[
            model.points.cluster
        ][at]
        for model, at in columns
    ]
    grids = np.meshgrid(*clusters, indexing="ij", sparse=True)
    apart = np.ones([len(one) for one in clusters], bool)
    for one, other in combinations(grids, 2):
        apart &= one != other
    return apart


def _check(models: Sequence[Model]) -> None:
    names = {name for model in models for name in model.points.clusters}
    if not models or len(models) > len(names):
        raise SartoError(
            "E116",
            f"{len(models)} models on {len(names)} clusters",
            cause="each model has a cluster to itself",
            hint="give one model or more, and no more than there are clusters",
        )
    if not all(model.points.knows_power and math.isfinite(model.goal.deadline_s) for model in models):
        raise SartoError(
            "E116",
            "a model has no deadline, or points whose power is not known",
            cause="what all draw together is their energies over their deadlines",
            hint="give each a deadline and each point a power",
        )
