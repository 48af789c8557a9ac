"""How often a long job keeps where it stands: the interval at which writing and repeating together cost the least.

Writing a checkpoint takes C, and the job is lost every M on average. Between two checkpoints tau of work is done, and a
failure takes half of that on average, so that the share of the time that is no work is, for C and tau well below M,

    h(tau) = C / tau + tau / (2 M),      least at      tau = sqrt(2 C M),      where      h = sqrt(2 C / M).

Higher-order forms differ from it where C is no longer small against M (the benchmark `checkpoint` compares them).

Source: Young, "A first order approximation to the optimum checkpoint interval", Communications of the ACM 17(9), 1974,
equation 2; Daly, "A higher order estimate of the optimum checkpoint interval for restart dumps", Future Generation
Computer Systems 22(3), 2006, equation 20 for the time that a job takes with exponential failures.

>>> tau = young(cost_s=0.02, mttf_s=3600)
>>> round(tau, 6), round(overhead(tau, 0.02, 3600), 6)
(12.0, 0.003333)
>>> Failures(process_s=1800, machine_s=3600).together_s
1200.0
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from sarto.core.errors import SartoError


@dataclass(frozen=True)
class Failures:
    """How often a job is lost, as whoever runs it states it; there is no default, since nobody else can know.

    Attributes:
        process_s: mean time between ends of the process that nobody asked for: a crash, a kill, no memory left.
        machine_s: the same of the machine, whose memory is lost with it. With it checkpoints are kept on two levels:
            in memory against the first, on disk against the second. Without it on disk alone, against both.
        memory: folder in memory for the first level; None is this user's in `/dev/shm`.

    Raises:
        SartoError: E182, when a time is no finite number above 0.
    """

    process_s: float
    machine_s: float | None = None
    memory: Path | None = None

    def __post_init__(self) -> None:
        for what, value in (("the process", self.process_s), ("the machine", self.machine_s)):
            if value is not None and not 0 < value < math.inf:
                raise SartoError(
                    "E182",
                    f"a mean time between failures of {what} of {value:g} s",
                    cause="it is a finite time above 0",
                    hint="say how long a run lasts on average until it is lost, such as 6h",
                )

    @property
    def together_s(self) -> float:
        """Mean time between failures of either kind."""
        return self.process_s if self.machine_s is None else 1 / (1 / self.process_s + 1 / self.machine_s)


def young(cost_s: float, mttf_s: float) -> float:
    """Return the time of work between two checkpoints, in s, at which writing and repeating cost the least.

    Args:
        cost_s: time of writing a checkpoint.
        mttf_s: mean time between failures.
    """
    return math.sqrt(2 * cost_s * mttf_s)


def overhead(interval_s: float, cost_s: float, mttf_s: float) -> float:
    """Return the share of the time, of first order, that goes into checkpoints and into work that is done again."""
    return cost_s / interval_s + interval_s / (2 * mttf_s)
