"""The page of a run of jobs under a manager: one HTML file without script, font or request, in the dress of the report.

Returns the page as text; the same run gives the same bytes. Jobs are thinned in charts, and points that were not chosen
left out of the table, so that a page stays small however many there are; it says what is left out.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

from sarto.report import palette, words
from sarto.report.adapted import MORE, ORACLE, Adapted
from sarto.report.adapted_charts import MOST_JOBS, choices, strip, timeline
from sarto.report.federation_page import provenance
from sarto.report.federation_views import clip
from sarto.report.page import environment, script_json
from sarto.report.views import cut

MOST_POINTS = 20
MOST_FINDINGS = 20
TIMELINES = (
    ("deadline", "deadline_s", "latency_s", "late", "s", "time of a job"),
    ("accuracy", "floor", "accuracy", "below", "1", "accuracy"),
    ("power", "cap_w", "power_w", "over", "W", "power"),
)
"""Name, columns of the limit, of what was got, and of whether it was broken; unit, and label."""


def adapted_html(found: Adapted) -> str:
    """Return the page of `found`."""
    from markupsafe import Markup

    tables = found.tables
    points, jobs = tables["points"].records(), tables["jobs"].records()
    used = [row for row in sorted(points, key=lambda row: -row["share"]) if row["share"] > 0]
    shown: dict[str, Any] = dict(
        found=found,
        words=words,
        clip=clip,
        light=Markup(palette.variables(palette.LIGHT)),
        dark=Markup(palette.variables(palette.DARK)),
        policies=tables["policies"].records(),
        **_regret(tables["policies"].records()),
        points=used[:MOST_POINTS],
        unused=len(points) - min(len(used), MOST_POINTS),
        energies=_known(points),
        jobs=len(jobs),
        clusters=_clusters(jobs),
        clocked=any(row["clock_hz"] != "" for row in jobs),
        heated=any(row["highest_hz"] != "" for row in jobs),
        second=any(row["second"] for row in jobs),
        most_jobs=MOST_JOBS,
        several=any(finding.what == "scenarios" for finding in found.findings),
        charts={name: Markup(chart) for name, chart in _charts(jobs, points).items()},
        findings=cut(found.findings, MOST_FINDINGS),
        provenance=provenance(found.provenance),
        ledger_json=Markup(script_json(replace(found, tables={}, findings=(), provenance={}).to_json())),
    )
    return environment(autoescape=True).get_template("adapted.html.j2").render(shown)


def _charts(jobs: list[dict[str, Any]], points: list[dict[str, Any]]) -> dict[str, str]:
    cost = ("energy_j", "J", "energy") if _known(points) else ("latency_s", "s", "time")
    costs, accuracies, shares = (
        [float(row[name]) for row in points] for name in (cost[0], "accuracy", "share")
    )
    charts = {"points": choices(costs, accuracies, shares, cost[1], cost[2]), **_strip(jobs)}
    slowed = [float(row["slowdown"]) for row in jobs]
    if any(factor != 1 for factor in slowed):
        late = [bool(row["late"]) for row in jobs]
        charts["slowdown"] = timeline("slowdown", [math.inf] * len(jobs), slowed, late, "x", "slowdown")
    for name, limit, got, broken, unit, label in TIMELINES:
        limits = [float(row[limit]) if row[limit] != "" else math.inf for row in jobs]
        known = all(row[got] != "" for row in jobs)
        if known and any(value != math.inf for value in limits):
            values = [float(row[got]) for row in jobs]
            charts[name] = timeline(name, limits, values, [bool(row[broken]) for row in jobs], unit, label)
    return charts


def _strip(jobs: list[dict[str, Any]]) -> dict[str, str]:
    """Return the chart of what was chosen: clocks, or cores where no clock is set; none where neither is."""
    clocked = any(row["clock_hz"] != "" for row in jobs)
    height, unit, label = ("clock_hz", "Hz", "clock") if clocked else ("cores", "1", "cores")
    if all(row[height] == "" for row in jobs):
        return {}
    names = list(_clusters(jobs))
    heights = [math.nan if row[height] == "" else float(row[height]) for row in jobs]
    heat = [float(row["highest_hz"]) if clocked and row["highest_hz"] != "" else math.inf for row in jobs]
    second = [names.index(row["second"]) if row["second"] else -1 for row in jobs]
    chosen = [names.index(row["cluster"]) for row in jobs]
    return {"strip": strip(heights, chosen, unit, label, heat, second)}


def _clusters(jobs: list[dict[str, Any]]) -> dict[str, int]:
    """Return the clusters that jobs or a second model had, by name, with the numbers of their colours."""
    names = sorted({row["cluster"] for row in jobs} | {row["second"] for row in jobs if row["second"]})
    return {name: number % palette.KINDS + 1 for number, name in enumerate(names)}


def _regret(policies: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the name of the oracle, if there is one, and the rows that are compared with it."""
    oracle = next((row["policy"] for row in policies if row["policy"].startswith(ORACLE)), "")
    compared = [row for row in policies if row["policy"] != oracle] if oracle else []
    return {"oracle": oracle, "compared": compared, "more_columns": MORE}


def _known(points: list[dict[str, Any]]) -> bool:
    """Return whether the energy of every point is known; a cell is empty where it is not."""
    return all(row["energy_j"] != "" for row in points)
