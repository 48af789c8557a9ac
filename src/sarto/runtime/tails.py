"""How often jobs at a point take much longer than expected, and from which point on too many would be late.

What an operating system does to a job is no slowdown: most jobs run as expected, and a few are held up for long. So of
each point that ran, the residual ratios r = time / expected time are counted in bins of log r. Old jobs count less: a
job weighs `1 - 1/MEMORY` of the one after it. At any deadline D, with n the weight of a point's jobs and k that of
those with r > D / expected time of now, the share of late jobs has the posterior

    Beta(k + b, n + 2 b / T - k - b)        upper bound = mean + z sd

for a target T, with b = `PRIOR`: at first it is as if half of what the target allows had been seen. A slower point on
the same cluster is not late less often, so that shares are pooled until they rise with time (isotonic regression, by
pooling adjacent violators). Since k and n fade, a point that was late too often is tried again after a while; with
z = 0, when k <= T n + b.

At most `ROWS` points are remembered, those that ran last.

Source: pooling: M. Ayer et al., "An empirical distribution function for sampling with incomplete information", Annals
of Mathematical Statistics 26(4), 1955. The prior was chosen on simulated preemption.

>>> tails = Tails()
>>> for ratio in [1.0] * 60 + [3.0] * 6:
...     tails.heard(0, ratio)
>>> slow = tails.refused(np.array([1.0, 0.4]), np.zeros(2, int), 1.2, target=0.02)  # D is 1.2 times as long as expected
>>> quick = tails.refused(np.array([1.0, 0.4]), np.zeros(2, int), 4.0, target=0.02)
>>> slow, quick
({0: 1.0}, {})
"""

from __future__ import annotations

import math

import numpy as np
from jaxtyping import Float, Int

ROWS = 16
"""Points that are remembered."""
BINS = 256
LOWEST, STEP = -2.0, 0.03125
"""Logarithm (base e) of the ratio where the first bin begins, and the width of a bin: up to about e^6."""
MEMORY = 300.0
"""Jobs after which one weighs 1/e."""
PRIOR = 2.0
"""Late jobs that are taken to have been seen before any were, in a number of jobs of which they are half the target."""
LARGEST = 1e12
"""Weight of the newest job from which all are scaled down."""
FORGOTTEN = 0.5
"""Weight of a point's jobs below which it counts as not tried."""


class Tails:
    """Counts of residual ratios; their memory does not grow."""

    def __init__(self) -> None:
        # Row of a point: weight of its jobs in each bin or above it.
        self._above: Float[np.ndarray, "row bin"] = np.zeros((ROWS, BINS))
        self._row: dict[int, int] = {}
        # Of each row: the job after which its point counts as not tried, and the ratio above which there was none.
        self._until, self._most = [0] * ROWS, [0.0] * ROWS
        self._known: Int[np.ndarray, " known"] = np.zeros(0, int)
        self._known_until = 0
        self._weight, self._jobs = 1.0, 0
        self.steady = 0
        self._last = -1

    def heard(self, index: int, ratio: float) -> None:
        """Take up how a job went: its time over the time that was expected of it, at a point."""
        self.steady = self.steady + 1 if index == self._last else 1
        self._last = index
        self._weight /= 1 - 1 / MEMORY
        if self._weight > LARGEST:
            self._above /= self._weight
            self._weight = 1.0
        self._jobs += 1
        row = self._row.pop(index, None)
        if row is None:
            row = len(self._row) if len(self._row) < ROWS else self._row.pop(next(iter(self._row)))
            self._above[row], self._until[row], self._most[row] = 0, 0, 0.0
        self._row[index] = row  # the last one is the newest
        bin_ = _bin(ratio)
        self._above[row, : bin_ + 1] += self._weight
        self._most[row] = max(self._most[row], _edge(bin_))
        if self._until[row] < self._jobs:
            self._known_until = 0
        weight = self._above.item(row, 0) / self._weight
        self._until[row] = self._jobs + int(math.log(weight / FORGOTTEN) / -math.log1p(-1 / MEMORY))

    def known(self) -> Int[np.ndarray, " known"]:
        """Return the points that ran so lately that their own jobs say how often they are late."""
        if self._known_until < self._jobs:
            left = {
                point: self._until[row] for point, row in self._row.items() if self._until[row] >= self._jobs
            }
            self._known, self._known_until = np.array([*left], int), min(left.values(), default=0)
        return self._known

    def refused(
        self,
        expected_s: Float[np.ndarray, " point"],
        cluster: Int[np.ndarray, " point"],
        deadline_s: float,
        *,
        target: float,
        caution: float = 0.5,
    ) -> dict[int, float]:
        """Return of each cluster the expected time from which on jobs are late too often; left out where none is.

        Args:
            expected_s: of each point now.
            cluster: of each point.
            deadline_s: of the next job.
            target: share of jobs that may be late.
            caution: standard deviations that are added to the share.
        """
        # In plain Python: the rows are few, and most of them were never late, which settles them.
        above, weight, most, of_points = self._above, self._weight, self._most, self._row
        clean = _bound(0, 0, target, caution) <= target
        seen: dict[int, list[tuple[float, float, float]]] = {}
        late_on: set[int] = set()
        known = self.known()
        for point, number, time in zip(
            known.tolist(), cluster.take(known).tolist(), expected_s.take(known).tolist(), strict=True
        ):
            row, missed = of_points[point], 0.0
            if time * most[row] >= deadline_s:
                # All of the bin in which the deadline lies counts as late.
                missed = above.item(row, _bin(deadline_s / time)) / weight
            if missed or not clean:
                late_on.add(number)
            seen.setdefault(number, []).append((time, above.item(row, 0) / weight, missed))
        found: dict[int, float] = {}
        for number in late_on:
            for time, n, late in pooled(sorted(seen[number])):
                if (late or not clean) and _bound(n, late, target, caution) > target:
                    found[number] = time
                    break
        return found


def _bin(ratio: float) -> int:
    return min(max(math.ceil((math.log(ratio) - LOWEST) / STEP), 0), BINS - 1)


def _edge(number: int) -> float:
    """Return a ratio that is above all of a bin."""
    return math.exp(LOWEST + STEP * number) * (1 + 1e-9) if number < BINS - 1 else math.inf


def pooled(rows: list[tuple[float, float, float]]) -> list[tuple[float, float, float]]:
    """Return rows (time, jobs, late jobs) by rising time, pooled so that the share of late jobs rises too.

    A pool has the time of its fastest row.

    >>> pooled([(1.0, 10.0, 2.0), (2.0, 10.0, 0.0), (3.0, 10.0, 5.0)])
    [(1.0, 20.0, 2.0), (3.0, 10.0, 5.0)]
    """
    pools: list[tuple[float, float, float]] = []
    for one in rows:
        time, jobs, missed = one
        while pools and pools[-1][2] * jobs >= missed * pools[-1][1]:
            time, more, late = pools.pop()
            jobs, missed = jobs + more, missed + late
        pools.append((time, jobs, missed))
    return pools


def _bound(jobs: float, missed: float, target: float, caution: float) -> float:
    events, all_jobs = missed + PRIOR, jobs + 2 * PRIOR / target
    share = min(events / all_jobs, 1.0)
    return share + caution * math.sqrt(share * (1 - share) / (all_jobs + 1))
