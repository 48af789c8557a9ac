"""How much a model with a reject option answers, how often it is wrong then, and for whom it says nothing.

Returns coverage (share of items that are answered) and risk (share of wrong ones among the answers), with intervals, by
group; and the curve of risk over coverage of a score by which items could be rejected, whatever the threshold:

    risk(n) = k(n) / n    of the n items with the highest scores, k(n) of which are wrong
    AURC = mean over n of risk(n)

Items of equal score are taken together, each at the mean of what their orders would give. The least AURC that a model
of the same error e can have, by rejecting its mistakes first, is about e + (1 - e) ln(1 - e).

`unplugged` gives raw words as a sensor gives them that is not there: zeros, a constant, or noise.

Source: Geifman and El-Yaniv, "Selective classification for deep neural networks", NeurIPS 2017 (risk and coverage);
Geifman, Uziel and El-Yaniv, "Bias-reduced uncertainty estimation for deep neural classifiers", ICLR 2019 (AURC, and
what is optimal).

>>> curve = risk_coverage(np.array([9, 8, 7, 1]), np.array([False, False, True, False]))
>>> curve.risk.round(3).tolist(), round(curve.aurc, 4)
([0.0, 0.0, 0.333, 0.25], 0.1458)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float, Int, Integer, Num, Shaped

from sarto.core.evidence import Evidence, How
from sarto.core.finding import Finding
from sarto.core.seed import generator
from sarto.core.table import Table
from sarto.measure.quality import wilson

Fault = Literal["zeros", "constant", "noise"]
FAULTS: tuple[Fault, ...] = ("zeros", "constant", "noise")


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """The curve: `risk[n - 1]` of the n items that would be answered first."""

    risk: Float[np.ndarray, " item"]

    @property
    def aurc(self) -> float:
        """The area under the curve."""
        return float(self.risk.mean())

    @property
    def least_aurc(self) -> float:
        """The area if every mistake were rejected first."""
        n = len(self.risk)
        mistakes = round(float(self.risk[-1]) * n)
        return float((np.maximum(np.arange(1, n + 1) - (n - mistakes), 0) / np.arange(1, n + 1)).mean())

    def coverage_at(self, risk: float) -> float:
        """Return the largest coverage at which the risk is no more than `risk`, seen on these items."""
        within = np.flatnonzero(self.risk <= risk + 1e-12)
        return 0.0 if not len(within) else (int(within[-1]) + 1) / len(self.risk)


@dataclass(frozen=True)
class Rejection:
    """What became of items: how many, how many were answered, how many of those wrongly."""

    items: int
    answered: int
    wrong: int

    @property
    def coverage(self) -> float:
        """Share of items that were answered."""
        return self.answered / self.items

    @property
    def risk(self) -> float:
        """Share of answers that were wrong; NaN without answers."""
        return self.wrong / self.answered if self.answered else math.nan


def risk_coverage(score: Num[np.ndarray, " item"], wrong: Bool[np.ndarray, " item"]) -> RiskCoverage:
    """Return the curve of items that are answered in the order of falling `score`."""
    order = np.argsort(-score, kind="stable")
    falling, mistakes = score[order], wrong[order].astype(float)
    _, first, tie = np.unique(-falling, return_index=True, return_inverse=True)
    shares = np.add.reduceat(mistakes, first) / np.diff([*first, len(score)])
    return RiskCoverage(np.cumsum(shares[tie]) / np.arange(1, len(score) + 1))


def rejection(classes: Int[np.ndarray, " item"], target: Int[np.ndarray, " item"], outputs: int) -> Rejection:
    """Return what became of items; the class `outputs` is that of those which were rejected."""
    answered = classes < outputs
    return Rejection(len(classes), int(answered.sum()), int((answered & (classes != target)).sum()))


def by_group(
    classes: Int[np.ndarray, " item"],
    target: Int[np.ndarray, " item"],
    outputs: int,
    groups: Shaped[np.ndarray, " item"],
    how: How = "measured",
) -> Table:
    """Return coverage and risk of each group, that with the least coverage first."""
    rows: list[tuple[float | int | str, ...]] = []
    for group in np.unique(groups):
        of = groups == group
        found = rejection(classes[of], target[of], outputs)
        risk = (found.risk, *wilson(found.wrong, found.answered)) if found.answered else ("", "", "")
        coverage = (found.coverage, *wilson(found.answered, found.items))
        rows.append((str(group), found.items, *coverage, *risk))
    columns = (
        "group",
        "n",
        "coverage",
        "coverage lower",
        "coverage upper",
        "risk",
        "risk lower",
        "risk upper",
    )
    rows.sort(key=lambda row: row[2])
    return Table("reject", columns, ("", *("1",) * 7), tuple(rows), ("", *(how,) * 7))


def evidence(
    found: Rejection, curve: RiskCoverage, tool: str, how: How = "measured", command: str = ""
) -> list[Evidence]:
    """Return coverage, risk and AURC as evidence; `tool` says how the option was calibrated."""
    interval = wilson(found.answered, found.items)
    made = [
        Evidence("coverage", found.coverage, "1", how, tool, command, n=found.items, interval=interval),
        Evidence("AURC", curve.aurc, "1", how, tool, command, n=len(curve.risk)),
    ]
    if found.answered:
        ends = wilson(found.wrong, found.answered)
        what = "error of answers"
        made.append(Evidence(what, found.risk, "1", how, tool, command, n=found.answered, interval=ends))
    return made


def findings(found: Rejection, groups: Table, risk: float) -> list[Finding]:
    """Return what must not be overlooked of a rejection that was calibrated for `risk`.

    A group is named whose interval of the coverage, or of the risk, lies wholly on the worse side of that of all items.
    """
    made: list[Finding] = []
    if found.answered and wilson(found.wrong, found.answered)[0] > risk:
        text = f"{found.wrong} of {found.answered} answers are wrong ({100 * found.risk:.1f} %), where "
        text += f"{100 * risk:.3g} % was asked for, by more than chance: these items are not like those "
        text += "of the calibration"
        made.append(Finding("reject option", "warning", text))
    low = wilson(found.answered, found.items)[0]
    seldom = [row for row in groups.rows if float(row[4]) < low]
    if seldom:
        named = ", ".join(f"{row[0]} ({100 * float(row[2]):.0f} %)" for row in seldom[:4])
        text = f"{len(seldom)} of {len(groups.rows)} groups are answered less often than all items together "
        text += f"({100 * found.coverage:.0f} %), by more than chance: {named}"
        made.append(Finding("coverage by group", "warning", text))
    worse = [row for row in groups.rows if row[6] != "" and float(row[6]) > risk]
    if worse:
        named = ", ".join(f"{row[0]} ({100 * float(row[5]):.0f} %)" for row in worse[:4])
        text = f"in {len(worse)} of {len(groups.rows)} groups more than {100 * risk:.3g} % of the answers are wrong, "
        text += f"by more than chance: {named}"
        made.append(Finding("risk by group", "warning", text))
    return made


def unplugged(
    raw: Integer[np.ndarray, "row channel"], channels: Sequence[int], fault: Fault, seed: int = 0
) -> Integer[np.ndarray, "row channel"]:
    """Return raw words in which some channels are those of a sensor that is not there.

    Args:
        raw: the words of sensors that are.
        channels: of the sensor that is not.
        fault: `zeros`; `constant`, the largest word that the channel has; `noise`, words drawn evenly from between the
            least and the largest that the channel has.
        seed: of the noise.
    """
    broken = raw.copy()
    for channel in channels:
        low, high = int(raw[:, channel].min()), int(raw[:, channel].max())
        if fault == "noise":
            drawn = generator(seed, "unplugged", channel).integers(low, high + 1, len(raw))
            broken[:, channel] = drawn.astype(raw.dtype)
        else:
            broken[:, channel] = high if fault == "constant" else 0
    return broken
