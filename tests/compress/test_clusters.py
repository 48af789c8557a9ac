"""Clusters of numbers: exact ones are the best of all partitions, others settle where Lloyd's iteration does."""

from __future__ import annotations

import itertools
from typing import Any, get_args

import numpy as np
import pytest

from sarto.compress.clusters import Start, clusters, nearest

Values = np.ndarray[Any, Any]


def cost(values: Values, centroids: Values) -> float:
    return float(((values - centroids[nearest(values, centroids)]) ** 2).sum())


def least_cost(values: Values, count: int) -> float:
    """The best of all ways to cut the sorted values into runs."""
    ordered = np.sort(values)
    cuts = itertools.combinations(range(1, len(values)), count - 1)
    return min(sum(float(((p - p.mean()) ** 2).sum()) for p in np.split(ordered, list(c))) for c in cuts)


@pytest.mark.parametrize("seed", range(20))
def test_exact_clusters_cost_as_little_as_the_best_partition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    values = np.round(rng.normal(size=9), 1 if seed % 2 else 6)  # with ties, and without
    for count in range(1, min(5, len(np.unique(values))) + 1):
        found = clusters(values, count, "exact")
        assert len(found) == count
        assert cost(values, found) == pytest.approx(least_cost(values, count), abs=1e-12)


@pytest.mark.parametrize("start", get_args(Start))
def test_centroids_rise_and_are_the_means_of_their_values(start: Start) -> None:
    values = np.random.default_rng(0).laplace(size=400)
    found = clusters(values, 8, start, seed=3)
    owner = nearest(values, found)
    assert (np.diff(found) > 0).all()
    means = [values[owner == k].mean() for k in np.unique(owner)]
    np.testing.assert_allclose(found[np.unique(owner)], means, atol=1e-12)


def test_exact_is_no_worse_than_any_start_and_starts_differ() -> None:
    values = np.random.default_rng(1).laplace(size=500)
    costs = {start: cost(values, clusters(values, 16, start)) for start in get_args(Start)}
    assert all(costs["exact"] <= other + 1e-9 for other in costs.values())
    assert len({round(c, 9) for c in costs.values()}) == 4


def test_a_linear_start_keeps_a_centroid_for_the_few_large_values() -> None:
    values = np.concatenate([np.random.default_rng(2).normal(size=1000), [9.0, 9.1]])
    linear, dense = (clusters(values, 4, start) for start in ("linear", "density"))
    assert linear[-1] == pytest.approx(9.05)
    assert dense[-1] < 5


def test_random_starts_follow_the_seed() -> None:
    values = np.random.default_rng(3).normal(size=300)
    first, again, other = (clusters(values, 12, "random", seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)
