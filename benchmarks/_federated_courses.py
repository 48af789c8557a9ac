"""The course of a method of federated learning round by round, and the search of its learning rate.

Rates are a factor of root 10 apart, 10^(e / 2); the grid grows until the best one has neighbours on both sides, or ends
at `LOWEST` or `HIGHEST`, which is an edge.

>>> best, tried = searched(-4, lambda e: -abs(e))
>>> best, sorted(tried), on_edge(best, tried), rate(best)
(0, [-5, -4, -3, -2, -1, 0, 1], False, 1.0)
>>> best, tried = searched(-11, lambda e: -e)
>>> best, on_edge(best, tried)
(-12, True)
>>> reached([0.1, 0.5, 0.4], 0.5), reached([0.1], 0.5), last([0.0, 1.0], 1)
(2, None, 1.0)
>>> smoothed([1.0, 0.0, 0.5], 2)
[0.0, 0.5, 0.25]
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

LAST = 5
"""Looks whose mean is the accuracy in the end."""
LOWEST, HIGHEST = -12, 4

Score = TypeVar("Score", float, tuple[float, float])
"""The larger the better."""


def rate(exponent: int) -> float:
    """Return the learning rate of an exponent."""
    return float(f"{10 ** (exponent / 2):.3g}")


def searched(first: int, score: Callable[[int], Score]) -> tuple[int, dict[int, Score]]:
    """Return the exponent of the largest score, and the scores of all that were tried, from `first` on."""
    scores: dict[int, Score] = {}
    best, wanted = first, {first - 1, first, first + 1}
    while wanted:
        for e in sorted(wanted):
            scores[e] = score(e)
        best = max(scores, key=lambda e: scores[e])
        wanted = {e for e in (best - 1, best + 1) if e not in scores and LOWEST <= e <= HIGHEST}
    return best, scores


def on_edge(best: int, scores: Mapping[int, object]) -> bool:
    """Return whether nothing was tried on one side of the best."""
    return best in (min(scores), max(scores))


def last(accuracies: Sequence[float], count: int = LAST) -> float:
    """Return the mean of the last looks."""
    return statistics.fmean(accuracies[-count:])


def smoothed(accuracies: Sequence[float], count: int = LAST) -> list[float]:
    """Return the mean of each look and those before it, `count` in all; 0 where there are too few."""
    full = [last(accuracies[:end], count) for end in range(count, len(accuracies) + 1)]
    return [0.0] * (len(accuracies) - len(full)) + full


def reached(accuracies: Sequence[float], wanted: float) -> int | None:
    """Return the first round, from 1, whose look is at least what is wanted."""
    return next((r for r, seen in enumerate(accuracies, 1) if seen >= wanted - 1e-12), None)


def after(found: Mapping[str, Any], first: Mapping[str, Any]) -> dict[str, Any]:
    """Return a course with the one that it goes on from before it, whose bytes and computations it adds to its own.

    >>> one = {"accuracy": [0.5], "bytes": [10], "macs": [7]}
    >>> after({"accuracy": [0.6, 0.7], "bytes": [1, 2], "macs": [3, 6]}, one)
    {'accuracy': [0.5, 0.6, 0.7], 'bytes': [10, 11, 12], 'macs': [7, 10, 13]}
    """
    costs = {
        what: first[what] + [first[what][-1] + value for value in found[what]] for what in ("bytes", "macs")
    }
    return {"accuracy": first["accuracy"] + found["accuracy"], **costs}
