"""How many times longer a model with guards lasts than the same one without, at the same rate of faults for each bit.

    MTTF ratio = (bits * P(critical)) without / (bits * P(critical)) with,

so the raw rate cancels, and the bits of the guards themselves count as exposed. The bounds take the shares at the ends
of their intervals, the worst against the worst, so they hold at no less than both intervals' confidence together.

>>> ratio((1000, 0.10, 0.08, 0.12), (1100, 0.01, 0.005, 0.02))
(9.090909090909092, 3.6363636363636362, 21.818181818181817)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from sarto.audit.faults.report import Report
from sarto.core.evidence import Evidence

NAME = "MTTF ratio"
Share = tuple[int, float, float, float]
"""Bits, critical share, and its bounds."""


def ratio(plain: Share, guarded: Share) -> tuple[float, float, float]:
    """Return the ratio with its bounds; without end where no critical fault of the guarded model was seen."""
    bits, share, low, high = plain
    own, own_share, own_low, own_high = guarded

    def over(top: float, under: float) -> float:
        return bits * top / (own * under) if under else math.inf

    return over(share, own_share), over(low, own_high), over(high, own_low)


def mttf_ratios(guarded: Sequence[Report], plain: Sequence[Report], command: str) -> list[Evidence]:
    """Return the ratio of each place that both campaigns made faulty.

    Where no critical fault of the guarded model was seen, the figure is the least that the bounds allow.
    """
    before = {report.space: report for report in plain}
    found: list[Evidence] = []
    for report in guarded:
        if report.space not in before:
            continue
        other = before[report.space]
        shares = [
            (r.bits, r.rates.critical.share, r.rates.critical.low, r.rates.critical.high)
            for r in (other, report)
        ]
        value, low, high = ratio(*shares)
        value = value if math.isfinite(value) else low
        bounds = (low, high if math.isfinite(high) else max(value, low))
        tool = f"bits x critical share of {other.rates.faults:,} faults without guards and {report.rates.faults:,} with"
        found.append(
            Evidence(
                f"{NAME}, {report.space}", value, "1", "estimated", tool, command, report.rates.faults, bounds
            )
        )
    return found
