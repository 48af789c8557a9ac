"""Figures of all rows of a table of predictions: the metric under each model, and how they differ.

Returns evidence with 95 % intervals: Wilson's of shares, Bonett and Price's of a gain, the normal one of means.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float
from scipy import special

from sarto.core.evidence import Evidence
from sarto.data.predictions import Predictions
from sarto.measure.quality import Z95, wilson

if TYPE_CHECKING:
    from sarto.audit.subgroups.outcomes import Outcomes


def overall(rows: Predictions, outcomes: Outcomes, metric: str, command: str) -> tuple[Evidence, ...]:
    """Return the metric of all rows under each model, and of two models their gain and their agreement.

    Args:
        rows: the predictions.
        outcomes: of the same rows.
        metric: of the audit.
        command: that shows the figures again.
    """
    from sarto.audit.subgroups.paired_tests import bonett_price

    found: list[Evidence] = []
    models = ["original", "small"] if rows.original is not None else ["small"]
    tool = f"{len(rows):,} rows of {rows.name}"

    def add(what: str, value: float, n: int, interval: tuple[float, float] | None) -> None:
        found.append(Evidence(what, value, "1", "measured", tool, command, n, interval))

    def add_mean(what: str, values: Float[np.ndarray, " row"]) -> None:
        mean, error = float(values.mean()), Z95 * float(np.std(values, ddof=1)) / len(values) ** 0.5
        add(what, mean, len(values), (mean - error, mean + error))

    names = {model: f"{model} {metric}" if len(models) > 1 else metric for model in models}
    if metric in outcomes.reals:
        values = outcomes.reals[metric]
        for model, own in zip(models, values, strict=True):
            add_mean(names[model], own)
        if len(models) > 1:
            add_mean("overall_gain", values[1] - values[0])
        return tuple(found)
    both = [outcomes.original[metric]] + ([outcomes.small[metric]] if outcomes.small else [])
    for model, states in zip(models, both, strict=True):
        own = states[outcomes.codes]
        right, n = int((own == 1).sum()), int((own >= 0).sum())
        if n:
            add(names[model], right / n, n, wilson(right, n))
    if len(models) > 1:
        before, after = (states[outcomes.codes] for states in both)
        counted = (before >= 0) & (after >= 0)
        n, gained, lost = (
            np.array([int(v.sum())])
            for v in (counted, counted & (after > before), counted & (after < before))
        )
        if n[0]:
            low, high = bonett_price(gained, lost, n)
            add("overall_gain", float((gained - lost)[0] / n[0]), int(n[0]), (float(low[0]), float(high[0])))
        same = int((outcomes.original["agreement"][outcomes.codes] == 1).sum())
        add("agreement", same / len(rows), len(rows), wilson(same, len(rows)))
    return tuple(found)


def at_confidence(evidence: Evidence, confidence: float | None) -> Evidence:
    """Return a figure of all rows with the interval of another confidence.

    Shares have Wilson's interval; that of a gain is as much wider as the quantile of the normal distribution is.

    >>> share = Evidence("agreement", 0.9, "1", "measured", "t", n=100, interval=(0.82, 0.95))
    >>> [round(end, 3) for end in at_confidence(share, 0.99).interval]
    [0.796, 0.954]
    """
    if confidence is None or evidence.interval is None or evidence.n is None:
        return evidence
    z = float(special.ndtri((1 + confidence) / 2))
    if evidence.what == "agreement":
        return replace(evidence, interval=wilson(round(evidence.value * evidence.n), evidence.n, z))
    wider = z / Z95
    middle = sum(evidence.interval) / 2
    low, high = (middle + wider * (end - middle) for end in evidence.interval)
    return replace(evidence, interval=(low, high))
