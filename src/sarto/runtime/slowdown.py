"""How much slower jobs run now than their points say, and how far single jobs stray from that.

A job at a point with time t on cluster c that took y has the ratio r = y / t. With a level common to all clusters and
an offset of each, in logarithms,

    log r = level + offset_c + e

the level follows with rate a: `level += a e`. An error e that is larger than what errors are like is a surprise: the
system has changed, or this one job was held up. It is believed at once, so that the next job is safe, and taken back if
that job looks as before. The first job on a cluster after others ran elsewhere moves the offset of that cluster
instead, since what is known of it is old; offsets fade while nothing is heard.

The margin of jobs is the quantile of the last errors that leaves the wanted share above it.

>>> slow = Slowdown(2)
>>> for ratio in (1.0, 1.02, 0.98, 1.0, 1.5, 1.5, 1.5):
...     slow.heard(0, ratio)
>>> [round(float(level), 2) for level in slow.of()]
[1.5, 1.5]
"""

from __future__ import annotations

import copy
import math

import numpy as np
from jaxtyping import Float

from sarto.core.errors import SartoError

MEMORY = 256
"""Errors that are remembered, for the margin."""
FRESH = 8
"""Jobs between two looks at the quantile."""
LEAST_SPREAD = 0.02
"""Of errors: what is smaller is no surprise, however steady the jobs were before."""
SURPRISE = 4.0
"""Spreads beyond which an error is a surprise: about 1 in 16,000 of normal errors."""
MOST = 16.0
"""No ratio counts as more than e to this, or as less than e to minus this."""


class Slowdown:
    """The estimate; its memory does not grow.

    Args:
        clusters: how many.
        late: share of jobs that may be above the margin.
        rate: at which the level follows errors.
        fade: factor on the offsets of clusters of which nothing is heard, for each job elsewhere.
        first_margin: until enough errors were seen.
    """

    def __init__(
        self,
        clusters: int,
        late: float = 0.05,
        rate: float = 0.2,
        fade: float = 0.98,
        first_margin: float = 1.15,
    ) -> None:
        good = clusters >= 1 and 0 < late < 1 and 0 < rate <= 1 and 0 <= fade <= 1 and first_margin >= 1
        if not good:
            raise SartoError(
                "E116",
                f"a slowdown of {clusters} clusters with late={late:g}, rate={rate:g}, fade={fade:g}",
                cause="there is at least one cluster, late and rate lie between 0 and 1, and so does fade",
                hint="leave them at their defaults",
            )
        self.late, self.rate, self.fade, self.margin = late, rate, fade, first_margin
        self._level, self._offset = 0.0, [0.0] * clusters
        self._errors: Float[np.ndarray, " error"] = np.zeros(MEMORY)
        self._seen, self._spread, self._last = 0, LEAST_SPREAD * 2, -1
        self._before: tuple[float, float] | None = None
        self._out = np.ones(clusters)

    def of(self) -> Float[np.ndarray, " cluster"]:
        """Return the slowdown of each cluster; the array is used again."""
        return self._out

    def at(self, factor: float) -> Slowdown:
        """Return another one that knows as much, and holds all jobs to be `factor` times as slow as this one does."""
        found = copy.deepcopy(self)
        found._level += math.log(factor)
        found._before = None
        found._tell()
        return found

    def unheard(self) -> None:
        """Take up that a job ran where nothing is heard of these clusters: what is known of them fades."""
        self._level *= self.fade
        self._tell()

    def heard(self, cluster: int, ratio: float) -> None:
        """Take up how a job went: its time over what its point states.

        What is no number above 0 is left out: a clock that was set back says nothing about a job.
        """
        if not (math.isfinite(ratio) and ratio > 0):
            return
        seen = min(max(math.log(ratio), -MOST), MOST)
        error = seen - self._level - self._offset[cluster]
        moved = cluster != self._last and self._last >= 0
        if self._before is not None:
            level, offset = self._before
            # The surprise before was one job's own, if this job looks as all did before it.
            if abs(seen - level - offset) < SURPRISE * self._spread <= abs(error) and not moved:
                self._level, self._offset[cluster] = level, offset
                error = seen - level - offset
            self._before = None
        # What lasts on the cluster in use is taken for common to all, since of the others nothing is heard.
        self._level += (1 - self.fade) * self._offset[cluster]
        self._offset = [offset * self.fade for offset in self._offset]
        if abs(error) > SURPRISE * self._spread:
            self._before = (self._level, self._offset[cluster])
            if moved:
                self._offset[cluster] += error
            else:
                self._level += error
        else:
            self._level += self.rate * error
            self._remember(error)
        self._last = cluster
        self._tell()

    def _tell(self) -> None:
        """Have the slowdown of each cluster ready: it is asked for before every job."""
        self._out[:] = [math.exp(self._level + offset) for offset in self._offset]

    def _remember(self, error: float) -> None:
        self._errors[self._seen % MEMORY] = error
        self._seen += 1
        if self._seen >= 2 * FRESH and self._seen % FRESH == 0:
            known = self._errors[: min(self._seen, MEMORY)]
            # The median of sizes, scaled to the standard deviation of a normal distribution: surprises do not widen it.
            self._spread = max(LEAST_SPREAD, 1.4826 * float(np.sort(np.abs(known))[len(known) // 2]))
            if self._seen >= 1 / self.late:
                above = math.ceil((1 - self.late) * len(known)) - 1
                self.margin = max(1.0, math.exp(float(np.sort(known)[above])))
