"""What is learned of jobs, for each number of other programs that want a processor at the time.

A job beside others is shared out among the processors: with `others` programs and this one on `cores` of them, it takes

    share = max(1, (others + 1) / cores)

times as long, or so. What beside these makes it slow (their caches, the scheduler's slices) is learned: a level of
slowdown, its errors and the tails of single jobs, of its own for every half of a share, since a quiet machine and a
busy one have little in common but that. The first time that a share is met, what is known at the nearest one is taken,
by the ratio of the shares as much slower. So the first job after a busy program has started is already expected to be
slow, and when it has ended, what is known of a quiet machine is still there.

Who does not know how many others there are says nothing, and learns everything in one place.

>>> known = Company(1, cores=2)
>>> for _ in range(40):
...     known.beside(0).slowdown.heard(0, 1.0)
>>> print(round(float(known.beside(5).slowdown.of()[0]), 2))  # never met: six programs on two processors
3.0
>>> for _ in range(40):
...     known.beside(5).slowdown.heard(0, 2.6)
>>> print(*(round(float(known.beside(others).slowdown.of()[0]), 2) for others in (0, 5, 8)))
1.0 2.6 3.9
"""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

from sarto.runtime.slowdown import Slowdown
from sarto.runtime.tails import Tails

MOST = 8.0
"""Share from which on all are one."""
PARTS = 2
"""Of a share that are told apart."""


@dataclass(frozen=True)
class Learned:
    """What is known of jobs at one share: how much slower they are, and how often one takes much longer still."""

    slowdown: Slowdown
    tails: Tails


class Company:
    """All that was learned; its memory does not grow beyond that of `PARTS * MOST` shares.

    Args:
        clusters: how many.
        late: share of jobs that may be above the margin.
        cores: processors that programs are shared out among.
    """

    def __init__(self, clusters: int, late: float = 0.05, *, cores: int = 1) -> None:
        self._cores = max(cores, 1)
        self._known = {PARTS: Learned(Slowdown(clusters, late), Tails())}

    def beside(self, others: float = 0.0) -> Learned:
        """Return what is known of jobs beside other programs; what is told of it is learned there."""
        share = (others + 1) / self._cores
        key = round(PARTS * min(share, MOST)) if share > 1 else PARTS  # NaN: nobody knows, as if alone
        found = self._known.get(key)
        return found if found is not None else self._met(key)

    def _met(self, key: int) -> Learned:
        nearest = min(self._known, key=lambda other: abs(math.log(other / key)))
        known = self._known[nearest]
        found = Learned(known.slowdown.at(key / nearest), copy.deepcopy(known.tails))
        self._known[key] = found
        return found
