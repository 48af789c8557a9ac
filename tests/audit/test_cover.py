"""Set cover: as good as promised, critical faults first, and again what is covered once."""

from __future__ import annotations

from itertools import combinations

import numpy as np

from sarto.audit.cover import greedy, worth


def test_the_greedy_cover_keeps_its_promise_and_takes_critical_faults_first() -> None:
    rng = np.random.default_rng(0)
    for _ in range(30):
        detected = rng.random((40, 9)) < rng.uniform(0.03, 0.3)
        critical = rng.random(40) < 0.4
        for count in (1, 2, 3):
            best = max(worth(detected[:, list(s)], critical)[0] for s in combinations(range(9), count))
            found = worth(detected[:, greedy(detected, critical, count)], critical)[0]
            assert (1 - 1 / np.e) * best <= found <= best
            assert count > 1 or found == best
    # Input 0 finds three harmless faults, input 1 one critical fault.
    detected = np.array([[0, 1, 0], [1, 0, 0], [1, 0, 0], [1, 0, 0]], bool)
    assert greedy(detected, np.array([True, False, False, False]), 3).tolist() == [1, 0, 2]


def test_what_is_covered_is_covered_again() -> None:
    # Input 0 finds all; 1 finds most of the rest a second time; 3 would be next by its place.
    detected = np.array([[1, 0, 1, 0], [1, 0, 1, 0], [1, 0, 1, 0], [1, 1, 0, 0]], bool)
    critical = np.array([True, True, False, True])
    assert greedy(detected, critical, 4).tolist() == [0, 2, 1, 3]
    assert worth(detected, critical) == (7, 7, 0)
    # What is not covered yet comes before twice as much that is.
    detected = np.array([[1, 1, 0], [1, 1, 0], [1, 0, 0], [0, 0, 1]], bool)
    assert greedy(detected, np.zeros(4, bool), 2).tolist() == [0, 2]
