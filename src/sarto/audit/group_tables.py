"""The tables of an audit by subgroup, and what is found in them.

Returns core tables for a report: `subgroups` (divergence), of two models `gain` and `agreement`; `contributions`, what
each item adds over all subgroups; and `confirmed`, subgroups found on some rows and tested on the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from sarto.audit.group_gates import name
from sarto.core.finding import Finding
from sarto.core.table import Table
from sarto.data.predictions import Predictions

if TYPE_CHECKING:
    from sarto.audit.subgroups.items import Attributes
    from sarto.audit.subgroups.lattice import Subgroups
    from sarto.audit.subgroups.outcomes import Outcomes
    from sarto.audit.subgroups.subgroup_table import SubgroupTable

SUPPORT = 0.01
"""Least share of the rows of a subgroup: the smallest in the experiments of DivExplorer (SIGMOD 2021)."""
EPS = 0.01
"""Change of a figure below which a longer subgroup says nothing that a shorter one does not: one point."""
KEPT = 200
"""Rows of a table of subgroups that are kept for a report; `subgroups.csv` has them all."""
MOST_DRIVEN = 200_000
"""Subgroups up to which it is worked out what each item adds; the time grows with items times subgroups."""
MOST_VALUES = 100
"""Different texts beyond which a column that nobody named tells rows apart, not groups."""
EXPECTED = "expected error"
"""The metric of rows whose truth nobody knows."""
WORSE_HIGHER = ("error", "fpr", "fnr", "absolute error", "squared error", EXPECTED, "disagreement")
"""Metrics of which more is worse."""
REALS: Mapping[str, int] = {"absolute error": 1, "squared error": 2}
"""Metrics of predicted numbers: the power of |prediction - truth|."""


@dataclass(frozen=True)
class GroupSettings:
    """How subgroups are looked for.

    Attributes:
        metric: what is audited: a metric of `sarto.audit.subgroups.outcomes`, or of `REALS`.
        positive: the positive class, for metrics that have one.
        support: least share of the rows of a subgroup.
        depth: most items of a subgroup; None for any number.
        cut: how columns of numbers are cut.
        null: what a gain is tested against.
        fdr: how p-values are adjusted.
        q: share of false discoveries up to which a subgroup is told of as a finding.
        groups: columns that make the groups; none for all.
        confirm: share of the rows on which what was found on the others is tested; 0 for all rows in both parts.
    """

    metric: str = "accuracy"
    positive: str | None = None
    support: float = SUPPORT
    depth: int | None = None
    cut: Literal["quantile", "tree"] = "quantile"
    null: Literal["zero", "overall"] = "zero"
    fdr: Literal["bh", "by"] = "bh"
    q: float = 0.05
    groups: tuple[str, ...] = ()
    confirm: float = 0.0


def tables_of(
    found: Subgroups, settings: GroupSettings, *, constant: bool
) -> tuple[dict[str, Table], list[Finding], SubgroupTable]:
    """Return the tables of a report, what is found in them, and the one that leads with all of its rows.

    Args:
        found: the subgroups.
        settings: of the audit.
        constant: go on where the metric is the same in all rows, as of a model that is always right; else E137.
    """
    metric, paired = settings.metric, found.outcomes.paired
    unit = "1"
    tables: dict[str, Table] = {}
    findings: list[Finding] = []
    worse = "highest" if metric in WORSE_HIGHER else "lowest"
    how = "estimated" if metric == EXPECTED else "measured"
    model = "small" if paired else "original"
    apart = found.divergence(metric, model=model, fdr=settings.fdr, constant=constant or paired)
    if not np.any(apart.value):
        findings.append(Finding(metric, "note", "it is the same in every subgroup, so nothing diverges"))
    full = apart.top(by=worse)
    shown = apart.prune(EPS).top(KEPT, by=worse)
    names = ("subgroup", "rows", "support", "rate", "divergence", "lower", "upper", "t", "p", "q")
    tables["subgroups"] = Table(
        "subgroups",
        names,
        ("", "rows", "1", unit, unit, unit, unit, "", "", ""),
        tuple(
            (name(r.label), r.support, r.share, r.rate, r.value, r.low, r.high, r.t, r.p, r.q) for r in shown
        ),
        ("", *[how] * 9),
    )
    findings += _finding("divergence", apart, worse, settings)
    gains = apart
    if paired:
        gains = found.gain(metric, null=settings.null, fdr=settings.fdr)
        full = gains.top(by=worse)
        shown = gains.prune(EPS).top(KEPT, by=worse)
        names = ("subgroup", "rows", "support", "original", "small", "gain", "lower", "upper", "p", "q")
        tables["gain"] = Table(
            "gain",
            names,
            ("", "rows", "1", unit, unit, unit, unit, unit, "", ""),
            tuple(
                (
                    name(r.label),
                    r.support,
                    r.share,
                    r.rate - r.value,
                    r.rate,
                    r.value,
                    r.low,
                    r.high,
                    r.p,
                    r.q,
                )
                for r in shown
            ),
            ("", *[how] * 9),
        )
        findings += _finding("gain", gains, worse, settings)
    if len(found) <= MOST_DRIVEN:
        tables["contributions"] = _contributions(found, gains if paired else apart, how)
    return tables, findings, full


def _finding(
    what: str, table: SubgroupTable, worse: Literal["highest", "lowest"], settings: GroupSettings
) -> list[Finding]:
    """Return the worst subgroup that is shown to be worse, and how many there are."""
    sign = 1 if worse == "highest" else -1
    bad = table.where(
        (table.q <= settings.q) & (sign * (table.value - table.overall * (settings.null == "overall")) > 0)
    )
    if not len(bad):
        return []
    worst = bad.top(1, by=worse).row(0)
    share = table.metric not in REALS
    figure = f"{100 * worst.value:+.2f} points" if share else f"{worst.value:+.4g}"
    kind = "gain of the small model" if what == "gain" else "divergence"
    text = (
        f"{len(bad):,} of {len(table):,} subgroups are worse in {table.metric} at a false discovery rate of "
        f"{settings.q:g}; worst: {name(worst.label)}, {worst.support:,} rows, {figure} (q = {worst.q:.2g})"
    )
    return [Finding(kind, "warning", text)]


def _contributions(found: Subgroups, table: SubgroupTable, how: str) -> Table:
    """Return what each item adds to the values of all subgroups, those that add most first."""
    from sarto.audit.subgroups.shapley import global_items

    shares = global_items(found, table.every, table.overall)
    rows = tuple((name({attribute: item}), share) for (attribute, item), share in list(shares.items())[:KEPT])
    return Table("contributions", ("value", "contribution"), ("", "1"), rows, ("", how))


def agreement_table(attributes: Attributes, rows: Predictions, settings: GroupSettings) -> Table:
    """Return how often both models say the same of each item, and whether the classes they say are spread alike."""
    from sarto.audit.subgroups.agreement import agreement

    body: list[tuple[float | int | str, ...]] = []
    for attribute in attributes.names:
        found = agreement(attributes, attribute, rows.original, rows.small, fdr=settings.fdr)
        for i, item in enumerate(found.items):
            figures = (found.agreement[i], found.low[i], found.high[i], found.chi2[i], found.q[i])
            told = ["" if np.isnan(v) else float(v) for v in figures]
            body.append((name({attribute: item}), int(found.n[i]), *told))
    columns = ("group", "rows", "agreement", "lower", "upper", "chi-square of the classes", "q")
    units = ("", "rows", "1", "1", "1", "", "q")
    return Table("agreement", columns, units, tuple(body), ("", "measured", *[""] * 5))


def confirmed(attributes: Attributes, outcomes: Outcomes, settings: GroupSettings) -> tuple[Table, Finding]:
    """Return the subgroups that are found on some rows, as the others show them."""
    from sarto.audit.subgroups.confirm import confirm, split_rows

    def test(found: Subgroups) -> SubgroupTable:
        if outcomes.paired:
            return found.gain(settings.metric, null=settings.null, fdr=settings.fdr)
        return found.divergence(settings.metric, fdr=settings.fdr)

    discovery = split_rows(len(outcomes), share=1 - settings.confirm)
    options = {"min_support": settings.support, "max_len": settings.depth}
    found = confirm(
        attributes, outcomes, test, discovery=discovery, level=settings.q, fdr=settings.fdr, **options
    )
    pairs = list(zip(found.discovered, found.confirmed, strict=True))
    holds = int((found.confirmed.q <= settings.q).sum())
    rows = tuple(
        (name(first.label), again.support, first.value, again.value, again.low, again.high, first.q, again.q)
        for first, again in pairs[:KEPT]
        if not np.isnan(again.q)
    )
    columns = ("subgroup", "rows", "found", "confirmed", "lower", "upper", "q found", "q confirmed")
    change = "1" if settings.metric in REALS else "pp"
    units = ("", "rows", change, change, change, change, "q", "q")
    text = (
        f"of {len(pairs):,} subgroups that stand out on {int(discovery.sum()):,} rows, {holds:,} do on the other "
        f"{int((~discovery).sum()):,} (false discovery rate {settings.q:g} in each)"
    )
    return Table("confirmed", columns, units, rows, ("", "measured", *[""] * 6)), Finding(
        "confirmation", "note", text
    )
