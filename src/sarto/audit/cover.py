"""Which inputs to take so that they detect as many faults as possible: weighted set cover, critical faults first.

With D(S) the faults that at least one input of a set S detects, S is chosen to make

    f(S) = |D(S) and critical| * (1 + C) + |D(S) and not critical|,     C = how many are not critical,

large. f is monotone and submodular: the greedy choice, always the input that adds most, has f(S) >= (1 - 1/e) f(S*) of
the best set S* with as many inputs, and no method does better in polynomial time unless P = NP. Where nothing is left
to add, faults are covered a second time, and a third: a fault that was not drawn is found more surely by a set that
finds those that were drawn several times.

Source: Nemhauser, Wolsey, Fisher, "An analysis of approximations for maximizing submodular set functions", Mathematical
Programming 14, 1978 (1 - 1/e); Feige, "A threshold of ln n for approximating set cover", JACM 45, 1998 (no better);
Pomeranz and Reddy, "A measure of quality for n-detection test sets", IEEE Transactions on Computers 53, 2004.

>>> detected = np.array([[1, 1, 0], [1, 0, 0], [0, 1, 1], [0, 0, 1]], bool)
>>> greedy(detected, np.array([True, False, False, True]), 2).tolist()
[0, 2]
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Bool, Int64

TIMES = 3
"""How often a fault is covered before it counts no more."""


def greedy(
    detected: Bool[np.ndarray, "fault input"], critical: Bool[np.ndarray, " fault"], count: int
) -> Int64[np.ndarray, " chosen"]:
    """Return which inputs to take, the most useful one first; see the module."""
    weights = np.where(critical, 1 + int((~critical).sum()), 1).astype(np.float64)
    columns = detected.astype(np.float64)  # whole numbers below 2^53: every sum is exact
    times = np.zeros(len(detected), np.int64)
    free = np.ones(detected.shape[1], bool)
    chosen: list[int] = []
    level = 1
    while len(chosen) < count:
        gains = np.where(free, (weights * (times < level)) @ columns, -1)
        best = int(gains.argmax())
        if gains[best] <= 0 and level < TIMES:
            level += 1
            continue
        chosen.append(best)
        free[best] = False
        times += detected[:, best]
    return np.array(chosen, np.int64)


def worth(detected: Bool[np.ndarray, "fault input"], critical: Bool[np.ndarray, " fault"]) -> tuple[int, ...]:
    """Return f of the faults that a set detects once, twice and so on: the first of them decides between two sets.

    >>> worth(np.array([[1, 1], [0, 1]], bool), np.array([True, False]))
    (3, 2, 0)
    """
    weights = np.where(critical, 1 + int((~critical).sum()), 1)
    times = detected.sum(axis=1)
    return tuple(int(weights[times >= level].sum()) for level in range(1, TIMES + 1))
