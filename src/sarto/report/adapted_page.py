"""The page of a run of jobs under a manager: one HTML file without script, font or request, in the dress of the report.

Returns the page as text; the same run gives the same bytes. Jobs are thinned in charts, and points that were not chosen
left out of the table, so that a page stays small however many there are; it says what is left out.
"""

from __future__ import annotations

from typing import Any

from sarto.report import palette, words
from sarto.report.adapted import Adapted
from sarto.report.adapted_charts import MOST_JOBS, choices, timeline
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
        points=used[:MOST_POINTS],
        unused=len(points) - min(len(used), MOST_POINTS),
        energies=_known(points),
        jobs=len(jobs),
        most_jobs=MOST_JOBS,
        charts={name: Markup(chart) for name, chart in _charts(jobs, points).items()},
        findings=cut(found.findings, MOST_FINDINGS),
        provenance=provenance(found.provenance),
        ledger_json=Markup(script_json(found.to_json() | {"tables": {}, "findings": [], "provenance": {}})),
    )
    return environment(autoescape=True).get_template("adapted.html.j2").render(shown)


def _charts(jobs: list[dict[str, Any]], points: list[dict[str, Any]]) -> dict[str, str]:
    cost = ("energy_j", "J", "energy") if _known(points) else ("latency_s", "s", "time")
    costs, accuracies, shares = (
        [float(row[name]) for row in points] for name in (cost[0], "accuracy", "share")
    )
    charts = {"points": choices(costs, accuracies, shares, cost[1], cost[2])}
    for name, limit, got, broken, unit, label in TIMELINES:
        limits = [float(row[limit]) if row[limit] != "" else float("inf") for row in jobs]
        known = all(row[got] != "" for row in jobs)
        if known and any(value != float("inf") for value in limits):
            values = [float(row[got]) for row in jobs]
            charts[name] = timeline(name, limits, values, [bool(row[broken]) for row in jobs], unit, label)
    return charts


def _known(points: list[dict[str, Any]]) -> bool:
    """Return whether the energy of every point is known; a cell is empty where it is not."""
    return all(row["energy_j"] != "" for row in points)
