"""What happens to a device over a run of jobs: what is asked for, what slows it down, what is taken away from it.

A scenario has for each job its limits, the slowdown by whatever else runs, noise, the highest clock that heat allows,
and the clusters and the power that a second model takes. Each changes at times of its own, after a geometric number of
jobs. Jobs come one after the other, one for each deadline: the period of a job is its deadline.

>>> drawn(3, Limits((0.56, 0.70)), seed=0).deadline_s.round(3).tolist()
[0.842, 0.842, 0.842]
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Bool, Float, Int

from sarto.core.errors import SartoError
from sarto.core.seed import generator
from sarto.runtime.points import Points

RANGE = 4.0
"""Longest deadline over the shortest, at least: points that are nearly alike must have some that they meet easily."""


@dataclass(frozen=True)
class Limits:
    """Between what a scenario draws.

    Attributes:
        accuracy: the least that is asked for, lowest and highest.
        deadline_s: shortest and longest.
        power_w: that may be drawn, one of these.
        slowdown: by other work, one of these.
        highest_hz: that heat allows, one of these.
        noise: standard deviation of the logarithm of a job's time.
        dwell: jobs between two changes of one thing, in the mean.
        second_w: power of a second model while there is one.
        second_share: of the jobs, how many run beside it.
    """

    accuracy: tuple[float, float]
    deadline_s: tuple[float, float] = (0.150, 1.0)
    power_w: tuple[float, ...] = (0.35, 0.9, 2.5)
    slowdown: tuple[float, ...] = (1.0, 1.5, 2.2)
    highest_hz: tuple[float, ...] = (np.inf, np.inf, 1e9)
    noise: float = 0.06
    dwell: float = 100.0
    second_w: float = 0.141
    second_share: float = 0.2

    @staticmethod
    def of(points: Points, second: int = -1) -> Limits:
        """Return limits that points can and cannot meet, by what they take.

        Accuracies from the least to the most; deadlines from a quarter above the fastest point of the best variant to
        half of the slowest, or to `RANGE` times the shortest if that is more; power without limit, or no more than half
        or four fifths of the points draw; clocks without limit, or in a third of the time up to the middle one of the
        fastest cluster, where clocks are set. A second model that has the cluster `second` to itself draws as much as
        the least of its points, where that is known.
        """
        beside = points.power_w[points.cluster == second]
        best = points.accuracy >= points.best
        shortest = 1.25 * float(points.latency_s[best].min())
        return Limits(
            (float(points.accuracy.min()), points.best),
            (shortest, max(RANGE * shortest, 0.5 * float(points.latency_s.max()))),
            (*np.quantile(points.power_w, (0.5, 0.8)).tolist(), np.inf) if points.knows_power else (np.inf,),
            highest_hz=(np.inf, np.inf, _middle_hz(points, best)),
            second_w=float(beside.min()) if len(beside) and points.knows_power else 0.0,
        )


def _middle_hz(points: Points, best: Bool[np.ndarray, " point"]) -> float:
    """Return the middle clock of the cluster with the fastest of the best points here; no limit where none is set."""
    clocked = best & (points.frequency_hz > 0)
    if not clocked.any():
        return math.inf
    fastest = int(np.where(clocked, points.latency_s, np.inf).argmin())
    there = points.frequency_hz[(points.cluster == points.cluster[fastest]) & (points.frequency_hz > 0)]
    return float(np.quantile(there, 0.5, method="lower"))


@dataclass(frozen=True, eq=False)
class Scenario:
    """A run of jobs.

    Attributes:
        name: of it.
        deadline_s, accuracy, power_w: limits of each job.
        slowdown: of each job on each cluster, by what else runs.
        noise: factor of each job.
        highest_hz: the highest clock of each job; without bound where it is infinite.
        second: cluster, by number, that a second model has to itself during each job, or -1.
        second_w: power that it would draw.
        up: whether the link to each cluster that is elsewhere works during each job; None where all always do.
    """

    name: str
    deadline_s: Float[np.ndarray, " job"]
    accuracy: Float[np.ndarray, " job"]
    power_w: Float[np.ndarray, " job"]
    slowdown: Float[np.ndarray, "job cluster"]
    noise: Float[np.ndarray, " job"]
    highest_hz: Float[np.ndarray, " job"]
    second: Int[np.ndarray, " job"]
    second_w: Float[np.ndarray, " job"]
    up: Bool[np.ndarray, "job cluster"] | None = None

    def __len__(self) -> int:
        return len(self.deadline_s)


def drawn(
    jobs: int,
    limits: Limits,
    *,
    clusters: int = 1,
    seed: int = 0,
    second: int = -1,
    elsewhere: Mapping[int, float] = MappingProxyType({}),
) -> Scenario:
    """Return a scenario that is drawn from a seed.

    Args:
        jobs: how many.
        limits: between what.
        clusters: of the platform; other work slows all of them down alike.
        seed: of the draw.
        second: cluster that a second model has to itself while there is one; -1 for none.
        elsewhere: clusters at other places, with the share of the time in which their links work; each is slowed down
            and lost at times of its own.

    Raises:
        SartoError: E116, when there is no job.
    """
    if jobs < 1 or clusters < 1:
        raise SartoError(
            "E116", f"{jobs} jobs on {clusters} clusters", cause="there is at least one", hint="raise it"
        )
    rng = generator(seed, "scenario")

    def held(draw: Callable[[], float]) -> Float[np.ndarray, " job"]:
        return _held(rng, jobs, limits.dwell, draw)

    deadline = held(lambda: rng.uniform(*limits.deadline_s))
    accuracy = held(lambda: rng.uniform(*limits.accuracy))
    power = held(lambda: rng.choice(limits.power_w))
    slowdown = held(lambda: rng.choice(limits.slowdown))
    highest = held(lambda: rng.choice(limits.highest_hz))
    there = held(lambda: float(rng.random() < limits.second_share))
    noise = np.exp(rng.normal(0.0, limits.noise, jobs))
    beside = np.where((there > 0) & (second >= 0), second, -1)
    wide = np.repeat(slowdown[:, None], clusters, axis=1)
    drawn_w = np.full(jobs, limits.second_w)
    up = np.ones((jobs, clusters), bool) if elsewhere else None
    for cluster, availability in elsewhere.items():
        assert up is not None
        wide[:, cluster] = held(lambda: rng.choice(limits.slowdown))
        up[:, cluster] = held(lambda share=availability: float(rng.random() < share)) > 0
    return Scenario(f"seed {seed}", deadline, accuracy, power, wide, noise, highest, beside, drawn_w, up)


def _held(
    rng: np.random.Generator, jobs: int, dwell: float, draw: Callable[[], float]
) -> Float[np.ndarray, " job"]:
    """Return a value for each job that is drawn anew after a geometric number of jobs."""
    found = np.empty(jobs)
    begin = 0
    while begin < jobs:
        end = begin + int(rng.geometric(1 / dwell))
        found[begin:end] = draw()
        begin = end
    return found
