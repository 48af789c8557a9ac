"""What governors of an operating system have in common: they see load and clocks, and neither deadlines nor variants.

The best variant runs; the cluster is the fastest one, unless the policy says which. A demand is the time that the job
before would have taken at each setting over the time between the two starts,

    u = slowdown * t / period

which is what a scheduler's utilisation comes to in the long run. The kernel's own moves with a half-life of 32 ms, so
that it would raise the clock while a longer job runs: this model is the kinder one.

Source: Linux, Documentation/scheduler/schedutil.rst: next frequency = 1.25 * highest * utilisation / capacity.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Float

from sarto.runtime.points import Points
from sarto.runtime.policies._choice import State, most_accurate

HEADROOM = 1.25


def of_best(points: Points, state: State) -> Bool[np.ndarray, " point"]:
    """Return which points are available and of the most accurate variant."""
    found = np.zeros(len(points), bool)
    found[most_accurate(points, state.available.nonzero()[0])] = True
    return found


def on_fastest(points: Points, found: Bool[np.ndarray, " point"]) -> Bool[np.ndarray, " point"]:
    """Return those of the points that lie on the cluster with the fastest of them."""
    fastest = int(np.where(found, points.latency_s, np.inf).argmin())
    return found & (points.cluster == points.cluster[fastest])


def utilisation(points: Points, state: State) -> Float[np.ndarray, " point"]:
    """Return the share of the time that jobs as the last one take at each point; 1 where none has run."""
    if state.period_s <= 0:
        return np.ones(len(points))
    return state.slowdown * points.latency_s / state.period_s


def enough(points: Points, found: Bool[np.ndarray, " point"], state: State) -> Bool[np.ndarray, " point"]:
    """Return those of the points that leave the headroom, or the fastest where none does."""
    good = found & (HEADROOM * utilisation(points, state) <= 1)
    if good.any():
        return good
    latency = np.where(found, points.latency_s, np.inf)
    return latency <= latency.min()
