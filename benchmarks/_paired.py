"""Two methods on the same groups: the mean difference with its 95 % interval, by resampling groups.

The interval is the percentile bootstrap over groups: draw as many groups as there are, with replacement, take the
mean of their differences, repeat, and read off the 2.5 % and 97.5 % quantiles.

Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapter 13.

>>> paired({"a": 0.9, "b": 0.8}, {"a": 0.8, "b": 0.7}).mean.__round__(3)
0.1
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sarto.core.seed import generator

DRAWS = 10_000


@dataclass(frozen=True)
class Difference:
    """Mean difference over groups, its 95 % interval, in how many of the groups the first is better, of how many."""

    mean: float
    interval: tuple[float, float]
    better: int
    groups: int


def paired(first: Mapping[str, float], second: Mapping[str, float]) -> Difference:
    """Return how much larger the values of `first` are than those of `second`, by group; both have the same groups."""
    assert first.keys() == second.keys(), "paired by group"
    difference = np.array([first[group] - second[group] for group in sorted(first)])
    drawn = generator(0, "bootstrap").integers(len(difference), size=(DRAWS, len(difference)))
    means = np.sort(difference[drawn].mean(axis=1))
    interval = float(means[DRAWS // 40]), float(means[DRAWS - 1 - DRAWS // 40])
    return Difference(float(difference.mean()), interval, int((difference > 0).sum()), len(difference))
