"""The page of an audit: one HTML file without script, font or request, in the dress of the report.

Returns the page as text; the same audit gives the same bytes. Tables are cut to what a reader can use, and say so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sarto.core.evidence import Evidence
from sarto.core.table import Table
from sarto.report import palette, words
from sarto.report.audited import Audited
from sarto.report.headings import headings
from sarto.report.page import environment, script_json
from sarto.report.palette import FAINT, SHADE
from sarto.report.views import MOST_ROWS, cut

COLUMNS = {"gain": ("original", "small", "gain"), "subgroups": ("rate", "divergence")}
"""Of the two tables of subgroups, the shares that are shown; the last is the one that is drawn with its interval."""
PLAIN = ("faults", "hit groups", "formats", "agreement", "confirmed")
"""Tables that are shown as they are."""
MOST_PLAIN = 20
"""Rows of such a table."""
SIGNIFICANT = 0.05
"""q up to which a dot is filled: the usual false discovery rate, as of Benjamini and Hochberg (1995)."""


@dataclass(frozen=True)
class Groups:
    """Rows of a table of subgroups on an axis from `low` to `high`, and what was left out."""

    rows: list[dict[str, Any]]
    left_out: int
    low: float
    high: float
    shares: tuple[str, ...]

    def place(self, value: float) -> float:
        """Return where `value` lies on the axis, in percent."""
        return 100 * max(0.0, min(1.0, (value - self.low) / (self.high - self.low)))


@dataclass(frozen=True)
class MapRow:
    """A line of the fault map: its name, and for each column the share and its shade, or None where none was tried."""

    name: str
    cells: list[tuple[float, float] | None]


def audit_html(audited: Audited) -> str:
    """Return the page of `audited`."""
    from markupsafe import Markup

    tables = audited.tables
    charts = {name: Markup(chart) for name, chart in _charts(audited).items()}
    shown: dict[str, Any] = dict(
        audited=audited,
        words=words,
        light=Markup(palette.variables(palette.LIGHT)),
        dark=Markup(palette.variables(palette.DARK)),
        verdict=verdict(audited),
        groups={name: groups(tables[name], COLUMNS[name]) for name in COLUMNS if name in tables},
        charts=charts,
        contributions=cut(tables["contributions"].rows, 12) if "contributions" in tables else ([], 0),
        fault_maps=[
            (tables[name].columns[0], tables[name].columns[1:], fault_map(tables[name]))
            for name in ("fault map", "fault map by part")
            if name in tables
        ],
        headings=headings(audited),
        figure=figure,
        plain={name: _plain(tables[name]) for name in PLAIN if name in tables},
        ledger_json=Markup(script_json(audited.to_json() | {"tables": {}})),
    )
    return environment(autoescape=True).get_template("audit.html.j2").render(shown)


def figure(value: float, evidence: Evidence) -> str:
    """Return a figure of all rows, or an end of its interval, in words: shares in percent, gains in points.

    >>> figure(0.5, Evidence("agreement", 0.5, "1", "measured", "t")).replace(chr(0xA0), " ")
    '50 %'
    """
    if evidence.what == "overall_gain":
        return f"{100 * value:+.2f}\u00a0points"
    if evidence.unit == "1" and not evidence.what.endswith(("ratio", "error")):
        return f"{100 * value:.4g}\u00a0%"
    return words.figure(value, evidence.unit, evidence.what)


def verdict(audited: Audited) -> str:
    """Return the outcome in a sentence."""
    held, asked = sum(gate.passed for gate in audited.gates), len(audited.gates)
    if not asked:
        return "No gate was set, so nothing was judged."
    if held == asked:
        return "The gate holds." if asked == 1 else f"All {asked} gates hold."
    return "The gate fails." if asked == 1 else f"{asked - held} of {asked} gates fail."


def groups(table: Table, shares: tuple[str, ...]) -> Groups:
    """Return the rows of a table of subgroups, in its order, on an axis that holds every interval that is shown."""
    rows, left_out = cut(table.records(), MOST_ROWS)
    ends = [float(row[c]) for row in rows for c in ("lower", "upper")] + [0.0]
    low, high = min(ends), max(ends)
    air = 0.03 * (high - low) or 0.01
    return Groups(rows, left_out, low - air, high + air, shares)


def fault_map(table: Table) -> list[MapRow]:
    """Return the fault map, one line for each row: shares with shades that grow with the root of the share."""
    rows: list[MapRow] = []
    for name, *cells in table.rows[:MOST_ROWS]:
        shades: list[tuple[float, float] | None] = []
        for cell in cells:
            if not isinstance(cell, int | float) or cell != cell:
                shades.append(None)
            else:
                shades.append((float(cell), round(FAINT + (SHADE - FAINT) * float(cell) ** 0.5, 2)))
        rows.append(MapRow(str(name), shades))
    return rows


def _charts(audited: Audited) -> dict[str, str]:
    from sarto.report.audit_charts import divergences, formats, gains

    charts: dict[str, str] = {}
    figures = {e.what: e.value for e in audited.evidence}
    for name, value in (("gain", "gain"), ("subgroups", "divergence")):
        table = audited.tables.get(name)
        if table is None or not table.rows:
            continue
        supports, values = (_floats(table, c) for c in ("support", value))
        shown = [q <= SIGNIFICANT for q in _floats(table, "q")]
        if name == "gain":
            charts[name] = gains(supports, values, shown, figures.get("overall_gain", 0.0))
        else:
            charts[name] = divergences(supports, values, shown)
    table = audited.tables.get("formats")
    rates = [c for c in table.columns if c.startswith("BER ")] if table is not None else []
    if table is not None and rates:
        at = [table.columns.index(c) for c in rates]
        accuracy = {str(row[0]): [float(row[i]) for i in at] for row in table.rows}
        clean = {str(row[0]): float(row[table.columns.index("accuracy")]) for row in table.rows}
        charts["formats"] = formats([float(c.removeprefix("BER ")) for c in rates], accuracy, clean)
    return charts


def _floats(table: Table, column: str) -> list[float]:
    return [float(v) for v in table.column(column)]


def _plain(table: Table) -> tuple[Table, Sequence[tuple[Any, ...]], int]:
    rows, left_out = cut(table.rows, MOST_PLAIN)
    return table, rows, left_out
