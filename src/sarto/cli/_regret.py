"""What policies take and miss over an oracle, which is the first policy told beforehand how slow each job runs.

Of a policy with energy E, accuracy a and shares of jobs s (late, over power, below accuracy), and the oracle's E*, a*
and s*,

    E / E* - 1        a - a*        s - s*

Of the first policy this is its regret, since oracle and policy want the same; what the oracle misses could not be met,
and what others miss over that could. Other policies want other things, or know of no limits: what they take over the
oracle is told beside it. The governors of a kernel go by jobs that are over, so that telling one how the next will run
changes nothing: there is no oracle of them.

>>> mine, best = Summary(9, 0.066, 0.02, 0.0, 0.64, 0.01, 0.1), Summary(9, 0.060, 0.0, 0.0, 0.65, 0.02, 0.3)
>>> [round(value, 3) for value in over(mine, best)]
[0.1, 0.02, 0.0, -0.01, -0.01]
>>> print(in_words(mine, best))
+10.0 % energy, -1.00 points of accuracy, +2.00 points late and -1.00 points below accuracy
"""

from __future__ import annotations

import math

from sarto.runtime.simulate import Summary

GOVERNORS = ("energy_aware", "performance", "powersave", "schedutil")
"""Policies of which there is no oracle."""
LEAST = 0.005
"""Points that are told at all: fewer are written as 0.00."""


def over(mine: Summary, best: Summary) -> tuple[float, ...]:
    """Return the values of `report.adapted.MORE` of a policy; that of energy is NaN where it is not known."""
    return (
        mine.energy_j / best.energy_j - 1 if best.energy_j > 0 else math.nan,
        mine.late - best.late,
        mine.over_power - best.over_power,
        mine.accuracy - best.accuracy,
        mine.below - best.below,
    )


def in_words(mine: Summary, best: Summary) -> str:
    """Return the regret of a policy in words; what comes to nothing, or is not known, is left out."""
    energy, late, power, accuracy, below = (100 * value for value in over(mine, best))
    shares = {"of accuracy": accuracy, "late": late, "over power": power, "below accuracy": below}
    parts = [f"{energy:+.1f} % energy"] if math.isfinite(energy) else []
    parts += [f"{share:+.2f} points {what}" for what, share in shares.items() if abs(share) >= LEAST]
    return " and ".join([part for part in (", ".join(parts[:-1]), *parts[-1:]) if part]) or "nothing"
